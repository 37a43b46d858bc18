from __future__ import annotations

import numpy as np
import pytest

from augment.data import check
from augment.plugin.context import Context
from augment_audio.bird_calls import RATE, BirdCalls


def made(folder, **settings):
    return BirdCalls(BirdCalls.Params(**settings)).read(Context(1, folder))


def pitch(wave, start, end):
    """The loudest frequency between two shares of a recording, Hz."""
    part = wave[int(start * len(wave)) : int(end * len(wave))]
    return np.abs(np.fft.rfft(part * np.hanning(len(part)))).argmax() * RATE / len(part)


def test_as_many_of_each_call_as_asked_for_and_every_bird_sings(tmp_path):
    data = made(tmp_path, rows={"rise": 5, "trill": 3}, birds=3)
    assert check(data.frame, data.arrays, data.schema) == []
    assert data.arrays["audio"].shape == (8, 8_000)
    assert data.frame["call"].value_counts().to_dict() == {"rise": 5, "trill": 3}
    assert set(data.frame["bird"]) == {"bird 1", "bird 2", "bird 3"}
    assert data.schema.arrays["audio"].rate == RATE


@pytest.mark.parametrize(("call", "sign"), [("rise", 1), ("fall", -1), ("cuckoo", -1)])
def test_a_call_moves_as_its_name_says(tmp_path, call, sign):
    data = made(tmp_path, rows={call: 20})
    ends = [
        (pitch(wave[:length], 0.3, 0.45), pitch(wave[:length], 0.6, 0.75))
        for wave, length in zip(data.arrays["audio"], data.lengths("audio"), strict=True)
    ]
    assert np.mean([np.sign(late - early) == sign for early, late in ends]) > 0.9


def test_nothing_sounds_behind_the_end_and_samples_are_those_of_16_bits(tmp_path):
    data = made(tmp_path)
    waves = data.arrays["audio"]
    assert not waves[~data.step_mask("audio")].any()
    np.testing.assert_array_equal(waves * 32_768, np.round(waves * 32_768))
    assert np.abs(waves).max() > 0.3


def test_equal_settings_make_equal_recordings_and_another_seed_others(tmp_path):
    first, again, other = made(tmp_path), made(tmp_path), made(tmp_path, seed=1)
    np.testing.assert_array_equal(first.arrays["audio"], again.arrays["audio"])
    assert not np.array_equal(first.arrays["audio"], other.arrays["audio"])
