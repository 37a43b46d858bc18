"""The split that the user has made: by a column, or with a source of its own for the hold-out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
import pandas as pd

from augment.data import Dataset, as_labels, observe
from augment.errors import DataError, did_you_mean
from augment.plan.split import Cut, complete_values, hash_rows
from augment.text import listing

__all__ = ["find_held_rows", "keep_cut", "note_unseen"]


def find_held_rows(data: Dataset, column: str, values: Sequence[str]) -> tuple[np.ndarray, str]:
    """Which rows a column marks as held out, (N,) bool, and a note on its values.

    Args:
        data: N rows.
        column: a column of labels.
        values: those that mark held-out rows, as text.

    Raises:
        DataError: a row has no value, no row has one of the `values`, or none is left for training.
    """
    if any(array.length_column == column for array in data.schema.arrays.values()):
        raise DataError(f"split.column: {column!r} holds the lengths of series; name another column")
    labels = pd.Series(as_labels(pd.Series(complete_values(data, column))), dtype="str")
    known = sorted(labels.unique())
    for value in values:
        if value not in known:
            hint = did_you_mean(value, known) or f"; its values are {listing(known)}"
            raise DataError(f"split.test: no row has {value!r} in column {column!r}{hint}")
    held = labels.isin(values).to_numpy()
    if held.all():
        raise DataError(f"split.test names all values of column {column!r}; no rows are left for training")
    others = [value for value in known if value not in values]
    return held, (
        f"column {column!r} decides the split, and nothing learns from it: rows with {listing(values)} are held out; "
        f"rows with {listing(others)} are for training"
    )


def keep_cut(
    train: Dataset, test: Dataset, *, dedupe: Literal["keep", "drop", "group"] = "keep", group: str | None = None
) -> Cut:
    """The cut as it is, in row numbers of each part.

    Args:
        train: rows for training.
        test: held-out rows; all of them stay.
        dedupe: `drop` drops training rows that equal a held-out row or an earlier training row.
        group: a column whose equal values should not be on both sides; a note says how many are.

    Raises:
        DataError: no training rows would be left.
    """
    rows, hashes, held_hashes = np.arange(len(train), dtype=np.int64), hash_rows(train), hash_rows(test)
    notes = []
    dropped = np.zeros(len(train), dtype=bool)
    if dedupe == "drop":
        across = np.isin(hashes, held_hashes)
        dropped = across | pd.Series(hashes).duplicated().to_numpy()
        if dropped.all():
            raise DataError("all training rows equal held-out rows; `split: {dedupe: drop}` leaves none to learn from")
        if dropped.any():
            notes.append(
                f"{int(dropped.sum())} training rows were dropped: they equal a held-out row or an earlier training row"
            )
    elif num_across := int(np.isin(held_hashes, hashes).sum()):
        notes.append(
            f"{num_across} of {len(test)} held-out rows are exact duplicates of training rows, which makes every score "
            "too good; `split: {dedupe: drop}` drops them from the training rows"
        )
    if group is not None:
        groups = [set(as_labels(pd.Series(complete_values(part, group)))) for part in (train, test)]
        if shared := groups[0] & groups[1]:
            notes.append(
                f"{len(shared)} of {len(groups[1])} values of {group!r} in the hold-out are in the training part too, "
                f"which makes every score too good: {listing(sorted(shared), 5)}"
            )
    return Cut(rows[~dropped], np.arange(len(test), dtype=np.int64), rows[dropped], tuple(notes))


def note_unseen(train: Dataset, test: Dataset) -> list[str]:
    """Notes on categories and classes that only the hold-out has.

    Raises:
        DataError: no held-out row has a class of the training part, so nothing could be judged.
    """
    notes = []
    has_classes = observe(train.schema, train.frame)[0].task == "classes"
    for name, column in train.schema.columns.items():
        is_target = name == train.schema.target
        if not (column.type == "category" or (is_target and has_classes)):
            continue
        known = set(as_labels(train.frame[name]))
        labels = pd.Series(as_labels(test.frame[name]), dtype="object").dropna()
        unseen = labels[~labels.isin(known)]
        if not len(unseen):
            continue
        which = f"{len(unseen)} of {len(test)} held-out rows have labels that no training row has"
        shown = listing(sorted(unseen.unique()), 5)
        if is_target and len(unseen) == len(labels):
            has = listing(sorted(known - {None}), 5)
            raise DataError(f"target {name!r}: the held-out rows have the classes {shown}, and the training rows {has}")
        what, so = ("target", "; no score covers them") if is_target else ("column", "")
        notes.append(f"{what} {name!r}: {which} ({shown}){so}")
    return notes
