"""How a CSV file is written: its encoding, the character between cells, the decimal point."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from augment.toolkit.csv_delimiters import SPACES, divided_by_several

__all__ = ["CURRENCY", "UNIT", "infer_delimiter", "infer_dialect", "infer_encoding"]

HEAD = 65_536  # characters that are looked at
NUM_LINES = 100  # compared for the delimiter
DECIMAL_COMMA = re.compile(r"^\s*-?[0-9.]*[0-9],[0-9]+\s*$", re.MULTILINE)

CURRENCY = r"[€$£¥]|EUR|USD|GBP|CHF"  # that may stand before a number; `s1` and `m2` are codes
UNIT = rf"{CURRENCY}|[%‰]|kg|g|mg|km|m|cm|mm|l|ml|h|min|s|ms|°C|kWh|W"  # that may stand beside a number


def infer_dialect(path: Path, skip_lines: int = 0) -> dict[str, Any]:
    """`encoding`, `delimiter` and `decimal` of a CSV file, where they are not UTF-8, a comma and a point.

    `skip_lines` is the number of lines before the header.
    """
    encoding = infer_encoding(path)
    with path.open(encoding=encoding or "utf-8-sig", errors="replace") as file:
        for _ in range(skip_lines):
            file.readline()
        head = file.read(HEAD)
    settings: dict[str, Any] = {"encoding": encoding} if encoding else {}
    lines = head.splitlines()
    lines = lines[:-1] if len(head) == HEAD and len(lines) > 1 else lines  # the last is cut
    delimiter = infer_delimiter(lines[:NUM_LINES])
    if delimiter == ",":
        return settings
    edge = delimiter if delimiter == SPACES else re.escape(delimiter)
    cell = re.compile(rf"(?:^|{edge})-?[0-9.]*[0-9],[0-9]+(?:\s?(?:{UNIT}))?(?:{edge}|$)", re.MULTILINE)
    return {**settings, "delimiter": delimiter, **({"decimal": ","} if cell.search(head) else {})}


def infer_delimiter(lines: Sequence[str]) -> str:
    """What stands most often in the first line. Where that is a comma, the other one that stands equally often in each
    line, if it has numbers such as 1,5 between it: without a header, decimal commas may be the most frequent. Where it
    does not make as many cells of each line, or the cells are aligned by spaces, `::` or spaces if they do."""
    most = max(",;\t|", key=(lines or [""])[0].count)  # the first of equals
    filled = [line.rstrip("\r\n") for line in lines if line.strip()]
    for other in ";\t|" if most == "," else "":
        counts = {line.count(other) for line in filled}
        if (
            len(counts) == 1
            and counts != {0}
            and all(DECIMAL_COMMA.search(line.replace(other, "\n")) for line in filled)
        ):
            return other
    num_cells = {line.count(most) + 1 for line in filled}
    if num_cells == {1} or len(num_cells) > 1 or all(re.search(r"\S {2,}\S|::", line) for line in filled):
        return divided_by_several(filled) or most
    return most


def infer_encoding(path: Path) -> str:
    """The encoding of a text file that is not UTF-8, as far as it can be told; empty for UTF-8."""
    with path.open("rb") as file:
        if file.read(2) in (b"\xff\xfe", b"\xfe\xff"):
            return "utf-16"
    for encoding in ("utf-8", "cp1252"):
        try:
            with path.open(encoding=encoding) as text:
                while text.read(1 << 20):
                    pass
        except UnicodeDecodeError:
            continue
        return "" if encoding == "utf-8" else encoding
    return "latin-1"
