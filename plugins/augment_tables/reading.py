"""What the file sources share: the columns of a file, and an Arrow table as a dataset.

Every refusal is one DataError that names the file, the place and the next step.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from augment.data import Dataset, infer
from augment.errors import DataError, did_you_mean
from augment.plugin import Context

KEPT_AS_TEXT = ("category", "text", "id")  # declared types whose cells are never read as numbers, dates or booleans

log = logging.getLogger("augment")


def check_names(path: Path | str, names: Sequence[str], all_needed: bool = True) -> None:
    """Refuse column names that occur twice or, where all are needed, are blank."""
    blank = [str(i + 1) for i, name in enumerate(names) if not name.strip()]
    if blank and all_needed:
        raise DataError(
            f"{path}: the header has no name for column {', '.join(blank)} of {len(names)}; name every column, or "
            "leave it out"
        )
    positions: dict[str, list[str]] = {}
    for i, name in enumerate(names):
        if not name.strip():
            continue
        positions.setdefault(name, []).append(str(i + 1))
    doubles = [f"{name!r} (columns {' and '.join(where)})" for name, where in positions.items() if len(where) > 1]
    if doubles:
        raise DataError(f"{path}: the header has names twice: {', '.join(doubles)}; give every column its own name")


def chosen_columns(path: Path | str, names: Sequence[str], chosen: Sequence[str] | None) -> list[str]:
    """The chosen columns, all where none are named; refuses names that are not there."""
    for name in chosen or ():
        if name not in names:
            raise DataError(f"{path}: has no column {name!r}; it has {', '.join(names)}{did_you_mean(name, names)}")
    return list(names if chosen is None else chosen)


def plain_table(path: Path | str, table: pa.Table) -> pa.Table:
    """The table of one file with values of the types that the schema knows; a column without any has type null."""
    plain = pa.table({name: plain_values(path, name, table[name]) for name in table.column_names})
    for position, field in enumerate(plain.schema):
        values = plain.column(position)
        if pa.types.is_floating(field.type) and pc.any(pc.is_inf(values)).as_py():
            row = pc.index(pc.is_inf(values), pa.scalar(True)).as_py()
            raise DataError(
                f"{path}: column {field.name!r}, data row {row + 1}: an infinite number; leave the cell empty if the "
                "value is missing, or write a finite number"
            )
    return plain if table.num_columns else table


def dataset_of(table: pa.Table, arrays: Mapping[str, np.ndarray], context: Context, called: str) -> Dataset:
    """The rows of plain tables and the arrays in canonical types, under the declared and inferred schema.

    Args:
        table: what `plain_table` gave, of one file or several.
        arrays: name to array, first axis the row.
        context: lent to the source.
        called: what messages call the data.
    """
    for position, field in enumerate(table.schema):
        if pa.types.is_null(field.type):
            table = table.set_column(position, field.name, table.column(position).cast(pa.string()))
    frame = table.to_pandas(types_mapper={pa.int64(): pd.Int64Dtype(), pa.bool_(): pd.BooleanDtype()}.get)
    if not table.num_columns:
        frame = pd.DataFrame(index=pd.RangeIndex(len(next(iter(arrays.values()), ()))))
    try:
        data = Dataset.of(frame, arrays, infer(frame, arrays, context.declared))
    except DataError as error:
        raise DataError(f"{called}: {error}") from error
    _note_blank_words(data, context.declared.columns)
    return data


def _note_blank_words(data: Dataset, declared: Collection[str]) -> None:
    """Note cells of spaces alone among labels."""
    for name, column in data.schema.columns.items():
        if column.type != "category" or name in declared:
            continue
        counts = data.frame[name].value_counts()
        words = counts.index.astype("str")
        if num_blank := int(counts[(words != "") & (words.str.strip() == "")].sum()):
            log.warning(
                "column %r: %d cells hold only spaces, which is taken for a word of its own; if they mean a missing "
                "value, leave them empty, write null, or name the spaces under `null_values` where the source has that "
                "setting",
                *(name, num_blank),
            )


def plain_values(path: Path | str, name: str, values: pa.ChunkedArray) -> pa.ChunkedArray:
    """Values of one of the types that the schema knows."""
    kind = values.type
    if pa.types.is_integer(kind):
        try:
            return values.cast(pa.int64())
        except pa.ArrowInvalid:
            raise DataError(
                f"{path}: column {name!r} holds integers above 2⁶³ - 1; save it as text, or leave it out"
            ) from None
    if pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return values.cast(pa.float64())
    if pa.types.is_date(kind):
        return values.cast(pa.timestamp("s") if pa.types.is_date32(kind) else pa.timestamp("ms"))
    if pa.types.is_time(kind):
        return values.cast(pa.string())
    if pa.types.is_nested(kind) or pa.types.is_binary(kind) or pa.types.is_duration(kind):
        raise DataError(f"{path}: column {name!r} holds values of type {kind}, which no column can; leave it out")
    return values
