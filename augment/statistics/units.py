"""What is independent among the held-out rows, and how much it can say: few units allow wide intervals only.

Shapes: N held-out rows, G units.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

__all__ = ["Units", "count_carriers", "degrees_of_freedom", "student_stretch"]


@dataclass(frozen=True)
class Units:
    """Held-out rows that depend on each other are one unit: rows of one patient, of one stretch of time, or equal rows.

    Attributes:
        codes: (N,) int64, the number of each row's unit.
        name: what the units are, in the plural.
    """

    codes: np.ndarray
    name: str = "rows"

    @classmethod
    def of(cls, values: np.ndarray, name: str) -> Units:
        """Rows with equal values, (N,), are one unit."""
        return cls(np.unique(values, return_inverse=True)[1].astype(np.int64), name)

    @classmethod
    def rows(cls, num_rows: int) -> Units:
        """Every row by itself."""
        return cls(np.arange(num_rows, dtype=np.int64))

    def take(self, rows: np.ndarray) -> Units:
        """The units of some rows, by their positions or as a mask."""
        return Units.of(self.codes[rows], self.name)

    @property
    def count(self) -> int:
        """G."""
        return int(self.codes.max(initial=-1)) + 1

    @property
    def effective(self) -> float:
        """As many units of equal size say as much (Kish, 1965): fewer where some are large."""
        sizes = np.bincount(self.codes)
        return float(sizes.sum() ** 2 / (sizes**2).sum()) if len(sizes) else 0.0

    def draw_rates(self, classes: np.ndarray) -> np.ndarray:
        """How often a resample is to draw each unit on average, (G,): (n - 1) / n where n units hold rows of its rarest
        class.

        Args:
            classes: (N,) class numbers from 0; all 0 where there are none.
        """
        unit, held = np.unique(np.stack([self.codes, classes], axis=1), axis=0).T
        rarest = np.full(self.count, self.count)
        np.minimum.at(rarest, unit, np.bincount(held)[held])
        return np.asarray(np.maximum(rarest - 1, 0.5) / rarest)


def count_carriers(influence: np.ndarray) -> float:
    """As many rows or units of equal influence, of any number, would carry as much: from 1 to their number.

    It is the number of effective terms in the variance, the square of the sum of squares over the sum of fourth powers.
    Where nothing has any influence it is infinite.
    """
    squares = influence**2
    total = squares.sum()
    return float(total**2 / (squares**2).sum()) if total > 0 else np.inf


def degrees_of_freedom(influence: np.ndarray) -> float:
    """Those of the variance of a difference, where units (G,) have this influence on it.

    They match the uncertainty of the variance, estimated from the influence itself: about G - 1 of G units alike, and
    about 2 n where only n of many have any. They are at least 1 and at most G - 1.
    """
    num_units = len(influence)
    uncertainty = 1 / count_carriers(influence) - 1 / num_units
    most = float(max(1, num_units - 1))
    return most if uncertainty * most <= 2 else max(1.0, 2 / uncertainty)


def student_stretch(variance: float, parts: Sequence[tuple[float, float]]) -> float:
    """How much wider Student's interval is than the normal one, for a variance that is a sum of estimated ones.

    Its degrees of freedom match the uncertainty of the sum (Satterthwaite, 1946). They are at least 1.

    Args:
        variance: the sum.
        parts: the variances that were estimated, with the degrees of freedom of each; also what was subtracted.
    """
    from scipy.special import ndtri, stdtrit

    uncertainty = sum(part**2 / freedom for part, freedom in parts)
    if not uncertainty:
        return 1.0
    return float(stdtrit(max(1.0, variance**2 / uncertainty), 0.975) / ndtri(0.975))
