"""Whether a CSV file holds events, as far as its first lines tell."""

from __future__ import annotations

import csv
import itertools
import re
from pathlib import Path

USER = re.compile(r"(user|customer|visitor|reviewer|member|session)(id)?")
ITEM = re.compile(r"(item|product|movie|film|track|song|book|article|page|sku)(id)?")
KNOWN_OF_EVENTS = re.compile(r"rating|stars|score|(event)?time|timestamp|datetime|date|ts|origin")
NUM_LINES = 1_000  # looked at
TYPE = re.compile(r":(token|float)(_seq)?$")  # after a name in the headers of RecBole's files


def plain_name(name: str) -> str:
    """A column's name in small letters, without signs and the type that RecBole puts behind it."""
    return re.sub(r"[\W_]+", "", TYPE.sub("", name.casefold()))


def holds_events(path: Path, delimiter: str) -> bool:
    """Whether a CSV file has columns of users, of items and of what is known of events, and a user in several lines."""
    try:
        with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
            records = csv.reader(itertools.islice(file, NUM_LINES), delimiter=delimiter)
            names = [plain_name(name) for name in next(records, [])]
            users = [place for place, name in enumerate(names) if USER.fullmatch(name)]
            items = [place for place, name in enumerate(names) if ITEM.fullmatch(name)]
            others = [name for place, name in enumerate(names) if place not in (*users, *items)]
            if len(users) != 1 or len(items) != 1 or not all(map(KNOWN_OF_EVENTS.fullmatch, others)):
                return False
            user_cells = [cells[users[0]] for cells in records if len(cells) == len(names)]
    except (OSError, csv.Error):
        return False  # whoever reads the file says why
    return len(set(user_cells)) < len(user_cells)
