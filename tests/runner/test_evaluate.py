from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from augment.cli import main
from augment.cli.summaries import evaluation as text
from augment.errors import DataError, SpecError
from augment.runner.evaluate import evaluate
from augment_tables.table_probes import Boosting


def table(num_rows, seed):
    rng = np.random.default_rng(seed)
    kind = rng.choice(["yes", "no"], num_rows)
    frame = pd.DataFrame({f"x{i}": rng.normal(size=num_rows) + (kind == "yes") for i in range(3)})
    return frame.assign(code=rng.choice(["007", "012"], num_rows), kind=kind)


@pytest.fixture
def files(tmp_path):
    for seed, (name, rows) in enumerate((("real", 160), ("made", 120), ("held", 120))):
        table(rows, seed).to_csv(tmp_path / f"{name}.csv", index=False)
    return tmp_path


def judge(files, made="made.csv", **settings):
    settings = {"target": "kind", "holdout": files / "held.csv", "seeds": 1, "workers": 0, **settings}
    return evaluate(files / "real.csv", files / made, **settings)


@pytest.fixture
def untuned(monkeypatch):
    """The probe is not tuned, which takes most of the time and is shown by one test."""
    monkeypatch.setattr(Boosting, "settings_to_try", classmethod(lambda cls, params: ()))


def test_rows_of_another_tool_get_a_verdict_scores_and_privacy(files):
    metrics = judge(files).metrics
    assert metrics.rows.model_dump() == {"read": 280, "train": 160, "test": 120, "synthetic": 120}
    assert {arm.id for arm in metrics.trial.arms} >= {"none", "synthetic", "tuned"}
    assert {score.metric for score in metrics.scores} == {"contamination", "fidelity", "privacy"}
    assert metrics.trial.verdict != "contaminated"
    assert metrics.privacy.verdict == "no leak found"
    assert "privacy" in text(metrics)


@pytest.mark.slow
@pytest.mark.usefixtures("untuned")
def test_without_a_holdout_some_real_rows_are_held_out_and_a_note_warns(files):
    metrics = judge(files, holdout=None).metrics
    assert metrics.rows.train + metrics.rows.test == 160
    assert any("--holdout" in note for note in metrics.notes)


@pytest.mark.usefixtures("untuned")
def test_copies_are_a_leak_and_no_row_number_is_told(files):
    pd.read_csv(files / "real.csv", dtype={"code": str}).iloc[:100].to_csv(files / "made.csv", index=False)
    found = judge(files).metrics
    assert found.privacy.verdict == "leak found"
    assert "private" not in found.model_dump_json()


@pytest.mark.usefixtures("untuned")
def test_held_out_and_training_rows_as_synthetic_ones_are_contaminated_and_a_leak(files):
    parts = [pd.read_csv(files / f"{name}.csv", dtype={"code": str}) for name in ("held", "real")]
    pd.concat([parts[0], parts[1][:60]]).to_csv(files / "made.csv", index=False)
    found = judge(files).metrics
    assert found.trial.verdict == "contaminated"
    assert "synthetic: 120 of 180 rows equal or nearly equal a held-out row" in found.trial.sentence
    assert text(found).startswith("Contaminated, so there is no verdict")
    exact = next(score for score in found.scores if score.name == "exact matches")
    assert (exact.value, found.privacy.verdict) == (1.0, "leak found")
    assert exact.attack.limit < 0.2
    assert "private" not in found.model_dump_json()


@pytest.mark.slow
@pytest.mark.usefixtures("untuned")
def test_rows_outside_the_schema_are_counted_and_left_out(files):
    made = table(50, 9)
    made.loc[:4, "kind"] = "perhaps"
    made.assign(more=1).to_csv(files / "made.csv", index=False)
    metrics = judge(files).metrics
    assert metrics.filters["in-schema"].rejected == 5
    assert metrics.rows.synthetic == 45
    assert any("more" in note for note in metrics.notes)


@pytest.mark.usefixtures("untuned")
def test_rows_that_are_on_both_sides_are_noted(files):
    table(160, 0).iloc[:20].to_csv(files / "held.csv", index=False)
    assert any("exact duplicates" in note for note in judge(files).metrics.notes)


def test_a_missing_column_is_named(files):
    table(50, 9).drop(columns="x1").to_csv(files / "made.csv", index=False)
    with pytest.raises(DataError, match="x1"):
        judge(files)


@pytest.mark.slow
@pytest.mark.usefixtures("untuned")
def test_a_report_is_written_once(files):
    out = files / "report.html"
    assert judge(files, out=out).report == out
    assert "real.csv" in out.read_text(encoding="utf-8")
    assert str(files) not in out.read_text(encoding="utf-8")
    with pytest.raises(SpecError, match="overwrite"):
        judge(files, out=out)


@pytest.mark.slow
def test_arrays_are_judged_too(tmp_path):
    rng = np.random.default_rng(0)
    for name, rows in (("real", 60), ("made", 40), ("held", 40)):
        label = rng.choice(["a", "b"], rows)
        waves = rng.normal(size=(rows, 12, 1)) + 3 * (label == "a")[:, None, None]
        np.savez(tmp_path / f"{name}.npz", wave=waves.astype(np.float32), label=label)
    paths = tmp_path / "real.npz", tmp_path / "made.npz"
    metrics = evaluate(*paths, holdout=tmp_path / "held.npz", target="label", seeds=1, workers=0).metrics
    assert metrics.rows.synthetic == 40
    assert "autocorrelation error" in {score.name for score in metrics.scores}


@pytest.mark.usefixtures("untuned")
def test_the_command_says_it_as_json(files):
    words = [files / "real.csv", files / "made.csv", "--holdout", files / "held.csv", "--target", "kind"]
    done = CliRunner().invoke(main, ["evaluate", *map(str, words), "--seeds", "2", "--workers", "0", "--json"])
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["trial"]["probe"] == "boosting"
