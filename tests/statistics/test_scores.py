from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics

from augment.statistics.scores import SCORES, default_score, score_format, scores_for

NUM_CLASSES = 4


def with_classes(seed: int, num_rows: int = 60, decimals: int = 6, num_classes: int = NUM_CLASSES):
    """Truth, probabilities (rounded: few decimals give many ties) and weights of three resamples."""
    rng = np.random.default_rng(seed)
    truth = np.r_[np.arange(num_classes), rng.integers(num_classes, size=num_rows - num_classes)]
    predictions = rng.dirichlet(np.ones(num_classes), size=num_rows)
    predictions[np.arange(num_rows), truth] += 0.2
    predictions = np.round(predictions / predictions.sum(axis=1, keepdims=True), decimals)
    weights = rng.gamma(1.0, size=(3, num_rows)) * (rng.random((3, num_rows)) < 0.8)
    weights[:, :num_classes] += 0.1  # every class has weight
    return truth, predictions, weights


def with_numbers(seed: int, num_rows: int = 40):
    rng = np.random.default_rng(seed)
    truth = rng.normal(50.0, 3.0, num_rows)
    return truth, truth + rng.normal(0, 2.0, num_rows), rng.gamma(1.0, size=(3, num_rows))


def one_hot(truth: np.ndarray) -> np.ndarray:
    return np.eye(NUM_CLASSES)[truth]


REFERENCES = {
    "accuracy": lambda y, p, w: metrics.accuracy_score(y, p.argmax(axis=1), sample_weight=w),
    "balanced_accuracy": lambda y, p, w: metrics.balanced_accuracy_score(y, p.argmax(axis=1), sample_weight=w),
    "macro_f1": lambda y, p, w: metrics.f1_score(y, p.argmax(axis=1), average="macro", sample_weight=w),
    "roc_auc": lambda y, p, w: metrics.roc_auc_score(one_hot(y), p, average="macro", sample_weight=w),
    "average_precision": lambda y, p, w: metrics.average_precision_score(one_hot(y), p, sample_weight=w),
    "log_loss": lambda y, p, w: metrics.log_loss(y, p / p.sum(axis=1, keepdims=True), sample_weight=w),
    "r2": lambda y, p, w: metrics.r2_score(y, p, sample_weight=w),
    "mae": lambda y, p, w: metrics.mean_absolute_error(y, p, sample_weight=w),
    "rmse": lambda y, p, w: metrics.root_mean_squared_error(y, p, sample_weight=w),
}


def sample_for(name: str, seed: int, **options):
    return with_numbers(seed) if SCORES[name].task == "number" else with_classes(seed, **options)


def test_every_score_has_a_reference_here():
    assert set(REFERENCES) == set(SCORES)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("name", SCORES)
def test_a_score_under_weights_is_scikit_learns(name, seed):
    truth, predictions, weights = sample_for(name, seed)
    expected = [REFERENCES[name](truth, predictions, row) for row in weights]
    np.testing.assert_allclose(SCORES[name].score(truth, predictions, weights), expected, rtol=1e-10)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("name", ["roc_auc", "average_precision"])
def test_equal_scores_count_as_scikit_learn_counts_them(name, seed):
    truth, predictions, weights = with_classes(seed, decimals=1)
    expected = [REFERENCES[name](truth, predictions, row) for row in weights]
    np.testing.assert_allclose(SCORES[name].score(truth, predictions, weights), expected, rtol=1e-10)


@pytest.mark.parametrize("name", SCORES)
def test_many_resamples_at_once_score_as_one_at_a_time(name):
    truth, predictions, weights = sample_for(name, 1)
    score = SCORES[name].score
    alone = np.concatenate([score(truth, predictions, weights[n : n + 1]) for n in range(len(weights))])
    np.testing.assert_allclose(score(truth, predictions, weights), alone, rtol=1e-12)


@pytest.mark.parametrize("name", SCORES)
def test_a_weight_of_two_is_a_row_that_is_there_twice_and_of_zero_one_that_is_not(name):
    truth, predictions, _ = sample_for(name, 1)
    counts = np.random.default_rng(2).integers(0, 3, len(truth))
    counts[: NUM_CLASSES + 1] = 1
    drawn = np.repeat(np.arange(len(truth)), counts)
    score = SCORES[name].score
    weighted = score(truth, predictions, counts[None].astype(float))
    repeated = score(truth[drawn], predictions[drawn], np.ones((1, len(drawn))))
    np.testing.assert_allclose(weighted, repeated, rtol=1e-10)


# absent classes


@pytest.mark.parametrize("name", ["balanced_accuracy", "macro_f1", "roc_auc", "average_precision"])
def test_a_class_without_any_weight_is_left_out_of_the_mean(name):
    truth, predictions, weights = with_classes(3)
    predictions[:, 2] = 0.0  # and is never predicted
    here = truth != 2
    kept = [0, 1, 3]
    renumbered = np.searchsorted(kept, truth[here])
    absent = SCORES[name].score(truth, predictions, weights * here)
    never = SCORES[name].score(renumbered, predictions[here][:, kept], weights[:, here])
    np.testing.assert_allclose(absent, never, rtol=1e-12)


def test_area_under_the_curve_needs_two_classes():
    truth, predictions, weights = with_classes(3, num_classes=2)
    weights[0] *= truth == 1
    found = SCORES["roc_auc"].score(truth, predictions, weights)
    assert np.isnan(found).tolist() == [True, False, False]


@pytest.mark.parametrize("name", SCORES)
def test_a_resample_without_any_row_has_no_score(name):
    truth, predictions, weights = sample_for(name, 1)
    weights[1] = 0
    assert np.isnan(SCORES[name].score(truth, predictions, weights)).tolist() == [False, True, False]


def test_equal_truth_has_no_variance_to_explain():
    weights = np.array([[1.0, 0, 0], [0.3, 0.3, 0], [1, 1, 1]])
    found = SCORES["r2"].score(np.array([0.1, 0.1, 0.7]), np.array([0.1, 0.2, 0.7]), weights)
    assert np.isnan(found).tolist() == [True, True, False]


def test_a_sure_and_wrong_prediction_costs_much_but_not_infinitely_much():
    loss = SCORES["log_loss"].score(np.array([0]), np.array([[0.0, 1.0]]), np.ones((1, 1)))
    np.testing.assert_allclose(loss, 34.5, atol=0.1)


def test_probabilities_that_do_not_add_up_are_scaled_for_the_log_loss():
    loss = SCORES["log_loss"].score(np.array([0]), np.array([[1.0, 1.0]]), np.ones((1, 1)))
    np.testing.assert_allclose(loss, np.log(2))


# linearised


@pytest.mark.parametrize("decimals", [6, 1])
@pytest.mark.parametrize("name", SCORES)
def test_the_derivative_is_what_a_small_change_of_a_weight_changes(name, decimals):
    truth, predictions, _ = sample_for(name, 5, decimals=decimals)
    score, derivative = SCORES[name].linear(truth, predictions)
    step = 1e-5 * np.eye(len(truth))
    higher, lower = (SCORES[name].score(truth, predictions, 1 + sign * step) for sign in (1, -1))
    np.testing.assert_allclose(derivative, (higher - lower) / 2e-5, atol=1e-8)
    np.testing.assert_allclose(score, SCORES[name].score(truth, predictions, np.ones((1, len(truth))))[0], rtol=1e-12)
    assert abs(derivative.sum()) < 1e-12


@pytest.mark.parametrize("name", [rule.name for rule in scores_for("classes")])
def test_an_absent_class_is_left_out_of_the_linear_score_too(name):
    truth, predictions, _ = with_classes(5)
    here = truth != 2
    score, derivative = SCORES[name].linear(truth[here], predictions[here])
    np.testing.assert_allclose(score, SCORES[name].score(truth[here], predictions[here], np.ones((1, here.sum())))[0])
    assert np.isfinite(derivative).all()


@pytest.mark.parametrize(
    ("name", "truth", "predictions"),
    [
        ("roc_auc", np.zeros(5, dtype=int), np.full((5, 2), 0.5)),
        ("r2", np.ones(5), np.arange(5.0)),
    ],
)
def test_what_is_not_defined_is_not_defined_in_the_linear_score_either(name, truth, predictions):
    score, derivative = SCORES[name].linear(truth, predictions)
    assert np.isnan(score)
    assert not derivative.any()


def test_the_defaults_are_balanced_accuracy_and_the_variance_explained():
    assert default_score("classes").name == "balanced_accuracy"
    assert default_score("number").name == "r2"


def test_a_task_has_its_own_scores_only():
    assert {rule.task for rule in scores_for("classes")} == {"classes"}
    assert [rule.name for rule in scores_for("number")] == ["r2", "mae", "rmse"]


def test_losses_and_errors_are_better_when_lower():
    assert {rule.name for rule in SCORES.values() if rule.better == "lower"} == {"log_loss", "mae", "rmse"}


def test_every_score_says_what_it_measures():
    assert [rule.name for rule in SCORES.values() if not rule.meaning.endswith(".")] == []


@pytest.mark.parametrize(
    ("score", "size", "style"),
    [
        ("a score of a plugin", 20000.0, ".3f"),
        ("log_loss", 20000.0, ".3f"),
        ("r2", -20000.0, ".3f"),
        ("rmse", 0.0123, ".4g"),
        ("mae", -20000.0, ".0f"),
        ("mae", 1e15, ".4g"),
    ],
)
def test_scores_in_the_unit_of_a_target_are_written_as_large_as_they_are(score, size, style):
    assert score_format(score, size) == style
