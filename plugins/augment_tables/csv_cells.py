"""Cells of a CSV file that Arrow reads as texts, as the missing values, numbers and dates that they are."""

from __future__ import annotations

import logging
import re
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from augment.errors import DataError
from augment.toolkit.csv_numbers import ANY_NUMBER, MINUS, matches, number_pattern, read_numbers
from augment.toolkit.text_files import CHUNK

__all__ = ["has_leading_zeros", "warn_of_numbers", "with_amounts", "with_dates", "with_missing", "without_unit"]

MOSTLY_NUMBERS = 0.9  # share of a column's cells from which it is odd that it holds words
CODE = r"0[0-9].*|[+-]?[0-9]{19,}"
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


def _texts(table: pa.Table, but: Collection[str] = ()) -> Iterator[tuple[int, str, pa.ChunkedArray]]:
    """Position, name and cells of the columns of texts."""
    for position, field in enumerate(table.schema):
        if pa.types.is_string(field.type) and field.name not in but:
            yield position, field.name, table.column(position)


def with_missing(table: pa.Table, words: Sequence[str]) -> pa.Table:
    """The table without cells that are one of the words."""
    missing = pa.array(list(words), pa.string())
    for position, name, cells in _texts(table):
        present = pc.if_else(pc.is_in(cells, value_set=missing), pa.scalar(None, pa.string()), cells)
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
    table: pa.Table, decimal: str, thousands: str, kept: Collection[str], path: Path, doubt: bool
) -> pa.Table:
    """The table with columns of texts that are all numbers such as `1,250.00`, `(5)` or `−5` as numbers.

    Numbers in parentheses are negative beside others, and noted; `(1)` and `(2)` alone are labels. Where it may be in
    doubt what separates thousands, a note says so if it is: all are such as `1,250`, and no number has decimals.
    """
    read: list[tuple[str, pa.ChunkedArray]] = []
    for position, name, cells in _texts(table, kept):
        text = pc.utf8_trim_whitespace(cells)
        numbers = read_numbers(text, decimal, thousands)
        if numbers is None or not (thousands or pc.any(matches(text, "[(−–].*")).as_py()):
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
            read.append((name, numbers))
    if read and doubt and not any(pa.types.is_floating(field.type) for field in table.schema):
        sizes = [pc.min_max(pc.abs(numbers)).as_py() for _, numbers in read]
        if all(size["min"] >= 1000 and size["max"] < 1_000_000 for size in sizes):
            log.warning(
                "%s: column %r: cells such as 12%s345 are taken for 12345; if they are 12.345, say `decimal: %s` and "
                "leave `thousands` out",
                *(path.name, read[0][0], thousands, f'"{thousands}"'),
            )
    return table


def warn_of_decimals(table: pa.Table, decimal: str, path: Path) -> None:
    """Note where decimals may be thousands: all numbers with decimals are such as `1,250`, in the whole file."""
    found: dict[str, pd.Series] = {
        field.name: table[field.name].to_pandas().dropna() for field in table.schema if pa.types.is_floating(field.type)
    }
    parts = {name: values[values % 1 != 0] for name, values in found.items()}
    doubtful = [name for name, values in parts.items() if len(values)]
    for name in doubtful:
        values = parts[name].abs()
        three = ((values * 1000).round() / 1000 == values) & ((values * 100).round() / 100 != values)
        # of thousands, one in ten ends in 0, and would look like two decimals
        if not values.between(1, 1000, inclusive="left").all() or three.mean() < 0.8:
            return
    if doubtful:
        other = "." if decimal == "," else ","
        log.warning(
            "%s: column %r: cells such as 1%s234 are taken for 1.234; if they are 1234, say `decimal: %s` and "
            "`thousands: %s`; if not, say `thousands: %s`",
            *(path.name, doubtful[0], decimal, f'"{other}"', f'"{decimal}"', f'"{other}"'),
        )


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
        if num_numbers < MOSTLY_NUMBERS * len(present):
            continue
        others = pc.unique(present.filter(pc.invert(is_number))).to_pylist()[:3]
        behind = present.filter(matches(present, ".*-"))
        signs = sorted(set("".join(pc.unique(present).to_pylist()[:1000])) & set(",. '"))
        why = (
            f"not {', '.join(map(repr, others))}; if that means a missing value, name it under `null_values`"
            if others
            else f"some with the sign behind them, as in {behind[0].as_py()!r}; write it in front"
            if len(behind)
            else f"with {' and '.join(map(repr, signs))} in them; say `decimal` and `thousands` as they are written"
        )
        log.warning(
            "%s: column %r is read as words, though %s of its %s cells are numbers, %s",
            *(path.name, name, f"{num_numbers:,}", f"{len(present):,}", why),
        )
