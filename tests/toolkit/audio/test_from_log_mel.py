"""Recordings made from log-mel spectra sound as these say."""

from __future__ import annotations

import numpy as np

from augment.toolkit.audio.spectra import from_log_mel, log_mel

RATE = 8_000


def melodies(num_rows=3, num_samples=4_000):
    rng = np.random.default_rng(0)
    time = np.arange(num_samples) / RATE
    start, slope = rng.uniform(300, 1_200, (2, num_rows, 1))
    waves = 0.3 * np.sin(2 * np.pi * (start * time + slope * time**2)) * np.minimum(1, 20 * time)
    return (waves + rng.normal(0, 1e-3, waves.shape)).astype(np.float32)


def test_the_spectrum_of_what_is_made_is_the_one_that_was_asked_for():
    waves = melodies()
    lengths = np.full(3, waves.shape[1])
    asked = log_mel(waves, lengths, RATE, normalise=False, overlap=4)
    made = from_log_mel(asked, RATE, waves.shape[1])
    assert made.shape == waves.shape
    assert made.dtype == np.float32
    heard = log_mel(made, lengths, RATE, normalise=False, overlap=4)
    loud = asked > asked.max() - 4
    assert np.abs(heard - asked)[loud].mean() < 0.2
    assert np.abs(asked - asked.mean())[loud].mean() > 0.8, "an easy task"


def test_a_row_is_the_same_among_others():
    spectra = log_mel(melodies(), np.full(3, 4_000), RATE, normalise=False, overlap=4)
    np.testing.assert_array_equal(from_log_mel(spectra, RATE, 4_000)[1:2], from_log_mel(spectra[1:2], RATE, 4_000))


def test_silence_is_silent():
    silent = np.zeros((1, 2_000), np.float32)
    spectra = log_mel(silent, np.array([2_000]), RATE, normalise=False, overlap=4)
    assert np.abs(from_log_mel(spectra, RATE, 2_000)).max() < 1e-3
