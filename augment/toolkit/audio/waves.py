"""Channels, sampling rates, and rows of one length.

Shapes: N recordings, T samples in time, C channels.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import numpy as np

__all__ = ["Channels", "factor_for", "pad", "resample", "to_mono"]

Channels = Literal["auto", "mean", "left", "first"]


def to_mono(samples: np.ndarray, channels: Channels) -> np.ndarray:
    """One channel of a recording: (T, C) float32 to (T,). `left` and `first` are the first one, others the mean."""
    if samples.shape[1] == 1 or channels in ("left", "first"):
        return np.ascontiguousarray(samples[:, 0])
    mixed: np.ndarray = samples.mean(axis=1, dtype=np.float32)
    return mixed


def resample(samples: np.ndarray, rate: int, to_rate: int) -> np.ndarray:
    """Samples (T,) float32 at another rate: by soxr in high quality where it is installed, otherwise by a polyphase
    filter (`scipy.signal.resample_poly`). Peaks can grow."""
    if rate == to_rate or not len(samples):
        return samples
    try:
        import soxr
    except ModuleNotFoundError:
        from scipy.signal import resample_poly

        shared = math.gcd(rate, to_rate)
        return np.asarray(resample_poly(samples, to_rate // shared, rate // shared), dtype=np.float32)
    return np.asarray(soxr.resample(samples, rate, to_rate, quality="HQ"), dtype=np.float32)


def factor_for(peak: float) -> float:
    """What samples with that largest size are multiplied by to be in [-1, 1]: 1 if they are."""
    return 1.0 if peak <= 1 else float(np.nextafter(np.float32(1 / peak), np.float32(0)))


def pad(rows: Sequence[np.ndarray], length: int | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Recordings (T_i,) as rows of one length, zeros at their ends: (N, T) float32; and their lengths, (N,) int64.

    Args:
        rows: the recordings.
        length: T; by default that of the longest.
    """
    lengths = np.array([len(row) for row in rows], dtype=np.int64)
    padded = np.zeros((len(rows), max(lengths, default=0) if length is None else length), dtype=np.float32)
    for place, row in enumerate(rows):
        padded[place, : len(row)] = row
    return padded, lengths
