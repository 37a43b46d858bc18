"""Stamps of files: a cheap way to see that nothing in them was changed, without reading them."""

from __future__ import annotations

import hashlib
import json
import os
import stat
import time
from collections.abc import Iterable
from pathlib import Path

__all__ = ["stamp"]

# A file that is written twice within one tick of the file system's clock keeps its times: FAT has the coarsest, 2 s.
SETTLED_NS = 2_000_000_000


def stamp(paths: Iterable[Path]) -> str | None:
    """SHA-256 of the sizes, times and inodes of files, and of all files in folders, by their paths.

    Equal stamps mean equal content: a program can set the time of the last change of content back (`mtime`), not that
    of the last change of the inode (`ctime`).

    Returns:
        The digest in hexadecimal; None where no such claim can be made: a path is missing, neither file nor folder, or
        was changed less than two seconds ago; a folder holds a link to a folder; or on Windows, which has no `ctime`.
    """
    if os.name == "nt":
        return None
    digest, now = hashlib.sha256(), time.time_ns()
    todo = [os.path.realpath(path) for path in paths]
    while todo:
        place = todo.pop()
        try:
            facts = os.stat(place)
            entries: list[str] = []
            if stat.S_ISDIR(facts.st_mode):
                if os.path.islink(place):
                    return None
                entries = sorted(os.listdir(place))
            elif not stat.S_ISREG(facts.st_mode):
                return None
        except OSError:
            return None
        if max(facts.st_mtime_ns, facts.st_ctime_ns) > now - SETTLED_NS:
            return None
        identity = [facts.st_dev, facts.st_ino, facts.st_size, facts.st_mtime_ns, facts.st_ctime_ns]
        digest.update(json.dumps([place, entries, *identity]).encode("utf-8", "surrogateescape") + b"\n")
        todo += [os.path.join(place, entry) for entry in entries]
    return digest.hexdigest()
