"""A density for the codes of each class: where in the code space its rows really lie.

Drawing codes from it, instead of from the prior N(0, 1), leaves out the regions that no row was encoded to.

Shapes: N codes, Z size of a code, M components of all classes together.
"""

from __future__ import annotations

import functools
import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

__all__ = ["Mixture"]

LEAST_VARIANCE = 1e-4  # the prior's is 1
NUM_ROUNDS = 50  # as good as converged for drawing from it
NUM_CELL_ROUNDS = 20


@dataclass(frozen=True)
class Mixture:
    """Gaussians with full covariance, some for each class.

    Attributes:
        ends: (M,) float64. Class k owns the stretch from k to k + 1, cut in proportion to its components' weights, and
            these are the upper ends of the pieces; so k plus a uniform number finds a component.
        means: (M, Z) float32.
        factors: (M, Z, Z) float32, lower triangular Cholesky factors of the covariances.
    """

    ends: np.ndarray
    means: np.ndarray
    factors: np.ndarray

    @classmethod
    def fit(
        cls,
        codes: np.ndarray,
        classes: np.ndarray,
        counts: Sequence[int],
        most_components: int,
        rows_per_component: int,
        rng: np.random.Generator,
        num_rounds: int = NUM_ROUNDS,
    ) -> Mixture:
        """Fit each class by itself, then draw its covariances towards the one common to all classes.

        The common covariance counts as much as Z training rows: it decides where a class has few, and hardly matters
        where a component has hundreds.

        Args:
            codes: (N, Z), at least two a class that has rows; several draws from the posterior of each training row
                where rows are few.
            classes: (N,) the class of each.
            counts: how many training rows each class has.
            most_components: a class has no more than these,
            rows_per_component: and one for each so many training rows, at least one.
            rng: for the first guesses.
            num_rounds: rounds of expectation maximisation at most. With none, which is enough where there are hundreds
                of components and far quicker, a component is a cell of k-means.
        """
        present = [number for number, count in enumerate(counts) if count]
        common = _common_covariance(codes, classes, counts)
        prior_rows = codes.shape[1]
        ends, means, factors = [], [], []
        for number in present:
            num_components = int(np.clip(counts[number] // rows_per_component, 1, most_components))
            seed = int(rng.integers(2**31))
            chosen = codes[classes == number].astype(np.float64)
            find = functools.partial(_maximise, num_rounds=num_rounds) if num_rounds else _cells
            weights, centres, covariances = find(chosen, num_components, seed)
            num_rows = (weights * counts[number])[:, None, None]
            covariances = (num_rows * covariances + prior_rows * common) / (num_rows + prior_rows)
            ends.append(number + np.cumsum(weights))
            ends[-1][-1] = number + 1  # the sum of the weights may miss 1 by a rounding
            means.append(centres)
            factors.append(np.linalg.cholesky(covariances))
        return cls(
            np.concatenate(ends), np.concatenate(means).astype(np.float32), np.concatenate(factors).astype(np.float32)
        )

    def components(self, classes: np.ndarray, uniform: np.ndarray) -> np.ndarray:
        """A component of each row's class, (N,) int64, from float32 numbers in [0, 1), which leave the sum exact."""
        return np.searchsorted(self.ends, classes + uniform, side="right")


def _maximise(
    codes: np.ndarray, num_components: int, seed: int, num_rounds: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Weights (M,), means (M, Z) and covariances (M, Z, Z) of the components that make the codes most likely."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.mixture import GaussianMixture

    model = GaussianMixture(num_components, reg_covar=LEAST_VARIANCE, max_iter=num_rounds, random_state=seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(codes)
    return model.weights_, model.means_, model.covariances_


def _cells(codes: np.ndarray, num_components: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The same of k-means cells."""
    from sklearn.cluster import KMeans
    from sklearn.exceptions import ConvergenceWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # fewer different codes than cells
        cells = KMeans(num_components, n_init=1, max_iter=NUM_CELL_ROUNDS, random_state=seed).fit(codes).labels_
    members = [codes[cells == cell] for cell in np.unique(cells)]
    weights = np.array([len(rows) / len(codes) for rows in members])
    means = np.stack([rows.mean(0) for rows in members])
    least = LEAST_VARIANCE * np.eye(codes.shape[1])
    covariances = [np.cov(rows, rowvar=False, bias=True).reshape(least.shape) + least for rows in members]
    return weights, means, np.stack(covariances)


def _common_covariance(codes: np.ndarray, classes: np.ndarray, counts: Sequence[int]) -> np.ndarray:
    """The mean covariance within a class, classes weighed by their training rows: (Z, Z) float64, positive definite."""
    total = np.zeros((codes.shape[1], codes.shape[1]))
    for number, count in enumerate(counts):
        if count:
            total += count * np.cov(codes[classes == number], rowvar=False, bias=True).reshape(total.shape)
    return total / sum(counts) + LEAST_VARIANCE * np.eye(len(total))
