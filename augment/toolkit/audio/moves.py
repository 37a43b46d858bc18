"""Recordings moved in time, in pitch and in spectrum: whole batches at once.

Shapes: N recordings, T samples, W windows, K frequencies, B mel bands.
"""

from __future__ import annotations

import numpy as np

from augment.toolkit.audio.spectra import Windows, mel_matrix

__all__ = ["apply_gains", "at_moments", "stretch"]

LOG_GAIN = (-6.0, 4.0)  # of a gain; beyond it, nothing but noise would be lifted


def at_moments(waves_NT: np.ndarray, moments_NT: np.ndarray) -> np.ndarray:
    """Recordings read at other moments, between two samples on a cubic (Catmull-Rom) curve, float32.

    Args:
        waves_NT: float (N, T).
        moments_NT: where each new sample is read, in samples, (N, any); outside the recording it is silent.
    """
    last = waves_NT.shape[1] - 1
    padded = np.pad(waves_NT, ((0, 0), (2, 3)))  # zeros around: silence, and neighbours for the curve
    inside = np.clip(moments_NT, -1, last + 1).astype(np.float32)
    first = np.floor(inside).astype(np.int32)
    share = inside - first.astype(np.float32)
    rows = (np.arange(len(waves_NT), dtype=np.int64) * padded.shape[1])[:, np.newaxis]
    flat, place = padded.ravel(), rows + first + 2
    a, b, c, d = (flat.take(place + step) for step in (-1, 0, 1, 2))
    result: np.ndarray = b + 0.5 * share * (c - a + share * (2 * a - 5 * b + 4 * c - d + share * (3 * (b - c) + d - a)))
    return result


def stretch(waves_NT: np.ndarray, moments_NW: np.ndarray, windows: Windows, num_samples: int) -> np.ndarray:
    """Recordings at another pace with their pitch kept, by a phase vocoder (Flanagan and Golden 1966), float32.

    Args:
        waves_NT: float (N, T).
        moments_NW: where each window of the result is read, in windows of the recording, not falling along a row;
            W is `windows.count(num_samples)`.
        windows: how recordings are cut.
        num_samples: T of the result.
    """
    spectrum = windows.spectrum(waves_NT)
    last = spectrum.shape[1] - 1
    first = np.clip(np.floor(moments_NW).astype(np.int64), 0, max(last - 1, 0))
    share = np.clip(moments_NW - first, 0, 1).astype(np.float32)[..., np.newaxis]
    magnitude, angle = np.abs(spectrum), np.angle(spectrum)
    rows = np.arange(len(spectrum))[:, np.newaxis]
    second = np.minimum(first + 1, last)
    loudness = magnitude[rows, first] * (1 - share) + magnitude[rows, second] * share
    loudness[moments_NW > last] = 0
    advance = angle[rows, second] - angle[rows, first]  # up to whole turns, which make no difference
    phase = np.cumsum(np.concatenate([angle[rows, first[:, :1]], advance[:, :-1]], axis=1), axis=1)
    return windows.waves(loudness * np.exp(1j * phase), num_samples)


def apply_gains(waves_NT: np.ndarray, gains_NWB: np.ndarray, windows: Windows, rate: float) -> np.ndarray:
    """Recordings whose mel bands are made louder or softer; each keeps its own phase, so it still sounds real.

    Args:
        waves_NT: float (N, T).
        gains_NWB: the change of the logarithm of each band's magnitude, in nats, (N, W or 1, B).
        windows: how recordings are cut.
        rate: Hz.

    Returns:
        float32 (N, T). Windows overlap, so a change that varies from window to window comes out weaker than asked.
    """
    filters_BK = mel_matrix(gains_NWB.shape[2], windows.size, rate)
    centres = (filters_BK @ np.arange(filters_BK.shape[1])) / filters_BK.sum(axis=1)
    bands = np.interp(np.arange(filters_BK.shape[1]), centres, np.arange(len(centres)))
    low = np.minimum(np.floor(bands).astype(np.int64), len(centres) - 2)
    share = (bands - low).astype(np.float32)
    gains_NWK = gains_NWB[..., low] * (1 - share) + gains_NWB[..., low + 1] * share
    spectrum = windows.spectrum(waves_NT)
    return windows.waves(spectrum * np.exp(np.clip(gains_NWK, *LOG_GAIN)).astype(np.float32), waves_NT.shape[1])
