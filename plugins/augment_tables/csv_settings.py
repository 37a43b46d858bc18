"""The settings that a CSV file needs to be read, found in the file itself."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from augment.data import MAX_INTEGER_CLASSES, Dataset
from augment.toolkit.csv_dialect import CURRENCY, UNIT
from augment.toolkit.csv_numbers import MINUS, infer_separators, number_pattern

MISSING_WORDS = re.compile(
    r"#?n\.?/?a\.?|#(?:null|value|ref|num|div/0)!|#name\?|\\N|<na>|nat|\(null\)|nan|nil|none|null|missing|unknown"
    r"|unbekannt|keine? angabe|k\.\s?a\.|[-–—−?.#]+",
    re.IGNORECASE,
)
DATE = r"(?:[0-9]{1,2}[./-][0-9]{1,2}[./-][0-9]{2,4}|[0-9]{4}[./-][0-9]{1,2}[./-][0-9]{1,2})"
NAMED_DATE = r"[0-9]{1,2}(?:[ -]|\. )[A-Z][a-z]{2,8}[ -][0-9]{2,4}|[A-Z][a-z]{2,8} [0-9]{1,2}, [0-9]{4}"
CLOCK = r"[0-9]{1,2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,6})?)?(?: [AaPp][Mm])?"
UTC = r" UTC| GMT|Z"  # behind a time of day; the formats of others know no zone
ZONE = rf"{UTC}| ?(?:[A-Z]{{3,4}}|[+-][0-9]{{2}}:?(?:[0-9]{{2}})?)"
COMPACT = r"[0-9]{8}T[0-9]{6}Z?"
YEAR, MONTH = "(?:19|20)[0-9]{2}", "(?:0?[1-9]|1[0-2])"
YEAR_AND_MONTH = rf"{YEAR}[/-]{MONTH}|{MONTH}[/-]{YEAR}|[A-Z][a-z]{{2,8}}[ -]{YEAR}"
WEEKDAY = r"[0-9]{4}-W[0-9]{2}-[1-7]"
DATE_AND_CLOCK = (
    rf"(?:{DATE}|{NAMED_DATE})(?:[ T]{CLOCK}(?:{ZONE})?)?|{CLOCK}|{COMPACT}|{YEAR_AND_MONTH}|{WEEKDAY}"
    rf"|[A-Z][a-z]{{2}}, (?:{NAMED_DATE}) {CLOCK} GMT"
)
# weeks, quarters, halves: no sign of `strftime` reads them
PERIOD = rf"{YEAR}[- ]?(?:W[0-9]{{1,2}}|[QH][1-4])|(?:W[0-9]{{1,2}}|[QH][1-4])[-/ ]?{YEAR}"
DAYS = [f"{order}{year}" for year in ("%Y", "%y") for order in ("%d.%m.", "%d/%m/", "%m/%d/", "%d-%m-", "%m-%d-")]
DAYS += ["%d-%b-%Y", "%d-%b-%y", "%d %b %Y", "%d %b %y", "%b %d, %Y", "%d %B %Y", "%d. %B %Y", "%B %d, %Y"]
DAYS += ["%Y-%m-%d", "%Y/%m/%d", "%Y.%m.%d"]
MONTHS = ("%Y-%m", "%Y/%m", "%m/%Y", "%m-%Y", "%b %Y", "%B %Y", "%b-%Y", "%B-%Y")
CLOCKS = ("%H:%M", "%H:%M:%S", "%H:%M:%S.%f", "%I:%M %p", "%I:%M:%S %p")
OTHERS = ("%Y%m%dT%H%M%S", "%Y%m%dT%H%M%SZ", "%a, %d %b %Y %H:%M:%S GMT", "%G-W%V-%u")
MISSING_NUMBERS = ("", "NA", "N/A", "NaN", "nan", "NULL", "null")  # what is missing in numbers when nothing is said
NullValues = tuple[str, ...] | dict[str, tuple[str, ...]]  # of all columns, or of some beside the usual ones
TRUTH = [{"true", "false"}, {"t", "f"}, {"yes", "no"}, {"y", "n"}, {"ja", "nein"}, {"wahr", "falsch"}, {"0", "1"}]
MAYBE = re.compile("missing|unknown|unbekannt|none|nil|keine? angabe", re.IGNORECASE)  # an answer beside yes and no
MOSTLY = 0.6  # share of a column's cells that are numbers or dates, where the others are words for a missing value


def further_settings(data: Dataset, settings: Mapping[str, Any]) -> dict[str, Any]:
    """The first of `null_values`, `units` and `date_format` that the columns, as they were read, show to be needed."""
    decimal, thousands = settings.get("decimal", "."), settings.get("thousands", "")
    if "null_values" not in settings and (words := _words_for_missing(data, decimal, thousands)):
        everywhere = [*MISSING_NUMBERS, *sorted({word for own in words.values() for word in own} - {*MISSING_NUMBERS})]
        # `NA` beside numbers is missing, and beside names of countries it is Namibia
        return {"null_values": words if _are_labels(everywhere, data, words) else everywhere}
    if "units" not in settings and (units := _units(data, decimal, thousands)):
        return {"units": units}
    if "date_format" not in settings and (date_format := _date_format(data)):
        return {"date_format": date_format}
    return {}


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


def _units(dataset: Dataset, decimal: str, thousands: str) -> dict[str, str]:
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


def _date_format(dataset: Dataset) -> str | None:
    """How dates are written that are not as ISO 8601 has them; None where there are none, or that is ambiguous."""
    found = [formats[0] for _, formats in _dates(dataset) if len(formats) == 1]
    return found[0] if found else None


def dates_left_as_words(dataset: Dataset) -> dict[str, tuple[str, list[str]]]:
    """Column to one of its dates, and the formats that fit all: several where day or month could be first."""
    return {name: (str(dataset.frame[name].dropna().iloc[0]), formats) for name, formats in _dates(dataset)}


def _dates(dataset: Dataset) -> Iterator[tuple[str, list[str]]]:
    """Columns of words that are all dates, and the formats that fit."""
    for name, column in dataset.schema.columns.items():
        if column.type not in ("category", "text", "id"):
            continue
        present = dataset.frame[name].dropna()
        if len(present) < 2 or not re.fullmatch(DATE_AND_CLOCK, str(present.iloc[0]).strip()):
            continue
        cells = present.astype("str").str.strip()
        if cells.str.fullmatch(DATE_AND_CLOCK).all():
            zone = found[0] if (found := re.search(f"(?<=[0-9])(?:{UTC})$", cells.iloc[0])) else ""
            formats = [*DAYS, *(f"{day} {clock}{zone}" for day in DAYS for clock in CLOCKS), *CLOCKS, *MONTHS, *OTHERS]
            formats = [one for one in formats if _fits(cells[:1], one)]
            yield name, [one for one in formats if _fits(cells, one)]


def _fits(cells: pd.Series, date_format: str) -> bool:
    return bool(pd.to_datetime(cells, format=date_format, errors="coerce").notna().all())
