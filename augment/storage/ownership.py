"""Which files in a run's folder are the user's: those that the run did not write, and those changed since."""

from __future__ import annotations

import json
from collections.abc import Collection
from pathlib import Path
from typing import Any

from augment.storage.hashes import file_sha256

__all__ = ["files_of_others", "json_text"]


def json_text(content: Any, default: Any = None) -> str:
    """How the JSON files of a run are written."""
    return _indented(content, default) + "\n"


def _indented(content: Any, default: Any) -> str:
    """As `json.dumps` with `indent=1`, which goes through the millions of numbers of a split one by one in Python."""
    if isinstance(content, dict) and content and all(isinstance(name, str) for name in content):
        names = (json.dumps(name, ensure_ascii=False) for name in content)
        values = (_indented(value, default).replace("\n", "\n ") for value in content.values())
        items = (f" {name}: {value}" for name, value in zip(names, values, strict=True))
        return "{\n" + ",\n".join(items) + "\n}"
    if isinstance(content, list) and set(map(type, content)) == {int}:
        return "[\n " + json.dumps(content, separators=(",\n ", ": "))[1:-1] + "\n]"
    return json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False, default=default)


def files_of_others(folder: Path, manifest: str, unhashed: Collection[str]) -> list[str]:
    """The files below a run's folder that must not be deleted with it, as paths relative to the folder, sorted.

    A file is the run's own if it has the SHA-256 that the run's manifest gives for it. Links are followed to files,
    which stay when a link goes, but not to folders. Empty folders belong to nobody.

    Args:
        folder: of the run.
        manifest: name of the JSON file with the hashes under `files`. If it is damaged, nothing is known to be the
            run's.
        unhashed: names of JSON files without a hash, the manifest among them: they are the run's own if they are
            formatted as a run does it.

    Raises:
        OSError: a file or folder cannot be read.
    """
    try:
        hashes = dict(json.loads((folder / manifest).read_text(encoding="utf-8"))["files"])
    except (ValueError, KeyError, TypeError):
        hashes, unhashed = {}, ()
    own = {name for name in hashes if (folder / name).is_file() and file_sha256(folder / name) == hashes[name]}
    own |= {name for name in unhashed if _is_formatted(folder / name)}
    # listed last, so that files which came while the others were read are seen
    listed = (path for path in folder.rglob("*") if path.is_symlink() or not path.is_dir())
    return sorted({path.relative_to(folder).as_posix() for path in listed} - own)


def _is_formatted(path: Path) -> bool:
    try:
        text = path.read_text(encoding="utf-8")
        return text == json_text(json.loads(text))
    except (FileNotFoundError, ValueError):
        return False
