"""`vae` for time series."""

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


class SeriesVae(plugin.Generator):
    """Draws time series of one length, class by class, with a convolutional variational autoencoder.

    Codes are drawn from a mixture of Gaussians fitted to those of each class (Kingma and Welling 2014 draw them from
    the prior). What a code cannot say of a series, its fine noise, is added anew: as large and as lasting as the noise
    that was left of the training series, each channel by itself. Where it was measured, it was nearly as good as `gan`
    with some dozens of series of one channel, and behind `rnn` with thousands of many channels: easily told from real.
    """

    name = "vae"
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
        """Settings of the series VAE."""

        steps: int | None = Field(None, ge=1)
        """Training steps. By default 1,000, or twenty times through the data where that is more."""
        batch_size: int = Field(64, ge=2)
        """Series per training step."""
        width: int = Field(64, ge=1)
        """Channels of the convolutions."""
        code_size: int = Field(16, ge=1)
        """How many numbers a series is compressed to."""
        code_price: float = Field(1.0, gt=0)
        """What a nat of code costs in nats of error: beta (Higgins et al. 2017). More is smoother and less varied."""
        rate: float = Field(2e-3, gt=0)
        """Learning rate, which falls to zero over the second half of the steps."""
        components: int = Field(16, ge=1)
        """Gaussians that a class may have at most."""
        rows_per_component: int = Field(50, ge=1)
        """A class has one Gaussian for each so many training rows."""

    def fit(self, data: Dataset, context: Context) -> Self:
        from augment_vae.series_autoencoding import fit

        self.schema = data.schema
        self.conditions, classes = Conditions.of(data)
        name = self.schema.array_of("series")
        self.scaling = SeriesScaling.fit(self.schema.arrays[name], data.arrays[name])
        x_NCT = self.scaling.encode(data.arrays[name])
        self.weights, self.mixture, self.noise = fit(x_NCT, classes, self.conditions, self.params, context)
        return self

    def sample(self, given: pd.DataFrame, context: Context) -> Dataset:
        from augment_vae.series_autoencoding import draw

        name = self.schema.array_of("series")
        shape_CT = (sum(self.scaling.sizes), self.schema.arrays[name].shape[0])
        classes = self.conditions.draw(given, context.rng)
        num_classes = len(self.conditions.labels)
        x_NCT = draw(self.weights, self.mixture, self.noise, shape_CT, num_classes, classes, self.params, context)
        series = self.scaling.decode(x_NCT)
        return Dataset.of(self.conditions.frame(given, classes), {name: series}, self.schema)

    def save(self, folder: Path) -> None:
        tensors = {f"network/{name}": value for name, value in self.weights.items()}
        tensors |= {f"mixture/{name}": value for name, value in vars(self.mixture).items()}
        tensors["noise"] = self.noise
        values = {
            "schema": self.schema.model_dump(mode="json", exclude_none=True),
            "scaling": self.scaling.to_state(),
            "counts": self.conditions.counts,
        }
        write_state(folder, tensors, values)

    @classmethod
    def load(cls, folder: Path, params: Any) -> Self:
        from augment_vae.mixture import Mixture

        vae = cls(params)
        tensors, values = read_state(folder)
        vae.weights = {name.removeprefix("network/"): tensors[name] for name in tensors if name.startswith("network/")}
        vae.mixture = Mixture(*(tensors[f"mixture/{name}"] for name in ("ends", "means", "factors")))
        vae.noise = tensors["noise"]
        vae.schema = Schema.model_validate(values["schema"])
        vae.scaling = SeriesScaling.from_state(vae.schema.arrays[vae.schema.array_of("series")], values["scaling"])
        vae.conditions = Conditions.of_schema(vae.schema, values["counts"])
        return vae
