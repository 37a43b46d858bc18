"""The source `excel`: a sheet of a workbook, read as if it had been saved as CSV."""

from __future__ import annotations

import csv
import datetime as dt
import itertools
import logging
import re
import tempfile
import zipfile
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pydantic import Field

from augment import plugin
from augment.data import Dataset
from augment.errors import DataError, did_you_mean
from augment.plugin import Context, Source
from augment.toolkit.data_files import Files, list_files
from augment.toolkit.text_files import check_file
from augment_tables.csv_header import named_columns
from augment_tables.csv_missing import NullValues
from augment_tables.csv_source import CsvSource

MAX_UNPACKED = 2 * 10**9  # bytes of the XML in a workbook, which is a zip archive
MISSING = "#N/A"
OTHER_BOOKS = (".xls", ".xlsb", ".ods")

log = logging.getLogger("augment")


class ExcelSource(Source):
    """Reads a sheet of an Excel workbook (`.xlsx`), or of several with the same columns.

    The value of cells that are merged down a column stands in each of them.

    Needs the extra `excel`: `pip install "augment-pipeline[excel]"`. Formulas count with the results that were saved.
    Numbers that are stored as text are numbers, and `#N/A` is a missing value. The other settings are those of `csv`.
    """

    name = "excel"
    yields = frozenset({"table", "text"})
    endings = (".xlsx", ".xlsm")
    reads_only_paths = True

    class Params(plugin.Params):
        """Where the workbook is, and how its cells are meant."""

        path: Files
        """The workbook, or several with the same columns: a list, or a pattern such as `months/*.xlsx`."""
        sheet: str | None = Field(default=None, min_length=1)
        """The name of the sheet; the first one that is not hidden when not given."""
        columns: tuple[str, ...] | None = None
        """The columns to read; all when not given. Others need no name in the sheet."""
        skip_lines: int = Field(default=0, ge=0)
        """Rows before the header, such as a title."""
        header: bool | None = None
        """Whether the first row names the columns; see `csv`."""
        names: tuple[str, ...] | None = None
        """The names of all columns, in order, with `header: false`."""
        null_values: NullValues | None = None
        """Cells that mean a missing value; see `csv`."""
        date_format: str | None = None
        """How dates are written that are stored as text; see `csv`."""
        units: dict[str, str] = {}
        """Column to the sign or word that stands beside its numbers in texts; see `csv`."""

    @classmethod
    def sniff(cls, path: Path, head: bytes) -> float | None:
        if path.suffix.lower() in OTHER_BOOKS:
            return 0.1  # to say in which format to save it, unless another source reads it
        return super().sniff(path, head)

    @classmethod
    def settings_for(cls, path: Path) -> dict[str, Any]:
        check_file(path)
        with _as_csv([path], None) as files:
            return cls._own(CsvSource.settings_for(files[0]))

    @classmethod
    def further_settings(cls, path: Path, settings: Mapping[str, Any], data: Dataset | None) -> dict[str, Any]:
        return cls._own(CsvSource.further_settings(path, settings, data))

    @classmethod
    def settings_to_write(cls, path: Path, settings: Mapping[str, Any], data: Dataset) -> dict[str, Any]:
        import openpyxl

        with path.open("rb") as file:
            first = _first_sheet(openpyxl.load_workbook(file, read_only=True))
        return {} if "sheet" in settings or first == "Sheet1" else {"sheet": first}

    @classmethod
    def _own(cls, settings: Mapping[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in settings.items() if name in cls.Params.model_fields}

    def read(self, context: Context) -> Dataset:
        files = list_files(self.params.path, self.endings)
        for file in files:
            check_file(file)
        shared = self.params.model_dump(exclude={"path", "sheet"})
        places: set[int] = set()
        with _as_csv(files, self.params.sheet, context.folder, places) as copies:
            data = CsvSource(CsvSource.Params.model_validate({"path": tuple(copies), **shared})).read(context)
            names = self._names(copies[0], list(context.declared.columns))
        return self._with_dates(data, {names[place] for place in places if place < len(names)}, context)

    def _names(self, copy: Path, declared: list[str]) -> list[str]:
        """What the columns are called, in the order of the sheet."""
        with copy.open(encoding="utf-8", newline="") as file:
            first = next(itertools.islice(csv.reader(file), self.params.skip_lines, None))
        if self.params.header is not False:
            return named_columns(first)
        numbered = [f"column{place}" for place in range(1, len(first) + 1)]
        return list(self.params.names or (declared if len(declared) == len(first) else numbered))

    @staticmethod
    def _with_dates(data: Dataset, dated: Collection[str], context: Context) -> Dataset:
        """The data, where cells that are dates are not written as texts."""
        said = context.declared.columns
        columns = {
            name: column.model_copy(update={"date_format": None})
            if name in dated and (name not in said or said[name].date_format is None)
            else column
            for name, column in data.schema.columns.items()
        }
        return Dataset(data.frame, data.arrays, data.schema.model_copy(update={"columns": columns}))


@contextmanager
def _as_csv(
    files: Sequence[Path], sheet: str | None, folder: Path | None = None, dated: set[int] | None = None
) -> Iterator[list[Path]]:
    """The sheets as CSV files, each of its workbook's name in a folder of its own.

    A DataError that is raised meanwhile and names a copy comes out naming the workbook.

    Args:
        files: the workbooks.
        sheet: its name; None for the first.
        folder: for temporary files.
        dated: gets the positions of columns with cells that are dates, and not texts.
    """
    with tempfile.TemporaryDirectory(dir=folder) as place:
        copies = [Path(place) / str(number) / file.name for number, file in enumerate(files)]
        for file, copy in zip(files, copies, strict=True):
            copy.parent.mkdir()
            rows = _rows(file, sheet)
            with copy.open("w", encoding="utf-8", newline="") as text:
                csv.writer(text, lineterminator="\n").writerows(rows)
            if dated is not None:
                dated |= _dated_columns(rows, file)
        try:
            yield copies
        except DataError as error:
            message = str(error)
            for file, copy in zip(files, copies, strict=True):
                message = message.replace(str(copy), str(file))
            raise DataError(message) from error


def _rows(path: Path, sheet: str | None) -> list[list[str]]:
    """The cells of a sheet as text, without empty rows and columns at its edges; rows in between stay, empty."""
    try:
        import openpyxl
    except ImportError:
        raise DataError(
            f'{path}: openpyxl, which reads workbooks, is not installed; pip install "augment-pipeline[excel]", or '
            "save the sheet as CSV"
        ) from None
    try:
        _refuse_bomb(path)
        with path.open("rb") as one, path.open("rb") as other:  # a sheet is read where it lies, row by row
            results, formulas = (
                openpyxl.load_workbook(file, read_only=True, data_only=only)
                for file, only in ((one, True), (other, False))
            )
            name = sheet or _first_sheet(results)
            if name not in results.sheetnames:
                names = ", ".join(results.sheetnames)
                raise DataError(
                    f"{path}: has no sheet {name!r}; it has {names}{did_you_mean(name, results.sheetnames)}"
                )
            rows, sheets = [], (results[name], formulas[name])
            for each in sheets:
                each.reset_dimensions()  # what a file claims of its size, which some programs write wrong
            pairs = zip(*(each.iter_rows() for each in sheets), strict=True)
            for number, (cells, written) in enumerate(pairs, start=1):
                places = zip(cells, written, strict=True)
                rows.append([_text(path, number, column, *both) for column, both in enumerate(places, start=1)])
            _fill_merged(rows, path, results[name])
    except DataError:
        raise
    except Exception as error:  # openpyxl raises whatever it stumbles over in a damaged file
        said = f"{type(error).__name__}: {str(error)[:200]}"
        raise DataError(f"{path}: is not a workbook that can be read ({said}); save it as .xlsx, or as CSV") from error
    width = max((place for row in rows for place, cell in enumerate(row, start=1) if cell), default=0)
    while rows and not any(rows[-1]):
        rows.pop()
    if not width:
        raise DataError(f"{path}: the sheet {name!r} is empty")
    return [(row + [""] * width)[:width] if any(row) else [] for row in rows]


def _first_sheet(workbook: Any) -> str:
    """The name of the first sheet that is not hidden; of the first one where all are."""
    shown = [sheet.title for sheet in workbook.worksheets if sheet.sheet_state == "visible"]
    name: str = (shown or workbook.sheetnames)[0]
    return name


def _dated_columns(rows: list[list[str]], path: Path) -> set[int]:
    """The places of columns with cells that are dates; texts among them, below the first date, are noted."""
    first: dict[int, int] = {}
    noted: set[int] = set()
    for number, row in enumerate(rows, start=1):
        for place, cell in enumerate(row):
            if isinstance(cell, _Moment):
                first.setdefault(place, number)
            elif cell and place in first and place not in noted:
                noted.add(place)
                log.warning(
                    "%s, row %d, column %d: %r is a text, and the cell in row %d is a date; write all cells of a "
                    "column of dates as dates",
                    *(path.name, number, place + 1, cell[:40], first[place]),
                )
    return set(first)


def _fill_merged(rows: list[list[str]], path: Path, sheet: Any) -> None:
    """Write the value of cells that are merged down one column into each of them."""
    with zipfile.ZipFile(path) as archive, archive.open(sheet._worksheet_path) as file:
        areas = re.findall(rb'<mergeCell ref="([A-Z]+)([0-9]+):([A-Z]+)([0-9]+)"', file.read())
    for left, top, right, bottom in areas:
        place = _number_of_column(left) - 1
        if left != right or int(top) > len(rows) or place >= len(rows[int(top) - 1]):
            continue
        for row in rows[int(top) : int(bottom)]:
            row += [""] * (place + 1 - len(row))
            row[place] = rows[int(top) - 1][place]


def _number_of_column(letters: bytes) -> int:
    """1 for A, 27 for AA."""
    number = 0
    for letter in letters:
        number = number * 26 + letter - ord("A") + 1
    return number


class _Moment(str):
    """A date as text."""


def _refuse_bomb(path: Path) -> None:
    with zipfile.ZipFile(path) as archive:
        size = sum(info.file_size for info in archive.infolist())
    if size > MAX_UNPACKED:
        raise DataError(
            f"{path}: takes {size / 1e9:.1f} GB unpacked, and at most {MAX_UNPACKED / 1e9:g} are read; if the file is "
            "yours, save the sheet as CSV"
        )


def _text(path: Path, row: int, column: int, result: Any, written: Any) -> str:
    """A cell as it would stand in a CSV file."""
    value = result.value
    if value is None:
        if written.value is not None:
            raise DataError(
                f"{path}, row {row}, column {column}: a formula without a saved result; open the workbook in a "
                "spreadsheet program and save it"
            )
        return ""
    if result.data_type == "e":
        if value == MISSING:
            return ""
        raise DataError(f"{path}, row {row}, column {column}: the error {value}; mend the formula, or empty the cell")
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dt.datetime):
        return _Moment(value.isoformat(" ") if value.time() != dt.time() else value.date().isoformat())
    return repr(value) if isinstance(value, float) else str(value)
