"""Scores of numbers where a few rows decide them: another score has to, or none can.

Squared errors of a target with a heavy tail, such as incomes, are those of its largest values. Whether these are among
the held-out rows is chance, and no interval from the held-out rows shows what is not among them.

Shapes: N held-out rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from augment.statistics.scores import SCORES, ScoreRule
from augment.statistics.units import count_carriers

__all__ = ["Deciding", "choose_number_score"]

MIN_SQUARE_CARRIERS = 4.0  # rows that carry a difference in squared errors; fewer are a few large errors
MIN_CARRIERS = 2.0  # likewise in absolute errors
MIN_VARIANCE_CARRIERS = (
    10.0  # rows that carry the target's variance, or a quarter of the rows: of normal ones a third do
)


class Deciding(NamedTuple):
    """The score that decides, what to say about that, and why there is no verdict."""

    rule: ScoreRule
    remark: str = ""
    obstacle: str = ""


def choose_number_score(
    rule: ScoreRule, is_default: bool, truth: np.ndarray, influence: Mapping[str, np.ndarray]
) -> Deciding:
    """R2 and the root mean squared error give way to the mean absolute error where a few rows carry them.

    Limits by simulation (`bench/calibration.py`): with them, at most 1 % of the verdicts have the wrong sign.

    Args:
        rule: the score that is to decide.
        is_default: whether it may give way.
        truth: (N,) held-out values.
        influence: score to each row's influence on the difference that is judged, (N,).
    """
    carriers = {name: count_carriers(of_rows) for name, of_rows in influence.items()}
    mae_is_good = carriers["mae"] >= MIN_CARRIERS
    variance = count_carriers(truth - truth.mean())
    if rule.name == "mae" and mae_is_good:
        return Deciding(rule)
    if rule.name != "mae" and carriers[rule.name] >= MIN_SQUARE_CARRIERS:
        if variance >= min(MIN_VARIANCE_CARRIERS, len(truth) / 4):
            return Deciding(rule)
        tail = f"{rule.label} rests on a few large values of the target, as if only {variance:.1f} rows were held out"
    else:
        tail = f"a few large errors decide {rule.label}, as if only {carriers[rule.name]:.1f} rows were held out"
    if is_default and mae_is_good:
        return Deciding(SCORES["mae"], remark=f"The mean absolute error is compared, because {tail}.")
    return Deciding(
        rule, obstacle=f"{tail}; use {'`trial: {score: mae}`' if mae_is_good else 'the logarithm of the target'}"
    )
