"""Cells of a CSV file that Arrow reads as texts, as the missing values, numbers and dates that they are."""

from __future__ import annotations

import logging
import re
from collections.abc import Collection, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from augment.errors import DataError
from augment.toolkit.csv_numbers import ANY_NUMBER, MINUS, matches, number_pattern, read_numbers
from augment.toolkit.text_files import CHUNK
from augment_tables.csv_missing import NullValues, missing_words

__all__ = ["has_leading_zeros", "warn_of_numbers", "with_amounts", "with_dates", "with_missing", "without_unit"]

MOSTLY_NUMBERS = 0.9  # share of a column's cells from which it is odd that it holds words
MANY_NUMBERS, FEW_WORDS, MAX_LABELS = 0.6, 3, 20  # likewise, where numbers differ more than labels, and words are few
CODE = r"0[0-9].*|[+-]?[0-9]{19,}"
LATE = pd.Timestamp(2030, 1, 1)  # later years of two digits may be of the century before
WITH_E = "[0-9]+[eE][0-9]+"
CODE_WITH_E = "[0-9]{2,}[eE].*|.*[eE][0-9]{3,}"
BLANK = "[ \t\u00a0]+"
IN_PARENTHESES = r"\([0-9]+\)"  # labels where all cells are such

log = logging.getLogger("augment")


def has_leading_zeros(path: Path, delimiter: str, encoding: str) -> bool:
    """Whether any cell may begin with a 0 and another digit or an x; spares most files a second reading."""
    if "00".encode(encoding) != b"00":
        return True
    edges = np.frombuffer(b'\r\n" -' + delimiter.encode(encoding), dtype=np.uint8)
    content = np.memmap(path, dtype=np.uint8, mode="r")
    for start in range(0, len(content), CHUNK):
        part = content[start : start + CHUNK + 2]
        follows = (part[2:] - ord("0") < 10) | ((part[2:] | 0x20) == ord("x"))  # bytes below "0" wrap round
        places = np.flatnonzero((part[1:-1] == ord("0")) & follows)
        if np.isin(part[places], edges).any():
            return True
    return False


def is_whole(values: pa.ChunkedArray) -> bool:
    """Whether a column is of floats without decimals, infinite ones included, as `12e3` and `1e999` are read."""
    if not pa.types.is_floating(values.type):
        return False
    return bool(pc.all(pc.equal(values, pc.floor(values)), min_count=1).as_py())


def are_codes_with_e(cells: pa.ChunkedArray, missing: Collection[str], name: str, path: Path) -> bool:
    """Whether cells that can be read as powers of ten are codes: all are such as `4e1`, and some have two digits or
    more in front, or an exponent that no float has. Where they may be codes, a note says so.

    Args:
        cells: of the column, as they are written.
        missing: cells that mean a missing value.
        name: of the column.
        path: of the file.
    """
    text = pc.utf8_trim_whitespace(cells)
    text = text.filter(pc.invert(pc.is_in(text, value_set=pa.array(list(missing), pa.string())))).drop_null()
    if not len(text) or not pc.all(matches(text, WITH_E)).as_py():
        return False
    if pc.any(matches(text, CODE_WITH_E)).as_py():
        return True
    log.warning(
        "%s: column %r: cells such as %r are read as numbers; if they are codes, say `%s: {type: category}` under "
        "schema.columns",
        *(path.name, name, text[0].as_py(), name),
    )
    return False


def _texts(table: pa.Table, but: Collection[str] = ()) -> Iterator[tuple[int, str, pa.ChunkedArray]]:
    """Position, name and cells of the columns of texts."""
    for position, field in enumerate(table.schema):
        if pa.types.is_string(field.type) and field.name not in but:
            yield position, field.name, table.column(position)


def with_missing(table: pa.Table, null_values: NullValues | None, kept: Collection[str]) -> pa.Table:
    """The table without cells that mean a missing value, as the setting `null_values` says.

    Spaces alone mean one where a column has no words: all other cells have digits, or spaces fill all cells up to one
    width. Elsewhere, and in the columns `kept`, they are a text.
    """
    for position, name, cells in _texts(table):
        words = missing_words(null_values, name)
        missing = pc.is_in(cells, value_set=pa.array(words, pa.string()))
        trimmed = pc.utf8_trim_whitespace(cells)
        between_spaces = pa.array([word for word in words if word], pa.string())
        missing = pc.or_(missing, pc.is_in(trimmed, value_set=between_spaces))
        blank = pc.and_(pc.invert(missing), matches(cells, BLANK))
        if pc.any(blank).as_py() and "" in words and name not in kept:
            others = cells.filter(pc.invert(pc.or_(missing, blank)))
            widths = pc.unique(pc.utf8_length(cells.filter(pc.invert(missing)))).to_pylist()
            is_padded = len(widths) == 1 and widths[0] > 1
            if is_padded or pc.all(matches(others, ".*[0-9].*"), min_count=0).as_py():
                missing = pc.or_(missing, blank)
        present = pc.if_else(missing, pa.scalar(None, pa.string()), cells)
        table = table.set_column(position, name, present)
    return table


def without_unit(table: pa.Table, name: str, unit: str, decimal: str, thousands: str, path: Path) -> pa.Table:
    """The table with a column of texts such as `1,250.00 €` as numbers.

    Raises:
        DataError: a cell is not a number beside that unit.
    """
    sign = re.escape(unit)
    cells = pc.utf8_trim_whitespace(table[name])
    bare = pc.replace_substring_regex(cells, rf"^([+{MINUS}(]?){sign}\s*|\s*{sign}(\)?)$", r"\1\2")  # -$5 and ($5), too
    numbers = read_numbers(bare, decimal, thousands)
    if numbers is None and bare.null_count < len(bare):
        is_number = pc.fill_null(matches(pc.utf8_trim_whitespace(bare), number_pattern(decimal, thousands)), True)
        row = max(pc.index(is_number, False).as_py(), 0)
        raise DataError(
            f"{path}: column {name!r}, data row {row + 1}: {table[name][row].as_py()!r} is not a number with {unit!r}"
            "; mend the cell, name the word under `null_values`, or take the column out of `units`"
        )
    values = (bare if numbers is None else numbers).cast(pa.float64())
    return table.set_column(table.column_names.index(name), name, values)


def with_amounts(
    table: pa.Table, decimal: str, thousands: str, kept: Collection[str], path: Path
) -> tuple[pa.Table, list[str]]:
    """The table with columns of texts that are all numbers such as `1,250.00`, `(5)` or `−5` as numbers, and those in
    which thousands may be separated.

    Numbers in parentheses are negative beside others, and noted; `(1)` and `(2)` alone are labels.
    """
    grouped = []
    for position, name, cells in _texts(table, kept):
        text = pc.utf8_trim_whitespace(cells)
        numbers = read_numbers(text, decimal, thousands)
        if numbers is None:
            continue
        negative = text.filter(matches(text, r"\(.*"))
        if len(negative):
            if pc.all(matches(text, IN_PARENTHESES)).as_py():
                continue
            log.warning(
                "%s: column %r: numbers in parentheses, such as %r, are read as negative ones; if they are labels, say "
                "`%s: {type: category}` under schema.columns",
                *(path.name, name, negative[0].as_py(), name),
            )
        table = table.set_column(position, name, numbers)
        if thousands:
            grouped.append(name)
    return table, grouped


def with_dates(table: pa.Table, date_format: str, kept: Collection[str], path: Path) -> pa.Table:
    """The table with columns of texts that are dates in that format as dates; Arrow takes 31.02. for 03.03.

    Raises:
        DataError: a cell is not a date, and half of its column are.
    """
    for position, name, values in _texts(table, kept):
        cells = values.to_pandas().str.strip()
        dates = pd.to_datetime(cells, format=date_format, errors="coerce")
        wrong = dates.isna() & cells.notna()
        if wrong.sum() > dates.notna().sum():
            continue  # a column of other words
        if wrong.any():
            row = int(wrong.to_numpy().argmax())
            raise DataError(
                f"{path}: column {name!r}, data row {row + 1}: {cells[row]!r} is not a date "
                f"written {date_format!r}, as others there are; mend the cell, or name the word under `null_values`"
            )
        late = dates[dates >= LATE] if "%y" in date_format else dates[:0]
        if len(late):
            log.warning(
                "%s: column %r: %r is read as a date of %d: years of two digits are taken for 1969 to 2068; where that "
                "is wrong, write them with four",
                *(path.name, name, cells[late.index[0]], late.iloc[0].year),
            )
        if dates.notna().any():
            table = table.set_column(position, name, pa.array(dates.astype("datetime64[us]"), pa.timestamp("us")))
    return table


def warn_of_numbers(table: pa.Table, kept: Collection[str], path: Path) -> None:
    """Note columns of words whose cells are nearly all numbers, in whatever style."""
    for _, name, cells in _texts(table, kept):
        present = pc.utf8_trim_whitespace(cells.drop_null())
        if (
            not len(present)
            or pc.any(matches(present, CODE)).as_py()
            or pc.all(matches(present, IN_PARENTHESES)).as_py()
        ):
            continue
        is_number = matches(present, f"(?:{ANY_NUMBER})-?")  # `5-` is negative in some files, a grade in others
        num_numbers = pc.sum(is_number).as_py()
        others = pc.unique(present.filter(pc.invert(is_number))).to_pylist()
        words = ", ".join(map(repr, others[:FEW_WORDS]))
        is_measured = len(others) <= FEW_WORDS and len(pc.unique(present)) - len(others) > MAX_LABELS
        if num_numbers < (MANY_NUMBERS if is_measured else MOSTLY_NUMBERS) * len(present):
            continue
        behind = present.filter(matches(present, ".*-"))
        signs = sorted(set("".join(pc.unique(present).to_pylist()[:1000])) & set(",. '"))
        why = (
            f"not {words}; if that means a missing value, name it under `null_values`"
            if others
            else f"some with the sign behind them, as in {behind[0].as_py()!r}; write it in front"
            if len(behind)
            else f"with {' and '.join(map(repr, signs))} in them; say `decimal` and `thousands` as they are written"
        )
        log.warning(
            "%s: column %r is read as words, though %s of its %s cells are numbers, %s",
            *(path.name, name, f"{num_numbers:,}", f"{len(present):,}", why),
        )
