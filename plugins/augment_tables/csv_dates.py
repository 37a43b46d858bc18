"""How dates are written in a CSV file: the patterns that they match, and the format that fits all of a column."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pandas as pd

from augment.data import Dataset

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


def infer_date_format(dataset: Dataset) -> str | None:
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
