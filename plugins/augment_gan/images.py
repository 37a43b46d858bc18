"""`gan` for images."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Self

import pandas as pd
from pydantic import Field

from augment import plugin
from augment.data import Dataset, Schema
from augment.plugin import Accepts, Context, read_state, write_state
from augment.toolkit.conditions import Conditions


class ImageGan(plugin.Generator):
    """Draws pictures, class by class, with a network that learnt to fool another one (Goodfellow et al. 2014).

    A convolutional GAN with the non-saturating loss, a gradient penalty on real pictures (R1, Mescheder et al. 2018)
    and averaged weights. Sharper than `vae` and slower to learn. Any picture size; made for 8 to 128 pixels.
    """

    name = "gan"
    origin = "noise"
    accepts = Accepts(
        modalities=frozenset({"image"}),
        columns=frozenset(),
        targets=frozenset({"classes", "none"}),
        conditional="target",
    )

    class Params(plugin.Params):
        """Settings of the image GAN."""

        steps: int | None = Field(None, ge=1)
        """Training steps. By default 3,000, or three times through the data where that is more."""
        batch_size: int = Field(32, ge=2)
        """Pictures per training step."""
        width: int = Field(64, ge=2, multiple_of=2)
        """Channels of the generator's finest layer; coarser ones have more. More is slower and finer."""
        noise_size: int = Field(64, ge=1)
        """How many random numbers a picture is made from."""
        generator_rate: float = Field(5e-4, gt=0)
        """Learning rate of the generator, which falls to zero over the last 40 % of the steps."""
        discriminator_rate: float = Field(1e-3, gt=0)
        """Learning rate of the discriminator, which falls likewise."""
        gradient_penalty: float = Field(0.1, ge=0)
        """Weight of R1. Raise it where training is unsteady; pictures become softer."""

    def fit(self, data: Dataset, context: Context) -> Self:
        from augment_gan.adversarial import fit

        self.schema = data.schema
        self.conditions, classes = Conditions.of(data)
        images = data.arrays[self.schema.array_of("image")]
        rows = self.conditions.training_rows(classes)
        self.weights = fit(images, classes, rows, len(self.conditions.labels), self.params, context)
        return self

    def sample(self, given: pd.DataFrame, context: Context) -> Dataset:
        from augment_gan.adversarial import draw

        name = self.schema.array_of("image")
        shape = self.schema.arrays[name].shape
        classes = self.conditions.draw(given, context.rng)
        images = draw(self.weights, shape, len(self.conditions.labels), classes, self.params, context)
        return Dataset.of(self.conditions.frame(given, classes), {name: images}, self.schema)

    def save(self, folder: Path) -> None:
        schema = self.schema.model_dump(mode="json", exclude_none=True)
        values = {"schema": schema, "counts": self.conditions.counts}
        write_state(folder, self.weights, values)

    @classmethod
    def load(cls, folder: Path, params: Any) -> Self:
        gan = cls(params)
        gan.weights, values = read_state(folder)
        gan.schema = Schema.model_validate(values["schema"])
        gan.conditions = Conditions.of_schema(gan.schema, values["counts"])
        return gan
