"""How the numbers of a column of a CSV file are written: with a unit, separators of thousands, and decimals."""

from __future__ import annotations

import re
from collections.abc import Collection
from decimal import Decimal
from typing import Any, NamedTuple

import pyarrow as pa

__all__ = ["NumberFormat", "infer_format"]

SIGNS = r"[^0-9]*?"
DECIMALS = r"(?P<decimal>[.,])(?P<zeros>0+)"
NUMBER = r"(?:1(?P<thousands>[^0-9]?)234|(?P<lakhs>12,34,567))"
EXAMPLE = re.compile(rf"(?P<before>{SIGNS}){NUMBER}(?:{DECIMALS})?(?P<after>[^0-9]*)")
PAIRS = re.compile("(?<=[0-9])(?=(?:[0-9]{2})*[0-9]{3}$)")  # where commas stand in India
FORMULA = "=+-@\t\r\n＝＋－＠"  # what no unit begins with, as a spreadsheet would run it


class NumberFormat(NamedTuple):
    """A way to write numbers.

    Attributes:
        before: the sign or word before a number, with the space between them.
        thousands: between groups of digits; empty for none.
        decimal: before the decimals.
        min_decimals: how many decimals there are at least, as zeros if need be.
        after: the sign or word behind it.
        lakhs: whether groups have two digits but for the last of three, as in India; else all have three.
    """

    before: str = ""
    thousands: str = ""
    decimal: str = "."
    min_decimals: int = 0
    after: str = ""
    lakhs: bool = False

    @classmethod
    def of_example(cls, example: str, decimal: str = ".") -> NumberFormat:
        """The way in which 1234 is written, or 12,34,567 as in India.

        Args:
            example: the number.
            decimal: the character before decimals, where the example has none.

        >>> NumberFormat.of_example("1.234,00 €")
        NumberFormat(before='', thousands='.', decimal=',', min_decimals=2, after=' €', lakhs=False)

        Raises:
            ValueError: it is not that number.
        """
        match = EXAMPLE.fullmatch(example)
        if match is None or example[:1] in FORMULA:
            raise ValueError(f"{example!r} is not the number 1234, with or without signs around it, as in `€1,234.00`")
        thousands = "," if match["lakhs"] else match["thousands"]
        usual = decimal if decimal != thousands else "," if thousands == "." else "."
        num_zeros = len(match["zeros"] or "")
        return cls(
            match["before"], thousands, match["decimal"] or usual, num_zeros, match["after"], bool(match["lakhs"])
        )

    @property
    def example(self) -> str:
        """1234 written so, or 12,34,567 as in India."""
        decimals = self.decimal + "0" * self.min_decimals if self.min_decimals else ""
        return f"{self.before}{'12,34,567' if self.lakhs else f'1{self.thousands}234'}{decimals}{self.after}"

    @property
    def unit(self) -> str:
        """The sign or word beside numbers."""
        return (self.before + self.after).strip()

    def write(self, number: float) -> str:
        """The number in as few digits as tell it from others.

        >>> NumberFormat.of_example("€1,234.00").write(-1234567.5)
        '€-1,234,567.50'
        """
        exact = Decimal(repr(number))
        text = format(abs(exact), "f")
        whole, _, decimals = text.partition(".")
        decimals = decimals.rstrip("0").ljust(self.min_decimals, "0")
        grouped = PAIRS.sub(",", whole) if self.lakhs else f"{int(whole):,}".replace(",", self.thousands)
        return f"{self.before}{'-' * exact.is_signed()}{grouped}{self.decimal * bool(decimals)}{decimals}{self.after}"

    def write_all(self, values: pa.Array) -> pa.Array:
        """All numbers as text; missing ones stay missing."""
        return pa.array([None if value is None else self.write(value) for value in values.to_pylist()], pa.string())


def infer_format(cells: Collection[str], decimal: str, thousands: str, unit: str) -> NumberFormat | None:
    """The way in which the numbers of a column are written; None where it is the usual one.

    Args:
        cells: the column as it is written, without missing values.
        decimal: the character before decimals.
        thousands: the character between groups; ` ` stands for any space, `'` also for `’`.
        unit: the sign or word beside the numbers; empty for none.
    """
    between = {" ": r"\s", "'": "['’]"}.get(thousands, re.escape(thousands)) if thousands else "(?!)"
    groups = rf"(?:{between}[0-9]{{2}})*{between}[0-9]{{3}}|" if thousands == "," else ""
    number = (
        rf"[+-]?(?P<whole>[0-9]+(?:{groups}(?:{between}[0-9]{{3}})*))?(?:{re.escape(decimal)}(?P<decimals>[0-9]+))?"
    )
    sign = re.escape(unit)
    pattern = re.compile(rf"(?P<before>{sign}\s?)?{number}(?P<after>\s?{sign})?" if unit else number)
    before, after, separator, lakhs, counts = "", "", "", False, []
    for cell in cells:
        match = pattern.fullmatch(cell.strip())
        if match is None:
            continue
        found: dict[str, Any] = match.groupdict()
        before, after = found.get("before") or before, found.get("after") or after
        separator = separator or re.sub("[0-9]", "", found["whole"] or "")[:1]
        lakhs = lakhs or re.search(",[0-9]{2},", found["whole"] or "") is not None
        counts.append(len(found["decimals"] or ""))
    is_padded = len(set(counts)) == 1 and counts[0] > 0 and any(cell.strip().endswith("0") for cell in cells)
    if not (before or after or separator or is_padded):
        return None
    return NumberFormat(before, separator, decimal, min(counts, default=0), "" if before else after, lakhs)
