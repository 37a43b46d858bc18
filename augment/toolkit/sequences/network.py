"""The network of steps that every generator of sequences shares.

A step of a sequence has one or more *fields*, each a token: a small whole number. A letter is one field; a moment of a
series has a field a channel; a thing that a user met has itself, a rating, a delay. Token 0 of the first field stands
between sequences: it ends one and begins the next. So all sequences laid end to end are one stream, and the network
learns from any window of it. Some fields may be *auxiliary inputs*: they follow from the steps so far, as how many are
left does, so the network reads them and does not predict them.

    network = SequenceNetwork(Shape(vocabulary_sizes=(66,), num_classes=2))
    losses_TBK = network.losses(tokens_TBK, next_TBK, classes_TB)

What is unusual: the class goes into every step and once more into the first, so that a long sequence does not forget
it. Embeddings are multiplied with the cell's input weights once, for all tokens, and then looked up; the same
embeddings predict the next step. The fields of a step are predicted one after the other, each given those before it
(NADE: Larochelle and Murray 2011). Sampling is in `augment.toolkit.sequences.sampling`.

Shapes: T steps, B sequences side by side, K fields that are predicted, W all fields (auxiliary inputs are the last), V
tokens of one field, A tokens of the fields predicted together, D tokens of all fields together, C classes, L layers, H
hidden units, E size of an embedding, G inputs of the gates, S = L H numbers of all states.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from augment.toolkit.sequences.cells import Gru

__all__ = ["SequenceNetwork", "Shape", "Tables"]

FIRST_SPREAD = 0.3  # of embeddings
SHORTEST_WAVE = 10.0  # radians that tokens of ranks 0 and 1 usually lie apart


@dataclass(frozen=True)
class Shape:
    """How large a network is.

    Attributes:
        vocabulary_sizes: how many tokens each field has; K of them.
        num_classes: C.
        auxiliary_sizes: how many tokens each auxiliary input has; W - K of them.
        width: H.
        layers: L; a layer adds to what the one below shows.
        embedding: E.
        dropout: share of what a layer shows that a training step leaves out.
    """

    vocabulary_sizes: tuple[int, ...]
    num_classes: int
    auxiliary_sizes: tuple[int, ...] = ()
    width: int = 256
    layers: int = 1
    embedding: int = 128
    dropout: float = 0.0


@dataclass(frozen=True)
class Tables:
    """What is the same for every row that is drawn, worked out once.

    Attributes:
        gates_DG: what each token gives the gates of the first layer.
        classes_CG: what each class gives them at every step; the last row, number C, is for an unknown class.
        starts_CG: what each class gives them at the first step.
    """

    gates_DG: Tensor
    classes_CG: Tensor
    starts_CG: Tensor


class SequenceNetwork(nn.Module):
    """The distribution of each step's tokens given the steps before it and the class of the sequence."""

    firsts_W: Tensor  # where each field's tokens begin among all

    def __init__(self, shape: Shape):
        super().__init__()
        self.shape = shape
        num_all = sum(shape.vocabulary_sizes)
        self.cells = nn.ModuleList(Gru(shape.width) for _ in range(shape.layers))
        num_gates = self._cells[0].num_gates
        self.embedding_AE = nn.Parameter(FIRST_SPREAD * torch.randn(num_all, shape.embedding))
        self.input = nn.Linear(shape.embedding, num_gates)
        # the last row is for an unknown class; classes begin as equals
        self.classes_CG = nn.Parameter(torch.zeros(shape.num_classes + 1, num_gates))
        self.starts_CG = nn.Parameter(torch.zeros(shape.num_classes + 1, num_gates))
        self.between = nn.ModuleList(nn.Linear(shape.width, num_gates) for _ in range(shape.layers - 1))
        self.ask = nn.Linear(shape.width, shape.embedding)
        self.bias_A = nn.Parameter(torch.zeros(num_all))
        if len(shape.vocabulary_sizes) > 1:  # what the fields of a step say of the later ones
            self.earlier_AE = nn.Parameter(FIRST_SPREAD * torch.randn(num_all, shape.embedding))
        if shape.auxiliary_sizes:
            self.auxiliary_G = nn.Parameter(torch.zeros(sum(shape.auxiliary_sizes), num_gates))
        firsts = np.cumsum([0, *shape.vocabulary_sizes, *shape.auxiliary_sizes])[:-1].astype(np.int64)
        self.register_buffer("firsts_W", torch.tensor(firsts))

    @property
    def num_state(self) -> int:
        """How many numbers the states of all layers have together, L H."""
        return self.shape.layers * self.shape.width

    @property
    def _cells(self) -> list[Gru]:
        return [cell for cell in self.cells if isinstance(cell, Gru)]

    @torch.no_grad()
    def begin(self, counts_A: Tensor, ranks_A: Tensor | None = None) -> None:
        """Start from how often each token comes in its field, and from which tokens are near each other.

        Args:
            counts_A: of the training steps.
            ranks_A: where each token is among those of its kind, from 0 to 1, NaN where tokens have no order. Tokens
                with near ranks begin with near embeddings (random Fourier features: Rahimi and Recht 2007).
        """
        if ranks_A is not None:
            waves_E = SHORTEST_WAVE * torch.randn(self.shape.embedding)
            shifts_E = 2 * math.pi * torch.rand(self.shape.embedding)
            near_AE = FIRST_SPREAD * math.sqrt(2) * (ranks_A[:, None] * waves_E + shifts_E).cos()
            self.embedding_AE.copy_(near_AE.where(ranks_A[:, None].isfinite(), self.embedding_AE))
        for bias, counts in zip(self._by_field(self.bias_A), self._by_field(counts_A), strict=True):
            bias.copy_(((counts + 0.5) / (counts + 0.5).sum()).log())

    def tables(self) -> Tables:
        """What sampling looks up."""
        gates = self.input(self.embedding_AE)
        if self.shape.auxiliary_sizes:
            gates = torch.cat([gates, self.auxiliary_G])
        return Tables(gates, self.classes_CG, self.starts_CG)

    def losses(self, tokens_TBW: Tensor, next_TBW: Tensor, classes_TB: Tensor) -> Tensor:
        """The cross-entropy of the tokens of each next step, in nats: (T, B, K).

        Where the next step is the end of a sequence, its fields but the first are 0: there is nothing to predict.

        Args:
            tokens_TBW: the steps of B windows of the stream; each window is read without what came before it.
            next_TBW: the step after each; its auxiliary inputs do not matter.
            classes_TB: the class of the sequence that each next step belongs to; C where it is unknown.
        """
        query_TBE = self.ask(self._dropped(self._hidden(tokens_TBW, classes_TB)))
        is_end_TB = next_TBW[..., 0] == 0
        earlier = self._by_field(self.earlier_AE) if len(self.shape.vocabulary_sizes) > 1 else []
        losses = []
        for field, (rows_VE, bias_V) in enumerate(zip(self.outputs(), self._by_field(self.bias_A), strict=True)):
            logits_TBV = F.linear(F.silu(query_TBE), rows_VE, bias_V)
            wanted_TB = next_TBW[..., field]
            loss_TB = F.cross_entropy(logits_TBV.flatten(0, 1), wanted_TB.flatten(), reduction="none")
            loss_TB = loss_TB.view_as(is_end_TB)
            losses.append(loss_TB.masked_fill(is_end_TB, 0.0) if field else loss_TB)
            if field + 1 < len(self.shape.vocabulary_sizes):
                query_TBE = query_TBE + F.embedding(wanted_TB, earlier[field])
        return torch.stack(losses, -1)

    def _hidden(self, tokens_TBW: Tensor, classes_TB: Tensor) -> Tensor:
        tables = self.tables()
        begins_TB = tokens_TBW[..., 0] == 0
        keep_TB = (~begins_TB).to(tables.gates_DG.dtype)
        index_TBW = tokens_TBW + self.firsts_W
        gates_TBG = F.embedding_bag(index_TBW.flatten(0, 1), tables.gates_DG, mode="sum").view(*begins_TB.shape, -1)
        gates_TBG = gates_TBG + F.embedding(classes_TB, tables.classes_CG)
        begun = begins_TB.nonzero(as_tuple=True)
        gates_TBG = gates_TBG.index_put(begun, tables.starts_CG[classes_TB[begun]], accumulate=True)
        first_BH = gates_TBG.new_zeros(tokens_TBW.shape[1], self.shape.width)
        shown = self._cells[0].scan(gates_TBG, keep_TB, first_BH)
        for cell, between in zip(self._cells[1:], self.between, strict=True):
            shown = shown + cell.scan(between(self._dropped(shown)), keep_TB, first_BH)
        return shown

    def move(self, tables: Tables, states_BS: Tensor, tokens_BW: Tensor, classes_B: Tensor) -> tuple[Tensor, Tensor]:
        """One step further, without gradients: the states of all layers side by side, and what asks for the next.

        Where a sequence begins its state must be 0.

        Returns:
            The new states (B, S), and the query (B, E).
        """
        gates_BG = tables.classes_CG[classes_B]
        gates_BG += F.embedding_bag(tokens_BW + self.firsts_W, tables.gates_DG, mode="sum")
        begun = (tokens_BW[:, 0] == 0).nonzero()[:, 0]
        if len(begun):
            gates_BG[begun] += tables.starts_CG[classes_B[begun]]
        states = torch.split(states_BS, self.shape.width, 1)
        moved = [self._cells[0].move(states[0], gates_BG)]
        shown_BH = moved[0]
        for cell, between, state_BH in zip(self._cells[1:], self.between, states[1:], strict=True):
            moved.append(cell.move(state_BH, between(shown_BH)))
            shown_BH = shown_BH + moved[-1]
        return torch.cat(moved, 1), self.ask(shown_BH)

    def logits(self, field: int, query_BE: Tensor) -> Tensor:
        """What the query says of one field, (B, V)."""
        return F.linear(F.silu(query_BE), self.outputs()[field], self._by_field(self.bias_A)[field])

    def answer(self, field: int, query_BE: Tensor, tokens_B: Tensor) -> Tensor:
        """The query for the fields after this one, whose tokens are known now."""
        return query_BE + self.earlier_AE[tokens_B + self.firsts_W[field]]

    def outputs(self) -> list[Tensor]:
        """The embeddings of each field's tokens, (V, E)."""
        return self._by_field(self.embedding_AE)

    def _by_field(self, values: Tensor) -> list[Tensor]:
        return list(torch.split(values, list(self.shape.vocabulary_sizes)))

    def _dropped(self, values: Tensor) -> Tensor:
        return F.dropout(values, self.shape.dropout, self.training) if self.shape.dropout else values
