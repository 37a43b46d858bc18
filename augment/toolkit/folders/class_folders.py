"""Files in a folder for each class: their names and labels."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from augment.errors import DataError
from augment.toolkit.folders import metadata
from augment.toolkit.folders.kinds import FileKind

__all__ = ["Listing", "find_table", "is_silent", "list_class_folders", "shown"]

logger = logging.getLogger("augment")

# what folders are called after what they hold, whatever that is, and not after a class
OF_PARTS = frozenset(
    {"label", "labels", "annotations", "train", "training", "val", "valid", "validation", "test", "testing"}
)
LEFT_BY_SYSTEMS = frozenset({"Thumbs.db", ".DS_Store", "desktop.ini", "__MACOSX", ".ipynb_checkpoints"})


@dataclass
class Listing:
    """What lies in a folder: names relative to it, sorted, and the frame with a row for each."""

    names: list[str] = field(default_factory=list)
    frame: pd.DataFrame = field(default_factory=pd.DataFrame)
    num_others: int = 0
    num_links: int = 0


def list_class_folders(root: Path, label: str, kind: FileKind) -> Listing:
    """The files of a folder, with the names of their folders as the column `label`; without, if all lie in `root`.

    Raises:
        DataError: there are no such files, or some that have no label.
    """
    listing = Listing()
    top = root.resolve()
    loose: list[str] = []
    deep: list[str] = []
    labelled: list[tuple[str, str]] = []
    for entry in _entries(root, top, listing):
        if entry.is_file():
            if kind.is_one(entry.name):
                loose.append(entry.name)
            else:
                listing.num_others += 1
        elif entry.is_dir():
            _check_label(root, entry.name)
            for inner in _entries(Path(entry.path), top, listing):
                name = f"{entry.name}/{inner.name}"
                if inner.is_dir():
                    deep += [f"{name}/{file}" for file in _files_below(Path(inner.path), kind)]
                elif inner.is_file() and kind.is_one(inner.name):
                    labelled.append((name, entry.name))
                else:
                    listing.num_others += 1
    if deep:
        raise DataError(
            f"{root}: {len(deep)} {kind.many} lie deeper than one folder, such as {shown(min(deep))}; point `path` at "
            f"the folder whose sub-folders are the classes, or write a {metadata.NAME}"
        )
    if loose and not labelled:
        listing.names = sorted(loose)
        listing.frame = pd.DataFrame(index=pd.RangeIndex(len(loose)))
        return listing
    if loose:
        raise DataError(
            f"{root}: {len(loose)} {kind.many} lie beside the class folders, such as {shown(min(loose))}, and have no "
            f"label; move them into class folders, or write a {metadata.NAME} with `{metadata.FILE_NAME}` and "
            f"`{label}`"
        )
    if not labelled:
        raise DataError(
            f"{root}: no {kind.many} found; one sub-folder a class is expected, with files that end in "
            f"{', '.join(sorted(kind.suffixes))}, or a {metadata.NAME}"
        )
    folders = sorted({folder for _, folder in labelled})
    if all(_is_no_class(folder, kind) for folder in folders):
        raise DataError(
            f"{root}: {' and '.join(map(repr, folders))} says what lies there, and not of which class it is; point "
            f"`path` at the folder of the {kind.many}, such as {root / folders[0]}, where they need no labels, or "
            f"write a {metadata.NAME} with `{metadata.FILE_NAME}` and `{label}`"
        )
    labelled.sort()
    listing.names = [name for name, _ in labelled]
    listing.frame = pd.DataFrame({label: pd.Series([folder for _, folder in labelled], dtype="str")})
    return listing


def find_table(root: Path, kind: FileKind, depth: int = 0) -> dict[str, str]:
    """The settings `table`, `file_name` and `label` for the CSV file that names the files of a folder, where folders
    are no classes: all files lie in one, or in such as `train` and `images`. Empty where there is none.

    Args:
        root: the folder.
        kind: what the files are.
        depth: how many folders deep such a file may lie.

    Raises:
        DataError: there are several, it has no header, or the only CSV files cannot be read, or name other files.
    """
    called = metadata.files_called(root, kind)
    folders = {path.partition("/")[0] if "/" in path else "" for paths in called.values() for path in paths}
    if (root / metadata.NAME).is_file() or len({name for name in folders if not _is_no_class(name, kind)}) > 1:
        return {}
    found, problems = [], []
    patterns = [f"{'*/' * level}*{ending}" for level in range(depth + 1) for ending in (".csv", ".tsv")]
    for path in sorted(path for pattern in patterns for path in root.glob(pattern)):
        try:
            (header, *rows), _ = metadata.records(path, kind)
        except DataError as error:
            problems.append(str(error))
            continue
        for place, name in enumerate(header if len(header) > 1 else ()):
            cells = [row[place] for row in rows]
            if sum(cell.rpartition("/")[2].casefold() in called for cell in cells) < max(1, len(rows) / 2):
                if sum(map(kind.is_one, cells)) > len(rows) / 2:
                    problems.append(f"{path}: names {kind.many} that are not below {root}, such as {cells[-1]!r}")
                continue
            if name.casefold() in called:
                raise DataError(
                    f"{path}: begins with {name!r}, which is {kind.a}; write a line with names of columns first"
                )
            others = [other for other in header if other != name]
            settings = {"table": path.relative_to(root).as_posix(), "file_name": name}
            found.append({**settings, **({"label": others[0]} if len(others) == 1 else {})})
            break
    likely = [one for one in found if one["table"].casefold().startswith(("label", "train"))]
    if len(found) > 1 and len(likely) == 1:
        logger.warning(
            "%s: labels are read from %s; other CSV files name %s, too", root.name, likely[0]["table"], kind.many
        )
        return likely[0]
    if len(found) > 1:
        raise DataError(
            f"{root}: {' and '.join(one['table'] for one in found)} name {kind.many}, and one is read; move the others "
            f"away, or say `table: {found[0]['table']}` in a pipeline"
        )
    if problems and not found:
        raise DataError(f"{problems[0]}; mend the file if it has the labels of the {kind.many}, else move it away")
    return found[0] if found else {}


def _entries(folder: Path, top: Path, listing: Listing) -> Iterator[os.DirEntry[str]]:
    """What lies in a folder, without what systems leave behind and links that lead out of `top`."""
    with os.scandir(folder) as entries:
        for entry in entries:
            if is_silent(entry.name):
                continue
            if _is_hidden(entry):
                logger.info("%s: the hidden folder %s is left out", folder, shown(entry.name))
                continue
            if entry.is_symlink() and not Path(entry.path).resolve().is_relative_to(top):
                listing.num_links += 1
            else:
                yield entry


def _files_below(folder: Path, kind: FileKind) -> list[str]:
    return [
        Path(parent, file).relative_to(folder).as_posix()
        for parent, _, files in os.walk(folder)
        for file in files
        if kind.is_one(file) and not is_silent(file)
    ]


def is_silent(name: str) -> bool:
    """Whether systems leave such files behind, which need no mention."""
    return name in LEFT_BY_SYSTEMS or name.startswith("._")  # macOS leaves ._x beside x on foreign disks


def _is_no_class(folder: str, kind: FileKind) -> bool:
    return folder.casefold() in OF_PARTS | kind.folders


def _is_hidden(entry: os.DirEntry[str]) -> bool:
    """Whether it is a folder that programs hide, such as `.cache`, and no class."""
    return entry.is_dir() and entry.name[0] == "." and entry.name[:2] != ".."


def _check_label(root: Path, name: str) -> None:
    try:
        name.encode("utf-8")
    except UnicodeEncodeError as error:
        raise DataError(f"{root}: the folder name {shown(name)} is not UTF-8 and can be no label; rename it") from error


def shown(name: str) -> str:
    """A file name as text, whatever bytes it has."""
    return name.encode("utf-8", "backslashreplace").decode("utf-8")
