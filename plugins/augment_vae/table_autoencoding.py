"""How the table VAE is fitted, and how rows are drawn afterwards.

Shapes: N rows, M rows coded for the mixture, B rows of a batch, K columns, S codes of all columns, Z code vector.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch

from augment.plugin import Context
from augment.toolkit.conditions import Conditions, in_full_batches
from augment.toolkit.tables.bins import CodeTable
from augment.toolkit.tables.row_vae import (
    ROWS_AT_ONCE,
    Settings,
    default_code_size,
    fit_autoencoder,
    load_autoencoder,
    vectors_of,
)
from augment.toolkit.training import reproducible
from augment_vae.mixture import Mixture

if TYPE_CHECKING:
    from augment_vae.tables import TableVae

LEAST_CODES, MOST_CODES = 200, 32_768  # per class, and of all classes, for the mixture


def fit(
    table: CodeTable,
    codes: np.ndarray,
    classes: np.ndarray,
    conditions: Conditions,
    params: TableVae.Params,
    context: Context,
) -> tuple[dict[str, np.ndarray], Mixture]:
    """Train on the rows that have a class, and fit the mixture of code vectors.

    Args:
        table: what the codes are.
        codes: (N, K) integers.
        classes: (N,) int64, -1 where there is none.
        conditions: the classes.
        params: the settings.
        context: of the fit.

    Returns:
        The network's averaged weights, and the mixture.
    """
    settings = _settings(table, params)
    with reproducible(context):
        weights = fit_autoencoder(table, codes, classes, conditions, settings, context)
        network = load_autoencoder(weights, table, conditions, settings, context.device)
        coded = _rows_to_code(classes, conditions.counts, context.rng)
        mean_MZ, deviation_MZ = vectors_of(network, table, codes[coded], classes[coded])
        drawn_MZ = (mean_MZ + deviation_MZ * torch.randn_like(mean_MZ)).cpu().numpy()
    mixture = Mixture.fit(
        drawn_MZ,
        classes[coded],
        conditions.counts,
        params.components,
        params.rows_per_component,
        context.rng,
        num_rounds=0,
    )
    return weights, mixture


class Drawer:
    """Draws rows with a fitted network, which is put together once: a caller asks for many parts of few rows each."""

    def __init__(
        self,
        table: CodeTable,
        conditions: Conditions,
        weights: Mapping[str, np.ndarray],
        mixture: Mixture,
        params: TableVae.Params,
        device: str,
    ):
        self.device, self.mixture = device, mixture
        self.network = load_autoencoder(weights, table, conditions, _settings(table, params), device)
        self.means, self.factors = torch.tensor(mixture.means), torch.tensor(mixture.factors)
        self.num_columns = len(table.num_codes)

    def draw(self, classes: np.ndarray, context: Context) -> np.ndarray:
        """The codes of a row of each class asked for, (N,) int64: (N, K) int64."""
        random = context.torch_generator()  # on the CPU, so that the numbers are the same on every device

        def make(classes: np.ndarray) -> np.ndarray:
            uniform = torch.rand(len(classes), generator=random).numpy()
            components = torch.tensor(self.mixture.components(classes, uniform))
            normal_BZ1 = torch.randn(len(classes), self.means.shape[1], 1, generator=random)
            code_BZ = self.means[components] + (self.factors[components] @ normal_BZ1).squeeze(2)
            uniform_BK = torch.rand(len(classes), self.num_columns, generator=random)
            logits_BS = self.network.decode(code_BZ.to(self.device), torch.tensor(classes, device=self.device))
            picked: np.ndarray = self.network.pick(logits_BS, uniform_BK.to(self.device)).cpu().numpy()
            return picked

        with reproducible(context), torch.inference_mode():
            return in_full_batches(make, classes, ROWS_AT_ONCE)


def _settings(table: CodeTable, params: TableVae.Params) -> Settings:
    return Settings(
        width=params.width,
        code_size=params.code_size or default_code_size(table),
        code_price=params.code_price,
        rate=params.rate,
        batch_size=params.batch_size,
        num_steps=params.steps,
    )


def _rows_to_code(classes: np.ndarray, counts: Sequence[int], rng: np.random.Generator) -> np.ndarray:
    """Which rows the mixture is fitted to: (M,) int64, rows of small classes several times, a part of large ones."""
    chosen = []
    for number, count in enumerate(counts):
        most = max(LEAST_CODES, MOST_CODES * count // sum(counts))
        rows = rng.permutation(np.flatnonzero(classes == number))[:most]
        chosen.append(np.repeat(rows, -(-LEAST_CODES // max(count, 1))))
    return np.concatenate(chosen)
