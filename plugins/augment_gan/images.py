"""`gan` for images."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, ClassVar, Self

import numpy as np
from pydantic import Field

from augment import plugin
from augment.data import Dataset, Schema
from augment.plugin import Accepts, Context, Cost, Suits
from augment.toolkit.network_generator import ArrayGenerator

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import torch
    from torch import Tensor, nn

    from augment_gan.image_networks import Generator

logger = logging.getLogger("augment")

MIN_STEPS, MIN_EPOCHS = 3_000, 3
PENALTY_EVERY = 16
AVERAGE_DECAY = 0.998
NUM_COMPARED = 64  # pictures that diversity is measured on
MIN_DIVERSITY = 0.15  # below, the generator has collapsed: it draws the same picture over and over
MIN_GAP = 15  # steps between two measures of diversity: pictures are all alike at first, which must not end short fits


class ImageGan(ArrayGenerator):
    """Draws pictures, class by class, with a network that learnt to fool another one (Goodfellow et al. 2014).

    A convolutional GAN with the non-saturating loss, a gradient penalty on real pictures (R1, Mescheder et al. 2018)
    and averaged weights. Sharper than `vae` and slower to learn. Any picture size; made for 8 to 128 pixels.
    """

    name = "gan"
    suits = (Suits("image", rank=50, min_rows=200),)
    imports = ("torch",)
    origin = "noise"
    accepts = Accepts(
        modalities=frozenset({"image"}),
        columns=frozenset(),
        targets=frozenset({"classes", "none"}),
        conditional="target",
    )

    class Params(plugin.Params):
        """Settings of the image GAN."""

        renamed: ClassVar = {
            "noise_size": "latent_dim",
            "generator_rate": "generator_learning_rate",
            "discriminator_rate": "discriminator_learning_rate",
        }

        steps: int | None = Field(None, ge=1)
        """Training steps. By default 3,000, or three times through the data where that is more."""
        batch_size: int = Field(32, ge=2)
        """Pictures per training step."""
        width: int = Field(64, ge=2, multiple_of=2)
        """Channels of the generator's finest layer; coarser ones have more. More is slower and finer."""
        latent_dim: int = Field(64, ge=1)
        """How many random numbers a picture is made from."""
        generator_learning_rate: float = Field(5e-4, gt=0)
        """Learning rate of the generator, which falls to zero over the last 40 % of the steps."""
        discriminator_learning_rate: float = Field(1e-3, gt=0)
        """Learning rate of the discriminator, which falls likewise."""
        gradient_penalty: float = Field(0.1, ge=0)
        """Weight of R1. Raise it where training is unsteady; pictures become softer."""

    sample_batch = 64  # small batches are the quickest on a CPU

    @classmethod
    def cost(cls, params: Params, schema: Schema, num_rows: int) -> Cost:
        """As measured on small images."""
        height, width, *_ = schema.arrays[schema.find_array("image")].shape
        num_steps = params.steps or max(MIN_STEPS, MIN_EPOCHS * num_rows // params.batch_size)
        return Cost(fit=num_steps * (4e-3 + 8e-7 * params.batch_size * height * width), row=2e-7 * height * width)

    def fit(self, data: Dataset, context: Context) -> Self:
        import torch

        from augment.toolkit import training
        from augment.toolkit.training import autocast, channels_last, reproducible
        from augment_gan.game import Game
        from augment_gan.image_networks import Discriminator

        params = self.params
        images, classes, rows = self._learn_schema(data)
        num_steps = params.steps or max(MIN_STEPS, MIN_EPOCHS * len(rows) // params.batch_size)
        with reproducible(context):
            device = torch.device(context.device)
            x_NHWC = torch.tensor(images, device=device)
            classes_N, rows_M = torch.tensor(classes, device=device), torch.tensor(rows, device=device)
            shape, num_classes = images.shape[1:], len(self.conditions.labels)
            game = Game(
                channels_last(self._generator().to(device)),
                channels_last(Discriminator(shape, num_classes, params.width).to(device)),
                generator_learning_rate=params.generator_learning_rate,
                discriminator_learning_rate=params.discriminator_learning_rate,
                gradient_penalty=params.gradient_penalty,
                penalty_every=PENALTY_EVERY,
                precision=autocast(context, on_cpu=True),
            )

            def noise(num_rows: int) -> Tensor:
                return torch.randn(num_rows, params.latent_dim, device=device)

            def step(number: int, batch: Tensor) -> dict[str, Tensor]:
                chosen = rows_M[batch]
                real = x_NHWC[chosen].permute(0, 3, 1, 2).float() / 255
                losses, fake = game.step(number, real, classes_N[chosen], noise(len(chosen)), noise(len(chosen)))
                return {**losses, "diversity": _variance(fake) / _variance(real).clamp_min(1e-9)}

            # the same classes and noise each time, so that measures can be compared
            shown = rows_M[torch.from_numpy(context.rng.permutation(len(rows))[:NUM_COMPARED]).to(device)]
            shown_noise = noise(len(shown))
            min_variance = MIN_DIVERSITY * _variance(x_NHWC[shown].float() / 255)

            def collapse(averaged: Mapping[str, nn.Module]) -> Tensor:
                with autocast(context, on_cpu=True):
                    drawn = averaged["generator"](shown_noise, classes_N[shown])
                return (min_variance - _variance(drawn)).clamp_min(0)

            gap, patience = max(MIN_GAP, num_steps // training.NUM_RECORDS), training.NUM_RECORDS // 10
            outcome = training.train(
                context,
                step,
                num_steps=num_steps,
                num_rows=len(rows),
                batch_size=params.batch_size,
                modules=game.modules,
                optimizers=game.optimizers,
                averages={"generator": AVERAGE_DECAY},
                schedule=training.linear_decay(0.4),
                stopping=training.EarlyStopping(collapse, gap, patience, "collapse", enough=0.0),
            )
        if outcome.num_steps < num_steps:
            logger.warning(
                "gan: training ended at step %d of %d, because pictures became alike (their variance is less than %g "
                "of the real ones'); the weights from before are used. A higher gradient_penalty or lower learning "
                "rates may help",
                outcome.num_steps,
                num_steps,
                MIN_DIVERSITY,
            )
        self.weights = training.copy_weights(outcome.averaged["generator"])
        return self

    def _sampler(self, context: Context, random: torch.Generator) -> Callable[[np.ndarray], np.ndarray]:
        import torch

        from augment.toolkit.training import channels_last, rebuild

        generator = channels_last(rebuild(self._generator, self.weights, context.device))

        def make(classes: np.ndarray) -> np.ndarray:
            noise = torch.randn(len(classes), self.params.latent_dim, generator=random).to(context.device)
            x_NCHW = generator(noise, torch.tensor(classes, device=context.device))
            pixels: np.ndarray = (x_NCHW * 255).round().to(torch.uint8).permute(0, 2, 3, 1).cpu().numpy()
            return pixels

        return make

    def _generator(self) -> Generator:
        from augment_gan.image_networks import Generator

        shape_HWC = self.schema.arrays[self.array_name].shape
        return Generator(shape_HWC, len(self.conditions.labels), self.params.width, self.params.latent_dim)


def _variance(x: Tensor) -> Tensor:
    """How much pictures of a batch, first axis, differ: the sum of the variances of their values; 0 of a single one."""
    return x.detach().float().flatten(1).var(0, correction=0).sum()
