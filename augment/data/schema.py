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
from augment.text import listing

__all__ = ["Schema", "as_labels", "class_positions", "count_labels"]


class Schema(Plain):
    """The type of every column and array of a dataset, and which column is the target."""

    columns: dict[str, Column]
    arrays: dict[str, Array] = {}
    target: str | None = None
    payload: str | None = None

    def __repr__(self) -> str:
        parts = [self.modality, f"columns {listing(self.columns)}"]
        parts += [f"arrays {listing(self.arrays)}"] if self.arrays else []
        parts += [f"target {self.target!r}"] if self.target else []
        return f"Schema({', '.join(parts)})"

    __str__ = __repr__

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
    codes, distinct = _codes(values)
    labels: np.ndarray = np.array([*distinct, None], dtype=object)[codes]  # code -1, missing, is the last
    return labels


def count_labels(values: pd.Series) -> dict[str, int]:
    """How many rows have each label, as `as_labels` writes them; labels of no row and missing values are left out."""
    codes, distinct = _codes(values)
    counts: dict[str, int] = {}
    for label, count in zip(distinct, np.bincount(codes[codes >= 0], minlength=len(distinct)).tolist(), strict=True):
        if count:
            counts[label] = counts.get(label, 0) + count  # 1 and "1" are one label
    return counts


def _codes(values: pd.Series) -> tuple[np.ndarray, list[str]]:
    """A code for each value, (N,), -1 where it is missing, and the labels that codes stand for."""
    if isinstance(values.dtype, pd.CategoricalDtype):
        return values.cat.codes.to_numpy(), [*map(str, values.dtype.categories)]
    codes, distinct = pd.factorize(values, use_na_sentinel=True)
    return codes, [*map(str, distinct)]


def class_positions(values: pd.Series, classes: Sequence[str]) -> np.ndarray:
    """The position of each label in `classes`, (N,) int64; -1 where it is missing or not among them.

    >>> class_positions(pd.Series(["b", None, "x", "a"]), ["a", "b"]).tolist()
    [1, -1, -1, 0]
    """
    codes, distinct = _codes(values)
    position = {label: number for number, label in enumerate(classes)}
    table = np.array([*(position.get(label, -1) for label in distinct), -1], dtype=np.int64)
    positions: np.ndarray = table[codes]
    return positions
