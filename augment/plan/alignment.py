"""Held-out rows that come from a source of their own, brought under the schema of the training rows.

Whatever differs and cannot be settled is refused, with all differences in one message.

Shapes: N rows, T time steps.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from augment.data import Array, Column, ColumnType, Dataset, Schema
from augment.errors import DataError
from augment.text import listing

__all__ = ["align"]

WORDS = frozenset({"category", "text", "id"})
WHOLE = frozenset({"integer", "id"})


def align(train: Dataset, test: Dataset, train_name: str, test_name: str) -> tuple[Dataset, Dataset, list[str]]:
    """Both parts under one schema, as if one source had read all rows, and notes on what had to be changed.

    The training part decides on the target, the order of columns and the types; integers become numbers if the other
    part has decimals. Columns and arrays that only the test rows have are left out. Padded arrays get equally many time
    steps; tokens are numbered alike.

    Raises:
        DataError: the test rows lack columns or arrays, or theirs are of another type.
    """
    train, test = _with_lengths(train, test), _with_lengths(test, train)
    problems, notes = _missing(train, test), []
    extra = [*(name for name in test.schema.columns if name not in train.schema.columns)]
    extra += [name for name in test.schema.arrays if name not in train.schema.arrays]
    if extra:
        notes.append(f"columns that only {test_name} has are left out: {listing(extra)}")
    columns: dict[str, Column] = {}
    for name, column in train.schema.columns.items():
        columns[name] = column
        if name not in test.schema.columns:
            continue
        other = test.schema.columns[name]
        if _arrow_type(other) != _arrow_type(column):  # whether one of them holds both is not known
            column = columns[name] = column.model_copy(update={"stored_as": None})
        kind = _common_type(train.frame[name], column, test.frame[name], other)
        if kind is None:
            problems.append(
                f"column {name!r} is of type {column.type} in {train_name} and {other.type} in {test_name}; declare it "
                f"under schema.columns, as in `{name}: {{type: category}}`, or make the files agree"
            )
        elif kind != column.type:
            columns[name] = column.model_copy(update={"type": kind})
            notes.append(
                f"column {name!r} is of type {column.type} in {train_name} and {other.type} in {test_name}; it is read "
                f"as {kind} in both"
            )
    shared = [name for name in train.schema.arrays if name in test.schema.arrays]
    for name in shared:
        problems += _array_problems(name, train.schema.arrays[name], test.schema.arrays[name], train_name)
    if problems:
        raise DataError("\n".join(f"{test_name}: {problem}" for problem in problems))
    parts: list[tuple[dict[str, np.ndarray], dict[str, Array]]] = [(dict(part.arrays), {}) for part in (train, test)]
    for name in shared:
        both = _alike((train.schema.arrays[name], train.arrays[name]), (test.schema.arrays[name], test.arrays[name]))
        for (arrays, described), (array, values) in zip(parts, both, strict=True):
            arrays[name], described[name] = values, array
    aligned = [
        _under(part.frame, arrays, train.schema.model_copy(update={"columns": columns, "arrays": described}))
        for part, (arrays, described) in zip((train, test), parts, strict=True)
    ]
    return aligned[0], aligned[1], notes


def _arrow_type(column: Column) -> str | None:
    return None if column.stored_as is None else column.stored_as.arrow


def _under(frame: pd.DataFrame, arrays: Mapping[str, np.ndarray], schema: Schema) -> Dataset:
    return Dataset.of(frame[list(schema.columns)], {name: arrays[name] for name in schema.arrays}, schema)


def _with_lengths(part: Dataset, other: Dataset) -> Dataset:
    """The rows with the lengths of their series, if those of the other part have them: all are of full length here."""
    frame, schema = part.frame, part.schema
    for name, array in other.schema.arrays.items():
        column, ours = array.length_column, schema.arrays.get(name)
        if column is None or ours is None or ours.length_column is not None or column in part.frame:
            continue
        frame = frame.assign(**{column: np.full(len(part), ours.shape[0], np.int64)})
        columns = {**schema.columns, column: other.schema.columns[column]}
        arrays = {**schema.arrays, name: ours.model_copy(update={"length_column": column})}
        schema = schema.model_copy(update={"columns": columns, "arrays": arrays})
    return part if schema is part.schema else Dataset.of(frame, part.arrays, schema)


def _missing(train: Dataset, test: Dataset) -> list[str]:
    names = [name for name in train.schema.columns if name not in test.schema.columns]
    names += [name for name in train.schema.arrays if name not in test.schema.arrays]
    if not names:
        return []
    target = "; without the target nothing can be judged" if train.schema.target in names else ""
    return [
        f"lacks {listing(names)}, which the training rows have{target}; add them, leave them out of the training rows "
        "too, or hold out some of the training rows with `holdout` instead of `test`"
    ]


def _common_type(train: pd.Series, column: Column, test: pd.Series, other: Column) -> ColumnType | None:
    """The type of a column in both parts; None if there is none without a guess."""
    kinds = {column.type, other.type}
    if len(kinds) == 1 or test.isna().all():
        return column.type
    if train.isna().all():
        return other.type
    if kinds == {"integer", "number"}:
        return "number"
    whole = [pd.api.types.is_integer_dtype(values.dtype) for values in (train, test)]
    if (kinds <= WHOLE and all(whole)) or (kinds <= WORDS and not any(whole)):
        return column.type  # which of these it is depends on the number of rows
    return None


def _array_problems(name: str, array: Array, other: Array, train_name: str) -> Iterator[str]:
    """What keeps an array of the test rows from being taken for the same one."""
    facts: dict[str, tuple[Any, Any]] = {
        "type": (array.type, other.type),
        "rate": (array.rate, other.rate) if array.type == "audio" else (None, None),
        "length column": (array.length_column, other.length_column),
        "shape": (_fixed_shape(array), _fixed_shape(other)),
        "channels": (_channels(array), _channels(other)),
        "kind of tokens": (array.vocabulary is None, other.vocabulary is None),
    }
    for what, (ours, theirs) in facts.items():
        if ours != theirs:
            shown = "" if what == "kind of tokens" else f": {_shown(ours)} in {train_name}, {_shown(theirs)} in it"
            yield f"array {name!r} has another {what}{shown}; make both sources agree, by their settings if they can"
            return


def _fixed_shape(array: Array) -> tuple[int, ...]:
    """The shape of a row without its padding."""
    return array.shape if array.length_column is None else array.shape[1:]


def _channels(array: Array) -> tuple[str, ...]:
    return tuple(f"{name!r} ({channel.type})" for name, channel in (array.channels or {}).items())


def _shown(fact: Any) -> str:
    if not isinstance(fact, tuple):
        return str(fact)
    return (", " if fact and isinstance(fact[0], str) else " x ").join(map(str, fact)) or "none"


def _alike(train: tuple[Array, np.ndarray], test: tuple[Array, np.ndarray]) -> list[tuple[Array, np.ndarray]]:
    """An array of both parts with equally many time steps, one type of numbers, and tokens numbered alike."""
    described, values = train
    theirs, others = test
    steps = max(described.shape[0], theirs.shape[0]) if described.shape else 0
    others = others.astype(values.dtype, copy=False)
    if described.vocabulary is not None and theirs.vocabulary is not None:
        names = (*described.vocabulary, *(name for name in theirs.vocabulary if name not in described.vocabulary))
        places = {name: place for place, name in enumerate(names)}
        others = np.array([places[name] for name in theirs.vocabulary], values.dtype)[others]
        described = described.model_copy(update={"vocabulary": names})
    if described.channels and theirs.channels:
        channels, others = dict(described.channels), others.copy()
        for position, (name, channel) in enumerate(described.channels.items()):
            labels, other_labels = channel.categories or (), theirs.channels[name].categories or ()
            union = (*labels, *(label for label in other_labels if label not in labels))
            if other_labels != union:
                channels[name] = channel.model_copy(update={"categories": union})
                numbers = [union.index(label) for label in other_labels]
                others[..., position] = _renumbered(others[..., position], numbers)
        described = described.model_copy(update={"channels": channels})
    described = described.model_copy(update={"shape": (steps, *described.shape[1:])})
    return [(described, _padded(part, steps)) for part in (values, others)]


def _renumbered(values: np.ndarray, places: Sequence[int]) -> np.ndarray:
    """Positions of labels, NaN where one is missing, as positions in another list."""
    is_there = ~np.isnan(values)
    changed = values.copy()
    changed[is_there] = np.array(places)[values[is_there].astype(int)]
    return changed


def _padded(values: np.ndarray, num_steps: int) -> np.ndarray:
    """Rows (N, T, ...) with zeros up to so many time steps."""
    missing = num_steps - values.shape[1] if values.ndim > 1 else 0
    return np.pad(values, ((0, 0), (0, missing), *[(0, 0)] * (values.ndim - 2))) if missing else values
