from __future__ import annotations

import numpy as np
import pytest

from augment.data import Array, Column
from augment.toolkit.series_scaling import SeriesScaling

CHANNELS = {
    "volts": Column(type="number", decimals=2),
    "count": Column(type="integer"),
    "on": Column(type="boolean"),
    "state": Column(type="category", categories=("a", "b", "c")),
    "always": Column(type="number"),
}
ARRAY = Array(type="series", shape=(7, 5), dtype="float32", channels=CHANNELS)


def values():
    rng = np.random.default_rng(0)
    made = [np.round(rng.normal(9, 2, (20, 7)), 2), rng.poisson(4, (20, 7)), rng.integers(0, 2, (20, 7))]
    made += [rng.integers(0, 3, (20, 7)), np.full((20, 7), 3.5)]
    return np.stack(made, -1).astype(np.float32)


def test_values_come_back():
    scaling = SeriesScaling.fit(ARRAY, values())
    again = SeriesScaling.from_state(ARRAY, scaling.to_state())
    np.testing.assert_array_equal(again.decode(again.encode(values())), values())
    assert scaling.encode(values()).shape == (20, sum(scaling.sizes), 7)


def test_whatever_a_network_says_becomes_values_that_the_channels_hold():
    scaling = SeriesScaling.fit(ARRAY, values())
    made = scaling.decode(np.random.default_rng(1).normal(0, 3, (50, sum(scaling.sizes), 7)).astype(np.float32))
    assert (made.min((0, 1)) >= values().min((0, 1))).all()
    assert (made.max((0, 1)) <= values().max((0, 1))).all()
    assert (made[..., 1:4] == np.round(made[..., 1:4])).all()
    np.testing.assert_allclose(made[..., 0], np.round(made[..., 0], 2), atol=1e-5)


@pytest.mark.parametrize("distinct", [2, 50_000])
def test_a_channel_whose_first_step_is_always_the_same_keeps_it_and_the_spread_of_the_others(distinct):
    rng = np.random.default_rng(0)
    gaps = np.exp(rng.integers(0, distinct, (500, 9)) / distinct * 10).round(2)
    gaps[:, 0] = 0
    values = gaps[..., None].astype(np.float32)
    array = Array(type="series", shape=(9, 1), dtype="float32", channels={"gap": Column(type="number", decimals=2)})
    scaling = SeriesScaling.fit(array, values)
    scores = scaling.encode(values)[:, 0]
    assert abs(scores.mean()) < 0.02
    assert abs(scores.std() - 1 / 3) < 0.02
    again = SeriesScaling.from_state(array, scaling.to_state())
    found = again.decode(rng.normal(0, 1 / 3, (500, 1, 9)).astype(np.float32))[..., 0]
    assert (found[:, 0] == 0).all()
    assert found[:, 1:].min() > 0
    np.testing.assert_allclose(
        np.quantile(found[:, 1:], [0.1, 0.4, 0.7]), np.quantile(gaps[:, 1:], [0.1, 0.4, 0.7]), rtol=0.2
    )
    np.testing.assert_allclose(again.decode(again.encode(values))[..., 0], gaps, rtol=0.05)
