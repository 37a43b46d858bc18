"""Fitted components and training parts, kept by content key: made once, reused by every run that needs the same.

Layout under the root (`AUGMENT_STORE`, else the user's cache folder):

    objects/<key>/     finished, with `manifest.json`: every file and its SHA-256
    work/<key>/        being made, or left by a killed run: holds checkpoints
    locks/<key>.lock   held while it is made; the system frees it when its holder dies
    scratch/<pid>-*/   a run's own temporary files
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from augment.errors import DiskError, LockedError
from augment.keys import file_sha256

__all__ = ["MANIFEST", "Store", "disk_errors", "exclusive", "fsync_tree", "write_manifest"]

MANIFEST = "manifest.json"


@contextmanager
def disk_errors(path: Path, doing: str) -> Iterator[None]:
    """Turn an operating system's error into a DiskError that says what was being done, and where."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        raise DiskError(f"{error.filename or path}: {doing} failed: {reason}") from error


@contextmanager
def exclusive(
    lock_file: Path, what: str, wait: bool, waiting: Callable[[str], None] = lambda message: None
) -> Iterator[None]:
    """Hold a lock that the system frees when this process dies.

    Args:
        lock_file: the file that stands for the lock; it stays, empty. While it is held, a `.pid` file beside it says
            by which process.
        what: named in messages.
        wait: wait for another holder, after saying so once, or refuse at once.
        waiting: called with a message before waiting.

    Raises:
        LockedError: another process holds it, and `wait` is false.
    """
    lock, owner = FileLock(lock_file), lock_file.with_suffix(".pid")
    try:
        with disk_errors(lock_file, "taking the lock"):
            lock_file.parent.mkdir(parents=True, exist_ok=True)
            try:
                lock.acquire(timeout=0)
            except Timeout:
                holder = _holder(owner)
                if not wait:
                    raise LockedError(
                        f"{what} is held by another run (process {holder}); wait for it or stop it"
                    ) from None
                waiting(f"{what} is being made by another run (process {holder}); waiting for it")
                lock.acquire()
            owner.write_text(str(os.getpid()))
        yield
    finally:
        if lock.is_locked:
            with suppress(OSError):
                owner.unlink()
            lock.release()


def _holder(owner: Path) -> str:
    try:
        return owner.read_text().strip() or "unknown"
    except FileNotFoundError:  # it has taken the lock, but not yet said so; or is just giving it back
        return "unknown"


def write_manifest(folder: Path) -> dict[str, str]:
    """Write `manifest.json`: every file below `folder` to its SHA-256. Returns it."""
    hashes = {
        path.relative_to(folder).as_posix(): file_sha256(path)
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != MANIFEST
    }
    (folder / MANIFEST).write_text(json.dumps(hashes, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    return hashes


def fsync_tree(folder: Path) -> None:
    """Push every file and folder below to the disk, so that a rename afterwards never shows an empty file."""
    for path in (*folder.rglob("*"), folder):
        if path.is_symlink() or (path.is_dir() and os.name == "nt"):
            continue
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


class Store:
    """A folder of finished results by content key.

    Args:
        root: where; by default `AUGMENT_STORE` or the user's cache folder.
        note: called with a sentence when something deserves a word: a wait, a damaged entry.
    """

    def __init__(self, root: Path | None = None, note: Callable[[str], None] = lambda message: None):
        self.root = root or default_root()
        self.note = note

    def get(self, key: str) -> Path | None:
        """The finished folder of that key, every file checked against its hash, or None.

        A damaged entry is named, removed, and so made again.
        """
        folder = self.root / "objects" / key
        if not folder.is_dir():
            return None
        damage = _damage(folder)
        if damage is None:
            return folder
        self.note(f"the stored result {folder} is damaged ({damage}) and will be made again")
        with disk_errors(folder, "removing a damaged entry"):
            doomed = self.root / "work" / f"{key}.damaged"
            shutil.rmtree(doomed, ignore_errors=True)
            doomed.parent.mkdir(parents=True, exist_ok=True)
            os.rename(folder, doomed)
            shutil.rmtree(doomed)
        return None

    @contextmanager
    def making(self, key: str, what: str) -> Iterator[Path]:
        """Hold the key while its result is made; the folder given keeps what a killed run left there."""
        with exclusive(self.root / "locks" / f"{key}.lock", what, wait=True, waiting=self.note):
            folder = self.root / "work" / key
            with disk_errors(folder, "making a work folder"):
                folder.mkdir(parents=True, exist_ok=True)
            try:
                yield folder
            finally:
                with suppress(OSError):  # nothing was left in it: the result was there already
                    folder.rmdir()

    def publish(self, key: str, built: Path) -> Path:
        """Give a finished folder its place, whole or not at all. Call it while holding the key."""
        place = self.root / "objects" / key
        with disk_errors(built, "publishing a result"):
            write_manifest(built)
            fsync_tree(built)
            place.parent.mkdir(parents=True, exist_ok=True)
            os.rename(built, place)
            shutil.rmtree(self.root / "work" / key, ignore_errors=True)
        return place

    @contextmanager
    def scratch(self) -> Iterator[Path]:
        """A temporary folder of this process's own; those of dead processes are cleared away."""
        parent = self.root / "scratch"
        with disk_errors(parent, "making a scratch folder"):
            parent.mkdir(parents=True, exist_ok=True)
            for old in parent.iterdir():
                if not _alive(old.name.partition("-")[0]):
                    shutil.rmtree(old, ignore_errors=True)
            folder = Path(tempfile.mkdtemp(prefix=f"{os.getpid()}-", dir=parent))
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def default_root() -> Path:
    """`AUGMENT_STORE`, else `augment` in the user's cache folder."""
    import platformdirs

    named = os.environ.get("AUGMENT_STORE")
    return Path(named).expanduser().absolute() if named else Path(platformdirs.user_cache_path("augment"))


def _damage(folder: Path) -> str | None:
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


def _alive(pid: str) -> bool:
    try:
        os.kill(int(pid), 0)
    except (ValueError, OverflowError, ProcessLookupError):
        return False
    except PermissionError:
        return True
    return True
