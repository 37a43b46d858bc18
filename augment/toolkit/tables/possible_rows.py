"""How many different rows a table's values can be combined to."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from augment.data import Column, Dataset

__all__ = ["count_possible_rows"]

ROWS_A_VALUE = 20  # from which the numbers that occur are taken for all that there are
ENDLESS = 1e18  # the pairs among a billion rows are fewer


def count_possible_rows(data: Dataset, rows: np.ndarray | None = None) -> float:
    """The product, over all columns, of the number of values that a column can hold.

    These are the labels that occur; the numbers that occur, where there are 20 rows for each, or else all from the
    smallest to the largest with the column's step or decimals; and "missing" where a value is. So it is an upper bound:
    columns that depend on each other allow fewer rows. Infinite with texts, dates, arrays, and numbers without a last
    decimal, and where the columns looked at so far allow more than 10**18 rows.

    Args:
        data: N rows.
        rows: bool (N,), which of them count; all by default.
    """
    if data.arrays:
        return math.inf
    product: float = 1
    for name, column in data.schema.columns.items():
        product *= _count_values(column, data.frame[name] if rows is None else data.frame[name][rows])
        if product > ENDLESS:
            return math.inf
    return product


def _count_values(column: Column, values: pd.Series) -> float:
    present = values.dropna()
    is_missing = len(present) < len(values)
    num_distinct = present.nunique()
    has_labels = column.type in ("category", "boolean") or column.categories is not None
    if has_labels or (column.type in ("number", "integer") and num_distinct * ROWS_A_VALUE <= len(present)):
        return num_distinct + is_missing
    if not len(present):
        return 1
    if isinstance(column.values, tuple):
        return len(column.values) + is_missing
    unit = 1.0 if column.type == "integer" else 0.0
    if column.type == "number" and column.decimals is not None:
        unit = 10.0**-column.decimals
    if isinstance(column.step, float):
        unit = column.step
    return round((float(present.max()) - float(present.min())) / unit) + 1 + is_missing if unit else math.inf
