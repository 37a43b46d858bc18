from __future__ import annotations

import pytest

from augment.engine import judge_tasks
from augment.runner import trial
from augment.runner.run import run

pytestmark = pytest.mark.usefixtures("fakes")

LOPSIDED = {"use": "sklearn", "with": {"dataset": "breast-cancer", "imbalance": {"malignant": 40}}}


@pytest.fixture
def fits(monkeypatch):
    """The arms that are trained, one entry for each fit."""
    arms = []

    def predict_arm(task, call: judge_tasks.Call) -> int:
        arms.append(task.arm)
        return judge_tasks.predict_arm(task, call)

    monkeypatch.setattr(trial, "predict_arm", predict_arm)
    return arms


def test_a_moved_threshold_costs_no_training_and_leaves_probabilities(spec, fits):
    settings = {"probe": "logistic", "seeds": 2, "score": "balanced_accuracy"}
    done = run(spec(source=LOPSIDED, trial=settings, metrics=[]), workers=0)
    none, moved = (done.metrics.trial.arm(name) for name in ("none", "threshold"))
    assert "threshold" not in fits
    assert moved.rows == none.rows
    assert moved.scores["log_loss"].mean == none.scores["log_loss"].mean
    assert moved.mean > none.mean
    assert moved.classes["malignant"].recall > none.classes["malignant"].recall
