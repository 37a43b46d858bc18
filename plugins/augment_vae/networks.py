"""The image VAE's two halves.

What is unusual: pictures of up to 32 x 32 pixels go through fully connected layers, which at that size are both
quicker and sharper than convolutions; larger ones are halved by convolutions first.

Shapes: N pictures of a batch, C channels, H height, W width, Z code.
"""

from __future__ import annotations

import itertools
import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

LARGEST_DENSE = 32  # height or width up to which there are no convolutions
HALVED_TO = 16  # larger pictures are halved until they are no larger than that
MOST_CHANNELS = 64
SLOPE_PRICE = 1.0  # of the critic


class Vae(nn.Module):
    """A class-conditional variational autoencoder (Kingma and Welling 2014) with a Bernoulli likelihood."""

    def __init__(self, shape_HWC: tuple[int, int, int], num_classes: int, width: int, code_size: int):
        super().__init__()
        self.height, self.breadth, num_channels = shape_HWC
        self.num_classes = num_classes
        longest = max(self.height, self.breadth)
        num_halvings = math.ceil(math.log2(longest / HALVED_TO)) if longest > LARGEST_DENSE else 0
        scale = 2**num_halvings
        channels = [num_channels, *(min(32 * 2**i, MOST_CHANNELS) for i in range(num_halvings))]
        self.small = (channels[-1], math.ceil(self.height / scale), math.ceil(self.breadth / scale))
        halvings: list[nn.Module] = []
        doublings: list[nn.Module] = []
        for fine, coarse in itertools.pairwise(channels):
            halvings += [nn.Conv2d(fine, coarse, 3, stride=2, padding=1), nn.SiLU()]
            doublings = [nn.SiLU(), nn.ConvTranspose2d(coarse, fine, 4, stride=2, padding=1), *doublings]
        num_small = math.prod(self.small)
        self.halvings = nn.Sequential(*halvings)
        self.encoder = nn.Sequential(
            nn.Linear(num_small + num_classes, width),
            nn.SiLU(),
            nn.Linear(width, width),
            nn.SiLU(),
            nn.Linear(width, 2 * code_size),
        )
        self.decoder = nn.Sequential(
            nn.Linear(code_size + num_classes, width),
            nn.SiLU(),
            nn.Linear(width, width),
            nn.SiLU(),
            nn.Linear(width, num_small),
        )
        self.doublings = nn.Sequential(*doublings)

    def encode(self, x_NCHW: Tensor, classes_N: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and logarithm of the variance of each picture's code, both (N, Z)."""
        hidden = torch.cat([self.halvings(x_NCHW).flatten(1), self._one_hot(classes_N)], 1)
        mean_NZ, log_variance_NZ = self.encoder(hidden).float().chunk(2, 1)
        return mean_NZ, log_variance_NZ

    def draw_code(self, mean_NZ: Tensor, log_variance_NZ: Tensor) -> Tensor:
        """A code of each picture, (N, Z), drawn from torch's global random state."""
        return mean_NZ + (0.5 * log_variance_NZ).exp() * torch.randn_like(mean_NZ)

    def decode(self, code_NZ: Tensor, classes_N: Tensor) -> Tensor:
        """The logit of each value, (N, C, H, W)."""
        hidden = self.decoder(torch.cat([code_NZ, self._one_hot(classes_N)], 1))
        x_NCHW = self.doublings(hidden.unflatten(1, self.small))
        return x_NCHW[:, :, : self.height, : self.breadth].float()

    def losses(self, x_NCHW: Tensor, classes_N: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """How badly pictures come back and how much their codes say, in nats per picture; and what comes back."""
        mean_NZ, log_variance_NZ = self.encode(x_NCHW, classes_N)
        logits = self.decode(self.draw_code(mean_NZ, log_variance_NZ), classes_N)
        error = F.binary_cross_entropy_with_logits(logits, x_NCHW, reduction="sum") / len(x_NCHW)
        divergence = 0.5 * (mean_NZ.square() + log_variance_NZ.exp() - 1 - log_variance_NZ).sum(1).mean()
        return error, divergence, logits.sigmoid()

    def _one_hot(self, classes_N: Tensor) -> Tensor:
        return F.one_hot(classes_N, self.num_classes).float()


class Critic(nn.Module):
    """Pictures to one score for each patch, high for real ones: for sharpness (PatchGAN, Isola et al. 2017)."""

    def __init__(self, num_channels: int):
        super().__init__()
        layers: list[nn.Module] = []
        for fine, coarse in itertools.pairwise([num_channels, 32, MOST_CHANNELS]):
            layers += [nn.Conv2d(fine, coarse, 3, stride=2, padding=1), nn.LeakyReLU(0.2)]
        self.patches = nn.Sequential(*layers, nn.Conv2d(MOST_CHANNELS, 1, 3, padding=1))

    def forward(self, x_NCHW: Tensor) -> Tensor:
        """Scores, (N, patches)."""
        scores: Tensor = self.patches(2 * x_NCHW - 1)
        return scores.flatten(1).float()

    def loss(self, real_NCHW: Tensor, drawn_NCHW: Tensor) -> Tensor:
        """Of telling real pictures from drawn ones, with a price on its slope at real ones (Mescheder et al. 2018)."""
        real_NCHW = real_NCHW.detach().requires_grad_()
        real_scores, drawn_scores = self(real_NCHW), self(drawn_NCHW.detach())
        (slope_NCHW,) = torch.autograd.grad(real_scores.mean(1).sum(), real_NCHW, create_graph=True)
        steepness = slope_NCHW.square().sum((1, 2, 3)).mean()
        return F.softplus(-real_scores).mean() + F.softplus(drawn_scores).mean() + SLOPE_PRICE * steepness
