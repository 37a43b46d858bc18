"""The rows whose numeric target is rare, as SMOTER finds them.

Shapes: M training rows, F encoded features.
"""

from __future__ import annotations

import numpy as np

from augment_smote.bases import Bases, find_bases

__all__ = ["find_rare", "relevance"]

RARE = 0.8  # relevance from which a target is rare
MAX_COMPARED = 1_000  # rows of a side that tell how far away its rows usually are
MAX_REACH = 1.5  # of the quartiles' distance, that ordinary values lie beyond the quartiles at most


def relevance(target: np.ndarray) -> np.ndarray:
    """How rare each target is, (M,) in [0, 1], by the rule of box plots.

    0 at the median and 1 at the ends of the whiskers, a cubic in between that is level at both (Ribeiro 2011,
    "Utility-based Regression").
    """
    low, median, high = np.quantile(target, [0.25, 0.5, 0.75])
    reach = MAX_REACH * (high - low)
    ordinary = target[(target >= low - reach) & (target <= high + reach)]
    ends = np.where(target < median, ordinary.min(), ordinary.max())
    way = np.clip((target - median) / np.where(ends == median, np.inf, ends - median), 0.0, 1.0)
    way[(target != median) & (ends == median)] = 1.0  # where half of all values are equal, any other is rare
    curve: np.ndarray = way**2 * (3 - 2 * way)
    return curve


def find_rare(
    features: np.ndarray, categorical: np.ndarray, target: np.ndarray, num_neighbors: int, avoid_far: bool = False
) -> Bases:
    """Bases among the rare targets below the median and, by themselves, among those above it.

    Where neither side has two such rows, all rows are bases.

    Args:
        features: of all training rows, (M, F) float64, categories as codes.
        categorical: which features are categories, bool (F,).
        target: (M,) numbers.
        num_neighbors: how many nearest rows of its side a row may move towards.
        avoid_far: whether a row is its own neighbor in place of those that are too far away.
    """
    is_rare = relevance(target) >= RARE
    codes = np.where(is_rare, np.where(target < np.median(target), 0, 1), -1)
    sides = [side for side in (0, 1) if np.count_nonzero(codes == side) > 1]
    if not sides:  # so few rows do not show what is rare
        codes, sides = np.zeros(len(target), np.int64), [0]
    settings = {"n_neighbors": num_neighbors}
    found = [find_bases("plain", features, categorical, codes, side, settings) for side in sides]
    width = max(bases.neighbors.shape[1] for bases in found)  # a side of fewer rows has each neighbor several times
    rows = np.concatenate([bases.rows for bases in found])
    neighbors = np.concatenate([bases.neighbors[:, np.arange(width) % bases.neighbors.shape[1]] for bases in found])
    times = np.bincount(rows, minlength=len(target))[rows]  # among categories alone, a row may be a base several times
    if avoid_far:
        neighbors = np.where(_are_far(features, categorical, codes, rows, neighbors), rows[:, None], neighbors)
    shares = 1 / times
    return Bases(rows, neighbors, shares / shares.sum(), np.ones(len(rows), np.float32))


def _are_far(
    features: np.ndarray, categorical: np.ndarray, codes: np.ndarray, rows: np.ndarray, neighbors: np.ndarray
) -> np.ndarray:
    """Which neighbors are farther away than half the median distance to the rows of the side, bool (B, K)."""
    weight = np.median(features[:, ~categorical].std(axis=0)) if not categorical.all() else 1.0

    def distances(some: np.ndarray, others: np.ndarray) -> np.ndarray:
        differences = features[some] - features[others]
        squares = np.where(categorical, weight**2 * (differences != 0), differences**2)
        found: np.ndarray = np.sqrt(squares.sum(axis=-1))
        return found

    limits = np.empty(len(rows))
    for side in np.unique(codes[rows]):
        others = np.flatnonzero(codes == side)
        others = others[:: -(-len(others) // MAX_COMPARED)]
        for base in np.flatnonzero(codes[rows] == side):
            limits[base] = np.median(distances(rows[base], others[others != rows[base]])) / 2
    are_far: np.ndarray = np.stack([distances(rows, column) > limits for column in neighbors.T], axis=1)
    return are_far
