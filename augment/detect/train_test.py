"""Pairs of a training part and a test part that lie in one folder, by their names."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from augment.detect.formats import collected_notes, find_source
from augment.errors import DataError
from augment.plugin.catalog import Catalog

__all__ = ["find_pair"]

TRAIN = re.compile(r"(?<![a-z])train(ing)?(?![a-z])", re.IGNORECASE)
TEST = ("test", "testing", "val", "valid", "validation", "dev")  # the first that is there


def find_pair(folder: Path, catalog: Catalog) -> tuple[Path, Path] | None:
    """The training part and the test part of a dataset: `train.csv` and `test.csv`, `Gun_TRAIN.ts` and `Gun_TEST.ts`,
    or folders `train` and `test` with a folder for each class.

    Folders without folders in them are no pair, as they may be the classes.

    Returns:
        Both paths, or None if there is no pair that an installed source can read.

    Raises:
        DataError: there are several pairs.
    """
    if not folder.is_dir():
        return None
    pairs = [pair for pair in _pairs(folder) if _readable(pair[0], catalog)]
    stems = {pair[0].name.partition(".")[0] for pair in pairs}
    if len(stems) > 1:
        listed = "; ".join(f"{train.name} and {test.name}" for train, test in pairs)
        raise DataError(f"{folder}: several files may be the training part: {listed}; name the one file")
    return pairs[0] if pairs else None  # of a dataset in several formats, the first by name


def _pairs(folder: Path) -> Iterator[tuple[Path, Path]]:
    entries = {path.name.casefold(): path for path in sorted(folder.iterdir()) if not path.name.startswith(".")}
    for name, train in entries.items():
        for word in TRAIN.finditer(name):
            others = (entries.get(name[: word.start()] + test + name[word.end() :]) for test in TEST)
            test = next(filter(None, others), None)
            if test is not None and train.is_dir() == test.is_dir() and _is_part(train) and _is_part(test):
                yield train, test


def _is_part(path: Path) -> bool:
    return path.is_file() or any(inner.is_dir() for inner in path.iterdir())


def _readable(path: Path, catalog: Catalog) -> bool:
    try:
        with collected_notes():  # they are shown when it is read
            return bool(find_source(path, catalog))
    except DataError:
        return False
