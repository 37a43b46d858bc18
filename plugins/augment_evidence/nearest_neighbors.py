"""Distances of points to their nearest neighbors, and what they say about near copies.

Shapes: M queries, R reference rows, D dimensions.
"""

from __future__ import annotations

import numpy as np

__all__ = ["distance_ratio", "leave_one_out", "nearest", "nearest_rows"]

BLOCK = 256  # queries compared at once, to bound the memory
GROUP = 16  # columns whose minimum stands for them in the search
SPARE = 4  # so many more neighbors are found by products than are needed, for those can confuse nearly equal distances


def nearest(queries: np.ndarray, reference: np.ndarray, count: int, own: np.ndarray | None = None) -> np.ndarray:
    """Distances to the nearest reference rows, ascending: float32 (M, count), as `nearest_rows` has them."""
    return nearest_rows(queries, reference, count, own)[0]


def nearest_rows(
    queries: np.ndarray, reference: np.ndarray, count: int, own: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Distances to the nearest reference rows, ascending, float32 (M, count), and which rows these are, int64.

    Args:
        queries: float32 (M, D).
        reference: float32 (R, D), with R > count.
        count: how many neighbors.
        own: the position of each query in the reference, (M,), which is not its neighbor.
    """
    squares = np.einsum("rd,rd->r", reference, reference)
    num_near = min(count + SPARE, len(reference))
    distances = np.empty((len(queries), count), dtype=np.float32)
    positions = np.empty((len(queries), count), dtype=np.int64)
    for start in range(0, len(queries), BLOCK):
        block = queries[start : start + BLOCK]
        rank = squares - 2 * (block @ reference.T)  # squared distances, but for each query's own square
        if own is not None:
            rank[np.arange(len(block)), own[start : start + BLOCK]] = np.inf
        near = _find_smallest(rank, num_near)
        # Products leave rounding noise that depends on a row's place in the block. Differences do not.
        distance = ((block[:, None] - reference[near]) ** 2).sum(axis=2)
        if own is not None:
            distance[near == own[start : start + BLOCK, None]] = np.inf
        order = np.argsort(distance, axis=1, kind="stable")[:, :count]
        distances[start : start + BLOCK] = np.sqrt(np.take_along_axis(distance, order, axis=1))
        positions[start : start + BLOCK] = np.take_along_axis(near, order, axis=1)
    return distances, positions


def _find_smallest(values: np.ndarray, count: int) -> np.ndarray:
    """Where the smallest values of each row are, float32 (M, R) to int64 (M, count), ascending.

    They are in the `count` groups with the smallest minima. Partitioning the minima, and then the values of these
    groups, takes a small part of the time of partitioning all values.
    """
    num_rows, num_values = values.shape
    num_groups = num_values // GROUP
    if num_groups <= count:
        return np.sort(np.argpartition(values, count - 1, axis=1)[:, :count], axis=1)
    grouped = num_groups * GROUP  # group g has every `num_groups`th value from the g-th on
    minima = values[:, :num_groups].copy()
    for start in range(num_groups, grouped, num_groups):
        np.minimum(minima, values[:, start : start + num_groups], out=minima)
    groups = np.argpartition(minima, count - 1, axis=1)[:, :count]
    members = (groups[:, :, None] + np.arange(0, grouped, num_groups)).reshape(num_rows, -1)
    rest = np.broadcast_to(np.arange(grouped, num_values), (num_rows, num_values - grouped))
    members = np.concatenate([members, rest], axis=1)
    within = np.argpartition(np.take_along_axis(values, members, axis=1), count - 1, axis=1)[:, :count]
    return np.sort(np.take_along_axis(members, within, axis=1), axis=1)


def leave_one_out(reference: np.ndarray, rows: np.ndarray, count: int) -> np.ndarray:
    """As `nearest`, of some of the reference's own rows to all the others."""
    return nearest(reference[rows], reference, count, own=rows)


def distance_ratio(distances: np.ndarray) -> np.ndarray:
    """Nearest distance over the mean of the others, (M, count) to float64 (M,); 1 where all are zero.

    About 1 for a row among others and near 0 for one on top of a single other, however dense the rows lie there
    (Carlini et al. 2023, "Extracting training data from diffusion models").
    """
    usual = distances[:, 1:].mean(axis=1, dtype=np.float64)
    ratios: np.ndarray = np.divide(distances[:, 0], usual, out=np.ones(len(distances)), where=usual > 0)
    return ratios
