"""Files of events as one Arrow table, and where each row stands in them.

Shapes: M events.
"""

from __future__ import annotations

import csv
import itertools
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from augment.errors import DataError
from augment.toolkit.csv_delimiters import single
from augment.toolkit.csv_numbers import SPACES_ALONE, read_numbers
from augment.toolkit.text_files import tolerating_mark

__all__ = ["EventFile", "Form", "read_rows"]

MAX_BLOCK = 2**31 - 1  # Arrow's limit, in bytes


@dataclass(frozen=True)
class Form:
    """How a CSV file is written.

    Attributes:
        delimiter: what stands between two cells.
        encoding: of its text.
        decimal: the character before decimals.
        thousands: the character between groups of three digits, or nothing.
        names: of the columns, where the file has no header.
    """

    delimiter: str = ","
    encoding: str = "utf-8"
    decimal: str = "."
    thousands: str = ""
    names: tuple[str, ...] | None = None


@dataclass(frozen=True)
class EventFile:
    """A CSV file, with single characters between cells, or a Parquet file."""

    path: Path
    form: Form

    @property
    def is_csv(self) -> bool:
        return self.path.suffix.lower() != ".parquet"

    def header(self) -> list[str]:
        """The names of all columns.

        Raises:
            DataError: there are none, or not one for each column.
        """
        if not self.is_csv:
            return list(pq.read_schema(self.path).names)
        first = next(self.records(), None)
        if first is None:
            raise DataError(f"{self.path}: the file is empty; a header and a line for each event were expected")
        names = list(self.form.names or first[1])
        if len(names) != len(first[1]):
            raise DataError(
                f"{self.path}: has {len(first[1])} columns, and `names` has {len(names)}; name each of them"
            )
        for name in names:
            if not name.strip() or names.count(name) > 1:
                what = f"the name {name!r} twice" if name.strip() else "a column without a name"
                raise DataError(f"{self.path}: the header has {what}; give every column a name of its own")
        return names

    def records(self) -> Iterator[tuple[int, list[str]]]:
        """The line that each record begins on, from 1, and its cells; for the header and for messages."""
        with self.path.open(encoding=tolerating_mark(self.form.encoding), newline="") as file:
            reader = csv.reader(file, delimiter=single(self.form.delimiter))
            line = 1
            for cells in reader:
                if cells:
                    yield line, cells
                line = reader.line_num + 1

    def rows(self, texts: Collection[str]) -> pa.Table:
        """All rows, columns in `texts` as they are written.

        Raises:
            DataError: a row has too few or too many cells; with its line.
        """
        if not self.is_csv:
            return pq.read_table(self.path)
        form, header = self.form, self.header()
        try:
            table = pacsv.read_csv(
                self.path,
                read_options=pacsv.ReadOptions(
                    use_threads=False,
                    block_size=min(3 * self.path.stat().st_size + 1, MAX_BLOCK),  # types are inferred from the first
                    encoding=form.encoding,
                    column_names=list(form.names) if form.names else None,
                ),
                parse_options=pacsv.ParseOptions(delimiter=single(form.delimiter), newlines_in_values=True),
                convert_options=pacsv.ConvertOptions(
                    column_types=dict.fromkeys(texts, pa.string()),
                    strings_can_be_null=True,
                    null_values=["", "NA", "NaN", "nan", "NULL", "null", *SPACES_ALONE],
                    decimal_point=form.decimal,
                ),
            )
        except pa.ArrowInvalid as error:
            for line, cells in self.records():
                if len(cells) != len(header):
                    remedy = "mend the line" if len(form.delimiter) > 1 else "put cells that contain "
                    remedy += "" if len(form.delimiter) > 1 else f"{form.delimiter!r} in double quotes"
                    raise DataError(
                        f"{self.path}, line {line}: has {len(cells)} cells, and the header {len(header)}; {remedy}"
                    ) from error
            raise
        for place, field in enumerate(table.schema):
            numbers = None
            if form.thousands and pa.types.is_string(field.type) and field.name not in texts:
                numbers = read_numbers(table[field.name], form.decimal, form.thousands)
            if numbers is not None:
                table = table.set_column(place, field.name, numbers)
        return table

    def place(self, row: int) -> str:
        """Where a row stands, for messages."""
        if not self.is_csv:
            return f"{self.path}, row {row + 1}"
        line = next(itertools.islice(self.records(), row + (self.form.names is None), None))[0]
        return f"{self.path}, line {line}"


def read_rows(files: Sequence[EventFile], texts: Collection[str]) -> tuple[pa.Table, Callable[[int], str]]:
    """The rows of files of the same columns, one file after the other, and where a row of them stands, for messages.

    Raises:
        DataError: a file lacks a column, or holds other values in it than the first one; a row is not as the others.
    """
    tables: list[pa.Table] = []
    for file in files:
        try:
            tables.append(file.rows(texts))
        except pa.ArrowInvalid as error:
            raise DataError(f"{file.path}: the events cannot be read: {error}") from error
        names = tables[0].column_names
        if set(tables[-1].column_names) != set(names):
            odd = sorted(set(tables[-1].column_names) ^ set(names))[0]
            raise DataError(
                f"{file.path}: the column {odd!r} is here or in {files[0].path} alone; files that are read as one need "
                "the same columns"
            )
    try:
        whole = pa.concat_tables([table.select(names) for table in tables], promote_options="permissive")
    except pa.ArrowException as error:
        listed = ", ".join(str(file.path) for file in files[:3])
        raise DataError(f"{listed}: a column holds values of several types: {error}") from error

    def place(row: int) -> str:
        for file, table in zip(files, tables, strict=True):
            if row < table.num_rows:
                return file.place(row)
            row -= table.num_rows
        raise IndexError(row)

    return whole, place
