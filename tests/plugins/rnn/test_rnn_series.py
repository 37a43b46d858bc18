from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from example_data import dataset
from series_with_gaps import check_gaps, series_with_gaps
from slowly import slowly

from augment.data import ArrayDeclaration
from augment.errors import DataError
from augment.plugin.context import Context
from augment_rnn.series import SeriesRnn

SMALL = {"steps": 120, "batch_size": 16, "window": 24, "width": 32, "embedding": 16, "learning_rate": 1e-2}


def from_integers(values, lengths=None, labels=None, **columns):
    frame = pd.DataFrame(columns, index=pd.RangeIndex(len(values)))
    if labels is not None:
        frame["label"] = labels
    if lengths is not None:
        frame["length"] = lengths
        values[np.arange(values.shape[1]) >= np.asarray(lengths)[:, None]] = 0
    array = ArrayDeclaration(type="series", length_column=None if lengths is None else "length")
    said = {} if labels is None else {"target": "label", "columns": {"label": {"type": "category"}}}
    return dataset(frame, {"series": values.astype(np.float32)}, arrays={"series": array}, **said)


def made(data, folder, given=None, **settings):
    rnn = SeriesRnn(SeriesRnn.Params(**{**SMALL, **settings})).fit(data, Context(seed=1, folder=folder))
    given = pd.DataFrame(index=range(200)) if given is None else given
    return rnn.sample(given, Context(seed=2, folder=folder))


def test_classes_go_their_own_way_and_have_their_own_lengths(tmp_path):
    rng = np.random.default_rng(0)
    goes_up = np.arange(200) % 2 == 0
    steps = np.where(goes_up, 1, -1)[:, None, None] + rng.normal(0, 0.2, (200, 12, 1))
    lengths = np.where(goes_up, rng.integers(4, 7, 200), rng.integers(9, 13, 200))
    data = from_integers(steps.cumsum(1), lengths, np.where(goes_up, "up", "down"))
    given = pd.DataFrame({"label": pd.Categorical(["up", "down"] * 100, categories=["down", "up"])})
    rows = made(data, tmp_path, given)
    series, found = rows.arrays["series"][..., 0], rows.frame["length"].to_numpy()
    last = series[np.arange(200), found - 1] - series[:, 0]
    assert (np.sign(last) == np.where(given["label"] == "up", 1, -1)).mean() > 0.95
    assert ((found < 8) == (given["label"] == "up")).mean() > 0.95


@pytest.mark.slow
def test_a_column_beside_the_series_goes_with_it(tmp_path):
    rng = np.random.default_rng(0)
    level = rng.integers(0, 3, 300)
    values = 10.0 * level[:, None, None] + rng.normal(0, 1, (300, 8, 1))
    rows = made(from_integers(values, level=level), tmp_path)
    means = rows.arrays["series"][..., 0].mean(1)
    assert (np.round(means / 10) == rows.frame["level"]).mean() > 0.8


@pytest.mark.slow
def test_missing_values_are_as_frequent_as_before(tmp_path):
    rng = np.random.default_rng(0)
    values = rng.normal(0, 1, (300, 10, 2)).cumsum(1)
    values[rng.random((300, 10)) < 0.2, 1] = np.nan
    rows = made(from_integers(values), tmp_path)
    share = np.isnan(rows.arrays["series"]).mean((0, 1))
    assert share[0] == 0
    assert 0.12 < share[1] < 0.3


def test_series_of_one_step_are_enough(tmp_path):
    rows = made(from_integers(np.arange(4.0).reshape(4, 1, 1)), tmp_path, steps=3)
    assert set(rows.arrays["series"].ravel()) <= {0, 1, 2, 3}


def test_another_column_than_the_target_cannot_be_given(tmp_path):
    data = from_integers(np.zeros((10, 3, 1)), level=np.arange(10) % 2)
    with pytest.raises(DataError, match=r"column 'level' cannot be given"):
        made(data, tmp_path, data.frame, steps=2)


@pytest.mark.parametrize("equal", [False, *slowly([True])])
def test_gaps_are_like_the_real_ones_and_the_first_is_none(equal, tmp_path):
    data = series_with_gaps(equal)
    check_gaps(made(data, tmp_path, steps=60), equal)
