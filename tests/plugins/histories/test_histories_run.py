"""Histories from a file to a dataset, through a run."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from augment.runner.run import run
from augment.runner.sample_finished_run import sample
from augment.toolkit.yaml_text import dump

QUICK = {"name": "met", "seed": 3, "trial": False, "reporters": [], "filters": [], "metrics": []}


@pytest.fixture
def ran(tmp_path, monkeypatch):
    monkeypatch.setenv("AUGMENT_STORE", str(tmp_path / "store"))

    def ran(name, flatten_items, **more):
        folder = tmp_path / name
        folder.mkdir()
        lines = [f"u{user},{item}" for user in range(30) for item in flatten_items(user)]
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


def test_more_users_are_written_as_their_source_reads_them(ran, tmp_path):
    out = sample(ran("more", lambda user: ["tea", f"i{user % 5}"]).folder, rows=4, out=tmp_path / "more.csv", workers=0)
    events = pd.read_csv(out)
    assert list(events.columns) == ["user", "item", "origin"]
    assert events["user"].nunique() == 4


def test_times_of_whole_seconds_are_written_without_a_fraction(tmp_path, monkeypatch):
    monkeypatch.setenv("AUGMENT_STORE", str(tmp_path / "store"))
    lines = [f"u{user},tea,2024-01-0{day} 10:00:0{user % 10}" for user in range(30) for day in (1, 2)]
    (tmp_path / "events.csv").write_text("user,item,time\n" + "\n".join(lines), encoding="utf-8")
    source = {"use": "histories", "with": {"path": "events.csv"}}
    tree = {**QUICK, "source": source, "generators": ["bootstrap"], "mix": {"rows": 3}, "sinks": ["histories"]}
    (tmp_path / "p.yaml").write_text(dump(tree), encoding="utf-8")
    done = run(tmp_path / "p.yaml", workers=0, out=tmp_path / "run")
    times = pd.read_csv(done.folder / "data" / "test.csv")["time"]
    assert set(times.str.len()) == {len("2024-01-01 10:00:00")}


def test_too_few_held_out_users_to_judge_by_are_counted(ran):
    few = ran("few", lambda user: ["tea", "milk"][: 1 + user % 2], metrics=["next-item"]).metrics.trial.sentence
    assert "held-out rows that next-item can judge by are too few; at least 10 are needed" in few


def test_a_declared_vocabulary_names_all_items(ran):
    from augment.errors import DataError

    said = {"arrays": {"items": {"vocabulary": ["", "tea"]}}}
    with pytest.raises(DataError, match="declared vocabulary names 2"):
        ran("short", lambda user: ["tea", "milk"], schema=said)


def chain(user):
    """Twelve items in the order of their names, from a place of the user's own."""
    return [f"i{(user + step) % 20:02}" for step in range(12)]


JUDGED = {"metrics": ["next-item"], "mix": {"rows": "1x"}, "generators": ["bootstrap"], "split": {"holdout": 0.4}}


def test_without_a_target_the_verdict_is_on_the_next_item(ran):
    done = ran("judged", chain, **JUDGED)
    trial = done.metrics.trial
    assert trial.verdict == "no measurable effect"
    assert trial.sentence.startswith(
        "Nothing is left for augmentation to gain on this hold-out: NDCG@10 of the next item 1.000 with real rows alone"
    )
    assert "12 held-out rows)" in trial.sentence
    assert [(arm.id, arm.rows) for arm in trial.arms] == [
        ("none", 18),
        ("oversampling", 36),
        ("synthetic", 36),
    ]


def test_a_run_fails_where_what_is_gained_of_the_next_item_is_less_than_was_asked_for(ran):
    from augment.errors import BelowMinimum

    with pytest.raises(BelowMinimum, match=r"change NDCG@10 of the next item by \+0.0000"):
        ran("bound", chain, **{**JUDGED, "trial": {"min": 0.1}})


def test_a_few_held_out_users_give_no_verdict(ran):
    trial = ran("few", chain, **{**JUDGED, "split": {"holdout": 0.2}}).metrics.trial
    assert trial.verdict == "not assessable"


def test_a_report_draws_what_each_generator_gains_of_the_next_item(ran):
    more = {"generators": ["bootstrap", "history-edits"], "reporters": ["html"]}
    done = ran("drawn", chain, **{**JUDGED, **more})
    page = (done.folder / "report.html").read_text()
    assert "real + history-edits alone" in page
    assert "The same model, next-item" in page
    assert "The score is <b>NDCG@10 of the next item</b>; higher is better." in page
