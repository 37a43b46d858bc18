"""Text for terminals and logs that data cannot spoil: control characters written out, numbers that JSON can hold."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

__all__ = ["MAX_CLASSES", "json_line", "listing", "printable", "table"]

MAX_CLASSES = 20  # lines of a table of classes; the rest is counted


def printable(text: object) -> str:
    r"""The text on one line, with control characters written out: data must not be able to move somebody's cursor.

    >>> print(printable("a\x1b[2Jb\nc"))
    a\x1b[2Jb\nc
    """
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape", "surrogatepass").decode() for char in str(text)
    )


def json_line(value: Any) -> str:
    """The value as JSON on one line. A number that is not finite becomes null, which is all that JSON has for it."""
    return json.dumps(_finite(value), ensure_ascii=False, allow_nan=False, default=str)


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): _finite(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(inner) for inner in value]
    return value


def listing(names: Any, most: int = 12) -> str:
    """Names for a message, the first of them where there are many.

    >>> listing(["a", "b", "c"], 2)
    "'a', 'b' and 1 more"
    """
    names = [repr(str(name)) for name in names]
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return (", ".join(names[:most]) + more) or "none"


def table(rows: Iterable[Sequence[object]], numbers: bool = False) -> list[str]:
    """Rows as aligned lines, the first row being the heads; with `numbers`, all columns but the first to the right.

    >>> table([("", "real"), ("yes", 7)], numbers=True)
    ['     real', 'yes     7']
    """
    from rich.cells import cell_len  # wide characters take two places

    cells = [[printable(cell) for cell in row] for row in rows]
    widths = [max(cell_len(cell) for cell in column) for column in zip(*cells, strict=True)]
    lines = []
    for row in cells:
        padded = []
        for place, (cell, width) in enumerate(zip(row, widths, strict=True)):
            space = " " * (width - cell_len(cell))
            padded.append(space + cell if numbers and place else cell + space)
        lines.append("  ".join(padded).rstrip())
    return lines
