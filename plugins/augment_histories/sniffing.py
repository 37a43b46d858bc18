"""Whether a CSV file holds events, as far as its first lines tell."""

from __future__ import annotations

import csv
import itertools
import logging
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa

from augment.toolkit.csv_delimiters import split_lines
from augment.toolkit.csv_numbers import infer_separators
from augment.toolkit.text_files import tolerating_mark

USER = re.compile(r"(user|customer|visitor|reviewer|member|session)(id)?")
ITEM = re.compile(r"(item|product|movie|film|track|song|book|article|page|sku)(id)?")
KNOWN_OF_EVENTS = re.compile(r"rating|stars|score|(event)?time|timestamp|datetime|date|ts|origin")
NUM_LINES = 1_000  # looked at
log = logging.getLogger("augment")

RATINGS = ("user", "item", "rating", "time")
RATING_LINE = re.compile(r"[\w-]+ [\w-]+ (?:10|[0-9])(?:\.[0-9])? [0-9]{9,13}")
MIN_RATINGS = 20
MOSTLY = 0.9  # share of the ratings that are of another user or item
TYPE = re.compile(r":(token|float)(_seq)?$")  # after a name in the headers of RecBole's files


def plain_name(name: str) -> str:
    """A column's name in small letters, without signs and the type that RecBole puts behind it."""
    return re.sub(r"[\W_]+", "", TYPE.sub("", name.casefold()))


def holds_events(path: Path, dialect: Mapping[str, Any]) -> bool:
    """Whether a CSV file has columns of users, of items and of what is known of events, and a user in several lines.

    Args:
        path: the file.
        dialect: `delimiter` and `encoding`, where they differ from the defaults.
    """
    names, *rows = _first_rows(path, dialect) or [[]]
    names = [plain_name(name) for name in names]
    users = [place for place, name in enumerate(names) if USER.fullmatch(name)]
    items = [place for place, name in enumerate(names) if ITEM.fullmatch(name)]
    others = [name for place, name in enumerate(names) if place not in (*users, *items)]
    if len(users) != 1 or len(items) != 1 or not all(map(KNOWN_OF_EVENTS.fullmatch, others)):
        return False
    found = [cells[users[0]] for cells in rows if len(cells) == len(names)]
    if len(set(found)) == len(found) >= MIN_RATINGS:
        log.warning(
            "%s is read as a table, not as histories: every user has one event; if another column says which events "
            "belong together, such as a session, say `use: histories` with `user: COLUMN`",
            path.name,
        )
    return len(set(found)) < len(found)


def holds_ratings(path: Path, dialect: Mapping[str, Any]) -> bool:
    """Whether a CSV file without a header is all `RATINGS`, as MovieLens and Amazon have them: two ids, a rating of
    0 to 10, and seconds since 1970, users in two lines or more on average."""
    rows = _first_rows(path, dialect)
    if len(rows) < MIN_RATINGS or any(len(cells) != len(RATINGS) for cells in rows):
        return False
    if not all(RATING_LINE.fullmatch(" ".join(cells)) for cells in rows):
        return False
    users, pairs = {cells[0] for cells in rows}, {(cells[0], cells[1]) for cells in rows}
    return len(users) <= len(rows) // 2 and len(pairs) >= MOSTLY * len(rows)


def separators(path: Path, dialect: Mapping[str, Any]) -> dict[str, str]:
    """The settings `decimal` and `thousands`, as far as the first lines tell."""
    first, *rows = _first_rows(path, dialect) or [[]]
    columns = zip(*(cells for cells in rows if len(cells) == len(first)), strict=True)
    present = [pa.array([cell for cell in cells if cell], pa.string()) for cells in columns]
    return infer_separators(map(pa.chunked_array, zip(present, strict=True)), dialect.get("delimiter", ","))


def _first_rows(path: Path, dialect: Mapping[str, Any]) -> list[list[str]]:
    """The cells of the first lines; none of a file that cannot be read, since whoever reads it says why."""
    encoding = tolerating_mark(dialect.get("encoding", "utf-8"))
    try:
        with path.open(encoding=encoding, errors="replace", newline="") as file:
            lines = itertools.islice(file, NUM_LINES)
            return [cells for cells in split_lines(lines, dialect.get("delimiter", ",")) if cells]
    except (OSError, csv.Error):
        return []
