"""CSV files whose cells several characters divide, such as `::` or any number of spaces: written again with tabs."""

from __future__ import annotations

import csv
import io
import itertools
import re
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator

from augment.toolkit.csv_numbers import ANY_NUMBER
from augment.toolkit.data_files import naming
from augment.toolkit.text_files import check_text, tolerating_mark

__all__ = [
    "SPACES",
    "Delimiter",
    "divided_by_several",
    "single",
    "split_line",
    "split_lines",
    "with_tabs",
    "written_with_tabs",
]


def _divides_cells(delimiter: str) -> str:
    """The type of a setting that says what stands between two cells: a character, several, or `SPACES`."""
    if not delimiter or set(delimiter) & set('\r\n"'):
        raise ValueError("is a character, or several, and no line end or quote")
    return delimiter


Delimiter = Annotated[str, AfterValidator(_divides_cells)]

SPACES = r"\s+"
"""The delimiter that means any number of spaces and tabs, as pandas has it. Spaces around a line divide nothing."""
NUMBER = re.compile(f"{ANY_NUMBER}|[0-9]+[.]")
OTHER_COMMA = re.compile(r"[;|]|(?<![0-9]),|,(?![0-9])")  # that stands in no number
MIN_LINES = 5
CELL = re.compile(r'"((?:[^"]|"")*)"(?=[ \t]|$)|([^ \t]+)')


def single(delimiter: str) -> str:
    """The character between the cells of a file, or of the copy that `written_with_tabs` makes of it."""
    return delimiter if len(delimiter) == 1 else "\t"


def split_line(line: str, delimiter: str) -> list[str]:
    """The cells of a line, without its end. Between spaces, a cell may stand in double quotes.

    >>> split_line('  18.0  8 "ford torino"', SPACES)
    ['18.0', '8', 'ford torino']
    >>> split_line("1::Heat (1995)::Action|Crime", "::")
    ['1', 'Heat (1995)', 'Action|Crime']
    """
    if delimiter != SPACES:
        return line.split(delimiter)
    return [plain or quoted.replace('""', '"') for quoted, plain in CELL.findall(line.strip(" \t"))]


def divided_by_several(lines: Sequence[str]) -> str | None:
    """`::` or `SPACES` if that makes as many cells of each line, three or more, among them a column of numbers; and
    `SPACES` if the columns are aligned by spaces or the header lacks the name of the first column, which can be told
    from prose, though not be read. None for other lines.

    Args:
        lines: of a file without those that are blank; the first may be a header.
    """
    if len(lines) < MIN_LINES:
        return None
    for delimiter in ("::", SPACES):
        if delimiter == SPACES and any(OTHER_COMMA.search(line) for line in lines):
            return None
        rows = [split_line(line, delimiter) for line in lines]
        num_cells = {len(row) for row in rows[1:]}
        if len(num_cells) > 1 or max(num_cells) < 3 or max(num_cells) - len(rows[0]) not in (0, 1):
            continue
        if any(all(NUMBER.fullmatch(cell) for cell in column) for column in zip(*rows[1:], strict=True)):
            return delimiter
    shortest = min(map(len, lines))
    gaps = ["".join({line[place] for line in lines}).strip() == "" for place in range(shortest)]
    first, last = len(lines[0]) - len(lines[0].lstrip()), len(lines[0].rstrip())
    return SPACES if any(one and two for one, two in itertools.pairwise(gaps[first:last])) else None


def split_lines(lines: Iterable[str], delimiter: str) -> Iterator[list[str]]:
    """The cells of each record; of lines where several characters divide cells."""
    if len(delimiter) == 1:
        return csv.reader(lines, delimiter=delimiter)
    return (split_line(line.rstrip("\r\n"), delimiter) if line.strip() else [] for line in lines)


def with_tabs(text: str, delimiter: str) -> str:
    """The text of a CSV file, line by line, with tabs between its cells."""
    copy = io.StringIO()
    csv.writer(copy, delimiter="\t", lineterminator="\n").writerows(
        split_lines(io.StringIO(text, newline=None), delimiter)
    )
    return copy.getvalue()


@contextmanager
def written_with_tabs(path: Path, delimiter: str, encoding: str, folder: Path | None = None) -> Iterator[Path]:
    """A file with single characters between cells: the file itself, or a copy that is removed afterwards.

    A DataError that is raised meanwhile and names the copy comes out naming the file.

    Args:
        path: the file.
        delimiter: what stands between its cells. In the copy, tabs do.
        encoding: of its text, and of the copy.
        folder: where the copy may lie: the scratch folder of a Context; the system's folder for such files without one.

    Raises:
        DataError: the bytes are of another encoding.
    """
    if len(delimiter) == 1:
        yield path
        return
    check_text(path, encoding)
    place = Path(tempfile.mkdtemp(prefix="divided-", dir=folder))
    copy = place / path.name
    try:
        with naming(path, copy):
            with (
                path.open(encoding=tolerating_mark(encoding)) as file,
                copy.open("w", encoding=encoding, newline="") as tabbed,
            ):
                csv.writer(tabbed, delimiter="\t", lineterminator="\n").writerows(split_lines(file, delimiter))
            yield copy
    finally:
        shutil.rmtree(place, ignore_errors=True)
