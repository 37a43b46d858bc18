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
from augment_evidence.references import Better, scores_beside
from augment_evidence.samples import common_counts, draw_rows, rows_in_shares, target_labels


class FidelityHistories(Metric):
    """Compares synthetic histories with training ones, beside held-out ones.

    * `item popularity error`: the total variation distance between items' shares of all events, 0 where they are the
      same and 1 where no item is shared.
    * `item bigram error`: the same of each item and the one after it.
    * `length error`, and an error for ratings and the like: the Kolmogorov-Smirnov statistic.
    * `repeated items`: the share of events whose item the user has met before.
    * `exact copies`: the share of users with the same history as a training user; a generator that memorised its users
      scores above held-out ones.

    Where users have classes, how many there are of each was asked for, not learnt: as many of each are taken from the
    synthetic and the held-out rows, and training rows in the same shares.
    """

    name = "fidelity"
    accepts = Accepts(modalities=frozenset({"tokens"}))
    default_for = frozenset({"tokens"})

    class Params(plugin.Params):
        renamed = {"most_users": "max_users"}

        max_users: int = Field(20_000, ge=10)
        """Maximum number of users that are compared from each part, a seeded sample. Copies are looked for in the
        whole training part."""

    def score(self, synthetic: Dataset, train: Dataset, holdout: Dataset, context: Context) -> list[Score]:
        limit = self.params.max_users
        labels = [target_labels(part) for part in (synthetic, holdout, train)]
        counts = common_counts(labels[:2], limit)  # distances of few users are larger by chance
        real = _Histories.of(train, np.sort(rows_in_shares(labels[2], counts, limit, context.rng)))
        parts = {
            name: _Histories.of(part, np.sort(draw_rows(own, counts, context.rng)))
            for name, part, own in zip(("synthetic", "hold-out"), (synthetic, holdout), labels[:2], strict=True)
        }
        if not all(len(part.tokens) for part in (real, *parts.values())):
            return []
        known = set(_Histories.of(train, np.arange(len(train))).letters())  # all: a copy of any user is a copy
        values: dict[str, dict[str, float]] = {name: {} for name in parts}
        for name, part in parts.items():
            values[name] = {
                "item popularity error": _total_variation(part.tokens, real.tokens),
                "length error": _kolmogorov_smirnov(part.lengths, real.lengths),
                "repeated items": part.repeated(),
                "exact copies": part.share_among(known),
            }
        bigrams = {name: part.bigrams(real.base) for name, part in (*parts.items(), ("train", real))}
        if all(map(len, bigrams.values())):
            for name in parts:
                values[name]["item bigram error"] = _total_variation(bigrams[name], bigrams["train"])
        for channel in sorted(set(real.channels)):
            if all(len(part.channels[channel]) for part in (real, *parts.values())):
                for name, part in parts.items():
                    error = _kolmogorov_smirnov(part.channels[channel], real.channels[channel])
                    values[name][f"{channel} error"] = error
        better: dict[str, Better] = {
            name: "lower" if name.endswith(" error") else "none" for name in values["synthetic"]
        }
        return scores_beside(values, better)


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
        name = data.schema.find_array("tokens")
        values, lengths = np.asarray(data.arrays[name][rows]), data.lengths(name)[rows]
        is_there = np.arange(values.shape[1]) < lengths[:, np.newaxis]
        channels = {}
        for other, array in data.schema.arrays.items():
            if array.channels and array.length_column == data.schema.arrays[name].length_column:
                steps = np.asarray(data.arrays[other][rows])[is_there]
                for place, channel in enumerate(array.channels):
                    channels[channel] = steps[:, place][~np.isnan(steps[:, place])]
        return cls(values[is_there].astype(np.int64), lengths, channels, 1 << 31)

    def bigrams(self, base: int) -> np.ndarray:
        """Each item and the next of the same user as one number, (P,)."""
        users = np.repeat(np.arange(len(self.lengths)), self.lengths)
        together = users[1:] == users[:-1]
        bigrams: np.ndarray = self.tokens[:-1][together] * base + self.tokens[1:][together]
        return bigrams

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


def _total_variation(some: np.ndarray, others: np.ndarray) -> float:
    """Half the sum of the differences of the shares that each value has."""
    values, codes = np.unique(np.concatenate([some, others]), return_inverse=True)
    shares = [np.bincount(part, minlength=len(values)) / len(part) for part in (codes[: len(some)], codes[len(some) :])]
    return float(np.abs(shares[0] - shares[1]).sum() / 2)


def _kolmogorov_smirnov(some: np.ndarray, others: np.ndarray) -> float:
    """The largest difference between two empirical distribution functions."""
    places = np.concatenate([some, others])
    ends = [np.searchsorted(np.sort(part), places, side="right") / len(part) for part in (some, others)]
    return float(np.abs(ends[0] - ends[1]).max())
