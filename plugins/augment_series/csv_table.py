"""A CSV file as an Arrow table, refused in words where its rows or numbers are not what they seem."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv

from augment.errors import DataError, did_you_mean
from augment.toolkit.text_files import decoded, read_bytes

__all__ = ["read_table"]

MISSING_NUMBERS = ("", "?", "NA", "N/A", "NaN", "nan", "NULL", "null")


def read_table(
    path: Path, *, delimiter: str, decimal: str, encoding: str, as_text: Sequence[str], columns: Sequence[str] | None
) -> pa.Table:
    """The rows of the file, in its order; empty cells are missing.

    Args:
        path: the file, whose first line names the columns.
        delimiter: the character between two cells.
        decimal: the character before the decimals of a number.
        encoding: how characters are stored.
        as_text: columns that are never read as numbers or times.
        columns: the columns to read; all when None.

    Raises:
        DataError: it is no such file; names file and line.
    """
    text = decoded(read_bytes(path), encoding, path)
    names = _names(path, text, delimiter)
    for name in columns or ():
        if name not in names:
            raise DataError(f"{path}: has no column {name!r}{did_you_mean(name, names)}; it has {', '.join(names)}")
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
                null_values=list(MISSING_NUMBERS),
                decimal_point=decimal,
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
    return pa.table({name: _without_empty(table[name]) for name in table.column_names})


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
