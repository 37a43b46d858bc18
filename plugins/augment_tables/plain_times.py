"""Times that are written as text: as coarse as a whole column is."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from augment.data import Schema

__all__ = ["plain_times"]


def plain_times(tables: Iterable[pa.Table], schema: Schema, folder: Path) -> Iterator[pa.Table]:
    """The same tables, times as dates or whole seconds where a whole column is; for that they pass through a file."""
    if all(column.type != "datetime" for column in schema.columns.values()):
        yield from tables
        return
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
