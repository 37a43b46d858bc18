"""The words that mean a missing value in a CSV file, found in the file itself."""

from __future__ import annotations

import re
from collections.abc import Collection

from augment.data import Dataset
from augment.toolkit.csv_dialect import CURRENCY, UNIT
from augment.toolkit.csv_numbers import MINUS, number_pattern
from augment_tables.csv_dates import DATE_AND_CLOCK, PERIOD

MISSING_WORDS = re.compile(
    r"#?n\.?/?a\.?|#(?:null|value|ref|num|div/0)!|#name\?|\\N|<na>|nat|\(null\)|nan|nil|none|null|missing|unknown"
    r"|unbekannt|keine? angabe|k\.\s?a\.|[-–—−?.#]+",
    re.IGNORECASE,
)
MISSING_NUMBERS = ("", "NA", "N/A", "NaN", "nan", "NULL", "null")  # what is missing in numbers when nothing is said
NullValues = tuple[str, ...] | dict[str, tuple[str, ...]]  # of all columns, or of some beside the usual ones
TRUTH = [{"true", "false"}, {"t", "f"}, {"yes", "no"}, {"y", "n"}, {"ja", "nein"}, {"wahr", "falsch"}, {"0", "1"}]
MAYBE = re.compile("missing|unknown|unbekannt|none|nil|keine? angabe", re.IGNORECASE)  # an answer beside yes and no
MOSTLY = 0.6  # share of a column's cells that are numbers or dates, where the others are words for a missing value


def infer_null_values(dataset: Dataset, decimal: str, thousands: str) -> list[str] | dict[str, list[str]]:
    """The setting `null_values`: words for all columns, or by column where one of them is a label of another; may be
    empty."""
    words = _words_for_missing(dataset, decimal, thousands)
    everywhere = [*MISSING_NUMBERS, *sorted({word for own in words.values() for word in own} - {*MISSING_NUMBERS})]
    # `NA` beside numbers is missing, and beside names of countries it is Namibia
    return words if not words or _are_labels(everywhere, dataset, words) else everywhere


def missing_numbers(null_values: NullValues | None) -> list[str]:
    """The cells that mean a missing value in columns of numbers, for the setting `null_values`."""
    if isinstance(null_values, dict):
        return list(dict.fromkeys([*MISSING_NUMBERS, *(word for own in null_values.values() for word in own)]))
    return list(MISSING_NUMBERS if null_values is None else null_values)


def missing_words(null_values: NullValues | None, name: str) -> list[str]:
    """The cells that mean a missing value in a column that is read as words."""
    if isinstance(null_values, dict):
        return [*MISSING_NUMBERS, *null_values[name]] if name in null_values else [""]
    return [""] if null_values is None else list(null_values)


def _words_for_missing(dataset: Dataset, decimal: str, thousands: str) -> dict[str, list[str]]:
    """Column to words that stand for a missing value, where all else are numbers, with a unit or not, dates, or truth
    values."""
    number = number_pattern(decimal, thousands or ("." if decimal == "," else ","))
    signs = rf"[+{MINUS}(]?(?:{CURRENCY})?\s?{number}\s?(?:{UNIT})?\)?"
    found = {}
    for name, column in dataset.schema.columns.items():
        if column.type not in ("category", "text"):
            continue
        cells = dataset.frame[name].dropna().astype("str").str.strip()
        known = cells.str.fullmatch(f"{number_pattern(decimal, thousands)}|{signs}|{DATE_AND_CLOCK}|{PERIOD}")
        others = set(cells[~known])
        missing = {word for word in others if MISSING_WORDS.fullmatch(word) and not MAYBE.fullmatch(word)}
        if {word.casefold() for word in others - missing} in TRUTH:
            known, others = ~cells.isin(missing), missing
        if known.mean() >= MOSTLY and others and all(MISSING_WORDS.fullmatch(word) for word in others):
            found[name] = sorted(others)
    return found


def _are_labels(words: Collection[str], dataset: Dataset, but: Collection[str]) -> bool:
    """Whether some of the words, the empty one aside, are cells of other columns of words."""
    columns = [name for name, column in dataset.schema.columns.items() if column.type in ("category", "text")]
    cells = [dataset.frame[name].dropna().astype("str").str.strip() for name in columns if name not in but]
    return any(values.isin([word for word in words if word]).any() for values in cells)
