"""What can be measured of a recording without learning: how loud, long, silent, clipped and bright it is.

Shapes: N recordings, T samples, W windows, K frequencies.
"""

from __future__ import annotations

import numpy as np

from augment.data import Dataset
from augment.toolkit.audio.recordings import recordings_of
from augment.toolkit.audio.spectra import Windows

__all__ = ["PROPERTIES", "sound_properties"]

PROPERTIES = ("loudness", "length", "silence", "clipping", "spectral centroid")
SOFTEST = 1e-5  # of full scale, -100 dB: what is softer counts as that soft
PAUSE = 10 ** (-35 / 20)  # of the loudest window: what is softer is silence
FULL = 0.999  # of full scale: from here on a sample is clipped
SAMPLES_AT_ONCE = 2**20


def sound_properties(data: Dataset) -> dict[str, np.ndarray]:
    """Property to its value for each recording, float64 (N,).

    * `loudness`: root mean square, in dB below full scale;
    * `length`: seconds;
    * `silence`: the share of windows of 32 ms that are more than 35 dB softer than the loudest;
    * `clipping`: the share of samples at full scale;
    * `spectral centroid`: the mean frequency in Hz, weighted by its energy; 0 of a silent recording.
    """
    waves_NT, lengths, rate = recordings_of(data)
    windows = Windows.at(rate)
    frequencies = np.linspace(0, rate / 2, windows.size // 2 + 1)
    found = {name: np.zeros(len(data)) for name in PROPERTIES}
    num_samples = np.maximum(lengths, 1)
    found["length"] = lengths / rate
    at_once = max(1, SAMPLES_AT_ONCE // max(waves_NT.shape[1], 1))
    for start in range(0, len(data), at_once):
        rows = slice(start, start + at_once)
        waves = np.asarray(waves_NT[rows], np.float32)
        size = num_samples[rows]
        power = np.einsum("nt,nt->n", waves, waves, dtype=np.float64) / size
        found["loudness"][rows] = 20 * np.log10(np.maximum(np.sqrt(power), SOFTEST))
        found["clipping"][rows] = (np.abs(waves) >= FULL).sum(axis=1) / size
        energy_NWK = np.abs(windows.spectrum(waves)).astype(np.float64) ** 2
        loudness_NW = np.sqrt(energy_NWK.sum(axis=2))
        there_NW = np.arange(loudness_NW.shape[1]) <= size[:, np.newaxis] // windows.hop
        is_soft = loudness_NW <= PAUSE * loudness_NW.max(axis=1, keepdims=True)
        found["silence"][rows] = (is_soft & there_NW).sum(axis=1) / there_NW.sum(axis=1)
        energy_NK = energy_NWK.sum(axis=1)
        found["spectral centroid"][rows] = energy_NK @ frequencies / np.maximum(energy_NK.sum(axis=1), 1e-12)
    return found
