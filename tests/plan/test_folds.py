from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from augment.data import Column, Dataset, Schema
from augment.plan.folds import NUM_FOLDS, inner_cut
from augment.spec.models import Split


def table(labels, **columns) -> Dataset:
    frame = pd.DataFrame({"x": np.arange(float(len(labels))), "y": labels, **columns})
    types = {"x": "number", "y": "category" if isinstance(labels[0], str) else "number"}
    schema = Schema(columns={name: Column(type=types.get(name, "integer")) for name in frame}, target="y")
    return Dataset.of(frame, {}, schema)


def cuts(data, num=NUM_FOLDS, start=0, **split):
    return [inner_cut(data, Split(**split), 3, number) for number in range(start, start + num)]


@given(labels=st.lists(st.sampled_from("abc"), min_size=1, max_size=60))
def test_folds_part_the_rows_and_every_class_is_learnt(labels):
    data = table(labels)
    held = []
    for train, test in cuts(data):
        assert sorted([*train, *test]) == list(range(len(labels)))
        assert {labels[row] for row in train} == set(labels)
        held += test.tolist()
    repeated = [row for row, label in enumerate(labels) if labels.count(label) > 1]
    assert sorted(held) == repeated  # each row judges once, but a class of one row never


def test_folds_hold_the_classes_alike():
    labels = ["yes"] * 10 + ["no"] * 40
    for _, test in cuts(table(labels)):
        assert sum(labels[row] == "yes" for row in test) == 2


def test_the_sixth_seed_begins_another_repetition():
    data = table(["a", "b"] * 25)
    first, sixth = cuts(data)[0][1], cuts(data, 1, NUM_FOLDS)[0][1]
    assert first.tolist() != sixth.tolist()
    assert [test.tolist() for _, test in cuts(data)] == [test.tolist() for _, test in cuts(data)]


def test_numeric_targets_are_cut_at_random():
    held = np.concatenate([test for _, test in cuts(table([0.5 * n for n in range(40)]))])
    assert sorted(held) == list(range(40))
    assert held.tolist() != list(range(40))


def test_groups_stay_whole():
    data = table(["a", "b"] * 30, group=np.repeat(np.arange(12), 5))
    for train, test in cuts(data, group="group"):
        groups = data.frame["group"].to_numpy()
        assert len(test)
        assert not set(groups[train]) & set(groups[test])


def test_with_time_the_latest_rows_judge():
    data = table(["a", "b"] * 30, when=np.arange(60)[::-1].copy())
    assert [test.tolist() for _, test in cuts(data, time="when")] == [list(range(12))] * NUM_FOLDS


def test_a_column_that_a_transform_dropped_rules_nothing():
    assert sum(len(test) for _, test in cuts(table(["a", "b"] * 30), group="gone")) == 60


@pytest.mark.parametrize("number", range(3))
def test_equal_rows_stay_together_where_the_hold_out_kept_them_together(number):
    frame = pd.DataFrame({"x": np.repeat(np.arange(20.0), 3), "y": ["a", "a", "a", "b", "b", "b"] * 10})
    schema = Schema(columns={"x": Column(type="number"), "y": Column(type="category")}, target="y")
    train, test = inner_cut(Dataset.of(frame, {}, schema), Split(dedupe="group"), 1, number)
    assert not set(frame["x"][train]) & set(frame["x"][test])
