from __future__ import annotations

import numpy as np
import pytest

from augment.engine import judge_tasks
from augment.runner import trial
from augment.runner.run import run
from augment_tables.table_probes import Logistic

pytestmark = pytest.mark.usefixtures("fakes")

FAKE = {"probe": "fake-centroids", "seeds": 2}
LOPSIDED = {"use": "sklearn", "with": {"dataset": "breast-cancer", "imbalance": {"malignant": 40}}}


@pytest.fixture
def fits(monkeypatch):
    """The arm and the seed of each fit."""
    arms = []

    def predict_arm(task, call: judge_tasks.Call) -> int:
        arms.append(task.out.stem.removeprefix("arm-"))
        return judge_tasks.predict_arm(task, call)

    monkeypatch.setattr(trial, "predict_arm", predict_arm)
    return arms


@pytest.fixture
def untuned(monkeypatch):
    """The probe is not tuned, which takes most of the time."""
    monkeypatch.setattr(Logistic, "settings_to_try", classmethod(lambda cls, params: ()))


@pytest.mark.usefixtures("untuned")
def test_a_moved_threshold_costs_no_training_and_leaves_probabilities(spec, fits):
    settings = {"probe": "logistic", "seeds": 2, "score": "balanced_accuracy"}
    done = run(spec(source=LOPSIDED, trial=settings, metrics=[]), workers=0)
    none, moved = (done.metrics.trial.arm(name) for name in ("none", "threshold"))
    assert not any(fit.startswith("threshold") for fit in fits)
    assert moved.rows == none.rows
    assert moved.scores["log_loss"].mean == none.scores["log_loss"].mean
    assert moved.mean > none.mean
    assert moved.classes["malignant"].recall > none.classes["malignant"].recall
    assert (none.strength, moved.strength) == (0.0, 1.0)


def test_what_a_deterministic_probe_would_learn_again_is_not_fitted_again(spec, fits):
    settings = {"probe": "logistic", "seeds": 2}
    done = run(spec(source=LOPSIDED, trial=settings, metrics=[], mix={"rows": 30}), workers=0)
    twice = [f"{arm}-{seed}" for arm in ("oversampling", "copies", "synthetic") for seed in (0, 1)]
    tuned = done.metrics.trial.arm("tuned")
    assert sorted(fits) == sorted(["none-0", "class-weights-0", *twice, *(["tuned-0"] if tuned.settings else [])])
    assert len(set(tuned.values)) == 1


def test_other_probes_are_fitted_with_every_seed_and_not_tuned_unless_they_say_how(spec, fits):
    done = run(spec(trial=FAKE, mix={"rows": 10}), workers=0)
    assert [arm.id for arm in done.metrics.trial.arms] == [
        "none",
        "threshold",
        "class-weights",
        "oversampling",
        "copies",
        "synthetic",
        *([] if done.prior_correction is None else ["prior-correction"]),
    ]
    assert len(fits) == len(set(fits)) == 2 * 5


def test_copies_are_as_many_as_the_synthetic_rows_and_of_their_classes(spec, monkeypatch):
    copies = []

    def predict_arm(task, call: judge_tasks.Call) -> int:
        if task.arm == "copies":
            copies.append(dict(task.copies))
        return judge_tasks.predict_arm(task, call)

    monkeypatch.setattr(trial, "predict_arm", predict_arm)
    done = run(spec(source=LOPSIDED, trial=FAKE, mix={"rows": {"malignant": 9, "benign": 2}}), workers=0)
    copied, synthetic = (done.metrics.trial.arm(name) for name in ("copies", "synthetic"))
    assert copied.rows == synthetic.rows
    assert copies == [{"malignant": 9, "benign": 2}] * 2


def test_copies_that_would_be_oversampling_are_no_arm(spec):
    done = run(spec(source=LOPSIDED, trial=FAKE, mix={"rows": "balance"}), workers=0)
    assert done.metrics.trial.arm("copies") is None


@pytest.mark.slow
def test_a_numeric_target_is_compared_with_copies_and_a_tuned_model(spec):
    source = {"use": "fake-rows", "with": {"target": "y"}}
    done = run(spec(source=source, mix={"rows": 20}, trial={"probe": "logistic", "seeds": 2}), workers=0)
    arms = {arm.id: arm for arm in done.metrics.trial.arms}
    assert list(arms) == ["none", "copies", "tuned", "synthetic"]
    assert arms["copies"].rows == arms["synthetic"].rows == arms["none"].rows + 20
    assert {arm.strength for arm in arms.values()} == {0.0}


@pytest.mark.usefixtures("untuned")
def test_a_mix_that_balances_is_corrected_for_the_prior(spec, fits):
    settings = {"probe": "logistic", "seeds": 2, "score": "balanced_accuracy"}
    done = run(spec(source=LOPSIDED, trial=settings, mix={"rows": "balance"}), workers=0)
    synthetic, corrected = (done.metrics.trial.arm(name) for name in ("synthetic", "prior-correction"))
    assert not any(fit.startswith("prior") for fit in fits)
    for name, score in synthetic.scores.items():
        same = score == corrected.scores[name]
        assert same == (score.kind != "probability"), name  # of two classes the ranking is the same too
    counts = done.metrics.classes
    written = {label: counts.train[label] + counts.synthetic[label] for label in counts.train}
    weights = done.prior_correction["class_weights"]
    weighted = {label: weights[label] * rows for label, rows in written.items()}
    for label, rows in counts.train.items():
        assert weighted[label] / sum(weighted.values()) == pytest.approx(rows / sum(counts.train.values()))
        assert done.prior_correction["log_offsets"][label] == pytest.approx(np.log(weights[label]))


def test_a_mix_that_leaves_the_shares_of_the_classes_has_no_correction(spec):
    even = {"use": "sklearn", "with": {"dataset": "breast-cancer", "imbalance": {"malignant": 200, "benign": 200}}}
    done = run(spec(source=even, trial=FAKE, mix={"rows": {"per_class": 300}}), workers=0)
    assert done.prior_correction is None
    assert done.metrics.trial.arm("prior-correction") is None
