"""The networks of `anchored`: what a column is likely to be, given any others.

What is unusual: all members of the ensemble are one network whose weights have a first axis of members, since for so
small ones the time goes into the number of operations, not into their size.

Shapes: E members, N rows, K columns, C bins of all columns together, V bins of one column, F features of a bin,
H hidden units.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

FIRST_SPREAD = 0.02  # of what bins say by themselves, small beside what their features say


class MaskedEnsemble(nn.Module):
    """Foretells each column from those that are known, whichever these are.

    A row goes in as the sum of a vector for each column: that of its bin, or one that stands for "not known".
    """

    features_CF: Tensor
    columns_C: Tensor
    starts_K: Tensor  # where each column's bins begin among all

    def __init__(self, num_members: int, num_bins: Sequence[int], num_features: int, width: int, dropout: float):
        super().__init__()
        self.num_bins, self.dropout = list(num_bins), dropout
        num_all, num_columns, members = sum(num_bins), len(num_bins), num_members

        def random(*shape: int, spread: float) -> nn.Parameter:
            return nn.Parameter(spread * torch.randn(members, *shape))

        self.register_buffer("features_CF", torch.zeros(num_all, num_features))
        self.register_buffer("columns_C", torch.tensor(np.repeat(np.arange(num_columns), num_bins)))
        starts = np.concatenate([[0], np.cumsum(num_bins)[:-1]])
        self.register_buffer("starts_K", torch.tensor(starts.astype(np.int64)))
        self.input_own = random(num_all, width, spread=FIRST_SPREAD)
        self.input_by_feature = random(num_columns, num_features, width, spread=1 / num_features)
        self.output_own = random(num_all, width, spread=FIRST_SPREAD)
        self.output_by_feature = random(num_columns, num_features, width, spread=1 / num_features)
        self.unknown_EKH = random(num_columns, width, spread=FIRST_SPREAD)
        self.first_bias_E1H = nn.Parameter(torch.zeros(members, 1, width))
        self.second_EHH = random(width, width, spread=width**-0.5)
        self.second_bias_E1H = nn.Parameter(torch.zeros(members, 1, width))
        self.bias_EC = nn.Parameter(torch.zeros(members, num_all))

    @torch.no_grad()
    def begin(self, features_CF: Tensor, frequencies_C: Tensor) -> None:
        """Start from what is known before any step: the bins' features, and how often each comes in its column."""
        self.features_CF.copy_(features_CF)
        self.bias_EC.copy_(frequencies_C.log())

    def tables(self) -> tuple[Tensor, Tensor]:
        """The input and output vectors of all bins, both (E, C, H)."""
        tables = []
        for own, by_feature in ((self.input_own, self.input_by_feature), (self.output_own, self.output_by_feature)):
            tables.append(own + torch.einsum("cf,ecfh->ech", self.features_CF, by_feature[:, self.columns_C]))
        return tables[0], tables[1]

    def summed(self, table_ECH: Tensor, bins_ENK: Tensor, is_known_ENK: Tensor) -> Tensor:
        """What goes in: (E, N, H)."""
        num_members, num_bins, _ = table_ECH.shape
        firsts_E11 = num_bins * torch.arange(num_members, device=table_ECH.device)[:, None, None]
        places_ENK = bins_ENK + self.starts_K + firsts_E11
        known_ENK = is_known_ENK.to(table_ECH.dtype)
        summed = F.embedding_bag(
            places_ENK.flatten(0, 1), table_ECH.flatten(0, 1), mode="sum", per_sample_weights=known_ENK.flatten(0, 1)
        )
        return torch.baddbmm(torch.unflatten(summed, 0, (num_members, -1)), 1.0 - known_ENK, self.unknown_EKH)

    def hidden(self, summed_ENH: Tensor) -> Tensor:
        """(E, N, H)."""
        first = F.dropout(F.silu(summed_ENH + self.first_bias_E1H), self.dropout, self.training)
        second = first + F.silu(torch.baddbmm(self.second_bias_E1H, first, self.second_EHH))
        return F.dropout(second, self.dropout, self.training)

    def logits(self, table_ECH: Tensor, hidden_ENH: Tensor, column: int) -> Tensor:
        """Of the bins of one column: (E, N, V)."""
        part = slice(start := sum(self.num_bins[:column]), start + self.num_bins[column])
        return torch.baddbmm(self.bias_EC[:, None, part], hidden_ENH, table_ECH[:, part].mT)

    def losses(self, bins_ENK: Tensor, is_known_ENK: Tensor) -> Tensor:
        """How badly each column is predicted, in nats, zero where it is known: (E, N, K)."""
        input_ECH, output_ECH = self.tables()
        hidden = self.hidden(self.summed(input_ECH, bins_ENK, is_known_ENK))
        losses = []
        for column in range(len(self.num_bins)):
            logits_ENV = self.logits(output_ECH, hidden, column)
            asked = bins_ENK[..., column].flatten()
            losses.append(F.cross_entropy(logits_ENV.flatten(0, 1), asked, reduction="none").view(bins_ENK.shape[:2]))
        return torch.stack(losses, 2).masked_fill(is_known_ENK, 0.0)
