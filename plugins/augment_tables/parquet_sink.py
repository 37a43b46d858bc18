"""The sink `parquet`: one Parquet file a part, images as PNG, readable by pandas and by Hugging Face `datasets`.

Shapes: N rows, H height, W width, C channels.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from augment.data import Array, Dataset, Schema
from augment.errors import DataError
from augment.plugin import Sink
from augment.toolkit.tables.arrow import arrow_table, empty_table

ROWS_A_GROUP = 65_536
PAYLOAD_A_GROUP = 32 << 20  # bytes of arrays, before compression
IMAGE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])


class ParquetSink(Sink):
    """Writes `train.parquet` and `test.parquet`, zstd compressed.

    Categories are dictionaries. Images are `struct<bytes, path>` holding PNG, with the metadata by which `datasets`
    knows them for images; other arrays are nested lists of fixed size. Row groups are cut by row number, so equal rows
    give equal bytes however they were batched.
    """

    name = "parquet"
    default_for = Sink.accepts.modalities
    endings = (".parquet",)

    def write(self, name: str, batches: Iterable[Dataset], schema: Schema, folder: Path) -> list[Path]:
        path = folder / f"{name}.parquet"
        writer: pq.ParquetWriter | None = None
        try:
            for group in _groups((_whole_table(batch, schema) for batch in batches), schema):
                writer = writer or _open(path, group.schema, schema)
                writer.write_table(group, row_group_size=max(1, group.num_rows))
            if writer is None:
                writer = _open(path, _with_arrays(empty_table(schema), {}, schema).schema, schema)
        finally:
            if writer:
                writer.close()
        return [path]


def _open(path: Path, arrow_schema: pa.Schema, schema: Schema) -> pq.ParquetWriter:
    if schema.arrays:
        features = {"info": {"features": _features(arrow_schema, schema)}}
        arrow_schema = arrow_schema.with_metadata({"huggingface": json.dumps(features)})
    categories = [name for name, column in schema.columns.items() if column.type == "category"]
    return pq.ParquetWriter(path, arrow_schema, compression="zstd", use_dictionary=categories)


def _rows_a_group(schema: Schema) -> int:
    bytes_a_row = sum(
        int(np.prod(array.shape, dtype=np.int64)) * np.dtype(array.dtype).itemsize for array in schema.arrays.values()
    )
    return max(1, min(ROWS_A_GROUP, PAYLOAD_A_GROUP // max(1, bytes_a_row)))


def _groups(tables: Iterable[pa.Table], schema: Schema) -> Iterator[pa.Table]:
    """The same rows in tables of one fixed number of rows, but for the last; each of one piece."""
    size = _rows_a_group(schema)
    held: list[pa.Table] = []
    num_held = 0
    for table in tables:
        while num_held + table.num_rows >= size:
            taken = size - num_held
            yield _one_piece([*held, table.slice(0, taken)], schema)
            table, held, num_held = table.slice(taken), [], 0
        if table.num_rows:
            held.append(table)
            num_held += table.num_rows
    if held:
        yield _one_piece(held, schema)


def _one_piece(tables: list[pa.Table], schema: Schema) -> pa.Table:
    table = pa.concat_tables(tables)
    columns = []
    for name, values in zip(table.column_names, table.columns, strict=True):
        if pa.types.is_dictionary(values.type):
            columns.append(_one_dictionary(values, schema.columns[name].categories or ()))
        else:
            columns.append(values.combine_chunks())
    return pa.table(columns, schema=table.schema)


def _one_dictionary(values: pa.ChunkedArray, known: tuple[str, ...]) -> pa.Array:
    """The labels over one dictionary: those that the schema knows, then others in use, sorted.

    So bytes depend on the rows alone, and not on which batch met an unknown label first.
    """
    labels = pa.array(known, pa.string())
    if all(chunk.dictionary.equals(labels) for chunk in values.chunks):
        return values.combine_chunks()
    plain = values.cast(pa.string()).combine_chunks()
    used = {label for label in pc.unique(plain).to_pylist() if label is not None}
    labels = pa.array([*known, *sorted(used - set(known))], pa.string())
    return pa.DictionaryArray.from_arrays(pc.index_in(plain, value_set=labels), labels)


def _whole_table(batch: Dataset, schema: Schema) -> pa.Table:
    return _with_arrays(arrow_table(batch, schema), dict(batch.arrays), schema)


def _with_arrays(table: pa.Table, arrays: dict[str, np.ndarray], schema: Schema) -> pa.Table:
    for name, array in schema.arrays.items():
        if name in table.column_names:
            raise DataError(f"sink parquet: {name!r} is the name of a column and of an array; rename one of them")
        values = arrays[name] if arrays else np.empty((0, *array.shape), dtype=array.dtype)
        table = table.append_column(name, _images(name, values) if array.type == "image" else _nested(values))
    return table


def _images(name: str, images_NHWC: np.ndarray) -> pa.Array:
    import cv2

    num_channels = images_NHWC.shape[3]
    if images_NHWC.dtype != np.uint8 or num_channels not in (1, 3, 4):
        raise DataError(
            f"sink parquet: images {name!r} are {images_NHWC.dtype} with {num_channels} channels; PNG holds uint8 with "
            "1, 3 or 4: use npz"
        )
    order = {1: [0], 3: [2, 1, 0], 4: [2, 1, 0, 3]}[num_channels]  # OpenCV takes blue first
    blobs = [cv2.imencode(".png", np.ascontiguousarray(image[..., order]))[1].tobytes() for image in images_NHWC]
    paths = pa.nulls(len(blobs), pa.string())
    return pa.StructArray.from_arrays([pa.array(blobs, pa.binary()), paths], fields=list(IMAGE))


def _nested(values: np.ndarray) -> pa.Array:
    array = pa.array(np.ascontiguousarray(values).reshape(-1))
    for length in reversed(values.shape[1:]):
        array = pa.FixedSizeListArray.from_arrays(array, length)
    return array


def _features(arrow_schema: pa.Schema, schema: Schema) -> dict[str, Any]:
    """How `datasets` describes each column (https://huggingface.co/docs/datasets/about_dataset_features)."""
    features: dict[str, Any] = {}
    for field in arrow_schema:
        array = schema.arrays.get(field.name)
        features[field.name] = _array_feature(array) if array else _value(field.type)
    return features


def _array_feature(array: Array) -> dict[str, Any]:
    if array.type == "image":
        return {"_type": "Image"}
    feature: dict[str, Any] = {"dtype": array.dtype, "_type": "Value"}
    for length in reversed(array.shape):
        feature = {"feature": feature, "length": length, "_type": "List"}
    return feature


def _value(kind: pa.DataType) -> dict[str, str]:
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    return {"dtype": {"double": "float64"}.get(str(kind), str(kind)), "_type": "Value"}
