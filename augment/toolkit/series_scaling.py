"""Series of one length as numbers that a convolutional network can use, and back.

    scaling = SeriesScaling.fit(array, values_NTF)
    x_NCT = scaling.encode(values_NTF)     # numbers in [-1, 1], categories one of several 0 and 1
    values_NTF = scaling.decode(x_NCT)     # within the training range, rounded as the channel is

A number that is the same in the first step of every row is put back there. In the other steps such channels, of which
the time since the step before is one, are rarely Gaussian: they are encoded as normal scores (the rank among the
training values, as a quantile of the normal distribution), so each value comes out as often as it occurs.

Shapes: N rows, T steps, F channels of the series, C channels of the network.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from augment.data import Array, Column
from augment.toolkit.lossless import rounded

__all__ = ["SeriesScaling"]

NUM_QUANTILES = 1_001
MAX_SCORE = 3.0  # standard deviations from the median that become -1 and 1


@dataclass(frozen=True)
class SeriesScaling:
    """How each channel is scaled.

    Attributes:
        channels: what each is, F of them.
        firsts: the value of each in the first step of every training row; NaN where these differ: float64 (F,).
        low: smallest training value of each, float64 (F,); those in `firsts` do not count.
        high: largest.
        quantiles: training values of each at equal distances in their order where `firsts` has one; otherwise none.
    """

    channels: tuple[Column, ...]
    firsts: np.ndarray
    low: np.ndarray
    high: np.ndarray
    quantiles: tuple[tuple[float, ...], ...]

    @classmethod
    def fit(cls, array: Array, values_NTF: np.ndarray) -> Self:
        """From the training rows of an array."""
        assert array.channels is not None  # of a series
        numbers = values_NTF.astype(np.float64)
        firsts, low, high, quantiles = [], [], [], []
        for place, channel in enumerate(array.channels.values()):
            values_NT = numbers[..., place]
            same = values_NT.shape[1] > 1 and bool((values_NT[:, 0] == values_NT[0, 0]).all())
            same &= not _num_labels(channel)
            ordered = np.sort((values_NT[:, 1:] if same else values_NT).ravel())
            firsts.append(values_NT[0, 0] if same else np.nan)
            low.append(ordered[0])
            high.append(ordered[-1])
            evenly = np.linspace(0, len(ordered) - 1, NUM_QUANTILES).round().astype(np.int64)
            quantiles.append(tuple(ordered[evenly].tolist()) if same else ())
        return cls(tuple(array.channels.values()), np.array(firsts), np.array(low), np.array(high), tuple(quantiles))

    @property
    def sizes(self) -> list[int]:
        """How many channels of the network each channel has: one, or as many as categories."""
        return [_num_labels(channel) or 1 for channel in self.channels]

    def encode(self, values_NTF: np.ndarray) -> np.ndarray:
        """Rows to float32 (N, C, T)."""
        middle, half = (self.high + self.low) / 2, np.where(self.high > self.low, self.high - self.low, 2.0) / 2
        parts = []
        for place, channel in enumerate(self.channels):
            values_NT = values_NTF[..., place].astype(np.float64)
            num_labels = _num_labels(channel)
            if num_labels:
                parts.append((values_NT[:, None] == np.arange(num_labels)[:, None]).astype(np.float32))
            elif self.quantiles[place]:
                parts.append(_scores(values_NT, np.array(self.quantiles[place])).astype(np.float32)[:, None])
            else:
                parts.append(((values_NT - middle[place]) / half[place]).astype(np.float32)[:, None])
        return np.concatenate(parts, 1)

    def decode(self, x_NCT: np.ndarray) -> np.ndarray:
        """The inverse of `encode`, of any numbers: float32 (N, T, F). Of categories the one with the largest number."""
        values_NTF = np.empty((len(x_NCT), x_NCT.shape[2], len(self.channels)))
        first = 0
        for place, (channel, size) in enumerate(zip(self.channels, self.sizes, strict=True)):
            part = x_NCT[:, first : first + size].astype(np.float64)
            first += size
            if _num_labels(channel):
                values_NTF[..., place] = part.argmax(1)
                continue
            low, high = self.low[place], self.high[place]
            if self.quantiles[place]:
                values = _of_scores(part[:, 0], np.array(self.quantiles[place]))
            else:
                values = (low + high) / 2 + part[:, 0] * (high - low) / 2
            digits = 0 if channel.type == "integer" else channel.decimals
            values = values if digits is None else rounded(values, digits)
            values_NTF[..., place] = np.clip(values, low, high)
            if not np.isnan(self.firsts[place]):
                values_NTF[:, 0, place] = self.firsts[place]
        return values_NTF.astype(np.float32)

    def to_state(self) -> dict[str, Any]:
        """JSON values; the channels are the schema's."""
        firsts = [None if np.isnan(value) else value for value in self.firsts.tolist()]
        return {"firsts": firsts, "low": self.low.tolist(), "high": self.high.tolist(), "quantiles": self.quantiles}

    @classmethod
    def from_state(cls, array: Array, values: Mapping[str, Any]) -> Self:
        """The inverse of `to_state`, for the array of the schema."""
        assert array.channels is not None
        firsts, low, high = (np.array(values[name], np.float64) for name in ("firsts", "low", "high"))
        return cls(tuple(array.channels.values()), firsts, low, high, tuple(map(tuple, values["quantiles"])))


def _num_labels(channel: Column) -> int:
    """How many categories a channel has; 0 where it is a number."""
    return len(channel.categories or ("False", "True")) if channel.type in ("category", "boolean") else 0


def _scores(values_NT: np.ndarray, quantiles: np.ndarray) -> np.ndarray:
    """Normal scores of values, in [-1, 1]; equal values are spread evenly, by chance that is the same every time."""
    from scipy.special import ndtri

    below, up_to = (np.searchsorted(quantiles, values_NT, side) for side in ("left", "right"))
    uniforms = np.random.default_rng(0).random(values_NT.shape)
    below[:, 0], up_to[:, 0] = 0, len(quantiles)  # the first step says nothing
    ranks = (below + uniforms * (up_to - below)) / len(quantiles)
    scores: np.ndarray = np.clip(ndtri(ranks) / MAX_SCORE, -1, 1)
    return scores


def _of_scores(scores: np.ndarray, quantiles: np.ndarray) -> np.ndarray:
    """The inverse of `_scores`, of any numbers; between quantiles where hardly any value occurs twice."""
    from scipy.special import ndtr

    places = np.clip(ndtr(scores * MAX_SCORE) * len(quantiles) - 0.5, 0, len(quantiles) - 1)
    if len(np.unique(quantiles)) > 0.9 * len(quantiles):
        values: np.ndarray = np.interp(places, np.arange(len(quantiles)), quantiles)
    else:
        values = quantiles[places.round().astype(np.int64)]
    return values
