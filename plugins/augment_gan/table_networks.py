"""The two players of the table GAN, and the space that they play in.

Shapes: N rows of a batch, C classes, Z latent dimensions of a row VAE.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

MIN_VARIANCE = 1e-4


class Generator(nn.Module):
    """Noise and a class to a standardised vector: the noise itself, and what is added to it, at first nothing."""

    def __init__(self, latent_dim: int, num_classes: int, width: int):
        super().__init__()
        self.num_classes = num_classes
        self.layers = _layers(latent_dim + num_classes, width, latent_dim)
        for parameter in self.layers[-1].parameters():
            nn.init.zeros_(parameter)

    def forward(self, noise_NZ: Tensor, classes_N: Tensor) -> Tensor:
        """Vectors, (N, Z)."""
        added: Tensor = self.layers(torch.cat([noise_NZ, F.one_hot(classes_N, self.num_classes).float()], 1))
        return noise_NZ + added


class Discriminator(nn.Module):
    """A standardised vector and a class to a number, high for those of real rows."""

    def __init__(self, latent_dim: int, num_classes: int, width: int):
        super().__init__()
        self.num_classes = num_classes
        self.layers = _layers(latent_dim + num_classes, width, 1)

    def forward(self, vector_NZ: Tensor, classes_N: Tensor) -> Tensor:
        """Scores, (N,)."""
        scores: Tensor = self.layers(torch.cat([vector_NZ, F.one_hot(classes_N, self.num_classes).float()], 1))
        return scores.squeeze(1)


def _layers(num_inputs: int, width: int, num_outputs: int) -> nn.Sequential:
    hidden: list[nn.Module] = []
    for size in (num_inputs, width, width):
        hidden += [nn.Linear(size, width), nn.LeakyReLU(0.2)]
    return nn.Sequential(*hidden, nn.Linear(width, num_outputs))


@dataclass(frozen=True)
class Scale:
    """Where the vectors of each class lie, and how all of them spread about there.

    Attributes:
        means: (C, Z) float32; zeros for a class without rows.
        factor: (Z, Z) float32, the lower triangular Cholesky factor of the covariance within classes.
    """

    means: np.ndarray
    factor: np.ndarray

    @classmethod
    def fit(cls, vectors: np.ndarray, classes: np.ndarray, num_classes: int) -> Scale:
        """Of vectors (N, Z) and their classes (N,), each in [0, C)."""
        counts = np.maximum(np.bincount(classes, minlength=num_classes), 1)
        sums = np.zeros((num_classes, vectors.shape[1]))
        np.add.at(sums, classes, vectors)
        means = sums / counts[:, None]
        deviations = vectors - means[classes]
        covariance = deviations.T @ deviations / len(vectors) + MIN_VARIANCE * np.eye(vectors.shape[1])
        return cls(means.astype(np.float32), np.linalg.cholesky(covariance).astype(np.float32))
