"""The formulas of scores under row weights, all resamples at once, and their derivatives by the weights.

Shapes: B resamples, N rows, C classes, P rows of one class.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


def accuracy(truth: np.ndarray, predictions: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The share of right predictions."""
    return mean(weights, predictions.argmax(axis=1) == truth)


def linear_accuracy(truth: np.ndarray, predictions: np.ndarray) -> tuple[float, np.ndarray]:
    """`accuracy` where all weights are 1, and its derivative by each."""
    return linear_mean(predictions.argmax(axis=1) == truth)


def balanced_accuracy(truth: np.ndarray, predictions: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Mean recall over the classes present."""
    hits, support, _ = _counts(truth, predictions, weights)
    return _mean_over_classes(hits, support)


def linear_balanced_accuracy(truth: np.ndarray, predictions: np.ndarray) -> tuple[float, np.ndarray]:
    """`balanced_accuracy` where all weights are 1, and its derivative by each."""
    hit = predictions.argmax(axis=1) == truth
    support = np.bincount(truth)
    recall = np.bincount(truth, hit) / np.maximum(support, 1)
    num_present = np.count_nonzero(support)
    return float(recall.sum() / num_present), (hit - recall[truth]) / (support[truth] * num_present)


def macro_f1(truth: np.ndarray, predictions: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """F1, averaged over the classes that are present or predicted."""
    hits, support, predicted = _counts(truth, predictions, weights)
    return _mean_over_classes(2 * hits, support + predicted)


def linear_macro_f1(truth: np.ndarray, predictions: np.ndarray) -> tuple[float, np.ndarray]:
    """`macro_f1` where all weights are 1, and its derivative by each."""
    predicted, num_classes = predictions.argmax(axis=1), predictions.shape[1]
    hit = predicted == truth
    size = np.bincount(truth, minlength=num_classes) + np.bincount(predicted, minlength=num_classes)
    f1 = 2 * np.bincount(truth, hit, minlength=num_classes) / np.maximum(size, 1)
    num_present = np.count_nonzero(size)
    # a row counts in the class it is of and in the one it is predicted to be of
    derivative = (hit - f1[truth]) / size[truth] + (hit - f1[predicted]) / size[predicted]
    return float(f1.sum() / num_present), derivative / num_present


def log_loss(truth: np.ndarray, predictions: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Mean negative log probability, in nats; probabilities are clipped to at least 1e-15."""
    return mean(weights, _losses(truth, predictions))


def linear_log_loss(truth: np.ndarray, predictions: np.ndarray) -> tuple[float, np.ndarray]:
    """`log_loss` where all weights are 1, and its derivative by each."""
    return linear_mean(_losses(truth, predictions))


def _losses(truth: np.ndarray, predictions: np.ndarray) -> np.ndarray:
    total = predictions.sum(axis=1)
    right = predictions[np.arange(len(truth)), truth] / np.where(total > 0, total, 1.0)
    return np.asarray(-np.log(np.clip(right, 1e-15, 1.0)))


def roc_auc(truth: np.ndarray, predictions: np.ndarray, weights: np.ndarray) -> np.ndarray:
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


def linear_roc_auc(truth: np.ndarray, predictions: np.ndarray) -> tuple[float, np.ndarray]:
    """`roc_auc` where all weights are 1, and its derivative by each."""
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


def average_precision(truth: np.ndarray, predictions: np.ndarray, weights: np.ndarray) -> np.ndarray:
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


def linear_average_precision(truth: np.ndarray, predictions: np.ndarray) -> tuple[float, np.ndarray]:
    """`average_precision` where all weights are 1, and its derivative by each."""
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


def r2(truth: np.ndarray, predictions: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Share of the variance explained: 1 is perfect, 0 is no better than the mean."""
    centred = truth - truth.mean()  # changes no result, and the sums of squares keep their digits
    squares = mean(weights, centred**2)
    variance = squares - mean(weights, centred) ** 2
    variance[variance < 1e-12 * squares] = 0.0  # rounding, where all rows drawn are equal
    return 1 - _ratio(mean(weights, (truth - predictions) ** 2), variance)


def linear_r2(truth: np.ndarray, predictions: np.ndarray) -> tuple[float, np.ndarray]:
    """`r2` where all weights are 1, and its derivative by each."""
    error, by_error = linear_mean((truth - predictions) ** 2)
    variance, by_variance = linear_mean((truth - truth.mean()) ** 2)
    if variance == 0:
        return np.nan, np.zeros(len(truth))
    return 1 - error / variance, (by_variance * error / variance - by_error) / variance


def mae(truth: np.ndarray, predictions: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The mean absolute error."""
    return mean(weights, np.abs(truth - predictions))


def linear_mae(truth: np.ndarray, predictions: np.ndarray) -> tuple[float, np.ndarray]:
    """`mae` where all weights are 1, and its derivative by each."""
    return linear_mean(np.abs(truth - predictions))


def rmse(truth: np.ndarray, predictions: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The root mean squared error."""
    return np.asarray(np.sqrt(mean(weights, (truth - predictions) ** 2)))


def linear_rmse(truth: np.ndarray, predictions: np.ndarray) -> tuple[float, np.ndarray]:
    """`rmse` where all weights are 1, and its derivative by each."""
    error, derivative = linear_mean((truth - predictions) ** 2)
    return error**0.5, derivative / (2 * error**0.5) if error > 0 else derivative


def mean(weights: np.ndarray, values: np.ndarray) -> np.ndarray:
    """The weighted mean of N values under each of the weights, (B,)."""
    return _ratio(weights @ values.astype(float), weights.sum(axis=1))


def linear_mean(values: np.ndarray) -> tuple[float, np.ndarray]:
    """The mean of N values, and its derivative by the weight of each, (N,)."""
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
