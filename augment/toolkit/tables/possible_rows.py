"""How many different rows a table's values can be combined to."""

from __future__ import annotations

import math

import pandas as pd

from augment.data import Column, Dataset

__all__ = ["count_possible_rows"]

ROWS_A_VALUE = 20  # from which the numbers that occur are taken for all that there are


def count_possible_rows(data: Dataset) -> float:
    """The product, over all columns, of the number of values that a column can hold.

    These are the labels that occur; the numbers that occur, where there are 20 rows for each, or else all from the
    smallest to the largest with the column's step or decimals; and "missing" where a value is. So it is an upper bound:
    columns that depend on each other allow fewer rows. Infinite with texts, dates, arrays, and numbers without a last
    decimal.
    """
    if data.arrays:
        return math.inf
    return math.prod(_count_values(column, data.frame[name]) for name, column in data.schema.columns.items())


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
