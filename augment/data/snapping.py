"""The values that a column of numbers takes: learned from the training rows, kept by synthetic ones.

Shapes: N rows, M values that are not missing.
"""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import pandas as pd

from augment.data.arrays import MAX_DECIMALS
from augment.data.dates import as_written, is_writable, read_dates
from augment.data.declarations import Column
from augment.data.schema import Schema

__all__ = ["keeps_to_values", "learn_step", "learn_values", "snap", "snap_rows"]

MIN_ROWS = 100  # from which anything is learned
MIN_MULTIPLES = 10  # different values, not 0
MAX_UNSEEN = 0.05  # share of further rows whose value no training row has
MIN_EXCESS, MIN_MISSING = 0.25, 10  # by how much a smooth distribution would show more values: a share, and a number
BLOCK = 10  # neighboring values that are about equally frequent, if the distribution is smooth
WIDE_GAP = 3.0  # median gaps: what is wider parts two groups of values, as quantities have them too
MAX_VALUES = 10_000  # that a schema lists


def learn_step(column: Column, present: pd.Series) -> float | None:
    """The largest number, more than the last decimal, that all values are multiples of; None if too little says so.

    A step is claimed for 100 values other than 0 or more, among which 10 or more differ. Ten arbitrary whole numbers
    share a divisor with a probability of 0.1 %. If 5 % of all rows broke the step, 100 rows would keep it with a
    probability of 0.6 %; if 1 % did, with 37 %, and then 1 % of the synthetic values are wrong by less than a step.

    Args:
        column: a number with known decimals, or an integer.
        present: (M,) training values.
    """
    if column.type not in ("number", "integer") or (column.type == "number" and column.decimals is None):
        return None
    digits = column.decimals or 0
    if np.gcd.reduce(_whole(present.iloc[:MIN_ROWS], digits)) == 1:
        return None  # of most columns the first rows say so
    units = _whole(present, digits)
    units = units[units != 0]
    if len(units) < MIN_ROWS:
        return None
    distinct = np.unique(np.abs(units))
    divisor = int(np.gcd.reduce(distinct))
    if divisor == 1 or len(distinct) < MIN_MULTIPLES:
        return None
    return float(divisor) if not digits else round(divisor / 10**digits, digits)


def learn_values(column: Column, present: pd.Series) -> tuple[int, ...] | None:
    """The values of a column of whole numbers that looks like one of codes, such as zip codes; None for quantities.

    Two things make whole numbers look like codes. The list is complete: by the estimate of Good (1953), values that
    occur once divided by the number of rows, 5 % of further rows or fewer have another value. And it has gaps that a
    smooth distribution would not leave, one in which a value is about as frequent as the ten around it: such a
    distribution would show 25 % more values, and 10 more at least. It is taken to be as thin as the rarer of these ten,
    and wide gaps do not count, so that numbers that people like to round and groups of numbers are not taken for codes.

    In 200 simulated tables each of normal, lognormal, Poisson, negative binomial, geometric, uniform, bimodal,
    zero-inflated and half-rounded quantities, of 100 to 10,000 rows, none was taken for codes; of counts with a tail as
    heavy as Zipf's (exponent 2), 5 % were at most. A false claim hides what further rows hold: 5 % of the values or
    fewer.

    Args:
        column: an integer, its step known.
        present: (M,) training values.
    """
    if column.type != "integer" or len(present) < MIN_ROWS:
        return None
    distinct, rows = np.unique(present.to_numpy(np.int64), return_counts=True)
    num_blocks = len(distinct) // BLOCK
    if not num_blocks or len(distinct) > MAX_VALUES or (rows == 1).sum() > MAX_UNSEEN * rows.sum():
        return None
    distinct_B, rows_B = (part[: num_blocks * BLOCK].reshape(-1, BLOCK) for part in (distinct.astype(float), rows))
    gaps_B = np.diff(distinct_B, axis=1)
    gaps_B = np.minimum(gaps_B, WIDE_GAP * np.median(gaps_B))
    step = column.step if isinstance(column.step, float) else 1.0
    expected = (1 + gaps_B.sum(axis=1) / step) * -np.expm1(-np.quantile(rows_B, 0.25, axis=1))
    if expected.sum() - distinct_B.size < max(MIN_MISSING, MIN_EXCESS * distinct_B.size):
        return None
    return tuple(distinct.tolist())


def _whole(present: pd.Series, digits: int) -> np.ndarray:
    """(M,) numbers in units of the last of so many digits, int64; empty where they are too large for that."""
    if not digits and pd.api.types.is_integer_dtype(present.dtype):
        units = present.to_numpy(np.int64)
        return units if (units > np.iinfo(np.int64).min).all() else units[:0]
    amounts = np.rint(present.to_numpy(np.float64) * 10.0**digits)
    return amounts.astype(np.int64) if (np.abs(amounts) < 2**53).all() else np.zeros(0, np.int64)


def snap(values: pd.Series, column: Column) -> pd.Series:
    """The nearest value that the column takes for each of (N,), missing ones as they are.

    A value between the column's bounds stays between them. Dates lose what their format does not write.
    """
    if column.type == "datetime" and column.date_format is not None and is_writable(column.date_format):
        return read_dates(as_written(values, column, words=True), column.date_format)
    if not isinstance(column.values, tuple) and not isinstance(column.step, float):
        return values
    is_there = values.notna().to_numpy()
    numbers = values[is_there].to_numpy(np.int64 if column.type == "integer" else np.float64)
    if isinstance(column.values, tuple):
        snapped = _nearest(np.array(sorted(column.values), dtype=numbers.dtype), numbers)
    else:
        assert isinstance(column.step, float)
        snapped = _multiples(numbers, column.step, column.min, column.max)
    result = values.copy()
    result[is_there] = snapped
    return result


def _nearest(allowed: np.ndarray, numbers: np.ndarray) -> np.ndarray:
    after = np.minimum(np.searchsorted(allowed, numbers), len(allowed) - 1)
    before = np.maximum(after - 1, 0)
    # as floats: the difference of two 64-bit integers may be none
    is_below = numbers - allowed[before].astype(float) < allowed[after].astype(float) - numbers
    nearest: np.ndarray = allowed[np.where(is_below, before, after)]
    return nearest


def _multiples(numbers: np.ndarray, step: float, low: float | None, high: float | None) -> np.ndarray:
    multiples: np.ndarray
    if numbers.dtype == np.int64:
        whole = int(step)
        rest = numbers % whole
        up = (rest >= whole - rest) & (numbers <= np.iinfo(np.int64).max - whole)
        multiples = numbers - rest + up * whole
    else:
        multiples = np.rint(numbers / step) * step
    one = numbers.dtype.type(step)
    if low is not None:
        multiples = multiples + ((multiples < low) & (numbers >= low)) * one
    if high is not None:
        multiples = multiples - ((multiples > high) & (numbers <= high)) * one
    digits = next((digits for digits in range(MAX_DECIMALS + 1) if round(step, digits) == step), None)
    return multiples if digits is None else np.round(multiples, digits)


def snap_rows(frame: pd.DataFrame, schema: Schema, without: Collection[str] = ()) -> pd.DataFrame:
    """The rows with the nearest values that the columns take; columns in `without` stay as they are."""
    changed = {
        name: snap(frame[name], column)
        for name, column in schema.columns.items()
        if name not in without
        and (isinstance(column.values, tuple) or isinstance(column.step, float) or column.date_format is not None)
    }
    return frame.assign(**changed) if changed else frame


def keeps_to_values(values: pd.Series, column: Column) -> bool:
    """Whether these values are such as the column takes."""
    return bool(snap(values, column).equals(values))
