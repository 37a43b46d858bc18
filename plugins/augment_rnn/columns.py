"""How the network of `rnn` for tables is trained, and how rows are drawn from it.

Shapes: N rows, K columns, B rows of a batch, P candidates of a row, C codes of all columns together, H hidden units.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from augment.plugin import Context, derive_seed
from augment.toolkit.tables.bins import CodeTable
from augment.toolkit.tables.column_bins import NUM_FEATURES
from augment.toolkit.training import EarlyStopping, autocast, linear_decay, rebuild, reproducible, train, weights_of
from augment_rnn.networks import ColumnGru

if TYPE_CHECKING:
    from augment_rnn.tables import TableRnn

LEAST_BATCH, MOST_BATCH, BATCHES_AN_EPOCH = 16, 256, 32
LEAST_STEPS, MOST_STEPS, NUM_EPOCHS = 300, 8_000, 18
AVERAGE_DECAY = 0.998
HELD_BACK, MOST_HELD_BACK = 0.1, 10_000  # of the rows
NUM_MEASURES, PATIENCE = 36, 6  # of the loss on these, in a whole fit
ROWS_AT_ONCE = 1_024  # when measuring and sampling
SMOOTHING = 0.5  # rows added to each code's number of rows, so that no code is impossible


def fit(table: CodeTable, codes: np.ndarray, params: TableRnn.Params, context: Context) -> dict[str, np.ndarray]:
    """Train on all rows but a tenth, held back to see when to end.

    Args:
        table: says what the codes mean.
        codes: (N, K) int32.
        params: the settings.
        context: of the fit.

    Returns:
        The network's averaged weights.
    """
    learnt, held_back = hold_back(len(codes), context.seed)
    batch_size = params.batch_size or int(np.clip(len(learnt) // BATCHES_AN_EPOCH, LEAST_BATCH, MOST_BATCH))
    num_steps = params.steps or int(np.clip(NUM_EPOCHS * len(learnt) // batch_size, LEAST_STEPS, MOST_STEPS))
    with reproducible(context):
        device = torch.device(context.device)
        codes_NK = torch.tensor(codes, dtype=torch.int64, device=device)
        learnt_rows = torch.tensor(learnt, device=device)
        measured = torch.tensor(held_back, device=device).split(ROWS_AT_ONCE)
        network = _network(table, params)
        network.begin(*known_of(table))
        network.to(device)
        optimizer = torch.optim.AdamW(network.parameters(), lr=params.rate, weight_decay=params.decay, fused=True)

        def step(number: int, batch: Tensor) -> dict[str, Tensor]:
            with autocast(context):
                loss = network.losses(codes_NK[learnt_rows[batch]]).sum()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            return {"loss": loss}

        def measure(averaged: Mapping[str, torch.nn.Module]) -> Tensor:
            average = averaged["network"]
            assert isinstance(average, ColumnGru)
            sums = [average.losses(codes_NK[rows]).sum() * len(rows) for rows in measured]
            return torch.stack(sums).sum() / len(held_back)

        outcome = train(
            context,
            step,
            num_steps=num_steps,
            num_rows=len(learnt),
            batch_size=batch_size,
            modules={"network": network},
            optimizers={"network": optimizer},
            averages={"network": AVERAGE_DECAY},
            schedule=linear_decay(0.9),
            stopping=EarlyStopping(measure, max(1, num_steps // NUM_MEASURES), PATIENCE),
        )
    return weights_of(outcome.averaged["network"])


def hold_back(num_rows: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """The rows to learn from and those to measure on, at least one of each: int64."""
    order = np.random.default_rng(derive_seed(seed, "held back")).permutation(num_rows)
    num_held_back = min(max(1, round(HELD_BACK * num_rows)), MOST_HELD_BACK)
    return order[num_held_back:], order[:num_held_back]


def known_of(table: CodeTable) -> tuple[Tensor, Tensor]:
    """The features of all codes, (C, F), and how often each comes in its column, (C,)."""
    rows = [table.rows(name) + SMOOTHING for name in table.columns]
    frequencies = np.concatenate([column / column.sum() for column in rows])
    features = np.concatenate([table.features(name) for name in table.columns])
    return torch.tensor(features), torch.tensor(frequencies, dtype=torch.float32)


def _network(table: CodeTable, params: TableRnn.Params) -> ColumnGru:
    return ColumnGru(table.num_codes, NUM_FEATURES, params.width, params.dropout)


def draw(
    table: CodeTable,
    weights: Mapping[str, np.ndarray],
    given: Mapping[int, np.ndarray],
    num_rows: int,
    params: TableRnn.Params,
    context: Context,
) -> np.ndarray:
    """Codes of `num_rows` rows, (N, K) int64, with some columns given.

    A column given before all that are drawn is simply fed in. Where one comes after a drawn one, the drawn ones must
    fit it: each row has P candidates, and when they reach a given column they are drawn anew, with replacement, in
    proportion to the chance that each of them gives what is asked (a particle filter: Gordon, Salmond and Smith 1993).

    Args:
        table: says how many codes there are.
        weights: what `fit` returned.
        given: position of a column to its codes, (N,).
        num_rows: N.
        params: the settings.
        context: of the sampling.
    """
    is_prefix = sorted(given) == list(range(len(given)))
    num_candidates = 1 if is_prefix else params.candidates
    rows_a_batch = ROWS_AT_ONCE // num_candidates
    drawn = np.empty((num_rows, len(table.columns)), dtype=np.int64)
    with reproducible(context), torch.inference_mode():
        # so small that a CPU is quick enough, and gives the same rows wherever the fit was
        network = rebuild(lambda: _network(table, params), weights, "cpu")
        sampler = _Sampler(network, rows_a_batch, num_candidates)
        for start in range(0, num_rows, rows_a_batch):
            stop = min(start + rows_a_batch, num_rows)
            asked = {}
            for column, codes in given.items():
                asked[column] = np.full(rows_a_batch, codes[start])  # padded, so that every batch is full
                asked[column][: stop - start] = codes[start:stop]
            drawn[start:stop] = sampler.batch(asked, context.rng)[: stop - start]
    return drawn


class _Sampler:
    """Draws full batches of R rows with P candidates each, B = R P in all."""

    def __init__(self, network: ColumnGru, rows_a_batch: int, num_candidates: int):
        self.network, self.rows_a_batch, self.num_candidates = network, rows_a_batch, num_candidates
        self.gates_CG, weights, self.biases = network.tables()
        self.weights = [weight.T.contiguous() for weight in weights]
        self.starts = np.concatenate([[0], np.cumsum(network.num_codes)[:-1]]).tolist()

    def batch(self, given: Mapping[int, np.ndarray], rng: np.random.Generator) -> np.ndarray:
        """(R, K) int64."""
        size, num_columns = self.rows_a_batch * self.num_candidates, len(self.network.num_codes)
        # one number a column decides: which code is drawn, or at a given column which candidate is followed
        uniforms_KB1 = torch.from_numpy(rng.random((num_columns, size, 1), dtype=np.float32))
        codes_KB = torch.empty((num_columns, size), dtype=torch.int64)
        hidden = torch.zeros((size, self.network.width))
        gates = self.network.start_G.expand(size, -1)
        for column in range(num_columns):
            hidden = self.network.move(hidden, gates)
            asked = given.get(column)
            if asked is None:
                logits = torch.addmm(self.biases[column], hidden, self.weights[column])
                codes_KB[column] = choose(logits.softmax(1), uniforms_KB1[column])
            else:
                codes = torch.from_numpy(asked).repeat_interleave(self.num_candidates)
                if self.num_candidates > 1 and column:
                    logits = torch.addmm(self.biases[column], hidden, self.weights[column])
                    chance_B1 = logits.log_softmax(1).gather(1, codes[:, None])
                    followed = self._followed(chance_B1.view(-1, self.num_candidates), uniforms_KB1[column])
                    hidden, codes_KB[:column] = hidden[followed], codes_KB[:column, followed]
                codes_KB[column] = codes
            gates = self.gates_CG[codes_KB[column] + self.starts[column]]
        # after the last given column all candidates of a row are equally good
        return codes_KB[:, :: self.num_candidates].T.numpy()

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
