"""What is learnt of timing from pairs of recordings."""

from __future__ import annotations

import numpy as np

from augment_audio.timing import NUM_STRETCHES, learn_timing

RATE = 8_000


def notes(shares, seconds=0.8, pitches=(400, 700, 1_100, 600, 1_500)):
    """One recording of notes, each of which takes its share of the time, (T,)."""
    counts = np.round(np.asarray(shares) * seconds * RATE).astype(int)
    parts = [
        0.3 * np.sin(2 * np.pi * pitch * np.arange(count) / RATE) for pitch, count in zip(pitches, counts, strict=True)
    ]
    return np.concatenate(parts)


def batch(recordings):
    waves = np.zeros((len(recordings), 12_000), np.float32)
    for row, recording in zip(waves, recordings, strict=True):
        row[: len(recording)] = recording
    return waves, np.array([len(recording) for recording in recordings])


def deviations(waves, lengths, classes):
    factor = learn_timing(waves, lengths, RATE, np.asarray(classes), np.random.default_rng(0))
    assert factor.shape == (NUM_STRETCHES, NUM_STRETCHES)
    return np.sqrt((factor**2).sum(axis=0))


def test_equal_recordings_teach_that_nothing_varies():
    assert deviations(*batch([notes([0.2] * 5)] * 6), [0] * 6).max() < 0.05


def test_recordings_that_differ_in_pace_teach_their_pace():
    paces = np.exp(np.random.default_rng(0).normal(0, 0.2, 12))
    found = deviations(*batch([notes([0.2] * 5, 0.7 * pace) for pace in paces]), [0] * 12)
    # two of them differ by the root of two times as much
    assert found.min() > 0.15
    assert found.max() < 0.45


def test_a_stretch_that_varies_is_found_to_vary_most():
    rng = np.random.default_rng(0)
    recordings = []
    for _ in range(12):
        second = rng.uniform(0.1, 0.3)
        recordings.append(notes([0.2, second, 0.2, 0.4 - second, 0.2]))
    found = deviations(*batch(recordings), [0] * 12)
    assert found[[1, 3]].min() > 1.3 * found[[0, 4]].max()


def test_without_two_recordings_of_a_class_nothing_is_learnt():
    waves, lengths = batch([notes([0.2] * 5), notes([0.1, 0.3, 0.2, 0.2, 0.2])])
    assert deviations(waves, lengths, [0, 1]).max() == 0
    assert deviations(waves, lengths, [-1, -1]).max() == 0
