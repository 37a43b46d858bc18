from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from example_data import dataset

from augment.toolkit.tables.bins import BinTable
from augment_rnn.additive import Additive


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


def fitted(frame):
    table, codes = coded(frame)
    additive = Additive.fit(table, codes, np.random.default_rng(1))
    return additive.chances(codes[:, :-1], table.num_bins), codes


def test_chances_are_near_those_that_labels_were_drawn_by():
    frame, chance = rows()
    chances, _ = fitted(frame)
    assert np.corrcoef(chances[:, 1], chance)[0, 1] > 0.95
    assert chances.sum(1) == pytest.approx(1.0)


def test_each_of_three_labels_has_its_own_weights():
    frame, _ = rows()
    frame["label"] = np.select([frame.x < -0.5, frame.x > 0.5], ["low", "high"], "middle")
    chances, codes = fitted(frame)
    assert (chances.argmax(1) == codes[:, -1]).mean() > 0.85


def test_few_rows_make_no_label_certain():
    frame, _ = rows(12)
    frame["label"] = np.where(frame.x > 0, "yes", "no")
    chances, _ = fitted(frame)
    assert chances.min() > 0.05
    assert chances.max() < 0.95


def test_a_label_that_all_rows_have_is_certain():
    frame, _ = rows(20)
    chances, _ = fitted(frame.assign(label="same"))
    assert chances.tolist() == [[1.0]] * 20
