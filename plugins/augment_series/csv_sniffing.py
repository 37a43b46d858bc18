"""Detect series in a CSV file from its first rows: one row per time step, or columns `t0`, `t1`, ..."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

__all__ = ["series_settings"]

KEYS = re.compile(
    r"series|key|case|patient|subject|person|sensor|device|unit|machine|engine|station|meter|.*[ _]?id", re.IGNORECASE
)
TIMES = re.compile(
    r"(?:.*[ _])?(?:time|timestamp)|.*[ _]at|when|date ?time|datetime|date|day|hour|minute|second|step|t|cycle"
    r"|week|month",
    re.IGNORECASE,
)
THINGS = re.compile(r"item|product|movie|book|track|song|page|article|sku|rating", re.IGNORECASE)  # users meet these
STEP = re.compile(r"(?:t|time|step)[ _]?\d+", re.IGNORECASE)
NUM_ROWS = 2_000  # looked at
LEAST_STEPS = 3  # of a series, on average
LEAST_WIDE = 8


def series_settings(data: Path, dialect: Mapping[str, Any]) -> dict[str, Any] | None:
    """The settings for the source `series-csv`, or None if the file looks like a plain table.

    Args:
        data: the file.
        dialect: `delimiter`, `decimal` and `encoding`, where they differ from the defaults.
    """
    try:
        head = pd.read_csv(
            data,
            sep=dialect.get("delimiter", ","),
            decimal=dialect.get("decimal", "."),
            encoding=dialect.get("encoding") or "utf-8-sig",
            nrows=NUM_ROWS,
            index_col=False,
        )
    except (ValueError, OSError):  # whoever reads it says what is wrong
        return None
    names = [str(name) for name in head.columns]
    if sum(STEP.fullmatch(name) is not None for name in names) >= LEAST_WIDE:
        return {}
    keys = [name for name in names if KEYS.fullmatch(name)]
    times = [name for name in names if TIMES.fullmatch(name)]
    if any(THINGS.match(name) for name in names):
        return None
    for key in keys:
        for time in times:
            if key != time and _are_steps(head, key, time):
                return {} if (key, time) == ("series", "step") else {"key": key, "time": time}
    return None


def _are_steps(head: pd.DataFrame, key: str, time: str) -> bool:
    """Whether rows with the same key have distinct times and some number that changes."""
    if head[[key, time]].isna().to_numpy().any() or head.duplicated([key, time]).any():
        return False
    num_keys = head[key].nunique()
    if num_keys < 2 or len(head) < LEAST_STEPS * num_keys:
        return False
    numbers = head.drop(columns=[key, time]).select_dtypes("number")
    ends = numbers.groupby(head[key]).agg(["min", "max"]).swaplevel(axis=1) if numbers.shape[1] else None
    return ends is not None and bool((ends["max"] > ends["min"]).to_numpy().any())
