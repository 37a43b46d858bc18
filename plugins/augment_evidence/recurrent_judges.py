"""Small recurrent networks that look at series: trained on the spot, for the metric `series-judges`.

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
from augment.toolkit.training import reproducible

__all__ = ["foretold", "told_apart"]

BATCH = 128
TESTED = 0.2  # share of each side that a judge who tells them apart is not trained on

Series = tuple[np.ndarray, np.ndarray]


def told_apart(one: Series, other: Series, context: Context, name: str, width: int, num_steps: int) -> float:
    """How far from chance, 0 to 0.5, a network tells the first series from equally many of the others."""
    size = min(len(one[0]), len(other[0]))
    rng = np.random.default_rng(derive_seed(context.seed, "told apart", name))
    picked = [(side, rng.permutation(len(side[0]))[:size]) for side in (one, other)]
    values = torch.from_numpy(np.concatenate([side[0][rows] for side, rows in picked]))
    last = torch.from_numpy(np.concatenate([side[1][rows] for side, rows in picked])) - 1
    is_first = torch.arange(2 * size) < size
    is_tested = torch.arange(2 * size) % size < max(1, round(TESTED * size))
    trained, tested = (which.nonzero()[:, 0] for which in (~is_tested, is_tested))
    with reproducible(dataclasses.replace(context, seed=derive_seed(context.seed, "judge", name), device="cpu")):
        judge = _Judge(values.shape[2], width)

        def said(rows: Tensor) -> Tensor:
            return judge(values[rows])[torch.arange(len(rows)), last[rows]]

        def loss(rows: Tensor) -> Tensor:
            return functional.binary_cross_entropy_with_logits(said(rows), is_first[rows].float())

        _train(judge, loss, trained, num_steps)
        with torch.inference_mode():
            right = (said(tested) > 0) == is_first[tested]
    return abs(float(right.float().mean()) - 0.5)


def foretold(read: Series, asked: Series, context: Context, name: str, width: int, num_steps: int) -> float:
    """The mean absolute error on the last channel's next steps, of a network that has learnt from other series."""
    with reproducible(dataclasses.replace(context, seed=derive_seed(context.seed, "foretold", name), device="cpu")):
        judge = _Judge(read[0].shape[2], width)
        values, lengths = map(torch.from_numpy, read)
        _train(judge, lambda rows: _error(judge, values[rows], lengths[rows]), torch.arange(len(values)), num_steps)
        with torch.inference_mode():
            return float(_error(judge, *map(torch.from_numpy, asked)))


class _Judge(nn.Module):
    """A number at each step, (B, T, F) to (B, T)."""

    def __init__(self, num_channels: int, width: int):
        super().__init__()
        self.steps = nn.GRU(num_channels, width, batch_first=True)
        self.head = nn.Linear(width, 1)

    def forward(self, values: Tensor) -> Tensor:
        found: Tensor = self.head(self.steps(values)[0])[..., 0]
        return found


def _train(judge: _Judge, loss: Callable[[Tensor], Tensor], rows: Tensor, num_steps: int) -> None:
    optimizer = torch.optim.Adam(judge.parameters(), lr=3e-3)
    for _ in range(num_steps):
        batch = rows[torch.randint(len(rows), (min(BATCH, len(rows)),))]
        optimizer.zero_grad()
        loss(batch).backward()  # type: ignore[no-untyped-call]
        optimizer.step()


def _error(judge: _Judge, values: Tensor, lengths: Tensor) -> Tensor:
    found = torch.sigmoid(judge(values[:, :-1]))
    is_there = torch.arange(1, values.shape[1]) < lengths[:, None]
    return ((found - values[:, 1:, -1]).abs() * is_there).sum() / is_there.sum().clamp(min=1)
