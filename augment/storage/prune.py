"""What lies in the store: who made it, how much room it takes, who uses it; and removing what nobody does.

A run that works at the same time is never disturbed: an entry is removed under its lock only, and not while a living
process has said that it uses it.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from augment.errors import LockedError, SpecError
from augment.storage.atomic_files import disk_errors, exclusive, remove
from augment.storage.run_folder import Run
from augment.storage.store import KEY, Store

__all__ = ["Entry", "entries", "parse_duration", "parse_size", "prune"]

SECONDS = {"m": 60.0, "h": 3600.0, "d": 86_400.0, "w": 604_800.0}
BYTES = {"": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}


@dataclass(frozen=True)
class Entry:
    """One folder of the store.

    Attributes:
        key: its content key.
        what: the kind of thing and, of a component, the name that users type.
        size: in bytes.
        age: seconds since it was made or last used.
        runs: folders of finished runs that were made with it.
        in_use: whether a living run works with it.
        finished: false for what a run is making, or a killed one has left for the next.
    """

    key: str
    what: str
    size: int
    age: float
    runs: tuple[str, ...]
    in_use: bool
    finished: bool


def entries(store: Store, now: float | None = None) -> list[Entry]:
    """Everything in the store, the largest first."""
    now = time.time() if now is None else now
    with disk_errors(store.root, "looking into the store"):
        users, in_use = _runs(store), store.uses()
        entries = []
        for place, finished in (("objects", True), ("work", False)):
            folders = [path for path in (store.root / place).glob("*") if KEY.fullmatch(path.name) and path.is_dir()]
            for folder in folders:
                size = _size(folder)
                if not finished and not size:
                    continue
                runs = tuple(users.get(folder.name, ()))
                age = max(0.0, now - folder.stat().st_mtime)
                entries.append(
                    Entry(folder.name, _what(folder, finished), size, age, runs, folder.name in in_use, finished)
                )
    return sorted(entries, key=lambda entry: (-entry.size, entry.key))


def prune(
    store: Store,
    *,
    older_than: float | None = None,
    max_size: int | None = None,
    everything: bool = False,
    dry_run: bool = False,
    now: float | None = None,
) -> tuple[list[Entry], list[Entry]]:
    """Remove what is old, what is too much, or all; what a living process uses stays.

    Finished runs lose nothing by it: they hold copies. What was removed is made again when a run needs it.

    Args:
        store: which.
        older_than: seconds since it was last used.
        max_size: bytes that may stay; the least recently used entries are removed until the limit is met.
        everything: all of it.
        dry_run: say what would go, and remove nothing.
        now: seconds since the epoch, for tests.

    Returns:
        What was removed, and what was to go but is in use.

    Raises:
        SpecError: no limit and not `everything` was given.
    """
    if older_than is None and max_size is None and not everything:
        raise SpecError("say which entries to remove: --older-than 30d, --max-size 5GB, or --all")
    by_age = sorted(entries(store, now), key=lambda entry: -entry.age)
    left = sum(entry.size for entry in by_age)
    removed, in_use = [], []
    for entry in by_age:
        too_old = older_than is not None and entry.age > older_than
        too_much = max_size is not None and left > max_size
        if not (everything or too_old or too_much):
            continue
        if entry.in_use or not (_lockable(store, entry) if dry_run else _remove(store, entry)):
            in_use.append(entry)
            continue
        left -= entry.size
        removed.append(entry)
    return removed, in_use


def _remove(store: Store, entry: Entry) -> bool:
    """Remove one entry, unless somebody holds or uses it; whether it is gone."""
    folder = store.root / ("objects" if entry.finished else "work") / entry.key
    try:
        with exclusive(_lock(store, entry), entry.what, wait=False), disk_errors(folder, "removing a stored result"):
            if entry.key in store.uses() or not folder.exists():
                return False
            remove(folder)
    except LockedError:
        return False
    return True


def _lockable(store: Store, entry: Entry) -> bool:
    try:
        with exclusive(_lock(store, entry), entry.what, wait=False):
            return True
    except LockedError:
        return False


def _lock(store: Store, entry: Entry) -> Path:
    return store.root / "locks" / f"{entry.key.partition('.')[0]}.lock"


def _runs(store: Store) -> dict[str, list[str]]:
    """Key of an entry to the folders of the finished runs that used it; those that are gone are left out."""
    users: dict[str, list[str]] = {}
    for path in sorted((store.root / "runs").glob("*.json")):
        try:
            note = json.loads(path.read_text(encoding="utf-8"))
            folder, keys = Path(note["folder"]), list(note["keys"])
            if Run(folder).key != note["run"]:
                continue
        except Exception:  # the run is gone, is another one now, or the note is damaged
            continue
        for key in keys:
            users.setdefault(str(key), []).append(str(folder))
    return users


def _what(folder: Path, finished: bool) -> str:
    kind = folder.name.partition("-")[0]
    component: Mapping[str, Any] = {}
    for path in (folder / f"{kind}.json", folder / "built" / f"{kind}.json"):
        try:
            component = json.loads(path.read_text(encoding="utf-8"))["component"]
            break
        except (OSError, ValueError, KeyError, TypeError):
            continue
    names = {"train": "training part", "parts": "decoded rows"}
    word = names.get(kind, kind)
    words = f"{word} {component['use']}" if isinstance(component, Mapping) and "use" in component else word
    return words if finished else f"{words}, unfinished"


def _size(folder: Path) -> int:
    total = 0
    for path in folder.rglob("*"):
        try:
            total += path.stat().st_size if path.is_file() else 0
        except FileNotFoundError:  # somebody is working there
            continue
    return total


def parse_duration(text: str) -> float:
    """Seconds of `90m`, `12h`, `30d` or `2w`.

    >>> parse_duration("2h")
    7200.0

    Raises:
        SpecError: it is something else.
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([mhdw])", text.strip().lower())
    if not match:
        raise SpecError(f"{text!r} is not a length of time; expected a value such as 90m, 12h, 30d or 2w")
    return float(match[1]) * SECONDS[match[2]]


def parse_size(text: str) -> int:
    """Bytes of `500MB`, `5GB` or `0`.

    >>> parse_size("1.5 GB")
    1500000000

    Raises:
        SpecError: it is something else.
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([KMGT]?B|)", text.strip().upper())
    if not match or match[2] == "B":
        raise SpecError(f"{text!r} is not a size; expected a value such as 500MB, 5GB or 0")
    return int(float(match[1]) * BYTES[match[2]])
