from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from example_data import dataset

from augment.data import check
from augment.plugin.context import Context
from augment_series.edits import SeriesEdits

NAN = np.nan


def from_integers(values, labels=None, lengths=None, channels=None):
    values = np.asarray(values, np.float32)
    frame = pd.DataFrame({} if labels is None else {"label": labels}, index=pd.RangeIndex(len(values)))
    said = {} if channels is None else {"channels": channels}
    if lengths is not None:
        frame["length"], said["length_column"] = lengths, "length"
    target = None if labels is None else "label"
    return dataset(frame, {"series": values}, target=target, arrays={"series": said})


def edited(data, folder, *edits, num_rows=50, given=None, **settings):
    settings |= {"edits": dict.fromkeys(edits, 1)} if edits else {}
    generator = SeriesEdits(SeriesEdits.Params(**settings)).fit(data, Context(1, folder, train=data))
    given = pd.DataFrame(index=pd.RangeIndex(num_rows)) if given is None else given
    made = generator.sample(given, Context(2, folder, train=data))
    assert check(made.frame, made.arrays, data.schema) == []
    return made


def waves(num_rows=20, num_steps=40):
    time = np.linspace(0, 6, num_steps)
    return np.sin(time + np.arange(num_rows)[:, None] / 4)[..., None] + 2


@pytest.mark.parametrize("edit", ["jitter", "scale", "warp", "slice", "mix"])
def test_each_edit_makes_new_series_that_keep_their_course(tmp_path, edit):
    data = from_integers(waves())
    made = edited(data, tmp_path, edit).arrays["series"][..., 0]
    apart = np.abs(made[:, None] - data.arrays["series"][None, ..., 0]).mean(axis=2).min(axis=1)
    assert (apart > 0).mean() > 0.9
    assert np.median(apart) < 0.3  # of waves from 1 to 3


def test_warps_and_slices_move_in_time_alone(tmp_path):
    rising = np.broadcast_to(np.arange(30.0)[:, None], (5, 30, 1))
    warped = edited(from_integers(rising), tmp_path, "warp").arrays["series"][..., 0]
    assert (np.diff(warped, axis=1) >= 0).all()
    assert (warped[:, [0, -1]] == [0, 29]).all()
    sliced = edited(from_integers(rising), tmp_path, "slice", window=0.5).arrays["series"][..., 0]
    np.testing.assert_allclose(sliced[:, -1] - sliced[:, 0], 14.5, atol=1)


def test_numbers_keep_their_range_and_decimals(tmp_path):
    data = from_integers(np.round(np.random.default_rng(1).gamma(1, 1, (30, 20, 1)), 2))
    made = edited(data, tmp_path, times=3, noise=0.5).arrays["series"]
    assert made.min() >= data.arrays["series"].min()
    assert made.max() <= data.arrays["series"].max()
    np.testing.assert_array_equal(np.round(made.astype(float), 2).astype(np.float32), made)


def test_labels_truth_values_and_whole_numbers_stay_what_they_are(tmp_path):
    rng = np.random.default_rng(1)
    values = np.stack(
        [rng.integers(3, size=(30, 20)), rng.integers(2, size=(30, 20)), rng.poisson(9, (30, 20))], axis=2
    )
    data = from_integers(
        values, channels={"a": {"categories": list("xyz")}, "b": {"type": "boolean"}, "c": {"type": "integer"}}
    )
    made = edited(data, tmp_path, times=3).arrays["series"]
    for channel, most in ((0, 2), (1, 1), (2, int(values[..., 2].max()))):
        assert set(np.unique(made[..., channel])) <= set(range(most + 1))


def test_gaps_stay_gaps_and_padding_stays_zero(tmp_path):
    values = np.random.default_rng(1).normal(5, 1, (20, 12, 2))
    lengths = np.arange(20) % 12 + 1
    values[::2, :2, 0] = NAN
    values[np.arange(12) >= lengths[:, None]] = 0
    made = edited(from_integers(values, lengths=lengths), tmp_path, times=2, num_rows=100)
    padding = np.arange(12) >= made.lengths("series")[:, None]
    assert (made.arrays["series"][padding] == 0).all()
    assert 0 < np.isnan(made.arrays["series"][..., 0]).mean() < 0.3
    assert not np.isnan(made.arrays["series"][..., 1]).any()


def test_the_class_that_is_asked_for_comes_from_its_own_series(tmp_path):
    data = from_integers(
        np.concatenate([np.zeros((5, 8, 1)), np.full((5, 8, 1), 9.0)]), labels=["low"] * 5 + ["high"] * 5
    )
    given = data.take(np.array([7, 0, 7])).frame[["label"]]
    made = edited(data, tmp_path, given=given)
    assert made.frame["label"].tolist() == ["high", "low", "high"]
    assert made.arrays["series"][:, 0, 0].tolist() == [9, 0, 9]


def test_mixing_moves_towards_the_same_class(tmp_path):
    values = np.concatenate([np.zeros((2, 8, 1)), np.full((2, 8, 1), 100.0)])
    values[[1, 3]] += 10
    made = edited(from_integers(values, labels=["low"] * 2 + ["high"] * 2), tmp_path, "mix", mix=1)
    low, high = (made.arrays["series"][made.frame["label"] == label] for label in ("low", "high"))
    assert low.max() <= 10
    assert high.min() >= 100


def test_with_a_number_as_target_series_are_not_mixed(tmp_path):
    data = from_integers(np.random.default_rng(1).normal(size=(30, 8, 1)), labels=np.linspace(0, 1, 30) ** 2)
    made = edited(data, tmp_path, "mix", "jitter", noise=1e-9)
    nearest = np.abs(made.arrays["series"][:, None] - data.arrays["series"][None]).max(axis=(2, 3)).min(axis=1)
    assert nearest.max() < 1e-3


@pytest.mark.parametrize("values", [np.ones((4, 1, 1)), np.full((4, 6, 1), NAN), np.arange(4.0).reshape(4, 1, 1)])
def test_series_of_one_step_of_no_values_or_without_change_do_no_harm(tmp_path, values):
    made = edited(from_integers(values), tmp_path, times=2).arrays["series"]
    assert made.shape == (50, *values.shape[1:])


def test_one_edit_at_least_is_chosen():
    with pytest.raises(ValueError, match="no edit is ever chosen"):
        SeriesEdits.Params(edits={"warp": 0})


@pytest.mark.parametrize("edit", ["jitter", "scale", "warp", "slice", "mix"])
def test_gaps_between_steps_are_ones_that_occur_and_the_first_is_zero(tmp_path, edit):
    gaps = np.tile([0, 1, 1, 6, 1, 9, 1, 1], (20, 1))
    values = np.stack([waves(20, 8)[..., 0], gaps * 86_400], axis=2)
    channels = {"value": {"type": "number"}, "time gap": {"type": "number", "min": 0, "unit": "s"}}
    made = edited(from_integers(values, channels=channels), tmp_path, edit).arrays["series"]
    assert (made[:, 0, 1] == 0).all()
    assert set(made[:, 1:, 1].ravel() / 86_400) <= {1, 6, 9}
    assert not np.isin(made[..., 0], values[..., 0].astype(np.float32)).all()
