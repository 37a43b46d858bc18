"""`gan` for time series."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from pydantic import Field

from augment import plugin
from augment.data import Dataset
from augment.plugin import Accepts, Context, Suits
from augment.toolkit.network_generator import ArrayGenerator
from augment.toolkit.series_scaling import SeriesScaling

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import torch
    from torch import Tensor

    from augment.toolkit.network_generator import Parts
    from augment_gan.series_networks import Generator

MIN_STEPS, MIN_EPOCHS = 2_000, 10
PENALTY_EVERY = 8
AVERAGE_DECAY = 0.995


class SeriesGan(ArrayGenerator):
    """Draws time series of one length, class by class, with a network that learnt to fool another one.

    A convolutional GAN (Goodfellow et al. 2014) with the non-saturating loss, a gradient penalty on real series (R1,
    Mescheder et al. 2018) and averaged weights. Where it was measured, it was the best with some dozens of series of
    one channel, and behind `rnn` with thousands of many channels.
    """

    name = "gan"
    suits = (Suits("series", rank=50, min_rows=200),)
    imports = ("torch",)
    origin = "noise"
    accepts = Accepts(
        modalities=frozenset({"series"}),
        columns=frozenset(),
        targets=frozenset({"classes", "none"}),
        conditional="target",
        missing=False,
        min_rows=2,
    )

    class Params(plugin.Params):
        """Settings of the series GAN."""

        renamed: ClassVar = {
            "noise_size": "latent_dim",
            "generator_rate": "generator_learning_rate",
            "discriminator_rate": "discriminator_learning_rate",
        }

        steps: int | None = Field(None, ge=1)
        """Training steps. By default 2,000, or ten times through the data where that is more."""
        batch_size: int = Field(64, ge=2)
        """Series per training step."""
        width: int = Field(64, ge=1)
        """Channels of the convolutions."""
        latent_dim: int = Field(32, ge=1)
        """How many random numbers a series is made from."""
        generator_learning_rate: float = Field(1e-3, gt=0)
        """Learning rate of the generator, which falls to zero over the last 40 % of the steps."""
        discriminator_learning_rate: float = Field(2e-3, gt=0)
        """Learning rate of the discriminator, which falls likewise."""
        gradient_penalty: float = Field(0.3, ge=0)
        """Weight of R1. Raise it where training is unsteady; series become smoother."""

    sample_batch = 256
    scaling: SeriesScaling

    def fit(self, data: Dataset, context: Context) -> Self:
        import torch

        from augment.toolkit.training import copy_weights, linear_decay, reproducible, train
        from augment_gan.game import Game
        from augment_gan.series_networks import Discriminator

        params, device = self.params, context.device
        series, classes, rows = self._learn_schema(data)
        self.scaling = SeriesScaling.fit(self.schema.arrays[self.array_name], series)
        x_NCT = self.scaling.encode(series)
        num_steps = params.steps or max(MIN_STEPS, MIN_EPOCHS * len(rows) // params.batch_size)
        with reproducible(context):
            x, classes_N, rows_M = (torch.tensor(values, device=device) for values in (x_NCT, classes, rows))
            game = Game(
                self._generator().to(device),
                Discriminator(x_NCT.shape[1:], len(self.conditions.labels), params.width).to(device),
                generator_learning_rate=params.generator_learning_rate,
                discriminator_learning_rate=params.discriminator_learning_rate,
                gradient_penalty=params.gradient_penalty,
                penalty_every=PENALTY_EVERY,
            )

            def step(number: int, batch: Tensor) -> dict[str, Tensor]:
                chosen = rows_M[batch]
                noise, other = (torch.randn(len(chosen), params.latent_dim, device=device) for _ in range(2))
                losses, _ = game.step(number, x[chosen], classes_N[chosen], noise, other)
                return losses

            outcome = train(
                context,
                step,
                num_steps=num_steps,
                num_rows=len(rows),
                batch_size=params.batch_size,
                modules=game.modules,
                optimizers=game.optimizers,
                averages={"generator": AVERAGE_DECAY},
                schedule=linear_decay(0.4),
            )
        self.weights = copy_weights(outcome.averaged["generator"])
        return self

    def _sampler(self, context: Context, random: torch.Generator) -> Callable[[np.ndarray], np.ndarray]:
        import torch

        from augment.toolkit.training import rebuild

        generator = rebuild(self._generator, self.weights, context.device)

        def make(classes: np.ndarray) -> np.ndarray:
            noise = torch.randn(len(classes), self.params.latent_dim, generator=random).to(context.device)
            return self.scaling.decode(generator(noise, torch.tensor(classes, device=context.device)).cpu().numpy())

        return make

    def _generator(self) -> Generator:
        from augment_gan.series_networks import Generator

        length = self.schema.arrays[self.array_name].shape[0]
        num_classes = len(self.conditions.labels)
        return Generator(self.scaling.sizes, length, num_classes, self.params.width, self.params.latent_dim)

    def _values(self) -> dict[str, Any]:
        return {"scaling": self.scaling.to_state()}

    def _restore(self, parts: Parts, values: Mapping[str, Any]) -> None:
        array = self.schema.arrays[self.array_name]
        self.scaling = SeriesScaling.from_state(array, values["scaling"])
