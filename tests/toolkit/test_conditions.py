from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from example_data import dataset
from hypothesis import given
from hypothesis import strategies as st

from augment.errors import DataError
from augment.toolkit.conditions import Conditions, in_full_batches


def labelled(labels, declared=None):
    frame = pd.DataFrame({"kind": labels})
    return dataset(frame, **(declared or {"target": "kind"}))


@pytest.mark.parametrize(
    "labels", [["b", "a", "b"], [7, 3, 7], [True, False, True]], ids=["text", "integer", "boolean"]
)
def test_numbers_follow_the_order_of_the_schema_for_every_kind_of_label(labels):
    conditions, numbers = Conditions.of(labelled(labels))
    assert numbers.tolist() == [1, 0, 1]
    assert conditions.counts == (1, 2)


def test_given_labels_come_back_as_numbers_and_stay_as_they_are():
    conditions, _ = Conditions.of(labelled([7, 3, 7]))
    given_rows = pd.DataFrame({"kind": [3, 7, 7]})
    numbers = conditions.draw(given_rows, np.random.default_rng(0))
    assert numbers.tolist() == [0, 1, 1]
    assert conditions.frame(given_rows, numbers).kind.tolist() == [3, 7, 7]


def test_without_given_labels_they_are_drawn_as_often_as_in_training():
    conditions, _ = Conditions.of(labelled(["a"] * 3 + ["b"]))
    wanted = pd.DataFrame(index=pd.RangeIndex(4_000))
    numbers = conditions.draw(wanted, np.random.default_rng(0))
    assert np.mean(numbers == 0) == pytest.approx(0.75, abs=0.03)
    assert set(conditions.frame(wanted, numbers).kind) == {"a", "b"}


def test_drawn_labels_of_fewer_rows_are_a_prefix():
    conditions, _ = Conditions.of(labelled(["a", "b", "c"]))
    whole, part = (
        conditions.draw(pd.DataFrame(index=pd.RangeIndex(n)), np.random.default_rng(0)).tolist() for n in (50, 7)
    )
    assert whole[:7] == part


@pytest.mark.parametrize("label", ["c", "d", None])
def test_label_that_no_training_row_has_is_refused_with_those_there_are(label):
    declared = {"target": "kind", "columns": {"kind": {"categories": ["a", "b", "c"]}}}
    conditions, _ = Conditions.of(labelled(["a", "b"], declared))
    with pytest.raises(DataError, match=r"row 2 .* no training row has; ask for one of a, b$"):
        conditions.draw(pd.DataFrame({"kind": pd.Series(["a", label])}), np.random.default_rng(0))


def test_rows_without_a_label_are_not_trained_on():
    conditions, numbers = Conditions.of(labelled(["a", None, "b"]))
    assert numbers.tolist() == [0, -1, 1]
    assert conditions.training_rows(numbers).tolist() == [0, 2]


def test_rare_classes_are_seen_by_the_square_root_of_their_share():
    conditions, numbers = Conditions.of(labelled(["a"] * 90 + ["b"] * 10))
    rows = conditions.training_rows(numbers)
    assert np.bincount(numbers[rows]).tolist() == [90, 30]


def test_all_rows_are_of_one_class_where_the_target_is_a_number():
    conditions, numbers = Conditions.of(labelled([0.5, 1.5, 2.5]))
    assert (conditions.target, conditions.counts) == (None, (3,))
    assert numbers.tolist() == [0, 0, 0]


@given(num_rows=st.integers(0, 20))
def test_batches_are_always_full_and_rows_keep_their_places(num_rows):
    sizes = []

    def make(batch):
        sizes.append(len(batch))
        return batch * 10

    made = in_full_batches(make, np.arange(num_rows), 8)
    assert made.tolist() == [10 * i for i in range(num_rows)]
    assert set(sizes) == {8}
