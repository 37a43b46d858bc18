"""Table <-> small whole numbers with an exact inverse, for generators that predict one column after the other.

    table = BinTable.fit(data)
    bins = table.encode(data.frame)                      # (N, K) int32, each in [0, table.num_bins[k])
    frame = table.decode(bins, rng.random(bins.shape))  # values in these bins

A bin is one value, or an interval of a number's range. A second number in [0, 1) says where in the bin a value lies, by
the training values' own distribution there; so numbers keep their resolution, and few training values are repeated.

Shapes: N rows, K columns, M values that are not missing, C bins of a column, P bins of a number's range.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np
import pandas as pd

from augment.data import Dataset, Schema, conform
from augment.errors import DataError
from augment.toolkit.lossless import ENCODED_TYPES
from augment.toolkit.tables.column_bins import MAX_BINS, Categorical, ColumnBins, Integer, Number, fit_column

__all__ = ["BinTable"]


class BinTable:
    """Columns of a table as small whole numbers, and back.

    Numbers with few different values have a bin for each; others a bin for each frequent value, and about 100 with as
    many training rows each for the rest (fewer where rows are few). Categories, booleans and integers that are classes
    have a bin for each label of the training rows; of thousands, the rarest share one. Missing values have their own.

    Attributes:
        columns: the binned table columns, in the order of the bins.
        num_bins: how many bins each has, K of them.
    """

    def __init__(self, bins_of_columns: Sequence[ColumnBins]):
        self._columns = list(bins_of_columns)
        self.columns = [column.name for column in self._columns]
        self.num_bins = [column.num_bins for column in self._columns]
        self._schema = Schema(columns={column.name: column.column for column in self._columns})

    @classmethod
    def fit(cls, data: Dataset, columns: Sequence[str] | None = None, max_bins: int = MAX_BINS) -> Self:
        """Learn values, bins and labels.

        Args:
            data: the training part, at least one row.
            columns: which columns to bin; by default all.
            max_bins: of a number. Fewer rows make fewer: as many as the square root of their number.

        Raises:
            DataError: a column is not in the data, or is of a type that cannot be binned (text, id).
        """
        bins_of_columns = []
        for name in list(data.schema.columns) if columns is None else columns:
            column = data.schema.columns.get(name)
            if column is None or column.type not in ENCODED_TYPES:
                what = "is not in the data" if column is None else f"is of type {column.type}"
                raise DataError(f"column {name!r} {what}; to be binned it must be one of {sorted(ENCODED_TYPES)}")
            bins_of_columns.append(fit_column(name, column, data.frame[name], max_bins).counted(data.frame[name]))
        return cls(bins_of_columns)

    def encode(self, frame: pd.DataFrame, columns: Sequence[str] | None = None) -> np.ndarray:
        """Rows in canonical types to int32 (N, K), or as many columns as are named.

        A number that no training row has goes to the bin nearest to it.

        Raises:
            DataError: a label that no training row has; a missing value, or one that is not, where no training row has
                such a thing.
        """
        wanted = self.columns if columns is None else columns
        bins = np.empty((len(frame), len(wanted)), dtype=np.int32)
        for place, name in enumerate(wanted):
            bins[:, place] = self._columns[self.columns.index(name)].encode(frame[name])
        return bins

    def decode(self, bins: np.ndarray, uniforms: np.ndarray) -> pd.DataFrame:
        """(N, K) bins, and numbers in [0, 1) saying where in its bin each value lies, to N rows in canonical types.

        Values that have a bin to themselves come back as they were, to the bit. Others lie between two training
        values, rounded as the column is.
        """
        columns = {  # arrays: a frame of series compares their indices, which takes longer than all else here
            column.name: column.decode(bins[:, place], uniforms[:, place]).array
            for place, column in enumerate(self._columns)
        }
        return conform(pd.DataFrame(columns, index=pd.RangeIndex(len(bins)), copy=False), self._schema)

    def decode_column(self, column: str, bins: np.ndarray, uniforms: np.ndarray) -> pd.Series:
        """As `decode`, of one column: (N,) bins and numbers to (N,) values, of a type that holds them."""
        return self._columns[self.columns.index(column)].decode(bins, uniforms)

    def rows(self, column: str) -> np.ndarray:
        """How many training rows have each bin of a column: int64 (C,)."""
        return np.array(self._columns[self.columns.index(column)].rows, dtype=np.int64)

    def features(self, column: str) -> np.ndarray:
        """What is known of each bin's value, of the order of one, so that near bins look near: float32 (C, 6).

        Normal score of its rank, rank in [-1, 1], standardised value (up to 3 deviations), the square of that less one,
        whether it is a single value; all zero for labels. The last is one but for the bin of missing values.
        """
        return self._columns[self.columns.index(column)].features()

    def to_state(self) -> list[dict[str, Any]]:
        """JSON values."""
        return [column.model_dump(mode="json") for column in self._columns]

    @classmethod
    def from_state(cls, values: Sequence[Mapping[str, Any]]) -> Self:
        """The inverse of `to_state`."""
        kinds: dict[str, type[ColumnBins]] = {"number": Number, "integer": Integer, "categorical": Categorical}
        return cls([kinds[column["kind"]].model_validate(column) for column in values])
