"""Columns whose values stand in names of folders, as in `year=2024/month=1/part-0.parquet` that Hive or Spark wrote."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from urllib.parse import unquote

import pyarrow as pa

__all__ = ["partitions_of", "with_partitions"]

FOLDER = re.compile(r"([^=/\\]+)=([^/\\]*)")
MISSING = "__HIVE_DEFAULT_PARTITION__"
INTEGER = re.compile(r"0|-?[1-9][0-9]{0,17}")


def partitions_of(files: Sequence[Path]) -> list[dict[str, str | None]]:
    """Column to value of each file, from the folders below the one that holds all of them; the same columns for each.

    A name that only some of the files have is no column.
    """
    root = Path(os.path.commonpath([file.parent for file in files]))
    found: list[dict[str, str]] = []
    for file in files:
        parts = map(FOLDER.fullmatch, file.parent.relative_to(root).parts)
        found.append({match[1]: match[2] for match in parts if match})
    shared = [name for name in found[0] if all(name in one for one in found)]
    return [{name: None if one[name] == MISSING else unquote(one[name]) for name in shared} for one in found]


def with_partitions(tables: Sequence[pa.Table], partitions: Sequence[Mapping[str, str | None]]) -> list[pa.Table]:
    """The tables with these columns behind their own, which win: integers where all values are such, else texts or
    dates."""
    columns = {}
    for name in partitions[0]:
        values = pa.array([one[name] for one in partitions], pa.string())
        present = values.drop_null().to_pylist()
        if all(INTEGER.fullmatch(value) for value in present):
            values = values.cast(pa.int64())
        elif all(re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value) for value in present):
            with suppress(pa.ArrowInvalid):  # days that no month has
                values = values.cast(pa.timestamp("s"))
        columns[name] = values
    extended = []
    for place, table in enumerate(tables):
        for name, values in columns.items():
            if name not in table.column_names:
                table = table.append_column(name, pa.repeat(values[place], table.num_rows))
        extended.append(table)
    return extended
