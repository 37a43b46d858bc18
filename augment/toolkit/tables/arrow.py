"""The frame as an Arrow table of one fixed type for each column type, so that batches always fit together."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa

from augment.data import Column, Dataset, Schema, as_written
from augment.data.dates import is_numeric, is_writable

__all__ = ["arrow_table", "arrow_values", "empty_table"]

_TYPES = {
    "number": pa.float64(),
    "integer": pa.int64(),
    "boolean": pa.bool_(),
    "datetime": pa.timestamp("us"),
    "category": pa.dictionary(pa.int32(), pa.string()),
}


def arrow_table(data: Dataset, schema: Schema, *, dates_as_text: bool = False) -> pa.Table:
    """The N rows of the frame: categories are dictionaries, text is strings, ids are integers or strings.

    Dates that the data has as integers are such; with `dates_as_text`, those of another format are strings.
    """
    columns = schema.columns.items()
    return pa.table({name: arrow_values(data.frame[name], column, dates_as_text) for name, column in columns})


def empty_table(schema: Schema) -> pa.Table:
    """No rows of the same types; ids are strings."""
    types = {name: _arrow_type(column) for name, column in schema.columns.items()}
    return pa.schema(list(types.items())).empty_table()


def _arrow_type(column: Column, dates_as_text: bool = False) -> pa.DataType:
    written = column.date_format if column.type == "datetime" else None
    if written is not None and is_writable(written):
        if is_numeric(written):
            return pa.int64()
        if dates_as_text:
            return pa.string()
    return _TYPES.get(column.type, pa.string())


def arrow_values(values: pd.Series, column: Column, dates_as_text: bool = False) -> pa.Array:
    """The N values of a column, of the type of its kind. For dates see `arrow_table`."""
    if column.type == "category":
        labels = pa.Array.from_pandas(values.cat.categories).cast(pa.string())
        codes = values.cat.codes.to_numpy().astype(np.int32)
        return pa.DictionaryArray.from_arrays(pa.array(codes, mask=codes < 0), labels)
    array = pa.Array.from_pandas(as_written(values, column, words=dates_as_text))
    whole_id = column.type == "id" and pa.types.is_integer(array.type)
    return array.cast(pa.int64() if whole_id else _arrow_type(column, dates_as_text))
