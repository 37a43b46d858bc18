"""The settings that a CSV file needs to be read, found in the file itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from augment.data import Dataset
from augment.toolkit.csv_dialect import CURRENCY, UNIT
from augment.toolkit.csv_numbers import MINUS, infer_separators
from augment_tables.csv_dates import infer_date_format
from augment_tables.csv_missing import MISSING_WORDS, infer_null_values
from augment_tables.csv_units import infer_units


def further_settings(data: Dataset, settings: Mapping[str, Any]) -> dict[str, Any]:
    """The first of `null_values`, `units` and `date_format` that the columns, as they were read, show to be needed."""
    decimal, thousands = settings.get("decimal", "."), settings.get("thousands", "")
    if "null_values" not in settings and (null_values := infer_null_values(data, decimal, thousands)):
        return {"null_values": null_values}
    if "units" not in settings and (units := infer_units(data, decimal, thousands)):
        return {"units": units}
    if "date_format" not in settings and (date_format := infer_date_format(data)):
        return {"date_format": date_format}
    return {}


def separators(table: pa.Table, delimiter: str) -> dict[str, str]:
    """The settings `decimal` and `thousands`, where they are not a point and nothing.

    Args:
        table: all cells, as they are written.
        delimiter: the character between them.
    """
    missing = rf"(?i)^(?:{MISSING_WORDS.pattern}|)$"
    columns, without_units = [], []
    for cells in table.columns:
        text = pc.unique(pc.utf8_trim_whitespace(cells))
        text = text.filter(pc.invert(pc.match_substring_regex(text, missing)))
        signs = rf"^([+{MINUS}(]?)(?:{CURRENCY})\s?|\s?(?:{UNIT})(\)?)$"
        columns.append(pc.replace_substring_regex(text, signs, r"\1\2"))
        if columns[-1].equals(text):
            without_units.append(text)
    found = infer_separators(columns, delimiter)
    if {found.get("decimal", "."), found.get("thousands")} == {".", ","}:  # which `units` reads anyway
        needed = infer_separators(without_units, delimiter)
        found = {name: value for name, value in found.items() if name == "decimal" or name in needed}
    return found
