"""The codes of single columns: what `augment.toolkit.tables.bins` puts a table together from.

Shapes: N rows, M values that are not missing, C codes of a column, P pieces of a number's range.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from functools import cached_property
from statistics import NormalDist
from typing import ClassVar, Literal, Self

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict

from augment.data.schema import Column, categorical_dtype, labels_of
from augment.errors import DataError
from augment.toolkit.lossless import MICROSECONDS, counts_of, digits_of, ordered, rounded, series_of

__all__ = ["MOST_LABELS", "MOST_PIECES", "NUM_FEATURES", "Coding", "Levels", "Number", "Whole", "coding_of"]

NUM_FEATURES = 6  # what is known of a code's value: see `CodeTable.features`
NUM_KNOTS = 8  # of the inverse distribution function inside a piece
MOST_PIECES = 100
MOST_EXACT = 256  # numbers with no more different values than that have a code for each, where there are rows enough
MOST_LABELS = 1_000  # categories with more share a code among the rarest
LEAST_SPIKE = 0.01  # share of rows from which a single value has a code of its own

Between = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]  # low, high, share of the way -> amounts


class Coding(BaseModel, ABC):
    """The codes of one column: `num_values` for values, and a last one for missing where values may be missing.

    `rows` counts the training rows of each code, (C,).
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    column: Column
    missing: bool
    rows: tuple[int, ...] = ()

    @property
    @abstractmethod
    def num_values(self) -> int:
        """Number of codes but for the one of missing values."""

    @property
    def num_codes(self) -> int:
        """C."""
        return self.num_values + self.missing

    def encode(self, values: pd.Series) -> np.ndarray:
        """(N,) values to (N,) int32.

        Raises:
            DataError: a value that no training row has, and that is near to none.
        """
        absent = values.isna().to_numpy()
        codes = np.full(len(values), self.num_values, dtype=np.int32)
        if absent.any() and not self.missing:
            self._refuse(int(np.argmax(absent)), "is missing, which it is in no training row")
        if not absent.all():
            if not self.num_values:
                self._refuse(int(np.argmin(absent)), "has a value, but it is missing in every training row")
            codes[~absent] = self.value_codes(values[~absent] if absent.any() else values)
        return codes

    def decode(self, codes: np.ndarray, uniforms: np.ndarray) -> pd.Series:
        """(N,) codes and numbers in [0, 1) to (N,) values, of a type that `conform` makes canonical."""
        if not self.num_values:
            return pd.Series(np.full(len(codes), None, dtype=object))
        absent = codes >= self.num_values
        values = self.values(np.where(absent, 0, codes), uniforms)
        if not absent.any():
            return values
        return (values.astype("Int64") if values.dtype == "int64" else values).mask(absent)

    @abstractmethod
    def value_codes(self, present: pd.Series) -> np.ndarray:
        """(M,) values to (M,) codes."""

    @abstractmethod
    def values(self, codes: np.ndarray, uniforms: np.ndarray) -> pd.Series:
        """The inverse of `value_codes`."""

    def features(self) -> np.ndarray:
        """(C, NUM_FEATURES) float32."""
        features = np.zeros((self.num_codes, NUM_FEATURES), dtype=np.float32)
        features[: self.num_values, -1] = 1.0
        return features

    def counted(self, values: pd.Series) -> Self:
        """The same with the training rows of each code."""
        return self.model_copy(
            update={"rows": tuple(np.bincount(self.encode(values), minlength=self.num_codes).tolist())}
        )

    def _refuse(self, row: int, what: str) -> None:
        raise DataError(
            f"row {row + 1}: {self.name!r} {what}; such a value cannot be learnt from: ask for another, or add rows "
            f"that have it"
        )


class _Amounts(Coding):
    """A column of amounts: single values and pieces of the range between them, each with knots.

    `knots` are the quantiles of a piece's training values at even shares, (P, NUM_KNOTS), all the same where the piece
    is one value. Pieces are in the order of their smallest value; single values may lie inside other pieces.
    """

    knots: tuple[tuple[float, ...], ...]
    dtype: ClassVar[type] = np.float64

    @property
    def num_values(self) -> int:
        return len(self.knots)

    @cached_property
    def _knots(self) -> np.ndarray:
        return np.array(self.knots, dtype=self.dtype).reshape(-1, NUM_KNOTS)

    @cached_property
    def _is_single(self) -> np.ndarray:
        return np.asarray(self._knots[:, 0] == self._knots[:, -1])

    def value_codes(self, present: pd.Series) -> np.ndarray:
        amounts = self.amounts(present)
        singles, ranges = np.flatnonzero(self._is_single), np.flatnonzero(~self._is_single)
        codes = np.full(len(amounts), -1)
        if len(singles):
            places = np.minimum(np.searchsorted(self._knots[singles, 0], amounts), len(singles) - 1)
            found = singles[places]
            codes = np.where(self._knots[found, 0] == amounts, found, -1)
        rest = np.flatnonzero(codes < 0)
        pieces = ranges if len(ranges) else singles
        codes[rest] = pieces[_nearest(self._knots[pieces, 0], self._knots[pieces, -1], amounts[rest])]
        return codes

    def values(self, codes: np.ndarray, uniforms: np.ndarray) -> pd.Series:
        places = uniforms * (NUM_KNOTS - 1)
        lower = np.minimum(places.astype(np.int64), NUM_KNOTS - 2)
        flat = codes * NUM_KNOTS + lower
        low, high = self._knots.ravel()[flat], self._knots.ravel()[flat + 1]
        return self.series(self.between(low, high, places - lower))

    def features(self) -> np.ndarray:
        features = super().features()
        rows = np.maximum(np.array(self.rows[: self.num_values], dtype=np.float64), 0.5)
        middles = self._knots[:, NUM_KNOTS // 2].astype(np.float64)
        scale = np.abs(middles).max(initial=0.0) or 1.0  # so that squares of huge numbers stay finite
        middles = middles / scale
        mean = np.average(middles, weights=rows) if len(rows) else 0.0
        deviation = np.sqrt(np.average((middles - mean) ** 2, weights=rows)) if len(rows) else 0.0
        standard = np.clip((middles - mean) / (deviation or 1.0), -3.0, 3.0)
        ranks = (np.cumsum(rows) - rows / 2) / rows.sum()
        normal = np.array([NormalDist().inv_cdf(rank) for rank in ranks])
        flags = self._is_single.astype(np.float64)
        features[: self.num_values, :-1] = np.stack([normal, 2 * ranks - 1, standard, standard**2 - 1, flags], axis=1)
        return features

    @abstractmethod
    def amounts(self, present: pd.Series) -> np.ndarray:
        """(M,) values to (M,) numbers of the knots' type."""

    @abstractmethod
    def between(self, low: np.ndarray, high: np.ndarray, share: np.ndarray) -> np.ndarray:
        """Numbers that lie so far, in [0, 1], on the way from `low` to `high`."""

    @abstractmethod
    def series(self, amounts: np.ndarray) -> pd.Series:
        """The inverse of `amounts`."""


class Number(_Amounts):
    """Numbers with a fraction, rounded to as many digits as the training values have."""

    kind: Literal["number"] = "number"
    digits: int | None

    @classmethod
    def fit(cls, name: str, column: Column, present: pd.Series, missing: bool, most_pieces: int) -> Self:
        digits = column.decimals
        if digits is None:
            digits = digits_of(present.to_numpy(dtype=np.float64))
        coding = cls(name=name, column=column, missing=missing, knots=(), digits=digits)
        knots = _pieces(coding.amounts(present), most_pieces, coding.between)
        return cls(name=name, column=column, missing=missing, knots=knots.tolist(), digits=digits)

    def amounts(self, present: pd.Series) -> np.ndarray:
        amounts = present.to_numpy(dtype=np.float64)
        return amounts if self.digits is None else rounded(amounts, self.digits)

    def between(self, low: np.ndarray, high: np.ndarray, share: np.ndarray) -> np.ndarray:
        drawn: np.ndarray = low * (1.0 - share) + high * share  # a difference of huge numbers would be infinite
        if self.digits is not None:
            drawn = rounded(drawn, self.digits)
        return np.where(low == high, low, np.clip(drawn, low, high))

    def series(self, amounts: np.ndarray) -> pd.Series:
        return pd.Series(amounts)


class Whole(_Amounts):
    """Integers, and datetimes as whole numbers of the coarsest unit that the training values keep to."""

    kind: Literal["whole"] = "whole"
    unit: int  # microseconds for datetimes, 1 for integers
    knots: tuple[tuple[int, ...], ...]
    dtype: ClassVar[type] = np.int64

    @classmethod
    def fit(cls, name: str, column: Column, present: pd.Series, missing: bool, most_pieces: int) -> Self:
        counts, unit = counts_of(present), 1
        if column.type == "datetime":
            unit = next(size for size in MICROSECONDS if not (counts % size).any())
        coding = cls(name=name, column=column, missing=missing, knots=(), unit=unit)
        knots = _pieces(counts // unit, most_pieces, coding.between)
        return cls(name=name, column=column, missing=missing, knots=knots.tolist(), unit=unit)

    def amounts(self, present: pd.Series) -> np.ndarray:
        counts: np.ndarray = counts_of(present) // self.unit
        return counts

    def between(self, low: np.ndarray, high: np.ndarray, share: np.ndarray) -> np.ndarray:
        width = ordered(high) - ordered(low)
        steps = np.minimum(np.rint(width * share), 2.0**63).astype(np.uint64)
        drawn: np.ndarray = (ordered(low) + np.minimum(steps, width)) ^ np.uint64(2**63)
        return drawn.view(np.int64)

    def series(self, amounts: np.ndarray) -> pd.Series:
        if self.column.type == "datetime":
            return series_of(amounts, self.unit, Column(type="datetime"))
        return pd.Series(amounts)


class Levels(Coding):
    """Labels: the frequent ones have a code each; the others share the last, and are drawn as often as they came."""

    kind: Literal["levels"] = "levels"
    labels: tuple[str, ...]
    rare: tuple[str, ...]
    rare_rows: tuple[int, ...]

    @classmethod
    def fit(cls, name: str, column: Column, values: pd.Series, missing: bool) -> Self:
        numbers, found = pd.factorize(values, use_na_sentinel=True)
        rows = np.bincount(numbers[numbers >= 0], minlength=len(found))
        # by label where rows are equal, so that the order of the data does not matter
        ranked = sorted(zip((-rows).tolist(), labels_of(pd.Series(found)).tolist(), strict=True))
        kept = len(ranked) if len(ranked) <= MOST_LABELS else MOST_LABELS - 1
        return cls(
            name=name,
            column=column,
            missing=missing,
            labels=tuple(sorted(label for _, label in ranked[:kept])),
            rare=tuple(label for _, label in ranked[kept:]),
            rare_rows=tuple(-negative for negative, _ in ranked[kept:]),
        )

    @property
    def num_values(self) -> int:
        return len(self.labels) + bool(self.rare)

    @cached_property
    def _code_of(self) -> dict[str, int]:
        known = {label: code for code, label in enumerate(self.labels)}
        return known | dict.fromkeys(self.rare, len(self.labels))

    @cached_property
    def _dtype(self) -> pd.CategoricalDtype:
        """That of the column under its schema, so that nothing is left to bring into its canonical type."""
        known = self.column.categories or ()
        others = {*self.labels, *self.rare}.difference(known)
        return categorical_dtype((*known, *sorted(others)))

    @cached_property
    def _places(self) -> np.ndarray:
        """Where each label is in that type."""
        return self._dtype.categories.get_indexer(pd.Index([*self.labels, *self.rare], dtype="str"))

    def value_codes(self, present: pd.Series) -> np.ndarray:
        numbers, found = pd.factorize(present)
        table = np.array([self._code_of.get(label, -1) for label in labels_of(pd.Series(found))], dtype=np.int64)
        codes: np.ndarray = table[numbers]
        if (codes < 0).any():
            row = int(np.argmin(codes))
            known = ", ".join(self.labels[:10]) + (", ..." if len(self.labels) > 10 else "")
            raise DataError(
                f"{self.name!r} is {str(present.iloc[row])!r}, which no training row has; known are {known}: ask for "
                f"one of these, or add rows that have it"
            )
        return codes

    def values(self, codes: np.ndarray, uniforms: np.ndarray) -> pd.Series:
        if self.rare:
            ends = np.cumsum(self.rare_rows)
            drawn = np.searchsorted(ends, uniforms * ends[-1], side="right")
            codes = np.where(codes == len(self.labels), len(self.labels) + drawn, codes)
        labels = pd.Series(pd.Categorical.from_codes(self._places[codes], dtype=self._dtype))
        return labels if self.column.type == "category" else labels.astype("object")


def coding_of(name: str, column: Column, values: pd.Series, most_pieces: int) -> Coding:
    """The codes that suit training values, (N,) of them; a number's range is cut into at most so many pieces."""
    present = values.dropna()
    missing = len(present) < len(values) or not len(values)
    if column.type in ("category", "boolean") or (column.type == "integer" and column.categories):
        return Levels.fit(name, column, values, missing)
    kind = Number if column.type == "number" else Whole
    return kind.fit(name, column, present, missing, most_pieces)


def _pieces(amounts: np.ndarray, most_pieces: int, between: Between) -> np.ndarray:
    """Cut the range of (M,) training values: knots (P, NUM_KNOTS) of their type, in the order of the first."""
    distinct, rows = np.unique(amounts, return_counts=True)
    num_rows = len(amounts)
    num_pieces = int(np.clip(round(np.sqrt(num_rows)), 1, most_pieces))
    if len(distinct) <= max(num_pieces, min(MOST_EXACT, num_rows // 20)):
        return np.repeat(distinct[:, None], NUM_KNOTS, axis=1)
    # a single value stands out from rows in whose piece it would otherwise be
    is_single = rows >= num_rows * max(LEAST_SPIKE, 0.5 / num_pieces)
    singles, rest = distinct[is_single], np.repeat(distinct[~is_single], rows[~is_single])
    middles = np.cumsum(rows[~is_single]) - rows[~is_single] / 2
    num_ranges = max(1, round(num_pieces * len(rest) / num_rows))
    # equal values are never parted: a piece has as many rows as they allow
    pieces = np.repeat((middles / max(len(rest), 1) * num_ranges).astype(np.int64), rows[~is_single])
    _, starts, sizes = np.unique(pieces, return_index=True, return_counts=True)
    places = np.linspace(0, 1, NUM_KNOTS) * (sizes[:, None] - 1)
    lower = starts[:, None] + places.astype(np.int64)
    upper = starts[:, None] + np.ceil(places).astype(np.int64)
    ranges = between(rest[lower], rest[upper], places % 1.0)
    knots = np.concatenate([np.repeat(singles[:, None], NUM_KNOTS, axis=1), ranges])
    return knots[np.argsort(knots[:, 0], kind="stable")]


def _nearest(lows: np.ndarray, highs: np.ndarray, amounts: np.ndarray) -> np.ndarray:
    """Which of the pieces, which do not overlap, each of (M,) amounts lies in or next to: (M,) int64."""
    after = np.minimum(np.searchsorted(highs, amounts), len(highs) - 1)
    before = np.maximum(after - 1, 0)
    # halves, since the distance between huge numbers is no number
    below = amounts / 2 - highs[before] / 2
    above = lows[after] / 2 - amounts / 2
    return np.where(below < above, before, after)
