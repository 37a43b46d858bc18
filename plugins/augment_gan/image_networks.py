"""The two players of the image GAN.

What is unusual: the discriminator has no normalisation at all (with R1 it needs none), and the generator works on
sizes that are multiples of a power of two and cuts its pictures to the size of the data, so any height and width do.

Shapes: N pictures of a batch, C channels, H height, W width, Z noise.
"""

from __future__ import annotations

import itertools
import math

import torch
from torch import Tensor, nn

EMBEDDING_SIZE = 32
SMALLEST = 8  # pictures grow from at most so many pixels
MAX_CHANNELS = 512


class Generator(nn.Module):
    """Noise and a class to a picture with values in [0, 1]: a DCGAN (Radford et al. 2016)."""

    def __init__(self, shape_HWC: tuple[int, ...], num_classes: int, width: int, latent_dim: int):
        super().__init__()
        self.height, self.breadth, num_channels = shape_HWC
        num_doublings = max(2, math.ceil(math.log2(max(self.height, self.breadth) / SMALLEST)))
        scale = 2**num_doublings
        self.start = (-1, math.ceil(self.height / scale), math.ceil(self.breadth / scale))
        channels = [min(width * 2**i, MAX_CHANNELS) for i in reversed(range(num_doublings))]
        self.embedding = nn.Embedding(num_classes, EMBEDDING_SIZE)
        self.first = nn.Linear(latent_dim + EMBEDDING_SIZE, channels[0] * self.start[1] * self.start[2])
        layers: list[nn.Module] = []
        for coarse, fine in zip(channels, [*channels[1:], num_channels], strict=True):
            layers += [nn.BatchNorm2d(coarse), nn.ReLU(), nn.ConvTranspose2d(coarse, fine, 4, stride=2, padding=1)]
        self.doublings = nn.Sequential(*layers)

    def forward(self, noise_NZ: Tensor, classes_N: Tensor) -> Tensor:
        """Pictures, (N, C, H, W)."""
        start = self.first(torch.cat([noise_NZ, self.embedding(classes_N)], 1)).unflatten(1, self.start)
        x_NCHW: Tensor = self.doublings(start.contiguous(memory_format=torch.channels_last))
        return x_NCHW[:, :, : self.height, : self.breadth].float().sigmoid()


class Discriminator(nn.Module):
    """A picture and a class to a number, high for real ones, with projection (Miyato and Koyama 2018)."""

    def __init__(self, shape_HWC: tuple[int, ...], num_classes: int, width: int):
        super().__init__()
        height, breadth, num_channels = shape_HWC
        num_halvings = max(3, math.ceil(math.log2(max(height, breadth) / 4)))
        channels = [num_channels, *(min(width // 2 * 2**i, MAX_CHANNELS) for i in range(num_halvings))]
        layers: list[nn.Module] = []
        for fine, coarse in itertools.pairwise(channels):
            layers += [nn.Conv2d(fine, coarse, 3, stride=2, padding=1), nn.LeakyReLU(0.2)]
            height, breadth = math.ceil(height / 2), math.ceil(breadth / 2)
        num_features = 2 * width
        self.halvings = nn.Sequential(*layers, nn.Flatten())
        self.features = nn.Sequential(nn.Linear(channels[-1] * height * breadth, num_features), nn.LeakyReLU(0.2))
        self.score = nn.Linear(num_features, 1)
        self.embedding = nn.Embedding(num_classes, num_features)

    def forward(self, x_NCHW: Tensor, classes_N: Tensor) -> Tensor:
        """Scores, (N,)."""
        features = self.features(self.halvings(2 * x_NCHW - 1))
        match = (features * self.embedding(classes_N)).sum(1) / math.sqrt(features.shape[1])
        scores: Tensor = self.score(features).squeeze(1) + match
        return scores
