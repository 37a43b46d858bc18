"""What people read about checks and runs."""

from __future__ import annotations

from pathlib import Path

from run_records import arm, build, manifest, run_metrics

from augment.cli import summaries
from augment.runner.check import check as run_check
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


PIPELINE = {
    "name": "wine",
    "source": {"use": "sklearn", "with": {"dataset": "wine"}},
    "generators": [{"use": "bootstrap", "id": "repeats"}],
    "filters": [],
    "mix": {"rows": "balance"},
}


def test_check_says_what_a_run_would_do(tmp_path, monkeypatch):
    monkeypatch.setenv("AUGMENT_STORE", str(tmp_path / "store"))
    text = summaries.check(run_check(PIPELINE, workers=0))
    lines = [line.split() for line in text.splitlines()]
    assert ["run", "wine,", "seed", "0"] in lines
    assert any(line[:4] == ["data", "178", "rows", "of"] for line in lines)
    assert "cultivar, 3 classes: class_0, class_1, class_2" in text
    assert ["split", "142", "training", "rows,", "36", "held", "out"] in lines
    assert ["generator", "repeats:", "bootstrap"] in lines
    assert ["synthetic", "rows", "repeats"] in lines
    assert lines[-1] == ["no", "problems", "found"]
    (cost,) = (line for line in text.splitlines() if line.startswith("cost"))
    assert "about 10 CPU-seconds (boosting 7) and 400 MB of memory a worker, within a factor of two or three" in cost
    assert "not known for 'contamination'" in cost


def test_check_without_data_says_what_can_be_known():
    text = summaries.check(run_check(PIPELINE, data=False))
    assert "20% of the rows held out" in text
    assert "synthetic rows" not in text
    assert text.endswith("no problems found")


def test_an_evaluation_writes_differences_as_those_of_its_scores():
    trial = {"score": "roc_auc", "arms": [arm("none", 0.9352), arm("synthetic", 0.9566)]}
    lines = [line.split() for line in summaries.evaluation(run_metrics(trial=trial)).splitlines()]
    assert ["none", "0.935", "+0.000"] in lines
    assert ["synthetic", "0.957", "+0.022"] in lines
