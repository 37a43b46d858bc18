"""Scores of predictions under row weights, all resamples at once, so that intervals by bootstrap are affordable.

A bootstrap resample of N rows is a vector of N counts; B of them are the matrix `weights`.

Shapes: B resamples, N rows, C classes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

__all__ = ["SCORES", "ScoreRule", "default_score", "scores_for"]

Scorer = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]


@dataclass(frozen=True)
class ScoreRule:
    """A way to score predictions.

    Attributes:
        name: as in the pipeline file.
        label: as people read it.
        task: `classes` or `number`.
        better: which way is better.
        score: (truth, predictions, weights (B, N)) to (B,). For classes truth is (N,) int64 class numbers and
            predictions are probabilities (N, C); for numbers both are (N,) float.
    """

    name: str
    label: str
    task: Literal["classes", "number"]
    better: Literal["higher", "lower"]
    score: Scorer


def _accuracy(truth: np.ndarray, predictions: np.ndarray, weights: np.ndarray) -> np.ndarray:
    return _mean(weights, predictions.argmax(axis=1) == truth)


def _balanced_accuracy(truth: np.ndarray, predictions: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Mean recall over the classes present."""
    hits, support, _ = _counts(truth, predictions, weights)
    return _mean_over_classes(hits, support)


def _macro_f1(truth: np.ndarray, predictions: np.ndarray, weights: np.ndarray) -> np.ndarray:
    hits, support, predicted = _counts(truth, predictions, weights)
    return _mean_over_classes(2 * hits, support + predicted)


def _log_loss(truth: np.ndarray, predictions: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Mean negative log probability, in nats; probabilities are clipped to at least 1e-15."""
    total = predictions.sum(axis=1)
    right = predictions[np.arange(len(truth)), truth] / np.where(total > 0, total, 1.0)
    return _mean(weights, -np.log(np.clip(right, 1e-15, 1.0)))


def _roc_auc(truth: np.ndarray, predictions: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Area under the ROC curve, one class against the rest, mean over classes (the same for both of two)."""

    def area(positive: np.ndarray, negative: np.ndarray) -> np.ndarray:
        below = np.cumsum(negative, axis=1) - negative / 2  # of equal scores, half count as below
        return _ratio((positive * below).sum(axis=1), positive.sum(axis=1) * negative.sum(axis=1))

    return _one_against_rest(truth, predictions, weights, area)


def _average_precision(truth: np.ndarray, predictions: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Area under the precision-recall steps, one class against the rest, mean over classes."""

    def area(positive: np.ndarray, negative: np.ndarray) -> np.ndarray:
        found = np.cumsum(positive[:, ::-1], axis=1)
        taken = found + np.cumsum(negative[:, ::-1], axis=1)
        precision = np.divide(found, taken, out=np.zeros_like(found), where=taken > 0)
        return _ratio((positive[:, ::-1] * precision).sum(axis=1), positive.sum(axis=1))

    return _one_against_rest(truth, predictions, weights, area)


def _r2(truth: np.ndarray, predictions: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Share of the variance explained: 1 is perfect, 0 is no better than the mean."""
    centred = truth - truth.mean()  # changes no result, and the sums of squares keep their digits
    variance = _mean(weights, centred**2) - _mean(weights, centred) ** 2
    return 1 - _ratio(_mean(weights, (truth - predictions) ** 2), variance)


def _mae(truth: np.ndarray, predictions: np.ndarray, weights: np.ndarray) -> np.ndarray:
    return _mean(weights, np.abs(truth - predictions))


def _rmse(truth: np.ndarray, predictions: np.ndarray, weights: np.ndarray) -> np.ndarray:
    return np.asarray(np.sqrt(_mean(weights, (truth - predictions) ** 2)))


SCORES: dict[str, ScoreRule] = {
    rule.name: rule
    for rule in (
        ScoreRule("balanced_accuracy", "balanced accuracy", "classes", "higher", _balanced_accuracy),
        ScoreRule("accuracy", "accuracy", "classes", "higher", _accuracy),
        ScoreRule("macro_f1", "macro F1", "classes", "higher", _macro_f1),
        ScoreRule("roc_auc", "ROC AUC", "classes", "higher", _roc_auc),
        ScoreRule("average_precision", "average precision", "classes", "higher", _average_precision),
        ScoreRule("log_loss", "log loss", "classes", "lower", _log_loss),
        ScoreRule("r2", "R²", "number", "higher", _r2),
        ScoreRule("mae", "mean absolute error", "number", "lower", _mae),
        ScoreRule("rmse", "root mean squared error", "number", "lower", _rmse),
    )
}


def scores_for(task: str) -> list[ScoreRule]:
    """The scores that fit a task (`classes` or `number`), the default first."""
    return [rule for rule in SCORES.values() if rule.task == task]


def default_score(task: str) -> ScoreRule:
    """What decides where the pipeline does not say: balanced accuracy, or R2 for a numeric target."""
    return scores_for(task)[0]


def _mean(weights: np.ndarray, values: np.ndarray) -> np.ndarray:
    return np.asarray(weights @ values.astype(float) / weights.sum(axis=1))


def _ratio(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    """Quotients; NaN where there is nothing to divide by."""
    return np.asarray(np.divide(above, below, out=np.full(len(above), np.nan), where=below > 0))


def _counts(truth: np.ndarray, predictions: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, ...]:
    """Weights of right rows, of rows, and of predictions by class: three times (B, C)."""
    classes = np.arange(predictions.shape[1])
    is_class = (truth[:, None] == classes).astype(float)  # (N, C)
    is_predicted = (predictions.argmax(axis=1)[:, None] == classes).astype(float)  # (N, C)
    return weights @ (is_class * is_predicted), weights @ is_class, weights @ is_predicted


def _mean_over_classes(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    present = below > 0
    quotients = np.divide(above, below, out=np.zeros_like(above), where=present)
    return _ratio(quotients.sum(axis=1), present.sum(axis=1).astype(float))


def _one_against_rest(
    truth: np.ndarray,
    predictions: np.ndarray,
    weights: np.ndarray,
    area: Callable[[np.ndarray, np.ndarray], np.ndarray],
) -> np.ndarray:
    """The mean over classes of `area`, which gets the weights by distinct score, ascending: twice (B, distinct)."""
    num_classes = predictions.shape[1]
    areas = []
    for number in range(num_classes):
        scores = predictions[:, number]
        order = np.argsort(scores, kind="stable")
        starts = np.flatnonzero(np.r_[True, np.diff(scores[order]) > 0])
        sorted_weights = weights[:, order]
        is_positive = (truth[order] == number).astype(float)
        positive = np.add.reduceat(sorted_weights * is_positive, starts, axis=1)
        negative = np.add.reduceat(sorted_weights * (1 - is_positive), starts, axis=1)
        areas.append(area(positive, negative))
    table = np.stack(areas)  # (C, B)
    known = ~np.isnan(table)
    return _ratio(np.where(known, table, 0.0).sum(axis=0), known.sum(axis=0).astype(float))
