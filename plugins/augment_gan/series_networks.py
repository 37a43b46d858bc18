"""The two players of the series GAN.

Shapes: N series of a batch, C channels, T time steps, Z noise.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

MIN_LENGTH = 6  # time steps that series grow from, and are halved to
EMBEDDING_SIZE = 16


class Generator(nn.Module):
    """Noise and a class to a series: numbers in [-1, 1], and chances of categories."""

    def __init__(self, sizes: Sequence[int], num_steps: int, num_classes: int, width: int, latent_dim: int):
        super().__init__()
        self.sizes, self.num_steps = list(sizes), num_steps
        num_doublings = max(0, math.ceil(math.log2(num_steps / MIN_LENGTH)))
        self.start = (width, math.ceil(num_steps / 2**num_doublings))
        self.embedding = nn.Embedding(num_classes, EMBEDDING_SIZE)
        self.first = nn.Linear(latent_dim + EMBEDDING_SIZE, math.prod(self.start))
        layers: list[nn.Module] = []
        for _ in range(num_doublings):
            layers += [nn.ReLU(), nn.ConvTranspose1d(width, width, 4, stride=2, padding=1), nn.BatchNorm1d(width)]
        self.doublings = nn.Sequential(*layers, nn.ReLU(), nn.Conv1d(width, sum(sizes), 5, padding=2))

    def forward(self, noise_NZ: Tensor, classes_N: Tensor) -> Tensor:
        """Series, (N, C, T)."""
        start = self.first(torch.cat([noise_NZ, self.embedding(classes_N)], 1)).unflatten(1, self.start)
        x_NCT = self.doublings(start)[..., : self.num_steps]
        parts = [part.tanh() if part.shape[1] == 1 else part.softmax(1) for part in x_NCT.split(self.sizes, 1)]
        return torch.cat(parts, 1)


class Discriminator(nn.Module):
    """A series and a class to a number, high for real ones, with projection (Miyato and Koyama 2018)."""

    def __init__(self, shape_CT: tuple[int, ...], num_classes: int, width: int):
        super().__init__()
        num_channels, num_steps = shape_CT
        layers: list[nn.Module] = [nn.Conv1d(num_channels, width, 5, padding=2), nn.LeakyReLU(0.2)]
        while num_steps > MIN_LENGTH:
            layers += [nn.Conv1d(width, width, 5, stride=2, padding=2), nn.LeakyReLU(0.2)]
            num_steps = math.ceil(num_steps / 2)
        self.features = nn.Sequential(*layers, nn.Flatten(), nn.Linear(width * num_steps, width), nn.LeakyReLU(0.2))
        self.score = nn.Linear(width, 1)
        self.embedding = nn.Embedding(num_classes, width)

    def forward(self, x_NCT: Tensor, classes_N: Tensor) -> Tensor:
        """Scores, (N,)."""
        features = self.features(x_NCT)
        match = (features * self.embedding(classes_N)).sum(1) / math.sqrt(features.shape[1])
        scores: Tensor = self.score(features).squeeze(1) + match
        return scores
