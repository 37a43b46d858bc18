"""What stands before the header of a CSV file, as spreadsheets write it, and text files that look like tables."""

from __future__ import annotations

import codecs
import csv
import itertools
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from augment.errors import DataError
from augment.toolkit.csv_delimiters import SPACES
from augment.toolkit.csv_dialect import infer_delimiter
from augment.toolkit.text_files import tolerating_mark

__all__ = ["check_no_preamble", "count_lines_before_header", "infer_skip_lines", "looks_like_table"]

DELIMITERS = ",;\t|"
HEAD = 65_536  # characters of a file that are looked at
NUM_RECORDS = 60  # that are looked at
MIN_RECORDS = 5  # of a file whose ending does not say that it is a table
MIN_SHARE = 0.6  # of the records that have as many cells as the header


def infer_skip_lines(path: Path, encoding: str) -> int:
    """How many lines of a file stand before the header."""
    with path.open(encoding=tolerating_mark(encoding), errors="replace", newline="") as file:
        return count_lines_before_header(file.read(HEAD))


def check_no_preamble(path: Path, encoding: str) -> None:
    """Refuse a file whose header is not its first line.

    Raises:
        DataError: with the setting that leaves out what stands before the header.
    """
    if num_lines := infer_skip_lines(path, encoding):
        raise DataError(
            f"{path}: the header seems to stand in line {num_lines + 1}, below a title or comments; say "
            f"`skip_lines: {num_lines}`, or `header: true` if it is in line 1"
        )


def count_lines_before_header(text: str) -> int:
    """How many lines stand before the header: `sep=;`, comments that begin with `#`, titles of one cell, blank lines.

    Args:
        text: the beginning of the file.

    >>> count_lines_before_header("Sales 2024;;\\n\\nday;shop;sold\\n1;a;3\\n2;a;4\\n")
    2
    """
    lines = _whole_lines(text)
    num_comments = sum(1 for _ in itertools.takewhile(lambda line: line.startswith("#"), lines))
    if num_comments and _is_divided_by_several(lines):
        return num_comments
    records, num_cells = _records(text)
    for position, (line, cells) in enumerate(records):
        filled = [cell for cell in cells if cell.strip()]
        if len(cells) == num_cells and len(filled) > 1:
            return line if position else 0
        is_comment = bool(filled) and filled[0].lstrip().startswith(("#", "sep="))
        if not is_comment and (len(filled) > 1 or num_cells < 3):  # rather a row of another length
            return 0
    return 0


def looks_like_table(head: bytes) -> bool:
    """Whether the beginning of a text file of any ending is rows of as many cells each, or columns of fixed width.

    Two cells a row, or commas, are a table only with a column of numbers: a tab may divide a label from its text, and
    prose has commas.
    """
    is_utf16 = head[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
    text = head.decode("utf-16" if is_utf16 else "utf-8", errors="replace")
    if _is_divided_by_several(_whole_lines(text)):
        return True
    records, num_cells = _records(text)
    rows = [cells for _, cells in records if len(cells) == num_cells]
    if len(rows) < max(MIN_RECORDS, 0.9 * len(records)):
        return False
    has_numbers = any(all(map(_is_number, column)) for column in zip(*rows[1:], strict=True))
    is_like_prose = num_cells == 2 or "," in text.partition("\n")[0]
    return has_numbers or not is_like_prose


def _is_divided_by_several(lines: Sequence[str]) -> bool:
    """Whether several characters divide the cells of lines, comments in front aside."""
    rows = [line for line in itertools.dropwhile(lambda line: line.startswith("#"), lines) if line.strip()]
    return infer_delimiter(rows[:NUM_RECORDS]) in ("::", SPACES)


def _whole_lines(text: str) -> list[str]:
    lines = text.splitlines(keepends=True)
    return lines[:-1] if len(lines) > 1 and not text.endswith(("\n", "\r")) else lines  # the last may be cut


def _records(text: str) -> tuple[list[tuple[int, list[str]]], int]:
    """The first records, each with the number of lines before it, and the number of cells that most of them have.

    The delimiter is the one that makes most records of as many cells. Without one, nothing is found.
    """
    best: tuple[list[tuple[int, list[str]]], int] = ([], 0)
    most = (0, 0)
    lines = _whole_lines(text)
    for delimiter in DELIMITERS:
        records = _split(lines, delimiter)
        counts = Counter(len(cells) for _, cells in records if cells)
        num_cells, num_records = max(counts.items(), key=lambda item: item[1], default=(0, 0))
        if num_cells > 1 and num_records >= MIN_SHARE * sum(counts.values()) and (num_records, num_cells) > most:
            best, most = (records, num_cells), (num_records, num_cells)
    return best


def _split(lines: Sequence[str], delimiter: str) -> list[tuple[int, list[str]]]:
    records = []
    reader = csv.reader(lines, delimiter=delimiter)
    line = 0
    try:
        for cells in reader:
            records.append((line, cells))
            line = reader.line_num
            if len(records) == NUM_RECORDS:
                break
    except csv.Error:  # a cell that is too long: whoever reads the file says so
        pass
    return records


def _is_number(cell: str) -> bool:
    try:
        float(cell.strip().replace(",", "."))
    except ValueError:
        return not cell.strip()
    return True
