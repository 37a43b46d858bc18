"""Scores of predictions under row weights, all resamples at once, so that intervals by bootstrap are affordable.

A bootstrap resample of N rows is a vector of N weights; B of them are the matrix `weights`. With many rows even that
takes long; then a score's derivatives by the weights stand for it: see `ScoreRule.linear`.

Shapes: B resamples, N rows, C classes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from augment.plugin.trial_results import ScoreKind
from augment.statistics import formulas

__all__ = ["SCORES", "ScoreRule", "default_score", "recall_rule", "score_format", "scores_for"]

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


SCORES: dict[str, ScoreRule] = {
    rule.name: rule
    for rule in (
        ScoreRule(
            "balanced_accuracy",
            "balanced accuracy",
            "classes",
            "decision",
            "higher",
            formulas.balanced_accuracy,
            formulas.linear_balanced_accuracy,
            by_one=lambda rows, named: 1 / np.maximum(rows, 1) / np.count_nonzero(rows),
            meaning="The share of each class's rows that are recognised, averaged over the classes: all count equally.",
        ),
        ScoreRule(
            "accuracy",
            "accuracy",
            "classes",
            "decision",
            "higher",
            formulas.accuracy,
            formulas.linear_accuracy,
            by_one=lambda rows, named: np.full(len(rows), 1 / rows.sum()),
            meaning="The share of all rows whose class is predicted correctly; large classes dominate it.",
        ),
        ScoreRule(
            "macro_f1",
            "macro F1",
            "classes",
            "decision",
            "higher",
            formulas.macro_f1,
            formulas.linear_macro_f1,
            by_one=lambda rows, named: 2 / np.maximum(rows + named, 1) / np.count_nonzero(rows + named),
            meaning="F1, which is high only if both precision and recall are, averaged over the classes.",
        ),
        ScoreRule(
            "roc_auc",
            "ROC AUC",
            "classes",
            "ranking",
            "higher",
            formulas.roc_auc,
            formulas.linear_roc_auc,
            meaning="How often a row of a class gets a higher probability of it than another row: 0.5 is chance.",
        ),
        ScoreRule(
            "average_precision",
            "average precision",
            "classes",
            "ranking",
            "higher",
            formulas.average_precision,
            formulas.linear_average_precision,
            meaning="The precision among the rows most likely to be of a class, averaged over all recalls and classes.",
        ),
        ScoreRule(
            "log_loss",
            "log loss",
            "classes",
            "probability",
            "lower",
            formulas.log_loss,
            formulas.linear_log_loss,
            meaning="How wrong the predicted probabilities are; being confident and wrong costs most.",
        ),
        ScoreRule(
            "r2",
            "R²",
            "number",
            "number",
            "higher",
            formulas.r2,
            formulas.linear_r2,
            meaning="The share of the target's variance that is explained: 1 is perfect, 0 is no better than the mean.",
        ),
        ScoreRule(
            "mae",
            "mean absolute error",
            "number",
            "number",
            "lower",
            formulas.mae,
            formulas.linear_mae,
            meaning="The mean distance between prediction and truth, in the target's unit.",
        ),
        ScoreRule(
            "rmse",
            "root mean squared error",
            "number",
            "number",
            "lower",
            formulas.rmse,
            formulas.linear_rmse,
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
        return formulas.mean(weights[:, of_class], predictions[of_class].argmax(axis=1) == number)

    def linear(truth: np.ndarray, predictions: np.ndarray) -> tuple[float, np.ndarray]:
        of_class, derivative = truth == number, np.zeros(len(truth))
        recall, derivative[of_class] = formulas.linear_mean(predictions[of_class].argmax(axis=1) == number)
        return recall, derivative

    def by_one(rows: np.ndarray, named: np.ndarray) -> np.ndarray:
        return np.asarray((np.arange(len(rows)) == number) / rows[number])

    return ScoreRule(f"recall of class {number}", "recall", "classes", "decision", "higher", score, linear, by_one)


def score_format(score: str, size: float) -> str:
    """How values of a score are written, as `format` takes it. Those in a target's unit may be large or tiny.

    Args:
        score: by name; one that is not known is written as those of classes are.
        size: of a typical value.

    >>> f"{105066.4:{score_format('mae', 105066.4)}}", f"{0.91234:{score_format('roc_auc', 0.9)}}"
    ('105066', '0.912')
    """
    if score not in SCORES or SCORES[score].task == "classes" or SCORES[score].better == "higher":
        return ".3f"  # of at most 1
    return ".0f" if 1e4 <= abs(size) < 1e15 else ".4g"


def write_difference(score: float, other: float, style: str) -> str:
    """The difference of two scores as whoever reads them subtracts them, with its sign.

    A difference that is rounded by itself need not be that of the rounded scores.

    >>> write_difference(0.9566, 0.9352, ".3f")
    '+0.022'
    """
    return f"{float(f'{score:{style}}') - float(f'{other:{style}}'):+{style}}"
