from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from example_data import dataset
from sklearn.ensemble import RandomForestRegressor

from augment.errors import DiskError
from augment.toolkit.tables.bins import BinTable
from augment_rnn.decision_trees import DecisionTrees
from augment_rnn.teacher import Inputs, Teacher


def coded(frame):
    data = dataset(frame, target="label")
    table = BinTable.fit(data)
    return table, table.encode(data.frame).astype(np.int64)


def rows(num_rows=400):
    """The odds of a yes grow with x and with the kind."""
    rng = np.random.default_rng(0)
    x, kind = rng.normal(size=num_rows), rng.choice(["a", "b", "c"], num_rows)
    chance = 1 / (1 + np.exp(-2 * x - 2 * (kind == "a")))
    return pd.DataFrame({"x": x, "kind": kind, "label": np.where(rng.random(num_rows) < chance, "yes", "no")}), chance


def fitted(frame, has_classes=True):
    table, codes = coded(frame)
    teacher = Teacher.fit(table, codes, has_classes, np.random.default_rng(1))
    odds = np.exp(teacher.logits(Inputs(table), codes))
    return odds / odds.sum(1, keepdims=True), codes


def test_chances_are_near_those_that_labels_were_drawn_by():
    frame, chance = rows()
    chances, _ = fitted(frame)
    assert np.corrcoef(chances[:, 1], chance)[0, 1] > 0.95


def test_what_no_sum_of_features_says_is_learnt_as_well():
    frame, _ = rows()
    frame["label"] = np.where((frame.x > 0) == (frame.kind == "a"), "yes", "no")
    chances, codes = fitted(frame)
    assert (chances.argmax(1) == codes[:, -1]).mean() > 0.9  # a logistic regression alone: 0.7


def test_each_of_three_labels_has_its_own_weights():
    frame, _ = rows()
    frame["label"] = np.select([frame.x < -0.5, frame.x > 0.5], ["low", "high"], "middle")
    chances, codes = fitted(frame)
    assert (chances.argmax(1) == codes[:, -1]).mean() > 0.9


def test_labels_of_chance_stay_uncertain():
    frame, _ = rows(60)
    frame["label"] = np.random.default_rng(3).choice(["yes", "no"], 60)
    chances, _ = fitted(frame)
    assert chances.min() > 0.1


def test_more_labels_than_boosting_is_used_for_are_learnt():
    frame, _ = rows()
    frame["label"] = "level " + pd.qcut(frame.x, 12, labels=False).astype(str)
    chances, codes = fitted(frame)
    assert (chances.argmax(1) == codes[:, -1]).mean() > 0.7


def test_a_label_that_all_rows_have_is_certain():
    frame, _ = rows(20)
    chances, _ = fitted(frame.assign(label="same"))
    assert chances.tolist() == [[1.0]] * 20


def test_the_distribution_of_a_number_follows_the_features():
    frame, _ = rows()
    frame["label"] = frame.x + np.random.default_rng(1).normal(0, 0.5, len(frame))
    table, _ = coded(frame)
    chances, _ = fitted(frame, has_classes=False)
    scores = table.features("label")[:, 0]
    means = chances @ scores
    assert np.corrcoef(means, frame.x)[0, 1] > 0.95
    spread = np.sqrt(chances @ scores**2 - means**2).mean()
    assert spread == pytest.approx(0.5 / np.sqrt(1.25), abs=0.1)


def test_trees_say_as_arrays_what_they_said_before():
    rng = np.random.default_rng(0)
    inputs, targets = rng.normal(size=(200, 3)).astype(np.float32), rng.normal(size=200)
    forest = RandomForestRegressor(5, max_depth=6, random_state=0).fit(inputs, targets)
    trees = [tree.tree_ for tree in forest.estimators_]
    arrays = DecisionTrees.of(trees, [tree.value[:, 0] for tree in trees])
    assert arrays.total(inputs, 6)[:, 0] / 5 == pytest.approx(forest.predict(inputs))


@pytest.mark.parametrize(
    ("name", "value"), [("children", 99), ("children", -1), ("roots", 99), ("inputs", -1), ("inputs", 1)]
)
def test_stored_trees_that_lead_nowhere_are_refused(name, value):
    arrays = {
        "roots": np.array([0]),
        "inputs": np.array([0]),
        "thresholds": np.array([0.0]),
        "children": np.array([[0, 0]]),
        "values": np.array([[1.0]]),
    }
    assert DecisionTrees.of_state(arrays, 1).total(np.zeros((2, 1)), 3).tolist() == [[1.0], [1.0]]
    with pytest.raises(DiskError, match="do not fit together"):
        DecisionTrees.of_state(arrays | {name: np.full_like(arrays[name], value)}, 1)
