"""Rows of a table as vectors of few numbers, and back: what the table generators `vae` and `gan` share.

    settings = Settings(width=256, code_size=24)
    with reproducible(context):
        weights = fit_autoencoder(table, codes, classes, conditions, settings, context)
        network = load_autoencoder(weights, table, conditions, settings, context.device)
        mean_NZ, deviation_NZ = vectors_of(network, table, codes, classes)
        codes_NK = network.pick(network.decode(mean_NZ, classes_N), uniform_NK)

What is unusual: the codes of all columns (see `bins.py`) lie one after the other in one embedding table and in one
output layer, so a row of any number of columns is a single sum of embeddings, and a single matrix product gives all
logits.

Shapes: N rows (of a batch, in the network), M rows to train on, B rows of a batch, K columns, S codes of all columns
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
from augment.toolkit.tables.bins import CodeTable
from augment.toolkit.training import EarlyStopping, autocast, cosine_decay, rebuild, train, weights_of

__all__ = [
    "RowVae",
    "Settings",
    "default_code_size",
    "fit_autoencoder",
    "load_autoencoder",
    "num_autoencoder_steps",
    "vectors_of",
]

LEAST_STEPS, MOST_STEPS = 200, 8_000
LEAST_BATCH, MOST_BATCH = 16, 512
LEAST_CODE_SIZE, MOST_CODE_SIZE = 4, 24
BATCHES_AN_EPOCH = 8  # at least, so that few rows do not mean one step an epoch
WEIGHT_DECAY = 1e-3
AVERAGE_DECAY = 0.998
WARM_UP = 0.3  # share of the steps over which the price of vectors rises from nothing
LEAST_HELD_BACK, MOST_HELD_BACK = 20, 4_096  # fewer rows say too little to stop by
NUM_MEASURES, PATIENCE = 30, 6
ROWS_AT_ONCE = 1_024  # of the passes after training
LARGEST_LOGIT = 60.0  # keeps sums of exponentials finite; e^-60 is never drawn anyway


@dataclass(frozen=True)
class Settings:
    """Settings of a row VAE.

    Attributes:
        width: units of the hidden layers next to the rows; those next to the vector have half as many, or as many.
        code_size: Z.
        code_price: what a nat of vector costs in nats of error: beta (Higgins et al. 2017).
        rate: learning rate at the start.
        batch_size: B; by default an eighth of the rows, but 16 to 512.
        num_steps: training steps at most; by default `num_epochs` times through the data, but 200 to 8,000.
        num_epochs: see there.
    """

    width: int = 256
    code_size: int = 24
    code_price: float = 0.2
    rate: float = 2e-3
    batch_size: int | None = None
    num_steps: int | None = None
    num_epochs: int = 64


class RowVae(nn.Module):
    """A class-conditional variational autoencoder (Kingma and Welling 2014) with a categorical likelihood a column.

    Codes go in as their places among the codes of all columns: (N, K) int64, each in [0, S).
    """

    def __init__(self, num_codes: Sequence[int], num_classes: int, width: int, code_size: int):
        super().__init__()
        self.num_codes, self.num_classes = list(num_codes), num_classes
        narrow = max(1, width // 2)
        self.columns = nn.Embedding(sum(num_codes), width)
        self.classes = nn.Embedding(num_classes, width)
        for embedding in (self.columns, self.classes):
            nn.init.normal_(embedding.weight, std=1 / math.sqrt(len(num_codes)))  # so that their sum is of order one
        self.encoder = nn.Sequential(nn.ReLU(), nn.Linear(width, narrow), nn.ReLU(), nn.Linear(narrow, 2 * code_size))
        self.decoder = nn.Sequential(
            nn.Linear(code_size + num_classes, width),
            nn.ReLU(),
            nn.Linear(width, narrow),
            nn.ReLU(),
        )
        self.logits = nn.Linear(narrow, sum(num_codes))

    def encode(self, codes_NK: Tensor, classes_N: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and logarithm of the variance of each row's vector, both (N, Z)."""
        hidden = F.embedding_bag(codes_NK, self.columns.weight, mode="sum") + self.classes(classes_N)
        mean_NZ, log_variance_NZ = self.encoder(hidden).float().chunk(2, 1)
        return mean_NZ, log_variance_NZ

    def decode(self, code_NZ: Tensor, classes_N: Tensor) -> Tensor:
        """The logit of each code of each column, (N, S)."""
        one_hot = F.one_hot(classes_N, self.num_classes).float()
        logits: Tensor = self.logits(self.decoder(torch.cat([code_NZ, one_hot], 1))).float()
        return logits

    def losses(self, codes_NK: Tensor, classes_N: Tensor, noise_NZ: Tensor) -> tuple[Tensor, Tensor]:
        """How badly rows come back, and how much their vectors say: both in nats per row."""
        mean_NZ, log_variance_NZ = self.encode(codes_NK, classes_N)
        logits_NS = self.decode(mean_NZ + (0.5 * log_variance_NZ).exp() * noise_NZ, classes_N)
        normalisers = [column.logsumexp(1).sum() for column in torch.split(logits_NS, self.num_codes, 1)]
        error = (torch.stack(normalisers).sum() - logits_NS.gather(1, codes_NK).sum()) / len(codes_NK)
        divergence = 0.5 * (mean_NZ.square() + log_variance_NZ.exp() - 1 - log_variance_NZ).sum(1).mean()
        return error, divergence

    def pick(self, logits_NS: Tensor, uniform_NK: Tensor) -> Tensor:
        """A code of each column, by its place in the column: (N, K) int64, from a number in [0, 1) each."""
        odds_NS = logits_NS.clamp(-LARGEST_LOGIT, LARGEST_LOGIT).exp()
        picked = []
        for odds, uniform_N1 in zip(
            torch.split(odds_NS, self.num_codes, 1), torch.split(uniform_NK, 1, 1), strict=True
        ):
            ends = odds.cumsum(1)
            picked.append(torch.searchsorted(ends, uniform_N1 * ends[:, -1:]))
        return torch.cat(picked, 1)


def fit_autoencoder(
    table: CodeTable,
    codes: np.ndarray,
    classes: np.ndarray,
    conditions: Conditions,
    settings: Settings,
    context: Context,
) -> dict[str, np.ndarray]:
    """Train on the rows that have a class, but for a tenth to stop by. To be called inside `reproducible`.

    Args:
        table: says how many codes each column has, and how frequent they are.
        codes: (N, K) integers.
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
    codes_NK, classes_N = _placed(table, codes, device), torch.tensor(classes, device=device)
    rows_M = torch.tensor(rows, device=device)
    network = _network(table, conditions, settings)
    with torch.no_grad():
        network.logits.bias.copy_(torch.tensor(_log_shares(table)))
    network.to(device)
    biases = [weight for weight in network.parameters() if weight.ndim == 1]
    others = [weight for weight in network.parameters() if weight.ndim > 1]
    optimizer = torch.optim.AdamW(
        [{"params": others, "weight_decay": WEIGHT_DECAY}, {"params": biases, "weight_decay": 0.0}],
        lr=settings.rate,
        fused=True,
    )

    def noise(num_rows: int) -> Tensor:
        return torch.randn(num_rows, settings.code_size, device=device)

    def step(number: int, batch: Tensor) -> dict[str, Tensor]:
        chosen = rows_M[batch]
        price = settings.code_price * min(1.0, number / (WARM_UP * num_steps))
        with autocast(context):
            error, code_cost = network.losses(codes_NK[chosen], classes_N[chosen], noise(len(chosen)))
        optimizer.zero_grad()
        torch.autograd.backward(error + price * code_cost)
        optimizer.step()
        return {"error": error, "code cost": code_cost}

    judged, judged_noise = torch.tensor(held_back, device=device), noise(len(held_back))

    def measure(averaged: Mapping[str, nn.Module]) -> Tensor:
        average = averaged["autoencoder"]
        assert isinstance(average, RowVae)
        error, code_cost = average.losses(codes_NK[judged], classes_N[judged], judged_noise)
        return error + settings.code_price * code_cost

    stopping = EarlyStopping(measure, every=max(1, num_steps // NUM_MEASURES), patience=PATIENCE)
    outcome = train(
        context,
        step,
        num_steps=num_steps,
        num_rows=len(rows),
        batch_size=_batch_size(len(learnt), settings),
        modules={"autoencoder": network},
        optimizers={"autoencoder": optimizer},
        averages={"autoencoder": AVERAGE_DECAY},
        schedule=cosine_decay,
        stopping=stopping if len(held_back) else None,
    )
    return weights_of(outcome.averaged["autoencoder"])


def default_code_size(table: CodeTable) -> int:
    """Two numbers a column, but 4 to 24: with more than rows need, what is fitted to their vectors is fitted worse."""
    return int(np.clip(2 * len(table.columns), LEAST_CODE_SIZE, MOST_CODE_SIZE))


def num_autoencoder_steps(num_rows: int, settings: Settings) -> int:
    """How many steps training on so many rows takes at most."""
    default = settings.num_epochs * num_rows // _batch_size(num_rows, settings)
    return settings.num_steps or int(np.clip(default, LEAST_STEPS, MOST_STEPS))


def load_autoencoder(
    weights: Mapping[str, np.ndarray], table: CodeTable, conditions: Conditions, settings: Settings, device: str
) -> RowVae:
    """The network that `fit_autoencoder` trained, in eval mode."""
    network = rebuild(lambda: _network(table, conditions, settings), weights, device)
    assert isinstance(network, RowVae)
    return network


def vectors_of(network: RowVae, table: CodeTable, codes: np.ndarray, classes: np.ndarray) -> tuple[Tensor, Tensor]:
    """Means and standard deviations of the vectors of rows, (N, Z) each, from codes (N, K) and classes (N,)."""
    device = next(network.parameters()).device
    batches = zip(
        torch.split(_placed(table, codes, device), ROWS_AT_ONCE),
        torch.split(torch.tensor(classes, device=device), ROWS_AT_ONCE),
        strict=True,
    )
    with torch.no_grad():
        means, log_variances = zip(*(network.encode(*batch) for batch in batches), strict=True)
        return torch.cat(means), (0.5 * torch.cat(log_variances)).exp()


def _network(table: CodeTable, conditions: Conditions, settings: Settings) -> RowVae:
    return RowVae(table.num_codes, len(conditions.labels), settings.width, settings.code_size)


def _placed(table: CodeTable, codes: np.ndarray, device: torch.device) -> Tensor:
    """Codes by their places among those of all columns."""
    return torch.tensor(codes + np.cumsum([0, *table.num_codes[:-1]]), device=device)


def _batch_size(num_rows: int, settings: Settings) -> int:
    part = max(1, num_rows // BATCHES_AN_EPOCH)
    return settings.batch_size or int(np.clip(2 ** (part.bit_length() - 1), LEAST_BATCH, MOST_BATCH))


def _hold_back(classes: np.ndarray, counts: Sequence[int], rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Part the rows that have a class, both (M,) int64: those to train on, and a tenth to stop by; none of too few.

    Classes of less than ten rows stay whole.
    """
    labelled = rng.permutation(np.flatnonzero(classes >= 0))
    can_spare = labelled[np.array(counts)[classes[labelled]] >= 10]
    num_held_back = min(len(can_spare) // 10, MOST_HELD_BACK)
    held_back = can_spare[: num_held_back if num_held_back >= LEAST_HELD_BACK else 0]
    return np.setdiff1d(labelled, held_back), held_back


def _log_shares(table: CodeTable) -> np.ndarray:
    """How frequent each code is in its column, where the decoder starts from: (S,) float32, logarithms."""
    rows = [table.rows(name) + 0.5 for name in table.columns]
    return np.concatenate([np.log(counts / counts.sum()) for counts in rows]).astype(np.float32)
