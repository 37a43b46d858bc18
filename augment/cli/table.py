"""Rows as aligned text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from augment.text import printable

__all__ = ["table"]


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
