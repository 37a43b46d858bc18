"""The files of a folder with what is known of each: from class folders, or from a CSV file that names them."""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import pandas as pd

from augment.data import SchemaDeclaration
from augment.errors import DataError, DiskError
from augment.toolkit.folders import metadata
from augment.toolkit.folders.class_folders import Listing, is_silent, list_class_folders
from augment.toolkit.folders.kinds import FileKind

__all__ = ["check_folder", "list_files", "report_bad"]

logger = logging.getLogger("augment")

MAX_LISTED = 10


def check_folder(root: Path, kind: FileKind) -> None:
    """Refuse a path that is not a folder.

    Raises:
        DataError: there is nothing, or a file.
    """
    if not root.exists():
        raise DataError(f"{root}: there is no such folder; `path` must name one with class folders or a metadata.csv")
    if not root.is_dir():
        raise DataError(f"{root} is a file; `path` must name the folder that holds the {kind.many}")


def list_files(
    root: Path, label: str, table: str | None, file_name: str, declared: SchemaDeclaration, kind: FileKind
) -> Listing:
    """The files of a folder: those that a CSV file names, or those of its class folders.

    Args:
        root: the folder.
        label: name of the column that class folders become.
        table: the CSV file in it; `metadata.csv` where there is one if not given.
        file_name: its column with the names of the files.
        declared: the pipeline's `schema:` section.
        kind: what the files are.

    Raises:
        DataError: there is no such folder, it holds no such files, or the CSV file is wrong.
        DiskError: it cannot be read.
    """
    check_folder(root, kind)
    try:
        if table or (root / metadata.NAME).is_file():
            listing = _described(root, table or metadata.NAME, file_name, label, declared, kind)
        else:
            listing = list_class_folders(root, label, kind)
    except OSError as error:
        raise DiskError(f"{root} cannot be read: {error}") from error
    if listing.num_others:
        logger.info("%s: %d files that are not %s (or not in use) are left out", root, listing.num_others, kind.many)
    if listing.num_links:
        logger.info("%s: %d links that leave the folder are not followed", root, listing.num_links)
    return listing


def _described(
    root: Path, table: str, file_name: str, label: str, declared: SchemaDeclaration, kind: FileKind
) -> Listing:
    """What a CSV file says; with nothing but file names, labels come from the folders all the same."""
    names, frame = metadata.read(root, declared, table, file_name, kind)
    if not names:
        raise DataError(f"{root / table} names no {kind.many}; one line for each {kind.one} is expected")
    if not len(frame.columns):
        parents = [name.rsplit("/", 1)[0] if "/" in name else "" for name in names]
        if "" in parents:
            raise DataError(
                f"{root / table} has no column but `{file_name}`, and {kind.many} do not lie in class folders; add a "
                f"column, such as `{label}`"
            )
        frame = pd.DataFrame({label: pd.Series(parents, dtype="str")})
    used = {os.path.normpath(name) for name in names} | {os.path.normpath(table)}
    num_others = sum(
        os.path.relpath(os.path.join(folder, file), root) not in used
        for folder, _, files in os.walk(root)
        for file in files
        if not is_silent(file)
    )
    return Listing(names, frame, num_others)


def report_bad(
    root: Path, bad: Sequence[str], num_files: int, on_bad: Literal["fail", "skip"], setting: str, kind: FileKind
) -> None:
    """Refuse files that cannot be used, or say that they are left out.

    Args:
        root: the folder.
        bad: a line for each of them.
        num_files: how many there are, good ones included.
        on_bad: what the user wants.
        setting: the name of that setting.
        kind: what the files are.

    Raises:
        DataError: there are bad files, and they are not to be skipped; or there are no others.
    """
    if not bad:
        return
    more = f"\n... and {len(bad) - MAX_LISTED} more" if len(bad) > MAX_LISTED else ""
    listed = "\n".join(bad[:MAX_LISTED]) + more
    if on_bad == "fail":
        raise DataError(
            f"{root}: {len(bad)} of {num_files} {kind.many} cannot be used; mend or remove them, or say "
            f"`{setting}: skip` to go on without them:\n{listed}"
        )
    if len(bad) == num_files:
        raise DataError(f"{root}: none of the {num_files} {kind.many} can be used:\n{listed}")
    said = listed.replace("\n", "; ")
    logger.warning(
        "%s: %d of %d %s cannot be used and are left out: %s", root.name, len(bad), num_files, kind.many, said
    )
