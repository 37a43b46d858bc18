"""A density for the latents of each class: where in the latent space its rows really lie.

Drawing from it, instead of from the prior N(0, 1), leaves out the regions that no row was encoded to.

Shapes: N rows, Z latent dimensions, M components of all classes together.
"""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import torch

__all__ = ["Mixture", "repeated_rows"]

MIN_VARIANCE = 1e-4  # the prior's is 1
NUM_ROUNDS = 50  # as good as converged for drawing from it
NUM_CELL_ROUNDS = 20
MIN_LATENTS = 200  # of a class, for a fit


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
        latents: np.ndarray,
        classes: np.ndarray,
        counts: Sequence[int],
        max_components: int,
        rows_per_component: int,
        rng: np.random.Generator,
        num_rounds: int = NUM_ROUNDS,
    ) -> Mixture:
        """Fit each class by itself, then draw its covariances towards the one common to all classes.

        The common covariance counts as much as Z training rows: it decides where a class has few, and hardly matters
        where a component has hundreds.

        Args:
            latents: (N, Z), at least two a class that has rows; several draws from the posterior of each training row
                where rows are few.
            classes: (N,) the class of each.
            counts: how many training rows each class has.
            max_components: a class has no more than these,
            rows_per_component: and one for each so many training rows, at least one.
            rng: for the first guesses.
            num_rounds: rounds of expectation maximisation at most. With none, which is enough where there are hundreds
                of components and far quicker, a component is a cell of k-means.
        """
        present = [number for number, count in enumerate(counts) if count]
        common = _common_covariance(latents, classes, counts)
        prior_rows = latents.shape[1]
        ends, means, factors = [], [], []
        for number in present:
            num_components = int(np.clip(counts[number] // rows_per_component, 1, max_components))
            seed = int(rng.integers(2**31))
            chosen = latents[classes == number].astype(np.float64)
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
        components: np.ndarray = np.searchsorted(self.ends, classes + uniform, side="right")
        return components

    def prior(self) -> Callable[[np.ndarray, torch.Generator], torch.Tensor]:
        """What draws latents: from classes (N,) and a generator of the CPU to (N, Z) float32 there."""
        import torch

        means, factors = torch.tensor(self.means), torch.tensor(self.factors)

        def draw(classes: np.ndarray, random: torch.Generator) -> torch.Tensor:
            uniform = torch.rand(len(classes), generator=random).numpy()
            components = torch.tensor(self.components(classes, uniform))
            normal_NZ1 = torch.randn(len(classes), means.shape[1], 1, generator=random)
            with torch.autocast("cpu", enabled=False):
                chosen = factors.index_select(0, components)  # six times as quick as by brackets
                return means[components] + (chosen @ normal_NZ1).squeeze(2)

        return draw


def repeated_rows(classes: np.ndarray, counts: Sequence[int]) -> np.ndarray:
    """Which rows to fit a mixture to, (M,) int64: all with a class, those of small classes several times.

    Each time a row's latents are drawn anew from its posterior.
    """
    times = np.ceil(MIN_LATENTS / np.maximum(counts, 1)).astype(np.int64)
    labelled = np.flatnonzero(classes >= 0)
    return np.repeat(labelled, times[classes[labelled]])


def _maximise(
    latents: np.ndarray, num_components: int, seed: int, num_rounds: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Weights (M,), means (M, Z) and covariances (M, Z, Z) of the components that make the latents most likely."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.mixture import GaussianMixture

    model = GaussianMixture(num_components, reg_covar=MIN_VARIANCE, max_iter=num_rounds, random_state=seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(latents)
    return model.weights_, model.means_, model.covariances_


def _cells(latents: np.ndarray, num_components: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The same of k-means cells."""
    from sklearn.cluster import KMeans
    from sklearn.exceptions import ConvergenceWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # fewer different latents than cells
        cells = KMeans(num_components, n_init=1, max_iter=NUM_CELL_ROUNDS, random_state=seed).fit(latents).labels_
    members = [latents[cells == cell] for cell in np.unique(cells)]
    weights = np.array([len(rows) / len(latents) for rows in members])
    means = np.stack([rows.mean(0) for rows in members])
    least = MIN_VARIANCE * np.eye(latents.shape[1])
    covariances = [np.cov(rows, rowvar=False, bias=True).reshape(least.shape) + least for rows in members]
    return weights, means, np.stack(covariances)


def _common_covariance(latents: np.ndarray, classes: np.ndarray, counts: Sequence[int]) -> np.ndarray:
    """The mean covariance within a class, classes weighed by their training rows: (Z, Z) float64, positive definite."""
    total = np.zeros((latents.shape[1], latents.shape[1]))
    for number, count in enumerate(counts):
        if count:
            total += count * np.cov(latents[classes == number], rowvar=False, bias=True).reshape(total.shape)
    return total / sum(counts) + MIN_VARIANCE * np.eye(len(total))
