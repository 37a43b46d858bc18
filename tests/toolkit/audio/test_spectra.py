"""Spectra of recordings: there and back, and features that forget level and microphone."""

from __future__ import annotations

import numpy as np
import pytest

from augment.toolkit.audio.spectra import Windows, log_mel, mel_bands, mel_matrix

RATE = 8_000


def tones(*hertz, seconds=0.5, rate=RATE):
    time = np.arange(int(seconds * rate)) / rate
    return np.stack([0.3 * np.sin(2 * np.pi * pitch * time) for pitch in hertz]).astype(np.float32)


@pytest.mark.parametrize("overlap", [2, 4])
@pytest.mark.parametrize("num_samples", [1, 100, 4_000, 4_001])
def test_a_recording_comes_back_from_its_spectrum(overlap, num_samples):
    waves = np.random.default_rng(0).uniform(-1, 1, (3, num_samples)).astype(np.float32)
    windows = Windows.at(RATE, overlap)
    spectrum = windows.spectrum(waves)
    assert spectrum.shape == (3, windows.count(num_samples), windows.size // 2 + 1)
    assert spectrum.dtype == np.complex64
    np.testing.assert_allclose(windows.waves(spectrum, num_samples), waves, atol=1e-5)


@pytest.mark.parametrize(("rate", "size"), [(8_000, 256), (16_000, 512), (44_100, 1024), (200, 16)])
def test_windows_last_about_as_long_at_every_rate(rate, size):
    assert Windows.at(rate).size == size


@pytest.mark.parametrize("rate", [1_000, 8_000, 16_000, 48_000])
def test_every_band_hears_something_and_bands_rise(rate):
    filters = mel_matrix(mel_bands(rate), Windows.at(rate).size, rate)
    assert filters.shape == (mel_bands(rate), Windows.at(rate).size // 2 + 1)
    assert (filters.sum(axis=1) > 0).all()
    assert (np.diff(filters.argmax(axis=1)) >= 0).all()


def test_a_higher_tone_is_in_a_higher_band():
    waves = tones(200, 800, 3_000)
    spectra = log_mel(waves, np.full(3, waves.shape[1]), RATE, normalise=False)
    loudest = spectra.mean(axis=1).argmax(axis=1)
    assert (np.diff(loudest) > 3).all()


def noisy_chirps(num_rows=4, seed=0):
    rng = np.random.default_rng(seed)
    time = np.arange(4_000) / RATE
    rise = rng.uniform(500, 2_000, (num_rows, 1))
    return (0.2 * np.sin(2 * np.pi * (300 * time + rise * time**2))).astype(np.float32), np.full(num_rows, 4_000)


@pytest.mark.parametrize("gain", [0.3, 2.0])
def test_features_forget_how_loud_a_recording_is(gain):
    waves, lengths = noisy_chirps()
    apart = log_mel(waves * np.float32(gain), lengths, RATE) - log_mel(waves, lengths, RATE)
    assert np.abs(apart).mean() < 0.05
    plain = [log_mel(each, lengths, RATE, normalise=False) for each in (waves * np.float32(gain), waves)]
    assert np.abs(plain[0] - plain[1]).mean() > 0.3


def test_features_forget_soft_noise():
    waves, lengths = noisy_chirps()
    noise = np.random.default_rng(1).normal(0, 2e-4, waves.shape).astype(np.float32)
    apart = log_mel(waves + noise, lengths, RATE) - log_mel(waves, lengths, RATE)
    assert np.abs(apart).mean() < 0.05


def test_features_forget_an_offset():
    waves, lengths = noisy_chirps()
    apart = log_mel(waves + np.float32(0.5), lengths, RATE) - log_mel(waves, lengths, RATE)
    inner = slice(3, -3)  # at its ends, an offset jumps to silence
    assert np.abs(apart[:, inner]).mean() < 0.1


def test_what_lies_behind_the_end_is_zero_and_changes_nothing():
    waves, _ = noisy_chirps(2)
    lengths = np.array([4_000, 1_500])
    waves[1, 1_500:] = 0
    spectra = log_mel(waves, lengths, RATE)
    assert (spectra[1, 1_500 // 128 + 1 :] == 0).all()
    longer = log_mel(np.pad(waves, ((0, 0), (0, 3_000))), lengths, RATE)
    np.testing.assert_array_equal(longer[:, : spectra.shape[1] - 1], spectra[:, :-1])


def test_silence_has_finite_features():
    assert np.isfinite(log_mel(np.zeros((2, 500), np.float32), np.array([500, 0]), RATE)).all()
