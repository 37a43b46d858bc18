"""How alike two weighted samples are, column by column, pair by pair, and as clouds of points.

Each similarity is 1 for equal and 0 for entirely different. Weights sum to 1, so that samples with other shares of the
classes can be compared as if they had the same.

Shapes: N and M rows of the two samples, P columns, D dimensions.
"""

from __future__ import annotations

import numpy as np

__all__ = ["correlations", "density_and_coverage", "frechet", "label_similarity", "number_similarity"]


def number_similarity(a: np.ndarray, weights_a: np.ndarray, b: np.ndarray, weights_b: np.ndarray) -> float:
    """1 minus the Kolmogorov-Smirnov statistic of (N,) and (M,) numbers; NaN counts as lower than all numbers."""
    values = np.concatenate([a, b])
    values = np.where(np.isnan(values), -np.inf, values)
    order = np.argsort(values, kind="stable")
    difference = np.cumsum(np.concatenate([weights_a, -weights_b])[order])
    ordered = values[order]
    last_of_equal = np.append(ordered[1:] != ordered[:-1], True)
    return float(1 - np.abs(difference[last_of_equal]).max())


def label_similarity(a: np.ndarray, weights_a: np.ndarray, b: np.ndarray, weights_b: np.ndarray, size: int) -> float:
    """1 minus the total variation distance of (N,) and (M,) codes below `size`."""
    share_a, share_b = np.bincount(a, weights_a, size), np.bincount(b, weights_b, size)
    return float(1 - np.abs(share_a - share_b).sum() / 2)


def correlations(numbers: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Pearson's correlation of each pair of columns (N, P), over the rows that have both: (P, P).

    NaN where it is undefined: too few rows, or a column that is constant among them.
    """
    present = np.isfinite(numbers)
    here = present.astype(np.float64)
    share = np.maximum((weights[:, None] * here).sum(axis=0), 1e-300)
    # centred and scaled first, for a sum of squares loses digits
    mean = (weights[:, None] * np.where(present, numbers, 0)).sum(axis=0) / share
    values = np.where(present, numbers - mean, 0)
    values /= np.maximum(np.abs(values).max(axis=0, initial=0), 1e-300)

    weighted = weights[:, None] * values
    both = (weights[:, None] * here).T @ here
    with np.errstate(invalid="ignore", divide="ignore"):
        first = weighted.T @ here / both  # mean of column i where column j is present too
        second = (weighted * values).T @ here / both
        deviation = np.sqrt(np.maximum(second - first**2, 0))
        correlation = (weighted.T @ values / both - first * first.T) / (deviation * deviation.T)
    usable = (deviation > 1e-7) & (deviation.T > 1e-7)
    return np.where(usable, np.clip(correlation, -1, 1), np.nan)


def frechet(a: np.ndarray, b: np.ndarray) -> float:
    """The Fréchet distance of normal distributions fitted to (N, D) and (M, D) points (Dowson and Landau 1982).

    Squared, as in the FID of Heusel et al. 2017. Fewer points than dimensions are fine, for nothing is inverted; one
    point is not.
    """
    a, b = a.astype(np.float64), b.astype(np.float64)
    covariance_a, covariance_b = (np.atleast_2d(np.cov(points, rowvar=False)) for points in (a, b))
    # the trace of sqrt(A B) from the eigenvalues of sqrt(A) B sqrt(A), which is symmetric
    values, vectors = np.linalg.eigh(covariance_a)
    root = (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T
    overlap = np.sqrt(np.maximum(np.linalg.eigvalsh(root @ covariance_b @ root), 0)).sum()
    apart = ((a.mean(axis=0) - b.mean(axis=0)) ** 2).sum()
    return float(max(apart + np.trace(covariance_a) + np.trace(covariance_b) - 2 * overlap, 0.0))


def density_and_coverage(real: np.ndarray, other: np.ndarray, num_neighbors: int = 5) -> tuple[float, float]:
    """Density and coverage (Naeem et al. 2020) of points (M, D) against real ones (N, D), with N > `num_neighbors`.

    Each real point has a ball that just reaches its real neighbor of that rank. Density: how many balls a point lies
    in, over what is expected, so about 1 for real points. Coverage: the share of balls with any of the points inside.
    """
    from scipy.spatial.distance import cdist

    radius = np.sort(cdist(real, real), axis=1)[:, num_neighbors]  # column 0 is the point itself
    inside = cdist(other, real) <= radius  # (M, N)
    return float(inside.sum() / (num_neighbors * len(other))), float(inside.any(axis=0).mean())
