"""The spectra of recordings: short-time Fourier transform, its inverse, and log-mel features.

Shapes: N recordings, T samples, W windows (frames), K frequencies (bins), B mel bands.
"""

from __future__ import annotations

import functools
import math

import numpy as np

__all__ = ["Windows", "from_log_mel", "log_mel", "mel_bands", "mel_matrix"]

WINDOW_SECONDS = 0.032
LOWEST = 40.0  # Hz; below lie hum and an offset of the recording
LOUDNESS_FLOOR = 1e-3  # added to the energy of a band, so that silence has a logarithm
DEPTH = 5.0  # nats (43 dB) below the loudest band; what is softer is taken for noise of the room
ACTIVE = 4.0  # nats (35 dB) below the loudest frame; what is softer is a pause
SAMPLES_AT_ONCE = 2**21  # of recordings whose spectra are in memory at the same time; these take ten times their memory
MEL_ROUNDS, PHASE_ROUNDS = 10, 16  # with twice as many a judge hears no difference
MOMENTUM = 0.99


class Windows:
    """A recording as overlapping Hann windows.

    Args:
        size: samples of a window.
        hop: samples from one window to the next, at most half of `size`.
    """

    def __init__(self, size: int, hop: int):
        self.size, self.hop = size, hop
        self.shape = (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(size) / size)).astype(np.float32)

    @classmethod
    def at(cls, rate: float, overlap: int = 2) -> Windows:
        """Windows of about 32 ms, each sample in `overlap` of them; their size is a power of two."""
        size = max(16, 2 ** round(math.log2(WINDOW_SECONDS * rate)))
        return cls(size, size // overlap)

    def count(self, num_samples: int) -> int:
        """W: windows of a recording of so many samples; the first is centred on its first sample."""
        return 1 + -(-num_samples // self.hop)

    def spectrum(self, waves_NT: np.ndarray) -> np.ndarray:
        """The short-time Fourier transform, complex64 (N, W, K) with K = size / 2 + 1. Beyond its ends a recording is
        silent."""
        num_samples = waves_NT.shape[1]
        length = (self.count(num_samples) - 1) * self.hop + self.size
        half = self.size // 2
        padded = np.zeros((len(waves_NT), length), np.float32)
        padded[:, half : half + num_samples] = waves_NT
        windows = np.lib.stride_tricks.sliding_window_view(padded, self.size, axis=1)[:, :: self.hop]
        return np.fft.rfft(windows * self.shape, axis=2).astype(np.complex64, copy=False)

    def waves(self, spectrum_NWK: np.ndarray, num_samples: int) -> np.ndarray:
        """The recordings whose spectra come nearest (least squares: Griffin and Lim 1984), float32 (N, T)."""
        windows = np.fft.irfft(spectrum_NWK, self.size, axis=2).astype(np.float32, copy=False) * self.shape
        num_rows, num_windows = windows.shape[:2]
        length = (num_windows - 1) * self.hop + self.size
        total, weight = np.zeros((num_rows, length), np.float32), np.zeros(length, np.float32)
        for window in range(num_windows):
            start = window * self.hop
            total[:, start : start + self.size] += windows[:, window]
            weight[start : start + self.size] += self.shape**2
        half = self.size // 2
        kept = slice(half, half + num_samples)
        result: np.ndarray = total[:, kept] / np.maximum(weight[kept], 1e-3)
        return result


def mel_bands(rate: float) -> int:
    """How many mel bands suit a rate in Hz: 40 up to 12 kHz, and 64 above."""
    return 40 if rate <= 12_000 else 64


@functools.lru_cache(maxsize=8)
def mel_matrix(num_bands: int, size: int, rate: float) -> np.ndarray:
    """Triangular filters on the mel scale (O'Shaughnessy 1987) from 40 Hz up to half of the rate.

    Args:
        num_bands: B.
        size: samples of a window.
        rate: Hz.

    Returns:
        float32 (B, K). Where a triangle lies between two bins, the band is the nearest bin.
    """
    highest = rate / 2
    lowest = min(LOWEST, highest / 2)
    ends = _hertz(np.linspace(_mel(lowest), _mel(highest), num_bands + 2))
    bins = np.linspace(0, highest, size // 2 + 1)
    low, centre, high = ends[:-2, np.newaxis], ends[1:-1, np.newaxis], ends[2:, np.newaxis]
    filters = np.clip(np.minimum((bins - low) / (centre - low), (high - bins) / (high - centre)), 0, None)
    empty = np.flatnonzero(filters.sum(axis=1) == 0)
    filters[empty, np.abs(bins - centre[empty]).argmin(axis=1)] = 1
    result: np.ndarray = filters.astype(np.float32)
    result.flags.writeable = False  # it is shared
    return result


def _mel(hertz: float) -> float:
    return 2595 * math.log10(1 + hertz / 700)


def _hertz(mel: np.ndarray) -> np.ndarray:
    return np.asarray(700 * (10 ** (mel / 2595) - 1))


def log_mel(
    waves_NT: np.ndarray, lengths: np.ndarray, rate: float, normalise: bool = True, overlap: int = 2
) -> np.ndarray:
    """Log-mel spectra, float32 (N, W, B); what lies behind the end of a recording is 0 when normalised.

    Normalised, they forget how loud a recording is and which microphone made it: what is softer than 43 dB below the
    loudest band counts as that soft (noise of the room), and the mean of each band over the frames that are no pause
    is subtracted. On the Free Spoken Digit Dataset with a speaker left out, that is worth more than any augmentation.

    Args:
        waves_NT: float (N, T) in [-1, 1].
        lengths: samples of each recording without padding, int (N,).
        rate: Hz.
        normalise: see above; otherwise the plain logarithm of the magnitude in each band.
        overlap: windows that each sample is in.
    """
    windows = Windows.at(rate, overlap)
    num_bands = mel_bands(rate)
    filters_KB = mel_matrix(num_bands, windows.size, rate).T
    result = np.empty((len(waves_NT), windows.count(waves_NT.shape[1]), num_bands), np.float32)
    at_once = max(1, SAMPLES_AT_ONCE // max(waves_NT.shape[1], 1))
    for start in range(0, len(waves_NT), at_once):
        rows = slice(start, start + at_once)
        magnitudes = np.abs(windows.spectrum(np.asarray(waves_NT[rows])))
        result[rows] = np.log(magnitudes @ filters_KB + np.float32(LOUDNESS_FLOOR))
    if normalise:
        there_NW = np.arange(result.shape[1]) <= np.maximum(lengths, 1)[:, np.newaxis] // windows.hop
        for start in range(0, len(result), at_once):
            rows = slice(start, start + at_once)
            _normalise(result[rows], there_NW[rows])
    return result


def _normalise(energy_NWB: np.ndarray, there_NW: np.ndarray) -> None:
    """Level and microphone taken out, in place."""
    loudest_NW = np.where(there_NW, energy_NWB.max(axis=2), -np.inf)
    peak_N = loudest_NW.max(axis=1)
    np.maximum(energy_NWB, (peak_N - DEPTH)[:, np.newaxis, np.newaxis], out=energy_NWB)
    active_NW = loudest_NW > (peak_N - ACTIVE)[:, np.newaxis]  # one frame at least: the loudest
    mean_NB = np.einsum("nwb,nw->nb", energy_NWB, active_NW.astype(np.float32)) / active_NW.sum(axis=1)[:, np.newaxis]
    energy_NWB -= mean_NB[:, np.newaxis]
    energy_NWB[~there_NW] = 0


def from_log_mel(log_mel_NWB: np.ndarray, rate: float, num_samples: int, overlap: int = 4) -> np.ndarray:
    """Recordings that sound as log-mel spectra say, float32 (N, T).

    The magnitudes of the bins behind the bands are found by multiplicative updates (Lee and Seung 2001), their phases
    by the fast algorithm of Griffin and Lim (Perraudin, Balazs and Sondergaard 2013) from a fixed start, so that equal
    spectra give equal recordings.

    Args:
        log_mel_NWB: as `log_mel` gives them, not normalised, with the same `overlap`.
        rate: Hz.
        num_samples: T.
        overlap: windows that each sample is in, 4 at least: with fewer, phases cannot be found.
    """
    windows = Windows.at(rate, overlap)
    filters_BK = mel_matrix(log_mel_NWB.shape[2], windows.size, rate)
    share_K = np.maximum(filters_BK.sum(axis=0), 1e-6)
    bins = np.arange(filters_BK.shape[1], dtype=np.float32)
    start_WK = 2 * np.pi * (np.arange(log_mel_NWB.shape[1])[:, np.newaxis] * windows.hop * bins / windows.size % 1)
    result = np.empty((len(log_mel_NWB), num_samples), np.float32)
    for row, spectrum in enumerate(log_mel_NWB):  # one by one: a matrix product's bits depend on how many there are
        mel_WB = np.maximum(np.exp(spectrum.astype(np.float32)) - np.float32(LOUDNESS_FLOOR), 1e-7)
        magnitude_WK = mel_WB @ filters_BK / share_K
        for _ in range(MEL_ROUNDS):
            magnitude_WK *= (mel_WB / np.maximum(magnitude_WK @ filters_BK.T, 1e-7)) @ filters_BK / share_K
        phase = np.exp(1j * start_WK).astype(np.complex64)
        before = np.zeros_like(phase)
        for _ in range(PHASE_ROUNDS):
            wave = windows.waves((magnitude_WK * phase)[np.newaxis], num_samples)
            found = windows.spectrum(wave)[0]
            phase = found + np.float32(MOMENTUM) * (found - before)
            phase /= np.maximum(np.abs(phase), 1e-9)
            before = found
        result[row] = windows.waves((magnitude_WK * phase)[np.newaxis], num_samples)[0]
    return result
