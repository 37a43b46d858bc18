"""The probes of recordings learn what is in the sound, not how loud or where it is."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from example_data import dataset

from augment.plugin.context import Context
from augment_audio.probes import Mfcc, Spectral

RATE = 8_000
QUICK = {"steps": 60}


def chirps(num_rows, seed, target="direction", offset=0.0):
    """Rising and falling tones at any pitch, level and moment, in soft noise."""
    rng = np.random.default_rng(seed)
    time = np.arange(2_400) / RATE
    rises = rng.random(num_rows) < 0.5
    pitch, slope = rng.uniform(800, 1_500, (2, num_rows, 1))
    start = rng.uniform(0, 0.1, (num_rows, 1))
    moved = np.clip(time - start, 0, 0.15)
    waves = np.sin(2 * np.pi * (pitch * moved + np.where(rises, 1, -1)[:, None] * slope * 2 * moved**2))
    waves *= ((time > start) & (time < start + 0.15)) * rng.uniform(0.02, 0.5, (num_rows, 1))
    waves += rng.normal(0, 1e-4, waves.shape) + offset
    values = {"direction": np.where(rises, "up", "down"), "pitch": pitch[:, 0]}[target]
    array = {"type": "audio", "rate": RATE, "range": (-1, 1)}
    return dataset(
        pd.DataFrame({"y": values}), {"audio": waves.astype(np.float32)}, target="y", arrays={"audio": array}
    )


def accuracy(probe, folder, train, test):
    predicted = probe.fit(train, Context(0, folder)).predict(test)
    assert predicted.shape == (len(test), 2)
    np.testing.assert_allclose(predicted.sum(axis=1), 1, atol=1e-5)
    return (np.array(train.schema.classes)[predicted.argmax(axis=1)] == test.frame["y"]).mean()


@pytest.mark.parametrize("probe", [Spectral(Spectral.Params(**QUICK)), Mfcc()], ids=["spectral", "mfcc"])
def test_a_probe_hears_which_way_a_tone_moves(probe, tmp_path):
    assert accuracy(probe, tmp_path, chirps(120, 0), chirps(200, 1)) > 0.85


@pytest.mark.parametrize("probe", [Spectral(Spectral.Params(**QUICK)), Mfcc()], ids=["spectral", "mfcc"])
def test_a_probe_learns_a_number(probe, tmp_path):
    train, test = chirps(150, 0, "pitch"), chirps(200, 1, "pitch")
    predicted = probe.fit(train, Context(0, tmp_path)).predict(test)
    assert np.corrcoef(predicted, test.frame["y"])[0, 1] > 0.7


def test_rows_of_weight_zero_teach_nothing(tmp_path):
    train = chirps(120, 0)
    wrong = train.frame["y"].map({"up": "down", "down": "up"}).astype(train.frame["y"].dtype)
    both = dataset(
        pd.DataFrame({"y": pd.concat([train.frame["y"], wrong], ignore_index=True)}),
        {"audio": np.concatenate([train.arrays["audio"]] * 2)},
        target="y",
        arrays={"audio": {"type": "audio", "rate": RATE, "range": (-1, 1)}},
    )
    weights = np.repeat([1.0, 0.0], 120)
    probe = Mfcc().fit(both, Context(0, tmp_path), weights)
    predicted = np.array(both.schema.classes)[probe.predict(chirps(200, 1)).argmax(axis=1)]
    assert (predicted == chirps(200, 1).frame["y"]).mean() > 0.85
