"""`vae` for tables."""

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
    from augment_vae.table_autoencoding import Drawer

MOST_PIECES = 32  # of a number's range


class TableVae(plugin.Generator):
    """Draws rows, class by class, with a variational autoencoder (Kingma and Welling 2014).

    Every column is a choice among codes, so numbers with many modes, repeated values, rare labels and missing values
    all come out as they went in. The vectors that rows are decoded from are not drawn from the prior but from a mixture
    of Gaussians fitted to the vectors of each class's rows. The quickest of the learnt generators to sample from.
    """

    name = "vae"
    origin = "noise"
    accepts = Accepts(modalities=frozenset({"table"}), columns=ENCODED_TYPES, conditional="target")

    class Params(plugin.Params):
        """Settings of the table VAE."""

        steps: int | None = Field(None, ge=1)
        """Training steps at most; training ends before when rows held back say so. By default 64 times through the
        data, but 200 to 8,000."""
        batch_size: int | None = Field(None, ge=2)
        """Rows per training step. By default an eighth of the rows, but 16 to 512."""
        width: int = Field(256, ge=2)
        """Units of the hidden layers next to the rows; those next to the code have half as many, or as many."""
        code_size: int | None = Field(None, ge=1)
        """How many numbers a row is compressed to. By default two a column, but 4 to 24."""
        code_price: float = Field(0.2, gt=0)
        """What a nat of code costs in nats of error: beta (Higgins et al. 2017). More is smoother and less true
        to detail."""
        rate: float = Field(2e-3, gt=0)
        """Learning rate at the start; it falls to zero."""
        components: int = Field(256, ge=1)
        """Gaussians that a class may have at most."""
        rows_per_component: int = Field(100, ge=1)
        """A class has one Gaussian for each so many training rows."""

    _drawer: Drawer | None = None

    def fit(self, data: Dataset, context: Context) -> Self:
        from augment_vae.table_autoencoding import fit

        self._schema = data.schema
        self._conditions, classes = Conditions.of(Dataset(data.frame, {}, unconditional_if_no_classes(data.schema)))
        self._table = CodeTable.fit(data, coded_columns(data.schema), MOST_PIECES)
        codes = self._table.encode(data.frame)
        self._weights, self._mixture = fit(self._table, codes, classes, self._conditions, self.params, context)
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
        from augment_vae.table_autoencoding import Drawer

        if self._drawer is None or self._drawer.device != device:
            self._drawer = Drawer(self._table, self._conditions, self._weights, self._mixture, self.params, device)
        return self._drawer

    def save(self, folder: Path) -> None:
        tensors, table = self._table.to_state()
        tensors |= {f"network/{name}": value for name, value in self._weights.items()}
        tensors |= {f"mixture/{name}": value for name, value in vars(self._mixture).items()}
        schema = self._schema.model_dump(mode="json", exclude_none=True)
        counts = self._conditions.counts
        write_state(folder, tensors, {"schema": schema, "codes": table, "counts": counts})

    @classmethod
    def load(cls, folder: Path, params: Any) -> Self:
        from augment_vae.mixture import Mixture

        vae = cls(params)
        tensors, values = read_state(folder)
        vae._weights = {name.removeprefix("network/"): tensors[name] for name in tensors if name.startswith("network/")}
        vae._mixture = Mixture(*(tensors[f"mixture/{name}"] for name in ("ends", "means", "factors")))
        vae._table = CodeTable.from_state(tensors, values["codes"])
        vae._schema = Schema.model_validate(values["schema"])
        vae._conditions = Conditions.of_schema(unconditional_if_no_classes(vae._schema), values["counts"])
        return vae
