"""Units and currencies beside the numbers of a CSV file."""

from __future__ import annotations

import pandas as pd

from augment.data import MAX_INTEGER_CLASSES, Dataset
from augment.toolkit.csv_dialect import CURRENCY, UNIT
from augment.toolkit.csv_numbers import MINUS, number_pattern


def infer_units(dataset: Dataset, decimal: str, thousands: str) -> dict[str, str]:
    """Column to its unit. The target keeps its words, and so does a column of few different ones, such as doses."""
    found = {}
    for name, column in dataset.schema.columns.items():
        if column.type not in ("category", "text") or name == dataset.schema.target:
            continue
        if not is_of_labels(dataset, name) and (unit := unit_of(dataset.frame[name], decimal, thousands)):
            found[name] = unit
    return found


def is_of_labels(dataset: Dataset, name: str) -> bool:
    """Whether a column has as few different cells as labels such as doses."""
    return bool(dataset.frame[name].nunique() <= min(MAX_INTEGER_CLASSES, dataset.frame[name].count() // 2))


def unit_of(values: pd.Series, decimal: str, thousands: str) -> str | None:
    """The one sign or word of `UNIT` that stands beside all numbers of a column; or None."""
    units = units_of(values, decimal, thousands)
    return units.pop() if len(units) == 1 and "" not in units else None


def units_of(values: pd.Series, decimal: str, thousands: str) -> set[str]:
    """The signs and words of `UNIT` that stand after the numbers of a column, a currency before them too; empty for
    numbers without one. None at all where a cell is not a number.

    Args:
        values: (N,) texts.
        decimal: the character before decimals.
        thousands: the character between groups of three digits; where none is known, a comma or a point.
    """
    number = number_pattern(decimal, thousands or ("." if decimal == "," else ","))
    pattern = rf"(?P<before>{CURRENCY})?\s?{number}\s?(?P<after>{UNIT})?"
    cells = values.dropna().astype("str").str.strip()
    cells = cells.str.replace(rf"^([+{MINUS}(])({CURRENCY})", r"\2\1", regex=True)  # -$5 as $-5, ($5) as $(5)
    cells = cells.str.replace(rf"^(\(.*?)(\s?(?:{UNIT}))\)$", r"\1)\2", regex=True)
    if not len(cells) or not cells.str.fullmatch(pattern).all():
        return set()
    signs = cells.str.extract(f"^{pattern}$").fillna("")
    return set(signs["before"] + signs["after"])
