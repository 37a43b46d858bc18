"""The sink `csv`: one CSV file a part, written by Arrow as the batches come."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from augment.data import Dataset, Schema
from augment.errors import DataError
from augment.plugin import Accepts, Sink
from augment.toolkit.csv_files import CsvFile, CsvParams, choose_ending
from augment.toolkit.tables.arrow import arrow_table


class CsvSink(Sink):
    """Writes `train.csv` and `test.csv`: cells of words in double quotes, missing values empty.

    Without settings: UTF-8, commas, a decimal point. Times are written in the column's `date_format`, else as ISO 8601
    has them, as far as needed: a column of dates alone has no time of day.
    """

    name = "csv"
    accepts = Accepts(modalities=frozenset({"table", "text"}))
    endings = (".csv", ".tsv")

    Params = CsvParams

    def write(self, name: str, batches: Iterable[Dataset], schema: Schema, folder: Path) -> list[Path]:
        if schema.arrays:
            raise DataError(
                f"sink csv: a CSV file cannot hold the array {next(iter(schema.arrays))!r}; use parquet, npz or "
                "image-folder"
            )
        path = folder / f"{name}{choose_ending(self.params)}"
        tables: Iterator[pa.Table] = (arrow_table(batch, schema, dates_as_text=True) for batch in batches)
        if any(column.type == "datetime" for column in schema.columns.values()):
            tables = _plain_times(tables, folder)
        with CsvFile(path, list(schema.columns), self.params) as file:
            for table in tables:
                file.write(table)
        return [path]


def _plain_times(tables: Iterable[pa.Table], folder: Path) -> Iterator[pa.Table]:
    """The same tables, times as dates or whole seconds where a whole column is; for that they pass through a file."""
    fitting: dict[str, list[pa.DataType]] = {}
    with tempfile.TemporaryFile(dir=folder) as spool:
        writer: pa.RecordBatchStreamWriter | None = None
        for table in tables:
            writer = writer or pa.ipc.new_stream(spool, table.schema)  # whose labels may change
            writer.write_table(table)
            for field in table.schema:
                if pa.types.is_timestamp(field.type):
                    coarser = fitting.get(field.name, [pa.date32(), pa.timestamp("s")])
                    fitting[field.name] = [kind for kind in coarser if _holds(kind, table[field.name])]
        if writer is None:
            return
        writer.close()
        spool.seek(0)
        for batch in pa.ipc.open_stream(spool):
            table = pa.Table.from_batches([batch])
            for name, kinds in fitting.items():
                if kinds:
                    table = table.set_column(table.column_names.index(name), name, table[name].cast(kinds[0]))
            yield table


def _holds(kind: pa.DataType, times: pa.ChunkedArray) -> bool:
    """Whether a type is fine enough for all these times."""
    return bool(pc.all(pc.equal(times.cast(kind, safe=False).cast(times.type), times), min_count=0).as_py())
