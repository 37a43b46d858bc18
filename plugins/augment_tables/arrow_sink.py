"""The sink `arrow`, and the base of the sink `parquet`: typed columns, images as PNG, recordings as wav.

Shapes: N rows, H height, W width, C channels.
"""

from __future__ import annotations

import json
from abc import abstractmethod
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from augment.data import Array, Dataset, Schema
from augment.errors import DataError
from augment.plugin import Sink, SinkParams
from augment.toolkit.tables.arrow import arrow_table, empty_table
from augment.toolkit.tables.stored_types import pandas_metadata, stored_table
from augment_tables.audio_columns import encoded

ROWS_A_GROUP = 65_536
PAYLOAD_A_GROUP = 32 << 20  # bytes of arrays, before compression
IMAGE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])


class ArrowFilesSink(Sink):
    """The base of both. Row groups are cut by row number, so equal rows give equal bytes however they were batched."""

    def write(self, name: str, batches: Iterable[Dataset], schema: Schema, folder: Path) -> list[Path]:
        path = folder / f"{name}{self._ending}"
        writer: Any = None
        try:
            for group in _groups((self._whole_table(batch, schema) for batch in batches), schema):
                table = stored_table(group, schema, self.name)
                writer = writer or self._open(path, _described(table, schema), schema)
                self._write(writer, table)
            if writer is None:
                table = stored_table(_with_arrays(empty_table(schema), {}, schema, self.name), schema, self.name)
                writer = self._open(path, _described(table, schema), schema)
        finally:
            if writer:
                writer.close()
        return [path]

    def _whole_table(self, batch: Dataset, schema: Schema) -> pa.Table:
        return _with_arrays(arrow_table(batch, schema), dict(batch.arrays), schema, self.name)

    @property
    @abstractmethod
    def _ending(self) -> str:
        """The file extension."""

    @abstractmethod
    def _open(self, path: Path, arrow_schema: pa.Schema, schema: Schema) -> Any:
        """What writes a file, and is closed at the end."""

    @abstractmethod
    def _write(self, writer: Any, group: pa.Table) -> None:
        """Write a group of rows."""


class ArrowSink(ArrowFilesSink):
    """Writes `train.feather` and `test.feather`: Arrow IPC files, LZ4 compressed, as `pandas.read_feather` reads them.

    Columns and arrays are as in the sink `parquet`.
    """

    name = "arrow"
    endings = (".feather", ".arrow")

    class Params(SinkParams):
        """How the files are called."""

        ending: Literal[".feather", ".arrow"] = ".feather"
        """The file extension."""

    @property
    def _ending(self) -> str:
        return str(self.params.ending)

    def _open(self, path: Path, arrow_schema: pa.Schema, schema: Schema) -> pa.RecordBatchFileWriter:
        # labels that only some rows have stand behind the others
        options = pa.ipc.IpcWriteOptions(compression="lz4", emit_dictionary_deltas=True)
        return pa.ipc.new_file(path, arrow_schema, options=options)

    def _write(self, writer: pa.RecordBatchFileWriter, group: pa.Table) -> None:
        writer.write_table(group)


def _described(table: pa.Table, schema: Schema) -> pa.Schema:
    """The schema of a file, with what pandas and `datasets` need to know of its columns."""
    metadata = dict(pandas_metadata(table, schema))
    if schema.arrays:
        features = {"info": {"features": _features(table.schema, schema)}}
        metadata[b"huggingface"] = json.dumps(features).encode()
    return table.schema.with_metadata(metadata or None)


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
    met = {name: column.categories or () for name, column in schema.columns.items()}
    for table in tables:
        while num_held + table.num_rows >= size:
            taken = size - num_held
            yield _one_piece([*held, table.slice(0, taken)], met)
            table, held, num_held = table.slice(taken), [], 0
        if table.num_rows:
            held.append(table)
            num_held += table.num_rows
    if held:
        yield _one_piece(held, met)


def _one_piece(tables: list[pa.Table], met: dict[str, tuple[str, ...]]) -> pa.Table:
    """One table of them, each column of one chunk; labels that no table before had are added to those that are met."""
    table = pa.concat_tables(tables)
    columns = []
    for name, values in zip(table.column_names, table.columns, strict=True):
        if pa.types.is_dictionary(values.type):
            column, met[name] = _one_dictionary(values, met[name])
            columns.append(column)
        else:
            columns.append(values.combine_chunks())
    return pa.table(columns, schema=table.schema)


def _one_dictionary(values: pa.ChunkedArray, known: tuple[str, ...]) -> tuple[pa.Array, tuple[str, ...]]:
    """The labels over one dictionary: those that are known, then others in use, sorted; and that dictionary.

    So bytes depend on the rows alone, and not on which batch met an unknown label first.
    """
    labels = pa.array(known, pa.string())
    if all(chunk.dictionary.equals(labels) for chunk in values.chunks):
        return values.combine_chunks(), known
    plain = values.cast(pa.string()).combine_chunks()
    used = {label for label in pc.unique(plain).to_pylist() if label is not None}
    known = (*known, *sorted(used - set(known)))
    labels = pa.array(known, pa.string())
    return pa.DictionaryArray.from_arrays(pc.index_in(plain, value_set=labels), labels), known


def _with_arrays(table: pa.Table, arrays: dict[str, np.ndarray], schema: Schema, sink: str) -> pa.Table:
    for name, array in schema.arrays.items():
        if name in table.column_names:
            raise DataError(f"sink {sink}: {name!r} is the name of a column and of an array; rename one of them")
        values = arrays[name] if arrays else np.empty((0, *array.shape), dtype=array.dtype)
        if array.type == "image":
            column = _images(name, values, sink)
        elif _is_file(array):
            lengths = np.full(len(values), values.shape[1])
            if array.length_column is not None:
                lengths = table[array.length_column].to_numpy()
            column = encoded(values, lengths, int(array.rate or 0))
        else:
            column = _nested(values)
        table = table.append_column(name, column)
    return table


def _is_file(array: Array) -> bool:
    """Whether rows are written as audio files, which have a whole number of Hz."""
    return array.type == "audio" and array.rate is not None and array.rate == int(array.rate) >= 1


def _images(name: str, images_NHWC: np.ndarray, sink: str) -> pa.Array:
    import cv2

    num_channels = images_NHWC.shape[3]
    if images_NHWC.dtype != np.uint8 or num_channels not in (1, 3, 4):
        raise DataError(
            f"sink {sink}: images {name!r} are {images_NHWC.dtype} with {num_channels} channels; PNG holds uint8 with "
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
    if _is_file(array):
        return {"sampling_rate": int(array.rate or 0), "_type": "Audio"}
    feature: dict[str, Any] = {"dtype": array.dtype, "_type": "Value"}
    for length in reversed(array.shape):
        feature = {"feature": feature, "length": length, "_type": "List"}
    return feature


def _value(kind: pa.DataType) -> dict[str, str]:
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    return {"dtype": {"double": "float64"}.get(str(kind), str(kind)), "_type": "Value"}
