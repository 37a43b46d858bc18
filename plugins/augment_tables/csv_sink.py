"""The sink `csv`: one CSV file a part, written by Arrow as the batches come."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

import pyarrow as pa
from pydantic import AfterValidator

from augment.data import Column, Dataset, Schema, arrow_type
from augment.errors import DataError
from augment.plugin import Accepts, Sink
from augment.toolkit.csv_files import CsvFile, CsvParams, choose_ending
from augment.toolkit.tables.arrow import arrow_table
from augment_tables.plain_times import plain_times
from augment_tables.written_numbers import NumberFormat


def _an_example(example: str) -> str:
    NumberFormat.of_example(example)
    return example


class CsvSink(Sink):
    """Writes `train.csv` and `test.csv`: cells of words in double quotes, missing values empty.

    Without settings: UTF-8, commas, a decimal point. Times are written in the column's `date_format`, else as ISO 8601
    has them, as far as needed: a column of dates alone has no time of day. Whole numbers that had decimals, such as
    labels `1.0`, have one again.
    """

    name = "csv"
    accepts = Accepts(modalities=frozenset({"table", "text"}))
    endings = (".csv", ".tsv")

    class Params(CsvParams):
        """How the files are written."""

        header: bool = True
        """Whether the first line names the columns."""
        unnamed_column: str | None = None
        """The column whose name is left blank in the first line, as pandas writes the index of a frame."""
        formats: dict[str, Annotated[str, AfterValidator(_an_example)]] = {}
        """Column to how its numbers are written, shown by the number 1234: `{price: "€1,234.00"}` for a sign before
        them, commas between thousands, and two decimals at least. `12,34,567` groups as in India."""

    @classmethod
    def settings_to_read(cls, params: Any) -> dict[str, Any]:
        formats = {name: NumberFormat.of_example(example) for name, example in params.formats.items()}
        separators = {one.thousands for one in formats.values()} - {""}
        kinds = {" " if sign.isspace() else "'" if sign == "’" else sign for sign in separators}
        units = {name: one.unit for name, one in formats.items() if one.unit}
        return {**({"units": units} if units else {}), **({"thousands": kinds.pop()} if len(kinds) == 1 else {})}

    def write(self, name: str, batches: Iterable[Dataset], schema: Schema, folder: Path) -> list[Path]:
        if schema.arrays:
            raise DataError(
                f"sink csv: a CSV file cannot hold the array {next(iter(schema.arrays))!r}; use parquet, npz or "
                "image-folder"
            )
        formats = {
            name: NumberFormat.of_example(example, self.params.decimal)
            for name, example in self.params.formats.items()
            if name in schema.columns and schema.columns[name].type in ("number", "integer")
        }
        path = folder / f"{name}{choose_ending(self.params)}"
        tables = (arrow_table(batch, schema, dates_as_text=True) for batch in batches)
        floats = [name for name, column in schema.columns.items() if column.type == "integer" and _is_float(column)]
        names = ["" if name == self.params.unnamed_column else name for name in schema.columns]
        header = names if self.params.header else None
        with CsvFile(path, header, self.params, numbers=formats) as file:
            for table in plain_times(tables, schema, folder):
                for column in floats:
                    place = table.column_names.index(column)
                    table = table.set_column(place, column, table[column].cast(pa.float64()))
                for column, number_format in formats.items():
                    cells = number_format.write_all(table[column])
                    table = table.set_column(table.column_names.index(column), column, cells)
                file.write(table)
        return [path]


def _is_float(column: Column) -> bool:
    """Whether whole numbers had decimals in their file, such as labels 1.0 and 2.0."""
    return column.stored_as is not None and pa.types.is_floating(arrow_type(column.stored_as.arrow))
