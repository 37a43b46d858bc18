from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from augment.data import Dataset
from augment.engine import judge_tasks
from augment.errors import PluginError
from augment.plugin import Accepts, Probe
from augment.plugin.catalog import Catalog
from augment.runner import tuning
from augment.runner.run import run
from augment.spec.stages import Bound
from augment.statistics.scores import SCORES


def bound(name, **settings):
    (cls,) = Catalog().candidates("probe", name)
    return Bound("probe", name, name, None, cls, cls.Params(**settings))


class Hopeful(Probe):
    """Would try a setting that it does not have."""

    name = "hopeful"
    accepts = Accepts()

    @classmethod
    def settings_to_try(cls, params):
        return [{"leaves": 6}]

    def fit(self, data, context, weights=None):
        return self

    def predict(self, data):
        return np.zeros(len(data))


def test_the_pipelines_own_settings_come_first_and_others_change_no_more_than_they_say():
    own, *others = tuning.list_variants(bound("boosting", max_iter=7))
    assert own.settings == {}
    assert own.bound.params.max_iter == 7
    assert {"max_leaf_nodes": 6, "min_samples_leaf": 5, "learning_rate": 0.05} in [dict(one.settings) for one in others]
    for one in others:
        assert one.bound.params == own.bound.params.model_copy(update=dict(one.settings))


def test_a_model_of_your_own_is_tuned_by_what_the_pipeline_says():
    factory = "sklearn.ensemble:RandomForestClassifier"
    assert tuning.list_variants(bound("estimator", factory=factory)) == []
    given = bound("estimator", factory=factory, arguments={"n_estimators": 5}, tune=[{"max_depth": 2}])
    _, tried = tuning.list_variants(given)
    assert tried.bound.params.arguments == {"n_estimators": 5, "max_depth": 2}


def test_settings_that_the_probe_does_not_have_name_the_probe():
    with pytest.raises(PluginError, match=r"probe 'hopeful' cannot be tuned with \{'leaves': 6\}"):
        tuning.list_variants(Bound("probe", "hopeful", "hopeful", None, Hopeful, Hopeful.Params()))


# the choice


@pytest.fixture
def chosen(tmp_path):
    """The choice among variants with these predictions (N, C) for one fold of 10 and 2 rows."""
    variants = [tuning.Tuned(bound("logistic"), {"C": float(number)}, 0.0) for number in range(3)]
    truth, counts = np.repeat([0, 1], [10, 2]), np.array([100, 20])

    def choose(*predictions, score="balanced_accuracy", num_folds=1, truth=truth):
        folds = []
        for position in range(num_folds):
            place = tmp_path / str(position)
            place.mkdir(exist_ok=True)
            for number, predicted in enumerate(predictions):
                np.save(place / f"{number}.npy", predicted)
            folds.append(tuning._Fold(place, truth, np.ones(len(truth), dtype=bool), counts))
        return tuning._choose(variants[: len(predictions)], folds, SCORES[score])

    return choose


def said(probability):
    """Probabilities of the second class for its two rows, all others .05."""
    second = np.r_[np.full(10, 0.05), probability, probability]
    return np.stack([1 - second, second], axis=1)


def test_the_variant_with_the_best_score_is_chosen(chosen):
    assert chosen(said(0.01), said(0.9), said(0.02)).settings == {"C": 1.0}


def test_of_equals_the_first_is_chosen_with_the_threshold_at_the_prior(chosen):
    best = chosen(said(0.9), said(0.9))
    assert (best.settings, best.strength) == ({"C": 0.0}, 1.0)


def test_decisions_are_tuned_together_with_the_settings(chosen):
    # .3 is above its share of .17: with the threshold at the prior it is found; .09 only beyond it
    assert chosen(said(0.3)).strength == 1.0
    assert chosen(said(0.09)).strength == 1.5


def test_a_score_of_probabilities_chooses_settings_and_the_threshold_is_at_the_prior(chosen):
    best = chosen(said(0.6), said(0.9), score="log_loss")
    assert (best.settings, best.strength) == ({"C": 1.0}, 1.0)


def test_a_number_has_no_threshold(chosen):
    truth = np.arange(12.0)
    best = chosen(truth + 1, truth, score="r2", truth=truth)
    assert (best.settings, best.strength) == ({"C": 1.0}, 0.0)


def test_where_no_fold_has_a_score_nothing_is_chosen(chosen):
    assert chosen(said(0.9), score="roc_auc", truth=np.zeros(12, dtype=int)) is None


# what is seen


@pytest.mark.slow
@pytest.mark.usefixtures("fakes")
def test_folds_are_of_training_rows_and_keep_groups_together(tmp_path, spec, monkeypatch):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"x": rng.normal(size=120), "who": np.arange(120) // 6, "y": rng.permutation(120) % 2})
    frame.assign(who=frame["who"].map("p{}".format), y=frame["y"].map({0: "no", 1: "yes"})).to_csv(
        tmp_path / "data.csv", index=False
    )
    seen = []

    def predict_arm(task, call: judge_tasks.Call) -> int:
        seen.append((Dataset.load(task.train).frame, Dataset.load(task.test).frame))
        return judge_tasks.predict_arm(task, call)

    monkeypatch.setattr(tuning, "predict_arm", predict_arm)
    done = run(
        spec(
            source={"use": "csv", "with": {"path": "data.csv"}},
            schema={"target": "y"},
            split={"group": "who"},
            trial={"probe": "logistic", "seeds": 2},
            metrics=[],
        ),
        workers=0,
    )
    held_out = pd.read_csv(done.folder / "data" / "test.csv")
    assert len(seen) == 20  # five folds with four settings
    for learnt, judged in seen:
        assert not set(learnt["who"]) & set(judged["who"])
        assert not {*learnt["x"].round(6), *judged["x"].round(6)} & set(held_out["x"].round(6))
        assert "y" not in judged
