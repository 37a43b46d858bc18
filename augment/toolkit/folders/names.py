"""Names of files and class folders that are safe on every file system."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable

from augment.data import Dataset, Schema, as_labels

__all__ = ["class_folder", "file_names"]

MAX_LENGTH = 120  # characters of a folder name, well below what file systems allow (255 bytes)
PLAIN = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_. ")
# Windows keeps these for devices, with any ending
DEVICE = re.compile(r"^(con|prn|aux|nul|com[0-9]|lpt[0-9])(\.|$)", re.IGNORECASE)
# Hugging Face takes a folder with such a word in its name for a split
SPLIT_WORD = re.compile(
    r"(?<![^-._ 0-9])(train|training|validation|valid|dev|val|test|testing|eval|evaluation)(?![^-._ 0-9])",
    re.IGNORECASE,
)


def file_names(batch: Dataset, schema: Schema, folders: dict[str | None, str], start: int, ending: str) -> list[str]:
    """The path of each row's file: its number, in the folder of its class where the target has classes.

    Args:
        batch: the rows.
        schema: of all of them.
        folders: label to folder, filled in as labels are met.
        start: the number of the first row.
        ending: the file extension.
    """
    numbers = [f"{number:08d}{ending}" for number in range(start, start + len(batch))]
    if schema.task != "classes":
        return numbers
    labels = as_labels(batch.frame[schema.target])
    for label in set(labels) - set(folders):
        folders[label] = class_folder(label, schema.classes)
    return [f"{folders[label]}/{number}" for label, number in zip(labels, numbers, strict=True)]


def class_folder(label: str | None, classes: Iterable[str]) -> str:
    """A folder name for a label that is safe on every file system; different labels have different names.

    Capitals are escaped where only they tell two of the `classes` apart: some file systems do not see them. A name
    that would be too long ends in a hash of the label.

    >>> class_folder("tabby cat", ()), class_folder("../x", ()), class_folder("", ()), class_folder(None, ())
    ('tabby cat', '%2e.%2fx', '%empty', '%missing')
    >>> class_folder("-rf", ()), class_folder("a-b", ())
    ('%2drf', 'a-b')
    >>> class_folder("A", ("A", "B")), class_folder("A", ("A", "a"))
    ('A', '%41')
    """
    if label is None:
        return "%missing"  # no escape: these three cannot clash with any label's name
    if not label:
        return "%empty"
    alike = [other for other in classes if other.lower() == label.lower() and other != label]
    name = _escaped(label, bool(alike))
    if len(name) > MAX_LENGTH:
        digest = hashlib.sha256(label.encode()).hexdigest()
        return f"{name[: MAX_LENGTH // 2]}%hash-{digest[:40]}"
    return name


def _escaped(label: str, capitals: bool) -> str:
    forced = {match.start() for pattern in (DEVICE, SPLIT_WORD) for match in pattern.finditer(label)}
    # names that begin or end in dots, blanks or underscores are hidden, cut or skipped by one system or other
    # one that begins with a hyphen is taken for an option by commands such as `rm *`
    forced |= {0} if label[0] in "._ -" else set()
    forced |= {len(label) - 1} if label[-1] in ". " else set()
    return "".join(
        character
        if character in PLAIN and position not in forced and not (capitals and character.isupper())
        else "".join(f"%{byte:02x}" for byte in character.encode("utf-8"))
        for position, character in enumerate(label)
    )
