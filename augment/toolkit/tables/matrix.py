"""Table <-> float matrix with an exact inverse, for generators, filters, metrics and probes that need numbers.

Shapes: N rows, F matrix columns, W matrix columns of one table column.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal, Self

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict

from augment.data import Column, Dataset, Schema, as_labels, conform
from augment.data.conformity import categorical_dtype
from augment.errors import DataError
from augment.toolkit.lossless import (
    ENCODED_TYPES,
    MICROSECONDS,
    as_integers,
    count_digits,
    from_integers,
    ordered,
    rounded,
)

__all__ = ["TableEncoder"]

WIDE = 2**50  # float64 holds a standardised whole number to better than a half up to here; beyond, it is cut in two
HALF_WORD = 2**32
MAX_LOSS = 1e-9  # of a number's own size


class _Encoding(BaseModel, ABC):
    """How one column lies in the matrix. Subclasses encode values to (N, W) and decode them back."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    column: Column

    @property
    @abstractmethod
    def width(self) -> int:
        """Number of matrix columns, W."""

    @property
    @abstractmethod
    def categorical(self) -> list[bool]:
        """Which of the W matrix columns hold codes or zeros and ones, not amounts."""

    @abstractmethod
    def encode(self, values: pd.Series) -> np.ndarray:
        """(N,) values to (N, W) float64."""

    @abstractmethod
    def decode(self, block: np.ndarray) -> pd.Series:
        """(N, W) float64 to (N,) values, of a type that `conform` makes canonical."""


class _Numeric(_Encoding):
    """A column of amounts: standardised, with a last matrix column of zeros and ones where values may be missing."""

    missing: bool
    num_amounts: ClassVar[int] = 1

    @property
    def width(self) -> int:
        return self.num_amounts + self.missing

    @property
    def categorical(self) -> list[bool]:
        return [False] * self.num_amounts + [True] * self.missing

    def encode(self, values: pd.Series) -> np.ndarray:
        block = np.zeros((len(values), self.width))
        absent = values.isna().to_numpy()
        if self.missing:
            block[:, -1] = absent
        block[~absent, : self.num_amounts] = self.amounts(values[~absent])  # missing values stay at zero, the mean
        return block

    def decode(self, block: np.ndarray) -> pd.Series:
        values = self.values(block[:, : self.num_amounts])
        return values.mask(block[:, -1] >= 0.5) if self.missing else values

    @abstractmethod
    def amounts(self, present: pd.Series) -> np.ndarray:
        """(M,) values, none missing, to (M, number of amounts)."""

    @abstractmethod
    def values(self, amounts: np.ndarray) -> pd.Series:
        """(N, number of amounts) to (N,) values."""


class _Number(_Numeric):
    kind: Literal["number"] = "number"
    offset: float
    scale: float
    digits: int | None

    @classmethod
    def fit(cls, name: str, column: Column, values: pd.Series) -> Self:
        present = values.dropna().to_numpy(dtype=np.float64)
        digits = column.decimals if column.decimals is not None else count_digits(present)
        offset, scale = _standard(present)
        missing = bool(column.nullable) or len(present) < len(values)
        centered = cls(name=name, column=column, missing=missing, offset=offset, scale=scale, digits=digits)
        small = present[present != 0]
        with np.errstate(over="ignore"):
            back = ((small - offset) / scale) * scale + offset
        if digits is not None:
            back = rounded(back, digits)
        # 1e-12 is lost beside a mean of 1e10, and would come back as 0
        is_kept = np.allclose(back, small, rtol=MAX_LOSS, atol=0)
        return centered if is_kept else centered.model_copy(update={"offset": 0.0})

    def amounts(self, present: pd.Series) -> np.ndarray:
        standardised: np.ndarray = (present.to_numpy(dtype=np.float64) - self.offset) / self.scale
        return standardised[:, None]

    def values(self, amounts: np.ndarray) -> pd.Series:
        numbers = amounts[:, 0] * self.scale + self.offset
        if self.digits is not None:
            numbers = rounded(numbers, self.digits)
        if self.column.min is not None or self.column.max is not None:
            numbers = np.clip(numbers, self.column.min, self.column.max)
        return pd.Series(numbers)


class _Whole(_Numeric):
    """Integers, and datetimes as whole numbers of the coarsest unit that the training values keep to."""

    kind: Literal["whole"] = "whole"
    unit: int  # microseconds for datetimes, 1 for integers
    offset: int
    scale: float

    @classmethod
    def fit(cls, name: str, column: Column, values: pd.Series) -> _Whole | _WideWhole:
        counts = as_integers(values.dropna())
        missing = bool(column.nullable) or len(counts) < len(values)
        unit = 1
        if column.type == "datetime":
            unit = next(size for size in MICROSECONDS if not (counts % size).any())
            counts = counts // unit
        lowest, highest = (int(counts.min()), int(counts.max())) if len(counts) else (0, 0)
        if highest - lowest >= WIDE:
            heads = (ordered(counts) // np.uint64(HALF_WORD)).astype(np.float64)
            offset, scale = _standard(heads)
            return _WideWhole(name=name, column=column, missing=missing, unit=unit, offset=offset, scale=scale)
        rest, scale = _standard((counts - lowest).astype(np.float64))
        return cls(name=name, column=column, missing=missing, unit=unit, offset=lowest + round(rest), scale=scale)

    def amounts(self, present: pd.Series) -> np.ndarray:
        counts = np.clip(as_integers(present) // self.unit, *self._reach)
        standardised: np.ndarray = (counts - self.offset) / self.scale
        return standardised[:, None]

    def values(self, amounts: np.ndarray) -> pd.Series:
        steps = np.clip(np.rint(amounts[:, 0] * self.scale), -(2.0**62), 2.0**62).astype(np.int64)
        lowest, highest = self._reach
        counts = np.clip(steps, lowest - self.offset, highest - self.offset) + self.offset
        return from_integers(counts, self.unit, self.column)

    @property
    def _reach(self) -> tuple[int, int]:
        """How far values may lie from the offset so that neither they nor the difference leave int64."""
        return max(self.offset - 2**62, -(2**63)), min(self.offset + 2**62, 2**63 - 1)


class _WideWhole(_Numeric):
    """Whole numbers too far apart for one float64: the upper 32 bits standardised, the lower 32 in [-1, 1)."""

    kind: Literal["wide"] = "wide"
    num_amounts: ClassVar[int] = 2
    unit: int
    offset: float
    scale: float

    def amounts(self, present: pd.Series) -> np.ndarray:
        heads, tails = np.divmod(ordered(as_integers(present) // self.unit), np.uint64(HALF_WORD))
        return np.stack([(heads.astype(np.float64) - self.offset) / self.scale, tails / (HALF_WORD / 2) - 1], axis=1)

    def values(self, amounts: np.ndarray) -> pd.Series:
        heads = np.rint(amounts[:, 0] * self.scale + self.offset)
        tails = np.rint((amounts[:, 1] + 1) * (HALF_WORD / 2))
        halves = [np.clip(half, 0, HALF_WORD - 1).astype(np.uint64) for half in (heads, tails)]
        ordered = halves[0] * np.uint64(HALF_WORD) + halves[1]
        return from_integers((ordered ^ np.uint64(2**63)).view(np.int64), self.unit, self.column)


class _Levels(_Encoding):
    """Labels: one matrix column a level (one-hot), or a single one with the level's position (code).

    Where values may be missing, "missing" is a level of its own, the last.
    """

    kind: Literal["levels"] = "levels"
    levels: tuple[str | None, ...]
    one_hot: bool

    @classmethod
    def fit(cls, name: str, column: Column, values: pd.Series, one_hot: bool) -> Self:
        known: tuple[str | None, ...]
        if column.type == "boolean":
            known = ("False", "True")
        elif column.categories is not None:
            known = column.categories
        else:
            known = tuple(sorted(set(as_labels(values.dropna()))))
        if column.nullable or values.isna().any():
            known = (*known, None)
        return cls(name=name, column=column, levels=known, one_hot=one_hot)

    @property
    def width(self) -> int:
        return len(self.levels) if self.one_hot else 1

    @property
    def categorical(self) -> list[bool]:
        return [True] * self.width

    def encode(self, values: pd.Series) -> np.ndarray:
        codes = self._codes(values)
        if not self.one_hot:
            return codes[:, None].astype(np.float64)
        block = np.zeros((len(values), self.width))
        rows = np.flatnonzero(codes >= 0)
        block[rows, codes[rows]] = 1.0
        return block

    def _codes(self, values: pd.Series) -> np.ndarray:
        position = {level: code for code, level in enumerate(self.levels)}
        codes, distinct = pd.factorize(values, use_na_sentinel=True)
        table = [position.get(label, -1) for label in as_labels(pd.Series(distinct))]
        return np.array([*table, position.get(None, -1)], dtype=np.int64)[codes]  # code -1, missing, is the last

    def decode(self, block: np.ndarray) -> pd.Series:
        if not self.levels:
            codes = np.full(len(block), -1)
        elif self.one_hot:
            codes = np.where(block.any(axis=1), block.argmax(axis=1), -1)
        else:
            codes = np.clip(np.rint(block[:, 0]), -1, len(self.levels) - 1).astype(np.int64)
        names = [level for level in self.levels if level is not None]
        codes = np.where(codes < len(names), codes, -1)  # the level "missing"
        labels = pd.Series(pd.Categorical.from_codes(codes, dtype=categorical_dtype(tuple(names))))
        return labels if self.column.type == "category" else labels.astype("object")


class TableEncoder:
    """Columns of a table as a matrix of floats, and back.

    Numbers, integers and datetimes take one matrix column, standardised on the fitted rows; categories, booleans and
    integers that are classes take one a level, or a single one with the level's code. A missing value is a level of
    its own, or a number's mean beside a last matrix column that is 1.

    Decoding what was encoded gives the same values, to the bit, for every value that the fitted rows held. The one
    exception is float64's own: a number with more than 15 decimals comes back to 9 digits or more. Columns with numbers
    so much smaller than their mean that less would be left, as with tails from 1e-12 to 1e12, are scaled and not
    centered. Matrices are float64 for the same reason: float32 cannot tell one second from the next in a column of
    datetimes. Hand a network `encode(...).astype("float32")`.

    Attributes:
        columns: the encoded table columns, in the order in which they lie in the matrix.
        slices: column name to where it lies in the matrix.
        categorical: which matrix columns hold codes or zeros and ones, not amounts: bool (F,).
    """

    def __init__(self, encodings: Sequence[_Encoding]):
        self._encodings = list(encodings)
        self.columns = [encoding.name for encoding in self._encodings]
        ends = np.cumsum([0] + [encoding.width for encoding in self._encodings]).tolist()
        self.slices = {name: slice(ends[i], ends[i + 1]) for i, name in enumerate(self.columns)}
        self.categorical = np.array([flag for encoding in self._encodings for flag in encoding.categorical], dtype=bool)
        self._schema = Schema(columns={encoding.name: encoding.column for encoding in self._encodings})

    @classmethod
    def fit(
        cls,
        data: Dataset,
        columns: Sequence[str] | None = None,
        categories: Literal["one-hot", "code"] = "one-hot",
    ) -> Self:
        """Learn means, spreads and levels.

        Args:
            data: the training part.
            columns: which columns to encode; by default all features but text.
            categories: one matrix column a level, or one with the level's position in the schema.

        Raises:
            DataError: a named column is not in the data, or is of a type that has no encoding (text, id).
        """
        if columns is None:
            columns = [name for name in data.schema.features if data.schema.columns[name].type in ENCODED_TYPES]
        encodings = []
        for name in columns:
            column = data.schema.columns.get(name)
            if column is None or column.type not in ENCODED_TYPES:
                what = "is not in the data" if column is None else f"is of type {column.type}"
                raise DataError(f"column {name!r} {what}; to be encoded it must be one of {sorted(ENCODED_TYPES)}")
            encodings.append(_fit_column(name, column, data.frame[name], categories == "one-hot"))
        return cls(encodings)

    @property
    def num_outputs(self) -> int:
        """Number of matrix columns, F."""
        return len(self.categorical)

    def levels(self, column: str) -> tuple[str | None, ...]:
        """The labels of a column's levels in the order of the matrix, None for "missing"; empty for amounts."""
        encoding = self._encodings[self.columns.index(column)]
        return encoding.levels if isinstance(encoding, _Levels) else ()

    def encode(self, frame: pd.DataFrame) -> np.ndarray:
        """Rows in canonical types, with the fitted columns among theirs, to float64 (N, F).

        An unknown label gives zeros at all its levels (code -1); so does a missing one where none was fitted. A missing
        number gives zero, the mean.
        """
        blocks = [encoding.encode(frame[encoding.name]) for encoding in self._encodings]
        return np.concatenate([np.empty((len(frame), 0)), *blocks], axis=1)

    def decode(self, matrix: np.ndarray) -> pd.DataFrame:
        """(N, F) of any float type, such as a network's output, to N rows in canonical types.

        Levels are picked by the largest entry, missing numbers by their indicator (>= 0.5). Integers are rounded,
        numbers take the column's decimals, datetimes the unit of the fitted rows; declared bounds are kept. A label
        without any level (zeros only, code -1) becomes a missing value.

        Raises:
            ValueError: the matrix has another width, or holds NaN or infinite numbers.
        """
        matrix = np.asarray(matrix, dtype=np.float64)
        if matrix.ndim != 2 or matrix.shape[1] != self.num_outputs:
            raise ValueError(f"a matrix of shape (N, {self.num_outputs}) was expected; this one is {matrix.shape}")
        if not np.isfinite(matrix).all():
            raise ValueError("the matrix holds numbers that are not finite")
        columns = {
            encoding.name: encoding.decode(matrix[:, self.slices[encoding.name]]) for encoding in self._encodings
        }
        return conform(pd.DataFrame(columns, index=pd.RangeIndex(len(matrix))), self._schema)

    def to_state(self) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        """What `augment.plugin.state.write_state` takes: tensors and JSON values."""
        return {}, {"columns": [encoding.model_dump(mode="json", exclude_none=False) for encoding in self._encodings]}

    @classmethod
    def from_state(cls, tensors: Mapping[str, np.ndarray], values: Mapping[str, Any]) -> Self:
        """The inverse of `to_state`."""
        kinds: dict[str, type[_Encoding]] = {
            "number": _Number,
            "whole": _Whole,
            "wide": _WideWhole,
            "levels": _Levels,
        }
        return cls([kinds[column["kind"]].model_validate(column) for column in values["columns"]])


def _fit_column(name: str, column: Column, values: pd.Series, one_hot: bool) -> _Encoding:
    if column.type in ("category", "boolean") or (column.type == "integer" and column.categories):
        return _Levels.fit(name, column, values, one_hot)
    return _Number.fit(name, column, values) if column.type == "number" else _Whole.fit(name, column, values)


def _standard(values: np.ndarray) -> tuple[float, float]:
    """Mean and standard deviation of (M,) float64, which may be huge; 1 instead of no deviation."""
    largest = float(np.abs(values).max(initial=0.0))
    if not largest:
        return 0.0, 1.0
    mean = float((values / largest).mean() * largest)
    deviation = float(((values - mean) / largest).std() * largest)
    # what is left of a constant column is rounding noise
    return (mean, deviation) if deviation > 1e-14 * largest else (float(values[0]), 1.0)
