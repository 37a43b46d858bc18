"""Features of series from random convolution kernels, in the manner of MiniRocket.

Source: Dempster, Schmidt and Webb 2021, "MiniRocket: a very fast (almost) deterministic transform for time series
classification"; kernels of nine weights, six of them -1 and three of them 2, dilated; the feature is the share of steps
at which the convolution is above a threshold. Here channels are standardised, gaps bridged, and true steps alone count.

Shapes: N rows, T steps, F channels, D features.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np

__all__ = ["Kernels", "bridged"]

TRIPLES = tuple(combinations(range(9), 3))  # where a kernel's weights are 2
REACH = 4  # steps that a kernel reaches to either side, before dilation
MAX_DILATIONS = 8
BLOCK = 64 * 1024  # numbers worked on together: they fit into the processor's cache
GOLDEN = (np.sqrt(5) + 1) / 2


@dataclass
class _Group:
    """Kernels of one dilation that look at the same channels."""

    dilation: int
    channels: np.ndarray
    triples: list[tuple[int, int, int]]
    thresholds: list[np.ndarray]  # of each kernel


class Kernels:
    """Kernels and thresholds, fitted on training series."""

    def __init__(self, groups: list[_Group]):
        self.groups = groups

    @classmethod
    def fit(cls, values: np.ndarray, lengths: np.ndarray, num_features: int, rng: np.random.Generator) -> Kernels:
        """Choose dilations by the longest series, channels by chance, thresholds from what kernels give on some series.

        Args:
            values: (N, T, F) float32 without gaps, standardised.
            lengths: (N,), 1 or more.
            num_features: about how many features there shall be; at least one a kernel.
            rng: for the choices.
        """
        longest, num_channels = int(lengths.max()), values.shape[2]
        most = max(1.0, (longest - 1) / (2 * REACH))
        exponents = np.linspace(0, np.log2(most), min(MAX_DILATIONS, int(np.log2(most)) + 1))
        dilations = sorted({int(2**exponent) for exponent in exponents})
        num_parts = 1 if num_channels == 1 else 6
        groups, place = [], 0
        for number, dilation in enumerate(dilations):
            # what is left is shared among the kernels that are left
            own = round(num_features * (number + 1) / len(dilations)) - round(num_features * number / len(dilations))
            counts = np.full(len(TRIPLES), max(1, own // len(TRIPLES)))
            counts[: max(0, own - counts.sum())] += 1
            order = rng.permutation(len(TRIPLES))
            for part in np.array_split(order, num_parts):
                size = int(2 ** rng.uniform(0, np.log2(min(num_channels, 9) + 1)))
                channels = np.sort(rng.choice(num_channels, min(size, num_channels), replace=False))
                group = _Group(dilation, channels, [TRIPLES[kernel] for kernel in part], [])
                row = int(rng.integers(len(values)))
                shown = values[row : row + 1, : lengths[row]]
                for outputs, kernel in zip(_convolved(shown, group), part, strict=True):
                    shares = (np.arange(place, place + counts[kernel]) + 1) * GOLDEN % 1  # spread evenly over (0, 1)
                    group.thresholds.append(np.quantile(outputs, shares).astype(np.float32))
                    place += counts[kernel]
                groups.append(group)
        return cls(groups)

    def transform(self, values: np.ndarray, lengths: np.ndarray) -> np.ndarray:
        """The features (N, D) float32 of series as for `fit`."""
        parts = []
        size = max(1, BLOCK // max(1, values.shape[1]))
        for start in range(0, len(values), size):
            block, length = values[start : start + size], lengths[start : start + size]
            block = block[:, : int(length.max())]
            padding = np.arange(block.shape[1]) >= length[:, np.newaxis]
            is_padded = bool(padding.any())
            features = []
            for group in self.groups:
                for outputs, thresholds in zip(_convolved(block, group), group.thresholds, strict=True):
                    if is_padded:
                        outputs[padding] = -np.inf  # which is above no threshold
                    features += [(outputs > threshold).sum(axis=1) for threshold in thresholds]
            parts.append((np.stack(features, axis=1) / length[:, np.newaxis]).astype(np.float32))
        return np.concatenate(parts)


def _convolved(values: np.ndarray, group: _Group) -> list[np.ndarray]:
    """What each kernel of a group gives at each step, (N, T) each; beyond the ends of a series everything is 0."""
    series = values[:, :, group.channels].sum(axis=2)
    reach = REACH * group.dilation
    padded = np.pad(series, ((0, 0), (reach, reach)))
    shifted = [padded[:, at * group.dilation : at * group.dilation + series.shape[1]] for at in range(9)]
    ground = -np.sum(shifted, axis=0)
    shifted = [3 * one for one in shifted]
    return [ground + shifted[a] + shifted[b] + shifted[c] for a, b, c in group.triples]


def bridged(values: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """The series without gaps: a straight line from the last value known to the next, 0 where none is.

    Args:
        values: (N, T, F) float32, NaN where missing.
        lengths: (N,).
    """
    missing = np.isnan(values)
    if not missing.any():
        return values
    rows, channels = np.nonzero(missing.any(axis=1))
    filled = values.copy()
    for row, channel in zip(rows, channels, strict=True):  # of the series with gaps alone
        one = filled[row, : lengths[row], channel]
        known = np.flatnonzero(~np.isnan(one))
        one[:] = np.interp(np.arange(len(one)), known, one[known]) if len(known) else 0
    return filled
