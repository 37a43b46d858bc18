"""The settings of the sink `series-csv` that write files as a given one is written."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from augment.data import Dataset
from augment.toolkit.csv_files import ending_like
from augment_series.csv_sniffing import read_frame

__all__ = ["NUMBERED", "written_like"]

NUMBERED = re.compile(r"^(.*?)([ _.\-]*)(\d+)$")  # the name of a column in wide files: channel, sign, step


def written_like(path: Path, settings: Mapping[str, Any], data: Dataset) -> dict[str, Any]:
    """The order of the columns, and the names of steps in a wide file.

    Args:
        path: the file.
        settings: the settings that the source read it with.
        data: what the source has read.
    """
    header = read_frame(path, settings, nrows=0, index_col=False).columns
    chosen = settings.get("columns")
    names = [str(name) for name in header if chosen is None or name in chosen]
    array = data.schema.arrays[data.schema.find_array("series")]
    if "key" not in settings and not {"series", "step"} <= set(names):
        return {**_wide(names, list(array.channels or {}), list(data.schema.columns)), **ending_like(path, settings)}
    return {"order": names, **ending_like(path, settings)}


def _wide(names: Sequence[str], channels: Sequence[str], beside: Sequence[str]) -> dict[str, Any]:
    order: dict[str, None] = {}
    numbers: dict[str, list[str]] = {}
    sign = ""
    for name in names:
        match = NUMBERED.match(name)
        channel = (match[1] or "value") if match else name
        if match and name not in beside and channel in channels:
            numbers.setdefault(channel, []).append(match[3])
            sign = match[2]
            order[channel] = None
        else:
            order[name] = None
    first = min(next(iter(numbers.values())), key=int)
    width = len(first) if first.startswith("0") and len(first) > 1 else 0
    step = f"{{step:0{width}}}" if width else "{step}"
    named = any(name.startswith(channel) for channel in channels for name in names)
    wide = f"{'{channel}' if named else ''}{sign}{step}"
    return {"order": list(order), "wide": wide, "first_step": int(first)}
