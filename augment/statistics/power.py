"""Which difference a hold-out is likely to show, before anything is trained: by its size, classes and units."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from augment.statistics.scores import ScoreRule
from augment.statistics.units import Units
from augment.statistics.verdict import worth_having

__all__ = ["describe_power", "expected_effect"]

NORMAL_80 = 0.842  # quantile of 80 %
# standard deviation of what single units add to the difference of two arms, as measured on simulated predictions; for
# decisions it means that the arms disagree on a fifth of the rows; of an error it is a share
SPREADS = {"decision": 0.45, "ranking": 0.45, "probability": 1.0, "number": 0.9}
BY_CLASS = ("balanced_accuracy", "macro_f1", "roc_auc", "average_precision")  # a unit of a small class weighs more


def expected_effect(rule: ScoreRule, units: Mapping[str, int], num_units: int) -> float:
    """The difference that is seen in about 80 of 100 hold-outs like this; for errors as a share of the error.

    Args:
        rule: the score that decides.
        units: label to the units that hold rows of the class; empty for a numeric target.
        num_units: independent units of the hold-out.
    """
    from scipy.special import stdtrit

    counts = np.array([*units.values()] if rule.name in BY_CLASS and units else [num_units], dtype=float)
    variances = (SPREADS[rule.kind] / len(counts)) ** 2 / counts
    freedom = variances.sum() ** 2 / (variances**2 / np.maximum(counts - 1, 1)).sum()
    return float((stdtrit(freedom, 0.975) + NORMAL_80) * np.sqrt(variances.sum()))


def describe_power(rule: ScoreRule, truth: np.ndarray, units: Units, classes: tuple[str, ...]) -> str:
    """A sentence on the differences that a hold-out is likely to show; empty where it shows what is worth having.

    Args:
        rule: the score that decides.
        truth: (N,) class numbers or values of the held-out rows.
        units: what is independent among them.
        classes: the labels that class numbers stand for; empty for a numeric target.
    """
    held = {label: len(np.unique(units.codes[truth == number])) for number, label in enumerate(classes)}
    held = {label: count for label, count in held.items() if count}
    if not len(truth) or (classes and len(held) < 2):
        return ""
    effect = expected_effect(rule, held, units.count)
    if effect <= worth_having(rule.better, 1.0):
        return ""
    rows = f"{len(truth):,} held-out rows" + (f" in {units.count:,} {units.name}" if units.name != "rows" else "")
    rarest = min(held, key=lambda label: held[label], default="")
    if held and held[rarest] < units.count / len(held) / 2:
        count = int((truth == classes.index(rarest)).sum())
        rows = f"{rows}, {count:,} of them of class {rarest!r}"
    if rule.better == "higher" and effect >= 1:
        return f"{rows}: too few for a verdict by {rule.label}; hold out more rows, or try `trial: {{cuts: 5}}`"
    size = f"{effect:.2g} in" if rule.better == "higher" else f"{effect:.0%} of the"
    return f"{rows}: only a difference above {size} {rule.label} is likely to be seen (estimate, 80 % power)"
