"""The series VAE's two halves: convolutions in time that halve and double the time steps.

Shapes: N series of a batch, C channels, T time steps, Z latent dimensions.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from augment.toolkit.latents import draw_latents, kl_divergence

MIN_LENGTH = 6  # time steps that a series is halved to
MIN_ERROR = 1e-6  # mean square of a channel in [-1, 1]; a constant channel has none


class SeriesNetwork(nn.Module):
    """A class-conditional variational autoencoder (Kingma and Welling 2014) with a Gaussian likelihood.

    The noise of each channel is the one that makes a batch likeliest (sigma-VAE, Rybkin et al. 2021), so
    reconstruction loss and KL divergence need no weighing against each other.
    """

    def __init__(self, shape_CT: tuple[int, int], num_classes: int, width: int, latent_dim: int):
        super().__init__()
        num_channels, self.num_steps = shape_CT
        self.num_classes = num_classes
        num_halvings = max(0, math.ceil(math.log2(self.num_steps / MIN_LENGTH)))
        self.small = (width, math.ceil(self.num_steps / 2**num_halvings))
        self.padded = self.small[1] * 2**num_halvings
        halvings: list[nn.Module] = [nn.Conv1d(num_channels, width, 5, padding=2), nn.SiLU()]
        doublings: list[nn.Module] = []
        for _ in range(num_halvings):
            halvings += [nn.Conv1d(width, width, 4, stride=2, padding=1), nn.SiLU()]
            doublings += [nn.SiLU(), nn.ConvTranspose1d(width, width, 4, stride=2, padding=1)]
        self.halvings = nn.Sequential(*halvings)
        self.doublings = nn.Sequential(*doublings, nn.SiLU(), nn.Conv1d(width, num_channels, 5, padding=2))
        self.encoder = nn.Linear(math.prod(self.small) + num_classes, 2 * latent_dim)
        self.decoder = nn.Sequential(
            nn.Linear(latent_dim + num_classes, 2 * width),
            nn.SiLU(),
            nn.Linear(2 * width, math.prod(self.small)),
        )

    def encode(self, x_NCT: Tensor, classes_N: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and logarithm of the variance of each series' latents, both (N, Z)."""
        padded = F.pad(x_NCT, (0, self.padded - self.num_steps), mode="constant")
        hidden = torch.cat([self.halvings(padded).flatten(1), self._one_hot(classes_N)], 1)
        mean_NZ, log_variance_NZ = self.encoder(hidden).chunk(2, 1)
        return mean_NZ, log_variance_NZ.clamp(-12, 4)

    def decode(self, latent_NZ: Tensor, classes_N: Tensor) -> Tensor:
        """The middle of what each value may be, (N, C, T)."""
        hidden = self.decoder(torch.cat([latent_NZ, self._one_hot(classes_N)], 1)).unflatten(1, self.small)
        decoded: Tensor = self.doublings(hidden)
        return decoded[..., : self.num_steps]

    def losses(self, x_NCT: Tensor, classes_N: Tensor) -> tuple[Tensor, Tensor]:
        """Reconstruction loss and KL divergence, in nats per series."""
        mean_NZ, log_variance_NZ = self.encode(x_NCT, classes_N)
        drawn_NCT = self.decode(draw_latents(mean_NZ, log_variance_NZ), classes_N)
        errors_C = (drawn_NCT - x_NCT).square().mean((0, 2))
        reconstruction = 0.5 * self.num_steps * (errors_C + MIN_ERROR).log().sum()
        return reconstruction, kl_divergence(mean_NZ, log_variance_NZ)

    def _one_hot(self, classes_N: Tensor) -> Tensor:
        return F.one_hot(classes_N, self.num_classes).float()
