"""The game of a generator and a discriminator (Goodfellow et al. 2014), the same for images, series and tables.

Shapes: N samples of a batch, Z noise. What a sample is, the two networks know.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from augment.toolkit.optimizers import Adam


class Game:
    """Trains two networks against each other, with the non-saturating loss and a gradient penalty.

    Args:
        generator: noise (N, Z) and classes (N,) to samples (N, ...).
        discriminator: samples (N, ...) and classes (N,) to scores (N,), high for real samples.
        generator_learning_rate: of Adam.
        discriminator_learning_rate: of Adam.
        gradient_penalty: weight of R1.
        penalty_every: in how many steps it is computed once, with that many times the weight (lazy regularisation,
            Karras et al. 2020): the penalty is expensive and changes slowly.
        precision: of the forward passes but for the penalty's.
    """

    def __init__(
        self,
        generator: nn.Module,
        discriminator: nn.Module,
        *,
        generator_learning_rate: float,
        discriminator_learning_rate: float,
        gradient_penalty: float,
        penalty_every: int,
        precision: AbstractContextManager[object] | None = None,
    ):
        self.generator, self.discriminator = generator, discriminator
        self.gradient_penalty, self.penalty_every = gradient_penalty, penalty_every
        self.precision = precision or nullcontext()
        self.modules = {"generator": generator, "discriminator": discriminator}
        rates = {"generator": generator_learning_rate, "discriminator": discriminator_learning_rate}
        self.optimizers = {
            name: Adam(module.parameters(), lr=rates[name], betas=(0.5, 0.99), fused=True)
            for name, module in self.modules.items()
        }

    def step(
        self, number: int, real: Tensor, classes_N: Tensor, noise_NZ: Tensor, other_noise_NZ: Tensor
    ) -> tuple[dict[str, Tensor], Tensor]:
        """One step of the discriminator with the first noise, then one of the generator with the other.

        Returns:
            The losses, and the samples that the generator was judged by, (N, ...).
        """
        with self.precision:
            with torch.no_grad():
                fake = self.generator(noise_NZ, classes_N)
            scores = self.discriminator(torch.cat([real, fake]), classes_N.repeat(2)).float()
        real_scores, fake_scores = scores.chunk(2)
        discriminator_loss = F.softplus(-real_scores).mean() + F.softplus(fake_scores).mean()
        loss = discriminator_loss
        if number % self.penalty_every == 0 and self.gradient_penalty:
            weight = self.gradient_penalty * self.penalty_every
            loss = loss + weight * r1_penalty(self.discriminator, real, classes_N)
        self._descend("discriminator", loss)

        self.discriminator.requires_grad_(False)
        with self.precision:
            fake = self.generator(other_noise_NZ, classes_N)
            generator_loss = F.softplus(-self.discriminator(fake, classes_N).float()).mean()
        self._descend("generator", generator_loss)
        self.discriminator.requires_grad_(True)
        return {"generator": generator_loss, "discriminator": discriminator_loss}, fake

    def _descend(self, name: str, loss: Tensor) -> None:
        self.optimizers[name].zero_grad()
        torch.autograd.backward(loss)
        self.optimizers[name].step()


def r1_penalty(discriminator: nn.Module, real: Tensor, classes_N: Tensor) -> Tensor:
    """R1 (Mescheder et al. 2018): half the mean squared gradient of the score at real samples (N, ...)."""
    real = real.detach().requires_grad_()
    (gradient,) = torch.autograd.grad(discriminator(real, classes_N).sum(), real, create_graph=True)
    return gradient.square().flatten(1).sum(1).mean() / 2
