"""`gan` for tables.

What is unusual: the game is not played over rows, whose columns are bins, but over the vectors that a row VAE makes of
them. And the generator begins as the Gaussian of each class's vectors, and learns only what that misses.

Shapes: N rows, C classes, Z latent dimensions.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from pydantic import Field

from augment import plugin
from augment.data import Dataset
from augment.plugin import Context, Suits, derive_seed
from augment.toolkit.tables.row_generator import RowGenerator

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import torch
    from torch import Tensor

    from augment.toolkit.network_generator import Parts
    from augment.toolkit.tables.row_generator import Prior
    from augment.toolkit.tables.row_vae import Settings
    from augment_gan.table_networks import Scale

AUTOENCODER_EPOCHS = 38
NUM_EPOCHS = 80
MIN_STEPS, MAX_STEPS = 1_000, 16_000
MIN_BATCH, MAX_BATCH, BATCHES_AN_EPOCH = 32, 256, 32
PENALTY_EVERY = 16
AVERAGE_DECAY = 0.998


class TableGan(RowGenerator):
    """Draws rows, class by class, with a network that learnt to fool another one (Goodfellow et al. 2014).

    The two play over the vectors that an autoencoder makes of rows, so numbers with many modes, repeated values, rare
    labels and missing values are no hurdle. The generator begins as a Gaussian and learns what that misses, which keeps
    it from losing modes. Follows relations between columns more closely than `vae`, and takes longer to learn.
    """

    name = "gan"
    suits = (
        Suits(
            "table",
            rank=50,
            min_rows=200,
            min_class_rows=200,
            reason="on 24,420 rows of Adult, boosted trees trained on its rows alone had an AUC of 0.909 (on real "
            "ones 0.925) after a fit of 61 CPU-seconds",
        ),
    )
    imports = ("torch",)

    class Params(plugin.Params):
        """Settings of the table GAN."""

        renamed: ClassVar = {
            "code_size": "latent_dim",
            "generator_rate": "generator_learning_rate",
            "discriminator_rate": "discriminator_learning_rate",
        }

        steps: int | None = Field(None, ge=1)
        """Training steps of the game. By default 80 times through the data, but 1,000 to 16,000."""
        batch_size: int | None = Field(None, ge=2)
        """Rows per step of the game. By default a thirty-second of the rows, but 32 to 256."""
        width: int = Field(128, ge=1)
        """Units of the three hidden layers of both players."""
        generator_learning_rate: float = Field(5e-4, gt=0)
        """Learning rate of the generator, which falls to zero over the second half of the steps."""
        discriminator_learning_rate: float = Field(1e-3, gt=0)
        """Learning rate of the discriminator, which falls likewise."""
        gradient_penalty: float = Field(0.05, ge=0)
        """Weight of R1 (Mescheder et al. 2018). Raise it where training is unsteady."""
        autoencoder_steps: int | None = Field(None, ge=1)
        """Training steps of the autoencoder at most; training ends before when rows held back say so. By default 38
        times through the data, but 200 to 8,000."""
        latent_dim: int | None = Field(None, ge=1)
        """How many numbers a row is compressed to. By default two a column, but 4 to 24."""

    generator: dict[str, np.ndarray]
    scale: Scale

    def fit(self, data: Dataset, context: Context) -> Self:
        import torch

        from augment.toolkit.tables.row_vae import encode_rows, fit_autoencoder, load_autoencoder, num_autoencoder_steps
        from augment.toolkit.training import copy_weights, linear_decay, reproducible, train
        from augment_gan.game import Game
        from augment_gan.table_networks import Discriminator, Generator, Scale

        params = self.params
        bins, classes = self._prepare(data)
        labelled = np.flatnonzero(classes >= 0)
        bins, classes = bins[labelled], classes[labelled]
        rows = self.conditions.training_rows(classes)
        part = int(np.clip(len(bins) // BATCHES_AN_EPOCH, MIN_BATCH, MAX_BATCH))
        batch_size = params.batch_size or part
        num_steps = params.steps or int(np.clip(NUM_EPOCHS * len(bins) // batch_size, MIN_STEPS, MAX_STEPS))
        settings = self._settings()
        num_before = num_autoencoder_steps(len(bins), settings)
        with reproducible(context):
            device = torch.device(context.device)
            first = _first_part(context, num_before, num_before + num_steps)
            self.weights = fit_autoencoder(self.table, bins, classes, self.conditions, settings, first)
            network = load_autoencoder(self.weights, self.table, self.conditions, settings, context.device)
            mean_NZ, deviation_NZ = encode_rows(network, self.table, bins, classes)
            drawn_NZ = mean_NZ + deviation_NZ * torch.randn_like(mean_NZ)
            self.scale = Scale.fit(drawn_NZ.cpu().numpy().astype(np.float64), classes, len(self.conditions.labels))

            classes_N, rows_M = torch.tensor(classes, device=device), torch.tensor(rows, device=device)
            shrink_ZZ = torch.linalg.inv(torch.tensor(self.scale.factor, device=device)).T
            mean_NZ = (mean_NZ - torch.tensor(self.scale.means, device=device)[classes_N]) @ shrink_ZZ
            game = Game(
                Generator(*self._sizes()).to(device),
                Discriminator(*self._sizes()).to(device),
                generator_learning_rate=params.generator_learning_rate,
                discriminator_learning_rate=params.discriminator_learning_rate,
                gradient_penalty=params.gradient_penalty,
                penalty_every=PENALTY_EVERY,
            )

            def step(number: int, batch: Tensor) -> dict[str, Tensor]:
                chosen = rows_M[batch]
                noise = torch.randn(3, len(chosen), settings.latent_dim, device=device)
                real = mean_NZ[chosen] + (deviation_NZ[chosen] * noise[0]) @ shrink_ZZ
                losses, _ = game.step(number, real, classes_N[chosen], noise[1], noise[2])
                return losses

            outcome = train(
                replace(context, progress=_shifted(context, num_before)),
                step,
                num_steps=num_steps,
                num_rows=len(rows),
                batch_size=batch_size,
                modules=game.modules,
                optimizers=game.optimizers,
                averages={"generator": AVERAGE_DECAY},
                schedule=linear_decay(0.5),
            )
        self.generator = copy_weights(outcome.averaged["generator"])
        return self

    def _sizes(self) -> tuple[int, int, int]:
        """Of both players."""
        return self._settings().latent_dim, len(self.conditions.labels), self.params.width

    def _settings(self) -> Settings:
        from augment.toolkit.tables.row_vae import Settings, default_latent_dim

        return Settings(
            latent_dim=self.params.latent_dim or default_latent_dim(self.table),
            num_steps=self.params.autoencoder_steps,
            num_epochs=AUTOENCODER_EPOCHS,
        )

    def _prior(self, device: str) -> Prior:
        import torch

        from augment.toolkit.training import rebuild
        from augment_gan.table_networks import Generator

        generator = rebuild(lambda: Generator(*self._sizes()), self.generator, device)
        means_CZ = torch.tensor(self.scale.means, device=device)
        stretch_ZZ = torch.tensor(self.scale.factor, device=device).T

        def draw(classes: np.ndarray, random: torch.Generator) -> Tensor:
            noise_BZ = torch.randn(len(classes), means_CZ.shape[1], generator=random).to(device)
            classes_B = torch.tensor(classes, device=device)
            vector_BZ: Tensor = means_CZ[classes_B] + generator(noise_BZ, classes_B) @ stretch_ZZ
            return vector_BZ

        return draw

    def _parts(self) -> Parts:
        return {"generator": self.generator, "scale": vars(self.scale)}

    def _restore(self, parts: Parts, values: Mapping[str, Any]) -> None:
        from augment_gan.table_networks import Scale

        super()._restore(parts, values)
        self.generator, self.scale = dict(parts["generator"]), Scale(**parts["scale"])


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
