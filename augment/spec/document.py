"""A pipeline as plain data that knows where each part was written: read from a file, or made in Python."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from augment.errors import Problem, SpecError, did_you_mean
from augment.spec.messages import KeyPath, show_key_path, show_value
from augment.spec.yaml_reader import IMPOSSIBLE, MAX_DEPTH, MAX_VALUES, parse
from augment.toolkit.yaml_text import dump

__all__ = ["Document", "from_mapping", "list_names", "read"]

MAX_BYTES = 500_000


@dataclass
class Document:
    """A tree of plain data, and where each part of it was written.

    Attributes:
        tree: dict, list, str, int, float, bool and None, nested; all keys are text.
        file: how messages name the file; empty where there is none.
        text: the file as it was given.
        places: key path to (file or override, line), for all that was written; line 0 means none.
    """

    tree: dict[str, Any]
    file: str = ""
    text: str = ""
    places: dict[KeyPath, tuple[str, int]] = field(default_factory=dict)

    def problem(self, key_path: KeyPath, message: str) -> Problem:
        """A problem at that place, or where the nearest part around it was written; that of a file is its line 1."""
        known = next((key_path[:end] for end in range(len(key_path), 0, -1) if key_path[:end] in self.places), ())
        file, line = self.places.get(known, (self.file, int(bool(self.text and self.file))))
        return Problem(message, show_key_path(key_path), file, line)


def read(path: Path, name: str = "") -> Document:
    """Read a pipeline file.

    Args:
        path: the file.
        name: how messages call it; the path when not given.

    Raises:
        SpecError: it is missing, too large, not UTF-8, not YAML, or uses what pipeline files may not.
    """
    name = name or str(path)
    try:
        with path.open("rb") as file:
            blob = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        near = did_you_mean(path.name, list_names(path.parent))
        raise SpecError(Problem(f"there is no such file{near}", file=name)) from None
    except IsADirectoryError:
        raise SpecError(Problem("this is a folder; a pipeline is a YAML file", file=name)) from None
    except (OSError, ValueError) as error:
        raise SpecError(Problem(f"cannot be read: {getattr(error, 'strerror', None) or error}", file=name)) from error
    text = _decode(blob, name)
    tree, places, problems = parse(text, name)
    if problems:
        raise SpecError(problems)
    if tree is None:
        raise SpecError(Problem("the file is empty; a pipeline has at least `source:` and `generators:`", file=name))
    if not isinstance(tree, dict):
        message = f"the file holds {show_value(tree)}; expected keys such as `source:` and `generators:`"
        raise SpecError(Problem(message, file=name, line=1))
    return Document(tree, name, text, places)


def from_mapping(mapping: Mapping[Any, Any]) -> Document:
    """A document from data made in Python: paths, tuples and numpy numbers become plain.

    Raises:
        SpecError: a value is of a type that YAML cannot hold.
    """
    problems: list[Problem] = []
    budget = iter(range(MAX_VALUES))

    def plain(value: Any, key_path: KeyPath) -> Any:
        if next(budget, None) is None or len(key_path) > MAX_DEPTH:
            raise SpecError(
                f"the pipeline is larger than {MAX_VALUES:,} values or nested deeper than {MAX_DEPTH} levels"
            )
        if isinstance(value, np.generic):
            value = value.item()
        if isinstance(value, Mapping):
            return {str(key): plain(item, (*key_path, str(key))) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [plain(item, (*key_path, position)) for position, item in enumerate(value)]
        if isinstance(value, Path):
            value = str(value)
        if isinstance(value, float) and not math.isfinite(value):
            problems.append(document.problem(key_path, f"expected a finite number, got {value}"))
        elif isinstance(value, str) and IMPOSSIBLE.search(value):
            problems.append(
                document.problem(key_path, f"expected text, got characters that text cannot hold: {value!r}")
            )
        elif not (value is None or isinstance(value, str | int | float | bool)):
            kind = type(value).__name__
            problems.append(document.problem(key_path, f"expected text, a number, a list or a mapping, got {kind}"))
        else:
            return value
        return None

    document = Document({})
    document.tree = plain(mapping, ())
    if problems:
        raise SpecError(problems)
    document.text = dump(document.tree)
    return document


def list_names(folder: Path) -> list[str]:
    """The names in a folder, for hints; none where it cannot be read."""
    try:
        return [entry.name for entry in folder.iterdir()]
    except OSError:
        return []


def _decode(blob: bytes, name: str) -> str:
    if len(blob) > MAX_BYTES:
        raise SpecError(Problem(f"the file is larger than {MAX_BYTES // 1000:,} kB; is it a pipeline?", file=name))
    if blob.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise SpecError(Problem("the file is UTF-16; save it as UTF-8", file=name))
    if b"\0" in blob:
        raise SpecError(Problem("this is a binary file; a pipeline is a YAML file", file=name))
    try:
        return blob.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = blob.count(b"\n", 0, error.start) + 1
        what = f"byte {error.start} (0x{blob[error.start]:02x}) is not UTF-8; save the file as UTF-8"
        raise SpecError(Problem(what, file=name, line=line)) from None
