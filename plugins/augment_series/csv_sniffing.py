"""Detect series in a CSV file from its first rows: one row per time step, or columns `t0`, `t1`, ..."""

from __future__ import annotations

import logging
import re
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa

from augment.errors import DataError
from augment.toolkit.csv_delimiters import SPACES
from augment.toolkit.csv_dialect import infer_dialect
from augment.toolkit.csv_numbers import infer_separators

__all__ = ["infer_date_format", "infer_form", "read_frame", "series_settings"]

log = logging.getLogger("augment")

KEYS = re.compile(
    r"series|key|case|patient|subject|participant|person|animal|sensor|device|unit|machine|engine|station|meter|turbine"
    r"|battery|vehicle|household|shop|store|site|plant|ticker|symbol|trial|run|experiment|recording|.*[ _]?id",
    re.IGNORECASE,
)
TIMES = re.compile(
    r"(?:.*[ _])?(?:time|timestamp)|(?:.*[ _])?at|when|date ?time|datetime|date|ds|(?:day|hour|minute|second|step|cycle"
    r"|week|month|frame|sec|millisecond)s?|ms|t",
    re.IGNORECASE,
)
# one value a line: what sktime writes
VALUES = ({"index", "time_index", "column", "value"}, {"case_id", "dim_id", "reading_id", "value"})
THINGS = re.compile(r"item|product|movie|book|track|song|page|article|sku|rating", re.IGNORECASE)  # users meet these
STEP = re.compile(r"(?:t|time|step)[ _]?\d+", re.IGNORECASE)
NUM_ROWS = 2_000  # looked at
MIN_STEPS = 3  # of a series, on average
MIN_WIDE_STEPS = 8
MAX_DUPLICATES = 0.2  # share of rows that repeat the series and time of another one
DATES = [f"{order}{year}" for order in ("%d.%m.", "%d/%m/", "%m/%d/", "%d-%m-", "%m-%d-") for year in ("%Y", "%y")]
CLOCKS = ("", " %H:%M", " %H:%M:%S")


def infer_form(data: Path) -> dict[str, Any]:
    """`delimiter`, `decimal`, `thousands` and `encoding` of a CSV file, where they differ from the defaults."""
    form = infer_dialect(data)
    try:
        head = read_frame(data, form, nrows=NUM_ROWS, dtype="str")
    except (ValueError, OSError):  # whoever reads it says what is wrong
        return form
    columns = [pa.chunked_array([pa.array(head[name].dropna().tolist(), pa.string())]) for name in head.columns]
    separators = infer_separators(columns, form.get("delimiter", ","))
    return {name: value for name, value in form.items() if name != "decimal"} | separators


def read_frame(data: Path, form: Mapping[str, Any], **options: Any) -> pd.DataFrame:
    """A CSV file as pandas reads it, or its beginning.

    Args:
        data: the file.
        form: `delimiter`, `decimal`, `thousands` and `encoding`, where they differ from the defaults.
        options: of `pandas.read_csv`.
    """
    delimiter = form.get("delimiter", ",")
    with warnings.catch_warnings():  # a file that is no table is told in the words of the source that reads it
        warnings.simplefilter("ignore", pd.errors.ParserWarning)
        frame: pd.DataFrame = pd.read_csv(
            data,
            sep=delimiter,
            engine="python" if len(delimiter) > 1 and delimiter != SPACES else "c",
            decimal=form.get("decimal", "."),
            thousands=form.get("thousands"),
            encoding=form.get("encoding") or "utf-8-sig",
            skipinitialspace=True,  # spaces alone are a missing value
            **options,
        )
    return frame


def series_settings(data: Path, form: Mapping[str, Any]) -> dict[str, Any] | None:
    """The settings for the source `series-csv`, or None if the file looks like a plain table.

    Args:
        data: the file.
        form: what `infer_form` gives.
    """
    try:
        head = read_frame(data, form, nrows=NUM_ROWS, index_col=False)
    except (ValueError, OSError):  # whoever reads it says what is wrong
        return None
    names = [str(name) for name in head.columns]
    if set(names) in VALUES:
        key, time, channel = "index", "time_index", "column"
        if "case_id" in names:
            key, time, channel = "case_id", "reading_id", "dim_id"
        raise DataError(
            f"{data}: has one value a line, and series are read with one time step a line; bring it into that form: "
            f"`frame.pivot(index=[{key!r}, {time!r}], columns={channel!r}, values='value').reset_index()` with pandas"
        )
    if sum(STEP.fullmatch(name) is not None for name in names) >= MIN_WIDE_STEPS:
        return {}
    keys = [name for name in names if KEYS.fullmatch(name)]
    times = [name for name in names if TIMES.fullmatch(name)]
    if any(THINGS.match(name) for name in names):
        return None
    for key in keys:
        for time in times:
            if key == time or not _are_steps(head, key, time):
                continue
            if (found := _one_value_a_line(head, key, time)) is not None:
                log.warning(
                    "%s is read as a table: it has one value a line, and series are read with one time step a line; "
                    "bring it into that form: `frame.pivot(index=[%r, %r], columns=%r, values=%r).reset_index()` with "
                    "pandas",
                    *(data.name, key, time, *found),
                )
                return None
            repeated = head.drop_duplicates().duplicated([key, time]).mean()
            if repeated <= MAX_DUPLICATES:
                return {} if (key, time) == ("series", "step") else {"key": key, "time": time}
            log.warning(
                "%s is read as a table, not as series: %.0f %% of the rows have the %s and %s of an earlier row; if "
                "they are series, say `use: series-csv` with `key: %s`, `time: %s` and `duplicates: first` or `mean`",
                *(data.name, 100 * repeated, key, time, key, time),
            )
    return None


def _one_value_a_line(head: pd.DataFrame, key: str, time: str) -> tuple[str, str] | None:
    """The column of words that says what the number in each line is, and the column of the number, where each step
    takes as many lines as there are words."""
    numbers = [name for name in head.select_dtypes("number") if name not in (key, time)]
    num_lines = head.groupby([key, time]).size()
    for name in head.columns:
        if name in (key, time) or pd.api.types.is_numeric_dtype(head[name]) or head[name].isna().any():
            continue
        num_words = head[name].nunique()
        # the last step looked at may be cut off
        if num_words > 1 and (num_lines.iloc[:-1] == num_words).all() and not head.duplicated([key, time, name]).any():
            return str(name), str(numbers[-1])
    return None


def _are_steps(head: pd.DataFrame, key: str, time: str) -> bool:
    """Whether there are several rows of each key with some number that changes."""
    head = head.drop_duplicates()
    if head[[key, time]].isna().to_numpy().any():
        return False
    num_keys = head[key].nunique()
    if num_keys < 2 or len(head) < MIN_STEPS * num_keys:
        return False
    numbers = head.drop(columns=[key, time]).select_dtypes("number")
    ends = numbers.groupby(head[key]).agg(["min", "max"]).swaplevel(axis=1) if numbers.shape[1] else None
    return ends is not None and bool((ends["max"] > ends["min"]).to_numpy().any())


def infer_date_format(data: Path, settings: Mapping[str, Any]) -> str | None:
    """How the column `time` is written where its dates are not as ISO 8601 has them; None where that is unclear.

    Args:
        data: the file.
        settings: of the source, with `time`.
    """
    time = settings["time"]
    try:
        cells = read_frame(data, settings, usecols=[time], dtype="str")[time].dropna()
    except (ValueError, OSError):  # whoever reads it says what is wrong
        return None
    cells = cells.str.strip()
    zone = found[0] if (found := re.search(" (UTC|GMT)$", "".join(cells[:1]))) else ""
    dates = [*DATES, "%Y-%m-%d"] if zone else DATES
    formats = ["%H:%M", "%H:%M:%S", *(f"{date}{clock}{zone}" for date in dates for clock in CLOCKS)]
    formats = [one for one in formats if pd.to_datetime(cells[:1], format=one, errors="coerce").notna().all()]
    fitting = [one for one in formats if pd.to_datetime(cells, format=one, errors="coerce").notna().all()]
    return fitting[0] if len(fitting) == 1 else None
