"""`vae` for images."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Self

import pandas as pd
from pydantic import Field

from augment import plugin
from augment.data import Dataset, Schema
from augment.plugin import Accepts, Context, read_state, write_state
from augment.toolkit.conditions import Conditions


class ImageVae(plugin.Generator):
    """Draws pictures, class by class, with a variational autoencoder (Kingma and Welling 2014).

    Codes are not drawn from the prior but from a mixture of Gaussians fitted to the codes of each class's pictures;
    classes with few pictures borrow the shape of the others. Greys are corrected by one tone curve. Quicker to learn
    than `gan`, steady with little data, and softer.
    """

    name = "vae"
    origin = "noise"
    accepts = Accepts(
        modalities=frozenset({"image"}),
        columns=frozenset(),
        targets=frozenset({"classes", "none"}),
        conditional="target",
    )

    class Params(plugin.Params):
        """Settings of the image VAE."""

        steps: int | None = Field(None, ge=1)
        """Training steps. By default 1,500, or forty times through the data where that is more."""
        batch_size: int = Field(128, ge=2)
        """Pictures per training step."""
        width: int = Field(512, ge=1)
        """Units of each hidden layer."""
        code_size: int = Field(16, ge=1)
        """How many numbers a picture is compressed to."""
        code_price: float | None = Field(None, gt=0)
        """What a nat of code costs in nats of error: beta (Higgins et al. 2017). More is smoother and less varied. By
        default from the size of the pictures, 0.16 for 8 x 8 grey ones up to 0.6 for large ones."""
        sharpness: float = Field(0.0, ge=0)
        """How much it counts that a second network can tell drawn pictures from real ones by their details. 0 leaves it
        out; 1 to 10 bring back more and more of the texture that is smoothed away, for several times the time."""
        rate: float = Field(1e-3, gt=0)
        """Learning rate, which falls to zero over the second half of the steps."""
        components: int = Field(16, ge=1)
        """Gaussians that a class may have at most."""
        rows_per_component: int = Field(50, ge=1)
        """A class has one Gaussian for each so many training rows."""

    def fit(self, data: Dataset, context: Context) -> Self:
        from augment_vae.autoencoding import fit

        self.schema = data.schema
        self.conditions, classes = Conditions.of(data)
        images = data.arrays[self.schema.array_of("image")]
        rows = self.conditions.training_rows(classes)
        self.weights, self.mixture, self.curve = fit(
            images, classes, rows, self.conditions.counts, self.params, context
        )
        return self

    def sample(self, given: pd.DataFrame, context: Context) -> Dataset:
        from augment_vae.autoencoding import draw

        name = self.schema.array_of("image")
        shape = self.schema.arrays[name].shape
        classes = self.conditions.draw(given, context.rng)
        num_classes = len(self.conditions.labels)
        images = draw(self.weights, self.mixture, self.curve, shape, num_classes, classes, self.params, context)
        return Dataset.of(self.conditions.frame(given, classes), {name: images}, self.schema)

    def save(self, folder: Path) -> None:
        tensors = {f"network/{name}": value for name, value in self.weights.items()}
        tensors |= {f"mixture/{name}": value for name, value in vars(self.mixture).items()}
        tensors["tone"] = self.curve
        schema = self.schema.model_dump(mode="json", exclude_none=True)
        values = {"schema": schema, "counts": self.conditions.counts}
        write_state(folder, tensors, values)

    @classmethod
    def load(cls, folder: Path, params: Any) -> Self:
        from augment_vae.mixture import Mixture

        vae = cls(params)
        tensors, values = read_state(folder)
        vae.weights = {name.removeprefix("network/"): tensors[name] for name in tensors if name.startswith("network/")}
        vae.mixture = Mixture(*(tensors[f"mixture/{name}"] for name in ("ends", "means", "factors")))
        vae.curve = tensors["tone"]
        vae.schema = Schema.model_validate(values["schema"])
        vae.conditions = Conditions.of_schema(vae.schema, values["counts"])
        return vae
