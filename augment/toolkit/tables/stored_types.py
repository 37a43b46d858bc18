"""The types in which a file stores its columns: learned from it, and given to what is written.

Shapes: N rows.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from augment.data import Column, Schema, StoredType, arrow_type
from augment.errors import DataError
from augment.toolkit.tables.arrow import empty_table

__all__ = ["learned_of", "pandas_metadata", "stored_table", "stored_types", "warn_of_loss"]

INDEX = "index"  # what pandas makes of a column
BY_ARROW = (pd.CategoricalDtype, pd.DatetimeTZDtype)  # which pandas makes of Arrow's types alone

log = logging.getLogger("augment")


def stored_types(table: pa.Table) -> dict[str, StoredType]:
    """Column to the type that it has in a file, where values can be written in it again."""
    by_pandas = _types_of_pandas(table.schema)
    types = {}
    for field in table.schema:
        kind, labels = field.type, None
        if pa.types.is_dictionary(kind):
            values = table[field.name].unify_dictionaries()
            words = pd.Index(values.chunk(0).dictionary.to_pandas()).map(str) if values.num_chunks else []
            labels = tuple(words)
        try:
            if pa.types.is_null(kind) or arrow_type(str(kind)) != kind:
                continue
            if labels is not None:
                _as_values(pa.array(labels, pa.string()), kind.value_type)
        except (ValueError, pa.ArrowException):
            continue
        types[field.name] = StoredType(arrow=str(kind), labels=labels, pandas=by_pandas.get(field.name))
    return types


def _types_of_pandas(schema: pa.Schema) -> dict[str, str]:
    """Columns that pandas reads as another type than Arrow's is, and those that it reads as an index."""
    try:
        metadata = json.loads((schema.metadata or {}).get(b"pandas", b"{}"))
        types = {column["field_name"]: column["numpy_type"] for column in metadata.get("columns", ())}
        index = [name for name in metadata.get("index_columns", ()) if name in schema.names]
    except (ValueError, TypeError, KeyError, AttributeError):
        return {}
    found = {}
    for name in schema.names:
        try:
            dtype = pd.api.types.pandas_dtype(types.get(name, "object"))
        except (TypeError, ValueError, ImportError):  # of a library that is not here
            continue
        is_own = isinstance(dtype, pd.api.extensions.ExtensionDtype) and hasattr(dtype, "__from_arrow__")
        if is_own and not isinstance(dtype, BY_ARROW) and types[name] != "str":
            found[name] = types[name]
    return {**found, **dict.fromkeys(index, INDEX)}


def learned_of(column: Column, values: pd.Series, stored: StoredType) -> dict[str, Any]:
    """What the type in a file adds to what is known of a column: nothing where sinks write that type anyway.

    A number that the type cannot hold is out of the column's bounds.

    Args:
        column: its schema so far.
        values: (N,) its values.
        stored: what the file says.
    """
    kind = arrow_type(stored.arrow)
    if pa.types.is_dictionary(kind) and column.type != "category":
        kind = kind.value_type
        stored = StoredType(arrow=str(kind), pandas=stored.pandas)
    usual = empty_table(Schema(columns={"": column})).schema.field(0).type
    labels = (column.categories or tuple(values.cat.categories)) if stored.labels is not None else None
    if kind == usual and stored.labels == labels and stored.pandas is None:
        return {}
    return {"stored_as": stored, **(_bounds(kind) if column.type in ("number", "integer") else {})}


def _bounds(kind: pa.DataType) -> dict[str, float]:
    """The smallest and the largest number that a type holds, as far as it is narrower than the 64 bits of numbers."""
    if pa.types.is_integer(kind) and kind.bit_width < 64:
        if pa.types.is_unsigned_integer(kind):
            return {"min": 0, "max": 2**kind.bit_width - 1}
        return {"min": -(2 ** (kind.bit_width - 1)), "max": 2 ** (kind.bit_width - 1) - 1}
    if pa.types.is_integer(kind):
        return {"min": 0} if pa.types.is_unsigned_integer(kind) else {}
    if pa.types.is_decimal(kind):
        most = float(10**kind.precision - 1) / 10**kind.scale
        return {"min": -most, "max": most}
    if pa.types.is_float16(kind):
        return {"min": -65504.0, "max": 65504.0}
    return {}


def stored_table(table: pa.Table, schema: Schema, sink: str) -> pa.Table:
    """The table of `augment.toolkit.tables.arrow` with the columns in the types that they are stored in.

    Synthetic times, decimals and floats are rounded to what the type holds; real ones are as they were.

    Args:
        table: (N,) rows.
        schema: of the data.
        sink: its name, for messages.

    Raises:
        DataError: a value is out of the range of the type.
    """
    for place, name in enumerate(table.column_names):
        column = schema.columns.get(name)
        stored = column.stored_as if column else None
        if column is None or stored is None or not _suits(column, arrow_type(stored.arrow)):
            continue
        values = table.column(place)
        try:
            stored_values = _as_stored(values, stored)
        except pa.ArrowException as error:
            raise DataError(
                f"sink {sink}: column {name!r}: {str(error)[:200]}; in the source the values are stored as "
                f"{stored.arrow}, which cannot hold these; say `{name}: {{stored_as: {{arrow: "
                f"{_wider(values.type)}}}}}` under schema.columns"
            ) from error
        table = table.set_column(place, name, stored_values)
    return table


def _wider(kind: pa.DataType) -> str:
    return "string" if pa.types.is_dictionary(kind) else str(kind)


def _suits(column: Column, kind: pa.DataType) -> bool:
    """Whether a type can hold the values of a column, which a transform may have changed since it was read."""
    is_number = pa.types.is_floating(kind) or pa.types.is_decimal(kind)
    is_text = pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)
    suits: dict[str, bool] = {
        "number": is_number,
        "integer": is_number or pa.types.is_integer(kind),
        "boolean": pa.types.is_boolean(kind),
        "datetime": pa.types.is_temporal(kind) or (bool(column.date_format) and pa.types.is_integer(kind)),
        "text": is_text or pa.types.is_time(kind),
        "id": is_text or pa.types.is_time(kind) or pa.types.is_integer(kind),
        "category": True,
    }
    return suits[column.type]


def _as_stored(values: pa.ChunkedArray, stored: StoredType) -> pa.ChunkedArray:
    kind = arrow_type(stored.arrow)
    if not pa.types.is_dictionary(kind):
        return _as_values(values, kind)
    if not pa.types.is_dictionary(values.type):
        values = values.dictionary_encode()
    if not values.num_chunks:
        return values.cast(kind)
    held = values.combine_chunks()
    known = dict.fromkeys(stored.labels or ())
    others = [label for label in held.dictionary.cast(pa.string()).to_pylist() if label not in known]
    labels = pa.array([*known, *others], pa.string())
    places = pc.index_in(held.dictionary.cast(pa.string()), value_set=labels)
    indices = places.take(held.indices).cast(kind.index_type)
    dictionary = _as_values(labels, kind.value_type)
    return pa.chunked_array([pa.DictionaryArray.from_arrays(indices, dictionary, ordered=kind.ordered)])


def _as_values(values: pa.Array | pa.ChunkedArray, kind: pa.DataType) -> pa.Array | pa.ChunkedArray:
    if pa.types.is_dictionary(values.type):
        values = values.cast(values.type.value_type)
    if pa.types.is_time(kind) and not pa.types.is_temporal(values.type):  # of texts, for which Arrow has no cast
        moments = pc.binary_join_element_wise("1970-01-01", values.cast(pa.string()), " ")
        return moments.cast(pa.timestamp(kind.unit)).cast(kind)
    if pa.types.is_temporal(kind) and pa.types.is_temporal(values.type):
        if pa.types.is_timestamp(kind) and kind.unit == "ns":
            return values.cast(kind)
        return values.cast(kind, safe=False)  # synthetic times are cut to what the type holds
    cast = values.cast(kind)
    if pa.types.is_floating(kind) and pc.any(pc.is_inf(cast)).as_py():
        raise pa.ArrowInvalid("a number is too large")
    return cast


def pandas_metadata(table: pa.Table, schema: Schema) -> Mapping[bytes, bytes]:
    """What pandas needs in a file to read columns as it did before; nothing where Arrow's types say it all."""
    said = {
        name: column.stored_as.pandas
        for name, column in schema.columns.items()
        if column.stored_as is not None and column.stored_as.pandas is not None
    }
    if not said:
        return {}
    frame = table.slice(0, 0).to_pandas(ignore_metadata=True)
    for name, kind in said.items():
        if kind != INDEX:
            frame[name] = frame[name].astype(kind)
    index = [name for name, kind in said.items() if kind == INDEX]
    described: Any = pa.Schema.from_pandas(frame.set_index(index) if index else frame, preserve_index=bool(index))
    metadata: Mapping[bytes, bytes] = described.metadata
    return metadata


def warn_of_loss(path: object, name: str, values: pa.ChunkedArray) -> None:
    """Note values that are finer than what a column holds."""
    kind = values.type
    if pa.types.is_timestamp(kind) and kind.unit == "ns":
        coarse = values.cast(pa.timestamp("us", kind.tz), safe=False).cast(kind)
        if pc.any(pc.not_equal(coarse, values)).as_py():
            log.warning("%s: column %r: times are read to the microsecond, and nanoseconds are cut off", path, name)
    elif pa.types.is_decimal(kind):
        try:
            is_exact = not pc.any(pc.not_equal(values.cast(pa.float64()).cast(kind), values)).as_py()
        except pa.ArrowException:
            is_exact = False
        if not is_exact:
            log.warning("%s: column %r: decimals of more than 15 digits are read as the nearest number", path, name)
