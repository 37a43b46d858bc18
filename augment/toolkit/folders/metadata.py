"""A CSV file with a line for each file of a folder: `metadata.csv` with a `file_name` column and any others, as Hugging
Face's imagefolder and audiofolder have it, or a file and a column of other names."""

from __future__ import annotations

import csv
import os
import re
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

import pandas as pd

from augment.data import SchemaDeclaration
from augment.errors import DataError
from augment.toolkit.folders.kinds import FileKind
from augment.toolkit.text_files import check_text

__all__ = ["FILE_NAME", "NAME", "cells", "files_called", "read", "records", "typed"]

NAME = "metadata.csv"
FILE_NAME = "file_name"
MAX_PROBLEMS = 10

# numbers that are written as a number would be: 007 and +1 stay text, so that no label is changed
INTEGER = re.compile(r"-?(0|[1-9][0-9]{0,17})")
NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?")
BOOLEAN = re.compile(r"[Tt]rue|[Ff]alse")
DATETIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}([T ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?)?")


def read(
    root: Path, declared: SchemaDeclaration, table: str, file_name: str, kind: FileKind
) -> tuple[list[str], pd.DataFrame]:
    """The file names (N), relative to `root`, and the other columns (N rows) in the order of the lines.

    Names may leave out folders and the ending and be in another case, where one file below `root` is called so.

    A column whose values all look like integers, numbers, booleans or ISO dates gets that type; one whose type is
    declared stays text, to be read as declared. An empty field is a missing value.

    Args:
        root: the folder of the files.
        declared: the pipeline's `schema:` section.
        table: the CSV file in it.
        file_name: its column of file names.
        kind: what the files are.

    Raises:
        DataError: the file is no CSV, its header or a line is wrong, or names a file that is missing, doubled or
            outside `root`; all such lines are listed.
    """
    path = root / table
    if not path.is_file():
        raise DataError(f"{root}: has no file {table!r}, which `table` names; a CSV file in that folder is expected")
    rows, lines = records(path, kind)
    header = rows.pop(0)
    lines.pop(0)
    _check_header(path, header, file_name, kind)
    columns = {name: [row[position] for row in rows] for position, name in enumerate(header)}
    names = _completed(root, columns.pop(file_name), kind)
    _check_names(root, path, names, lines, kind)
    frame = pd.DataFrame(index=pd.RangeIndex(len(rows)))
    for name, values in columns.items():
        said = declared.columns.get(name)
        frame[name] = _text(values) if said and said.type else typed(values)
    return names, frame


def files_called(root: Path, kind: FileKind) -> dict[str, list[str]]:
    """The files of a kind below a folder, as paths relative to it, by what a table may call them, in lower case."""
    places: dict[str, list[str]] = {}
    for parent, _, files in os.walk(root):
        for file in files:
            if kind.is_one(file):
                path = Path(parent, file).relative_to(root).as_posix()
                for name in {name.casefold() for name in _spellings(path)}:
                    places.setdefault(name, []).append(path)
    return places


def _spellings(path: str) -> set[str]:
    """A path with and without folders and ending."""
    return {spelling for name in (path, path.rpartition("/")[2]) for spelling in (name, os.path.splitext(name)[0])}


def _completed(root: Path, names: list[str], kind: FileKind) -> list[str]:
    if all((root / name).is_file() for name in names):
        return names
    places = files_called(root, kind)
    return [name if (root / name).is_file() else _meant(name, places.get(name.casefold(), [])) for name in names]


def _meant(name: str, paths: list[str]) -> str:
    """The one file that is called so, or the name as it is."""
    likely = [path for path in paths if name in _spellings(path)] or paths
    return likely[0] if len(likely) == 1 else name


def records(path: Path, kind: FileKind) -> tuple[list[list[str]], list[int]]:
    """All records that are not blank, and the line where each ends; the header is the first. Commas stand between
    cells; semicolons or tabs, where the first line has no comma."""
    rows, lines = [], []
    check_text(path, "utf-8")
    with path.open(encoding="utf-8-sig", newline="") as file:
        first = file.readline()
        file.seek(0)
        reader = csv.reader(file, delimiter=next((sign for sign in ",;\t" if sign in first), ","), strict=True)
        try:
            for row in reader:
                if row:
                    rows.append(row)
                    lines.append(reader.line_num)
        except csv.Error as error:
            raise DataError(f"{path}:{reader.line_num}: not readable as CSV: {error}") from error
    if not rows:
        raise DataError(f"{path} is empty; a header and one line for each {kind.one} are expected")
    for row, line in zip(rows, lines, strict=True):
        if len(row) != len(rows[0]):
            raise DataError(f"{path}:{line}: {len(row)} fields; the header has {len(rows[0])}")
    return rows, lines


def _check_header(path: Path, header: list[str], file_name: str, kind: FileKind) -> None:
    if file_name not in header:
        raise DataError(
            f"{path}:1: there is no column `{file_name}`, which says what {kind.one} a line is about; give the column "
            f"that does this name, or say which does with `file_name: ...`; the columns are "
            f"{', '.join(map(repr, header))}"
        )
    if "" in header:
        raise DataError(f"{path}:1: column {header.index('') + 1} has no name; give it one")
    if doubled := next((name for name in header if header.count(name) > 1), None):
        raise DataError(f"{path}:1: column {doubled!r} is there {header.count(doubled)} times; names must differ")


def _check_names(root: Path, path: Path, names: list[str], lines: list[int], kind: FileKind) -> None:
    problems = []
    first_line: dict[str, int] = {}
    for name, line in zip(names, lines, strict=True):
        if problem := _name_problem(root, name, kind):
            problems.append(f"{path}:{line}: {problem}")
        elif name in first_line:
            problems.append(f"{path}:{line}: {name!r} is there already, in line {first_line[name]}")
        first_line.setdefault(name, line)
    if problems:
        more = f"\n... and {len(problems) - MAX_PROBLEMS} more" if len(problems) > MAX_PROBLEMS else ""
        raise DataError("\n".join(problems[:MAX_PROBLEMS]) + more)


def _name_problem(root: Path, name: str, kind: FileKind) -> str | None:
    if not name:
        return f"the name of the {kind.one} is empty"
    windows = PureWindowsPath(name)  # splits at both / and \
    if PurePosixPath(name).is_absolute() or windows.drive or windows.root or ".." in windows.parts:
        return f"{name!r} leaves the folder; a path below {root} is expected"
    if not (root / name).is_file():
        return f"there is no file {name!r} below {root}" + (
            "; write / for \\" if "\\" in name else "; folders may be left out" if "/" in name else ""
        )
    if not (root / name).resolve().is_relative_to(root.resolve()):
        return f"{name!r} is a link that leaves the folder; copy the file there"
    return None


def _text(values: list[str]) -> pd.Series:
    return pd.Series([value or None for value in values], dtype="str")


def typed(values: list[str]) -> pd.Series:
    """Texts as integers, numbers, booleans or dates where all look like that; an empty one is a missing value."""
    text = _text(values)
    present = [value for value in values if value]
    if not present:
        return text
    if all(INTEGER.fullmatch(value) for value in present):
        integers = pd.Series([int(value) if value else None for value in values], dtype="Int64")
        return integers if integers.hasnans else integers.astype("int64")
    if all(NUMBER.fullmatch(value) for value in present):
        return text.astype("float64")
    if all(BOOLEAN.fullmatch(value) for value in present):
        return text.str.lower().map({"true": True, "false": False}).astype("boolean")
    if all(DATETIME.fullmatch(value) for value in present):
        try:
            return pd.to_datetime(text, format="ISO8601")
        except ValueError:  # such as the 31st of February: then it is text
            return text
    return text


def cells(values: pd.Series) -> list[Any]:
    """One field a row: labels as they are, numbers so that reading gives the same bits, missing values empty."""
    if pd.api.types.is_datetime64_any_dtype(values.dtype):
        values = values.map(lambda moment: moment.isoformat(), na_action="ignore")
    return [None if missing else value for value, missing in zip(values.tolist(), values.isna(), strict=True)]
