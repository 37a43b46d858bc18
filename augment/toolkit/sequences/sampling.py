"""Drawing sequences from a `SequenceNetwork`: many at once, each from a stream of random numbers of its own.

A batch has a fixed number of places. When a sequence ends, the next one that waits takes its place; so no place idles,
and every product has the same shape, whatever was asked for. A row's numbers follow from the seed and the row's number
alone. Together: a row does not depend on which rows are drawn beside it.

What is unusual: a step looks its input up in a table of what each token gives the gates, instead of multiplying an
embedding; and one random number a field decides, by the inverse of the cumulated chances.

Shapes: N wanted sequences, B places, K fields, V tokens of a field, P steps of a prefix, S numbers of the states.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from augment.plugin.context import derive_seed
from augment.toolkit.sequences.network import SequenceNetwork, Shape
from augment.toolkit.sequences.training import Sequences
from augment.toolkit.training import rebuild

__all__ = ["PLACES", "AuxiliaryInputs", "NoRepeat", "Rule", "SamplingParams", "draw", "draw_uniforms"]

PLACES = 256
UNLIKELY = 1e4  # off a logit, so that it is drawn only where nothing else may be
GOLDEN = np.uint64(0x9E3779B97F4A7C15)


@dataclass(frozen=True)
class SamplingParams:
    """How a token is chosen among the chances that the network gives.

    Attributes:
        temperature: below 1 favours the likely tokens, above 1 the others.
        top_k: only the so many likeliest tokens.
        top_p: only the likeliest tokens that together have this chance (Holtzman et al. 2020).
        min_p: only tokens with at least this share of the likeliest one's chance (Nguyen et al. 2024).
        guidance: how far to move away from what sequences of any class are like, towards the class that is asked for
            (Ho and Salimans 2022). 0 is not at all; each step takes twice as long otherwise.
    """

    temperature: float = 1.0
    top_k: int | None = None
    top_p: float | None = None
    min_p: float | None = None
    guidance: float = 0.0

    def chances(self, logits_BV: Tensor) -> Tensor:
        """What to draw by, (B, V); rows need not sum to one."""
        if self.temperature != 1.0:
            logits_BV = logits_BV / self.temperature
        if self.top_k is not None and self.top_k < logits_BV.shape[1]:
            least_B1 = logits_BV.topk(self.top_k, 1).values[:, -1:]
            logits_BV = logits_BV.masked_fill(logits_BV < least_B1, -torch.inf)
        chances_BV = logits_BV.softmax(1)
        if self.min_p is not None:
            least_B1 = self.min_p * chances_BV.amax(1, keepdim=True)
            chances_BV = chances_BV.masked_fill(chances_BV < least_B1, 0.0)
        if self.top_p is not None:
            ordered_BV = chances_BV.sort(1, descending=True).values
            num_kept_B1 = ((ordered_BV.cumsum(1) - ordered_BV) < self.top_p * ordered_BV.sum(1, keepdim=True)).sum(
                1, keepdim=True
            )
            least_B1 = ordered_BV.gather(1, num_kept_B1 - 1)
            chances_BV = chances_BV.masked_fill(chances_BV < least_B1, 0.0)
        return chances_BV


class Rule(Protocol):
    """What may not follow, for sequences that must keep to something that a network only nearly learns.

    Places are numbered; a rule keeps what it needs to know of the sequence in each.
    """

    def begin(self, places: np.ndarray) -> None:
        """In these places new sequences begin."""

    def forbidden(self, field: int) -> np.ndarray | None:
        """Which tokens may not come next in each place, bool (B, V), or None for all may.

        At least one token must be left; where the end is all that is left, the sequence ends.
        """

    def took(self, tokens_BK: np.ndarray) -> None:
        """These tokens came next."""


class AuxiliaryInputs(Protocol):
    """Computes the auxiliary inputs of a network (see `network.py`), and says what may not follow."""

    def begin(self, places: np.ndarray) -> None:
        """In these places new sequences begin."""

    def forbidden(self, field: int) -> np.ndarray | None:
        """As a rule says it."""

    def compute(self, tokens_BK: np.ndarray, uniforms_B: np.ndarray) -> np.ndarray:
        """These tokens came next: their auxiliary inputs, (B, W - K) int64.

        The numbers in [0, 1) are those of `draw_uniforms`: they say where in its range the value of a token lies.
        """


class NoRepeat:
    """No run of so many tokens of the first field comes twice in a sequence (Paulus et al. 2018); at least 2."""

    def __init__(self, length: int, vocabulary_size: int):
        self.length, self.vocabulary_size = length, vocabulary_size
        self.tokens = np.zeros((PLACES, 0), np.int64)
        self.runs = np.zeros((PLACES, 0), np.uint64)  # the run of one less that ends with each token, as one number
        self.firsts = np.zeros(PLACES, np.int64)  # where each place's sequence begins

    def begin(self, places: np.ndarray) -> None:
        """In these places new sequences begin."""
        self.firsts[places] = self.tokens.shape[1]

    def forbidden(self, field: int) -> np.ndarray | None:
        """What would end a run that has been there."""
        num_done = self.tokens.shape[1]
        if field or num_done < self.length:
            return None
        starts = np.arange(num_done - 1) - (self.length - 2) >= self.firsts[:, None]
        has_come = (self.runs[:, :-1] == self.runs[:, -1:]) & starts
        has_come &= (num_done - self.firsts >= self.length)[:, None]
        forbidden = np.zeros((PLACES, self.vocabulary_size), bool)
        places, ends = has_come.nonzero()
        forbidden[places, self.tokens[places, ends + 1]] = True
        forbidden[:, 0] = False
        return forbidden

    def took(self, tokens_BK: np.ndarray) -> None:
        """These tokens came next."""
        self.tokens = np.concatenate([self.tokens, tokens_BK[:, :1]], 1)
        recent = self.tokens[:, -(self.length - 1) :].astype(np.uint64)
        run = np.zeros(PLACES, np.uint64)
        for tokens in recent.T:
            run = _mixed(run * GOLDEN + tokens + np.uint64(1))
        self.runs = np.concatenate([self.runs, run[:, None]], 1)


def draw(
    shape: Shape,
    weights: Mapping[str, np.ndarray],
    classes: np.ndarray,
    seed: int,
    *,
    max_length: int,
    min_length: int = 1,
    params: SamplingParams | None = None,
    prefixes: Sequences | None = None,
    rules: Sequence[Rule] = (),
    auxiliary: AuxiliaryInputs | None = None,
) -> Sequences:
    """One sequence for each of the classes, on a CPU, in the order of the classes.

    Args:
        shape: of the network.
        weights: as `augment.toolkit.sequences.training.learn` gives them.
        classes: of each wanted sequence, (N,) int64.
        seed: that the rows' random numbers follow from.
        max_length: steps after which a sequence ends if it has not by itself; the prefix counts.
        min_length: steps before which it does not end, unless a rule leaves no other way.
        params: how tokens are chosen.
        prefixes: the steps that each sequence begins with, N of them, some or all empty. They come back with it.
        rules: what may not follow.
        auxiliary: the inputs of a network that has such. They do not come back with the sequences.
    """
    with torch.inference_mode():
        network = rebuild(lambda: SequenceNetwork(shape), weights, "cpu")
        params = params or SamplingParams()
        return _Drawing(network, classes, seed, max_length, min_length, params, prefixes, rules, auxiliary).run()


class _Drawing:
    def __init__(
        self,
        network: SequenceNetwork,
        classes: np.ndarray,
        seed: int,
        max_length: int,
        min_length: int,
        params: SamplingParams,
        prefixes: Sequences | None,
        rules: Sequence[Rule],
        auxiliary: AuxiliaryInputs | None,
    ):
        self.network, self.tables, self.classes = network, network.tables(), classes
        self.max_length, self.min_length, self.params = max_length, min_length, params
        self.rules: list[Rule | AuxiliaryInputs] = [*rules, *([auxiliary] if auxiliary else [])]
        self.followers, self.auxiliary = rules, auxiliary
        self.prefixes = prefixes
        self.num_fields = len(network.shape.vocabulary_sizes)
        self.keys, self.place_keys = (_keys(seed, purpose, len(classes)) for purpose in ("rows", "places"))
        num_twins = 2 if params.guidance else 1  # each place has a second one, whose class is hidden
        self.states = torch.zeros(num_twins * PLACES, network.num_state)
        self.tokens = np.zeros((PLACES, self.num_fields), np.int64)  # the last step in each place, zeros before
        self.auxiliary_tokens = np.zeros((PLACES, len(network.shape.auxiliary_sizes)), np.int64)
        self.rows = np.full(PLACES, -1)  # -1 in a place that idles
        self.done = np.zeros(PLACES, np.int64)  # steps
        self.num_begun = 0

    def run(self) -> Sequences:
        self._fill(np.arange(PLACES))
        came: list[np.ndarray] = []
        came_rows: list[np.ndarray] = []
        while (self.rows >= 0).any():
            self._step()
            is_over = self.tokens[:, 0] == 0
            came.append(self.tokens[~is_over].astype(np.int32))
            came_rows.append(self.rows[~is_over])
            self.done += 1
            is_over |= self.done >= self.max_length
            if is_over.any():
                self._fill(np.flatnonzero(is_over))
        tokens = np.concatenate([np.empty((0, self.num_fields), np.int32), *came])
        rows = np.concatenate([np.empty(0, np.int64), *came_rows])
        order = np.argsort(rows, kind="stable")
        order = order[np.searchsorted(rows[order], 0) :]  # places that idle come first
        return Sequences(tokens[order], np.bincount(rows[rows >= 0], minlength=len(self.classes)))

    def _fill(self, places: np.ndarray) -> None:
        """Begin the sequences that wait in these places."""
        rows = np.arange(self.num_begun, min(self.num_begun + len(places), len(self.classes)))
        self.num_begun += len(rows)
        self.rows[places] = -1
        self.rows[places[: len(rows)]] = rows
        self.done[places] = 0
        self.tokens[places] = 0
        self.auxiliary_tokens[places] = 0
        for twin in range(0, len(self.states), PLACES):
            self.states[torch.from_numpy(places + twin)] = 0.0
        for rule in self.rules:
            rule.begin(places)

    def _step(self) -> None:
        classes = torch.from_numpy(self.classes[self.rows])  # a place that idles does as the last row would
        tokens = torch.from_numpy(np.concatenate([self.tokens, self.auxiliary_tokens], 1))
        if self.params.guidance:
            classes = torch.cat([classes, torch.full_like(classes, self.network.shape.num_classes)])
            tokens = tokens.repeat(2, 1)
        self.states, query = self.network.move(self.tables, self.states, tokens, classes)
        drawn = np.zeros_like(self.tokens)
        forced, is_forced = self._prefix()
        for field in range(self.num_fields):
            drawn[:, field] = np.where(is_forced, forced[:, field], self._draw(field, query))
            if field + 1 < self.num_fields:
                known = torch.from_numpy(drawn[:, field])
                query = self.network.answer(field, query, known.repeat(len(query) // PLACES))
        drawn[drawn[:, 0] == 0] = 0
        self.tokens = drawn
        for rule in self.followers:
            rule.took(drawn)
        if self.auxiliary:
            self.auxiliary_tokens = self.auxiliary.compute(drawn, _uniforms(self.place_keys[self.rows], self.done))

    def _draw(self, field: int, query: Tensor) -> np.ndarray:
        logits = self.network.logits(field, query)
        if self.params.guidance:
            with_class, without = torch.split(logits.log_softmax(1), PLACES)
            logits = torch.lerp(without, with_class, 1.0 + self.params.guidance)
        if field == 0 and self.min_length > 0:
            may_not_end = torch.from_numpy(self.done < self.min_length)
            logits[:, 0] = torch.where(may_not_end, logits[:, 0] - UNLIKELY, logits[:, 0])
        for rule in self.rules:
            forbidden = rule.forbidden(field)
            if forbidden is not None:
                logits = logits.masked_fill(torch.from_numpy(forbidden), -torch.inf)
        ends = self.params.chances(logits).cumsum(1)
        uniforms = torch.from_numpy(_uniforms(self.keys[self.rows], self.done * self.num_fields + field))[:, None]
        chosen = torch.searchsorted(ends, uniforms * ends[:, -1:], right=True)
        # rounding may go one too far: then the last token that has a chance
        last = (ends < ends[:, -1:]).sum(1, keepdim=True)
        numbers: np.ndarray = torch.minimum(chosen, last)[:, 0].numpy()
        return numbers

    def _prefix(self) -> tuple[np.ndarray, np.ndarray]:
        """The steps that must come now, (B, K), and in which places."""
        if self.prefixes is None:
            return self.tokens, np.zeros(PLACES, bool)
        lengths = self.prefixes.lengths
        firsts = np.cumsum(lengths) - lengths
        is_forced = (self.done < lengths[self.rows]) & (self.rows >= 0)
        index = np.where(is_forced, firsts[self.rows] + self.done, 0)
        return (self.prefixes.tokens[index] if len(self.prefixes.tokens) else self.tokens), is_forced


def draw_uniforms(seed: int, lengths: np.ndarray) -> np.ndarray:
    """One number in [0, 1) for each step that `draw` gave: (M,) float32.

    Args:
        seed: that they were drawn with.
        lengths: of the sequences drawn, (N,).
    """
    steps = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    return _uniforms(np.repeat(_keys(seed, "places", len(lengths)), lengths), steps)


def _keys(seed: int, purpose: str, num_rows: int) -> np.ndarray:
    """Where each row's stream of random numbers begins, (N,) uint64."""
    return _mixed(np.arange(num_rows, dtype=np.uint64) * GOLDEN + np.uint64(derive_seed(seed, purpose)))


def _mixed(numbers: np.ndarray) -> np.ndarray:
    """The finalizer of SplitMix64 (Steele, Lea and Flood 2014) on uint64 numbers, which wrap round."""
    numbers = (numbers ^ (numbers >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    numbers = (numbers ^ (numbers >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed: np.ndarray = numbers ^ (numbers >> np.uint64(31))
    return mixed


def _uniforms(keys: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """The `counts`-th number of each key's SplitMix64 stream, in [0, 1): float32 with 24 random bits."""
    numbers = _mixed(keys + (counts.astype(np.uint64) + np.uint64(1)) * GOLDEN)
    return (numbers >> np.uint64(40)).astype(np.float32) * np.float32(2.0**-24)
