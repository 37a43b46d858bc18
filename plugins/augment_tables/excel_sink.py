"""The sink `excel`: a workbook a part, of one sheet."""

from __future__ import annotations

import datetime as dt
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
from pydantic import Field

from augment.data import Dataset, Schema
from augment.errors import DataError
from augment.plugin import Accepts, Sink, SinkParams
from augment.toolkit.tables.arrow import arrow_table
from augment_tables.plain_times import plain_times

MAX_ROWS = 1_048_576  # of a sheet, header included
MAX_LENGTH = 32_767  # characters of a cell
FIRST_MOMENT = dt.datetime(1900, 3, 1)  # before, Excel counts a day that there was not
WRITTEN = (1980, 1, 1, 0, 0, 0)  # the earliest that a zip archive knows; so equal rows give equal bytes
FORMATS = {"date": "yyyy-mm-dd", "timestamp": "yyyy-mm-dd hh:mm:ss"}


class ExcelSink(Sink):
    """Writes `train.xlsx` and `test.xlsx`: one sheet, its first row the names of the columns.

    Needs the extra `excel`: `pip install "augment-pipeline[excel]"`. Numbers, dates and booleans are such; words are
    text, also where they begin with `=`, so that none is run as a formula.
    """

    name = "excel"
    accepts = Accepts(modalities=frozenset({"table", "text"}))
    endings = (".xlsx",)

    class Params(SinkParams):
        """What the sheet is called, and what its first row is."""

        sheet: str = Field(default="Sheet1", min_length=1, max_length=31, pattern=r"^[^\[\]:*?/\\]+$")
        """The name of the sheet."""
        header: bool = True
        """Whether the first row names the columns."""

    def write(self, name: str, batches: Iterable[Dataset], schema: Schema, folder: Path) -> list[Path]:
        try:
            import openpyxl
        except ImportError:
            raise DataError(
                'sink excel: openpyxl, which writes workbooks, is not installed; pip install "augment-pipeline[excel]"'
            ) from None
        if schema.arrays:
            raise DataError(
                f"sink excel: a sheet cannot hold the array {next(iter(schema.arrays))!r}; use parquet, arrow or npz"
            )
        book = openpyxl.Workbook(write_only=True)
        sheet = book.create_sheet(self.params.sheet)
        try:
            for number, cells in enumerate(_rows(batches, schema, folder, self.params.header), start=1):
                if number > MAX_ROWS:
                    raise DataError(f"sink excel: a sheet has at most {MAX_ROWS:,} rows; use csv or parquet")
                sheet.append([_cell(sheet, value, number) for value in cells])
        except BaseException:
            sheet.close()  # openpyxl writes into a file meanwhile
            raise
        path, draft = folder / f"{name}.xlsx", folder / f"{name}.draft"
        book.save(draft)
        _without_times(draft, path)
        draft.unlink()
        return [path]


def _rows(batches: Iterable[Dataset], schema: Schema, folder: Path, header: bool) -> Iterator[list[Any]]:
    if header:
        yield list(schema.columns)
    for table in plain_times((arrow_table(batch, schema, dates_as_text=True) for batch in batches), schema, folder):
        columns = [
            column.cast(column.type.value_type) if pa.types.is_dictionary(column.type) else column
            for column in table.columns
        ]
        yield from map(list, zip(*(column.to_pylist() for column in columns), strict=True))


def _cell(sheet: Any, value: Any, row: int) -> Any:
    from openpyxl.cell import WriteOnlyCell
    from openpyxl.utils.exceptions import IllegalCharacterError

    if isinstance(value, dt.date):
        moment = value if isinstance(value, dt.datetime) else dt.datetime(value.year, value.month, value.day)
        if moment < FIRST_MOMENT:
            return value.isoformat()
        cell = WriteOnlyCell(sheet, value)
        cell.number_format = FORMATS["timestamp" if isinstance(value, dt.datetime) else "date"]
        return cell
    if not isinstance(value, str):
        return value
    if len(value) > MAX_LENGTH:
        raise DataError(f"sink excel: row {row} holds a text of {len(value):,} characters, and a cell {MAX_LENGTH:,}")
    try:
        cell = WriteOnlyCell(sheet, value)
    except IllegalCharacterError:
        raise DataError(f"sink excel: row {row}: {value[:40]!r} has a character that no workbook can hold") from None
    cell.data_type = "s"  # also where it begins with `=`, or looks like an error
    return cell


def _without_times(draft: Path, path: Path) -> None:
    """The same archive without the moment of writing."""
    with zipfile.ZipFile(draft) as before, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as after:
        for entry in before.infolist():
            content = before.read(entry)
            if entry.filename == "docProps/core.xml":
                content = _PROPERTIES
            after.writestr(zipfile.ZipInfo(entry.filename, WRITTEN), content, zipfile.ZIP_DEFLATED)


_PROPERTIES = (
    b'<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n<cp:coreProperties '
    b'xmlns:cp="http://schemas.openxmlformats.org/package/2006/metadata/core-properties"/>'
)
