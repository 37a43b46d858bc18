"""What the table generators `vae` and `gan` share: rows that a row VAE decodes from vectors drawn class by class.

Shapes: N rows, B rows of a batch, K columns, Z latent dimensions.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from augment.data import Dataset
from augment.plugin import Accepts, Context
from augment.toolkit.conditions import Conditions, columns_to_make, in_full_batches, refuse_others
from augment.toolkit.lossless import ENCODED_TYPES
from augment.toolkit.network_generator import NetworkGenerator, Parts
from augment.toolkit.tables.bins import BinTable

if TYPE_CHECKING:
    import torch

    from augment.toolkit.tables.row_vae import RowVae, Settings

__all__ = ["Prior", "RowGenerator"]

MAX_BINS = 32  # of a number's range
Prior = Callable[[np.ndarray, "torch.Generator"], "torch.Tensor"]  # classes (B,), random numbers -> vectors (B, Z)


class RowGenerator(NetworkGenerator):
    """A generator of rows by class; a subclass learns where in the latent space of a row VAE rows lie.

    Attributes:
        table: the columns as bins.
        weights: of the row VAE.
    """

    origin = "noise"
    accepts = Accepts(modalities=frozenset({"table"}), columns=ENCODED_TYPES, conditional="target")

    conditions: Conditions
    table: BinTable
    _networks: tuple[str, RowVae, Prior] | None = None  # put together once: many calls ask for few rows each

    @abstractmethod
    def _settings(self) -> Settings:
        """Of the row VAE."""

    @abstractmethod
    def _prior(self, device: str) -> Prior:
        """What vectors are drawn with: its vectors lie on the device, its random numbers come from the CPU."""

    def _prepare(self, data: Dataset) -> tuple[np.ndarray, np.ndarray]:
        """Learn the schema, the classes and the bins: bins (N, K) and classes (N,) of the training rows."""
        self._networks = None
        self.schema = data.schema
        self.conditions, classes = Conditions.of(data)
        self.table = BinTable.fit(data, columns_to_make(data.schema), MAX_BINS)
        return self.table.encode(data.frame), classes

    def sample(self, given: pd.DataFrame, context: Context) -> Dataset:
        """Rows of the classes given, or of classes as frequent as in the training part."""
        import torch

        from augment.toolkit.tables.row_vae import ROWS_AT_ONCE, load_autoencoder
        from augment.toolkit.training import reproducible

        refuse_others(self.conditions, given)
        of_classes, of_places = context.rng.spawn(2)  # a stream each, row after row: k rows begin as n rows do
        classes = self.conditions.draw(given, of_classes)
        device = context.device
        if self._networks is None or self._networks[0] != device:
            network = load_autoencoder(self.weights, self.table, self.conditions, self._settings(), device)
            self._networks = device, network, self._prior(device)
        _, network, prior = self._networks
        random = context.torch_generator()  # on the CPU, so that the numbers are the same on every device

        def make(classes: np.ndarray) -> np.ndarray:
            vector_BZ = prior(classes, random)
            uniform_BK = torch.rand(len(classes), len(self.table.columns), generator=random).to(device)
            logits_BS = network.decode(vector_BZ, torch.tensor(classes, device=device))
            bins: np.ndarray = network.pick(logits_BS, uniform_BK).cpu().numpy()
            return bins

        with reproducible(context), torch.inference_mode():
            bins = in_full_batches(make, classes, ROWS_AT_ONCE)
        frame = self.table.decode(bins, of_places.random(bins.shape))
        return Dataset.of(pd.concat([frame, self.conditions.frame(given, classes)], axis=1), {}, self.schema)

    def _values(self) -> dict[str, Any]:
        return {"bins": self.table.to_state()}

    def _restore(self, parts: Parts, values: Mapping[str, Any]) -> None:
        self.table = BinTable.from_state(values["bins"])
