"""Histories as points: users who met the same items, and in the same order, lie near each other.

Shapes: N users, T places for the items of one, M events of all users, D dimensions.
"""

from __future__ import annotations

import numpy as np

from augment.data import Dataset

__all__ = ["flatten_items", "history_points"]

NUM_DIMENSIONS = 512  # that items, and pairs in a row, are hashed into
PAIRS = np.uint64(0x9E3779B97F4A7C15)


def flatten_items(data: Dataset) -> tuple[np.ndarray, np.ndarray]:
    """What all users met, one user after the other, (M,) int64, and how much each did, (N,)."""
    name = data.schema.find_array("tokens")
    values, lengths = np.asarray(data.arrays[name]), data.lengths(name)
    return values[np.arange(values.shape[1]) < lengths[:, np.newaxis]].astype(np.int64), lengths


def history_points(data: Dataset) -> np.ndarray:
    """float32 (N, D): see `augment_evidence.space.Space`.

    The squared distance of two users falls from 2 to 0 with the share of items, and of pairs in a row, that they have
    in common, up to the noise of hashing (Weinberger et al. 2009).
    """
    items, lengths = flatten_items(data)
    users = np.repeat(np.arange(len(lengths)), lengths)
    tokens = items.astype(np.uint64) + np.uint64(1)
    together = users[1:] == users[:-1]
    pairs = (tokens[:-1] * PAIRS + tokens[1:])[together]
    hashes = _mixed(np.concatenate([tokens, pairs * PAIRS]))
    places = (hashes % np.uint64(NUM_DIMENSIONS)).astype(np.int64)
    signs = np.where(hashes >> np.uint64(63), 1.0, -1.0)
    cells = np.concatenate([users, users[1:][together]]) * NUM_DIMENSIONS + places
    points = np.bincount(cells, signs, minlength=len(lengths) * NUM_DIMENSIONS).reshape(len(lengths), NUM_DIMENSIONS)
    size = np.sqrt((points**2).sum(axis=1, keepdims=True))
    return (points / np.where(size > 0, size, 1)).astype(np.float32)


def _mixed(numbers: np.ndarray) -> np.ndarray:
    """The finalizer of SplitMix64 (Steele, Lea and Flood 2014) on uint64 numbers, which wrap round."""
    numbers = (numbers ^ (numbers >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    numbers = (numbers ^ (numbers >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed: np.ndarray = numbers ^ (numbers >> np.uint64(31))
    return mixed
