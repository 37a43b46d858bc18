"""How the dates in a text file are written, so that others are written alike."""

from __future__ import annotations

import itertools

import pandas as pd

__all__ = ["infer_iso_format"]

SIGNS = {"%Y": r"[0-9]{4}", "%f": r"[0-9]{6}", **dict.fromkeys(("%m", "%d", "%H", "%M", "%S"), r"[0-9]{2}")}
CLOCKS = ("%H:%M:%S", "%H:%M", "%H:%M:%S.%f")
# dates are kept in UTC, and written so
ZONES = {"": "", "Z": "Z", " UTC": " UTC", " GMT": " GMT", "+00:00": r"[+-][0-9]{2}:?[0-9]{2}"}
FORMATS = {"%Y-%m-%d": "", **{f"%Y-%m-%d{''.join(rest)}": rest[-1] for rest in itertools.product(" T", CLOCKS, ZONES)}}


def infer_iso_format(cells: pd.Series) -> str | None:
    """The format that dates of ISO 8601 are written in, in the signs of `strftime`; None where none fits all.

    >>> infer_iso_format(pd.Series(["2024-12-31T23:59", None]))
    '%Y-%m-%dT%H:%M'

    Args:
        cells: the dates as text, (N,); missing ones are ignored.
    """
    cells = cells.dropna().str.strip()
    for date_format, zone in FORMATS.items() if len(cells) else ():
        pattern = date_format.removesuffix(zone).replace(".", r"\.")
        for sign, digits in SIGNS.items():
            pattern = pattern.replace(sign, digits)
        pattern += ZONES[zone]
        if cells[:1].str.fullmatch(pattern).all() and cells.str.fullmatch(pattern).all():
            return date_format
    return None
