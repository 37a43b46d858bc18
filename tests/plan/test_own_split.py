from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from augment.data import Dataset, SchemaDeclaration, infer
from augment.errors import DataError
from augment.plan.own_split import find_held_rows, keep_cut, note_unseen


def table(target=None, **columns):
    frame = pd.DataFrame(columns)
    schema = infer(frame, {}, SchemaDeclaration(target=target))
    return Dataset.of(frame, {}, schema)


@pytest.mark.parametrize(
    ("column", "values"),
    [([0, 1, 4, 4], ["4"]), (["a", "b", "t", "v"], ["t", "v"]), ([False, False, True, True], ["True"])],
)
def test_rows_with_these_values_are_held_out(column, values):
    held, note = find_held_rows(table(part=column), "part", values)
    assert held.tolist() == [False, False, True, True]
    assert note.startswith("column 'part' decides the split, and nothing learns from it: rows with ")


@pytest.mark.parametrize(
    ("column", "values", "says"),
    [
        (["train", "test"], ["tset"], r"no row has 'tset' in column 'part'; did you mean 'test'\?"),
        ([0, 1], ["7"], r"no row has '7' in column 'part'; its values are '0', '1'"),
        ([0, 1], ["0", "1"], r"no rows are left for training"),
        (["a", None, "b"], ["a"], r"column 'part' decides the split .* data row 2 has none"),
    ],
)
def test_values_that_cannot_decide_are_refused(column, values, says):
    with pytest.raises(DataError, match=says):
        find_held_rows(table(part=column), "part", values)


def test_lengths_of_series_decide_no_split():
    frame, arrays = pd.DataFrame({"n": [1, 2]}), {"v": np.zeros((2, 2, 1), np.float32)}
    schema = infer(frame, arrays, SchemaDeclaration.model_validate({"arrays": {"v": {"length_column": "n"}}}))
    with pytest.raises(DataError, match="'n' holds the lengths of series; name another column"):
        find_held_rows(Dataset.of(frame, arrays, schema), "n", ["1"])


def test_duplicates_of_training_rows_are_kept_and_counted():
    rows = keep_cut(table(x=[1.0, 2.0, 3.0]), table(x=[2.0, 5.0]))
    assert (rows.train.tolist(), rows.test.tolist(), rows.dropped.tolist()) == ([0, 1, 2], [0, 1], [])
    assert rows.notes[0].startswith("1 of 2 held-out rows are exact duplicates of training rows, which makes every")


def test_duplicates_may_be_dropped_from_the_training_rows_alone():
    rows = keep_cut(table(x=[1.0, 2.0, 3.0, 3.0]), table(x=[2.0, 5.0, 5.0]), dedupe="drop")
    assert (rows.train.tolist(), rows.test.tolist(), rows.dropped.tolist()) == ([0, 2], [0, 1, 2], [1, 3])
    assert rows.notes == ("2 training rows were dropped: they equal a held-out row or an earlier training row",)


def test_something_must_be_left_to_learn_from():
    with pytest.raises(DataError, match="leaves none to learn from"):
        keep_cut(table(x=[1.0]), table(x=[1.0, 2.0]), dedupe="drop")


def test_a_group_on_both_sides_is_noted():
    train, test = table(x=[1.0, 2.0], who=["ann", "bob"]), table(x=[3.0, 4.0], who=["bob", "cyd"])
    assert keep_cut(train, test).notes == ()
    (note,) = keep_cut(train, test, group="who").notes
    assert note.startswith("1 of 2 values of 'who' in the hold-out are in the training part too")
    assert note.endswith("'bob'")


def test_labels_that_only_the_hold_out_has_are_noted():
    train = table(target="y", town=["p", "q"] * 2, y=[0, 1] * 2)
    test = Dataset.of(pd.DataFrame({"town": ["p", "z"], "y": [1, 2]}), {}, train.schema)
    town, y = note_unseen(train, test)
    assert town == "column 'town': 1 of 2 held-out rows have labels that no training row has ('z')"
    assert y == "target 'y': 1 of 2 held-out rows have labels that no training row has ('2'); no score covers them"


def test_a_hold_out_of_other_classes_alone_is_refused():
    train = table(target="y", x=[1.0, 2.0], y=["yes", "no"])
    test = Dataset.of(pd.DataFrame({"x": [1.0, 2.0], "y": ["YES", "NO"]}), {}, train.schema)
    with pytest.raises(DataError, match=r"the held-out rows have the classes 'NO', 'YES', and the training rows 'no'"):
        note_unseen(train, test)
