"""Formatting: figures have three significant digits, a minus sign, and percent for shares; data stays as it is."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any, TypeGuard, TypeVar

import pandas as pd

__all__ = [
    "NOTHING",
    "cell",
    "clip",
    "count",
    "decimals_for",
    "fixed",
    "listing",
    "number",
    "percent",
    "plain",
    "plural",
    "span",
    "split_rest",
]

NOTHING = "–"
T = TypeVar("T")


def count(value: float) -> str:
    """A whole number with thousands separated.

    >>> count(12345)
    '12,345'
    """
    return f"{round(value):,}".replace("-", "−")


def number(value: float | None) -> str:
    """A number with three significant digits; the digits before the point are never rounded away.

    >>> number(0.9), number(-1234.56), number(0.0000123), number(None)
    ('0.900', '−1,235', '1.23e−05', '–')
    """
    if not _is_number(value):
        return NOTHING
    if value == 0:
        return "0"
    size = abs(value)
    if 999.5 <= size < 1e9:
        text = f"{value:,.0f}"
    elif size >= 1e9 or size < 1e-4:
        text = f"{value:.2e}"
    else:
        text = f"{value:#.3g}".rstrip(".")
    return text.replace("-", "−")


def plain(value: float) -> str:
    """A number as it is, with all of its digits and no separators, because it may be a year or a code.

    >>> plain(1998.0), plain(0.1234567), plain(-20.5)
    ('1998', '0.1234567', '-20.5')
    """
    return f"{value:.0f}" if float(value).is_integer() and abs(value) < 1e15 else repr(float(value))


def decimals_for(values: Iterable[float | None]) -> int:
    """The decimals that give the largest of these numbers three significant digits, so that a column is aligned.

    >>> decimals_for([0.0342, -0.0031, None])
    4
    """
    largest = max((abs(value) for value in values if _is_number(value)), default=0.0)
    return 3 if largest == 0 else min(max(2 - math.floor(math.log10(largest)), 0), 8)


def fixed(value: float | None, decimals: int, sign: bool = True) -> str:
    """A number with this many decimals, and with its sign if `sign` is set. Zero has no sign.

    >>> fixed(0.0342, 3), fixed(-0.2, 1), fixed(0.0001, 2)
    ('+0.034', '−0.2', '0.00')
    """
    if not _is_number(value):
        return NOTHING
    value = round(value, decimals) + 0.0  # plus zero: turns a negative zero into zero
    return f"{value:{'+' if sign and value else ''},.{decimals}f}".replace("-", "−")


def change(score: float | None, base: float | None, decimals: int) -> str:
    """The difference of two scores with this many decimals, as whoever reads them subtracts them.

    A difference that is rounded by itself need not be that of the rounded scores.

    >>> change(0.9566, 0.9352, 3)
    '+0.022'
    """
    if not _is_number(score) or not _is_number(base):
        return NOTHING
    return fixed(round(score, decimals) - round(base, decimals), decimals)


def span(interval: Sequence[float] | None, decimals: int) -> str:
    """An interval with signs.

    >>> span([-0.01, 0.034], 3)
    '−0.010 to +0.034'
    """
    return NOTHING if interval is None else " to ".join(fixed(end, decimals) for end in interval)


def percent(share: float | None) -> str:
    """A share (0 to 1) as percent.

    >>> percent(0.1234), percent(0.0), percent(0.00001), percent(1.0)
    ('12.3\\xa0%', '0\\xa0%', '<\\xa00.1\\xa0%', '100\\xa0%')
    """
    if not _is_number(share):
        return NOTHING
    if share in (0, 1):
        return f"{share:.0%}".replace("%", "\u00a0%")
    if 0 < share < 0.001:
        return "<\u00a00.1\u00a0%"
    return f"{100 * share:.1f}\u00a0%".replace("-", "−")


def clip(text: object, max_length: int = 60) -> str:
    """The text, truncated to `max_length` characters with an ellipsis.

    >>> clip("abcdef", 4)
    'abc…'
    """
    shown = str(text)
    return shown if len(shown) <= max_length else shown[: max_length - 1] + "…"


def plural(number: int, noun: str) -> str:
    """A number of things.

    >>> plural(1, "row"), plural(1200, "class")
    ('1 row', '1,200 classes')
    """
    ending = "" if number == 1 else "es" if noun.endswith("s") else "s"
    return f"{count(number)} {noun}{ending}"


def slug(term: str) -> str:
    """A term as part of an id.

    >>> slug("ROC curve"), slug("F1")
    ('roc-curve', 'f-one')
    """
    return term.lower().replace(" ", "-").replace("1", "-one")


def listing(names: Iterable[Any], most: int = 8) -> str:
    """Names with commas between; what is too much is counted.

    >>> listing("abcd", 2)
    'a, b and 2 more'
    """
    names = [clip(name, 40) for name in names]
    more = f" and {count(len(names) - most)} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def split_rest(items: Sequence[T], most: int) -> tuple[Sequence[T], Sequence[T]]:
    """The first items, and the rest. One item is never the rest: it takes the place of the words that would hide it.

    >>> split_rest("abc", 2), split_rest("abcd", 2)
    (('abc', ''), ('ab', 'cd'))
    """
    most = len(items) if len(items) == most + 1 else most
    return items[:most], items[most:]


def cell(value: Any) -> str:
    """One value of a table, with all of its digits."""
    if value is None or value is pd.NA or value is pd.NaT or (isinstance(value, float) and math.isnan(value)):
        return NOTHING
    if isinstance(value, bool):
        return str(value)
    if isinstance(value, float):
        return plain(value)
    if isinstance(value, pd.Timestamp):
        return str(value).removesuffix(" 00:00:00")
    return clip(value, 48)


def _is_number(value: float | None) -> TypeGuard[float]:
    return value is not None and math.isfinite(value)
