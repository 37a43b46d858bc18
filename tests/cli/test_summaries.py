"""What people read about checks and runs."""

from __future__ import annotations

from pathlib import Path

from run_records import arm, build, manifest, run_metrics

from augment.cli import summaries
from augment.storage.publish_run import Place


def test_many_classes_are_cut_short():
    counts = {f"class {number}": 100 - number for number in range(30)}
    metrics = run_metrics(
        rows={"train": 2565},
        classes={"train": counts},
        generators={"gan": {"kept": 5, "per_class": {"class 0": 5}}},
    )
    lines = summaries._rows(metrics)
    assert lines[1].split() == ["class", "0", "100", "5", "0"]
    assert lines[-2].startswith("and 10 more classes")
    assert lines[-1].split() == ["all", "2,565", "5", "0"]


def test_a_run_with_synthetic_rows_alone_says_what_can_be_shared(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run = build(Place(tmp_path, "credit", "0" * 64, None, False))
    assert "share" not in summaries.result(run)
    written = {"synthetic": {"csv": "data/synthetic.csv"}}
    run.manifest = manifest(data={"origin_column": "origin", "written": written})
    (line,) = (line for line in summaries.result(run).splitlines() if line.startswith("share "))
    assert str(Path(run.folder.name, "data", "synthetic.csv")) in line
    assert "the report, hold real data" in line


def test_an_evaluation_writes_differences_as_those_of_its_scores():
    trial = {"score": "roc_auc", "arms": [arm("none", 0.9352), arm("synthetic", 0.9566)]}
    lines = [line.split() for line in summaries.evaluation(run_metrics(trial=trial)).splitlines()]
    assert ["none", "0.935", "+0.000"] in lines
    assert ["synthetic", "0.957", "+0.022"] in lines
