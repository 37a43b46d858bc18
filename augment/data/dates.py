"""Dates as data writes them: read, recognized among integers, and written again.

Shapes: N rows, M values that are not missing.
"""

from __future__ import annotations

import re
from functools import lru_cache

import numpy as np
import pandas as pd

from augment.data.declarations import Column

__all__ = ["as_written", "has_zone", "infer_date_format", "infer_epoch", "is_numeric", "is_writable", "read_dates"]

FORMATS_OF_DATES = ("%Y%m", "%Y%m%d", "%Y%m%d%H%M", "%Y%m%d%H%M%S")
MIN_MONTHS = 12  # different integers such as 202412 that are taken for months: one in eight ends in 01 to 12
FORMAT_OF_TIMES = "%H%M"
YEARS = (1900, 2100)  # of integers that are taken for dates
MIN_TIMES, MIN_TIMES_BY_NAME = 40, 10  # different integers of 100 or more that are taken for times of day
WRITABLE = np.datetime64("1000-01-01", "us"), np.datetime64("9999-12-31T23:59:59", "us")  # years of four digits
ZONE = re.compile(r":[0-9.]+ ?(?:Z|[+-][0-9]{2}:?(?:[0-9]{2})?)$")  # behind a time of day
EPOCHS = {"seconds": 1, "milliseconds": 10**3, "microseconds": 10**6, "nanoseconds": 10**9}
SECONDS = (946_684_800, 2_208_988_800)  # since 1970, of the years 2000 to 2039
EPOCH_NAME = re.compile(
    r"(^|[_\W])(ts|epoch|unix|created|updated|modified|seen|at|when|date|time)([_\W]|$)|(time|date|stamp)s?$",
    re.IGNORECASE,
)
TIME_NAME = re.compile(r"(^|[_\W])(time|hhmm|hour|clock|at)([_\W]|$)", re.IGNORECASE)


@lru_cache(maxsize=64)
def is_numeric(date_format: str) -> bool:
    """Whether dates written so are integers."""
    return pd.Timestamp(2001, 2, 3, 4, 5, 6).strftime(date_format).isdigit()


def is_writable(date_format: str) -> bool:
    """Whether dates can be written so: all have become UTC, and what zone they had is not known any more."""
    return "%z" not in date_format and "%Z" not in date_format


def infer_date_format(values: pd.Series, name: str = "", *, is_declared: bool = False) -> str | None:
    """How integers are written that are all dates or times of day, in the signs of `strftime`; None for others.

    Of arbitrary integers of 8 digits that begin with a year from 1900 to 2100, 4 % are dates. Months such as 202412 are
    12 or more different ones. Times of day are 40 or
    more different integers from 100 to 2359, or 10 in a column with a name such as `dep_time`; none ends in 60 to 99,
    and not all end in 00 or 50. Of arbitrary integers 60 % end so, of multiples of 25, 75 %: a chance of 1 in 100,000
    for 40 of them.

    Args:
        values: (N,) integers, or floats or digits that are integers.
        name: of the column.
        is_declared: whether these are known to be dates; then a single value is enough.
    """
    present = values.dropna()
    if not pd.api.types.is_numeric_dtype(present.dtype):
        cells = present.astype("str").str.strip()
        present = cells.astype("int64") if cells.str.fullmatch(r"[0-9]{1,14}").all() else present[:0]
    if not len(present):
        return None
    low, high = int(present.min()), int(present.max())
    for date_format in FORMATS_OF_DATES:
        first, last = (year * 10 ** (_width(date_format) - 4) for year in (YEARS[0], YEARS[1] + 1))
        if first <= low and high < last:
            distinct = pd.Series(np.unique(present.to_numpy(np.int64)).astype("str"))
            is_date = pd.to_datetime(distinct, format=date_format, errors="coerce").notna()
            enough = MIN_MONTHS if date_format == "%Y%m" and not is_declared else 1
            return date_format if is_date.all() and len(distinct) >= enough else None
    numbers = present.to_numpy(np.int64)
    if low < 0 or not 100 <= high <= 2359 or (numbers % 100 >= 60).any():
        return None
    large = np.unique(numbers[numbers >= 100])
    enough = 1 if is_declared else MIN_TIMES_BY_NAME if TIME_NAME.search(name) else MIN_TIMES
    if len(large) < enough or not (is_declared or (large % 50).any()):
        return None
    return FORMAT_OF_TIMES


def infer_epoch(values: pd.Series, name: str) -> str | None:
    """The unit, such as `seconds`, of numbers that look like times since 1970, in a column called so; else None.

    Args:
        values: (N,) numbers.
        name: of the column.
    """
    if not EPOCH_NAME.search(name):
        return None
    present = values.dropna()
    if not len(present):
        return None
    low, high = float(present.min()), float(present.max())
    units = (unit for unit, size in EPOCHS.items() if SECONDS[0] * size <= low <= high <= SECONDS[1] * size)
    return next(units, None)


@lru_cache(maxsize=64)
def _width(date_format: str) -> int:
    return len(pd.Timestamp(2001, 2, 3, 4, 5, 6).strftime(date_format))


def read_dates(values: pd.Series, date_format: str | None = None) -> pd.Series:
    """The values as datetime64[us], times with a zone turned into UTC.

    Args:
        values: (N,) dates, or words or integers that are written as `date_format` says; words as ISO 8601 without it.
        date_format: in the signs of `strftime`.

    Raises:
        TypeError: numbers, and no format says how they are written.
        ValueError: a value is not a date, or not written so.
    """
    if not pd.api.types.is_datetime64_any_dtype(values.dtype):
        held = pd.api.types.infer_dtype(values.dropna())
        if held in ("boolean", "decimal", "floating", "integer", "mixed-integer-float"):
            if date_format is None or not is_numeric(date_format):
                raise TypeError("a number says no date without its unit and origin")
            values = pd.to_numeric(values).astype("Int64")
        if date_format is None:
            values = pd.to_datetime(values, format="ISO8601", utc=True)  # 02/03/2024 is two dates: never guessed
        else:
            cells = values.astype("string").str.strip()
            cells = cells.str.zfill(_width(date_format)) if is_numeric(date_format) else cells
            values = pd.to_datetime(cells, format=date_format, utc=not is_writable(date_format))
    if values.dt.tz is not None:
        values = values.dt.tz_convert(None)
    return values.astype("datetime64[us]")


def has_zone(values: pd.Series) -> bool:
    """Whether any of these (N,) dates, or words that are dates, has a time zone."""
    if pd.api.types.is_datetime64_any_dtype(values.dtype):
        return isinstance(values.dtype, pd.DatetimeTZDtype)
    if pd.api.types.is_numeric_dtype(values.dtype):
        return False
    return bool(values.dropna().astype("str").str.contains(ZONE).any())


def as_written(values: pd.Series, column: Column, *, words: bool = False) -> pd.Series:
    """Dates that the data has as integers, as integers again; other values as they are.

    Args:
        values: (N,) of the column, in its canonical type.
        column: its declaration.
        words: also write dates of other formats, such as 31.12.2024, as text; not those with a zone.
    """
    written = column.date_format
    if column.type != "datetime" or written is None or not is_writable(written):
        return values
    if not words and not is_numeric(written):
        return values
    codes, distinct = pd.factorize(values, use_na_sentinel=True)
    moments = np.clip(distinct.to_numpy("datetime64[us]"), *WRITABLE)
    texts = pd.Series(pd.DatetimeIndex(moments).strftime(written), dtype="str")
    cells = pd.Series(texts.reindex(codes).array, index=values.index, name=values.name)  # code -1, missing, is NaN
    if not is_numeric(written):
        return cells
    integers = pd.to_numeric(cells, dtype_backend="numpy_nullable").astype("Int64")
    return integers if integers.hasnans else integers.astype("int64")
