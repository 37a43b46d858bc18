"""What makes files safe: written whole or not at all, by one process at a time, and its errors told in words.

Whatever is made for a place lies beside it under a hidden name until it is whole, `.NAME.draft`. A lock is a file held
with the system's own means, which frees it when its holder dies; process ids are only for messages, since those of
containers repeat.
"""

from __future__ import annotations

import ctypes
import errno
import os
import shutil
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from augment.errors import DiskError, LockedError

__all__ = [
    "DRAFT",
    "clear",
    "copy_tree",
    "disk_errors",
    "draft",
    "exclusive",
    "is_disk_fault",
    "lock_path",
    "publish",
    "remove",
    "taken",
    "whole",
]

DRAFT = ".draft"
SIGN_OF_LIFE = 15.0  # seconds between two of a process that holds a lock which others wait for
MAX_SILENCE = 600.0  # seconds without one after which nobody waits any longer
REMINDER = 60.0  # seconds between two messages of a process that waits
MANY = 500  # files from which on one flush of a whole file system takes less time than one of each
# what a disk answers when nobody's code is at fault: full, broken, or not to be written
FAULTS = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EROFS, errno.EACCES, errno.EPERM}


# errors


@contextmanager
def disk_errors(path: Path | None, doing: str) -> Iterator[None]:
    """Turn an operating system's error into a DiskError that says what was being done, and where.

    `path` is named where the error names none.
    """
    try:
        yield
    except BrokenPipeError:  # whoever reads our output has had enough of it
        raise
    except OSError as error:
        # what goes wrong in a draft, goes wrong in the place that the user knows
        named = error.filename2 or error.filename or path
        where = f"{_final_path(Path(os.fsdecode(named)))}: " if isinstance(named, str | bytes | os.PathLike) else ""
        remedy = "; once that is mended, the same command goes on where it was" if is_disk_fault(error) else ""
        raise DiskError(f"{where}{doing} failed: {error.strerror or error}{remedy}") from error


def is_disk_fault(error: OSError) -> bool:
    """Whether the disk is at fault, and not who asked it for something."""
    # numpy and pillow say it in words of their own where a write falls short
    in_words = error.errno is None and any(word in str(error) for word in ("requested and", "encoder error"))
    return error.errno in FAULTS or in_words


# whole or not at all


@contextmanager
def draft(place: Path) -> Iterator[Path]:
    """Hold a place, and lend a folder beside it to make in what is to be published there; it is gone afterwards.

    Raises:
        LockedError: another process holds the place.
    """
    with taken(place, patience=1.0):
        hidden = _draft_path(place)
        try:
            with disk_errors(place, "making it"):
                clear(place)
                hidden.mkdir()
            yield hidden
        finally:
            remove(hidden)


@contextmanager
def whole(place: Path) -> Iterator[Path]:
    """A path to write a new folder or a file to, which gets its place when the block ends well, and is gone otherwise.

    It is for what one run writes for itself: nobody holds the place, and nothing is pushed to the disk as by `publish`.
    """
    hidden = _draft_path(place)
    remove(hidden)
    place.parent.mkdir(parents=True, exist_ok=True)
    try:
        yield hidden
        os.replace(hidden, place)
    except BaseException:
        remove(hidden)
        raise


def clear(place: Path) -> None:
    """Clear away what a killed process left beside this place. To be called while it is taken."""
    _put_back(place)
    remove(_draft_path(place))


def _draft_path(place: Path) -> Path:
    return place.with_name(f".{place.name}{DRAFT}")


def _final_path(path: Path) -> Path:
    """The same path with every draft under the name that it is to have."""
    return Path(*(part[1 : -len(DRAFT)] if part[:1] == "." and part.endswith(DRAFT) else part for part in path.parts))


def publish(built: Path, place: Path, replace: bool = False) -> None:
    """Give what was made its place, whole or not at all.

    With `replace` a folder that stands there is gone afterwards. On Linux the old or the new one is whole at every
    instant; where two folders cannot change places in one step, the old one is moved aside for a moment, and
    `clear` returns it after a kill.

    Raises:
        OSError: among others where a folder with something in it stands there, and is not to be replaced.
    """
    _flush(built)
    if replace and place.is_dir():
        _exchange(built, place)
    else:
        os.replace(built, place)
    _flush_one(place.parent)


def copy_tree(source: Path, place: Path, without: str = "") -> None:
    """Copy a folder, but no file of the name `without`. (`shutil.copytree` raises a list of errors as one.)"""
    place.mkdir()
    for path in sorted(source.rglob("*")):  # a folder comes before what is in it
        target = place / path.relative_to(source)
        if path.is_dir():
            target.mkdir()
        elif path.name != without:
            shutil.copyfile(path, target)


def remove(path: Path) -> None:
    """Remove a file or folder if it is there, as far as that is possible."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(OSError):
            path.unlink()


def _put_back(place: Path) -> None:
    """Bring back what was moved aside from here, where nothing took its place: the process was killed in between."""
    aside = _aside(place)
    if not aside.is_dir():
        return
    if place.exists():
        remove(aside)
    else:
        os.rename(aside, place)


def _exchange(new: Path, old: Path) -> None:
    """Swap two folders, and remove the old one."""
    libc: Any = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None
    if hasattr(libc, "renameat2"):
        here, exchange = -100, 2  # AT_FDCWD, RENAME_EXCHANGE
        if libc.renameat2(here, os.fsencode(new), here, os.fsencode(old), exchange) == 0:
            remove(new)
            return
    aside = _aside(old)
    remove(aside)
    os.rename(old, aside)
    try:
        os.rename(new, old)
    finally:
        _put_back(old)


def _aside(place: Path) -> Path:
    return place.with_name(f".{place.name}.replaced")


def _flush(root: Path) -> None:
    """Push a file, or every file and folder below, to the disk: a rename afterwards never shows an empty file."""
    paths = [path for path in (*root.rglob("*"), root) if not path.is_symlink()]
    if len(paths) >= MANY and _flush_file_system(root):
        return
    for path in paths:
        _flush_one(path)


def _flush_file_system(path: Path) -> bool:
    """Push all that waits for the disk of this path to it; false where the system has no such call (Linux alone has).

    From Linux 5.8 on it also tells of what could not be written.
    """
    libc: Any = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None
    if not hasattr(libc, "syncfs"):
        return False
    handle = os.open(path, os.O_RDONLY)
    try:
        if libc.syncfs(handle):
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number), str(path))
    finally:
        os.close(handle)
    return True


def _flush_one(path: Path) -> None:
    if path.is_dir() and os.name == "nt":  # folders cannot be opened there
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


# one process at a time


@contextmanager
def exclusive(
    lock_file: Path,
    what: str,
    wait: bool,
    waiting: Callable[[str], None] = lambda message: None,
    patience: float = 0.0,
) -> Iterator[None]:
    """Hold a lock that the system frees when this process dies.

    Args:
        lock_file: the file that stands for the lock. It holds its holder's process id, and is gone afterwards.
        what: named in messages.
        wait: wait for another holder as long as it gives signs of life, or refuse at once.
        waiting: called with a message before waiting, and now and then meanwhile.
        patience: seconds before that: somebody may just be clearing away what a killed process left.

    Raises:
        LockedError: another process holds it, and `wait` is false or that process is silent.
    """
    lock = FileLock(lock_file)
    try:
        with disk_errors(lock_file, "taking the lock"):
            lock_file.parent.mkdir(parents=True, exist_ok=True)
            try:
                lock.acquire(timeout=patience)
            except Timeout:
                holder = _holder(lock_file)
                if not wait:
                    raise LockedError(
                        f"{what} is held by another run (process {holder}); wait for it or stop it"
                    ) from None
                waiting(f"{what} is being made by another run (process {holder}); waiting for it")
                _wait(lock, lock_file, what, waiting)
            lock_file.write_text(str(os.getpid()))
        with _signs_of_life(lock_file) if wait else nullcontext():
            yield
    finally:
        if lock.is_locked:
            with suppress(OSError):  # whoever waits for the removed file sees that, and takes the next one
                lock_file.unlink()
            lock.release()


def _wait(lock: FileLock, lock_file: Path, what: str, waiting: Callable[[str], None]) -> None:
    """Take a lock as soon as its holder gives it back."""
    began = said = heard = time.monotonic()
    last = _changed(lock_file)
    while True:
        with suppress(Timeout):
            lock.acquire(timeout=min(1.0, MAX_SILENCE))
            return
        now, changed = time.monotonic(), _changed(lock_file)
        if changed != last:
            last, heard = changed, now
        if now - heard >= MAX_SILENCE:
            raise LockedError(
                f"{what} is held by another run (process {_holder(lock_file)}), which has given no sign of life for "
                f"{now - heard:.0f} seconds: it is suspended, or hangs; end it, and repeat this command"
            )
        if now - said >= REMINDER:
            said = now
            holder = _holder(lock_file)
            waiting(f"{what} is still being made by another run (process {holder}), after {now - began:.0f} seconds")


def _changed(lock_file: Path) -> int:
    try:
        return lock_file.stat().st_mtime_ns
    except OSError:  # it is just changing hands
        return 0


@contextmanager
def _signs_of_life(lock_file: Path) -> Iterator[None]:
    """Inside, a lock's file shows those who wait that this process goes on."""
    ended = threading.Event()

    def give() -> None:
        while not ended.wait(SIGN_OF_LIFE):
            with suppress(OSError):
                os.utime(lock_file)

    thread = threading.Thread(target=give, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


@contextmanager
def taken(place: Path, patience: float = 0.0) -> Iterator[None]:
    """Hold a place where something is to be published, or raise LockedError where another process does."""
    with exclusive(lock_path(place), f"{place}", wait=False, patience=patience):
        yield


def lock_path(place: Path) -> Path:
    """The file that is locked while something is made for a place."""
    return place.with_name(f".{place.name}.lock")


def _holder(lock_file: Path) -> str:
    try:
        return lock_file.read_text().strip() or "unknown"
    except OSError:  # it is just giving it back
        return "unknown"
