"""Table <-> small whole numbers with an exact inverse, for generators that predict one column after the other.

    table = CodeTable.fit(data)
    codes = table.encode(data.frame)                      # (N, K) int32, each in [0, table.num_codes[k])
    frame = table.decode(codes, rng.random(codes.shape))  # values that the codes stand for

A code stands for one value, or for a piece of a number's range. A second number in [0, 1) says where in the piece a
value lies, by the training values' own distribution there; so numbers keep their resolution, and few training values
are repeated.

Shapes: N rows, K columns, M values that are not missing, C codes of a column, P pieces of a number's range.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np
import pandas as pd

from augment.data.dataset import Dataset
from augment.data.schema import Schema, conform
from augment.errors import DataError
from augment.toolkit.lossless import ENCODED_TYPES
from augment.toolkit.tables.column_bins import MOST_PIECES, Coding, Levels, Number, Whole, coding_of

__all__ = ["CodeTable"]


class CodeTable:
    """Columns of a table as small whole numbers, and back.

    Numbers with few different values have a code a value; others a code for each frequent value and about 100 pieces
    that hold as many training rows each (fewer where rows are few). Categories, booleans and integers that are classes
    have a code a label that the training rows have; of thousands, the rarest share one. Missing is a code of its own.

    Attributes:
        columns: the coded table columns, in the order of the codes.
        num_codes: how many codes each has, K of them.
    """

    def __init__(self, codings: Sequence[Coding]):
        self._codings = list(codings)
        self.columns = [coding.name for coding in self._codings]
        self.num_codes = [coding.num_codes for coding in self._codings]
        self._schema = Schema(columns={coding.name: coding.column for coding in self._codings})

    @classmethod
    def fit(cls, data: Dataset, columns: Sequence[str] | None = None, most_pieces: int = MOST_PIECES) -> Self:
        """Learn values, pieces and labels.

        Args:
            data: the training part, at least one row.
            columns: which columns to code; by default all.
            most_pieces: how many pieces the range of a number is cut into at most. Fewer rows make fewer: as many as
                the square root of their number.

        Raises:
            DataError: a column is not in the data, or is of a type that has no codes (text, id).
        """
        codings = []
        for name in list(data.schema.columns) if columns is None else columns:
            column = data.schema.columns.get(name)
            if column is None or column.type not in ENCODED_TYPES:
                what = "is not in the data" if column is None else f"is of type {column.type}"
                raise DataError(f"column {name!r} {what}; to be coded it must be one of {sorted(ENCODED_TYPES)}")
            codings.append(coding_of(name, column, data.frame[name], most_pieces).counted(data.frame[name]))
        return cls(codings)

    def encode(self, frame: pd.DataFrame, columns: Sequence[str] | None = None) -> np.ndarray:
        """Rows in canonical types to int32 (N, K), or as many columns as are named.

        A number that no training row has goes to the piece nearest to it.

        Raises:
            DataError: a label that no training row has; a missing value, or one that is not, where no training row has
                such a thing.
        """
        wanted = self.columns if columns is None else columns
        codes = np.empty((len(frame), len(wanted)), dtype=np.int32)
        for place, name in enumerate(wanted):
            codes[:, place] = self._codings[self.columns.index(name)].encode(frame[name])
        return codes

    def decode(self, codes: np.ndarray, uniforms: np.ndarray) -> pd.DataFrame:
        """(N, K) codes, and numbers in [0, 1) saying where in its piece each value lies, to N rows in canonical types.

        Values that have a code to themselves come back as they were, to the bit. Others lie between two training
        values, rounded as the column is.
        """
        columns = {
            coding.name: coding.decode(codes[:, place], uniforms[:, place])
            for place, coding in enumerate(self._codings)
        }
        return conform(pd.DataFrame(columns, index=pd.RangeIndex(len(codes))), self._schema)

    def decode_column(self, column: str, codes: np.ndarray, uniforms: np.ndarray) -> pd.Series:
        """As `decode`, of one column: (N,) codes and numbers to (N,) values, of a type that holds them."""
        return self._codings[self.columns.index(column)].decode(codes, uniforms)

    def rows(self, column: str) -> np.ndarray:
        """How many training rows have each code of a column: int64 (C,)."""
        return np.array(self._codings[self.columns.index(column)].rows, dtype=np.int64)

    def features(self, column: str) -> np.ndarray:
        """What is known of each code's value, of the order of one, so that near codes look near: float32 (C, 6).

        Normal score of its rank, rank in [-1, 1], standardised value (up to 3 deviations), the square of that less one,
        whether it is a single value; all zero for labels. The last is one but for the code of missing values.
        """
        return self._codings[self.columns.index(column)].features()

    def to_state(self) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        """What `augment.plugin.state.write_state` takes: tensors and JSON values."""
        return {}, {"columns": [coding.model_dump(mode="json") for coding in self._codings]}

    @classmethod
    def from_state(cls, tensors: Mapping[str, np.ndarray], values: Mapping[str, Any]) -> Self:
        """The inverse of `to_state`."""
        kinds: dict[str, type[Coding]] = {"number": Number, "whole": Whole, "levels": Levels}
        return cls([kinds[column["kind"]].model_validate(column) for column in values["columns"]])
