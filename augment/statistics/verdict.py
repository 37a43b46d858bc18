"""The rules of the verdict: it follows from intervals, never from a mean alone."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from augment.plugin.trial_results import Verdict
from augment.statistics.units import Units

__all__ = ["LIKELY", "MIN_ROWS", "explain_obstacle", "judge_interval", "worth_having"]
__all__ += ["CANNOT_TELL", "HELPS", "HURTS", "NO_EFFECT", "UNKNOWN", "VOID"]

LIKELY = 0.95  # probability of a gain that the winner of a search has at least
MIN_ROWS = 10  # held out; with fewer, single rows would decide a verdict
MIN_UNITS = 5  # such as groups; fewer cannot show a difference that is worth having
WORTH_HAVING = 0.05  # of scores where more is better: all of them are at most 1
WORTH_HAVING_OF_ERROR = 0.1  # of errors, of what real rows alone have
MIN_SEEDS = 2  # one seed does not show how much of a difference is chance in training
HELPS: Verdict = "helps"
HURTS: Verdict = "hurts"
NO_EFFECT: Verdict = "no measurable effect"
CANNOT_TELL: Verdict = "cannot tell"
UNKNOWN: Verdict = "not assessable"
VOID: Verdict = "contaminated"


def explain_obstacle(truth: np.ndarray, task: str, num_seeds: int, units: Units) -> str:
    """Why so few rows or seeds allow no verdict; empty where they do. Limits by simulation.

    Args:
        truth: (N,) class numbers or values of the held-out rows.
        task: `classes` or `number`.
        num_seeds: how often each arm was trained.
        units: what is independent among the rows.
    """
    if task == "classes" and len(np.unique(truth)) < 2:
        return "the hold-out has rows of one class only"
    if len(truth) < MIN_ROWS:
        return f"{len(truth)} held-out rows are too few to tell an effect from chance; at least {MIN_ROWS} are needed"
    if units.name != "rows" and round(units.effective) < MIN_UNITS:
        few = f"{units.count} {units.name}"
        if round(units.effective) < units.count:
            few += f" of very different sizes, which say as much as {units.effective:.1f} equal ones,"
        return f"{few} in the hold-out are too few to tell an effect from chance; at least {MIN_UNITS} are needed"
    if num_seeds < MIN_SEEDS:
        return "one seed does not show how much of a difference is chance in training; use `trial: {seeds: 5}`"
    return ""


def worth_having(better: str, alone: float) -> float:
    """The smallest difference that is taken to be worth having: 0.05, or of an error a tenth.

    Args:
        better: `higher`, as of scores that are at most 1, or `lower`, as of errors.
        alone: the score of real rows alone.
    """
    return WORTH_HAVING if better == "higher" else WORTH_HAVING_OF_ERROR * abs(alone)


def judge_interval(interval: Sequence[float] | None, better: str, margin: float) -> Verdict:
    """What an interval of a difference says.

    Args:
        interval: of 95 %, or None.
        better: `higher` or `lower`.
        margin: the smallest difference that is worth having.

    Returns:
        `helps` or `hurts` where zero is outside; `no measurable effect` where no difference inside is larger than the
        margin, in either direction; otherwise `cannot tell`.
    """
    if interval is None:
        return CANNOT_TELL
    low, high = interval
    if low > 0:
        return HELPS if better == "higher" else HURTS
    if high < 0:
        return HURTS if better == "higher" else HELPS
    return NO_EFFECT if max(-low, high) <= margin else CANNOT_TELL
