from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from example_data import dataset
from test_series_edits import NAN, from_integers

from augment.errors import DataError
from augment.plugin.context import Context
from augment_series.cylinder_bell_funnel import CylinderBellFunnel
from augment_series.kernels import bridged
from augment_series.probe import KernelsProbe
from augment_series.ridge import Ridge


def predicted(data, new, folder, weights=None, **settings):
    probe = KernelsProbe(KernelsProbe.Params(**settings)).fit(data, Context(1, folder), weights)
    return probe.predict(new.drop_columns([data.schema.target]))


def labelled(num_rows, seed, num_steps=60, unequal=False):
    """Waves of two speeds, at any phase and level."""
    rng = np.random.default_rng(seed)
    label = rng.integers(2, size=num_rows)
    phase, level = rng.uniform(0, 6, (2, num_rows, 1))
    values = np.sin(np.arange(num_steps) * np.where(label, 0.5, 0.8)[:, None] + phase) + level
    values = (values + rng.normal(0, 0.3, values.shape))[..., None]
    lengths = rng.integers(num_steps // 2, num_steps + 1, num_rows) if unequal else None
    if unequal:
        values[np.arange(num_steps) >= lengths[:, None]] = 0
    return from_integers(values, labels=np.array(["fast", "slow"])[label], lengths=lengths)


def right(data, probabilities):
    return (np.array(data.schema.classes)[probabilities.argmax(axis=1)] == data.frame["label"]).mean()


@pytest.mark.parametrize("unequal", [False, True])
def test_classes_are_told_apart_by_their_course(tmp_path, unequal):
    data, new = labelled(60, 1, unequal=unequal), labelled(200, 2, unequal=unequal)
    found = predicted(data, new, tmp_path)
    np.testing.assert_allclose(found.sum(axis=1), 1)
    assert right(new, found) > 0.95


def test_series_of_other_room_can_be_judged(tmp_path):
    data, new = labelled(60, 1, unequal=True), labelled(100, 2, num_steps=90, unequal=True)
    assert right(new, predicted(data, new, tmp_path)) > 0.95


def test_gaps_are_bridged(tmp_path):
    data, new = labelled(60, 1), labelled(200, 2)
    rng = np.random.default_rng(3)
    for part in (data, new):
        part.arrays["series"][rng.random(part.arrays["series"].shape) < 0.1] = NAN
    assert right(new, predicted(data, new, tmp_path)) > 0.9


def test_several_channels_are_seen(tmp_path):
    parts = []
    for seed in (1, 2):
        data = labelled(100, seed)
        noise = np.random.default_rng(seed).normal(size=(100, 60, 4))
        labels = data.frame["label"].astype("str").tolist()
        parts.append(from_integers(np.concatenate([noise, data.arrays["series"]], axis=2), labels=labels))
    assert right(parts[1], predicted(*parts, tmp_path)) > 0.9


def test_probabilities_are_no_surer_than_they_are_right(tmp_path):
    rng = np.random.default_rng(1)
    noise = [from_integers(rng.normal(size=(200, 20, 1)), labels=rng.permutation(["a", "b"] * 100)) for _ in range(2)]
    assert predicted(*noise, tmp_path).max(axis=1).mean() < 0.7


def test_numbers_are_foretold_too(tmp_path):
    parts = []
    for seed in (1, 2):
        rng = np.random.default_rng(seed)
        speed = rng.uniform(0.2, 1, 150)
        values = np.sin(np.arange(50) * speed[:, None] + rng.uniform(0, 6, (150, 1)))[..., None]
        parts.append(from_integers(values, labels=speed))
    error = predicted(*parts, tmp_path) - parts[1].frame["label"]
    assert np.abs(error).mean() < 0.05


def test_columns_beside_the_series_count(tmp_path):
    rng = np.random.default_rng(1)
    data = from_integers(rng.normal(size=(80, 10, 1)), labels=["a", "b"] * 40)
    frame = data.frame.assign(clue=np.tile([0.0, 1.0], 40))
    data = dataset(frame, data.arrays, target="label")
    assert right(data, predicted(data, data, tmp_path)) == 1


def test_weights_count(tmp_path):
    values = np.zeros((20, 10, 1))
    data = from_integers(values, labels=["a", "b"] * 10)
    assert predicted(data, data, tmp_path, np.array([3.0, 1.0] * 10))[0, 0] > 0.6


def test_one_class_alone_is_certain(tmp_path):
    data = from_integers(np.zeros((4, 3, 1)), labels=pd.Categorical(["a"] * 4, categories=["a"]))
    assert predicted(data, data, tmp_path).tolist() == [[1.0]] * 4


def test_without_any_label_nothing_can_be_learnt(tmp_path):
    data = from_integers(np.zeros((4, 3, 1)), labels=[1.5, 2.5, 3.5, 4.5])
    with pytest.raises(DataError, match="no training row has a value in the target"):
        predicted(data, data, tmp_path, weights=np.zeros(4))


@pytest.mark.parametrize("values", [np.zeros((6, 1, 1)), np.full((6, 4, 2), NAN)])
def test_series_that_say_nothing_do_no_harm(tmp_path, values):
    data = from_integers(values, labels=["a", "b"] * 3)
    np.testing.assert_allclose(predicted(data, data, tmp_path), 0.5, atol=0.05)


def test_gaps_become_straight_lines():
    values = np.array([[[NAN], [1], [NAN], [3], [NAN], [0]]], np.float32)
    assert bridged(values, np.array([5]))[0, :, 0].tolist() == [1, 1, 2, 3, 3, 0]


@pytest.mark.parametrize("num_features", [5, 80])
def test_the_fit_is_weighted_ridge_regression(num_features, monkeypatch):
    monkeypatch.setattr("augment_series.ridge.STRENGTHS", np.array([3.0]))
    rng = np.random.default_rng(1)
    x, weights = rng.normal(size=(30, num_features)), rng.uniform(0.5, 2, 30)
    y = x[:, 0] + rng.normal(size=30)
    model = Ridge.fit(x, y, 0, weights)
    # the same minimum, by hand: standardised features, weighted squares, no penalty on the bias
    z = (x - model.mean) / model.scale
    roots = np.sqrt(weights * 30 / weights.sum())[:, None]
    both = np.concatenate([z, np.ones((30, 1))], axis=1) * roots
    penalty = np.diag([3.0] * num_features + [0.0])
    by_hand = np.linalg.solve(both.T @ both + penalty, both.T @ (y[:, None] * roots))[:, 0]
    np.testing.assert_allclose([*model.weights[:, 0], *model.bias], by_hand, atol=1e-8)


def test_made_series_are_told_apart_by_their_shape(tmp_path):
    parts = [CylinderBellFunnel(CylinderBellFunnel.Params(seed=seed)).read(Context(1, tmp_path)) for seed in range(2)]
    train, new = (
        from_integers(part.arrays["series"], labels=part.frame["shape"].astype("str").tolist()) for part in parts
    )
    assert right(new, predicted(train, new, tmp_path)) > 0.95
