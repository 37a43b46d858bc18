from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from augment.data import Column, Dataset, Schema
from augment.plan.folds import NUM_FOLDS, count_independent, explain_few_units, inner_cut
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


def test_every_group_judges_once_in_a_repetition_and_folds_are_about_as_large():
    data = table(["a", "b"] * 60, group=np.repeat(np.arange(15), 8))
    held = [test for _, test in cuts(data, group="group")]
    assert sorted(np.concatenate(held)) == list(range(120))
    assert {len(test) for test in held} == {24}
    assert held[0].tolist() != cuts(data, 1, NUM_FOLDS, group="group")[0][1].tolist()


def test_with_time_folds_judge_different_rows_by_what_was_before():
    when = np.arange(60)[::-1].copy()
    found = cuts(table(["a", "b"] * 30, when=when), time="when")
    for train, test in found:
        assert when[train].max() < when[test].min()
        assert len(test) == 6
    assert sorted(np.concatenate([test for _, test in found])) == list(range(30))  # the later half


@pytest.mark.parametrize(
    ("columns", "split", "words"),
    [
        ({"group": np.arange(60) % 3}, {"group": "group"}, "3 groups by 'group' in the training part say as much as"),
        ({"group": np.minimum(np.arange(60), 9)}, {"group": "group"}, "10 groups by 'group'"),
        ({"when": np.arange(60) % 9}, {"time": "when"}, "too few different values of 'when'"),
        ({"group": np.arange(60) % 6}, {"group": "group"}, ""),
        ({"when": np.arange(60)}, {"time": "when"}, ""),
        ({}, {}, ""),
    ],
    ids=["few groups", "one large group", "few moments", "groups", "time", "rows"],
)
def test_few_groups_or_moments_are_too_few_for_a_search(columns, split, words):
    found = explain_few_units(table(["a", "b"] * 30, **columns), Split(**split))
    assert found.startswith(words) if words.startswith(("1", "3")) else words in found
    assert bool(found) == bool(words)


def test_a_column_that_a_transform_dropped_rules_nothing():
    assert sum(len(test) for _, test in cuts(table(["a", "b"] * 30), group="gone")) == 60


@pytest.mark.parametrize("number", range(3))
def test_equal_rows_stay_together_where_the_hold_out_kept_them_together(number):
    frame = pd.DataFrame({"x": np.repeat(np.arange(20.0), 3), "y": ["a", "a", "a", "b", "b", "b"] * 10})
    schema = Schema(columns={"x": Column(type="number"), "y": Column(type="category")}, target="y")
    train, test = inner_cut(Dataset.of(frame, {}, schema), Split(dedupe="group"), 1, number)
    assert not set(frame["x"][train]) & set(frame["x"][test])


def test_folds_of_dependent_rows_say_no_more_when_they_are_repeated():
    data = table(["a", "b"] * 30, when=np.arange(60), group=np.arange(60) % 12)
    splits = [Split(), Split(time="when"), Split(group="group"), Split(dedupe="group")]
    assert [count_independent(data, split) for split in splits] == [None, NUM_FOLDS, NUM_FOLDS, NUM_FOLDS]
