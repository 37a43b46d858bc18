"""What the names of recordings say, such as `7_jackson_32.wav`: the settings for them, and their columns.

Shapes: N files.
"""

from __future__ import annotations

import os
import re
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from augment.data import SchemaDeclaration
from augment.errors import DataError
from augment.toolkit.folders.metadata import typed

__all__ = ["columns_of", "fields_of", "guess_pattern", "recurs"]

FIELD = re.compile(r"\{([^{}]*)\}")
MAX_LISTED = 5
MIN_FILES = 10  # from which names that look alike are no chance
RECURRING = 0.5  # share of the classes in which a value occurs, over all rows


def check_pattern(pattern: str) -> str:
    """Refuse a pattern without names in braces, with one twice, or with two that nothing divides."""
    fields = fields_of(pattern)
    if not fields or re.search(r"[{}]", FIELD.sub("", pattern)):
        raise ValueError("names of columns in braces are expected, as in `{label}_{speaker}_{take}`")
    if doubled := next((name for name in fields if name and fields.count(name) > 1), None):
        raise ValueError(f"{{{doubled}}} is there twice")
    if "}{" in pattern:
        raise ValueError("something must divide two names, as `_` does in `{label}_{speaker}`")
    return pattern


def fields_of(pattern: str) -> list[str]:
    """The names in braces, in order; a part that is not read has an empty one.

    >>> fields_of("{label}_{}_{take}")
    ['label', '', 'take']
    """
    return FIELD.findall(pattern)


def _compiled(pattern: str) -> re.Pattern[str]:
    """A part holds none of the signs that divide parts, so that a name fits in one way only."""
    signs = "".join(sorted({sign for sign in FIELD.sub("", pattern) if not sign.isalnum()} | {"/"}))
    part = f"([^{re.escape(signs)}]+)"
    return re.compile(part.join(re.escape(text) for text in FIELD.split(pattern)[::2]))


def columns_of(root: Path, names: Sequence[str], pattern: str, label: str, declared: SchemaDeclaration) -> pd.DataFrame:
    """The columns that the names of files hold, N rows. The label is text, whatever it looks like.

    Args:
        root: the folder.
        names: paths below it, (N,).
        pattern: of their names without the ending; of their paths, if there is a `/` in it.
        label: the column of labels.
        declared: the pipeline's `schema:` section.

    Raises:
        DataError: a name does not fit.
    """
    expression, rows, others = _compiled(pattern), [], []
    for name in names:
        stem = os.path.splitext(name if "/" in pattern else name.rpartition("/")[2])[0]
        match = expression.fullmatch(stem)
        rows.append(match.groups() if match else ())
        if not match:
            others.append(name)
    if others:
        listed = ", ".join(map(repr, others[:MAX_LISTED])) + (" and others" if len(others) > MAX_LISTED else "")
        raise DataError(
            f"{root}: {len(others)} of {len(names)} recordings are not called `{pattern}`: {listed}; rename or move "
            "them, or write a metadata.csv with `file_name` and the columns"
        )
    columns = {}
    for place, column in enumerate(fields_of(pattern)):
        if not column:
            continue
        values = [row[place] for row in rows]
        said = declared.columns.get(column)
        is_text = column == label or (said is not None and said.type is not None)
        columns[column] = pd.Series(values, dtype="str") if is_text else typed(values)
    return pd.DataFrame(columns, index=pd.RangeIndex(len(names)))


def guess_pattern(names: Sequence[str], label: str, has_labels: bool) -> str | None:
    """A pattern that all names fit, if they look as if they were made by one; else None.

    The first part is the label where folders say none. A last part of numbers is the take, and a part that recurs in
    most classes is the speaker, or whatever else the classes have in common.

    Args:
        names: paths of the files, (N,).
        label: the name of the column of labels.
        has_labels: whether their folders are the classes.
    """
    if len(names) < MIN_FILES:
        return None
    stems = [os.path.splitext(name.rpartition("/")[2])[0] for name in names]
    for sign in "_-":
        rows = [stem.split(sign) for stem in stems]
        num_parts = len(rows[0])
        if num_parts < 2 or any(len(row) != num_parts or not all(row) for row in rows):
            continue
        columns = list(zip(*rows, strict=True))
        labels = [name.split("/")[0] for name in names] if has_labels else columns[0]
        if not 2 <= len(set(labels)) <= len(names) // 2:
            return None
        first = 0 if has_labels else 1
        last = num_parts - (1 if all(part.isdigit() for part in columns[-1]) else 0)
        fields = [label] * first + [f"part_{place + 1}" for place in range(first, last)] + ["take"] * (num_parts - last)
        group = next((place for place in range(first, last) if recurs(columns[place], labels)), None)
        if group is None and has_labels:
            return None  # nothing that is worth a column
        if group is not None:
            fields[group] = "speaker"
        # what is the same everywhere is no column
        return sign.join(
            re.sub(r"[{}]", "", columns[place][0]) if len(set(columns[place])) == 1 else f"{{{field}}}"
            for place, field in enumerate(fields)
        )
    return None


def recurs(values: Sequence[object], labels: Sequence[object]) -> bool:
    """Whether values recur in most classes, as those who speak do.

    Args:
        values: of each row, (N,).
        labels: its class.
    """
    classes_of = defaultdict(set)
    for value, name in zip(values, labels, strict=True):
        classes_of[value].add(name)
    num_classes = len(set(labels))
    share = sum(len(classes_of[value]) for value in values) / len(values) / num_classes
    return 2 <= len(classes_of) <= len(values) // 2 and share >= RECURRING
