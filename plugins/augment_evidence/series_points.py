"""Series as numbers to compare: channels side by side, what is missing left out, and as points of equal size.

Shapes: N rows, T steps, F channels, G columns once each label of a channel has one, D dimensions.
"""

from __future__ import annotations

import numpy as np

from augment.data import Dataset

__all__ = ["series_points", "series_scale", "series_values"]

NUM_STRETCHES = 32
BLOCK = 4_096  # rows worked on together, to bound the memory


def series_values(data: Dataset) -> np.ndarray:
    """The channels as float64 (N, T, G), NaN where a value is missing and beyond a series' end.

    A channel of labels is a column for each label, so that two labels are at distance 1.
    """
    name = data.schema.find_array("series")
    array, values = data.schema.arrays[name], np.asarray(data.arrays[name])
    is_step = data.step_mask(name)
    columns = []
    for position, channel in enumerate((array.channels or {}).values()):
        one = np.where(is_step, values[..., position].astype(np.float64), np.nan)
        if channel.type == "category":
            for place in range(len(channel.categories or ())):
                columns.append(np.where(np.isnan(one), np.nan, (one == place) / np.sqrt(2)))
        else:
            columns.append(one)
    return np.stack(columns, axis=2)


def series_scale(train: Dataset) -> np.ndarray:
    """Mean and standard deviation of each column of `series_values`, and of the length: (2, G + 1).

    Labels keep their distance.
    """
    channels = train.schema.arrays[train.schema.find_array("series")].channels or {}
    is_label = [kind for channel in channels.values() for kind in _are_labels(channel.type, channel.categories)]
    totals = np.zeros((3, len(is_label)))  # numbers, their sum, the sum of their squares
    middle = np.zeros(len(is_label))
    for centred in (False, True):
        totals[:] = 0
        for batch in train.batches(BLOCK):
            values = series_values(batch)
            known = ~np.isnan(values)
            values = np.where(known, values - middle, 0)
            totals += [known.sum(axis=(0, 1)), values.sum(axis=(0, 1)), (values**2).sum(axis=(0, 1))]
        count = np.maximum(totals[0], 1)
        if not centred:
            middle = totals[1] / count
    deviation = np.sqrt(totals[2] / count)
    # what never changes has deviation 0; at 1e-12 any change is a large one
    deviation = np.where(is_label, 1.0, np.maximum(deviation, 1e-12))
    lengths = train.lengths(train.schema.find_array("series")).astype(np.float64)
    length = [lengths.mean() if len(lengths) else 0.0, lengths.std() if len(lengths) and np.ptp(lengths) else 1.0]
    return np.concatenate([np.stack([middle, deviation]), np.array(length)[:, np.newaxis]], axis=1)


def _are_labels(kind: str, categories: tuple[str, ...] | None) -> list[bool]:
    return [True] * len(categories or ()) if kind == "category" else [False]


def series_points(data: Dataset, scale: np.ndarray) -> np.ndarray:
    """Series as points float32 (N, D): see `augment_evidence.space.Space`."""
    parts = [_points(batch, scale) for batch in data.batches(BLOCK)]
    return np.concatenate(parts) if parts else _points(data, scale)


def _points(data: Dataset, scale: np.ndarray) -> np.ndarray:
    values = (series_values(data) - scale[0, :-1]) / scale[1, :-1]
    num_rows, num_steps, _ = values.shape
    size = -(-num_steps // NUM_STRETCHES)
    starts = np.arange(0, num_steps, size)
    known = ~np.isnan(values)
    values = np.where(known, values, 0)
    count = np.maximum(np.add.reduceat(known.astype(np.float64), starts, axis=1), 1)
    mean = np.add.reduceat(values, starts, axis=1) / count
    parts = [mean]
    if size > 1:
        away = np.where(known, values - np.repeat(mean, size, axis=1)[:, :num_steps], 0)
        parts.append(np.sqrt(np.add.reduceat(away**2, starts, axis=1) / count))
    points = [part.reshape(num_rows, -1) for part in parts]
    name = data.schema.find_array("series")
    if data.schema.arrays[name].length_column is not None:
        points.append((data.lengths(name)[:, np.newaxis] - scale[0, -1]) / scale[1, -1])
    return np.concatenate(points, axis=1).astype(np.float32)
