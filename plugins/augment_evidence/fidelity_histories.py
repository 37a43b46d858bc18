"""The metric `fidelity` for histories: do synthetic users meet what real users meet, as often and in such an order?

Each number stands beside what it is for held-out users: as many of them, compared with the same training part.

Shapes: N users, T places for the items of one, M events of all users, P pairs.
"""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass

import numpy as np
from pydantic import Field

from augment import plugin
from augment.data import Dataset
from augment.plugin import Accepts, Context, Metric, Score
from augment_evidence.rows import common_counts, rows_in_shares, rows_of_each, target_labels

HELD_OUT = "held-out rows"


class FidelityHistories(Metric):
    """Compares synthetic histories with training ones, beside held-out ones.

    Popularity: half the sum of the differences between items' shares of all events, 0 where they are the same and 1
    where no item is shared. Pairs in a row: the same of an item and the one after it. Lengths, ratings and the like:
    the largest difference between the cumulated shares (Kolmogorov and Smirnov). Items met again: the share of events
    whose item the user has met before. Training histories: the share that a training user has to the letter; a
    generator that learnt its users by heart scores above held-out ones.

    Where users have classes, how many there are of each was asked for, not learnt: as many of each are taken from the
    synthetic and the held-out rows, and training rows in the same shares.
    """

    name = "fidelity"
    accepts = Accepts(modalities=frozenset({"tokens"}))
    default_for = frozenset({"tokens"})

    class Params(plugin.Params):
        most_users: int = Field(20_000, ge=10)
        """Of each part so many users at most are looked at, a seeded sample; a history is sought in the
        whole training part."""

    def score(self, synthetic: Dataset, train: Dataset, holdout: Dataset, context: Context) -> list[Score]:
        labels, held = target_labels(synthetic), target_labels(holdout)
        counts = common_counts([labels, held], self.params.most_users)  # distances of few users are larger by chance
        alike = rows_in_shares(target_labels(train), counts, self.params.most_users, context.rng)
        made, rest, real = (
            _Histories.of(part, np.sort(rows))
            for part, rows in (
                (synthetic, rows_of_each(labels, counts, context.rng)),
                (holdout, rows_of_each(held, counts, context.rng)),
                (train, alike),
            )
        )
        if not (len(real.tokens) and len(made.tokens) and len(rest.tokens)):
            return []
        known = set(_Histories.of(train, np.arange(len(train))).letters())  # all: a copy of any user is a copy
        found = {
            "item popularity error": (_apart(made.tokens, real.tokens), _apart(rest.tokens, real.tokens), "lower"),
            "length error": (
                _largest_gap(made.lengths, real.lengths),
                _largest_gap(rest.lengths, real.lengths),
                "lower",
            ),
            "items met again": (made.repeated(), rest.repeated(), "none"),
            "training histories": (made.share_among(known), rest.share_among(known), "none"),
        }
        pairs = [part.pairs(real.base) for part in (made, rest, real)]
        if all(map(len, pairs)):
            found["error of pairs in a row"] = (_apart(pairs[0], pairs[2]), _apart(pairs[1], pairs[2]), "lower")
        for name in sorted(set(real.channels)):
            values = [part.channels[name] for part in (made, rest, real)]
            if all(map(len, values)):
                errors = _largest_gap(values[0], values[2]), _largest_gap(values[1], values[2])
                found[f"{name} error"] = (*errors, "lower")
        return [
            Score(name, value, better=better, detail={"reference": {HELD_OUT: reference}})
            for name, (value, reference, better) in found.items()
        ]


@dataclass(frozen=True)
class _Histories:
    """Some users, one after the other.

    Attributes:
        tokens: (M,) int64.
        lengths: (N,) int64.
        channels: name to the values that are not missing.
        base: more than any token of any part.
    """

    tokens: np.ndarray
    lengths: np.ndarray
    channels: dict[str, np.ndarray]
    base: int

    @classmethod
    def of(cls, data: Dataset, rows: np.ndarray) -> _Histories:
        name = data.schema.array_of("tokens")
        values, lengths = np.asarray(data.arrays[name][rows]), data.lengths(name)[rows]
        is_there = np.arange(values.shape[1]) < lengths[:, np.newaxis]
        channels = {}
        for other, array in data.schema.arrays.items():
            if array.channels and array.length_column == data.schema.arrays[name].length_column:
                steps = np.asarray(data.arrays[other][rows])[is_there]
                for place, channel in enumerate(array.channels):
                    channels[channel] = steps[:, place][~np.isnan(steps[:, place])]
        return cls(values[is_there].astype(np.int64), lengths, channels, 1 << 31)

    def pairs(self, base: int) -> np.ndarray:
        """Each item and the next of the same user as one number, (P,)."""
        users = np.repeat(np.arange(len(self.lengths)), self.lengths)
        together = users[1:] == users[:-1]
        return self.tokens[:-1][together] * base + self.tokens[1:][together]

    def repeated(self) -> float:
        """The share of events whose item the user has met before."""
        users = np.repeat(np.arange(len(self.lengths)), self.lengths)
        return 1.0 - len(np.unique(users * self.base + self.tokens)) / len(self.tokens)

    def share_among(self, known: Container[bytes]) -> float:
        """The share of histories that are among these letters."""
        return float(np.mean([letters in known for letters in self.letters()]))

    def letters(self) -> list[bytes]:
        """Each history as something to compare."""
        return [part.tobytes() for part in np.split(self.tokens, np.cumsum(self.lengths)[:-1])]


def _apart(some: np.ndarray, others: np.ndarray) -> float:
    """Half the sum of the differences of the shares that each value has."""
    values, codes = np.unique(np.concatenate([some, others]), return_inverse=True)
    shares = [np.bincount(part, minlength=len(values)) / len(part) for part in (codes[: len(some)], codes[len(some) :])]
    return float(np.abs(shares[0] - shares[1]).sum() / 2)


def _largest_gap(some: np.ndarray, others: np.ndarray) -> float:
    """The largest difference between two empirical distribution functions."""
    places = np.concatenate([some, others])
    ends = [np.searchsorted(np.sort(part), places, side="right") / len(part) for part in (some, others)]
    return float(np.abs(ends[0] - ends[1]).max())
