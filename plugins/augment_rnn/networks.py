"""The network of `rnn` for tables: a row is a sequence of columns, and each column a choice among bins.

What is unusual: what a bin means (rank, standardised value, ...) goes into its embedding, at the input and at the
output, so near numbers are near from the start; and the GRU's input layer is applied to the embeddings of all bins
instead of to the rows, after which a row's input is looked up.

Shapes: B rows, K columns, C bins of all columns together, V bins of one column, F features of a bin, E size of an
embedding, H hidden units, L labels of the first column that have biases of their own, or 1.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

FIRST_SPREAD = 0.02  # of embeddings, small beside what features say


class BinEmbedding(nn.Module):
    """A vector for each bin: one of its own, and one that follows from its features column by column."""

    features_CF: Tensor
    columns_C: Tensor

    def __init__(self, num_bins: Sequence[int], num_features: int, size: int):
        super().__init__()
        columns = torch.tensor(np.repeat(np.arange(len(num_bins)), num_bins))
        self.register_buffer("features_CF", torch.zeros(sum(num_bins), num_features))
        self.register_buffer("columns_C", columns)
        self.own_CE = nn.Parameter(FIRST_SPREAD * torch.randn(sum(num_bins), size))
        self.by_feature_KFE = nn.Parameter(torch.randn(len(num_bins), num_features, size) / num_features)

    def forward(self) -> Tensor:
        """(C, E)."""
        by_feature_CFE = self.by_feature_KFE[self.columns_C]
        return self.own_CE + torch.einsum("cf,cfe->ce", self.features_CF, by_feature_CFE)


class ColumnGru(nn.Module):
    """The distribution of each column's bin given those before it, by a gated recurrent unit (Cho et al. 2014)."""

    starts_K: Tensor  # where each column's bins begin among all

    def __init__(self, num_bins: Sequence[int], num_features: int, width: int, dropout: float, num_labels: int = 1):
        super().__init__()
        self.num_bins = list(num_bins)
        self.width, self.dropout = width, dropout
        self.inputs = BinEmbedding(num_bins, num_features, width)
        self.outputs = BinEmbedding(num_bins, num_features, width)
        self.input = nn.Linear(width, 3 * width)
        self.recur = nn.Linear(width, 3 * width)
        self.start_G = nn.Parameter(torch.zeros(3 * width))  # the gates' input before the first column
        self.bias_LC = nn.Parameter(torch.zeros(num_labels, sum(num_bins)))
        starts = np.concatenate([[0], np.cumsum(num_bins)[:-1]])
        self.register_buffer("starts_K", torch.tensor(starts.astype(np.int64)))

    @torch.no_grad()
    def begin(self, features_CF: Tensor, frequencies_LC: Tensor) -> None:
        """Start from what is known before any step: the bins' features, and how often each comes in its column, in rows
        of each label: the network begins as naive Bayes, and is no worse where rows are few."""
        self.inputs.features_CF.copy_(features_CF)
        self.outputs.features_CF.copy_(features_CF)
        self.bias_LC.copy_(frequencies_LC.log())

    def tables(self) -> tuple[Tensor, list[Tensor], list[Tensor]]:
        """The gates' input for each bin, (C, 3H), and each column's output weights (V, H) and biases (L, V)."""
        weights = torch.split(self.outputs(), self.num_bins)
        return self.input(self.inputs()), list(weights), list(torch.split(self.bias_LC, self.num_bins, 1))

    def choose_biases(self, biases_LV: Tensor, column: int, labels_B: Tensor) -> Tensor:
        """Those of a column for rows of these labels: (B, V) or (1, V)."""
        return F.embedding(labels_B, biases_LV) if column and len(biases_LV) > 1 else biases_LV[:1]

    def move(self, hidden_BH: Tensor, gates_BG: Tensor) -> Tensor:
        """The hidden state after one more column, whose gates' input is given."""
        both, new = 2 * self.width, slice(2 * self.width, None)
        recurrent_BG = self.recur(hidden_BH)
        reset, keep = torch.sigmoid(gates_BG[:, :both] + recurrent_BG[:, :both]).chunk(2, 1)
        fresh = torch.tanh(torch.addcmul(gates_BG[:, new], reset, recurrent_BG[:, new]))
        return torch.lerp(fresh, hidden_BH, keep)

    def losses(self, bins_BK: Tensor) -> Tensor:
        """How badly each column is predicted, in nats, the mean over the rows: (K,)."""
        gates_CG, weights, biases = self.tables()
        looked_up = F.embedding(bins_BK[:, :-1] + self.starts_K[:-1], gates_CG)
        looked_up = F.dropout(looked_up, self.dropout, self.training)
        hidden = self.start_G.new_zeros(len(bins_BK), self.width)
        gates = self.start_G.expand(len(bins_BK), -1)
        losses = []
        for column in range(len(self.num_bins)):
            hidden = self.move(hidden, gates)
            if column + 1 < len(self.num_bins):
                gates = looked_up[:, column]
            shown = F.dropout(hidden, self.dropout, self.training)
            logits = F.linear(shown, weights[column]) + self.choose_biases(biases[column], column, bins_BK[:, 0])
            losses.append(F.cross_entropy(logits, bins_BK[:, column]))
        return torch.stack(losses)
