"""How the ensemble of `anchored` is trained, and how real rows are moved with it.

Shapes: E members, N rows, M rows of a member, K columns (the target, if there is one, the last), P candidates of a row,
C codes of all columns together, H hidden units.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from augment.plugin import Context
from augment.toolkit.tables.bins import CodeTable
from augment.toolkit.tables.column_bins import NUM_FEATURES
from augment.toolkit.training import EarlyStopping, constant, rebuild, reproducible, train, weights_of
from augment_rnn.additive import Additive
from augment_rnn.columns import choose, known_of
from augment_rnn.ensembles import MaskedEnsemble

if TYPE_CHECKING:
    from augment_rnn.anchored import AnchoredTable

LEAST_STEPS, MOST_STEPS, NUM_EPOCHS = 400, 6_000, 40
AVERAGE_DECAY = 0.98
HELD_BACK = 0.15  # of the rows, other ones for each member, so that together they learn from all
STEPS_A_MEASURE, PATIENCE = 12, 10
TARGET_WEIGHT = 5.0  # the target decides what a row is worth, and when to end: it is learnt sooner than the rest
ROWS_AT_ONCE = 1_024  # when sampling, candidates counted
UNCHANGED = 1e-6  # weight of a candidate that came out as it was: a copy, taken only where all candidates are
LEAST_CHANCE = 1e-12  # of any label, so that each can be asked for
MOST_MEASURED = 2_000  # rows held back that a member is measured on


def fit(
    table: CodeTable, codes: np.ndarray, has_target: bool, params: AnchoredTable.Params, context: Context
) -> dict[str, np.ndarray]:
    """Train all members side by side, each on its own rows.

    Args:
        table: says what the codes mean.
        codes: (N, K) int32.
        has_target: whether the last column is the target.
        params: the settings.
        context: of the fit.

    Returns:
        The averaged weights.
    """
    orders = [context.rng.permutation(len(codes)) for _ in range(params.members)]
    num_held_back = max(1, round(HELD_BACK * len(codes)))
    learnt_EM = np.stack([order[num_held_back:] for order in orders])
    held_back = np.stack([order[: min(num_held_back, MOST_MEASURED)] for order in orders])
    num_steps = params.steps or int(
        np.clip(NUM_EPOCHS * learnt_EM.shape[1] // params.batch_size, LEAST_STEPS, MOST_STEPS)
    )
    with reproducible(context):
        device = torch.device(context.device)
        codes_NK = torch.tensor(codes, dtype=torch.int64, device=device)
        learnt = torch.tensor(learnt_EM, device=device)
        network = _network(table, params)
        network.begin(*known_of(table))
        network.to(device)
        optimizer = torch.optim.AdamW(network.parameters(), lr=params.rate, weight_decay=params.decay, fused=True)
        measured_codes = codes_NK[torch.tensor(held_back, device=device)]
        measured_masks = _masks(measured_codes, has_target)

        def loss_of(model: MaskedEnsemble, codes_ENK: Tensor, is_known: Tensor) -> Tensor:
            """In nats a row, the sum over members, so that each learns as if it were alone."""
            num_rows = codes_ENK.shape[1]
            if has_target:  # once more with all features known: what the target is drawn from
                codes_ENK = codes_ENK.repeat(1, 2, 1)
                is_known = torch.cat([is_known, torch.ones_like(is_known)], 1)
                is_known[..., -1] = False
            losses_EK = model.losses(codes_ENK, is_known).sum(1) / num_rows
            if has_target:  # foretold twice a row
                losses_EK = torch.cat([losses_EK[:, :-1], TARGET_WEIGHT / 2 * losses_EK[:, -1:]], 1)
            return losses_EK.sum()

        def step(number: int, batch: Tensor) -> dict[str, Tensor]:
            rows = learnt.gather(1, batch.view(params.members, -1))
            codes_ENK = codes_NK[rows]
            loss = loss_of(network, codes_ENK, _masks(codes_ENK, has_target))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            return {"loss": loss / params.members}

        def measure(averaged: Mapping[str, torch.nn.Module]) -> Tensor:
            average = averaged["network"]
            assert isinstance(average, MaskedEnsemble)
            return loss_of(average, measured_codes, measured_masks) / params.members

        outcome = train(
            context,
            step,
            num_steps=num_steps,
            num_rows=learnt_EM.shape[1],
            batch_size=params.batch_size * params.members,
            modules={"network": network},
            optimizers={"network": optimizer},
            averages={"network": AVERAGE_DECAY},
            schedule=constant,
            stopping=EarlyStopping(measure, max(STEPS_A_MEASURE, num_steps // 100), PATIENCE),
        )
    return weights_of(outcome.averaged["network"])


def _masks(codes_ENK: Tensor, has_target: bool) -> Tensor:
    """Which columns are known, as many of them as chance wants: bool (E, N, K). The target never is."""
    share = torch.rand(*codes_ENK.shape[:2], 1, device=codes_ENK.device)
    is_known = torch.rand(codes_ENK.shape, device=codes_ENK.device) < share
    if has_target:
        is_known[..., -1] = False
    return is_known


def _network(table: CodeTable, params: AnchoredTable.Params) -> MaskedEnsemble:
    return MaskedEnsemble(params.members, table.num_codes, NUM_FEATURES, params.width, params.dropout)


class Mover:
    """Moves training rows: draws some of their features anew given the others, and then their target.

    Put together once for many parts of few rows each. `anchors` are the codes of the training rows, (N, K).
    """

    def __init__(
        self,
        anchors: np.ndarray,
        table: CodeTable,
        weights: Mapping[str, np.ndarray],
        has_target: bool,
        additive: Additive | None,
        params: AnchoredTable.Params,
    ):
        # so small that a CPU is quick enough, and gives the same rows wherever the fit was
        self.network = rebuild(lambda: _network(table, params), weights, "cpu")
        self.num_columns, self.has_target = len(table.columns), has_target
        self.num_features = self.num_columns - has_target
        self.anchors, self.additive, self.params = anchors, additive, params
        self.inputs_ECH, self.outputs_ECH = self.network.tables()
        self.starts = np.concatenate([[0], np.cumsum(table.num_codes)[:-1]]).tolist()

    def draw(
        self, asked: np.ndarray | None, num_rows: int, rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Move training rows: the best of P moves each, copies being the worst.

        With an asked label, a training row is chosen in proportion to the chance p(label | its features), moved, and
        chosen among the candidates in proportion to that chance after the move over the one before. So rows are
        drawn from the same distribution as without: the one of moved rows that have that label.

        Args:
            asked: code of the target of each wanted row, (R,), or None where it is to be drawn.
            num_rows: R.
            rng: for all draws.

        Returns:
            Which training row each began as (R,), its codes (R, K), and which columns were drawn anew: bool (R, K).
        """
        num_candidates = self.params.candidates
        rows_a_batch = max(1, ROWS_AT_ONCE // num_candidates)
        firsts = np.arange(rows_a_batch) * num_candidates
        parts: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
        anchors = self.anchors
        chances_NV = self._anchor_chances if asked is not None else None
        for start in range(0, num_rows, rows_a_batch):
            which, fallback, pick, label, *rest = rng.random((4 + 2 * self.num_features, rows_a_batch * num_candidates))
            moves, draws = np.stack(rest[: self.num_features], 1), np.stack(rest[self.num_features :], 1)
            if chances_NV is None:
                chosen = (which * len(anchors)).astype(np.int64)
            else:
                labels = np.full(rows_a_batch, asked[start])  # padded, so that every batch is full
                part = asked[start : start + rows_a_batch]
                labels[: len(part)] = part
                labels = labels.repeat(num_candidates)
                chosen = _by_chance(chances_NV, labels, which)
            codes, is_new = self._moved(anchors[chosen], moves < self.params.share, fallback, draws)
            has_changed = (codes != anchors[chosen])[:, : self.num_features].any(axis=1)
            weights = np.where(has_changed, 1.0, UNCHANGED)
            if chances_NV is not None:
                codes[:, -1] = labels
                after = self.target_chances(codes)[np.arange(len(codes)), labels]
                weights *= after / chances_NV[chosen, labels]
            best = firsts + _choose(weights.reshape(-1, num_candidates), pick[::num_candidates])
            chosen, codes, is_new = chosen[best], codes[best], is_new[best]
            if chances_NV is None and self.has_target:
                codes[:, -1] = _choose(self.target_chances(codes), label[firsts])
            parts.append((chosen, codes, is_new))
        chosen, codes, is_new = (np.concatenate(column)[:num_rows] for column in zip(*parts, strict=True))
        return chosen, codes, is_new

    @cached_property
    def _anchor_chances(self) -> np.ndarray:
        return self.target_chances(self.anchors)

    def target_chances(self, codes: np.ndarray) -> np.ndarray:
        """p(target | features) by the networks and the additive part, at the temperature set: (N, V) float64."""
        found = []
        for start in range(0, len(codes), ROWS_AT_ONCE):
            batch = np.zeros((ROWS_AT_ONCE, self.num_columns), dtype=np.int64)  # full: other sizes give other bits
            part = codes[start : start + ROWS_AT_ONCE]
            batch[: len(part)] = part
            is_known = torch.ones(batch.shape, dtype=torch.bool)
            is_known[:, -1] = False
            codes_ENK = torch.from_numpy(batch).expand(self.params.members, -1, -1)
            summed = self.network.summed(self.inputs_ECH, codes_ENK, is_known.expand(self.params.members, -1, -1))
            found.append(self._chances(summed, self.num_columns - 1)[: len(part)].double().numpy())
        chances = np.concatenate(found)
        if self.additive:
            chances = (chances + self.additive.chances(codes[:, :-1], self.network.num_codes)) / 2
        sharpened = (chances / chances.max(axis=1, keepdims=True)) ** (1 / self.params.temperature)
        return np.maximum(sharpened / sharpened.sum(axis=1, keepdims=True), LEAST_CHANCE)

    def _moved(
        self, anchors: np.ndarray, is_new: np.ndarray, fallback: np.ndarray, draws: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """The rows' codes with the new ones drawn, and which these are; `fallback` picks one where there is none."""
        unmoved = np.flatnonzero(~is_new.any(axis=1))
        is_new[unmoved, (fallback[unmoved] * self.num_features).astype(np.int64)] = True
        is_new = np.pad(is_new, ((0, 0), (0, int(self.has_target))))
        codes = torch.tensor(anchors)
        is_known = torch.from_numpy(~is_new)
        if self.has_target:
            is_known[:, -1] = False
        members = self.params.members
        summed = self.network.summed(self.inputs_ECH, codes.expand(members, -1, -1), is_known.expand(members, -1, -1))
        for column in range(self.num_features):
            uniforms_N1 = torch.from_numpy(draws[:, column, None].astype(np.float32))
            drawn = choose(self._chances(summed, column), uniforms_N1)
            new = ~is_known[:, column]
            codes[:, column] = torch.where(new, drawn, codes[:, column])
            shift = (
                self.inputs_ECH[:, codes[:, column] + self.starts[column]] - self.network.unknown_EKH[:, None, column]
            )
            summed = summed + shift * new[None, :, None]
        return codes.numpy(), is_new

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
