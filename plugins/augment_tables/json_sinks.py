"""The sinks `json-lines` and `json-records`: JSON objects, their keys the columns."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

import pyarrow as pa

from augment.data import Column, Dataset, Schema, arrow_type
from augment.errors import DataError
from augment.plugin import Accepts, Sink, SinkParams
from augment.toolkit.tables.arrow import arrow_table
from augment.toolkit.tables.stored_types import stored_table
from augment_tables.plain_times import plain_times


class JsonLinesSink(Sink):
    """Writes `train.jsonl` and `test.jsonl`: UTF-8, an object a line, null for a missing value.

    Dates are texts in the column's `date_format`, else as ISO 8601 has them.
    """

    name = "json-lines"
    accepts = Accepts(modalities=frozenset({"table", "text"}))
    endings = (".jsonl", ".ndjson")

    class Params(SinkParams):
        """How the files are called."""

        ending: Literal[".jsonl", ".ndjson"] = ".jsonl"
        """The file extension."""

    def write(self, name: str, batches: Iterable[Dataset], schema: Schema, folder: Path) -> list[Path]:
        path = folder / f"{name}{self.params.ending}"
        with path.open("w", encoding="utf-8", newline="\n") as file:
            for row in _rows(batches, schema, folder, self.name):
                file.write(row + "\n")
        return [path]


class JsonSink(Sink):
    """Writes `train.json` and `test.json`: UTF-8, one list of objects, a line each, null for a missing value.

    Dates are texts in the column's `date_format`, else as ISO 8601 has them.
    """

    name = "json-records"
    accepts = JsonLinesSink.accepts
    endings = (".json",)

    class Params(SinkParams):
        """What is around the objects."""

        lines: bool = False
        """Write JSON lines, without a list around them, which the source reads in such files too."""

    def write(self, name: str, batches: Iterable[Dataset], schema: Schema, folder: Path) -> list[Path]:
        path = folder / f"{name}.json"
        first, between, last = ("", "\n", "\n") if self.params.lines else ("[\n", ",\n", "\n]\n")
        with path.open("w", encoding="utf-8", newline="\n") as file:
            file.write(first)
            for number, row in enumerate(_rows(batches, schema, folder, self.name)):
                file.write((between if number else "") + row)
            file.write(last)
        return [path]


def _rows(batches: Iterable[Dataset], schema: Schema, folder: Path, sink: str) -> Iterable[str]:
    """Each row as JSON.

    Raises:
        DataError: there is an array.
    """
    if schema.arrays:
        raise DataError(
            f"sink {sink}: JSON objects cannot hold the array {next(iter(schema.arrays))!r}; use parquet, arrow or npz"
        )
    labels = schema.model_copy(update={"columns": dict(filter(_has_plain_labels, schema.columns.items()))})
    tables = (stored_table(arrow_table(batch, schema, dates_as_text=True), labels, sink) for batch in batches)
    for table in plain_times(tables, schema, folder):
        for place, field in enumerate(table.schema):
            if pa.types.is_temporal(field.type):
                table = table.set_column(place, field.name, table.column(place).cast(pa.string()))
        for row in table.to_pylist():
            yield json.dumps(row, ensure_ascii=False, allow_nan=False)


def _has_plain_labels(named: tuple[str, Column]) -> bool:
    """Whether a column holds labels that are numbers or booleans in its file."""
    _, column = named
    kind = None if column.stored_as is None else arrow_type(column.stored_as.arrow)
    is_plain = kind is not None and any(
        test(kind) for test in (pa.types.is_integer, pa.types.is_floating, pa.types.is_boolean)
    )
    return column.type == "category" and is_plain
