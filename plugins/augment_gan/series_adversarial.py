"""The two players of the series GAN, how they are trained against each other, and how series are drawn afterwards.

Shapes: N series of a batch, C channels, T steps, S the fewest steps, W width, Z noise.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from augment.plugin import Context
from augment.toolkit.conditions import Conditions, in_full_batches
from augment.toolkit.training import linear_decay, rebuild, reproducible, train, weights_of
from augment_gan.adversarial import squared_slope

if TYPE_CHECKING:
    from augment_gan.series import SeriesGan

LEAST_STEPS, LEAST_EPOCHS = 2_000, 10
PENALTY_EVERY = 8  # lazy regularisation (Karras et al. 2020)
AVERAGE_DECAY = 0.995
SAMPLE_BATCH = 256
FEWEST_STEPS = 6  # that series grow from, and are halved to
EMBEDDING_SIZE = 16


class Generator(nn.Module):
    """Noise and a class to a series: numbers in [-1, 1], and chances of categories."""

    def __init__(self, sizes: Sequence[int], num_steps: int, num_classes: int, width: int, noise_size: int):
        super().__init__()
        self.sizes, self.num_steps = list(sizes), num_steps
        num_doublings = max(0, math.ceil(math.log2(num_steps / FEWEST_STEPS)))
        self.start = (width, math.ceil(num_steps / 2**num_doublings))
        self.embedding = nn.Embedding(num_classes, EMBEDDING_SIZE)
        self.first = nn.Linear(noise_size + EMBEDDING_SIZE, math.prod(self.start))
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

    def __init__(self, num_channels: int, num_steps: int, num_classes: int, width: int):
        super().__init__()
        layers: list[nn.Module] = [nn.Conv1d(num_channels, width, 5, padding=2), nn.LeakyReLU(0.2)]
        while num_steps > FEWEST_STEPS:
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


def fit(
    x_NCT: np.ndarray,
    sizes: Sequence[int],
    classes: np.ndarray,
    conditions: Conditions,
    params: SeriesGan.Params,
    context: Context,
) -> dict[str, np.ndarray]:
    """Train, and return the averaged weights of the generator.

    Args:
        x_NCT: scaled series, float32.
        sizes: how many of the C channels each channel of the data has.
        classes: (N,) int64, -1 where there is none.
        conditions: the classes.
        params: the settings.
        context: of the fit.
    """
    num_channels, num_steps = x_NCT.shape[1:]
    num_classes, device = len(conditions.labels), context.device
    rows = conditions.training_rows(classes)
    num_fit_steps = params.steps or max(LEAST_STEPS, LEAST_EPOCHS * len(rows) // params.batch_size)
    with reproducible(context):
        x, classes_N, rows_M = (torch.tensor(values, device=device) for values in (x_NCT, classes, rows))
        generator = Generator(sizes, num_steps, num_classes, params.width, params.noise_size).to(device)
        discriminator = Discriminator(num_channels, num_steps, num_classes, params.width).to(device)
        betas = (0.5, 0.99)
        optimizers = {
            "generator": torch.optim.Adam(generator.parameters(), lr=params.generator_rate, betas=betas, fused=True),
            "discriminator": torch.optim.Adam(
                discriminator.parameters(), lr=params.discriminator_rate, betas=betas, fused=True
            ),
        }

        def step(number: int, batch: Tensor) -> dict[str, Tensor]:
            real, wanted = x[rows_M[batch]], classes_N[rows_M[batch]]
            with torch.no_grad():
                fake = generator(torch.randn(len(real), params.noise_size, device=device), wanted)
            real_scores, fake_scores = discriminator(torch.cat([real, fake]), wanted.repeat(2)).chunk(2)
            discriminator_loss = F.softplus(-real_scores).mean() + F.softplus(fake_scores).mean()
            penalty = torch.zeros((), device=device)
            if number % PENALTY_EVERY == 0 and params.gradient_penalty:
                penalty = params.gradient_penalty * PENALTY_EVERY * squared_slope(discriminator, real, wanted)
            optimizers["discriminator"].zero_grad()
            torch.autograd.backward(discriminator_loss + penalty)
            optimizers["discriminator"].step()

            discriminator.requires_grad_(False)
            fake = generator(torch.randn(len(real), params.noise_size, device=device), wanted)
            generator_loss = F.softplus(-discriminator(fake, wanted)).mean()
            optimizers["generator"].zero_grad()
            torch.autograd.backward(generator_loss)
            optimizers["generator"].step()
            discriminator.requires_grad_(True)
            return {"generator": generator_loss, "discriminator": discriminator_loss}

        outcome = train(
            context,
            step,
            num_steps=num_fit_steps,
            num_rows=len(rows),
            batch_size=params.batch_size,
            modules={"generator": generator, "discriminator": discriminator},
            optimizers=optimizers,
            averages={"generator": AVERAGE_DECAY},
            schedule=linear_decay(0.4),
        )
    return weights_of(outcome.averaged["generator"])


def draw(
    weights: Mapping[str, np.ndarray],
    sizes: Sequence[int],
    num_steps: int,
    num_classes: int,
    classes: np.ndarray,
    params: SeriesGan.Params,
    context: Context,
) -> np.ndarray:
    """A scaled series of each class asked for, (N,) int64: (N, C, T) float32."""
    random = context.torch_generator()  # on the CPU, so that the noise is the same on every device
    with reproducible(context), torch.inference_mode():
        generator = rebuild(
            lambda: Generator(sizes, num_steps, num_classes, params.width, params.noise_size), weights, context.device
        )

        def make(classes: np.ndarray) -> np.ndarray:
            noise = torch.randn(len(classes), params.noise_size, generator=random).to(context.device)
            made: np.ndarray = generator(noise, torch.tensor(classes, device=context.device)).cpu().numpy()
            return made

        return in_full_batches(make, classes, SAMPLE_BATCH)
