"""Values of a column as numbers that lose nothing: decimal digits, dates as microseconds, integers of 64 bits.

What `augment.toolkit.tables.matrix` and `augment.toolkit.tables.bins` share. Shapes: M values that are not missing.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from augment.data import Column, ColumnType

__all__ = ["ENCODED_TYPES", "MICROSECONDS", "as_integers", "count_digits", "from_integers", "ordered", "rounded"]

ENCODED_TYPES: frozenset[ColumnType] = frozenset({"number", "integer", "category", "boolean", "datetime"})
MICROSECONDS = (86_400_000_000, 3_600_000_000, 60_000_000, 1_000_000, 1_000, 1)  # of a day, hour, minute, ...
MAX_DIGITS = 15  # a float64 has no more decimal digits to give


def count_digits(values: np.ndarray) -> int | None:
    """The fewest digits after the point that write all values exactly, or None when float64 has no more to give."""
    for digits in range(MAX_DIGITS + 1):
        if np.array_equal(rounded(values, digits), values):
            return digits
    return None


def rounded(values: np.ndarray, digits: int) -> np.ndarray:
    """Like `np.round`, which overflows on huge numbers; from 2**53 on a float64 has no digits after the point."""
    huge = np.abs(values) >= 2.0**53
    result: np.ndarray = np.where(huge, values, np.round(np.where(huge, 0.0, values), digits))
    return result


def as_integers(present: pd.Series) -> np.ndarray:
    """Integers as they are, datetimes as microseconds since 1970: int64."""
    if pd.api.types.is_datetime64_any_dtype(present.dtype):
        return present.to_numpy(dtype="datetime64[us]").view(np.int64)
    return present.to_numpy(dtype=np.int64)


def from_integers(counts: np.ndarray, unit: int, column: Column) -> pd.Series:
    """The inverse of `as_integers`, in units of `unit`; declared bounds are kept."""
    if column.type == "datetime":
        furthest = (2**63 - 1) // unit
        return pd.Series((np.clip(counts, -furthest, furthest) * unit).view("datetime64[us]"))
    lowest = -(2**63) if column.min is None else max(-(2**63), int(np.ceil(column.min)))
    highest = 2**63 - 1 if column.max is None else min(2**63 - 1, int(np.floor(column.max)))
    return pd.Series(np.clip(counts, lowest, highest), dtype="Int64")


def ordered(counts: np.ndarray) -> np.ndarray:
    """int64 to uint64 in the same order."""
    return counts.view(np.uint64) ^ np.uint64(2**63)
