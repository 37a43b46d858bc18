"""Fitted components and training parts, kept by content key: made once, reused by every run that needs the same.

Layout under the root (`AUGMENT_STORE`, else the user's cache folder):

    objects/<key>/        finished, with `manifest.json`: every file and its SHA-256
    work/<key>/           being made, or left by a killed run: holds checkpoints
    locks/<key>.lock      held while it is made
    scratch/<name>/       a run's own temporary files
    scratch/<name>.lock   held as long as that run lives; `uses/` in the folder names the keys that it works with
    runs/                 finished runs, and the keys that they were made with
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import re
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from augment.errors import AugmentError, LockedError
from augment.storage.atomic_files import disk_errors, exclusive, publish, remove
from augment.storage.hashes import file_sha256

__all__ = ["KEY", "MANIFEST", "Store", "find_damage", "withdraw", "write_manifest"]

MANIFEST = "manifest.json"
logger = logging.getLogger("augment")
# Nothing but folders of such names is ever cleared away: `AUGMENT_STORE` may be a folder with files of the user's.
KEY = re.compile(r"[a-z]+-[0-9a-f]{64}")
SCRATCH = re.compile(r"[0-9a-f]{32}")


def write_manifest(folder: Path) -> dict[str, str]:
    """Write `manifest.json`: every file below `folder` to its SHA-256. Returns it."""
    hashes = {
        path.relative_to(folder).as_posix(): file_sha256(path)
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != MANIFEST
    }
    (folder / MANIFEST).write_text(json.dumps(hashes, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    return hashes


def withdraw(folder: Path) -> bool:
    """Mark an entry of a store as damaged, so that it is made again; false for a folder that is no such entry."""
    try:
        (folder / MANIFEST).unlink()
    except OSError:
        return False
    return True


class Store:
    """A folder of finished results by content key.

    Args:
        root: where; by default `AUGMENT_STORE` or the user's cache folder.
        note: called with a sentence about a damaged entry; by default, a warning is logged.
        waiting: called with a sentence while another run makes what is needed here; by default, as `note`.
    """

    def __init__(
        self,
        root: Path | None = None,
        note: Callable[[str], None] = logger.warning,
        waiting: Callable[[str], None] | None = None,
    ):
        self.root = root or default_root()
        self.note = note
        self.waiting = waiting or note
        self._uses: Path | None = None

    def get(self, key: str, load: Callable[[Path], object] = lambda folder: None) -> Path | None:
        """The finished folder of that key, every file checked against its hash, or None.

        A damaged entry is named, removed, and so made again.

        Args:
            key: of the entry.
            load: reads the folder. If that fails, the entry is damaged, too: a disk that was full when the entry was
                written, or another version of augment, leaves such entries with good hashes.
        """
        folder = self.root / "objects" / key
        if not folder.is_dir():
            return None
        damage = find_damage(folder) or _refusal(folder, load)
        if damage is None:
            self._use(key)
            with suppress(OSError):  # the time of the last use
                os.utime(folder)
            return folder
        self.note(f"the stored result {folder} is damaged ({damage}) and will be made again")
        with disk_errors(folder, "removing a damaged entry"):
            doomed = self._scratch_name()  # from where it will be cleared away in any case
            doomed.parent.mkdir(parents=True, exist_ok=True)
            os.rename(folder, doomed)
        remove(doomed)
        return None

    @contextmanager
    def making(self, key: str, what: str) -> Iterator[Path]:
        """Hold the key while its result is made; the folder given keeps what a killed run left there."""
        with exclusive(self.root / "locks" / f"{key}.lock", what, wait=True, waiting=self.waiting):
            folder = self.root / "work" / key
            with disk_errors(folder, "making a work folder"):
                folder.mkdir(parents=True, exist_ok=True)
            try:
                yield folder
            finally:
                if (self.root / "objects" / key).is_dir():
                    remove(folder)
                with suppress(OSError):  # what a failure left in it stays
                    folder.rmdir()

    def publish(self, key: str, built: Path) -> Path:
        """Give a finished folder its place, whole or not at all. Call it while holding the key."""
        place = self.root / "objects" / key
        self._use(key)
        with disk_errors(place, "publishing a result"):
            write_manifest(built)
            place.parent.mkdir(parents=True, exist_ok=True)
            publish(built, place)
        return place

    @contextmanager
    def scratch(self) -> Iterator[Path]:
        """A temporary folder of this process's own; those of dead processes are cleared away."""
        folder = self._scratch_name()
        with disk_errors(folder.parent, "making a scratch folder"):
            folder.parent.mkdir(parents=True, exist_ok=True)
            self._clear_dead()
        with exclusive(folder.with_suffix(".lock"), f"{folder}", wait=False):
            with disk_errors(folder, "making a scratch folder"):
                folder.mkdir()
                self._uses = folder / "uses"
                self._uses.mkdir()
            try:
                yield folder
            finally:
                self._uses = None
                remove(folder)

    def _use(self, key: str) -> None:
        """Tell others that this process works with an entry, until its scratch folder is gone."""
        if self._uses is not None:
            with disk_errors(self._uses, "noting what is in use"):
                (self._uses / key).touch()

    def uses(self) -> set[str]:
        """The keys of entries that living runs work with."""
        keys: set[str] = set()
        for folder in (self.root / "scratch").glob("*/uses"):
            if not SCRATCH.fullmatch(folder.parent.name):
                continue
            try:
                with exclusive(folder.parent.with_suffix(".lock"), f"{folder}", wait=False):
                    continue  # nobody holds it: that run is dead
            except LockedError:
                keys |= {path.name for path in folder.glob("*")}
        return keys

    def remember(self, run_folder: Path, run_key: str, stamp: str | None = None) -> None:
        """Note the entries in use as those that a finished run was made with, and by which stamp to recognise it."""
        keys = {path.name for path in self._uses.glob("*")} if self._uses is not None else set()
        name = hashlib.sha256(str(run_folder).encode()).hexdigest()[:32]
        note, fresh = self.root / "runs" / f"{name}.json", self.root / "runs" / f"{name}.{uuid.uuid4().hex}"
        before = _read_note(note)
        if before.get("run") == run_key:  # it was recognised: what it was made with stays noted
            keys |= set(before["keys"])
        content = {"folder": str(run_folder), "run": run_key, "keys": sorted(keys), "stamp": stamp}
        with disk_errors(note, "noting a finished run"):
            note.parent.mkdir(parents=True, exist_ok=True)
            fresh.write_text(json.dumps(content), encoding="utf-8")
            os.replace(fresh, note)

    def run_keys(self, stamp: str) -> set[str]:
        """The keys of the finished runs that were noted with this stamp."""
        notes = [_read_note(path) for path in (self.root / "runs").glob("*.json")]
        return {note["run"] for note in notes if note.get("stamp") == stamp}

    def _scratch_name(self) -> Path:
        return self.root / "scratch" / uuid.uuid4().hex

    def _clear_dead(self) -> None:
        """Remove the scratch folders whose locks nobody holds."""
        for name in {path.stem for path in (self.root / "scratch").iterdir() if SCRATCH.fullmatch(path.stem)}:
            folder = self.root / "scratch" / name
            with suppress(LockedError), exclusive(folder.with_suffix(".lock"), f"{folder}", wait=False):
                remove(folder)


def default_root() -> Path:
    """`AUGMENT_STORE`, else `augment` in the user's cache folder."""
    import platformdirs

    named = os.environ.get("AUGMENT_STORE")
    return Path(named).expanduser().absolute() if named else Path(platformdirs.user_cache_path("augment"))


def _read_note(path: Path) -> dict[str, Any]:
    """The note of a finished run; empty where there is none, or it is damaged."""
    try:
        note = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return note if isinstance(note, dict) and isinstance(note.get("keys"), list) else {}


def _refusal(folder: Path, load: Callable[[Path], object]) -> str | None:
    """Why the content of a folder cannot be loaded, in one line, or None."""
    try:
        load(folder)
    except (AugmentError, OSError, ValueError, KeyError, TypeError) as error:
        return f"its content cannot be loaded: {(str(error).splitlines() or [repr(error)])[0]}"
    return None


def find_damage(folder: Path) -> str | None:
    """What is wrong with a finished folder, or None. The manifest may hold anything."""
    try:
        hashes = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        present = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()} - {MANIFEST}
        if present != set(hashes):
            return f"files {sorted(present ^ set(hashes))} are missing or unknown"
        for name, expected in hashes.items():
            if file_sha256(folder / name) != expected:
                return f"{name} is not what was written"
    except (OSError, ValueError, TypeError, AttributeError) as error:
        return str(error)
    return None
