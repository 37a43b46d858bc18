"""Numbers as CSV files write them: `1234.5`, `1,234.5`, `1.234,5`, `1 234,5`, `1'234.5`, `(1,234.5)` for negative."""

from __future__ import annotations

import logging
import re
from collections import Counter
from collections.abc import Collection, Iterable
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

__all__ = [
    "ANY_NUMBER",
    "MINUS",
    "SPACES_ALONE",
    "Thousands",
    "infer_separators",
    "matches",
    "number_pattern",
    "read_numbers",
    "warn_of_separators",
]

Thousands = Literal[",", ".", " ", "'"]
Style = tuple[str, str]  # the character before decimals, the one between thousands or nothing

MINUS = "\\-−–"  # in a character class: the hyphen, the minus sign, and the dash that word processors make of it
SPACES_ALONE = (*(" " * width for width in range(1, 65)), "\t", "\u00a0")  # cells that are missing numbers
SAME = {" ": " \u00a0\u2009\u202f", "'": "'’"}  # characters that mean the same between thousands
STYLES: tuple[Style, ...] = (
    *((".", ""), (",", ""), (".", ","), (",", "."), (".", " "), (",", " "), (".", "'"), (",", "'")),
)

log = logging.getLogger("augment")


def number_pattern(decimal: str, thousands: str = "") -> str:
    """A regular expression, for `re` and for Arrow, of a number with groups of three digits or without.

    Groups that commas separate may also be as in India, `12,34,567`. A number in parentheses is negative. Codes with
    leading zeros are not numbers: `007`, `01.02.2024`.

    >>> bool(re.fullmatch(number_pattern(",", "."), "1.234.567,5"))
    True
    >>> bool(re.fullmatch(number_pattern("."), "(1.5)"))
    True
    >>> bool(re.fullmatch(number_pattern(",", "."), "1.2.3"))
    False
    """
    point, between = re.escape(decimal), SAME.get(thousands, thousands)
    grouped = f"[1-9][0-9]{{0,2}}(?:[{between}][0-9]{{3}})+|" if thousands else ""
    if thousands == ",":
        grouped += "[1-9][0-9]?(?:,[0-9]{2})+,[0-9]{3}|"
    size = rf"(?:(?:{grouped}0|[1-9][0-9]*)(?:{point}[0-9]+)?|{point}[0-9]+)"
    return rf"(?:[+{MINUS}]?{size}(?:[eE][+{MINUS}]?[0-9]+)?|\({size}\))"


ANY_NUMBER = "|".join(number_pattern(*style) for style in STYLES)


def read_numbers(cells: pa.ChunkedArray, decimal: str, thousands: str = "") -> pa.ChunkedArray | None:
    """Texts as numbers: integers if none has decimals, else floats. None if a cell is not a number, or too large.

    Args:
        cells: strings, spaces around them ignored; missing ones stay missing.
        decimal: the character before decimals.
        thousands: the character between groups of three digits, or nothing.
    """
    text = pc.utf8_trim_whitespace(cells)
    if not pc.all(matches(text, number_pattern(decimal, thousands)), min_count=1).as_py():
        return None
    if thousands:
        text = pc.replace_substring_regex(text, f"[{SAME.get(thousands, thousands)}]", "")
    text = pc.replace_substring_regex(pc.replace_substring(text, decimal, "."), r"^\+|\)$", "")
    text = pc.replace_substring_regex(text, r"^\(|[−–]", "-")
    try:
        return text.cast(pa.float64() if pc.any(matches(text, ".*[.eE].*")).as_py() else pa.int64())
    except pa.ArrowInvalid:
        return None


def matches(text: Any, pattern: str) -> Any:
    """Whether each of (N,) texts matches a regular expression as a whole; missing where the text is."""
    return pc.match_substring_regex(text, f"^(?:{pattern})$")


def infer_separators(columns: Iterable[pa.ChunkedArray], delimiter: str) -> dict[str, str]:
    """The settings `decimal` and `thousands` of a file, where they are not a point and nothing.

    Every column of numbers has a say. `1,234` alone is 1.234 or 1234: other numbers of its column and of the file
    decide. Where they do not, a comma stands between thousands in files with commas between cells, and before decimals
    in others; a point stands before decimals.

    Args:
        columns: strings. A column counts if all its cells are numbers in one style, and some are not just digits.
        delimiter: the character between cells.
    """
    possible = [styles for cells in columns if (styles := _styles(cells, delimiter))]
    if not possible:
        return {}
    order = list(STYLES)
    if delimiter == ",":
        order = [(".", ""), (".", ","), *(style for style in order if style not in ((".", ""), (".", ",")))]
    votes = Counter(style for styles in possible for style in styles)
    if max(votes.values()) < len(possible) and delimiter != ",":  # versions such as 1.2 look like numbers with a point
        order.sort(key=lambda style: style[0] != ",")
    decimal, thousands = max(order, key=lambda style: votes[style])  # the first of equals
    return {**({"decimal": decimal} if decimal != "." else {}), **({"thousands": thousands} if thousands else {})}


def _styles(cells: pa.ChunkedArray, delimiter: str) -> list[Style]:
    """The styles in which all cells are numbers; none if these are not numbers, or just digits."""
    text, before = pc.unique(pc.utf8_trim_whitespace(cells)).drop_null(), f"[+{MINUS}(]?"
    if not len(text) or pc.all(matches(text, rf"{before}[0-9]*\)?")).as_py():
        return []
    styles = [style for style in STYLES if pc.all(matches(text, number_pattern(*style))).as_py()]
    for sign in ",.":
        if (
            (sign, "") in styles
            and any(thousands == sign for _, thousands in styles)
            and (delimiter, sign) != (",", ".")
        ):
            # 950 beside 1,234: decimals of measured numbers would not all be three or none
            has_hundreds = pc.any(matches(text, rf"{before}[1-9][0-9]{{0,2}}\)?")).as_py()
            if has_hundreds and not pc.any(matches(text, rf"{before}[1-9][0-9]{{3,}}\)?")).as_py():
                styles = [style for style in styles if style[0] != sign]
    return styles


def warn_of_separators(
    table: pa.Table, grouped: Collection[str], decimal: str, thousands: str, delimiter: str, name: str
) -> None:
    """Note where nothing in a file decides whether `1,234` or `1.234` is a thousand and more, or one and a bit.

    Args:
        table: the file as it was read.
        grouped: its columns of numbers with separators of thousands.
        decimal: the character before decimals.
        thousands: the character between groups of three digits, or nothing.
        delimiter: the character between cells.
        name: what the note calls the file.
    """
    floats = [field.name for field in table.schema if pa.types.is_floating(field.type)]
    if thousands:
        doubt = thousands == delimiter == ","  # in other files somebody has decided that
        sizes = [np.abs(_present(table[column])) for column in grouped]
        if doubt and sizes and not floats and all(len(size) and _all_in(size, 1000, 1_000_000) for size in sizes):
            log.warning(
                "%s: column %r: cells such as 12%s345 are taken for 12345; if they are 12.345, say `decimal: %s` and "
                "leave `thousands` out",
                *(name, next(iter(grouped)), thousands, f'"{thousands}"'),
            )
    elif (delimiter, decimal) != (",", "."):
        parts = {column: values[values % 1 != 0] for column in floats if len(values := np.abs(_present(table[column])))}
        doubtful = {column: values for column, values in parts.items() if len(values)}
        # of thousands, one in ten ends in 0, and would look like two decimals
        if doubtful and all(_all_in(values, 1, 1000) and _of_three(values) >= 0.8 for values in doubtful.values()):
            other = "." if decimal == "," else ","
            log.warning(
                "%s: column %r: cells such as 1%s234 are taken for 1.234; if they are 1234, say `decimal: %s` and "
                "`thousands: %s`; if not, say `thousands: %s`",
                *(name, next(iter(doubtful)), decimal, f'"{other}"', f'"{decimal}"', f'"{other}"'),
            )


def _present(values: pa.ChunkedArray) -> np.ndarray:
    return np.asarray(values.drop_null().to_numpy(), np.float64)


def _all_in(values: np.ndarray, low: float, high: float) -> bool:
    return bool(((values >= low) & (values < high)).all())


def _of_three(values: np.ndarray) -> float:
    """Share of the numbers that have three decimals."""
    return float((((values * 1000).round() / 1000 == values) & ((values * 100).round() / 100 != values)).mean())
