"""The records of a CSV file, one by one with their lines: for messages and guesses; Arrow reads the table itself."""

from __future__ import annotations

import csv
import itertools
import mmap
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from augment.errors import DataError
from augment.toolkit.csv_delimiters import SPACES, single
from augment.toolkit.text_files import tolerating_mark

__all__ = ["Records"]

NUM_ROWS = 500  # that the first line is compared with


@dataclass(frozen=True)
class Records:
    """The line that each record begins on, counted from 1, and its cells; far slower than Arrow.

    Attributes:
        path: the file.
        encoding: of its text.
        delimiter: what stands between two cells of the file, or of the copy of it that is read, where that are several
            characters.
        skip_lines: lines before the first record.
        quotes: whether `"` around a cell holds it together.
    """

    path: Path
    encoding: str
    delimiter: str
    skip_lines: int
    quotes: bool = True

    def first_rows(self) -> list[list[str]]:
        """The cells of the first line and some below, up to a cell that is too long."""
        rows: list[list[str]] = []
        try:
            for _, cells in itertools.islice(self, NUM_ROWS + 1):
                rows.append(cells)
        except DataError:
            if not rows:
                raise
        return rows

    def __iter__(self) -> Iterator[tuple[int, list[str]]]:
        with self.path.open(encoding=tolerating_mark(self.encoding), newline="") as file:
            for _ in range(self.skip_lines):
                file.readline()
            quote = '"' if self.quotes else None
            quoting: Literal[0, 3] = csv.QUOTE_MINIMAL if self.quotes else csv.QUOTE_NONE
            reader = csv.reader(file, delimiter=single(self.delimiter), quotechar=quote, quoting=quoting)
            while True:
                line = self.skip_lines + reader.line_num + 1
                try:
                    cells = next(reader)
                except StopIteration:
                    return
                except csv.Error as error:  # a cell beyond the module's limit of 131,072 characters
                    raise DataError(
                        f'{self.path}, line {line}: a cell is too long ({error}); a `"` opened there seems '
                        "never to be closed"
                    ) from None
                if cells:
                    yield line, cells

    def check_quotes_close(self) -> None:
        """Refuse a file whose last quoted cell is not closed.

        Raises:
            DataError: with the line.
        """
        last = 1
        for line, _ in self:
            last = line
        encoding = self.encoding
        with self.path.open(encoding=encoding, newline="") as file:
            tail = [text for number, text in enumerate(file, start=1) if number >= last]
        try:
            list(csv.reader(tail, delimiter=single(self.delimiter), strict=True))
        except csv.Error as error:
            if "end of data" in str(error):
                raise DataError(
                    f'{self.path}, line {last}: a `"` opened there is never closed; close it, or double every '
                    "quote inside a quoted cell; if quotes are parts of texts in this file, say `quotes: false`"
                ) from None

    def describe_stray_quotes(self) -> str | None:
        """Where a cell goes over several lines because of a `"` that was part of its text; None where none does.

        Such a cell ends in a quote with more text behind, which is how the next such text begins.
        """
        sign = single(self.delimiter)
        if "\n".encode(self.encoding) != b"\n":
            return None
        divides = re.escape(sign.encode(self.encoding))
        # every quoted cell is matched, so that what closes one is not taken for what opens the next
        pattern = rb'(?<![^\r\n%b])"([^"]*(?:""[^"]*)*)"([^\s"%b]?)' % (divides, divides)
        with self.path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            for match in re.finditer(pattern, content):
                if match[2] and b"\n" in match[1]:
                    first, last = (content[:place].count(b"\n") + 1 for place in match.span())
                    return (
                        f'{self.path}, line {first}: a `"` opened there is closed in line {last}, within a text; if '
                        "quotes are parts of texts in this file, say `quotes: false`, else double every quote inside a "
                        "quoted cell"
                    )
        return None

    def describe_ragged(self, expected: int, has_header: bool) -> str | None:
        """Which rows have too few or too many cells, in words; None when all have as many as expected."""
        path, records = self.path, iter(self)
        if has_header:
            next(records)
        first: tuple[int, int] | None = None
        num_rows = num_longer_by_one = 0
        for line, cells in records:
            num_rows += 1
            num_longer_by_one += len(cells) == expected + 1
            if first is None and len(cells) != expected:
                first = (line, len(cells))
        if first is None:
            return None
        if num_rows == num_longer_by_one > 1:
            return (
                f"{path}, line {first[0]}: every row has {expected + 1} fields, one more than the {expected} that the "
                "header names; name the column that it leaves out (often a row number in front), or drop a last "
                f"{self.delimiter!r} in each row"
            )
        above = "header" if has_header else "first row"
        return (
            f"{path}, line {first[0]}: the row has {first[1]} field{'s' * (first[1] != 1)}, and the {above} has "
            f"{expected}; {self._remedy}"
        )

    @property
    def _remedy(self) -> str:
        if self.delimiter == SPACES:
            return (
                "put cells that contain spaces in double quotes; if columns have fixed widths and cells may be blank, "
                "save the file with commas, as `pandas.read_fwf(path).to_csv(new_path, index=False)` does"
            )
        if len(self.delimiter) > 1:
            return "mend the row"
        return f"mend the row, or put cells that contain {self.delimiter!r} in double quotes"
