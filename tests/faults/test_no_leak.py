"""The hold-out changes nothing that is learnt: with other held-out rows, every artefact is the same, byte for byte."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from installed import COMPONENTS, SETTINGS
from kinds import small, written

from augment.data import Dataset, infer
from augment.plugin.contracts import Component
from augment.runner.run import run
from augment.storage.hashes import file_sha256
from augment.toolkit.yaml_text import dump

CANARY = "canaryword"
ALWAYS = {  # the others are slow; `test_splitting` shows for all what they are given
    *(("Smote", "table"), ("Trees", "table"), ("TextEdits", "text"), ("Albumentations", "image")),
    *(("Impute", "table"), ("Rules", "table")),
}
QUICK = {"name": "leak", "seed": 3, "trial": False, "metrics": [], "reporters": [], "filters": []}


def parameters():
    found = []
    for cls in COMPONENTS:
        if cls.kind in ("generator", "filter", "transform"):
            for kind in sorted(cls.accepts.modalities & {"table", "image"}) or sorted(cls.accepts.modalities)[:1]:
                marks = [] if (cls.__qualname__, kind) in ALWAYS else [pytest.mark.slow]
                found.append(pytest.param(cls, kind, id=f"{cls.kind}-{cls.__qualname__}-{kind}", marks=marks))
    return found


def with_canaries(data: Dataset, rows: list[int]) -> Dataset:
    """The same data with all but the target changed in these rows, to values that nothing else has."""
    frame = data.frame.copy()
    lengths = {array.length_column for array in data.schema.arrays.values()}
    for name in set(data.schema.features) - lengths:
        column = data.schema.columns[name]
        match column.type:
            case "number" | "integer":
                frame.loc[rows, name] = 987_654
            case "datetime":
                frame.loc[rows, name] = pd.Timestamp("1999-09-09")
            case "boolean":
                frame.loc[rows, name] = ~frame.loc[rows, name]
            case _:
                frame[name] = frame[name].astype(object)
                frame.loc[rows, name] = CANARY
    arrays = {name: values.copy() for name, values in data.arrays.items()}
    for values in arrays.values():
        values[rows] = values[rows][:, ::-1] if values.ndim > 1 else values[rows]
    columns = {name: column.model_copy(update={"categories": None}) for name, column in data.schema.columns.items()}
    schema = data.schema.model_copy(update={"columns": columns})
    return Dataset.of(frame, arrays, infer(frame, arrays, schema))


def pipeline_of(cls: type[Component], settings: dict) -> dict:
    tree = {**QUICK, "shortfall": "warn", "mix": {"rows": 20}, "generators": ["bootstrap"]}
    return {**tree, f"{cls.kind}s": [{"use": cls.name, "with": settings}]}


@pytest.fixture
def learnt(tmp_path, monkeypatch):
    """Runs a pipeline on some data with a store of its own; gives the run, and all that was learnt, by name."""

    def learnt(name: str, tree: dict, data: Dataset):
        folder = tmp_path / name
        folder.mkdir()
        monkeypatch.setenv("AUGMENT_STORE", str(folder / "store"))
        (folder / "p.yaml").write_text(dump({**tree, **written(data, folder)}), encoding="utf-8")
        done = run(folder / "p.yaml", workers=0, out=folder / "run")
        hidden = {folder / "run" / file for file in ("run.json", "log.txt", "data/test.parquet")}
        kept = [path for part in ("run", "store/objects") for path in sorted((folder / part).rglob("*"))]
        return done, {
            path.relative_to(folder).as_posix(): file_sha256(path)
            for path in kept
            if path.is_file() and path not in hidden
        }

    return learnt


@pytest.mark.parametrize(("cls", "kind"), parameters())
def test_what_is_learnt_and_made_does_not_depend_on_the_hold_out(cls, kind, learnt, tmp_path):
    data = small(kind, cls)
    tree = pipeline_of(cls, SETTINGS.get(cls.__qualname__, {}))
    done, one = learnt("one", tree, data)
    held_out = done.split["test"]
    assert len(held_out) == 24
    changed = with_canaries(data, held_out)
    other_run, other = learnt("other", tree, changed)
    assert done.manifest.source != other_run.manifest.source
    tests = [(folder / "data" / "test.parquet").read_bytes() for folder in (done.folder, other_run.folder)]
    assert tests[0] != tests[1]
    assert any(name.startswith("run/models/") for name in one)
    assert {name for name in one if one[name] != other.get(name)} | (set(other) - set(one)) == set()
    assert CANARY not in (other_run.folder / "log.txt").read_text()


ENDINGS = {"csv": ".csv", "parquet": ".parquet", "npz": ".npz", "image-folder": ""}
PAIRS = [("table", "csv"), ("table", "parquet"), ("table", "npz")]
PAIRS += [("image", "parquet"), ("image", "npz"), ("image", "image-folder")]


@pytest.mark.parametrize(("kind", "sink"), PAIRS)
def test_the_hold_out_is_written_as_it_was_read(kind, sink, tmp_path):
    data = small(kind)
    sections = written(data, tmp_path)
    tree = {**QUICK, **sections, "generators": ["bootstrap"], "mix": {"rows": 5}, "sinks": [sink]}
    (tmp_path / "p.yaml").write_text(dump(tree), encoding="utf-8")
    done = run(tmp_path / "p.yaml", workers=0)
    expected = data.take(np.array(done.split["test"]))
    back = read_again(sink, done.folder / "data" / f"test{ENDINGS[sink]}", sections, tmp_path)
    assert back.frame["origin"].astype(str).unique().tolist() == ["real"]
    for name in data.schema.columns:
        assert back.frame[name].astype(object).tolist() == expected.frame[name].astype(object).tolist(), name
    for name, values in expected.arrays.items():
        np.testing.assert_array_equal(back.arrays[name], values)


def read_again(use: str, place: Path, sections: dict, folder: Path) -> Dataset:
    from augment.data import SchemaDeclaration
    from augment.plugin.catalog import Catalog
    from augment.plugin.context import Context

    (source,) = Catalog().candidates("source", use)
    declared = SchemaDeclaration.model_validate(sections["schema"])
    return source(source.Params(path=place)).read(Context(0, folder, declared=declared))
