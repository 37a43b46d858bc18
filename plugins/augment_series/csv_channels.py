"""Columns of a CSV file as channels: numbers, whole numbers, truth values and labels.

Shapes: N series, T steps, F channels, R rows of the file.
"""

from __future__ import annotations

import logging
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from augment.data import ColumnDeclaration
from augment.errors import DataError
from augment_series.csv_table import Places
from augment_series.reading import ARRAY

__all__ = ["channel_values", "end_to_end", "refuse_infinite"]

MAX_EXACT = 2**24  # up to which float32 tells whole numbers apart

log = logging.getLogger("augment")


def channel_values(
    column: pa.ChunkedArray, name: str, said: ColumnDeclaration | None, places: Places, num_rows: int
) -> tuple[np.ndarray, ColumnDeclaration]:
    """The values of a channel as numbers, NaN where missing, and what it is; `num_rows` are in the file."""
    if pa.types.is_boolean(column.type):
        return column.cast(pa.float64()).to_numpy(), ColumnDeclaration(type="boolean")
    if pa.types.is_integer(column.type) or pa.types.is_floating(column.type):
        numbers = column.cast(pa.float64()).to_numpy()
        kind: Any = "integer" if pa.types.is_integer(column.type) else "number"
        if kind == "integer" and np.nanmax(np.abs(numbers), initial=0) > MAX_EXACT:
            log.warning(
                "%s: column %r holds whole numbers above %d, which a series keeps to 7 digits only: take differences, "
                "or leave the column out",
                *(places.name, name, MAX_EXACT),
            )
            kind = "number"
        return numbers, ColumnDeclaration(type=kind)
    if not pa.types.is_string(column.type):
        raise DataError(
            f"{places}: column {name!r} holds values of type {column.type} that change within a series; numbers, "
            "booleans and words can. Name it as `time`, or leave it out with `columns`"
        )
    cells = column.to_pandas()
    labels = list(said.categories) if said and said.categories else sorted(cells.dropna().unique())
    is_number = pd.to_numeric(cells, errors="coerce").notna()
    if is_number.mean() > 0.5 and (said is None or said.type != "category"):
        row = int((~is_number & cells.notna()).to_numpy().argmax())
        raise DataError(
            f"{places.line(row % num_rows)}: {cells.iloc[row]!r} in {name!r} is not a number, as most others are; "
            f"leave the cell empty if the value is missing, or say `{name}: {{type: category}}` under "
            f"schema.arrays.{ARRAY}.channels"
        )
    if len(labels) > max(1, len(cells) // 2):
        raise DataError(
            f"{places}: column {name!r} changes within a series and has {len(labels)} different values in {len(cells)} "
            "rows; a channel can hold labels, and no free text: leave it out with `columns`"
        )
    codes = pd.Index(labels).get_indexer(cells).astype(np.float64)  # -1 for others and for missing ones
    unknown = (codes < 0) & cells.notna().to_numpy()
    if unknown.any():
        row = int(unknown.argmax())
        raise DataError(f"{places.line(row % num_rows)}: {cells.iloc[row]!r} is not among the categories of {name!r}")
    return np.where(codes < 0, np.nan, codes), ColumnDeclaration(type="category", categories=tuple(labels))


def refuse_infinite(values: np.ndarray, channels: list[str], places: Places) -> None:
    infinite = np.isinf(values)
    if infinite.any():
        row, step, position = (int(place[0]) for place in np.nonzero(infinite))
        raise DataError(
            f"{places}: channel {channels[position]!r}, series {row + 1}, step {step + 1}: a number that is infinite "
            "or too large for float32; leave the cell empty if the value is missing"
        )


def end_to_end(columns: list[pa.ChunkedArray]) -> pa.ChunkedArray:
    """Columns of a type that holds all their values, one after the other."""
    kinds = {column.type for column in columns if column.null_count < len(column)} or {pa.float64()}
    kind = kinds.pop() if len(kinds) == 1 else pa.string() if pa.string() in kinds else pa.float64()
    return pa.chunked_array([column.cast(kind).combine_chunks() for column in columns])
