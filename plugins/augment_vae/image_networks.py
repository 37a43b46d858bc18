"""The image VAE's two halves.

What is unusual: pictures of up to 32 x 32 pixels go through fully connected layers, which at that size are both
quicker and sharper than convolutions; larger ones are halved by convolutions first.

Shapes: N pictures of a batch, C channels, H height, W width, Z latent dimensions.
"""

from __future__ import annotations

import itertools
import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from augment.toolkit.latents import draw_latents, kl_divergence

MAX_DENSE = 32  # height or width up to which there are no convolutions
HALVED_TO = 16  # larger pictures are halved until they are no larger than that
MAX_CHANNELS = 64
PENALTY_WEIGHT = 1.0  # of the critic


class Vae(nn.Module):
    """A class-conditional variational autoencoder (Kingma and Welling 2014) with a Bernoulli likelihood."""

    def __init__(self, shape_HWC: tuple[int, ...], num_classes: int, width: int, latent_dim: int):
        super().__init__()
        self.height, self.breadth, num_channels = shape_HWC
        self.num_classes = num_classes
        longest = max(self.height, self.breadth)
        num_halvings = math.ceil(math.log2(longest / HALVED_TO)) if longest > MAX_DENSE else 0
        scale = 2**num_halvings
        channels = [num_channels, *(min(32 * 2**i, MAX_CHANNELS) for i in range(num_halvings))]
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
            nn.Linear(width, 2 * latent_dim),
        )
        self.decoder = nn.Sequential(
            nn.Linear(latent_dim + num_classes, width),
            nn.SiLU(),
            nn.Linear(width, width),
            nn.SiLU(),
            nn.Linear(width, num_small),
        )
        self.doublings = nn.Sequential(*doublings)

    def encode(self, x_NCHW: Tensor, classes_N: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and logarithm of the variance of each picture's latents, both (N, Z)."""
        hidden = torch.cat([self.halvings(x_NCHW).flatten(1), self._one_hot(classes_N)], 1)
        mean_NZ, log_variance_NZ = self.encoder(hidden).float().chunk(2, 1)
        return mean_NZ, log_variance_NZ

    def decode(self, latent_NZ: Tensor, classes_N: Tensor) -> Tensor:
        """The logit of each value, (N, C, H, W)."""
        hidden = self.decoder(torch.cat([latent_NZ, self._one_hot(classes_N)], 1))
        x_NCHW: Tensor = self.doublings(hidden.unflatten(1, self.small))
        return x_NCHW[:, :, : self.height, : self.breadth].float()

    def losses(self, x_NCHW: Tensor, classes_N: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Reconstruction loss and KL divergence in nats per picture; and the reconstructions, (N, C, H, W)."""
        mean_NZ, log_variance_NZ = self.encode(x_NCHW, classes_N)
        logits = self.decode(draw_latents(mean_NZ, log_variance_NZ), classes_N)
        reconstruction = F.binary_cross_entropy_with_logits(logits, x_NCHW, reduction="sum") / len(x_NCHW)
        return reconstruction, kl_divergence(mean_NZ, log_variance_NZ), logits.sigmoid()

    def _one_hot(self, classes_N: Tensor) -> Tensor:
        return F.one_hot(classes_N, self.num_classes).float()


class Critic(nn.Module):
    """Pictures to one score for each patch, high for real ones: for sharpness (PatchGAN, Isola et al. 2017)."""

    def __init__(self, num_channels: int):
        super().__init__()
        layers: list[nn.Module] = []
        for fine, coarse in itertools.pairwise([num_channels, 32, MAX_CHANNELS]):
            layers += [nn.Conv2d(fine, coarse, 3, stride=2, padding=1), nn.LeakyReLU(0.2)]
        self.patches = nn.Sequential(*layers, nn.Conv2d(MAX_CHANNELS, 1, 3, padding=1))

    def forward(self, x_NCHW: Tensor) -> Tensor:
        """Scores, (N, patches)."""
        scores: Tensor = self.patches(2 * x_NCHW - 1)
        return scores.flatten(1).float()

    def loss(self, real_NCHW: Tensor, drawn_NCHW: Tensor) -> Tensor:
        """Of telling real pictures from drawn ones, with a gradient penalty at real ones (Mescheder et al. 2018)."""
        real_NCHW = real_NCHW.detach().requires_grad_()
        real_scores, drawn_scores = self(real_NCHW), self(drawn_NCHW.detach())
        (gradient_NCHW,) = torch.autograd.grad(real_scores.mean(1).sum(), real_NCHW, create_graph=True)
        penalty = gradient_NCHW.square().sum((1, 2, 3)).mean()
        return F.softplus(-real_scores).mean() + F.softplus(drawn_scores).mean() + PENALTY_WEIGHT * penalty
