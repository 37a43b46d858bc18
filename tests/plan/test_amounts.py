from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from augment.data import Column, Dataset, Schema
from augment.plan.amounts import amounts, apportion, training_counts

CLASSED = Schema(columns={"y": Column(type="category", categories=("a", "b", "c"))}, target="y")
COUNTS = st.dictionaries(st.sampled_from("abcdef"), st.integers(0, 500), min_size=1).filter(lambda c: sum(c.values()))
WEIGHTS = st.dictionaries(
    st.sampled_from(["gan", "vae", "smote", "jitter"]), st.just(0.0) | st.floats(1e-3, 1e3), min_size=1
).filter(lambda share: sum(share.values()) > 0)


@given(counts=COUNTS)
def test_balance_lifts_every_class_to_the_largest(counts):
    wanted = amounts("balance", counts)
    assert {counts[label] + wanted[label] for label in counts} == {max(counts.values())}


@given(counts=COUNTS, rows=st.integers(0, 10_000))
def test_a_number_is_that_many_rows_in_the_proportions_of_the_classes(counts, rows):
    wanted = amounts(rows, counts)
    assert sum(wanted.values()) == rows
    assert list(wanted) == list(counts)
    for label, count in counts.items():
        assert abs(wanted[label] - rows * count / sum(counts.values())) < 1 + 1e-9


@pytest.mark.parametrize(("rows", "expected"), [("1x", 7), ("2x", 14), ("0.5x", 4), ("0x", 0)])
def test_a_multiple_is_of_the_training_rows(rows, expected):
    assert sum(amounts(rows, {"a": 5, "b": 2}).values()) == expected


def test_per_class_gives_every_class_the_same():
    assert amounts({"per_class": 9}, {"a": 5, "b": 0}) == {"a": 9, "b": 9}


def test_a_class_called_per_class_is_a_class():
    assert amounts({"per_class": 9}, {"per_class": 5, "b": 2}) == {"per_class": 9, "b": 0}


def test_classes_that_a_mapping_leaves_out_get_no_rows():
    assert amounts({"b": 3}, {"a": 5, "b": 2}) == {"a": 0, "b": 3}


def test_training_rows_are_counted_in_the_order_of_the_schema_and_absent_classes_count_zero():
    data = Dataset.of(pd.DataFrame({"y": ["c", "a", "c"]}), {}, CLASSED)
    assert list(training_counts(data).items()) == [("a", 1), ("b", 0), ("c", 2)]


@pytest.mark.parametrize("target", ["x", None])
def test_without_classes_all_training_rows_count_together(target):
    schema = Schema(columns={"x": Column(type="number")}, target=target)
    assert training_counts(Dataset.of(pd.DataFrame({"x": [1.0, 2.0]}), {}, schema)) == {"": 2}


# apportion


@given(
    total=st.integers(0, 100_000),
    weights=st.lists(st.just(0.0) | st.floats(1e-3, 1e3), min_size=1, max_size=8).filter(any),
)
def test_apportioned_numbers_add_up_and_are_within_one_of_their_share(total, weights):
    counts = apportion(total, weights)
    assert sum(counts) == total
    for count, weight in zip(counts, weights, strict=True):
        assert count == 0 if weight == 0 else abs(count - total * weight / sum(weights)) < 1 + 1e-6
