"""What a metric returns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from augment.plugin.run_metrics import AttackResult

__all__ = ["Score"]


@dataclass(frozen=True)
class Score:
    """One score of a metric.

    Attributes:
        name: what was measured, in the terms of the report.
        value: the number.
        unit: its unit, empty for a share or a count.
        better: which direction is better, or `none`.
        interval: lower and upper end of a 95 % interval, or None.
        detail: JSON values. The key `reference` maps names of controls to their scores. A score that decides
            the verdict of a run without a target has the key `gain`. Its value is then the difference from real rows
            alone, and `gain` has the keys `score` (what was scored), `alone` (the score of real rows alone), `judged`
            (the number of held-out rows), and `oversampling` and `against`, each with `difference` and `interval`: the
            gain of repeated real rows, and of synthetic rows over repeated ones.
        attack: the limit and the finding of an attack on privacy; None for other scores. The summary of privacy follows
            from these. The finding must agree with the value: `leak found` and `near by design` are above the limit.
        private: JSON values that can identify single rows. They are stored in a file of the run that only its owner can
            read, and are not in the report.
        voids: why the verdict of the trial is void: what the rows have of the hold-out, a clause such as `98 of 1,000
            rows equal held-out rows, where 3 were to be expected`. Any metric can void it. Empty where nothing does.
        meaning: what the score measures, in one sentence for people who have not met it.
    """

    name: str
    value: float
    unit: str = ""
    better: Literal["higher", "lower", "none"] = "higher"
    interval: tuple[float, float] | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)
    attack: AttackResult | None = None
    private: Mapping[str, Any] = field(default_factory=dict)
    voids: str = ""
    meaning: str = ""
