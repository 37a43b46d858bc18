"""How a CSV file is written: its encoding, the character between cells, the decimal point."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

__all__ = ["CURRENCY", "UNIT", "infer_dialect", "infer_encoding"]

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
    delimiter = _delimiter(head.splitlines()[:NUM_LINES])
    if delimiter == ",":
        return settings
    edge = re.escape(delimiter)
    cell = re.compile(rf"(?:^|{edge})-?[0-9.]*[0-9],[0-9]+(?:\s?(?:{UNIT}))?(?:{edge}|$)", re.MULTILINE)
    return {**settings, "delimiter": delimiter, **({"decimal": ","} if cell.search(head) else {})}


def _delimiter(lines: list[str]) -> str:
    """What stands most often in the first line. Where that is a comma, the other one that stands equally often in each
    line, if it has numbers such as 1,5 between it: without a header, decimal commas may be the most frequent."""
    most = max(",;\t|", key=(lines or [""])[0].count)  # the first of equals
    filled = [line for line in lines[:-1] if line]  # the last may be cut
    for other in ";\t|" if most == "," else "":
        counts = {line.count(other) for line in filled}
        if (
            len(counts) == 1
            and counts != {0}
            and all(DECIMAL_COMMA.search(line.replace(other, "\n")) for line in filled)
        ):
            return other
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
