"""Recordings as points that lie near each other when one is the other shifted, louder, equalised or made noisy.

Shapes: N recordings, T samples, W windows (frames), B mel bands, F cells of time, D features.
"""

from __future__ import annotations

import functools

import numpy as np

from augment.toolkit.audio.spectra import LOUDNESS_FLOOR, Windows, mel_bands, mel_matrix

__all__ = ["describe"]

NUM_FEATURES = 512
MAX_CELLS = 128  # of time
BAND_DEPTH = 2.5  # nats (22 dB) below the loudest moment of a band; what is softer counts as silence
DEPTH = 3.0  # nats (26 dB) below the loudest moment of all bands; the same, and most noise lies below
SAMPLES_AT_ONCE = 2**20
ROWS_AT_ONCE = 32  # products of one shape give a recording the same bits wherever it stands
SEED = 0


def describe(waves_NT: np.ndarray, lengths: np.ndarray, rate: float) -> np.ndarray:
    """Recordings as points, float32 (N, D), at about length 1.

    Of a log-mel spectrum, what rises above a floor in each band: that forgets how loud a recording is, most of an
    equaliser and mild noise. It is cut into at most 128 cells of time around the middle of its energy, to a fraction of
    a window, so it does not matter when the sound comes. A random projection onto 512 dimensions (Johnson and
    Lindenstrauss 1984), always the same, keeps distances.

    Args:
        waves_NT: float (N, T) in [-1, 1].
        lengths: samples of each recording without padding, int (N,).
        rate: Hz.
    """
    num_rows, num_samples = waves_NT.shape
    windows, num_bands = Windows.at(rate, overlap=4), mel_bands(rate)
    filters_KB = mel_matrix(num_bands, windows.size, rate).T
    num_windows = windows.count(num_samples)
    there_NW = np.arange(num_windows) <= np.maximum(lengths, 1)[:, np.newaxis] // windows.hop
    cells = np.empty((num_rows, min(MAX_CELLS, num_windows) * num_bands), np.float32)
    at_once = max(1, SAMPLES_AT_ONCE // max(num_samples, 1))
    for start in range(0, num_rows, at_once):
        rows = slice(start, start + at_once)
        magnitudes = np.abs(windows.spectrum(np.asarray(waves_NT[rows])))
        energy_NWB = np.log(magnitudes @ filters_KB + np.float32(LOUDNESS_FLOOR))
        cells[rows] = _centred(_above_floor(energy_NWB, there_NW[rows])).reshape(-1, cells.shape[1])
    return _projected(cells)


def _above_floor(energy_NWB: np.ndarray, there_NW: np.ndarray) -> np.ndarray:
    """How far each band rises above its floor, in nats; 0 in silence and behind the end."""
    energy_NWB = np.where(there_NW[..., np.newaxis], energy_NWB, -np.inf)
    band_peak_N1B = energy_NWB.max(axis=1, keepdims=True)
    floor_N1B = np.maximum(band_peak_N1B - BAND_DEPTH, band_peak_N1B.max(axis=2, keepdims=True) - DEPTH)
    heights: np.ndarray = np.maximum(energy_NWB - floor_N1B, 0)
    return heights


def _centred(heights_NWB: np.ndarray) -> np.ndarray:
    """Means over cells of time around the middle of the energy, (N, F, B); a cell may begin within a window."""
    num_windows = heights_NWB.shape[1]
    num_cells = min(MAX_CELLS, num_windows)
    loudness_NW = heights_NWB.mean(axis=2, dtype=np.float64) ** 2
    middle_N = loudness_NW @ (np.arange(num_windows) + 0.5) / np.maximum(loudness_NW.sum(axis=1), 1e-9)
    width = num_windows / num_cells
    edges = np.clip(middle_N[:, np.newaxis] + (np.arange(num_cells + 1) - num_cells / 2) * width, 0, num_windows)
    total = np.zeros((len(heights_NWB), num_windows + 1, heights_NWB.shape[2]))
    np.cumsum(heights_NWB, axis=1, out=total[:, 1:])
    window = np.minimum(edges.astype(np.int64), num_windows - 1)[..., np.newaxis]
    share = edges[..., np.newaxis] - window
    below, above = (np.take_along_axis(total, window + step, axis=1) for step in (0, 1))
    cells: np.ndarray = np.diff(below + (above - below) * share, axis=1) / width
    return cells


def _projected(cells: np.ndarray) -> np.ndarray:
    length = np.sqrt(np.einsum("nd,nd->n", cells, cells))
    cells /= np.maximum(length, 1e-6)[:, np.newaxis]
    num_rows, num_cells = cells.shape
    padded = np.zeros((-(-num_rows // ROWS_AT_ONCE) * ROWS_AT_ONCE, num_cells), np.float32)
    padded[:num_rows] = cells
    points = padded.reshape(-1, ROWS_AT_ONCE, num_cells) @ _projection(num_cells)
    return np.ascontiguousarray(points.reshape(-1, NUM_FEATURES)[:num_rows])


@functools.lru_cache(maxsize=2)
def _projection(num_cells: int) -> np.ndarray:
    drawn = np.random.default_rng(SEED).standard_normal((num_cells, NUM_FEATURES), np.float32)
    return drawn / np.float32(np.sqrt(NUM_FEATURES))
