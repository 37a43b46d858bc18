from __future__ import annotations

import numpy as np
import pytest
from melodies import RATE, disguised, melodies

from augment.toolkit.audio.descriptor import describe
from augment.toolkit.audio.recordings import recordings_of


def points(data):
    return describe(*recordings_of(data))


@pytest.fixture(scope="module")
def sounds():
    return melodies(40, 1)


@pytest.mark.parametrize(
    "change",
    [{"seconds": 0.1}, {"seconds": 0.0053}, {"gain": 0.1}, {"noise": 0.1}, {}],
    ids=["later", "a fraction of a window later", "softer", "noisy", "all"],
)
def test_a_changed_recording_lies_nearest_to_itself(sounds, change):
    same = {"seconds": 0.0, "gain": 1.0, "noise": 0.0}
    changed = points(disguised(sounds, **({**same, **change} if change else {})))
    apart = np.linalg.norm(changed[:, None] - points(sounds), axis=2)
    itself = np.diag(apart)
    others = np.sort(apart + 1e9 * np.eye(len(apart)), axis=1)[:, 0]
    assert (itself < 0.6 * others).mean() > 0.9


def test_a_recording_has_the_same_bits_wherever_it_stands(sounds):
    assert np.array_equal(points(sounds)[33:], points(sounds.take(slice(33, None))))


@pytest.mark.parametrize("wave", [np.zeros(500), np.ones(500), np.eye(1, 500)[0]], ids=["silence", "constant", "click"])
def test_points_are_finite_whatever_is_recorded(wave):
    found = describe(wave[None].astype(np.float32), np.array([500]), RATE)
    assert np.isfinite(found).all()


def test_what_lies_behind_the_end_does_not_count(sounds):
    waves, _, rate = recordings_of(sounds)
    lengths = np.full(len(waves), round(0.3 * RATE))
    louder = waves.copy()
    louder[:, round(0.35 * RATE) :] = 0.9
    apart = np.linalg.norm(describe(louder, lengths, rate) - describe(waves, lengths, rate), axis=1)
    assert apart.max() < 0.2


def test_a_long_recording_has_as_many_numbers_as_a_short_one():
    waves = np.random.default_rng(0).uniform(-1, 1, (2, 20 * RATE)).astype(np.float32)
    found = describe(waves, np.array([20 * RATE, 100]), RATE)
    assert found.shape[1] == points(melodies(2, 0)).shape[1]
    assert np.isfinite(found).all()
