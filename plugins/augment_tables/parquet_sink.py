"""The sink `parquet`: Parquet files."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from augment.data import Schema
from augment.plugin import Sink
from augment_tables.arrow_sink import ArrowFilesSink


class ParquetSink(ArrowFilesSink):
    """Writes `train.parquet` and `test.parquet`, zstd compressed.

    Columns of Parquet, Feather and Arrow files keep their types: `int16`, `float`, decimals, dates, time zones, the
    order of categories, and those that pandas has of its own, such as `Int64`. Other categories are dictionaries.
    Images are `struct<bytes, path>` holding PNG, recordings the same holding 16-bit wav, with the metadata by which
    `datasets` knows them for images and audio; other arrays are nested lists of fixed size.
    """

    name = "parquet"
    default_for = Sink.accepts.modalities
    endings = (".parquet",)
    _ending = ".parquet"

    def _open(self, path: Path, arrow_schema: pa.Schema, schema: Schema) -> pq.ParquetWriter:
        categories = [name for name, column in schema.columns.items() if column.type == "category"]
        return pq.ParquetWriter(path, arrow_schema, compression="zstd", use_dictionary=categories)

    def _write(self, writer: pq.ParquetWriter, group: pa.Table) -> None:
        writer.write_table(group, row_group_size=max(1, group.num_rows))
