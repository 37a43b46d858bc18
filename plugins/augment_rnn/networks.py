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

    def __init__(self, num_bins: Sequence[int], num_features: int, size: int):
        super().__init__()
        self.num_bins = list(num_bins)
        self.register_buffer("features_CF", torch.zeros(sum(num_bins), num_features))
        self.own_CE = nn.Parameter(FIRST_SPREAD * torch.randn(sum(num_bins), size))
        self.by_feature_KFE = nn.Parameter(torch.randn(len(num_bins), num_features, size) / num_features)

    def forward(self) -> Tensor:
        """(C, E)."""
        features = torch.split(self.features_CF, self.num_bins)
        by_feature = [bins @ column for bins, column in zip(features, self.by_feature_KFE.unbind(), strict=True)]
        return self.own_CE + torch.cat(by_feature)


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

    def tables(self) -> tuple[Tensor, list[Tensor]]:
        """The gates' input for each bin, (C, 3H), and each column's output weights (V, H)."""
        return self.input(self.inputs()), list(torch.split(self.outputs(), self.num_bins))

    def biases(self, labels_B: Tensor | None) -> list[Tensor]:
        """Each column's biases for rows of these labels, or of any while none is drawn: (B, V) or (1, V)."""
        biases_BC = self.bias_LC[:1]
        if labels_B is not None and len(self.bias_LC) > 1:
            biases_BC = F.embedding(labels_B, self.bias_LC)
        return list(torch.split(biases_BC, self.num_bins, 1))

    def start(self) -> Tensor:
        """The hidden state before the first column, the same for all rows: (1, H)."""
        return self.move(self.start_G.new_zeros(1, self.width), self.start_G[None])

    def move(self, hidden_BH: Tensor, gates_BG: Tensor) -> Tensor:
        """The hidden state after one more column, whose gates' input is given."""
        sizes = [2 * self.width, self.width]  # split: going back, it costs one copy, where slices cost one each
        both_BG, new_BH = torch.split(gates_BG, sizes, 1)
        recurrent_BG, recurrent_BH = torch.split(self.recur(hidden_BH), sizes, 1)
        reset, keep = torch.sigmoid(both_BG + recurrent_BG).chunk(2, 1)
        # the hyperbolic tangent: torch's own takes four times as long
        fresh = torch.sigmoid(2 * torch.addcmul(new_BH, reset, recurrent_BH)) * 2 - 1
        return torch.lerp(fresh, hidden_BH, keep)

    def losses(self, bins_BK: Tensor) -> Tensor:
        """How badly each column is predicted, in nats, the mean over the rows: (K,)."""
        gates_CG, weights = self.tables()
        bins_KB = bins_BK.T.contiguous()
        looked_up_KBG = F.embedding(bins_KB[:-1] + self.starts_K[:-1, None], gates_CG)
        looked_up = F.dropout(looked_up_KBG, self.dropout, self.training).unbind()  # all at once, likewise
        biases = self.biases(None)[:1] + self.biases(bins_KB[0])[1:]
        losses = []
        hidden = self.start().expand(len(bins_BK), -1)
        for column, weights_VH in enumerate(weights):
            if column:
                hidden = self.move(hidden, looked_up[column - 1])
            shown = F.dropout(hidden, self.dropout, self.training)
            logits = torch.addmm(biases[column], shown, weights_VH.T)
            losses.append(F.cross_entropy(logits, bins_KB[column]))
        return torch.stack(losses)
