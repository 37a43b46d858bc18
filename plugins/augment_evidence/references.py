"""Scores of synthetic rows, each beside what real rows and other controls reach on the same measure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from augment.plugin import Score
from augment_evidence.meanings import explain

__all__ = ["Better", "scores_beside"]

Better = Literal["higher", "lower", "none"]


def scores_beside(
    values: Mapping[str, Mapping[str, float]],
    better: Mapping[str, Better],
    detail: Mapping[str, Any] | None = None,
    own_details: Mapping[str, Mapping[str, Any]] | None = None,
    units: Mapping[str, str] | None = None,
) -> list[Score]:
    """A score for each value of the synthetic rows, with the controls' values of that name as its reference.

    Args:
        values: `synthetic`, or the name of a control, to name of a score to value. A control may lack some.
        better: name of a score to the better direction.
        detail: what the detail of every score holds.
        own_details: name of a score to what its detail holds besides.
        units: name of a score to its unit, where it has one.
    """
    scores = []
    for name, value in values["synthetic"].items():
        reference = {part: own[name] for part, own in values.items() if part != "synthetic" and name in own}
        full = {**(detail or {}), "reference": reference, **(own_details or {}).get(name, {})}
        unit = (units or {}).get(name, "")
        scores.append(Score(name, value, unit, better[name], detail=full, meaning=explain(name)))
    return scores
