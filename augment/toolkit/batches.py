"""Which training rows each step of a network's training sees.

Shapes: B rows of a batch.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from augment.plugin.context import derive_seed

__all__ = ["Batches", "full_batches"]


class Batches:
    """Which rows each step sees: shuffled epochs laid end to end and cut into full batches.

    A batch may reach from one epoch into the next, and over many of them where the rows are few, so every batch is
    full and no row is left out. The batch of a step follows from the seed and the step's number alone.
    """

    def __init__(self, num_rows: int, batch_size: int, seed: int):
        self.num_rows, self.batch_size, self.seed = num_rows, batch_size, seed
        self._epoch, self._order = -1, np.empty(0, np.int64)

    def rows(self, number: int) -> np.ndarray:
        """The rows of one step, (B,) int64."""
        first = number * self.batch_size
        parts = []
        while first < (number + 1) * self.batch_size:
            epoch, start = divmod(first, self.num_rows)
            parts.append(self._epoch_order(epoch)[start : start + (number + 1) * self.batch_size - first])
            first += len(parts[-1])
        return np.concatenate(parts)

    def _epoch_order(self, epoch: int) -> np.ndarray:
        if epoch != self._epoch:
            rng = np.random.default_rng(derive_seed(self.seed, "epoch", epoch))
            self._epoch, self._order = epoch, rng.permutation(self.num_rows)
        return self._order


def full_batches(num_rows: int, batch_size: int, num_steps: int, rng: np.random.Generator) -> Iterator[np.ndarray]:
    """Full batches of row numbers, (batch_size,) int64 each: one shuffled pass after the other, joined end to end."""
    waiting = np.empty(0, dtype=np.int64)
    for _ in range(num_steps):
        while len(waiting) < batch_size:
            waiting = np.concatenate([waiting, rng.permutation(num_rows)])
        yield waiting[:batch_size]
        waiting = waiting[batch_size:]
