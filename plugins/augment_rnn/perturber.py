"""How real rows are moved: part of one row put into another, and what the target is then likely to be.

Shapes: N training rows, K columns (the target, if there is one, the last), R wanted rows, P candidates of a row, B = R
P, V labels or bins of the target.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np

from augment_rnn.teacher import Inputs, Teacher

ROWS_AT_ONCE = 1_024  # candidates counted
UNCHANGED = 1e-6  # weight of a candidate that came out as it was: a copy, taken only where all candidates are
MIN_CHANCE = 1e-12  # of any label, so that each can be asked for
GOLDEN = (5**0.5 - 1) / 2


class Perturber:
    """Moves training rows: takes some of their features from another training row, and then draws their target.

    Put together once for many parts of few rows each.

    Args:
        anchors: bins of the training rows, (N, K).
        teacher: what is known of the target, and what it looks at; None without a target.
        share: of the features that are taken from another row; at least one is.
        temperature: of the labels.
        num_candidates: P.
    """

    def __init__(
        self,
        anchors: np.ndarray,
        teacher: tuple[Teacher, Inputs] | None,
        *,
        share: float,
        temperature: float,
        num_candidates: int,
    ):
        self.anchors, self.teacher = anchors, teacher
        self.num_features = anchors.shape[1] - (teacher is not None)
        self.share, self.temperature, self.num_candidates = share, temperature, num_candidates

    def draw(
        self, asked: np.ndarray | None, num_rows: int, rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Move training rows: the best of P moves each, copies being the worst.

        With an asked label, a training row is chosen in proportion to the chance p(label | its features), and one of
        its moves in proportion to that chance after the move. Training rows are chosen by multiples of the golden ratio
        (of each label by itself), which takes them more evenly than chance would: so the share of a label among rows
        that began as one training row is close to what the teacher says.

        Args:
            asked: bin of the target of each wanted row, (R,), or None where it is to be drawn.
            num_rows: R.
            rng: for all draws, row after row, so that fewer rows are the first of more.

        Returns:
            Which training row each began as (R,), its bins (R, K), and which columns are new: bool (R, K).
        """
        rows_at_once = max(1, ROWS_AT_ONCE // self.num_candidates)
        which = (rng.random() + GOLDEN * _numbered(asked, num_rows)) % 1
        parts = []
        for start in range(0, num_rows, rows_at_once):
            now = slice(start, min(start + rows_at_once, num_rows))
            size = now.stop - start, 2 + self.num_candidates * (2 + self.num_features)
            parts.append(self._draw(None if asked is None else asked[now], which[now], rng.random(size)))
        if not parts:
            shape = (0, self.anchors.shape[1])
            return np.zeros(0, np.int64), np.zeros(shape, np.int64), np.zeros(shape, bool)
        chosen, bins, is_new = (np.concatenate(column) for column in zip(*parts, strict=True))
        return chosen, bins, is_new

    def _draw(
        self, asked: np.ndarray | None, which: np.ndarray, uniforms: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        pick, draw = uniforms[:, :2].T
        of_candidates = uniforms[:, 2:].reshape(-1, 2 + self.num_features)
        donor, fallback = of_candidates[:, :2].T
        num_anchors = len(self.anchors)
        chosen = (which * num_anchors).astype(np.int64) if asked is None else self._by_chance(asked, which)
        before = self.anchors[chosen].repeat(self.num_candidates, axis=0)
        donors = self.anchors[(donor * num_anchors).astype(np.int64)]
        is_new = of_candidates[:, 2:] < self.share
        unmoved = np.flatnonzero(~is_new.any(axis=1))
        is_new[unmoved, (fallback[unmoved] * self.num_features).astype(np.int64)] = True
        is_new = np.pad(is_new, ((0, 0), (0, before.shape[1] - self.num_features)))
        bins = np.where(is_new, donors, before)
        weights = np.where((bins != before).any(axis=1), 1.0, UNCHANGED)
        if asked is not None:
            bins[:, -1] = asked.repeat(self.num_candidates)
            weights *= self.target_chances(bins)[np.arange(len(bins)), bins[:, -1]]
        firsts = np.arange(len(uniforms)) * self.num_candidates
        best = firsts + _choose(weights.reshape(len(uniforms), -1), pick)
        bins, is_new = bins[best], is_new[best]
        if asked is None and self.teacher:
            bins[:, -1] = _choose(self.target_chances(bins), draw)
        return chosen, bins, is_new

    def _by_chance(self, labels: np.ndarray, uniforms: np.ndarray) -> np.ndarray:
        """For each label a training row, drawn in proportion to its chance of that label: (R,) int64."""
        chosen = np.empty(len(labels), dtype=np.int64)
        for label in np.unique(labels):
            mine, ends = labels == label, self._ends[:, label]
            chosen[mine] = np.searchsorted(ends, uniforms[mine] * ends[-1], side="right")
        return np.minimum(chosen, len(self.anchors) - 1)

    @cached_property
    def _anchor_chances(self) -> np.ndarray:
        parts = range(0, len(self.anchors), ROWS_AT_ONCE)
        return np.concatenate([self.target_chances(self.anchors[start : start + ROWS_AT_ONCE]) for start in parts])

    @cached_property
    def _ends(self) -> np.ndarray:
        return np.cumsum(self._anchor_chances, axis=0)

    def target_chances(self, bins: np.ndarray) -> np.ndarray:
        """p(target | features) at the temperature set, of rows with bins (B, K): (B, V) float64."""
        assert self.teacher is not None
        teacher, inputs = self.teacher
        logits = teacher.logits(inputs, bins)
        odds = np.exp((logits - logits.max(axis=1, keepdims=True)) / self.temperature)
        chances: np.ndarray = np.maximum(odds / odds.sum(axis=1, keepdims=True), MIN_CHANCE)
        return chances


def _numbered(asked: np.ndarray | None, num_rows: int) -> np.ndarray:
    """The how-manieth of its label each row is, (R,); of all where no label is asked for."""
    numbers = np.arange(num_rows)
    if asked is not None:
        for label in np.unique(asked):
            mine = asked == label
            numbers[mine] = np.arange(mine.sum())
    return numbers


def _choose(weights: np.ndarray, uniforms: np.ndarray) -> np.ndarray:
    """For each row one of its weights' columns, in proportion to them: (B,) int64."""
    ends = weights.cumsum(axis=1)
    chosen: np.ndarray = (ends <= uniforms[:, None] * ends[:, -1:]).sum(axis=1)
    return chosen.clip(max=weights.shape[1] - 1)
