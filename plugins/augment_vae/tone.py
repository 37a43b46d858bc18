"""The tone curve: one rising map of grey values that gives drawn pictures the greys of real ones.

The mean of a Bernoulli decoder is grey where it is unsure; real pictures are not. The curve sends each quantile of the
drawn pixels to the same quantile of the real ones, for all pixels and channels alike.
"""

from __future__ import annotations

import numpy as np

__all__ = ["apply_tone", "tone_curve"]

NUM_QUANTILES = 513


def tone_curve(drawn: np.ndarray, real: np.ndarray) -> np.ndarray:
    """The curve that takes the pixels of `drawn` to those of `real`.

    Args:
        drawn: values in [0, 1], any shape.
        real: uint8, any shape.

    Returns:
        (2, K) float32: rising drawn values and, below each, the real value in [0, 255].
    """
    shares = np.linspace(0, 1, NUM_QUANTILES)
    quantiles, first = np.unique(np.quantile(drawn, shares).astype(np.float32), return_index=True)
    values = np.quantile(real, shares).astype(np.float32)
    # where many drawn pixels share a value, it stands for the middle of their quantiles
    last = np.append(first[1:], len(shares)) - 1
    return np.stack([quantiles, values[(first + last) // 2]])


def apply_tone(curve: np.ndarray, drawn: np.ndarray) -> np.ndarray:
    """The pictures with corrected greys, in [0, 255], of the same shape."""
    toned: np.ndarray = np.interp(drawn, curve[0], curve[1])
    return toned
