"""The first line of a CSV file: whether it names the columns or is a row of data, and what an index is called."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from typing import Literal

from augment_tables.csv_missing import MISSING_WORDS

__all__ = ["FirstLine", "judge_first_line", "named_columns"]

FirstLine = Literal["names", "names that are numbers", "data"]
Kind = Literal["missing", "number", "date", "words"]

NUMBER = re.compile(r"[+\-−–(]?(?:[0-9][0-9.,]*|[.,][0-9]+)(?:[eE][+-]?[0-9]+)?\)?")
DATE = re.compile(r"[0-9]{1,4}([./-])[0-9]{1,2}\1[0-9]{1,4}(?:[ T][0-9].*)?")
YEARS = range(1900, 2101)
MAX_LABELS = 20  # different words in a column of labels
MIN_AGAIN = 3  # cells below a word that are this word, from which it is no name
MAX_ALIKE = 0.1  # share of the rows that may look like a line of names


def judge_first_line(first: Sequence[str], rows: Sequence[Sequence[str]]) -> FirstLine:
    """What the first line is, as far as numbers, dates and words that come again tell.

    It is data if it has a number in each column of numbers, and a date in each of dates; or if there are neither, and
    its words above all columns of labels stand there again and again, as `ham` above `ham` and `spam`. Years, 0 to
    n - 1 and other numbers in order may be names nevertheless. A lone number beside words is data if a cell stands in
    its own column again.

    Args:
        first: its cells.
        rows: the cells of some lines below.
    """
    rows = [row for row in rows if len(row) == len(first)]
    columns = [[cell.strip() for cell in column] for column in zip(*rows, strict=True)]
    kinds = [_kind_of_column(column) for column in columns]
    cells = [cell.strip() for cell in first]
    typed = [place for place, kind in enumerate(kinds) if kind in ("number", "date")]
    own = {place: _kind(cells[place]) for place in typed}
    if any(own[place] not in (kinds[place], "missing") for place in typed):
        return "names"
    values = [place for place in typed if own[place] != "missing"]
    if not values:
        # a header that is repeated further down is one
        others = list(zip(*(row for row in rows if list(row) != list(first)), strict=True))
        labels = [place for place, column in enumerate(others) if len(set(column)) <= MAX_LABELS < len(column)]
        again = [others[place].count(first[place]) >= MIN_AGAIN for place in labels]
        return "data" if again and all(again) else "names"
    only_numbers = all(_kind(cell) in ("number", "missing") for cell in cells)
    if all(own[place] == "number" for place in values) and _may_be_names(
        [cells[place] for place in values], [[columns[place][row] for place in values] for row in range(len(rows))]
    ):
        return "names that are numbers" if only_numbers else "names"
    stands_again = any(cell and cell in column for cell, column in zip(cells, columns, strict=True))
    return "data" if only_numbers or stands_again or len(values) > 1 else "names"


def named_columns(names: Sequence[str]) -> list[str]:
    """The names, where a first column without one, as pandas writes the index of a frame, is called `index`.

    >>> named_columns(["", "x", "y"])
    ['index', 'x', 'y']
    """
    is_index = len(names) > 1 and not names[0] and all(names[1:])
    return ["Unnamed: 0" if "index" in names else "index", *names[1:]] if is_index else list(names)


def _kind(cell: str) -> Kind:
    if not cell or MISSING_WORDS.fullmatch(cell):
        return "missing"
    return "number" if NUMBER.fullmatch(cell) else "date" if DATE.fullmatch(cell) else "words"


def _kind_of_column(cells: Sequence[str]) -> Kind:
    kinds: set[Kind] = {_kind(cell) for cell in cells} - {"missing"}
    return kinds.pop() if len(kinds) == 1 else "words" if kinds else "missing"


def _may_be_names(first: Sequence[str], rows: Sequence[Sequence[str]]) -> bool:
    """Whether numbers could be names: years over other numbers, or in an order that few rows have."""
    below = [cell for row in rows for cell in row]
    if all(_is_year(cell) for cell in first) and sum(map(_is_year, below)) <= MAX_ALIKE * len(below):
        return True
    if list(first) == [str(place) for place in range(len(first))] and list(first) not in [list(row) for row in rows]:
        return True
    return _is_ordered(first) and sum(map(_is_ordered, rows)) <= MAX_ALIKE * len(rows)


def _is_year(cell: str) -> bool:
    return cell.isdigit() and int(cell) in YEARS


def _is_ordered(cells: Sequence[str]) -> bool:
    """Whether three or more numbers are evenly spaced, or five or more rise or fall."""
    try:
        numbers = [float(cell.replace(",", ".")) for cell in cells]
    except ValueError:
        return False
    gaps = [after - before for before, after in itertools.pairwise(numbers)]
    if len(gaps) < 2 or not (min(gaps) > 0 or max(gaps) < 0):
        return False
    return len(gaps) >= 4 or max(gaps) - min(gaps) <= 1e-6 * max(map(abs, gaps))
