from __future__ import annotations

import numpy as np
import pandas as pd
from example_data import dataset

from augment.data import Dataset
from augment.plugin.context import Context
from augment_histories.probe import Items


def users(num, seed=1, labels=("a", "b")) -> Dataset:
    """Users of class a meet the tokens 1 to 5, those of class b 4 to 8."""
    rng = np.random.default_rng(seed)
    classes = np.arange(num) % len(labels)
    arrays = {"items": (rng.integers(1, 6, (num, 6)) + 3 * classes[:, np.newaxis]).astype(np.int32)}
    frame = pd.DataFrame({"n": rng.integers(2, 7, num), "label": np.array(labels, object)[classes]})
    arrays["items"][np.arange(6) >= frame["n"].to_numpy()[:, np.newaxis]] = 0
    said = {"target": "label", "arrays": {"items": {"type": "tokens", "length_column": "n"}}}
    return dataset(frame, arrays, **said)


def predicted(train, test, folder, weights=None):
    return Items().fit(train, Context(0, folder), weights).predict(test.drop_columns(["label"]))


def test_users_are_told_by_what_they_met(tmp_path):
    found = predicted(users(100), users(60, 2), tmp_path)
    assert (found.argmax(axis=1) == np.arange(60) % 2).mean() > 0.9
    np.testing.assert_allclose(found.sum(axis=1), 1.0)


def test_items_that_no_training_user_met_say_nothing(tmp_path):
    test = users(4, 2)
    strange = Dataset(test.frame, {"items": np.full_like(test.arrays["items"], 99)}, test.schema)
    found = predicted(users(100), strange, tmp_path)
    assert np.ptp(found[:, 0]) == 0


def test_one_class_alone_is_always_foretold(tmp_path):
    train = users(20, labels=("a", "b"))
    alone = train.take(np.arange(0, 20, 2))
    assert (predicted(alone, train, tmp_path) == [1.0, 0.0]).all()


def test_weights_move_what_is_foretold(tmp_path):
    train, test = users(60), users(20, 3)
    heavier = predicted(train, test, tmp_path, np.where(np.arange(60) % 2, 20.0, 1.0))
    assert heavier[:, 1].mean() > predicted(train, test, tmp_path)[:, 1].mean() + 0.05
