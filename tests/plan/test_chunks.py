from __future__ import annotations

from collections import Counter

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from augment.data import Array, Column, Dataset, Schema, as_labels, check
from augment.plan.chunks import PlanRow, chunk_size, given_frame, plan

CLASSED = Schema(columns={"y": Column(type="category", categories=("a", "b", "c"))}, target="y")
COUNTS = st.dictionaries(st.sampled_from("abcdef"), st.integers(0, 500), min_size=1).filter(lambda c: sum(c.values()))
WEIGHTS = st.dictionaries(
    st.sampled_from(["gan", "vae", "smote", "jitter"]), st.just(0.0) | st.floats(1e-3, 1e3), min_size=1
).filter(lambda share: sum(share.values()) > 0)


def small_chunks(size: int) -> Schema:
    """A schema with the classes of CLASSED and a payload so large that a chunk holds `size` rows."""
    image = Array(type="image", shape=(32 * 2**20 // size,), dtype="uint8")
    return CLASSED.model_copy(update={"arrays": {"image": image}})


@given(wanted=COUNTS, share=WEIGHTS, size=st.integers(1, 64), conditional=st.booleans())
def test_a_plan_makes_exactly_what_is_wanted_in_chunks_that_are_not_too_large(wanted, share, size, conditional):
    schema = small_chunks(size)
    rows = plan(wanted, share, dict.fromkeys(share, conditional), schema)
    assert sum(row.rows for row in rows) == sum(wanted.values())
    made = Counter()
    for row in rows:
        assert 1 <= row.rows <= chunk_size(schema)
        if conditional:
            assert sum(count for _, count in row.labels) == row.rows
            assert all(count > 0 for _, count in row.labels)
            made.update(dict(row.labels))
        else:
            assert row.labels == ()
    assert not conditional or made == Counter({label: count for label, count in wanted.items() if count})


@given(wanted=COUNTS, share=WEIGHTS)
def test_every_generator_gets_its_share_of_all_rows(wanted, share):
    rows = plan(wanted, share, dict.fromkeys(share, True), CLASSED)
    total = sum(wanted.values())
    for generator, weight in share.items():
        made = sum(row.rows for row in rows if row.generator == generator)
        if weight == 0:
            assert made == 0
        else:
            assert abs(made - total * weight / sum(share.values())) < len(share)


def test_a_row_in_each_of_many_classes_does_not_all_go_to_the_first_generator():
    wanted = {str(label): 1 for label in range(10)}
    rows = plan(wanted, {"gan": 1, "vae": 1}, {"gan": True, "vae": True}, CLASSED)
    assert [(row.generator, row.rows) for row in rows] == [("gan", 5), ("vae", 5)]


def test_a_plan_goes_generator_by_generator_and_class_by_class():
    rows = plan({"a": 5, "b": 0, "c": 4}, {"gan": 2, "vae": 1}, {"gan": True, "vae": False}, small_chunks(4))
    assert rows == [
        PlanRow("gan", 0, 4, (("a", 3), ("c", 1))),
        PlanRow("gan", 1, 2, (("c", 2),)),
        PlanRow("vae", 0, 3),
    ]


def test_a_class_that_fills_several_chunks_goes_on_in_the_next():
    rows = plan({"a": 9, "b": 1}, {"gan": 1}, {"gan": True}, small_chunks(4))
    assert [row.labels for row in rows] == [(("a", 4),), (("a", 4),), (("a", 1), ("b", 1))]


def test_a_share_of_zero_makes_no_rows():
    rows = plan({"a": 7, "b": 3}, {"gan": 1, "vae": 0}, {"gan": True, "vae": True}, CLASSED)
    assert {row.generator for row in rows} == {"gan"}


def test_nothing_wanted_is_an_empty_plan():
    assert plan({"a": 0, "b": 0}, {"gan": 1}, {"gan": True}, CLASSED) == []


def test_a_chunk_of_large_payloads_is_smaller_but_never_empty():
    assert chunk_size(small_chunks(10)) == 10
    huge = Array(type="image", shape=(2**20, 64, 1), dtype="uint8")
    assert chunk_size(Schema(columns={}, arrays={"image": huge})) == 1


# given


def target_array(kind: str, *categories: str) -> Schema:
    return Schema(columns={"y": Column(type=kind, categories=categories or None, nullable=False)}, target="y")


@pytest.mark.parametrize(
    ("schema", "first", "second", "dtype"),
    [
        (target_array("category", "no", "yes"), "yes", "no", "category"),
        (target_array("boolean"), "True", "False", "boolean"),
        (target_array("integer", "-1", "10"), "10", "-1", "int64"),
    ],
)
def test_asked_labels_come_in_the_targets_own_type(schema, first, second, dtype):
    frame = given_frame(PlanRow("gan", 0, 3, ((first, 2), (second, 1))), schema)
    assert as_labels(frame["y"]).tolist() == [first, first, second]
    assert str(frame["y"].dtype) == dtype
    assert check(frame, {}, schema) == []
    pd.testing.assert_frame_equal(frame, Dataset.of(frame, {}, schema).frame)


def test_without_labels_nothing_is_given_but_the_number_of_rows():
    frame = given_frame(PlanRow("gan", 0, 5), CLASSED)
    assert frame.shape == (5, 0)
    pd.testing.assert_index_equal(frame.index, pd.RangeIndex(5))


def test_a_given_category_knows_all_classes():
    frame = given_frame(PlanRow("gan", 0, 1, (("b", 1),)), CLASSED)
    assert np.array_equal(frame["y"].cat.categories, ["a", "b", "c"])
