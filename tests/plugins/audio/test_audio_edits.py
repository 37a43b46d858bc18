"""The edits of recordings: each does what it says, and none breaks what holds for recordings."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from example_data import dataset

from augment.data import check
from augment.errors import DataError
from augment.plugin.context import Context
from augment_audio.changes import CHANGES
from augment_audio.edits import AudioEdits

RATE = 8_000


def recordings(lengths, hertz=400, loud=0.3, room=4_000):
    """Tones that rise a little, (N, 4000), labelled in turns."""
    time = np.arange(room) / RATE
    waves = loud * np.sin(2 * np.pi * (hertz * time + 100 * time**2)) * np.ones((len(lengths), 1))
    waves[np.arange(room) >= np.asarray(lengths)[:, np.newaxis]] = 0
    frame = pd.DataFrame({"label": ["a", "b"] * (len(lengths) // 2), "length": lengths, "who": range(len(lengths))})
    array = {"type": "audio", "rate": RATE, "range": (-1, 1), "length_column": "length"}
    return dataset(frame, {"audio": waves.astype(np.float32)}, target="label", arrays={"audio": array})


def edited(data, folder, *edits, num_rows=30, given=None, seed=2, **settings):
    settings |= {"edits": dict.fromkeys(edits, 1.0)} if edits else {}
    generator = AudioEdits(AudioEdits.Params(**settings)).fit(data, Context(1, folder, train=data))
    given = pd.DataFrame(index=pd.RangeIndex(num_rows)) if given is None else given
    made = generator.sample(given, Context(seed, folder, train=data))
    assert check(made.frame, made.arrays, data.schema) == []
    return made


def loudest(waves, length):
    return np.abs(np.fft.rfft(waves[:length])).argmax() * RATE / length


@pytest.mark.parametrize("edit", list(CHANGES))
@pytest.mark.parametrize("loud", [0.0, 0.3, 1.0])
def test_each_edit_keeps_length_range_and_the_silence_behind_the_end(tmp_path, edit, loud):
    data = recordings([4_000, 2_500, 300, 1], loud=loud)
    made = edited(data, tmp_path, edit)
    waves, lengths = made.arrays["audio"], made.frame["length"].to_numpy()
    assert np.abs(waves).max() <= 1
    assert ((lengths >= 1) & (lengths <= 4_000)).all()
    assert (waves[np.arange(4_000) >= lengths[:, np.newaxis]] == 0).all()
    if loud == 0:
        assert not waves.any()
    elif loud < 1 and edit != "mix":  # as loud as can be, `gain` makes it softer or leaves it; these sound the same
        real = data.arrays["audio"][made.frame["who"]]
        assert (np.abs(waves - real).max(axis=1) > 1e-4)[data.lengths("audio")[made.frame["who"]] > 1].mean() > 0.8


def test_by_default_every_recording_is_changed(tmp_path):
    data = recordings([3_000] * 6)
    made = edited(data, tmp_path, num_rows=60)
    assert (np.abs(made.arrays["audio"] - data.arrays["audio"][made.frame["who"]]).max(axis=1) > 1e-4).all()


def test_speed_changes_length_and_pitch_and_stretch_only_the_length(tmp_path):
    data = recordings([2_000] * 4)
    for edit, moves in (("speed", True), ("stretch", False)):
        made = edited(data, tmp_path, edit, num_rows=12, **{edit: 0.4})
        lengths = made.frame["length"].to_numpy()
        pitches = np.array([loudest(*pair) for pair in zip(made.arrays["audio"], lengths, strict=True)])
        assert lengths.std() > 200
        expected = 420 * 2_000 / lengths if moves else np.full(12, 420)
        assert np.abs(np.log(pitches / expected)).max() < 0.15


def test_pitch_changes_the_pitch_and_not_the_length(tmp_path):
    made = edited(recordings([4_000] * 4), tmp_path, "pitch", num_rows=20, pitch=6)
    assert (made.frame["length"] == 4_000).all()
    pitches = np.array([loudest(wave, 4_000) for wave in made.arrays["audio"]])
    assert pitches.min() < 380
    assert pitches.max() > 480


@pytest.mark.parametrize("edit", ["speed", "stretch", "timing"])
def test_without_room_to_be_slower_a_recording_becomes_quicker(tmp_path, edit):
    lengths = [3_900, 3_900, 2_500, 2_500]  # so that timing differs
    made = edited(recordings(lengths), tmp_path, edit, num_rows=60, **{edit: 0.5})
    from_long = made.frame["who"].to_numpy() < 2
    became = made.frame["length"].to_numpy()
    assert became[from_long].max() <= 4_000
    assert (became[from_long] < 3_800).any()
    assert (became[~from_long] > 2_600).any()


def test_one_that_fills_its_row_loses_its_end(tmp_path):
    data = recordings([4_000] * 4)
    made = edited(data, tmp_path, "stretch", num_rows=60)
    slower = made.frame["length"].to_numpy() == 4_000
    assert 0.2 < slower.mean() < 0.8
    apart = np.abs(made.arrays["audio"] - data.arrays["audio"][made.frame["who"]]).max(axis=1)
    assert (apart > 1e-4).all()


def test_a_recording_that_would_go_beyond_the_range_is_made_softer_not_clipped(tmp_path):
    made = edited(recordings([4_000] * 4, loud=0.9), tmp_path, "gain", gain=20, num_rows=40)
    waves = made.arrays["audio"]
    peaks = np.abs(waves).max(axis=1)
    assert (peaks <= 1).all()
    assert (np.sum(np.abs(waves) > 0.999 * peaks[:, np.newaxis], axis=1) < 400).all(), "tops are flat"


def test_noise_is_as_loud_as_asked(tmp_path):
    data = recordings([4_000] * 2)
    made = edited(data, tmp_path, "noise", noise=(10, 10), num_rows=10)
    noise = made.arrays["audio"] - data.arrays["audio"][made.frame["who"]]
    ratio = 20 * np.log10(data.arrays["audio"][0].std() / noise.std(axis=1))
    assert np.abs(ratio - 10).max() < 0.5


def test_the_asked_class_is_made_and_other_columns_come_along(tmp_path):
    data = recordings([3_000, 2_000] * 3)
    made = edited(data, tmp_path, given=pd.DataFrame({"label": ["b"] * 10}))
    assert (made.frame["label"] == "b").all()
    assert (made.frame["who"] % 2 == 1).all()


def test_mixed_recordings_lie_between_two_of_their_class(tmp_path):
    low, high = recordings([4_000] * 4, hertz=300), recordings([4_000] * 4, hertz=900)
    waves = np.concatenate([low.arrays["audio"] + 0.01 * high.arrays["audio"], high.arrays["audio"]])
    frame = pd.DataFrame({"label": ["a", "a"] * 4, "length": [4_000] * 8, "who": range(8)})
    data = dataset(frame, {"audio": waves}, target="label", arrays={"audio": low.schema.arrays["audio"]})
    made = edited(data, tmp_path, "mix", mix=1.0, num_rows=60)
    was_low = made.frame["who"].to_numpy() < 4
    spectra = np.abs(np.fft.rfft(made.arrays["audio"]))
    share = spectra[:, 440:520].max(axis=1) / spectra[:, 150:230].max(axis=1)
    # on the way to a high one, the faint high tone of a low one becomes louder
    assert share[was_low].max() > 5 * share[was_low].min()


def test_a_recording_is_never_mixed_with_itself(tmp_path):
    data = recordings([4_000] * 4)
    rng = np.random.default_rng(0)
    waves = {"audio": rng.normal(0, 0.1, (4, 4_000)).astype(np.float32).cumsum(axis=1) / 40}
    data = dataset(data.frame, waves, target="label", arrays={"audio": data.schema.arrays["audio"]})
    made = edited(data, tmp_path, "mix", mix=1.0, num_rows=200)
    apart = np.abs(made.arrays["audio"] - data.arrays["audio"][made.frame["who"]]).max(axis=1)
    # of two in a class the other one is taken; a share near 0 leaves a recording nearly as it is
    assert (apart > 1e-4).mean() > 0.97


def test_values_cannot_be_mixed(tmp_path):
    data = recordings([3_000] * 4)
    numbers = dataset(
        data.frame.assign(label=[1.5, 2.5, 3.5, 4.25]),
        dict(data.arrays),
        target="label",
        arrays={"audio": data.schema.arrays["audio"]},
    )
    with pytest.raises(DataError, match="`mix` cannot be used"):
        edited(numbers, tmp_path, "mix")


def test_learnt_timing_is_kept(tmp_path):
    data = recordings([2_000, 3_000, 2_500, 3_500])
    generator = AudioEdits(AudioEdits.Params(edits={"timing": 1})).fit(data, Context(1, tmp_path, train=data))
    assert generator.timing.any()
    generator.save(tmp_path)
    np.testing.assert_array_equal(AudioEdits.load(tmp_path, generator.params).timing, generator.timing)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"edits": {"speed": 0}}, "no edit is ever made"),
        ({"noise": (30, 5)}, "the first number is the smaller one"),
        ({"reverb": (0, 1)}, "between 0 and 10 seconds"),
        ({"edits": {"echo": 1}}, "echo"),
    ],
    ids=["none", "noise", "reverb", "unknown"],
)
def test_settings_that_cannot_be_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        AudioEdits.Params(**settings)
