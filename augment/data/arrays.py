"""Arrays of a dataset: infer their type, observe their channels, check their rows.

Shapes: N rows, H height, W width, C channels of an image, T time steps, F channels of a series.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from augment.data.declarations import Array, ArrayDeclaration, ArrayType, Column, ColumnDeclaration
from augment.errors import DataError

__all__ = [
    "MAX_DECIMALS",
    "count_decimals",
    "describe_array",
    "met_in_training",
    "observe_array",
    "problems_of_array",
    "true_lengths",
    "valid_array_rows",
]

CHANNEL_TYPES = ("number", "integer", "category", "boolean")
MAX_DECIMALS = 6


def describe_array(name: str, values: np.ndarray, said: ArrayDeclaration, columns: Mapping[str, object]) -> Array:
    """Infer an array's type from its shape and dtype; what is declared wins.

    Raises:
        DataError: the array fits no type, or contradicts its declaration.
    """
    kind = said.type or _infer_array_type(name, values)
    for key in ("length_column", "start_column", "group_column"):
        column = getattr(said, key)
        if column is not None and column not in columns:
            raise DataError(f"array {name!r}: its {key} {column!r} is not a column of the data")
    declared = said.model_dump(exclude_none=True)
    if kind == "series" and values.ndim == 3:
        declared["channels"] = _channels(name, values.shape[2], said.channels)
    elif said.channels is not None:
        raise DataError(f"array {name!r} is of type {kind}; only a series has channels: leave `channels` out")
    shape = tuple(int(n) for n in values.shape[1:])
    return Array(**{**declared, "type": kind, "shape": shape, "dtype": str(values.dtype)})


def _infer_array_type(name: str, values: np.ndarray) -> ArrayType:
    if values.ndim == 4 and values.dtype == np.uint8:
        return "image"
    if values.ndim == 3 and values.dtype.kind == "f":
        return "series"
    if values.ndim == 2 and values.dtype.kind == "f":
        return "vector"
    if values.ndim == 2 and values.dtype.kind in "iu":
        return "tokens"
    advice = "; bring pixels to the range 0 to 255 and save them as uint8" if values.ndim == 4 else ""
    raise DataError(
        f"array {name!r} has shape {values.shape} and type {values.dtype}, which fits none of: image (N, H, W, C) "
        f"uint8; series (N, T, F) float; vector (N, F) float; tokens (N, T) integer{advice}"
    )


def _channels(name: str, num_channels: int, said: Mapping[str, ColumnDeclaration] | None) -> dict[str, Column]:
    if said is None:
        said = {f"channel {number}": ColumnDeclaration() for number in range(1, num_channels + 1)}
    if len(said) != num_channels:
        raise DataError(
            f"array {name!r} has {num_channels} channels, and {len(said)} are declared; declare each or none"
        )
    channels = {}
    for channel, declaration in said.items():
        kind = declaration.type or ("category" if declaration.categories else "number")
        if kind not in CHANNEL_TYPES:
            raise DataError(
                f"array {name!r}, channel {channel!r}: type {kind!r} cannot stand in a series; "
                f"{', '.join(CHANNEL_TYPES)} can"
            )
        if declaration.step is not None or declaration.values is not None:
            raise DataError(
                f"array {name!r}, channel {channel!r}: `step` and `values` are for columns of the table; use `decimals`"
            )
        if kind == "category" and not declaration.categories:
            raise DataError(f"array {name!r}, channel {channel!r}: a category needs its `categories`, in order")
        channels[channel] = Column(**{**declaration.model_dump(exclude_none=True), "type": kind})
    return channels


def true_lengths(array: Array, frame: pd.DataFrame) -> np.ndarray:
    """The number of time steps without padding of each row, (N,) int64: T if the array has no `length_column`."""
    if array.length_column is None:
        return np.full(len(frame), array.shape[0], np.int64)
    return frame[array.length_column].to_numpy(np.int64)


def observe_array(array: Array, values: np.ndarray, lengths: np.ndarray) -> Array:
    """Fill in what is learned about a series' channels: whether values may be missing, and their decimals.

    Args:
        array: its schema so far.
        values: the training rows, (N, T, F).
        lengths: (N,), see `true_lengths`.
    """
    if not array.channels:
        return array
    is_there = np.arange(values.shape[1]) < lengths[:, np.newaxis]
    channels = {}
    for position, (name, channel) in enumerate(array.channels.items()):
        steps = values[..., position][is_there]
        update: dict[str, object] = {}
        if channel.nullable is None:
            update["nullable"] = bool(np.isnan(steps).any())
        if channel.type == "number" and channel.decimals is None:
            update["decimals"] = count_decimals(steps)
        channels[name] = channel.model_copy(update=update)
    return array.model_copy(update={"channels": channels})


def met_in_training(
    array: Array, train: tuple[np.ndarray, np.ndarray], test: tuple[np.ndarray, np.ndarray]
) -> tuple[tuple[Array, np.ndarray], tuple[Array, np.ndarray]]:
    """Renumber tokens so that the training part's vocabulary contains nothing from the hold-out.

    The tokens of the training part come first, sorted by name. Tokens that only the hold-out has follow, in its own
    vocabulary. The padding token 0 keeps its number.

    Args:
        array: of type `tokens`, with a vocabulary.
        train: the training rows (N, T) and their lengths (N,), see `true_lengths`.
        test: the held-out rows and theirs.

    Returns:
        The array's schema and its rows in each of the two parts.
    """
    assert array.vocabulary is not None  # the caller's to see
    names = array.vocabulary
    met = [np.unique(values[np.arange(values.shape[1]) < lengths[:, np.newaxis]]) for values, lengths in (train, test)]
    padding = [0] if array.length_column is not None else []
    own = np.setdiff1d(met[0], padding).tolist()
    others = np.setdiff1d(met[1], [*padding, *met[0]]).tolist()
    order = padding + sorted(own, key=names.__getitem__) + sorted(others, key=names.__getitem__)
    places = np.zeros(len(names), train[0].dtype)
    places[order] = np.arange(len(order))
    described = [
        array.model_copy(update={"vocabulary": tuple(names[token] for token in order[:end])})
        for end in (len(order) - len(others), len(order))
    ]
    return (described[0], places[train[0]]), (described[1], places[test[0]])


def count_decimals(values: np.ndarray) -> int | None:
    """The fewest decimals (0 to 6) that represent all finite values exactly; None if more are needed or there are none.

    Exactness depends on the dtype: 0.1 as float32 needs one decimal.
    """
    values = values[np.isfinite(values)]
    if not len(values):
        return None
    with np.errstate(over="ignore"):  # numbers near the largest become infinite, and so unequal
        for digits in range(MAX_DECIMALS + 1):
            if np.array_equal(np.round(values.astype(np.float64), digits).astype(values.dtype), values):
                return digits
    return None


def problems_of_array(name: str, array: Array, values: np.ndarray, frame: pd.DataFrame) -> list[str]:
    """Structural problems of an array's rows, one sentence each."""
    expected = (len(frame), *array.shape)
    if values.shape != expected or str(values.dtype) != array.dtype:
        return [f"array {name!r} is {values.dtype} {values.shape}; {array.dtype} {expected} was expected"]
    if array.length_column is not None and array.length_column in frame:
        lengths = frame[array.length_column]
        bad = lengths.isna() | (lengths < 0) | (lengths > array.shape[0])
        if bad.any():
            row = int(bad.to_numpy(bool).argmax())
            return [
                f"column {array.length_column!r}, data row {row + 1}: {lengths.iloc[row]} is not a length of a row of "
                f"array {name!r}, which has room for {array.shape[0]} steps"
            ]
    if values.dtype.kind != "f":
        return []
    if array.channels is None:
        return [] if np.isfinite(values).all() else [f"array {name!r} holds numbers that are not finite"]
    missing = np.isnan(values).any(axis=(0, 1)) if np.isnan(values).any() else np.zeros(len(array.channels), bool)
    problems = [f"array {name!r} holds infinite numbers"] if np.isinf(values).any() else []
    problems += [
        f"array {name!r}, channel {channel!r}: values are missing; none may be"
        for gaps, (channel, column) in zip(missing, array.channels.items(), strict=True)
        if gaps and column.nullable is False
    ]
    return problems


def valid_array_rows(array: Array, values: np.ndarray, frame: pd.DataFrame) -> np.ndarray:
    """Which rows of an array respect its range and its channels' bounds and categories: bool (N,)."""
    valid = np.ones(len(frame), dtype=bool)
    padding = np.arange(array.shape[0]) >= true_lengths(array, frame)[:, np.newaxis] if array.channels else None
    if array.type == "tokens" and array.vocabulary is not None:
        valid &= _between(values, 0, len(array.vocabulary) - 1).all(axis=1)
    if array.range is not None:
        inside = np.isnan(values) | _between(values, *array.range)
        if padding is not None:
            inside |= padding[..., np.newaxis]
        valid &= inside.reshape(len(frame), -1).all(axis=1)
    for position, channel in enumerate((array.channels or {}).values()):
        steps = values[..., position]
        low, high = channel.min, channel.max
        if channel.type in ("category", "boolean"):
            low, high = 0, len(channel.categories or ("False", "True")) - 1
        inside = _between(steps, low, high)
        if channel.type != "number":
            inside &= steps == np.round(steps)
        valid &= (inside | np.isnan(steps) | padding).all(axis=1)
    return valid


def _between(values: np.ndarray, low: float | None, high: float | None) -> np.ndarray:
    inside = np.ones(values.shape, dtype=bool)
    if low is not None:
        inside &= values >= low
    if high is not None:
        inside &= values <= high
    return inside
