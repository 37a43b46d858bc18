"""Recordings moved in time, pitch and spectrum."""

from __future__ import annotations

import numpy as np
import pytest

from augment.toolkit.audio.moves import apply_gains, at_moments, stretch
from augment.toolkit.audio.spectra import Windows, mel_bands

RATE = 8_000


def tone(hertz, seconds=1.0):
    return (0.3 * np.sin(2 * np.pi * hertz * np.arange(int(seconds * RATE)) / RATE)).astype(np.float32)[np.newaxis]


def loudest(waves):
    """The loudest frequency of one recording, Hz."""
    return np.abs(np.fft.rfft(waves[0])).argmax() * RATE / waves.shape[1]


def test_read_at_its_own_moments_a_recording_stays():
    waves = np.random.default_rng(0).uniform(-1, 1, (2, 500)).astype(np.float32)
    np.testing.assert_array_equal(at_moments(waves, np.arange(500)[np.newaxis].repeat(2, axis=0)), waves)


def test_read_twice_as_quickly_a_tone_is_twice_as_high_and_half_as_long():
    moved = at_moments(tone(400), np.arange(8_000)[np.newaxis] * 2.0)
    assert moved.dtype == np.float32
    assert (moved[:, 4_001:] == 0).all()
    assert loudest(moved[:, :4_000]) == pytest.approx(800, abs=3)


@pytest.mark.parametrize("factor", [0.7, 1.0, 1.4])
@pytest.mark.parametrize("hertz", [250, 1_234])
def test_a_stretched_tone_keeps_its_pitch_and_its_loudness(factor, hertz):
    windows = Windows.at(RATE, 4)
    length = int(8_000 / factor)
    moments = np.arange(windows.count(length))[np.newaxis] * factor
    made = stretch(tone(hertz), moments, windows, length)
    assert made.shape == (1, length)
    assert loudest(made) == pytest.approx(hertz, abs=4)
    inner = made[0, 500:-500]
    assert inner.std() == pytest.approx(tone(hertz).std(), rel=0.1)


def test_a_stretched_click_comes_later():
    waves = np.zeros((1, 8_000), np.float32)
    waves[0, 2_000:2_040] = 0.5
    windows = Windows.at(RATE, 4)
    made = stretch(waves, np.arange(windows.count(16_000))[np.newaxis] * 0.5, windows, 16_000)
    assert np.abs(made[0]).argmax() == pytest.approx(4_000, abs=200)


def test_gains_make_one_band_softer_and_leave_others():
    waves = tone(300) + tone(2_500)
    gains = np.zeros((1, 1, mel_bands(RATE)))
    gains[..., 25:] = -3.0  # above about 1,300 Hz
    made = apply_gains(waves, gains, Windows.at(RATE, 4), RATE)
    before, after = (np.abs(np.fft.rfft(each[0])) for each in (waves, made))
    assert after[300] == pytest.approx(before[300], rel=0.05)
    assert after[2_500] == pytest.approx(before[2_500] * np.exp(-3), rel=0.1)
