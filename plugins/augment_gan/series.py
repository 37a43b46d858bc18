"""`gan` for time series."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Self

import pandas as pd
from pydantic import Field

from augment import plugin
from augment.data import Dataset, Schema
from augment.plugin import Accepts, Context, read_state, write_state
from augment.toolkit.conditions import Conditions
from augment.toolkit.series_scaling import SeriesScaling


class SeriesGan(plugin.Generator):
    """Draws time series of one length, class by class, with a network that learnt to fool another one.

    A convolutional GAN (Goodfellow et al. 2014) with the non-saturating loss, a gradient penalty on real series (R1,
    Mescheder et al. 2018) and averaged weights. Where it was measured, it was the best with some dozens of series of
    one channel, and behind `rnn` with thousands of many channels.
    """

    name = "gan"
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

        steps: int | None = Field(None, ge=1)
        """Training steps. By default 2,000, or ten times through the data where that is more."""
        batch_size: int = Field(64, ge=2)
        """Series per training step."""
        width: int = Field(64, ge=1)
        """Channels of the convolutions."""
        noise_size: int = Field(32, ge=1)
        """How many random numbers a series is made from."""
        generator_rate: float = Field(1e-3, gt=0)
        """Learning rate of the generator, which falls to zero over the last 40 % of the steps."""
        discriminator_rate: float = Field(2e-3, gt=0)
        """Learning rate of the discriminator, which falls likewise."""
        gradient_penalty: float = Field(0.3, ge=0)
        """Weight of R1. Raise it where training is unsteady; series become smoother."""

    def fit(self, data: Dataset, context: Context) -> Self:
        from augment_gan.series_adversarial import fit

        self.schema = data.schema
        self.conditions, classes = Conditions.of(data)
        name = self.schema.array_of("series")
        self.scaling = SeriesScaling.fit(self.schema.arrays[name], data.arrays[name])
        x_NCT = self.scaling.encode(data.arrays[name])
        self.weights = fit(x_NCT, self.scaling.sizes, classes, self.conditions, self.params, context)
        return self

    def sample(self, given: pd.DataFrame, context: Context) -> Dataset:
        from augment_gan.series_adversarial import draw

        name = self.schema.array_of("series")
        num_steps, num_classes = self.schema.arrays[name].shape[0], len(self.conditions.labels)
        classes = self.conditions.draw(given, context.rng)
        x_NCT = draw(self.weights, self.scaling.sizes, num_steps, num_classes, classes, self.params, context)
        series = self.scaling.decode(x_NCT)
        return Dataset.of(self.conditions.frame(given, classes), {name: series}, self.schema)

    def save(self, folder: Path) -> None:
        values = {
            "schema": self.schema.model_dump(mode="json", exclude_none=True),
            "scaling": self.scaling.to_state(),
            "counts": self.conditions.counts,
        }
        write_state(folder, self.weights, values)

    @classmethod
    def load(cls, folder: Path, params: Any) -> Self:
        gan = cls(params)
        gan.weights, values = read_state(folder)
        gan.schema = Schema.model_validate(values["schema"])
        gan.scaling = SeriesScaling.from_state(gan.schema.arrays[gan.schema.array_of("series")], values["scaling"])
        gan.conditions = Conditions.of_schema(gan.schema, values["counts"])
        return gan
