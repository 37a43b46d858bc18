"""The loss that the ensemble of `anchored` is trained with, and how real rows are moved with it.

Shapes: E members, N rows, K columns (the target, if there is one, the last), R wanted rows, P candidates of a row, H
hidden units.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from augment_rnn.additive import Additive
from augment_rnn.columns import choose
from augment_rnn.ensembles import MaskedEnsemble

TARGET_WEIGHT = 5.0  # the target decides what a row is worth, and when to end: it is learnt sooner than the rest
ROWS_AT_ONCE = 1_024  # when sampling, candidates counted
UNCHANGED = 1e-6  # weight of a candidate that came out as it was: a copy, taken only where all candidates are
MIN_CHANCE = 1e-12  # of any label, so that each can be asked for


def ensemble_loss(network: MaskedEnsemble, bins_ENK: Tensor, is_known_ENK: Tensor, has_target: bool) -> Tensor:
    """In nats a row, the sum over members, so that each learns as if it were alone.

    Args:
        network: the members.
        bins_ENK: a batch for each member.
        is_known_ENK: which columns each is told; the target is never among them.
        has_target: whether the last column is the target. It is predicted twice a row: from what is known, and once
            more from all features, which is how it will be drawn.
    """
    num_rows = bins_ENK.shape[1]
    if has_target:
        bins_ENK = bins_ENK.repeat(1, 2, 1)
        is_known_ENK = torch.cat([is_known_ENK, torch.ones_like(is_known_ENK)], 1)
        is_known_ENK[..., -1] = False
    losses_EK = network.losses(bins_ENK, is_known_ENK).sum(1) / num_rows
    if has_target:
        losses_EK = torch.cat([losses_EK[:, :-1], TARGET_WEIGHT / 2 * losses_EK[:, -1:]], 1)
    return losses_EK.sum()


def draw_masks(bins_ENK: Tensor, has_target: bool) -> Tensor:
    """Which columns are known, as many of them as chance wants: bool (E, N, K). The target never is."""
    share = torch.rand(*bins_ENK.shape[:2], 1, device=bins_ENK.device)
    is_known = torch.rand(bins_ENK.shape, device=bins_ENK.device) < share
    if has_target:
        is_known[..., -1] = False
    return is_known


class Perturber:
    """Moves training rows: draws some of their features anew given the others, and then their target.

    Put together once for many parts of few rows each.

    Args:
        network: fitted, in eval mode, on the CPU.
        anchors: bins of the training rows, (N, K).
        has_target: whether the last column is the target.
        additive: what else is known of the target.
        share: of the features that are drawn anew; at least one is.
        temperature: of the labels.
        num_candidates: P.
    """

    def __init__(
        self,
        network: MaskedEnsemble,
        anchors: np.ndarray,
        has_target: bool,
        additive: Additive | None,
        *,
        share: float,
        temperature: float,
        num_candidates: int,
    ):
        self.network = network
        self.num_columns, self.has_target = len(network.num_bins), has_target
        self.num_features = self.num_columns - has_target
        self.num_members = len(network.bias_EC)
        self.anchors, self.additive = anchors, additive
        self.share, self.temperature, self.num_candidates = share, temperature, num_candidates
        self.inputs_ECH, self.outputs_ECH = self.network.tables()
        self.starts = np.concatenate([[0], np.cumsum(network.num_bins)[:-1]]).tolist()

    def draw(
        self, asked: np.ndarray | None, num_rows: int, rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Move training rows: the best of P moves each, copies being the worst.

        With an asked label, a training row is chosen in proportion to the chance p(label | its features), moved, and
        chosen among the candidates in proportion to that chance after the move over the one before. So rows are
        drawn from the same distribution as without: the one of moved rows that have that label.

        Args:
            asked: bin of the target of each wanted row, (R,), or None where it is to be drawn.
            num_rows: R.
            rng: for all draws.

        Returns:
            Which training row each began as (R,), its bins (R, K), and which columns were drawn anew: bool (R, K).
        """
        num_candidates = self.num_candidates
        rows_a_batch = max(1, ROWS_AT_ONCE // num_candidates)
        firsts = np.arange(rows_a_batch) * num_candidates
        parts: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
        anchors = self.anchors
        chances_NV = None if asked is None else self._anchor_chances
        for start in range(0, num_rows, rows_a_batch):
            which, fallback, pick, label, *rest = rng.random((4 + 2 * self.num_features, rows_a_batch * num_candidates))
            moves, draws = np.stack(rest[: self.num_features], 1), np.stack(rest[self.num_features :], 1)
            if asked is None:
                chosen = (which * len(anchors)).astype(np.int64)
            else:
                labels = np.full(rows_a_batch, asked[start])  # padded, so that every batch is full
                part = asked[start : start + rows_a_batch]
                labels[: len(part)] = part
                labels = labels.repeat(num_candidates)
                chosen = _by_chance(self._anchor_chances, labels, which)
            bins, is_new = self._moved(anchors[chosen], moves < self.share, fallback, draws)
            has_changed = (bins != anchors[chosen])[:, : self.num_features].any(axis=1)
            weights = np.where(has_changed, 1.0, UNCHANGED)
            if chances_NV is not None:
                bins[:, -1] = labels
                after = self.target_chances(bins)[np.arange(len(bins)), labels]
                weights *= after / chances_NV[chosen, labels]
            best = firsts + _choose(weights.reshape(-1, num_candidates), pick[::num_candidates])
            chosen, bins, is_new = chosen[best], bins[best], is_new[best]
            if chances_NV is None and self.has_target:
                bins[:, -1] = _choose(self.target_chances(bins), label[firsts])
            parts.append((chosen, bins, is_new))
        chosen, bins, is_new = (np.concatenate(column)[:num_rows] for column in zip(*parts, strict=True))
        return chosen, bins, is_new

    @cached_property
    def _anchor_chances(self) -> np.ndarray:
        return self.target_chances(self.anchors)

    def target_chances(self, bins: np.ndarray) -> np.ndarray:
        """p(target | features) by the networks and the additive part, at the temperature set: (N, V) float64."""
        batches = []
        for start in range(0, len(bins), ROWS_AT_ONCE):
            batch = np.zeros((ROWS_AT_ONCE, self.num_columns), dtype=np.int64)  # full: other sizes give other bits
            part = bins[start : start + ROWS_AT_ONCE]
            batch[: len(part)] = part
            is_known = torch.ones(batch.shape, dtype=torch.bool)
            is_known[:, -1] = False
            bins_ENK = torch.from_numpy(batch).expand(self.num_members, -1, -1)
            summed = self.network.summed(self.inputs_ECH, bins_ENK, is_known.expand(self.num_members, -1, -1))
            batches.append(self._chances(summed, self.num_columns - 1)[: len(part)].double().numpy())
        chances = np.concatenate(batches)
        if self.additive:
            chances = (chances + self.additive.chances(bins[:, :-1], self.network.num_bins)) / 2
        sharpened = (chances / chances.max(axis=1, keepdims=True)) ** (1 / self.temperature)
        bounded: np.ndarray = np.maximum(sharpened / sharpened.sum(axis=1, keepdims=True), MIN_CHANCE)
        return bounded

    def _moved(
        self, anchors: np.ndarray, is_new: np.ndarray, fallback: np.ndarray, draws: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """The rows' bins with the new ones drawn, and which these are; `fallback` picks one where there is none."""
        unmoved = np.flatnonzero(~is_new.any(axis=1))
        is_new[unmoved, (fallback[unmoved] * self.num_features).astype(np.int64)] = True
        is_new = np.pad(is_new, ((0, 0), (0, int(self.has_target))))
        bins = torch.tensor(anchors)
        is_known = torch.from_numpy(~is_new)
        if self.has_target:
            is_known[:, -1] = False
        members = self.num_members
        summed = self.network.summed(self.inputs_ECH, bins.expand(members, -1, -1), is_known.expand(members, -1, -1))
        for column in range(self.num_features):
            uniforms_N1 = torch.from_numpy(draws[:, column, None].astype(np.float32))
            drawn = choose(self._chances(summed, column), uniforms_N1)
            new = ~is_known[:, column]
            bins[:, column] = torch.where(new, drawn, bins[:, column])
            shift = (
                self.inputs_ECH[:, bins[:, column] + self.starts[column]] - self.network.unknown_EKH[:, None, column]
            )
            summed = summed + shift * new[None, :, None]
        return bins.numpy(), is_new

    def _chances(self, summed_ENH: Tensor, column: int) -> Tensor:
        """The mean over members: (N, V)."""
        hidden = self.network.hidden(summed_ENH)
        return self.network.logits(self.outputs_ECH, hidden, column).softmax(2).mean(0)


def _choose(weights: np.ndarray, uniforms: np.ndarray) -> np.ndarray:
    """For each row one of its weights' columns, in proportion to them: (N,) int64."""
    return choose(torch.from_numpy(weights), torch.from_numpy(uniforms[:, None])).numpy()


def _by_chance(chances_NV: np.ndarray, labels: np.ndarray, uniforms: np.ndarray) -> np.ndarray:
    """For each label a training row, drawn in proportion to its chance of that label: (B,) int64."""
    ends_NV = np.cumsum(chances_NV, axis=0)
    chosen = np.empty(len(labels), dtype=np.int64)
    for label in np.unique(labels):
        mine = labels == label
        ends = ends_NV[:, label]
        chosen[mine] = np.searchsorted(ends, uniforms[mine] * ends[-1], side="right")
    return np.minimum(chosen, len(chances_NV) - 1)
