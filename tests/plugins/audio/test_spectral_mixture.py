"""Recordings drawn from a mixture of spectra sound like their class, and are none of the training ones."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from example_data import dataset

from augment.data import check
from augment.plugin.context import Context
from augment_audio.mixture import SpectralMixture
from augment_audio.probes import Mfcc

RATE = 8_000


def chirps(num_rows, seed=0, lengths=True):
    """Rising and falling tones of different pitches, lengths and levels, by different birds."""
    rng = np.random.default_rng(seed)
    rises = np.arange(num_rows) % 2 == 0
    ends = rng.integers(1_200, 2_400, num_rows) if lengths else np.full(num_rows, 2_400)
    time = np.arange(2_400) / RATE
    pitch, slope = rng.uniform(700, 1_200, (num_rows, 1)), rng.uniform(1_500, 2_500, (num_rows, 1))
    turns = (
        pitch * time + np.where(rises, 1, -1)[:, None] * slope * time**2 / 2 + np.where(rises, 0, 600)[:, None] * time
    )
    waves = rng.uniform(0.1, 0.6, (num_rows, 1)) * np.sin(2 * np.pi * turns) * np.minimum(1, 40 * time)
    waves[np.arange(2_400) >= ends[:, np.newaxis]] = 0
    frame = pd.DataFrame({"call": np.where(rises, "up", "down"), "bird": [f"b{row % 3}" for row in range(num_rows)]})
    array = {"type": "audio", "rate": RATE, "range": (-1, 1)}
    if lengths:
        frame["length"], array["length_column"] = ends, "length"
    return dataset(frame, {"audio": waves.astype(np.float32)}, target="call", arrays={"audio": array})


@pytest.fixture(scope="module")
def fitted(tmp_path_factory):
    data, folder = chirps(80), tmp_path_factory.mktemp("fit")
    generator = SpectralMixture(SpectralMixture.Params()).fit(data, Context(1, folder, train=data))
    given = pd.DataFrame({"call": ["up", "down"] * 30})
    return data, generator.sample(given, Context(2, folder, train=data))


def test_rows_fit_the_schema_and_have_the_asked_class(fitted):
    data, made = fitted
    assert check(made.frame, made.arrays, data.schema) == []
    assert (made.frame["call"].astype(str) == ["up", "down"] * 30).all()
    assert np.abs(made.arrays["audio"]).max() <= 1


def test_lengths_and_levels_are_like_those_of_the_training_recordings(fitted):
    data, made = fitted
    assert abs(made.frame["length"].mean() / data.frame["length"].mean() - 1) < 0.15
    assert not made.arrays["audio"][~made.step_mask("audio")].any()
    loud = [np.log(np.sqrt((each.arrays["audio"] ** 2).mean(axis=1))).mean() for each in (data, made)]
    assert abs(loud[0] - loud[1]) < 0.5


def test_a_model_of_real_recordings_hears_the_asked_class(fitted, tmp_path):
    data, made = fitted
    keep = [dataset.drop_columns(["bird"]) for dataset in (data, made)]
    predicted = Mfcc().fit(keep[0], Context(0, tmp_path)).predict(keep[1]).argmax(axis=1)
    assert (np.array(data.schema.classes)[predicted] == made.frame["call"].astype(str)).mean() > 0.85


def test_none_is_a_copy(fitted):
    real, synthetic = (
        each.arrays["audio"] / np.linalg.norm(each.arrays["audio"], axis=1, keepdims=True) for each in fitted
    )
    assert (synthetic @ real.T).max() < 0.9


def test_recordings_of_one_length_need_no_column(tmp_path):
    data = chirps(20, lengths=False)
    generator = SpectralMixture(SpectralMixture.Params()).fit(data, Context(1, tmp_path, train=data))
    made = generator.sample(pd.DataFrame(index=pd.RangeIndex(3)), Context(2, tmp_path, train=data))
    assert check(made.frame, made.arrays, data.schema) == []
    assert np.abs(made.arrays["audio"][:, -400:]).max() > 0.01
