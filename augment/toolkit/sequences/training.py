"""Sequences of steps laid end to end, and how a `SequenceNetwork` learns from them.

    steps = Sequences.of([codes_of(text) for text in texts])
    weights = learn(steps, classes, conditions, network_shape, budget, context)

Every window of the stream of all sequences is a lesson, wherever it begins; so short and long sequences need no
padding, and one endless text is as good as many short ones.

Shapes: N sequences, M steps of all together, K fields, B windows side by side, T steps of a window, C classes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import torch
from torch import Tensor, nn

from augment.plugin.context import Context, derive_seed
from augment.toolkit.conditions import Conditions
from augment.toolkit.optimizers import AdamW
from augment.toolkit.sequences.network import SequenceNetwork, Shape
from augment.toolkit.training import EarlyStopping, Schedule, autocast, copy_weights, reproducible, train

__all__ = ["Budget", "Sequences", "learn", "mean_losses"]

HELD_BACK = 0.1  # share, at most
MIN_TO_HOLD_BACK = 10  # sequences; of fewer, the ends of stretches of each are held back
STRETCH, MAX_STRETCHES = 2_000, 20  # steps
NUM_MEASURES, PATIENCE = 30, 5  # of the loss on what is held back, in a whole fit
MEASURED_WINDOW, MIN_MEASURED = 512, 8_192  # steps
MEASURED_SHARE = 0.1  # of the steps that a fit reads, at most; reading without learning takes a third of the time
EVEN_FROM = 0.6  # from this share of the training on, rare classes are seen more often than they come
UNKNOWN_CLASS = 0.1  # share of the windows whose class is hidden
MAX_GRADIENT_NORM = 1.0
AVERAGE_DECAY = 0.995
WARM_UP = 0.02  # of the steps


@dataclass(frozen=True)
class Sequences:
    """N sequences, laid end to end.

    Attributes:
        tokens: (M, K) int32; in the first field no 0, which stands between sequences. Auxiliary inputs (see
            `augment.toolkit.sequences.network`) come last.
        lengths: how many steps each has, (N,) int64; at least one in all.
    """

    tokens: np.ndarray
    lengths: np.ndarray

    @classmethod
    def of(cls, parts: Sequence[np.ndarray], num_fields: int = 1) -> Self:
        """From one array of tokens a sequence, (steps,) or (steps, K)."""
        lengths = np.array([len(part) for part in parts], np.int64)
        tokens = np.concatenate([np.empty((0, num_fields), np.int32), *(p.reshape(-1, num_fields) for p in parts)])
        return cls(tokens.astype(np.int32), lengths)

    def __len__(self) -> int:
        return len(self.lengths)

    def parts(self) -> list[np.ndarray]:
        """The tokens of each sequence, (steps, K)."""
        return np.split(self.tokens, np.cumsum(self.lengths)[:-1]) if len(self) else []

    def take(self, rows: np.ndarray) -> Sequences:
        """These sequences, in that order."""
        parts = self.parts()
        return Sequences.of([parts[row] for row in rows], self.tokens.shape[1])

    def stream(self, classes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """All sequences, each after a step of zeros: tokens (M + N, K) int64, and the class (M + N,) of each step."""
        firsts = np.cumsum(self.lengths) - self.lengths
        tokens = np.insert(self.tokens.astype(np.int64), firsts, 0, axis=0)
        return tokens, np.repeat(classes, self.lengths + 1)


@dataclass(frozen=True)
class Budget:
    """How long and how a network is trained.

    Attributes:
        steps: training steps at most.
        batch_size: B.
        window: T.
        learning_rate: the highest learning rate.
        weight_decay: of AdamW.
    """

    steps: int
    batch_size: int
    window: int
    learning_rate: float
    weight_decay: float


def learn(
    sequences: Sequences,
    classes: np.ndarray,
    conditions: Conditions,
    shape: Shape,
    budget: Budget,
    context: Context,
    ranks: np.ndarray | None = None,
) -> dict[str, np.ndarray]:
    """Train on all sequences but a tenth or less, held back to see when to end.

    First all classes are learnt as often as they come, so that rare ones share what is common to all; in the last part
    of the training the rare ones are seen more often. A class that is hidden now and then teaches what sequences of
    any class are like, which sampling with guidance compares with.

    Args:
        sequences: N of them.
        classes: (N,) int64; -1 where the class is not known.
        conditions: of the data.
        shape: of the network.
        budget: how long.
        context: of the fit.
        ranks: which tokens are near each other, (A,): see `SequenceNetwork.begin`.

    Returns:
        The network's weights, averaged over the last steps.
    """
    known = np.where(classes < 0, shape.num_classes, classes)
    num_read = budget.steps * budget.batch_size * budget.window
    max_measured = max(MIN_MEASURED, round(MEASURED_SHARE * num_read / NUM_MEASURES))
    learnt, held_back = _hold_back(sequences, known, max_measured, context.seed)
    rng = np.random.default_rng(derive_seed(context.seed, "streams"))
    streams = [_Stream(*learnt, rows, context.device) for rows in _orders(learnt[1], conditions, rng)]
    measured = held_back[0].stream(held_back[1])
    num_windows = max(budget.batch_size, -(-len(streams[0].tokens) // budget.window))
    with reproducible(context):
        network = SequenceNetwork(shape)
        network.begin(_counts(sequences, shape), None if ranks is None else torch.tensor(ranks, dtype=torch.float32))
        network.to(context.device)
        optimizer = AdamW(
            network.parameters(),
            lr=budget.learning_rate,
            weight_decay=budget.weight_decay,
            betas=(0.9, 0.99),
            fused=True,
        )

        def step(number: int, rows: Tensor) -> dict[str, Tensor]:
            stream = streams[number >= EVEN_FROM * budget.steps]
            # anywhere in the row's part of the stream: no two rounds see the same windows
            places = (rows + torch.rand(len(rows), device=context.device)) / num_windows
            tokens_TBK, classes_TB = stream.windows(places, budget.window)
            is_known = torch.rand(len(rows), device=context.device) >= UNKNOWN_CLASS
            known_TB = classes_TB.where(is_known, shape.num_classes)
            with autocast(context):
                losses = network.losses(tokens_TBK[:-1], tokens_TBK[1:], known_TB[1:])
            loss = losses.sum(-1).mean()
            optimizer.zero_grad()
            torch.autograd.backward(loss)
            nn.utils.clip_grad_norm_(network.parameters(), MAX_GRADIENT_NORM)
            optimizer.step()
            return {"loss": loss}

        def measure(averaged: Mapping[str, nn.Module]) -> Tensor:
            average = averaged["network"]
            assert isinstance(average, SequenceNetwork)
            return mean_losses(average, *measured, context.device).sum()

        outcome = train(
            context,
            step,
            num_steps=budget.steps,
            num_rows=num_windows,
            batch_size=budget.batch_size,
            modules={"network": network},
            optimizers={"network": optimizer},
            averages={"network": AVERAGE_DECAY},
            schedule=_rise_and_fall(budget.steps),
            stopping=EarlyStopping(measure, max(1, budget.steps // NUM_MEASURES), PATIENCE),
        )
    return copy_weights(outcome.averaged["network"])


@torch.no_grad()
def mean_losses(
    network: SequenceNetwork, tokens: np.ndarray, classes: np.ndarray, device: str, window: int = MEASURED_WINDOW
) -> Tensor:
    """The mean cross-entropy of each field of a stream, in nats a step: (K,). Each window is read by itself.

    Args:
        network: in eval mode.
        tokens: of `Sequences.stream`.
        classes: of it.
        device: where the network is.
        window: steps read in one go; more take more time and memory, and see more.
    """
    length = len(tokens) - 1
    window = min(window, length)
    num_windows = length // window
    tokens_MK = torch.tensor(tokens, device=device)
    classes_M = torch.tensor(classes, device=device)
    places = torch.arange(num_windows, device=device) * window
    sums = torch.zeros(len(network.shape.vocabulary_sizes), device=device)
    for part in torch.split(places, 32):
        index = part + torch.arange(window + 1, device=device)[:, None]
        losses = network.losses(tokens_MK[index[:-1]], tokens_MK[index[1:]], classes_M[index[1:]])
        sums += losses.sum((0, 1))
    return sums / (num_windows * window)


class _Stream:
    """Sequences in an order, as one ring that windows are cut from."""

    def __init__(self, sequences: Sequences, classes: np.ndarray, rows: np.ndarray, device: str):
        tokens, step_classes = sequences.take(rows).stream(classes[rows])
        self.tokens = torch.tensor(tokens, device=device)
        self.classes = torch.tensor(step_classes, device=device)

    def windows(self, places_B: Tensor, length: int) -> tuple[Tensor, Tensor]:
        """One step more than `length` from each place, a share of the way round: tokens and classes."""
        firsts_B = (places_B * len(self.tokens)).long()
        index_TB = (firsts_B + torch.arange(length + 1, device=places_B.device)[:, None]) % len(self.tokens)
        return self.tokens[index_TB], self.classes[index_TB]


def _hold_back(
    sequences: Sequences, classes: np.ndarray, most: int, seed: int
) -> tuple[tuple[Sequences, np.ndarray], tuple[Sequences, np.ndarray]]:
    """What to learn from and what to measure on, at most so many steps of it; each with its classes."""
    wanted = min(HELD_BACK * sequences.lengths.sum(), most)
    if len(sequences) < MIN_TO_HOLD_BACK:
        share = wanted / max(1, sequences.lengths.sum())
        parts = [_apart(part, share) for part in sequences.parts()]
        num_fields = sequences.tokens.shape[1]
        heads = Sequences.of([head for head, _ in parts], num_fields)
        tails = Sequences.of([tail for _, tail in parts], num_fields)
        return (heads, classes), (tails if tails.lengths.any() else heads, classes)
    order = np.random.default_rng(derive_seed(seed, "held back")).permutation(len(sequences))
    num_held_back = 1 + int(np.searchsorted(np.cumsum(sequences.lengths[order]), wanted))
    num_held_back = min(num_held_back, len(order) // 2)
    learnt, held_back = order[num_held_back:], order[:num_held_back]
    return (sequences.take(learnt), classes[learnt]), (sequences.take(held_back), classes[held_back])


def _apart(steps: np.ndarray, share: float) -> tuple[np.ndarray, np.ndarray]:
    """That share of a long sequence's steps, from all over it, and the rest before: its end may be about other things
    than its beginning, and be learnt from nowhere else."""
    num_stretches = min(MAX_STRETCHES, max(1, len(steps) // STRETCH))
    heads, tails = [], []
    for stretch in np.array_split(steps, num_stretches):
        cut = len(stretch) - max(len(stretch) > 1, round(share * len(stretch)))
        heads.append(stretch[:cut])
        tails.append(stretch[cut:])
    return np.concatenate(heads), np.concatenate(tails)


def _orders(classes: np.ndarray, conditions: Conditions, rng: np.random.Generator) -> list[np.ndarray]:
    """The order of the rows in the first part of the training, and in the last, where rare classes come more often."""
    counts = np.bincount(classes[classes < len(conditions.counts)], minlength=len(conditions.counts))
    numbers = np.where(classes < len(counts), classes, -1)
    evened = Conditions(conditions.target, conditions.labels, tuple(counts.tolist())).training_rows(numbers)
    return [rng.permutation(len(classes)), rng.permutation(evened if len(evened) else np.arange(len(classes)))]


def _counts(sequences: Sequences, shape: Shape) -> Tensor:
    """How often each token comes, (A,); the end once a sequence."""
    counts = [
        np.bincount(sequences.tokens[:, field], minlength=size) for field, size in enumerate(shape.vocabulary_sizes)
    ]
    counts[0][0] = len(sequences)
    return torch.tensor(np.concatenate(counts), dtype=torch.float32)


def _rise_and_fall(num_steps: int) -> Schedule:
    """The learning rate rises quickly to its height and then falls in a straight line to zero."""
    return lambda done: min(1.0, (done + 1 / num_steps) / WARM_UP, 1.0 - done)
