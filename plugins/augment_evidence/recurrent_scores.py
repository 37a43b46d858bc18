"""The discriminative and the predictive score of series, by small recurrent networks that are trained here.

Source: Yoon, Jarrett and van der Schaar 2019, "Time-series generative adversarial networks".

Series come as their values (N, T, F) float32 in about [0, 1], and their lengths (N,), 1 or more.

Shapes: N series, B of a batch, T steps, F channels.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from augment.plugin import Context, derive_seed
from augment.toolkit.optimizers import Adam
from augment.toolkit.training import reproducible

__all__ = ["discriminative_score", "predictive_score"]

BATCH = 128
TEST_SHARE = 0.2  # of each side, which the discriminator is not trained on

Series = tuple[np.ndarray, np.ndarray]


def discriminative_score(one: Series, other: Series, context: Context, name: str, width: int, num_steps: int) -> float:
    """How far from 0.5 the accuracy is of a network that tells one side from equally many of the other: 0 to 0.5."""
    size = min(len(one[0]), len(other[0]))
    rng = np.random.default_rng(derive_seed(context.seed, "told apart", name))
    picked = [(side, rng.permutation(len(side[0]))[:size]) for side in (one, other)]
    values = torch.from_numpy(np.concatenate([side[0][rows] for side, rows in picked]))
    last = torch.from_numpy(np.concatenate([side[1][rows] for side, rows in picked])) - 1
    is_first = torch.arange(2 * size) < size
    is_tested = torch.arange(2 * size) % size < max(1, round(TEST_SHARE * size))
    trained, tested = (which.nonzero()[:, 0] for which in (~is_tested, is_tested))
    with reproducible(dataclasses.replace(context, seed=derive_seed(context.seed, "judge", name), device="cpu")):
        network = _Network(values.shape[2], width)

        def logits(rows: Tensor) -> Tensor:
            outputs: Tensor = network(values[rows])
            return outputs[torch.arange(len(rows)), last[rows]]

        def loss(rows: Tensor) -> Tensor:
            return functional.binary_cross_entropy_with_logits(logits(rows), is_first[rows].float())

        _train(network, loss, trained, num_steps)
        with torch.inference_mode():
            correct = (logits(tested) > 0) == is_first[tested]
    return abs(float(correct.float().mean()) - 0.5)


def predictive_score(train: Series, test: Series, context: Context, name: str, width: int, num_steps: int) -> float:
    """The mean absolute error on the last channel's next steps, of a network trained on other series."""
    with reproducible(dataclasses.replace(context, seed=derive_seed(context.seed, "foretold", name), device="cpu")):
        network = _Network(train[0].shape[2], width)
        values, lengths = map(torch.from_numpy, train)
        _train(network, lambda rows: _error(network, values[rows], lengths[rows]), torch.arange(len(values)), num_steps)
        with torch.inference_mode():
            return float(_error(network, *map(torch.from_numpy, test)))


class _Network(nn.Module):
    """A number at each step, (B, T, F) to (B, T)."""

    def __init__(self, num_channels: int, width: int):
        super().__init__()
        self.steps = nn.GRU(num_channels, width, batch_first=True)
        self.head = nn.Linear(width, 1)

    def forward(self, values: Tensor) -> Tensor:
        outputs: Tensor = self.head(self.steps(values)[0])[..., 0]
        return outputs


def _train(network: _Network, loss: Callable[[Tensor], Tensor], rows: Tensor, num_steps: int) -> None:
    optimizer = Adam(network.parameters(), lr=3e-3)
    for _ in range(num_steps):
        batch = rows[torch.randint(len(rows), (min(BATCH, len(rows)),))]
        optimizer.zero_grad()
        loss(batch).backward()  # type: ignore[no-untyped-call]
        optimizer.step()


def _error(network: _Network, values: Tensor, lengths: Tensor) -> Tensor:
    predicted = torch.sigmoid(network(values[:, :-1]))
    is_step = torch.arange(1, values.shape[1]) < lengths[:, None]
    return ((predicted - values[:, 1:, -1]).abs() * is_step).sum() / is_step.sum().clamp(min=1)
