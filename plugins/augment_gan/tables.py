"""`gan` for tables."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import pandas as pd
from pydantic import Field

from augment import plugin
from augment.data import Dataset, Schema
from augment.plugin import Accepts, Context, read_state, write_state
from augment.toolkit.conditions import Conditions, coded_columns, refuse_others, unconditional_if_no_classes
from augment.toolkit.lossless import ENCODED_TYPES
from augment.toolkit.tables.bins import CodeTable

if TYPE_CHECKING:
    from augment_gan.table_adversarial import Drawer

MOST_PIECES = 32  # of a number's range


class TableGan(plugin.Generator):
    """Draws rows, class by class, with a network that learnt to fool another one (Goodfellow et al. 2014).

    The two play over the vectors that an autoencoder makes of rows, so numbers with many modes, repeated values, rare
    labels and missing values are no hurdle. The generator begins as a Gaussian and learns what that misses, which keeps
    it from losing modes. Follows relations between columns more closely than `vae`, and takes longer to learn.
    """

    name = "gan"
    origin = "noise"
    accepts = Accepts(modalities=frozenset({"table"}), columns=ENCODED_TYPES, conditional="target")

    class Params(plugin.Params):
        """Settings of the table GAN."""

        steps: int | None = Field(None, ge=1)
        """Training steps of the game. By default 80 times through the data, but 1,000 to 16,000."""
        batch_size: int | None = Field(None, ge=2)
        """Rows per step of the game. By default a thirty-second of the rows, but 32 to 256."""
        width: int = Field(128, ge=1)
        """Units of the three hidden layers of both players."""
        generator_rate: float = Field(5e-4, gt=0)
        """Learning rate of the generator, which falls to zero over the second half of the steps."""
        discriminator_rate: float = Field(1e-3, gt=0)
        """Learning rate of the discriminator, which falls likewise."""
        gradient_penalty: float = Field(0.05, ge=0)
        """Weight of R1 (Mescheder et al. 2018). Raise it where training is unsteady."""
        autoencoder_steps: int | None = Field(None, ge=1)
        """Training steps of the autoencoder at most; training ends before when rows held back say so. By default 38
        times through the data, but 200 to 8,000."""
        code_size: int | None = Field(None, ge=1)
        """How many numbers a row is compressed to. By default two a column, but 4 to 24."""

    _drawer: Drawer | None = None

    def fit(self, data: Dataset, context: Context) -> Self:
        from augment_gan.table_adversarial import fit

        self._schema = data.schema
        self._conditions, classes = Conditions.of(Dataset(data.frame, {}, unconditional_if_no_classes(data.schema)))
        self._table = CodeTable.fit(data, coded_columns(data.schema), MOST_PIECES)
        codes = self._table.encode(data.frame)
        self._autoencoder, self._weights, self._scale = fit(
            self._table, codes, classes, self._conditions, self.params, context
        )
        self._drawer = None
        return self

    def sample(self, given: pd.DataFrame, context: Context) -> Dataset:
        refuse_others(self._conditions, given)
        of_classes, of_places = context.rng.spawn(2)  # a stream each, row after row: k rows begin as n rows do
        classes = self._conditions.draw(given, of_classes)
        codes = self._drawer_on(context.device).draw(classes, context)
        frame = self._table.decode(codes, of_places.random(codes.shape))
        target = self._conditions.frame(given, classes)
        return Dataset.of(pd.concat([frame, target], axis=1), {}, self._schema)

    def _drawer_on(self, device: str) -> Drawer:
        from augment_gan.table_adversarial import Drawer

        if self._drawer is None or self._drawer.device != device:
            parts = (self._autoencoder, self._weights, self._scale)
            self._drawer = Drawer(self._table, self._conditions, *parts, self.params, device)
        return self._drawer

    def save(self, folder: Path) -> None:
        tensors, table = self._table.to_state()
        groups = {"autoencoder": self._autoencoder, "generator": self._weights, "scale": vars(self._scale)}
        for group, values in groups.items():
            tensors |= {f"{group}/{name}": value for name, value in values.items()}
        schema = self._schema.model_dump(mode="json", exclude_none=True)
        counts = self._conditions.counts
        write_state(folder, tensors, {"schema": schema, "codes": table, "counts": counts})

    @classmethod
    def load(cls, folder: Path, params: Any) -> Self:
        from augment_gan.table_adversarial import Scale

        gan = cls(params)
        tensors, values = read_state(folder)
        groups: dict[str, dict[str, Any]] = {"autoencoder": {}, "generator": {}, "scale": {}}
        for path, value in tensors.items():
            group, _, name = path.partition("/")
            groups[group][name] = value
        gan._autoencoder, gan._weights = groups["autoencoder"], groups["generator"]
        gan._scale = Scale(**groups["scale"])
        gan._table = CodeTable.from_state(tensors, values["codes"])
        gan._schema = Schema.model_validate(values["schema"])
        gan._conditions = Conditions.of_schema(unconditional_if_no_classes(gan._schema), values["counts"])
        return gan
