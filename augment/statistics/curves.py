"""What a trial's predictions look like class by class: confusion matrices, and the curves behind scores of ranking.

Both are means over the seeds, like the scores beside them.

Shapes: S seeds, N held-out rows, C classes.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from augment.plugin.trial_results import ArmResult, ClassCurves, Confusion

__all__ = ["add_class_figures", "class_curves", "count_confusion"]

MAX_CLASSES = 30  # of a matrix; more than that cannot be read
MAX_CURVES = 3  # classes
NUM_POINTS = 51  # of a curve


def add_class_figures(
    arm: ArmResult,
    truth: np.ndarray,
    probabilities: Sequence[np.ndarray],
    decisions: Sequence[np.ndarray],
    classes: Sequence[str],
) -> ArmResult:
    """The arm with its confusion matrix and curves, see `count_confusion` and `class_curves`.

    Args:
        arm: without them.
        truth: (N,) class numbers.
        probabilities: S times (N, C).
        decisions: S times (N, C), whose largest value in each row is the decision.
        classes: the labels that class numbers stand for.
    """
    predicted = [array.argmax(axis=1) for array in decisions]
    confusion, curves = count_confusion(truth, predicted, classes), class_curves(truth, probabilities, classes)
    return arm.model_copy(update={"confusion": confusion, "curves": curves})


def count_confusion(truth: np.ndarray, predicted: Sequence[np.ndarray], classes: Sequence[str]) -> Confusion:
    """Held-out rows by true and predicted class.

    Of more than 30 classes, the 29 with the fewest held-out rows are kept, and all others are one more.

    Args:
        truth: (N,) class numbers.
        predicted: S times (N,) class numbers.
        classes: the labels that class numbers stand for.
    """
    size = len(classes)
    pairs = [np.bincount(truth * size + row, minlength=size * size).reshape(size, size) for row in predicted]
    mean: np.ndarray = np.mean(pairs, axis=0)
    kept = np.arange(size)
    if size > MAX_CLASSES:
        kept = np.sort(np.argsort(mean.sum(axis=1), kind="stable")[: MAX_CLASSES - 1])
        group = np.full(size, len(kept))
        group[kept] = np.arange(len(kept))
        merge = np.eye(len(kept) + 1)[group]  # (C, kept + 1)
        mean = merge.T @ mean @ merge
    return Confusion(labels=[classes[int(n)] for n in kept], num_others=size - len(kept), counts=mean.tolist())


def class_curves(truth: np.ndarray, probabilities: Sequence[np.ndarray], classes: Sequence[str]) -> list[ClassCurves]:
    """ROC and precision-recall curves of the classes with the fewest held-out rows, one class against the rest.

    Args:
        truth: (N,) class numbers.
        probabilities: S times (N, C).
        classes: the labels that class numbers stand for.
    """
    rows = np.bincount(truth, minlength=len(classes))
    assessable = np.flatnonzero((rows > 0) & (rows < len(truth)))
    rarest = assessable[np.argsort(rows[assessable], kind="stable")]
    rarest = rarest[: 1 if len(classes) == 2 else MAX_CURVES]  # the other of two classes says the same
    curves = []
    for number in rarest:
        both = [_curves(truth == number, array[:, number]) for array in probabilities]
        sensitivity, precision = np.mean(both, axis=0).round(4).tolist()
        curves.append(
            ClassCurves(
                label=classes[int(number)], rows=int(rows[number]), sensitivity=sensitivity, precision=precision
            )
        )
    return curves


def _curves(is_positive: np.ndarray, score: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Recall at even false positive rates, and precision at even recalls, for one seed; both of `NUM_POINTS`."""
    order = np.argsort(-score, kind="stable")
    last = np.flatnonzero(np.append(np.diff(score[order]) != 0, True))  # rows of equal score count at once
    found = np.cumsum(is_positive[order])[last]
    named = last + 1
    recall = found / found[-1]
    false_rate = np.append(0.0, (named - found) / (named[-1] - found[-1]))
    sensitivity = np.append(0.0, recall)
    grid = np.linspace(0, 1, NUM_POINTS)
    # steps upwards count as taken: the last point that is not beyond, and from there straight to the next
    at = np.searchsorted(false_rate, grid, side="right") - 1
    after = np.minimum(at + 1, len(false_rate) - 1)
    width = false_rate[after] - false_rate[at]
    way = np.divide(grid - false_rate[at], width, out=np.zeros(NUM_POINTS), where=width > 0)
    rises = sensitivity[at] + way * (sensitivity[after] - sensitivity[at])
    # the highest threshold that reaches each recall, as in average precision; the first that finds any row for recall 0
    reached = np.searchsorted(recall, np.maximum(grid - 1e-12, 1e-12))  # 1e-12: shares leave a last bit
    return rises, (found / named)[reached]
