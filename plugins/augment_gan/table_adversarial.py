"""How the table GAN is trained, and how rows are drawn afterwards.

What is unusual: the game is not played over rows, whose columns are choices, but over the vectors that an autoencoder
makes of them. And the generator begins as the Gaussian of each class's vectors, and learns only what that misses.

Shapes: N rows, B rows of a batch, K columns, C classes, Z numbers of a row's vector.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from augment.plugin import Context, derive_seed
from augment.toolkit.conditions import Conditions, in_full_batches
from augment.toolkit.tables.bins import CodeTable
from augment.toolkit.tables.row_vae import (
    ROWS_AT_ONCE,
    Settings,
    default_code_size,
    fit_autoencoder,
    load_autoencoder,
    num_autoencoder_steps,
    vectors_of,
)
from augment.toolkit.training import linear_decay, rebuild, reproducible, train, weights_of

if TYPE_CHECKING:
    from augment_gan.tables import TableGan

AUTOENCODER_EPOCHS = 38
NUM_EPOCHS = 80
LEAST_STEPS, MOST_STEPS = 1_000, 16_000
LEAST_BATCH, MOST_BATCH, BATCHES_AN_EPOCH = 32, 256, 32
PENALTY_EVERY = 16  # lazy regularisation (Karras et al. 2020): the penalty is dear and changes slowly
AVERAGE_DECAY = 0.998
LEAST_VARIANCE = 1e-4


class Generator(nn.Module):
    """Noise and a class to a standardised vector: the noise itself, and what is added to it, at first nothing."""

    def __init__(self, code_size: int, num_classes: int, width: int):
        super().__init__()
        self.num_classes = num_classes
        self.layers = _layers(code_size + num_classes, width, code_size)
        nn.init.zeros_(self.layers[-1].weight)
        nn.init.zeros_(self.layers[-1].bias)

    def forward(self, noise_NZ: Tensor, classes_N: Tensor) -> Tensor:
        """Vectors, (N, Z)."""
        return noise_NZ + self.layers(torch.cat([noise_NZ, F.one_hot(classes_N, self.num_classes).float()], 1))


class Discriminator(nn.Module):
    """A standardised vector and a class to a number, high for those of real rows."""

    def __init__(self, code_size: int, num_classes: int, width: int):
        super().__init__()
        self.num_classes = num_classes
        self.layers = _layers(code_size + num_classes, width, 1)

    def forward(self, vector_NZ: Tensor, classes_N: Tensor) -> Tensor:
        """Scores, (N,)."""
        return self.layers(torch.cat([vector_NZ, F.one_hot(classes_N, self.num_classes).float()], 1)).squeeze(1)


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
        covariance = deviations.T @ deviations / len(vectors) + LEAST_VARIANCE * np.eye(vectors.shape[1])
        return cls(means.astype(np.float32), np.linalg.cholesky(covariance).astype(np.float32))


def fit(
    table: CodeTable,
    codes: np.ndarray,
    classes: np.ndarray,
    conditions: Conditions,
    params: TableGan.Params,
    context: Context,
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray], Scale]:
    """Train the autoencoder, then the two players, on the rows that have a class.

    Args:
        table: what the codes are.
        codes: (N, K) integers.
        classes: (N,) int64, -1 where there is none.
        conditions: the classes.
        params: the settings.
        context: of the fit.

    Returns:
        The averaged weights of autoencoder and generator, and the scale of the vectors.
    """
    labelled = np.flatnonzero(classes >= 0)
    codes, classes = codes[labelled], classes[labelled]
    rows = conditions.training_rows(classes)
    part = int(np.clip(len(codes) // BATCHES_AN_EPOCH, LEAST_BATCH, MOST_BATCH))
    batch_size = params.batch_size or part
    num_steps = params.steps or int(np.clip(NUM_EPOCHS * len(codes) // batch_size, LEAST_STEPS, MOST_STEPS))
    settings = _settings(table, params)
    num_before = num_autoencoder_steps(len(codes), settings)
    with reproducible(context):
        first = _first_part(context, num_before, num_before + num_steps)
        encoder_weights = fit_autoencoder(table, codes, classes, conditions, settings, first)
        network = load_autoencoder(encoder_weights, table, conditions, settings, context.device)
        mean_NZ, deviation_NZ = vectors_of(network, table, codes, classes)
        drawn_NZ = mean_NZ + deviation_NZ * torch.randn_like(mean_NZ)
        scale = Scale.fit(drawn_NZ.cpu().numpy().astype(np.float64), classes, len(conditions.labels))

        device = torch.device(context.device)
        classes_N, rows_M = torch.tensor(classes, device=device), torch.tensor(rows, device=device)
        shrink_ZZ = torch.linalg.inv(torch.tensor(scale.factor, device=device)).T
        mean_NZ = (mean_NZ - torch.tensor(scale.means, device=device)[classes_N]) @ shrink_ZZ
        sizes = (settings.code_size, len(conditions.labels), params.width)
        generator, discriminator = Generator(*sizes).to(device), Discriminator(*sizes).to(device)
        adam = {"betas": (0.5, 0.99), "fused": True}
        generator_optimizer = torch.optim.Adam(generator.parameters(), lr=params.generator_rate, **adam)
        discriminator_optimizer = torch.optim.Adam(discriminator.parameters(), lr=params.discriminator_rate, **adam)

        def step(number: int, batch: Tensor) -> dict[str, Tensor]:
            chosen = rows_M[batch]
            classes = classes_N[chosen]
            noise = torch.randn(3, len(chosen), settings.code_size, device=device)
            real = mean_NZ[chosen] + (deviation_NZ[chosen] * noise[0]) @ shrink_ZZ

            with torch.no_grad():
                fake = generator(noise[1], classes)
            scores = discriminator(torch.cat([real, fake]), torch.cat([classes, classes]))
            real_scores, fake_scores = scores.chunk(2)
            discriminator_loss = F.softplus(-real_scores).mean() + F.softplus(fake_scores).mean()
            penalty = torch.zeros((), device=device)
            if number % PENALTY_EVERY == 0 and params.gradient_penalty:
                penalty = params.gradient_penalty * PENALTY_EVERY * _squared_slope(discriminator, real, classes)
            discriminator_optimizer.zero_grad()
            (discriminator_loss + penalty).backward()
            discriminator_optimizer.step()

            discriminator.requires_grad_(False)
            generator_loss = F.softplus(-discriminator(generator(noise[2], classes), classes)).mean()
            generator_optimizer.zero_grad()
            generator_loss.backward()
            generator_optimizer.step()
            discriminator.requires_grad_(True)
            return {"generator": generator_loss, "discriminator": discriminator_loss}

        outcome = train(
            replace(context, progress=_shifted(context, num_before)),
            step,
            num_steps=num_steps,
            num_rows=len(rows),
            batch_size=batch_size,
            modules={"generator": generator, "discriminator": discriminator},
            optimizers={"generator": generator_optimizer, "discriminator": discriminator_optimizer},
            averages={"generator": AVERAGE_DECAY},
            schedule=linear_decay(0.5),
        )
    return encoder_weights, weights_of(outcome.averaged["generator"]), scale


def _first_part(context: Context, num_steps: int, num_all: int) -> Context:
    """The context of the autoencoder's training: a checkpoint of its own, and the steps that come after counted."""
    checkpoint = context.checkpoint
    if checkpoint.folder is not None:
        checkpoint = replace(checkpoint, folder=checkpoint.folder / "autoencoder")
    return replace(
        context,
        seed=derive_seed(context.seed, "autoencoder"),
        checkpoint=checkpoint,
        progress=lambda step, total, losses: context.progress(min(step, num_steps), num_all, losses),
    )


def _shifted(context: Context, num_before: int) -> Callable[[int, int, Mapping[str, float]], None]:
    return lambda step, total, losses: context.progress(num_before + step, num_before + total, losses)


def _squared_slope(discriminator: Discriminator, real_NZ: Tensor, classes_N: Tensor) -> Tensor:
    """R1 (Mescheder et al. 2018): half the mean squared gradient of the score at real rows."""
    real_NZ.requires_grad_()
    (slope_NZ,) = torch.autograd.grad(discriminator(real_NZ, classes_N).sum(), real_NZ, create_graph=True)
    return slope_NZ.square().sum(1).mean() / 2


class Drawer:
    """Draws rows with fitted networks, which are put together once: a caller asks for many parts of few rows each."""

    def __init__(
        self,
        table: CodeTable,
        conditions: Conditions,
        encoder_weights: Mapping[str, np.ndarray],
        weights: Mapping[str, np.ndarray],
        scale: Scale,
        params: TableGan.Params,
        device: str,
    ):
        self.device = device
        settings = _settings(table, params)
        self.network = load_autoencoder(encoder_weights, table, conditions, settings, device)
        sizes = (settings.code_size, len(conditions.labels), params.width)
        self.generator = rebuild(lambda: Generator(*sizes), weights, device)
        self.means = torch.tensor(scale.means, device=device)
        self.stretch_ZZ = torch.tensor(scale.factor, device=device).T
        self.num_columns = len(table.num_codes)

    def draw(self, classes: np.ndarray, context: Context) -> np.ndarray:
        """The codes of a row of each class asked for, (N,) int64: (N, K) int64."""
        random = context.torch_generator()  # on the CPU, so that the noise is the same on every device

        def make(classes: np.ndarray) -> np.ndarray:
            noise_BZ = torch.randn(len(classes), self.means.shape[1], generator=random).to(self.device)
            uniform_BK = torch.rand(len(classes), self.num_columns, generator=random).to(self.device)
            classes_B = torch.tensor(classes, device=self.device)
            vector_BZ = self.means[classes_B] + self.generator(noise_BZ, classes_B) @ self.stretch_ZZ
            logits_BS = self.network.decode(vector_BZ, classes_B)
            picked: np.ndarray = self.network.pick(logits_BS, uniform_BK).cpu().numpy()
            return picked

        with reproducible(context), torch.inference_mode():
            return in_full_batches(make, classes, ROWS_AT_ONCE)


def _settings(table: CodeTable, params: TableGan.Params) -> Settings:
    return Settings(
        code_size=params.code_size or default_code_size(table),
        num_steps=params.autoencoder_steps,
        num_epochs=AUTOENCODER_EPOCHS,
    )
