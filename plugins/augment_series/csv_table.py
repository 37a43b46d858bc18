"""A CSV file as an Arrow table, refused in words where its rows or numbers are not what they seem."""

from __future__ import annotations

import io
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv

from augment.errors import DataError, did_you_mean
from augment.toolkit.csv_delimiters import single, with_tabs
from augment.toolkit.csv_files import check_quotes
from augment.toolkit.csv_numbers import SPACES_ALONE, read_numbers, warn_of_separators
from augment.toolkit.data_files import listed
from augment.toolkit.text_files import decoded, read_bytes

__all__ = ["Form", "Places", "read_tables"]

MISSING_NUMBERS = ("", "?", "NA", "N/A", "NaN", "nan", "NULL", "null")


@dataclass(frozen=True)
class Form:
    """How a CSV file is written.

    Attributes:
        delimiter: what stands between two cells.
        decimal: the character before the decimals of a number.
        thousands: the character between groups of three digits, or nothing.
        encoding: how characters are stored.
    """

    delimiter: str
    decimal: str
    thousands: str
    encoding: str


@dataclass(frozen=True)
class Places:
    """Where the rows of a table stand, for messages. As text, it is what the files are called.

    Attributes:
        files: the files that were read.
        sizes: how many rows each has.
    """

    files: Sequence[Path]
    sizes: Sequence[int]

    def __str__(self) -> str:
        return listed(self.files)

    @property
    def name(self) -> str:
        """The files without their folders."""
        return listed([Path(file.name) for file in self.files])

    def line(self, row: int) -> str:
        """File and line of a row of the table, counted from 0."""
        for file, size in zip(self.files, self.sizes, strict=True):
            if row < size:
                return f"{file}, line {row + 2}"
            row -= size
        raise IndexError(row)


def read_tables(
    files: Sequence[Path], form: Form, *, as_text: Collection[str], columns: Sequence[str] | None
) -> tuple[pa.Table, Places]:
    """The rows of files of the same columns, one after the other; numbers in one and words in another are words.

    Args:
        files: each with a first line that names the columns.
        form: how they are written.
        as_text: columns that are never read as numbers or times.
        columns: the columns to read; all when None.

    Raises:
        DataError: a file is not such; names file and line.
    """
    tables = [_read_table(file, form, as_text, columns) for file in files]
    names = tables[0].column_names
    for file, table in zip(files, tables, strict=True):
        if odd := sorted(set(table.column_names) ^ set(names)):
            raise DataError(
                f"{file}: the column {odd[0]!r} is here or in {files[0]} alone; files that are read as one need the "
                "same columns: name those that all have under `columns`"
            )
    places = Places(files, [table.num_rows for table in tables])
    try:
        return pa.concat_tables([table.select(names) for table in tables], promote_options="permissive"), places
    except pa.ArrowException:
        kinds = {name: {table.schema.field(name).type for table in tables} for name in names}
        words = [name for name in names if pa.string() in kinds[name] and len(kinds[name]) > 1 and name not in as_text]
        if not words:
            odd = [name for name in names if len(kinds[name]) > 1]
            raise DataError(f"{places}: column {odd[0]!r} holds values of several types; write it alike") from None
        return read_tables(files, form, as_text=[*as_text, *words], columns=columns)


def _read_table(path: Path, form: Form, as_text: Collection[str], columns: Sequence[str] | None) -> pa.Table:
    """The rows of one file, in its order; empty cells are missing."""
    delimiter, encoding = form.delimiter, form.encoding
    text = decoded(read_bytes(path), encoding, path)
    if len(delimiter) > 1:
        text, delimiter = with_tabs(text, delimiter), single(delimiter)
    names = _names(path, text, delimiter)
    for name in columns or ():
        if name not in names:
            raise DataError(f"{path}: has no column {name!r}{did_you_mean(name, names)}; it has {', '.join(names)}")
    if '"' in text:
        check_quotes(io.StringIO(text, newline=""), delimiter, path)
    octets = text.encode()
    ragged: list[pacsv.InvalidRow] = []

    def refuse(row: pacsv.InvalidRow) -> str:
        ragged.append(row)
        return "error"

    try:
        table = pacsv.read_csv(
            io.BytesIO(octets),
            read_options=pacsv.ReadOptions(use_threads=False, block_size=min(len(octets) + 1, 2**31 - 1)),
            parse_options=pacsv.ParseOptions(
                delimiter=delimiter, newlines_in_values='"' in text, invalid_row_handler=refuse
            ),
            convert_options=pacsv.ConvertOptions(
                column_types=dict.fromkeys(as_text, pa.string()),
                include_columns=list(columns or names),
                null_values=[*MISSING_NUMBERS, *SPACES_ALONE],
                decimal_point=form.decimal,
            ),
        )
    except pa.ArrowInvalid as error:
        if not ragged:
            raise DataError(f"{path}: {error}") from error
        row = ragged[0]
        raise DataError(
            f"{path}, line {row.number}: the row has {row.actual_columns} fields, and the header has "
            f"{row.expected_columns}; mend the row, or put cells that contain {delimiter!r} in double quotes"
        ) from None
    if not table.num_rows:
        raise DataError(f"{path}: has a header but no rows; at least one row was expected")
    cells, grouped = {name: _without_empty(table[name]) for name in table.column_names}, []
    for name, words in cells.items():
        if form.thousands and pa.types.is_string(words.type) and name not in as_text:
            numbers = read_numbers(words, form.decimal, form.thousands)
            if numbers is not None:
                cells[name] = numbers
                grouped.append(name)
    table = pa.table(cells)
    warn_of_separators(table, grouped, form.decimal, form.thousands, form.delimiter, path.name)
    return table


def _names(path: Path, text: str, delimiter: str) -> list[str]:
    names = [name.strip().strip('"') for name in text.lstrip("\r\n").partition("\n")[0].strip("\r").split(delimiter)]
    if len(names) == 1:
        others = [other for other in ";\t|," if other != delimiter and other in names[0]]
        if others:
            raise DataError(
                f"{path}: the header is one column named {names[0]!r}; cells seem to be divided by {others[0]!r}: "
                f'set `delimiter: "{others[0]}"`'.replace("\t", "\\t")
            )
    blank = [str(place) for place, name in enumerate(names, start=1) if not name]
    if blank:
        raise DataError(f"{path}: the header has no name for column {', '.join(blank)} of {len(names)}; name every one")
    doubled = sorted({name for name in names if names.count(name) > 1}) if len(set(names)) < len(names) else []
    if doubled:
        raise DataError(f"{path}: the header has names twice: {', '.join(map(repr, doubled))}")
    return names


def _without_empty(values: pa.ChunkedArray) -> pa.ChunkedArray:
    if pa.types.is_null(values.type):
        return values.cast(pa.float64())  # nothing but missing values
    if not pa.types.is_string(values.type):
        return values
    return pc.if_else(pc.equal(values, ""), pa.scalar(None, pa.string()), values)
