"""Rows of a table as vectors of few numbers, and back: what the table generators `vae` and `gan` share.

    settings = Settings(width=256, latent_dim=24)
    with reproducible(context):
        weights = fit_autoencoder(table, bins, classes, conditions, settings, context)
        network = load_autoencoder(weights, table, conditions, settings, context.device)
        mean_NZ, deviation_NZ = encode_rows(network, table, bins, classes)
        bins_NK = network.pick(network.decode(mean_NZ, classes_N), uniform_NK)

What is unusual: the bins of all columns (see `bins.py`) lie one after the other in one embedding table and in one
output layer, so a row of any number of columns is a single sum of embeddings, and a single matrix product gives all
logits.

Shapes: N rows (of a batch, in the network), M rows to train on, B rows of a batch, K columns, S bins of all columns
together, Z numbers of a row's vector.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from augment.plugin.context import Context
from augment.toolkit.conditions import Conditions
from augment.toolkit.latents import draw_latents, kl_divergence, warm_up
from augment.toolkit.optimizers import AdamW
from augment.toolkit.tables.bins import BinTable
from augment.toolkit.training import EarlyStopping, autocast, copy_weights, cosine_decay, rebuild, train

__all__ = [
    "RowVae",
    "Settings",
    "default_latent_dim",
    "encode_rows",
    "fit_autoencoder",
    "load_autoencoder",
    "num_autoencoder_steps",
]

MIN_STEPS, MAX_STEPS = 200, 8_000
MIN_BATCH, MAX_BATCH = 16, 512
MIN_CODE_SIZE, MAX_CODE_SIZE = 4, 24
BATCHES_AN_EPOCH = 8  # at least, so that few rows do not mean one step an epoch
WEIGHT_DECAY = 1e-3
AVERAGE_DECAY = 0.998
WARM_UP = 0.3  # share of the steps over which beta rises from nothing
MIN_HELD_BACK, MAX_HELD_BACK = 20, 4_096  # fewer rows say too little to stop by
NUM_MEASURES, PATIENCE = 30, 6
ROWS_AT_ONCE = 1_024  # of the passes after training
MAX_LOGIT = 60.0  # keeps sums of exponentials finite; e^-60 is never drawn anyway


@dataclass(frozen=True)
class Settings:
    """Settings of a row VAE.

    Attributes:
        width: units of the hidden layers next to the rows; those next to the vector have half as many, or as many.
        latent_dim: Z.
        beta: weight of the KL divergence beside the reconstruction loss (Higgins et al. 2017).
        learning_rate: at the start; it falls to zero.
        batch_size: B; by default an eighth of the rows, but 16 to 512.
        num_steps: training steps at most; by default `num_epochs` times through the data, but 200 to 8,000.
        num_epochs: see there.
    """

    width: int = 256
    latent_dim: int = 24
    beta: float = 0.2
    learning_rate: float = 2e-3
    batch_size: int | None = None
    num_steps: int | None = None
    num_epochs: int = 64


class RowVae(nn.Module):
    """A class-conditional variational autoencoder (Kingma and Welling 2014) with a categorical likelihood a column.

    Codes go in as their places among the bins of all columns: (N, K) int64, each in [0, S).
    """

    def __init__(self, num_bins: Sequence[int], num_classes: int, width: int, latent_dim: int):
        super().__init__()
        self.num_bins, self.num_classes = list(num_bins), num_classes
        narrow = max(1, width // 2)
        self.columns = nn.Embedding(sum(num_bins), width)
        self.classes = nn.Embedding(num_classes, width)
        for embedding in (self.columns, self.classes):
            nn.init.normal_(embedding.weight, std=1 / math.sqrt(len(num_bins)))  # so that their sum is of order one
        self.encoder = nn.Sequential(nn.ReLU(), nn.Linear(width, narrow), nn.ReLU(), nn.Linear(narrow, 2 * latent_dim))
        self.decoder = nn.Sequential(
            nn.Linear(latent_dim + num_classes, width),
            nn.ReLU(),
            nn.Linear(width, narrow),
            nn.ReLU(),
        )
        self.logits = nn.Linear(narrow, sum(num_bins))

    def encode(self, bins_NK: Tensor, classes_N: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and logarithm of the variance of each row's vector, both (N, Z)."""
        hidden = F.embedding_bag(bins_NK, self.columns.weight, mode="sum") + self.classes(classes_N)
        mean_NZ, log_variance_NZ = self.encoder(hidden).float().chunk(2, 1)
        return mean_NZ, log_variance_NZ

    def decode(self, latent_NZ: Tensor, classes_N: Tensor) -> Tensor:
        """The logit of each bin of each column, (N, S)."""
        one_hot = F.one_hot(classes_N, self.num_classes).float()
        logits: Tensor = self.logits(self.decoder(torch.cat([latent_NZ, one_hot], 1))).float()
        return logits

    def losses(self, bins_NK: Tensor, classes_N: Tensor, noise_NZ: Tensor) -> tuple[Tensor, Tensor]:
        """Reconstruction loss and KL divergence, both in nats per row."""
        mean_NZ, log_variance_NZ = self.encode(bins_NK, classes_N)
        logits_NS = self.decode(draw_latents(mean_NZ, log_variance_NZ, noise_NZ), classes_N)
        normalisers = [column.logsumexp(1).sum() for column in torch.split(logits_NS, self.num_bins, 1)]
        reconstruction = (torch.stack(normalisers).sum() - logits_NS.gather(1, bins_NK).sum()) / len(bins_NK)
        return reconstruction, kl_divergence(mean_NZ, log_variance_NZ)

    def pick(self, logits_NS: Tensor, uniform_NK: Tensor) -> Tensor:
        """A bin of each column, by its place in the column: (N, K) int64, from a number in [0, 1) each."""
        odds_NS = logits_NS.clamp(-MAX_LOGIT, MAX_LOGIT).exp()
        picked = []
        for odds, uniform_N1 in zip(torch.split(odds_NS, self.num_bins, 1), torch.split(uniform_NK, 1, 1), strict=True):
            ends = odds.cumsum(1)
            picked.append(torch.searchsorted(ends, uniform_N1 * ends[:, -1:]))
        return torch.cat(picked, 1)


def fit_autoencoder(
    table: BinTable,
    bins: np.ndarray,
    classes: np.ndarray,
    conditions: Conditions,
    settings: Settings,
    context: Context,
) -> dict[str, np.ndarray]:
    """Train on the rows that have a class, but for a tenth to stop by. To be called inside `reproducible`.

    Args:
        table: says how many bins each column has, and how frequent they are.
        bins: (N, K) integers.
        classes: (N,) int64, -1 where there is none.
        conditions: the classes.
        settings: of the network and its training.
        context: of the fit.

    Returns:
        The averaged weights.
    """
    device = torch.device(context.device)
    learnt, held_back = _hold_back(classes, conditions.counts, context.rng)
    learnt_classes = np.full(len(classes), -1)
    learnt_classes[learnt] = classes[learnt]
    rows = conditions.training_rows(learnt_classes)
    num_steps = num_autoencoder_steps(len(learnt), settings)
    bins_NK, classes_N = _placed(table, bins, device), torch.tensor(classes, device=device)
    rows_M = torch.tensor(rows, device=device)
    network = _network(table, conditions, settings)
    with torch.no_grad():
        network.logits.bias.copy_(torch.tensor(_log_shares(table)))
    network.to(device)
    biases = [weight for weight in network.parameters() if weight.ndim == 1]
    others = [weight for weight in network.parameters() if weight.ndim > 1]
    optimizer = AdamW(
        [{"params": others, "weight_decay": WEIGHT_DECAY}, {"params": biases, "weight_decay": 0.0}],
        lr=settings.learning_rate,
        fused=True,
    )

    def noise(num_rows: int) -> Tensor:
        return torch.randn(num_rows, settings.latent_dim, device=device)

    def step(number: int, batch: Tensor) -> dict[str, Tensor]:
        chosen = rows_M[batch]
        beta = settings.beta * warm_up(number, WARM_UP * num_steps)
        with autocast(context):
            reconstruction, divergence = network.losses(bins_NK[chosen], classes_N[chosen], noise(len(chosen)))
        optimizer.zero_grad()
        torch.autograd.backward(reconstruction + beta * divergence)
        optimizer.step()
        return {"reconstruction loss": reconstruction, "KL divergence": divergence}

    judged, judged_noise = torch.tensor(held_back, device=device), noise(len(held_back))

    def measure(averaged: Mapping[str, nn.Module]) -> Tensor:
        average = averaged["autoencoder"]
        assert isinstance(average, RowVae)
        reconstruction, divergence = average.losses(bins_NK[judged], classes_N[judged], judged_noise)
        return reconstruction + settings.beta * divergence

    batch_size = _batch_size(len(learnt), settings)
    every = max(1, num_steps // NUM_MEASURES, len(held_back) // batch_size)  # a short fit does not mostly measure
    stopping = EarlyStopping(measure, every, PATIENCE)
    outcome = train(
        context,
        step,
        num_steps=num_steps,
        num_rows=len(rows),
        batch_size=batch_size,
        modules={"autoencoder": network},
        optimizers={"autoencoder": optimizer},
        averages={"autoencoder": AVERAGE_DECAY},
        schedule=cosine_decay,
        stopping=stopping if len(held_back) else None,
    )
    return copy_weights(outcome.averaged["autoencoder"])


def default_latent_dim(table: BinTable) -> int:
    """Two numbers a column, but 4 to 24: with more than rows need, what is fitted to their vectors is fitted worse."""
    return int(np.clip(2 * len(table.columns), MIN_CODE_SIZE, MAX_CODE_SIZE))


def num_autoencoder_steps(num_rows: int, settings: Settings) -> int:
    """How many steps training on so many rows takes at most."""
    default = settings.num_epochs * num_rows // _batch_size(num_rows, settings)
    return settings.num_steps or int(np.clip(default, MIN_STEPS, MAX_STEPS))


def load_autoencoder(
    weights: Mapping[str, np.ndarray], table: BinTable, conditions: Conditions, settings: Settings, device: str
) -> RowVae:
    """The network that `fit_autoencoder` trained, in eval mode."""
    return rebuild(lambda: _network(table, conditions, settings), weights, device)


def encode_rows(network: RowVae, table: BinTable, bins: np.ndarray, classes: np.ndarray) -> tuple[Tensor, Tensor]:
    """Means and standard deviations of the vectors of rows, (N, Z) each, from bins (N, K) and classes (N,)."""
    device = next(network.parameters()).device
    batches = zip(
        torch.split(_placed(table, bins, device), ROWS_AT_ONCE),
        torch.split(torch.tensor(classes, device=device), ROWS_AT_ONCE),
        strict=True,
    )
    with torch.no_grad():
        means, log_variances = zip(*(network.encode(*batch) for batch in batches), strict=True)
        return torch.cat(means), (0.5 * torch.cat(log_variances)).exp()


def _network(table: BinTable, conditions: Conditions, settings: Settings) -> RowVae:
    return RowVae(table.num_bins, len(conditions.labels), settings.width, settings.latent_dim)


def _placed(table: BinTable, bins: np.ndarray, device: torch.device) -> Tensor:
    """Codes by their places among those of all columns."""
    return torch.tensor(bins + np.cumsum([0, *table.num_bins[:-1]]), device=device)


def _batch_size(num_rows: int, settings: Settings) -> int:
    part = max(1, num_rows // BATCHES_AN_EPOCH)
    return settings.batch_size or int(np.clip(2 ** (part.bit_length() - 1), MIN_BATCH, MAX_BATCH))


def _hold_back(classes: np.ndarray, counts: Sequence[int], rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Part the rows that have a class, both (M,) int64: those to train on, and a tenth to stop by; none of too few.

    Classes of less than ten rows stay whole.
    """
    labelled = rng.permutation(np.flatnonzero(classes >= 0))
    can_spare = labelled[np.array(counts)[classes[labelled]] >= 10]
    num_held_back = min(len(can_spare) // 10, MAX_HELD_BACK)
    held_back = can_spare[: num_held_back if num_held_back >= MIN_HELD_BACK else 0]
    return np.setdiff1d(labelled, held_back), held_back


def _log_shares(table: BinTable) -> np.ndarray:
    """How frequent each bin is in its column, where the decoder starts from: (S,) float32, logarithms."""
    rows = [table.rows(name) + 0.5 for name in table.columns]
    return np.concatenate([np.log(counts / counts.sum()) for counts in rows]).astype(np.float32)
