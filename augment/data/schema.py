"""What each column and array of a dataset is, and which column is the target.

Shapes: N rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
import pandas as pd

from augment.data.declarations import Array, ArrayType, Column, Modality, Plain
from augment.errors import DataError

__all__ = ["Schema", "as_labels", "class_positions"]


class Schema(Plain):
    """The type of every column and array of a dataset, and which column is the target."""

    columns: dict[str, Column]
    arrays: dict[str, Array] = {}
    target: str | None = None
    payload: str | None = None

    @property
    def modality(self) -> Modality:
        """The kind of data: that of its array if there is one (tokens first), `text` if there is a payload text column,
        and `table` otherwise."""
        held = {array.type for array in self.arrays.values()}
        kinds: tuple[Modality, ...] = ("tokens", "image", "audio", "series")
        for kind in kinds:
            if kind in held:
                return kind
        if self.text_payload:
            return "text"
        return "table"

    @property
    def text_payload(self) -> str | None:
        """The text payload: the declared column, or the only feature if it is text."""
        if self.payload:
            return self.payload
        features = self.features
        return features[0] if len(features) == 1 and self.columns[features[0]].type == "text" else None

    @property
    def set_aside(self) -> list[str]:
        """The columns that nothing learns from: ids, and the starts of series."""
        starts = {array.start_column for array in self.arrays.values()}
        return [name for name, column in self.columns.items() if column.type == "id" or name in starts]

    @property
    def features(self) -> list[str]:
        """The columns that a model can learn from: all except the target and those that are set aside."""
        aside = self.set_aside
        return [name for name in self.columns if name != self.target and name not in aside]

    @property
    def task(self) -> Literal["classes", "number", "none"]:
        """The prediction task: `classes`, `number`, or `none` without a usable target."""
        if self.target is None:
            return "none"
        column = self.columns[self.target]
        if column.type in ("category", "boolean") or (column.type == "integer" and column.categories):
            return "classes"
        return "number" if column.type in ("number", "integer") else "none"

    @property
    def classes(self) -> tuple[str, ...]:
        """The class labels as strings, in the order of probabilities; empty if the target has no classes."""
        if self.target is None or self.task != "classes":
            return ()
        column = self.columns[self.target]
        return ("False", "True") if column.type == "boolean" else (column.categories or ())

    def find_array(self, kind: ArrayType) -> str:
        """The name of the only array of that type.

        Raises:
            DataError: there is none, or there are several.
        """
        names = [name for name, array in self.arrays.items() if array.type == kind]
        if len(names) != 1:
            raise DataError(
                f"the dataset has {len(names)} arrays of type {kind!r} ({', '.join(names) or 'none'}); exactly one is "
                f"expected: leave the others out of the source, or declare another type under schema.arrays"
            )
        return names[0]


def as_labels(values: pd.Series) -> np.ndarray:
    """Labels as strings, (N,) object, the form in which classes are compared. Missing values become None.

    >>> as_labels(pd.Series([3, 1])).tolist()
    ['3', '1']
    """
    codes, distinct = pd.factorize(values, use_na_sentinel=True)
    return np.array([*map(str, distinct), None], dtype=object)[codes]  # code -1, missing, is the last


def class_positions(values: pd.Series, classes: Sequence[str]) -> np.ndarray:
    """The position of each label in `classes`, (N,) int64; -1 where it is missing or not among them.

    >>> class_positions(pd.Series(["b", None, "x", "a"]), ["a", "b"]).tolist()
    [1, -1, -1, 0]
    """
    labels = pd.Index(as_labels(values), dtype="object")
    return pd.Index(list(classes), dtype="object").get_indexer(labels).astype(np.int64)
