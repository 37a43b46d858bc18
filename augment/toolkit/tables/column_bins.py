"""The bins of single columns: what `augment.toolkit.tables.bins` puts a table together from.

Shapes: N rows, M values that are not missing, C bins of a column, P bins of a number.
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

from augment.data import Column, as_labels
from augment.data.conformity import categorical_dtype
from augment.errors import DataError
from augment.toolkit.lossless import MICROSECONDS, as_integers, count_digits, from_integers, ordered, rounded

__all__ = ["MAX_BINS", "MAX_LABELS", "NUM_FEATURES", "Categorical", "ColumnBins", "Integer", "Number", "fit_column"]

NUM_FEATURES = 6  # what is known of a bin's value: see `BinTable.features`
NUM_QUANTILES = 8  # of the inverse distribution function inside a bin
MAX_BINS = 100
MAX_EXACT = 256  # numbers with no more different values than that have a bin for each, where there are rows enough
MAX_LABELS = 1_000  # categories with more share a bin among the rarest
MIN_SPIKE = 0.01  # share of rows from which a single value has a bin of its own

Between = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]  # low, high, share of the way -> amounts


class ColumnBins(BaseModel, ABC):
    """The bins of one column: `num_values` for values, and a last one for missing where values may be missing.

    `rows` counts the training rows of each bin, (C,).
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    column: Column
    missing: bool
    rows: tuple[int, ...] = ()

    @property
    @abstractmethod
    def num_values(self) -> int:
        """Number of bins but for the one of missing values."""

    @property
    def num_bins(self) -> int:
        """C."""
        return self.num_values + self.missing

    def encode(self, values: pd.Series) -> np.ndarray:
        """(N,) values to (N,) int32.

        Raises:
            DataError: a value that no training row has, and that is near to none.
        """
        absent = values.isna().to_numpy()
        bins = np.full(len(values), self.num_values, dtype=np.int32)
        if absent.any() and not self.missing:
            self._refuse(int(np.argmax(absent)), "is missing, which it is in no training row")
        if not absent.all():
            if not self.num_values:
                self._refuse(int(np.argmin(absent)), "has a value, but it is missing in every training row")
            bins[~absent] = self.value_bins(values[~absent] if absent.any() else values)
        return bins

    def decode(self, bins: np.ndarray, uniforms: np.ndarray) -> pd.Series:
        """(N,) bins and numbers in [0, 1) to (N,) values, of a type that `conform` makes canonical."""
        if not self.num_values:
            return pd.Series(np.full(len(bins), None, dtype=object))
        absent = bins >= self.num_values
        values = self.values(np.where(absent, 0, bins), uniforms)
        if not absent.any():
            return values
        return (values.astype("Int64") if values.dtype == "int64" else values).mask(absent)

    @abstractmethod
    def value_bins(self, present: pd.Series) -> np.ndarray:
        """(M,) values to (M,) bins."""

    @abstractmethod
    def values(self, bins: np.ndarray, uniforms: np.ndarray) -> pd.Series:
        """The inverse of `value_bins`."""

    def features(self) -> np.ndarray:
        """(C, NUM_FEATURES) float32."""
        features = np.zeros((self.num_bins, NUM_FEATURES), dtype=np.float32)
        features[: self.num_values, -1] = 1.0
        return features

    def counted(self, values: pd.Series) -> Self:
        """The same with the training rows of each bin."""
        return self.model_copy(
            update={"rows": tuple(np.bincount(self.encode(values), minlength=self.num_bins).tolist())}
        )

    def _refuse(self, row: int, what: str) -> None:
        raise DataError(
            f"row {row + 1}: {self.name!r} {what}; such a value cannot be learnt from: ask for another, or add rows "
            f"that have it"
        )


class _Amounts(ColumnBins):
    """A column of amounts, binned by single values and by the ranges between them.

    `quantiles` are those of a bin's training values at even shares, (P, NUM_QUANTILES), all the same where the bin is
    one value. Bins are in the order of their smallest value; single values may lie inside other bins.
    """

    quantiles: tuple[tuple[float, ...], ...]
    dtype: ClassVar[type] = np.float64

    @property
    def num_values(self) -> int:
        return len(self.quantiles)

    @cached_property
    def _quantiles(self) -> np.ndarray:
        return np.array(self.quantiles, dtype=self.dtype).reshape(-1, NUM_QUANTILES)

    @cached_property
    def _is_single(self) -> np.ndarray:
        return np.asarray(self._quantiles[:, 0] == self._quantiles[:, -1])

    def value_bins(self, present: pd.Series) -> np.ndarray:
        amounts = self.amounts(present)
        singles, ranges = np.flatnonzero(self._is_single), np.flatnonzero(~self._is_single)
        bins = np.full(len(amounts), -1)
        if len(singles):
            places = np.minimum(np.searchsorted(self._quantiles[singles, 0], amounts), len(singles) - 1)
            nearest = singles[places]
            bins = np.where(self._quantiles[nearest, 0] == amounts, nearest, -1)
        rest = np.flatnonzero(bins < 0)
        others = ranges if len(ranges) else singles
        bins[rest] = others[_nearest(self._quantiles[others, 0], self._quantiles[others, -1], amounts[rest])]
        return bins

    def values(self, bins: np.ndarray, uniforms: np.ndarray) -> pd.Series:
        places = uniforms * (NUM_QUANTILES - 1)
        lower = np.minimum(places.astype(np.int64), NUM_QUANTILES - 2)
        flat = bins * NUM_QUANTILES + lower
        low, high = self._quantiles.ravel()[flat], self._quantiles.ravel()[flat + 1]
        amounts = self.between(low, high, places - lower)
        if self._is_single.any() and not self._is_single.all():
            # what has a bin of its own is not drawn from a range around it: an end of the range is, which has none
            taken = ~self._is_single[bins] & np.isin(amounts, self._quantiles[self._is_single, 0])
            ends = np.where(uniforms < 0.5, self._quantiles[bins, 0], self._quantiles[bins, -1])
            amounts = np.where(taken, ends, amounts)
        return self.series(amounts)

    def features(self) -> np.ndarray:
        features = super().features()
        rows = np.maximum(np.array(self.rows[: self.num_values], dtype=np.float64), 0.5)
        middles = self._quantiles[:, NUM_QUANTILES // 2].astype(np.float64)
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
        """(M,) values to (M,) numbers of the quantiles' type."""

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
    def fit(cls, name: str, column: Column, present: pd.Series, missing: bool, max_bins: int) -> Self:
        digits = column.decimals
        if digits is None:
            digits = count_digits(present.to_numpy(dtype=np.float64))
        column_bins = cls(name=name, column=column, missing=missing, quantiles=(), digits=digits)
        quantiles = _cut(column_bins.amounts(present), max_bins, column_bins.between)
        return cls(name=name, column=column, missing=missing, quantiles=quantiles.tolist(), digits=digits)

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


class Integer(_Amounts):
    """Integers, and datetimes as whole numbers of the coarsest unit that the training values keep to."""

    kind: Literal["integer"] = "integer"
    unit: int  # microseconds for datetimes, 1 for integers
    quantiles: tuple[tuple[int, ...], ...]
    dtype: ClassVar[type] = np.int64

    @classmethod
    def fit(cls, name: str, column: Column, present: pd.Series, missing: bool, max_bins: int) -> Self:
        counts, unit = as_integers(present), 1
        if column.type == "datetime":
            unit = next(size for size in MICROSECONDS if not (counts % size).any())
        column_bins = cls(name=name, column=column, missing=missing, quantiles=(), unit=unit)
        quantiles = _cut(counts // unit, max_bins, column_bins.between)
        return cls(name=name, column=column, missing=missing, quantiles=quantiles.tolist(), unit=unit)

    def amounts(self, present: pd.Series) -> np.ndarray:
        counts: np.ndarray = as_integers(present) // self.unit
        return counts

    def between(self, low: np.ndarray, high: np.ndarray, share: np.ndarray) -> np.ndarray:
        width = ordered(high) - ordered(low)
        steps = np.minimum(np.rint(width * share), 2.0**63).astype(np.uint64)
        drawn: np.ndarray = (ordered(low) + np.minimum(steps, width)) ^ np.uint64(2**63)
        return drawn.view(np.int64)

    def series(self, amounts: np.ndarray) -> pd.Series:
        if self.column.type == "datetime":
            return from_integers(amounts, self.unit, Column(type="datetime"))
        return pd.Series(amounts)


class Categorical(ColumnBins):
    """Labels: the frequent ones have a bin each; the others share the last, and are drawn as often as they came."""

    kind: Literal["categorical"] = "categorical"
    labels: tuple[str, ...]
    rare: tuple[str, ...]
    rare_rows: tuple[int, ...]

    @classmethod
    def fit(cls, name: str, column: Column, values: pd.Series, missing: bool) -> Self:
        numbers, distinct = pd.factorize(values, use_na_sentinel=True)
        rows = np.bincount(numbers[numbers >= 0], minlength=len(distinct))
        # by label where rows are equal, so that the order of the data does not matter
        ranked = sorted(zip((-rows).tolist(), as_labels(pd.Series(distinct)).tolist(), strict=True))
        num_labels = len(ranked) if len(ranked) <= MAX_LABELS else MAX_LABELS - 1
        return cls(
            name=name,
            column=column,
            missing=missing,
            labels=tuple(sorted(label for _, label in ranked[:num_labels])),
            rare=tuple(label for _, label in ranked[num_labels:]),
            rare_rows=tuple(-negative for negative, _ in ranked[num_labels:]),
        )

    @property
    def num_values(self) -> int:
        return len(self.labels) + bool(self.rare)

    @cached_property
    def _label_bins(self) -> dict[str, int]:
        known = {label: bin for bin, label in enumerate(self.labels)}
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

    @cached_property
    def _bins_of_places(self) -> np.ndarray:
        """The inverse: the bin of each label of that type, -1 of those that no training row has."""
        return np.array([self._label_bins.get(label, -1) for label in self._dtype.categories], dtype=np.int64)

    def value_bins(self, present: pd.Series) -> np.ndarray:
        if isinstance(present.dtype, pd.CategoricalDtype) and present.dtype.categories.identical(
            self._dtype.categories
        ):
            bins = self._bins_of_places[present.cat.codes.to_numpy()]
        else:
            numbers, distinct = pd.factorize(present)
            labels = as_labels(pd.Series(distinct))
            bins = np.array([self._label_bins.get(label, -1) for label in labels], dtype=np.int64)[numbers]
        if (bins < 0).any():
            row = int(np.argmin(bins))
            known = ", ".join(self.labels[:10]) + (", ..." if len(self.labels) > 10 else "")
            raise DataError(
                f"{self.name!r} is {str(present.iloc[row])!r}, which no training row has; known are {known}: ask for "
                f"one of these, or add rows that have it"
            )
        return bins

    def values(self, bins: np.ndarray, uniforms: np.ndarray) -> pd.Series:
        if self.rare:
            ends = np.cumsum(self.rare_rows)
            drawn = np.searchsorted(ends, uniforms * ends[-1], side="right")
            bins = np.where(bins == len(self.labels), len(self.labels) + drawn, bins)
        labels = pd.Series(pd.Categorical.from_codes(self._places[bins], dtype=self._dtype))
        return labels if self.column.type == "category" else labels.astype("object")


def fit_column(name: str, column: Column, values: pd.Series, max_bins: int) -> ColumnBins:
    """The bins that suit training values, (N,) of them; a number's range is cut into at most so many bins."""
    present = values.dropna()
    missing = len(present) < len(values) or not len(values)
    if column.type in ("category", "boolean") or (column.type == "integer" and column.categories):
        return Categorical.fit(name, column, values, missing)
    kind = Number if column.type == "number" else Integer
    return kind.fit(name, column, present, missing, max_bins)


def _cut(amounts: np.ndarray, max_bins: int, between: Between) -> np.ndarray:
    """Cut the range of (M,) training values: quantiles (P, NUM_QUANTILES) of their type, in the order of the first."""
    distinct, rows = np.unique(amounts, return_counts=True)
    num_rows = len(amounts)
    num_bins = int(np.clip(round(np.sqrt(num_rows)), 1, max_bins))
    if len(distinct) <= max(num_bins, min(MAX_EXACT, num_rows // 20)):
        return np.repeat(distinct[:, None], NUM_QUANTILES, axis=1)
    # a single value stands out from rows in whose bin it would otherwise be
    is_single = rows >= num_rows * max(MIN_SPIKE, 0.5 / num_bins)
    singles, rest = distinct[is_single], np.repeat(distinct[~is_single], rows[~is_single])
    middles = np.cumsum(rows[~is_single]) - rows[~is_single] / 2
    num_ranges = max(1, round(num_bins * len(rest) / num_rows))
    # equal values are never parted: a bin has as many rows as they allow
    bins = np.repeat((middles / max(len(rest), 1) * num_ranges).astype(np.int64), rows[~is_single])
    _, starts, sizes = np.unique(bins, return_index=True, return_counts=True)
    places = np.linspace(0, 1, NUM_QUANTILES) * (sizes[:, None] - 1)
    lower = starts[:, None] + places.astype(np.int64)
    upper = starts[:, None] + np.ceil(places).astype(np.int64)
    ranges = between(rest[lower], rest[upper], places % 1.0)
    quantiles = np.concatenate([np.repeat(singles[:, None], NUM_QUANTILES, axis=1), ranges])
    return quantiles[np.argsort(quantiles[:, 0], kind="stable")]


def _nearest(lows: np.ndarray, highs: np.ndarray, amounts: np.ndarray) -> np.ndarray:
    """Which of the bins, which do not overlap, each of (M,) amounts lies in or next to: (M,) int64."""
    after = np.minimum(np.searchsorted(highs, amounts), len(highs) - 1)
    before = np.maximum(after - 1, 0)
    # halves, since the distance between huge numbers is not a number
    below = amounts / 2 - highs[before] / 2
    above = lows[after] / 2 - amounts / 2
    return np.where(below < above, before, after)
