"""Classes as numbers that a network can use, and sampling in full batches, for generators conditional on the target.

Without a classed target there is one class, number 0, that every row belongs to; so a generator needs no second way. A
target of numbers is a column like the others.

Shapes: N rows, C classes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from augment.data import Dataset, Schema, as_labels, class_positions
from augment.errors import DataError

__all__ = ["Conditions", "columns_to_make", "in_full_batches", "refuse_others"]


@dataclass(frozen=True)
class Conditions:
    """What a generator may be asked for.

    Attributes:
        target: the column that holds the classes, or None.
        labels: its classes as strings, in the order of their numbers; one empty label without a target.
        counts: how many training rows each class has, (C,).
    """

    target: str | None
    labels: tuple[str, ...]
    counts: tuple[int, ...]

    @classmethod
    def of_schema(cls, schema: Schema, counts: Sequence[int]) -> Conditions:
        """The conditions of a dataset with that schema, and so many training rows of each class."""
        if schema.task == "classes":
            return cls(schema.target, schema.classes, tuple(counts))
        return cls(None, ("",), tuple(counts))

    def to_state(self, schema: Schema) -> dict[str, Any]:
        """JSON values that hold the schema of the training part and these conditions."""
        return {"schema": schema.model_dump(mode="json", exclude_none=True), "counts": self.counts}

    @classmethod
    def from_state(cls, values: Mapping[str, Any]) -> tuple[Schema, Conditions]:
        """The inverse of `to_state`."""
        schema = Schema.model_validate(values["schema"])
        return schema, cls.of_schema(schema, values["counts"])

    @classmethod
    def of(cls, data: Dataset) -> tuple[Conditions, np.ndarray]:
        """The conditions of a training part, and the class of each row: (N,) int64, -1 where the label is missing.

        Raises:
            DataError: no row has a label.
        """
        schema = data.schema
        if schema.target is None or schema.task != "classes":
            return cls.of_schema(schema, [len(data)]), np.zeros(len(data), np.int64)
        numbers = class_positions(data.frame[schema.target], schema.classes)
        counts = np.bincount(numbers[numbers >= 0], minlength=len(schema.classes))
        if not counts.any():
            raise DataError(f"target {schema.target!r} is missing in every training row; labels are expected")
        return cls.of_schema(schema, counts.tolist()), numbers

    def training_rows(self, numbers: np.ndarray) -> np.ndarray:
        """The rows to train on, (M,) int64: those with a label, rows of rare classes several times.

        A class is seen in proportion to the square root of its rows: half way from as it is, where a rare class is
        hardly learnt, to equal shares, where its few rows are memorised.
        """
        labelled = np.flatnonzero(numbers >= 0)
        counts = np.maximum(self.counts, 1)
        times = np.round(np.sqrt(counts.max() / counts)).astype(np.int64)
        return np.repeat(labelled, times[numbers[labelled]])

    def draw(self, given: pd.DataFrame, rng: np.random.Generator) -> np.ndarray:
        """The class of each wanted row, (N,) int64: as given, else drawn as often as in the training part.

        Raises:
            DataError: a label is asked for that no training row has.
        """
        if self.target is None:
            return np.zeros(len(given), np.int64)
        if self.target not in given:
            ends = np.cumsum(self.counts)
            drawn: np.ndarray = np.searchsorted(ends, rng.random(len(given)) * ends[-1], side="right")
            return drawn
        numbers = class_positions(given[self.target], self.labels)
        is_known = np.array([*self.counts, 0]) > 0  # the last one is found by -1, which is no class
        if not is_known[numbers].all():
            row = int(np.argmin(is_known[numbers]))
            known = ", ".join(label for label, count in zip(self.labels, self.counts, strict=True) if count)
            raise DataError(
                f"row {row + 1} of those wanted has {self.target} = {as_labels(given[self.target])[row]!r}, which no "
                f"training row has; ask for one of {known}"
            )
        return numbers

    def rows_and_others(
        self, train: Dataset, classes: np.ndarray, first: np.random.Generator, second: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray]:
        """A training row of each class (N,), and another one of that class where there is one: two times (N,).

        Rows are drawn one after the other, each kind from a stream of its own, so k rows begin as n rows do.
        """
        _, numbers = Conditions.of(train)
        order = np.argsort(numbers, kind="stable")[(numbers < 0).sum() :]  # rows without a label are -1, and first
        counts = np.bincount(numbers[order], minlength=len(self.labels))
        starts = np.cumsum(counts) - counts
        count, start = counts[classes], starts[classes]
        place = (first.random(len(classes)) * count).astype(np.int64)
        further = 1 + (second.random(len(classes)) * (count - 1)).astype(np.int64)
        return order[start + place], order[start + (place + further) % count]

    def frame(self, given: pd.DataFrame, numbers: np.ndarray) -> pd.DataFrame:
        """The given columns, and the target where it is not among them."""
        if self.target is None or self.target in given:
            return given
        return given.assign(**{self.target: np.array(self.labels, dtype=object)[numbers]})

    def relabelled(self, frame: pd.DataFrame, given: pd.DataFrame) -> pd.DataFrame:
        """Rows with the given target in place of their own, where one is given."""
        if self.target is None or self.target not in given:
            return frame
        return frame.assign(**{self.target: given[self.target].reset_index(drop=True)})


def columns_to_make(schema: Schema) -> list[str]:
    """The columns to be made: all but a target with classes, which is what rows are made for.

    Raises:
        DataError: there are none.
    """
    names = [name for name in schema.columns if schema.task != "classes" or name != schema.target]
    if not names:
        raise DataError("the data has no column beside its target; there is nothing to learn")
    return names


def refuse_others(conditions: Conditions, given: pd.DataFrame) -> None:
    """Refuse columns that rows cannot be made for.

    Raises:
        DataError: one is given.
    """
    for name in given.columns:
        if name != conditions.target:
            may = f"only {conditions.target!r}, a target with classes" if conditions.target else "no column"
            raise DataError(
                f"column {name!r} cannot be given: {may} may be; other generators can be asked for any column"
            )


def in_full_batches(make: Callable[[np.ndarray], np.ndarray], conditions: np.ndarray, batch_size: int) -> np.ndarray:
    """What `make` gives for all conditions, (N,) of them, called with exactly `batch_size` at a time.

    The last batch is filled up, and the surplus cut off its result. So what a row becomes does not depend on how many
    rows were asked for: kernels give other bits for other batch sizes, and random numbers are drawn for whole batches.
    """
    num_batches = max(1, -(-len(conditions) // batch_size))
    padded = np.zeros(num_batches * batch_size, conditions.dtype)
    padded[: len(conditions)] = conditions
    padded[len(conditions) :] = conditions[0] if len(conditions) else 0
    batches = [make(batch) for batch in padded.reshape(num_batches, batch_size)]
    return np.concatenate(batches)[: len(conditions)]
