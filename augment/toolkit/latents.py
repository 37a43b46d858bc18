"""What variational autoencoders (Kingma and Welling 2014) have in common.

Shapes: N rows, Z latent dimensions.
"""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["draw_latents", "kl_divergence", "warm_up"]


def draw_latents(mean_NZ: Tensor, log_variance_NZ: Tensor, noise_NZ: Tensor | None = None) -> Tensor:
    """The latents of each row, (N, Z), from standard normal noise; without it, of torch's global random state."""
    noise_NZ = torch.randn_like(mean_NZ) if noise_NZ is None else noise_NZ
    return mean_NZ + (0.5 * log_variance_NZ).exp() * noise_NZ


def kl_divergence(mean_NZ: Tensor, log_variance_NZ: Tensor) -> Tensor:
    """From the prior N(0, 1), the mean over the rows: a scalar in nats."""
    return 0.5 * (mean_NZ.square() + log_variance_NZ.exp() - 1 - log_variance_NZ).sum(1).mean()


def warm_up(number: int, num_steps: float) -> float:
    """The factor of beta at a step: it rises from 0 to 1 over so many steps (Bowman et al. 2016)."""
    return min(1.0, number / num_steps)
