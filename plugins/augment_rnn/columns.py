"""How rows are drawn from the network of `rnn` for tables, and what is known of the bins of its columns.

Shapes: R rows of a batch, K columns, P candidates of a row, B = R P, C bins of all columns together.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from augment.toolkit.tables.bins import BinTable
from augment_rnn.networks import ColumnGru

ROWS_AT_ONCE = 1_024  # when measuring and sampling
SMOOTHING = 0.5  # rows added to each bin's number of rows, so that no bin is impossible
LABEL_SMOOTHING = 2.0  # rows of all labels that are counted among those of each


def known_cells(table: BinTable, bins: np.ndarray, num_labels: int) -> tuple[Tensor, Tensor]:
    """The features of all bins, (C, F), and how often each comes in its column in rows of a label, (L, C).

    Args:
        table: of the columns.
        bins: training rows, (N, K).
        num_labels: L, of the first column, or 1 for all rows together.
    """
    features = np.concatenate([table.features(name) for name in table.columns])
    labels = bins[:, 0] if num_labels > 1 else np.zeros(len(bins), np.int64)
    frequencies = []
    for place, name in enumerate(table.columns):
        rows = table.rows(name) + SMOOTHING
        in_all = rows / rows.sum()
        counts = np.zeros((num_labels, len(rows)))
        if place:  # the first is the label itself
            np.add.at(counts, (labels, bins[:, place]), 1)
        frequencies.append((counts + LABEL_SMOOTHING * in_all) / (counts.sum(1, keepdims=True) + LABEL_SMOOTHING))
    return torch.tensor(features), torch.tensor(np.hstack(frequencies), dtype=torch.float32)


def draw(
    network: ColumnGru,
    given: Mapping[int, np.ndarray],
    num_rows: int,
    num_candidates: int,
    rng: np.random.Generator,
) -> np.ndarray:
    """Bins of `num_rows` rows, (N, K) int64, with some columns given.

    A column given before all that are drawn is simply fed in. Where one comes after a drawn one, the drawn ones must
    fit it: each row has P candidates, and when they reach a given column they are drawn anew, with replacement, in
    proportion to the chance that each of them gives what is asked (a particle filter: Gordon, Salmond and Smith 1993).

    Args:
        network: the fitted one, in eval mode, on the CPU.
        given: position of a column to its bins, (N,).
        num_rows: N.
        num_candidates: P, where they are needed.
        rng: for all draws.
    """
    is_prefix = sorted(given) == list(range(len(given)))
    num_candidates = 1 if is_prefix else num_candidates
    rows_a_batch = ROWS_AT_ONCE // num_candidates
    drawn = np.empty((num_rows, len(network.num_bins)), dtype=np.int64)
    sampler = _Sampler(network, rows_a_batch, num_candidates)
    for start in range(0, num_rows, rows_a_batch):
        stop = min(start + rows_a_batch, num_rows)
        asked = {}
        for column, bins in given.items():
            asked[column] = np.full(rows_a_batch, bins[start])  # padded, so that every batch is full
            asked[column][: stop - start] = bins[start:stop]
        drawn[start:stop] = sampler.batch(asked, rng)[: stop - start]
    return drawn


class _Sampler:
    """Draws full batches of R rows with P candidates each, B = R P in all."""

    def __init__(self, network: ColumnGru, rows_a_batch: int, num_candidates: int):
        self.network, self.rows_a_batch, self.num_candidates = network, rows_a_batch, num_candidates
        self.gates_CG, weights = network.tables()
        self.weights = [weight.T.contiguous() for weight in weights]
        self.starts = np.concatenate([[0], np.cumsum(network.num_bins)[:-1]]).tolist()

    def batch(self, given: Mapping[int, np.ndarray], rng: np.random.Generator) -> np.ndarray:
        """(R, K) int64."""
        size, num_columns = self.rows_a_batch * self.num_candidates, len(self.network.num_bins)
        # one number a column decides: which bin is drawn, or at a given column which candidate is followed
        uniforms_KB1 = torch.from_numpy(rng.random((num_columns, size, 1), dtype=np.float32))
        bins_KB = torch.empty((num_columns, size), dtype=torch.int64)
        hidden = self.network.start().expand(size, -1)
        biases = self.network.biases(None)
        for column in range(num_columns):
            if column:
                before = bins_KB[column - 1] + self.starts[column - 1]
                hidden = self.network.move(hidden, self.gates_CG.index_select(0, before))
            asked = given.get(column)
            if asked is None:
                logits = torch.addmm(biases[column], hidden, self.weights[column])
                bins_KB[column] = choose(logits.softmax(1), uniforms_KB1[column])
            else:
                bins = torch.from_numpy(asked).repeat_interleave(self.num_candidates)
                if self.num_candidates > 1 and column:
                    logits = torch.addmm(biases[column], hidden, self.weights[column])
                    chance_B1 = logits.log_softmax(1).gather(1, bins[:, None])
                    followed = self._followed(chance_B1.view(-1, self.num_candidates), uniforms_KB1[column])
                    hidden, bins_KB[:column] = hidden[followed], bins_KB[:column, followed]
                    biases = self.network.biases(bins_KB[0])
                bins_KB[column] = bins
            if column == 0:
                biases = self.network.biases(bins_KB[0])
        # after the last given column all candidates of a row are equally good
        return bins_KB[:, :: self.num_candidates].T.numpy()

    def _followed(self, chance_RP: Tensor, uniforms_B1: Tensor) -> Tensor:
        """Which candidate each of the next ones goes on from, (B,) int64."""
        shares_RP = chance_RP.softmax(1)
        chosen_RP = choose(shares_RP, uniforms_B1.view(-1, self.num_candidates))
        firsts_R1 = torch.arange(self.rows_a_batch)[:, None] * self.num_candidates
        return (firsts_R1 + chosen_RP).flatten()


def choose(chances_BV: Tensor, uniforms_BD: Tensor) -> Tensor:
    """Draw by the inverse of the cumulated chances: (B, D), or (B,) where D is 1, int64 in [0, V)."""
    ends_BV = chances_BV.cumsum(1)
    chosen = torch.searchsorted(ends_BV, uniforms_BD * ends_BV[:, -1:], right=True)
    return chosen.clamp_(max=chances_BV.shape[1] - 1).squeeze(1)  # rounding may go one too far
