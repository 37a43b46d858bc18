"""What ways to train a model were measured to gain, as a probe declares it for the search for the mix."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

__all__ = ["MeasuredGain", "read_gains"]


@dataclass(frozen=True)
class MeasuredGain:
    """What one way to train gained over real rows alone, on several tables that are alike.

    Attributes:
        candidate: `threshold`, `class-weights`, `oversampling`, `tuned`, or the name of a generator.
        score: the score that it was measured with, such as `roc_auc`.
        lopsided: whether the rarest class of the tables has less than half of the rows of the largest.
        mean: the mean gain over the tables; positive is better, also where lower scores are.
        spread: standard deviation of the gain to expect on another such table; above 0.
        tables: how many.
        min_rows: fewest training rows of such tables.
        max_rows: most training rows of such tables, or None.
    """

    candidate: str
    score: str
    lopsided: bool
    mean: float
    spread: float
    tables: int
    min_rows: int = 0
    max_rows: int | None = None

    def concerns(self, score: str, counts: Mapping[str, int]) -> bool:
        """Whether it says something of such training rows.

        Args:
            score: the score that decides.
            counts: training rows of each class.
        """
        rows, present = sum(counts.values()), [count for count in counts.values() if count]
        lopsided = min(present) < max(present) / 2
        in_bounds = self.min_rows <= rows <= (rows if self.max_rows is None else self.max_rows)
        return self.score == score and self.lopsided == lopsided and in_bounds


def read_gains(path: Path) -> dict[str, tuple[MeasuredGain, ...]]:
    """Model to what was measured with it, from a JSON file of lists in the order of `MeasuredGain`'s attributes."""
    content = json.loads(path.read_text(encoding="utf-8"))
    return {model: tuple(MeasuredGain(*row) for row in rows) for model, rows in content["gains"].items()}
