"""Histories from a file to a dataset, through a run."""

from __future__ import annotations

import numpy as np
import pytest

from augment.runner import run
from augment.specfile import dump

QUICK = {"name": "met", "seed": 3, "trial": False, "reporters": [], "filters": [], "metrics": []}


@pytest.fixture
def ran(tmp_path, monkeypatch):
    monkeypatch.setenv("AUGMENT_STORE", str(tmp_path / "store"))

    def ran(name, items_of, **more):
        folder = tmp_path / name
        folder.mkdir()
        lines = [f"u{user},{item}" for user in range(30) for item in items_of(user)]
        (folder / "events.csv").write_text("user,item\n" + "\n".join(lines), encoding="utf-8")
        tree = {
            **QUICK,
            "source": {"use": "histories", "with": {"path": "events.csv"}},
            "generators": ["bootstrap"],
            "mix": {"rows": 20},
            "sinks": ["histories", "parquet"],
            **more,
        }
        (folder / "p.yaml").write_text(dump(tree), encoding="utf-8")
        return run(folder / "p.yaml", workers=0, out=folder / "run")

    return ran


def test_items_of_the_hold_out_alone_are_named_there_alone(ran):
    usual = ran("usual", lambda user: ["tea", "milk"])
    held_out = set(usual.split["test"])
    other = ran("other", lambda user: ["tea", "aaa" if user in held_out else "milk"])
    for name in ("schema.json", "data/train.csv", "data/train.parquet"):
        assert (usual.folder / name).read_bytes() == (other.folder / name).read_bytes(), name
    assert "aaa" in (other.folder / "data" / "test.csv").read_text()
    assert other.schema.arrays["items"].vocabulary == ("", "milk", "tea")


def test_what_a_run_has_written_is_read_back(ran):
    found = ran("one", lambda user: [f"i{user}", "tea"])
    test = found.test.data
    words = np.array(test.schema.arrays["items"].vocabulary, object)
    assert words[test.arrays["items"]].tolist() == [[f"i{user}", "tea"] for user in found.split["test"]]
    assert len(found.synthetic) == 20


def test_a_declared_vocabulary_names_all_items(ran):
    from augment.errors import DataError

    said = {"arrays": {"items": {"vocabulary": ["", "tea"]}}}
    with pytest.raises(DataError, match="declared vocabulary names 2"):
        ran("short", lambda user: ["tea", "milk"], schema=said)
