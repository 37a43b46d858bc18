"""Scores of predictions under row weights, all resamples at once, so that intervals by bootstrap are affordable.

A bootstrap resample of N rows is a vector of N weights; B of them are the matrix `weights`. With many rows even that
takes long; then a score's derivatives by the weights stand for it: see `ScoreRule.linear`.

Shapes: B resamples, N rows, C classes, P rows of one class.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from augment.plugin.run_metrics import ScoreKind

__all__ = ["SCORES", "ScoreRule", "default_score", "recall_rule", "scores_for"]

Scorer = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]
Linear = Callable[[np.ndarray, np.ndarray], tuple[float, np.ndarray]]


@dataclass(frozen=True)
class ScoreRule:
    """A way to score predictions.

    Attributes:
        name: as in the pipeline file.
        label: as people read it.
        task: `classes` or `number`.
        kind: what it scores: the `decision` for one class, the `ranking` of rows by probability, the `probability`
            itself, or the `number` that is predicted.
        better: which way is better.
        score: (truth, predictions, weights (B, N)) to (B,). For classes truth is (N,) int64 class numbers and
            predictions are probabilities (N, C); for numbers both are (N,) float. NaN where a score is not defined. A
            score of decisions looks at nothing but the largest in each row, so it takes any array with that maximum.
        linear: (truth, predictions) to the score where all weights are 1, and its derivative by each row's weight
            there, (N,), which sums to 0. So a resample scores `score + weights @ derivative`, at an error of order
            1 / N (the infinitesimal jackknife of Efron, 1982; for the area under the ROC curve that is DeLong, DeLong
            and Clarke-Pearson, 1988).
        by_one: where the predicted class of a row is all that counts: (rows of each class (C,), rows predicted to be of
            each (C,)) to about what the score gains by one more row of each class that is right, (C,).
        meaning: what it measures, in a sentence for people who have not met it.
    """

    name: str
    label: str
    task: Literal["classes", "number"]
    kind: ScoreKind
    better: Literal["higher", "lower"]
    score: Scorer
    linear: Linear
    by_one: Callable[[np.ndarray, np.ndarray], np.ndarray] | None = None
    meaning: str = ""


def _accuracy(truth: np.ndarray, predictions: np.ndarray, weights: np.ndarray) -> np.ndarray:
    return _mean(weights, predictions.argmax(axis=1) == truth)


def _linear_accuracy(truth: np.ndarray, predictions: np.ndarray) -> tuple[float, np.ndarray]:
    return _linear_mean(predictions.argmax(axis=1) == truth)


def _balanced_accuracy(truth: np.ndarray, predictions: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Mean recall over the classes present."""
    hits, support, _ = _counts(truth, predictions, weights)
    return _mean_over_classes(hits, support)


def _linear_balanced_accuracy(truth: np.ndarray, predictions: np.ndarray) -> tuple[float, np.ndarray]:
    hit = predictions.argmax(axis=1) == truth
    support = np.bincount(truth)
    recall = np.bincount(truth, hit) / np.maximum(support, 1)
    num_present = np.count_nonzero(support)
    return float(recall.sum() / num_present), (hit - recall[truth]) / (support[truth] * num_present)


def _macro_f1(truth: np.ndarray, predictions: np.ndarray, weights: np.ndarray) -> np.ndarray:
    hits, support, predicted = _counts(truth, predictions, weights)
    return _mean_over_classes(2 * hits, support + predicted)


def _linear_macro_f1(truth: np.ndarray, predictions: np.ndarray) -> tuple[float, np.ndarray]:
    predicted, num_classes = predictions.argmax(axis=1), predictions.shape[1]
    hit = predicted == truth
    size = np.bincount(truth, minlength=num_classes) + np.bincount(predicted, minlength=num_classes)
    f1 = 2 * np.bincount(truth, hit, minlength=num_classes) / np.maximum(size, 1)
    num_present = np.count_nonzero(size)
    # a row counts in the class it is of and in the one it is predicted to be of
    derivative = (hit - f1[truth]) / size[truth] + (hit - f1[predicted]) / size[predicted]
    return float(f1.sum() / num_present), derivative / num_present


def _log_loss(truth: np.ndarray, predictions: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Mean negative log probability, in nats; probabilities are clipped to at least 1e-15."""
    return _mean(weights, _losses(truth, predictions))


def _linear_log_loss(truth: np.ndarray, predictions: np.ndarray) -> tuple[float, np.ndarray]:
    return _linear_mean(_losses(truth, predictions))


def _losses(truth: np.ndarray, predictions: np.ndarray) -> np.ndarray:
    total = predictions.sum(axis=1)
    right = predictions[np.arange(len(truth)), truth] / np.where(total > 0, total, 1.0)
    return np.asarray(-np.log(np.clip(right, 1e-15, 1.0)))


def _roc_auc(truth: np.ndarray, predictions: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Area under the ROC curve, one class against the rest, mean over classes (the same for both of two)."""
    columns = np.ascontiguousarray(weights.T)  # (N, B)
    areas = []
    for number, scores in enumerate(predictions.T):
        rank = _ranks(scores, truth == number)
        taken, found = columns[rank.positives], _totals(columns[rank.positives])  # (P, B), (P + 1, B)
        total = _totals(columns[rank.order])  # (N + 1, B)
        # of equal scores, half count as below
        below = (total[rank.first] + total[rank.last] - found[rank.first_found] - found[rank.last_found]) / 2
        areas.append(_ratio(np.einsum("pb,pb->b", taken, below), found[-1] * (total[-1] - found[-1])))
    return _mean_of_known(np.stack(areas))


def _linear_roc_auc(truth: np.ndarray, predictions: np.ndarray) -> tuple[float, np.ndarray]:
    areas, derivatives = [], []
    for number, scores in enumerate(predictions.T):
        is_positive = truth == number
        num_positive = int(is_positive.sum())
        num_negative = len(truth) - num_positive
        if num_positive and num_negative:
            # of the other side, the share that each row is on the right side of; half of those with an equal score
            below = _below(scores)
            right = np.empty(len(scores))
            right[is_positive] = (below[is_positive] - _below(scores[is_positive])) / num_negative
            right[~is_positive] = 1 - (below[~is_positive] - _below(scores[~is_positive])) / num_positive
            areas.append(right[is_positive].mean())
            derivatives.append((right - areas[-1]) / np.where(is_positive, num_positive, num_negative))
    return _mean_of_linear(areas, derivatives, len(truth))


def _below(values: np.ndarray) -> np.ndarray:
    """How many of them are below each, half of the equal ones counted."""
    order = np.argsort(values, kind="stable")
    ordered = values[order]
    counts = np.empty(len(values))
    counts[order] = (np.searchsorted(ordered, ordered, "left") + np.searchsorted(ordered, ordered, "right")) / 2
    return counts


def _average_precision(truth: np.ndarray, predictions: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Area under the precision-recall steps, one class against the rest, mean over classes."""
    columns = np.ascontiguousarray(weights.T)  # (N, B)
    areas = []
    for number, scores in enumerate(predictions.T):
        rank = _ranks(scores, truth == number)
        taken, found = columns[rank.positives], _totals(columns[rank.positives])
        total = _totals(columns[rank.order])
        right = found[-1] - found[rank.first_found]  # of the rows that score no lower, those of the class: (P, B)
        named = total[-1] - total[rank.first]
        precision = np.divide(right, named, out=np.zeros_like(right), where=taken > 0)
        areas.append(_ratio(np.einsum("pb,pb->b", taken, precision), found[-1]))
    return _mean_of_known(np.stack(areas))


def _linear_average_precision(truth: np.ndarray, predictions: np.ndarray) -> tuple[float, np.ndarray]:
    areas, derivatives = [], []
    for number, scores in enumerate(predictions.T):
        rank = _ranks(scores, truth == number)
        num_positive = len(rank.positives)
        if num_positive:
            named = len(scores) - rank.first  # rows that score no lower than each of the class: (P,)
            precision = (num_positive - rank.first_found) / named
            areas.append(precision.mean())
            ordered = scores[rank.order]
            no_higher = np.empty(len(scores), dtype=np.int64)  # rows of the class that score no higher than each row
            no_higher[rank.order] = np.searchsorted(scores[rank.positives], ordered, "right")
            # what a row adds to the precision at all of those, and, if it is of the class, by its own
            effect = -_totals(precision / named)[no_higher]
            effect[rank.positives] += _totals(1 / named)[no_higher[rank.positives]] + precision - areas[-1]
            derivatives.append(effect / num_positive)
    return _mean_of_linear(areas, derivatives, len(truth))


def _r2(truth: np.ndarray, predictions: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Share of the variance explained: 1 is perfect, 0 is no better than the mean."""
    centred = truth - truth.mean()  # changes no result, and the sums of squares keep their digits
    squares = _mean(weights, centred**2)
    variance = squares - _mean(weights, centred) ** 2
    variance[variance < 1e-12 * squares] = 0.0  # rounding, where all rows drawn are equal
    return 1 - _ratio(_mean(weights, (truth - predictions) ** 2), variance)


def _linear_r2(truth: np.ndarray, predictions: np.ndarray) -> tuple[float, np.ndarray]:
    error, by_error = _linear_mean((truth - predictions) ** 2)
    variance, by_variance = _linear_mean((truth - truth.mean()) ** 2)
    if variance == 0:
        return np.nan, np.zeros(len(truth))
    return 1 - error / variance, (by_variance * error / variance - by_error) / variance


def _mae(truth: np.ndarray, predictions: np.ndarray, weights: np.ndarray) -> np.ndarray:
    return _mean(weights, np.abs(truth - predictions))


def _linear_mae(truth: np.ndarray, predictions: np.ndarray) -> tuple[float, np.ndarray]:
    return _linear_mean(np.abs(truth - predictions))


def _rmse(truth: np.ndarray, predictions: np.ndarray, weights: np.ndarray) -> np.ndarray:
    return np.asarray(np.sqrt(_mean(weights, (truth - predictions) ** 2)))


def _linear_rmse(truth: np.ndarray, predictions: np.ndarray) -> tuple[float, np.ndarray]:
    error, derivative = _linear_mean((truth - predictions) ** 2)
    return error**0.5, derivative / (2 * error**0.5) if error > 0 else derivative


SCORES: dict[str, ScoreRule] = {
    rule.name: rule
    for rule in (
        ScoreRule(
            "balanced_accuracy",
            "balanced accuracy",
            "classes",
            "decision",
            "higher",
            _balanced_accuracy,
            _linear_balanced_accuracy,
            by_one=lambda rows, named: 1 / np.maximum(rows, 1) / np.count_nonzero(rows),
            meaning="The share of each class's rows that are recognised, averaged over the classes: all count equally.",
        ),
        ScoreRule(
            "accuracy",
            "accuracy",
            "classes",
            "decision",
            "higher",
            _accuracy,
            _linear_accuracy,
            by_one=lambda rows, named: np.full(len(rows), 1 / rows.sum()),
            meaning="The share of all rows whose class is predicted correctly; large classes dominate it.",
        ),
        ScoreRule(
            "macro_f1",
            "macro F1",
            "classes",
            "decision",
            "higher",
            _macro_f1,
            _linear_macro_f1,
            by_one=lambda rows, named: 2 / np.maximum(rows + named, 1) / np.count_nonzero(rows + named),
            meaning="F1, which is high only if both precision and recall are, averaged over the classes.",
        ),
        ScoreRule(
            "roc_auc",
            "ROC AUC",
            "classes",
            "ranking",
            "higher",
            _roc_auc,
            _linear_roc_auc,
            meaning="How often a row of a class gets a higher probability of it than another row: 0.5 is chance.",
        ),
        ScoreRule(
            "average_precision",
            "average precision",
            "classes",
            "ranking",
            "higher",
            _average_precision,
            _linear_average_precision,
            meaning="The precision among the rows most likely to be of a class, averaged over all recalls and classes.",
        ),
        ScoreRule(
            "log_loss",
            "log loss",
            "classes",
            "probability",
            "lower",
            _log_loss,
            _linear_log_loss,
            meaning="How wrong the predicted probabilities are; being confident and wrong costs most.",
        ),
        ScoreRule(
            "r2",
            "R²",
            "number",
            "number",
            "higher",
            _r2,
            _linear_r2,
            meaning="The share of the target's variance that is explained: 1 is perfect, 0 is no better than the mean.",
        ),
        ScoreRule(
            "mae",
            "mean absolute error",
            "number",
            "number",
            "lower",
            _mae,
            _linear_mae,
            meaning="The mean distance between prediction and truth, in the target's unit.",
        ),
        ScoreRule(
            "rmse",
            "root mean squared error",
            "number",
            "number",
            "lower",
            _rmse,
            _linear_rmse,
            meaning="Like the mean absolute error, in the target's unit, but large errors count more.",
        ),
    )
}


def scores_for(task: str) -> list[ScoreRule]:
    """The scores that fit a task (`classes` or `number`), the default first."""
    return [rule for rule in SCORES.values() if rule.task == task]


def default_score(task: str) -> ScoreRule:
    """What decides where the pipeline does not say: balanced accuracy, or R2 for a numeric target."""
    return scores_for(task)[0]


def recall_rule(number: int) -> ScoreRule:
    """The share of the rows of one class, by its number, that are predicted to be of it."""

    def score(truth: np.ndarray, predictions: np.ndarray, weights: np.ndarray) -> np.ndarray:
        of_class = truth == number
        return _mean(weights[:, of_class], predictions[of_class].argmax(axis=1) == number)

    def linear(truth: np.ndarray, predictions: np.ndarray) -> tuple[float, np.ndarray]:
        of_class, derivative = truth == number, np.zeros(len(truth))
        recall, derivative[of_class] = _linear_mean(predictions[of_class].argmax(axis=1) == number)
        return recall, derivative

    def by_one(rows: np.ndarray, named: np.ndarray) -> np.ndarray:
        return np.asarray((np.arange(len(rows)) == number) / rows[number])

    return ScoreRule(f"recall of class {number}", "recall", "classes", "decision", "higher", score, linear, by_one)


def _mean(weights: np.ndarray, values: np.ndarray) -> np.ndarray:
    return _ratio(weights @ values.astype(float), weights.sum(axis=1))


def _linear_mean(values: np.ndarray) -> tuple[float, np.ndarray]:
    mean = float(values.mean())
    return mean, (values - mean) / len(values)


def _ratio(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    """Quotients; NaN where there is nothing to divide by."""
    return np.asarray(np.divide(above, below, out=np.full(len(above), np.nan), where=below > 0))


def _counts(truth: np.ndarray, predictions: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, ...]:
    """Weights of right rows, of rows, and of predictions by class: three times (B, C)."""
    classes = np.arange(predictions.shape[1])
    predicted = predictions.argmax(axis=1)
    is_class = truth[:, None] == classes  # (N, C)
    is_predicted = predicted[:, None] == classes  # (N, C)
    table = np.concatenate([is_class & is_predicted, is_class, is_predicted], axis=1)
    hits, support, named = np.split(weights @ table.astype(weights.dtype), 3, axis=1)
    return hits, support, named


def _mean_over_classes(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    present = below > 0
    quotients = np.divide(above, below, out=np.full_like(above, np.nan), where=present)
    return _mean_of_known(quotients.T)


def _mean_of_known(table: np.ndarray) -> np.ndarray:
    """The mean (B,) of a table (C, B) over what is not NaN."""
    known = ~np.isnan(table)
    return _ratio(np.where(known, table, 0.0).sum(axis=0), known.sum(axis=0).astype(float))


def _mean_of_linear(
    scores: Sequence[float], derivatives: Sequence[np.ndarray], num_rows: int
) -> tuple[float, np.ndarray]:
    return (float(np.mean(scores)), np.mean(derivatives, axis=0)) if scores else (np.nan, np.zeros(num_rows))


@dataclass(frozen=True)
class _Ranks:
    """Where the P rows of a class stand among all rows by score.

    Attributes:
        order: all rows by ascending score, (N,).
        positives: the rows of the class by ascending score, (P,).
        first: how many rows score lower than each of them, (P,).
        last: how many score lower or the same, (P,).
        first_found: how many rows of the class score lower, (P,).
        last_found: how many of the class score lower or the same, (P,).
    """

    order: np.ndarray
    positives: np.ndarray
    first: np.ndarray
    last: np.ndarray
    first_found: np.ndarray
    last_found: np.ndarray


def _ranks(scores: np.ndarray, is_positive: np.ndarray) -> _Ranks:
    order = np.argsort(scores, kind="stable")
    positives = order[is_positive[order]]
    ranked, found = scores[order], scores[positives]
    return _Ranks(
        order,
        positives,
        first=np.searchsorted(ranked, found, "left"),
        last=np.searchsorted(ranked, found, "right"),
        first_found=np.searchsorted(found, found, "left"),
        last_found=np.searchsorted(found, found, "right"),
    )


def _totals(values: np.ndarray) -> np.ndarray:
    """Sums of the first 0, 1, ... of them along the first axis: one longer."""
    totals = np.zeros((len(values) + 1, *values.shape[1:]))
    np.cumsum(values, axis=0, out=totals[1:])
    return totals
