"""Series of one length as numbers that a convolutional network can use, and back.

    scaling = SeriesScaling.fit(array, values_NTF)
    x_NCT = scaling.encode(values_NTF)     # numbers in [-1, 1], categories one of several 0 and 1
    values_NTF = scaling.decode(x_NCT)     # within the training range, rounded as the channel is

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


@dataclass(frozen=True)
class SeriesScaling:
    """How each channel is scaled.

    Attributes:
        channels: what each is, F of them.
        low: smallest training value of each, float64 (F,).
        high: largest.
    """

    channels: tuple[Column, ...]
    low: np.ndarray
    high: np.ndarray

    @classmethod
    def fit(cls, array: Array, values_NTF: np.ndarray) -> Self:
        """From the training rows of an array."""
        assert array.channels is not None  # of a series
        numbers = values_NTF.astype(np.float64)
        return cls(tuple(array.channels.values()), numbers.min((0, 1)), numbers.max((0, 1)))

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
            values = (low + high) / 2 + part[:, 0] * (high - low) / 2
            digits = 0 if channel.type == "integer" else channel.decimals
            values = values if digits is None else rounded(values, digits)
            values_NTF[..., place] = np.clip(values, low, high)
        return values_NTF.astype(np.float32)

    def to_state(self) -> dict[str, Any]:
        """JSON values; the channels are the schema's."""
        return {"low": self.low.tolist(), "high": self.high.tolist()}

    @classmethod
    def from_state(cls, array: Array, values: Mapping[str, Any]) -> Self:
        """The inverse of `to_state`, for the array of the schema."""
        assert array.channels is not None
        return cls(tuple(array.channels.values()), np.array(values["low"]), np.array(values["high"]))


def _num_labels(channel: Column) -> int:
    """How many categories a channel has; 0 where it is a number."""
    return len(channel.categories or ("False", "True")) if channel.type in ("category", "boolean") else 0
