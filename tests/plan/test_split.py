from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from augment.data import Column, Dataset, Schema, infer
from augment.errors import DataError
from augment.plan.split import Cut, cut, note_near_duplicates


def table(**columns) -> Dataset:
    frame = pd.DataFrame(columns)
    return Dataset.of(frame, {}, infer(frame))


def values(data: Dataset, name: str, rows: np.ndarray) -> list:
    return data.frame[name].iloc[rows].tolist()


def parts(data: Dataset, num_train: int) -> tuple[Dataset, Dataset]:
    return data.take(slice(0, num_train)), data.take(slice(num_train, None))


def test_the_hold_out_has_the_share_asked_for():
    rows = cut(table(x=np.arange(50.0)), holdout=0.2, seed=1)
    assert (len(rows.train), len(rows.test), len(rows.dropped)) == (40, 10, 0)
    assert rows.notes == ()


def test_the_same_seed_cuts_the_same_and_another_cuts_differently():
    data = table(x=np.arange(50.0))
    first, again, other = (cut(data, holdout=0.2, seed=seed).test.tolist() for seed in (1, 1, 2))
    assert first == again != other


@pytest.mark.parametrize(("num_rows", "holdout"), [(2, 0.2), (3, 0.9), (1, 0.5)])
def test_too_few_rows_are_refused_with_what_to_do(num_rows, holdout):
    with pytest.raises(DataError, match=rf"{num_rows} rows with .*holdout.*add rows or change split.holdout"):
        cut(table(x=np.arange(float(num_rows))), holdout=holdout, seed=1)


def test_two_rows_are_enough():
    rows = cut(table(x=[1.0, 2.0]), holdout=0.5, seed=1)
    assert len(rows.train) == len(rows.test) == 1


# stratify


def held_out_of(labels: list, holdout: float, seed: int = 1) -> tuple[dict, Cut]:
    data = table(x=np.arange(float(len(labels))), label=pd.Series(labels, dtype="str").astype("category"))
    rows = cut(data, holdout=holdout, seed=seed, stratify="label")
    return pd.Series(labels)[rows.test].value_counts(dropna=False).to_dict(), rows


def test_both_parts_keep_the_proportions_of_the_strata():
    counts, _ = held_out_of(["a"] * 60 + ["b"] * 30 + ["c"] * 10, 0.2)
    assert counts == {"a": 12, "b": 6, "c": 2}


def test_what_does_not_divide_goes_to_the_largest_remainders():
    # wanted: a 2.8, b 1.6, c 0.6 of 5
    counts, _ = held_out_of(["a"] * 14 + ["b"] * 8 + ["c"] * 3, 0.2)
    assert counts == {"a": 3, "b": 2}


def test_a_label_with_one_row_goes_to_the_training_part_and_a_note_says_so():
    counts, rows = held_out_of(["a"] * 10 + ["b"] * 10 + ["rare"], 0.5)
    assert "rare" not in counts
    assert rows.notes == ("the hold-out has no rows of 'rare', since there are too few; no score covers them",)


def test_every_label_keeps_a_training_row_however_large_the_hold_out_is():
    counts, _ = held_out_of(["a"] * 20 + ["b"] * 2, 0.95)
    assert counts == {"a": 19, "b": 1}


def test_missing_labels_are_a_stratum_of_their_own():
    counts, _ = held_out_of(["a"] * 10 + [None] * 10, 0.2)
    assert sorted(counts.values()) == [2, 2]


def test_a_single_missing_label_is_named_as_such():
    _, rows = held_out_of(["a"] * 10 + [None], 0.2)
    assert rows.notes[0].startswith("the hold-out has no rows of a missing value,")


def test_only_the_first_few_labels_without_held_out_rows_are_listed():
    _, rows = held_out_of(["a"] * 20 + [f"rare {n}" for n in range(7)], 0.2)
    assert "'rare 4' and 2 more" in rows.notes[0]


def test_labels_that_are_all_different_cannot_be_stratified():
    with pytest.raises(DataError, match=r"no value of 'label' has two rows.*stratify: false"):
        held_out_of(list("abcdef"), 0.5)


@given(
    sizes=st.lists(st.integers(2, 30), min_size=1, max_size=6),
    holdout=st.floats(0.05, 0.5),
    seed=st.integers(0, 5),
)
def test_every_stratum_is_within_a_row_of_its_share(sizes, holdout, seed):
    labels = [str(number) for number, size in enumerate(sizes) for _ in range(size)]
    num_test = round(holdout * len(labels))
    if not 1 <= num_test < len(labels):
        return
    counts, rows = held_out_of(labels, holdout, seed)
    assert len(rows.test) == num_test
    for number, size in enumerate(sizes):
        assert abs(counts.get(str(number), 0) - num_test * size / len(labels)) < 1


# group


def test_a_group_is_never_on_both_sides():
    data = table(x=np.arange(60.0), customer=np.repeat(np.arange(20), 3))
    rows = cut(data, holdout=0.3, seed=1, group="customer")
    assert not set(values(data, "customer", rows.train)) & set(values(data, "customer", rows.test))
    assert len(rows.test) == 18


def test_groups_larger_than_the_hold_out_are_still_cut():
    data = table(x=np.arange(20.0), customer=np.repeat([0, 1], 10))
    rows = cut(data, holdout=0.1, seed=1, group="customer")
    assert len(rows.train) == len(rows.test) == 10


def test_a_large_hold_out_leaves_a_group_to_train_on():
    data = table(x=np.arange(20.0), customer=[0] * 19 + [1])
    for seed in range(5):
        rows = cut(data, holdout=0.9, seed=seed, group="customer")
        assert sorted((len(rows.train), len(rows.test))) == [1, 19]


def test_one_single_group_cannot_be_cut():
    with pytest.raises(DataError, match="all 10 rows belong to one group by 'customer'"):
        cut(table(x=np.arange(10.0), customer=["c"] * 10), holdout=0.2, seed=1, group="customer")


@pytest.mark.parametrize("key", ["group", "time"])
def test_a_missing_value_in_the_column_that_decides_is_refused_with_its_row(key):
    data = table(x=np.arange(4.0), when=[1.0, 2.0, None, 4.0])
    with pytest.raises(DataError, match=r"column 'when' decides the split.*data row 3 has none"):
        cut(data, holdout=0.25, seed=1, **{key: "when"})


# time


def test_the_hold_out_is_strictly_later():
    when = pd.to_datetime("2024-01-01") + pd.to_timedelta(np.random.default_rng(1).permutation(50), unit="D")
    data = table(x=np.arange(50.0), when=when)
    rows = cut(data, holdout=0.2, seed=1, time="when")
    assert len(rows.test) == 10
    assert max(values(data, "when", rows.train)) < min(values(data, "when", rows.test))


@pytest.mark.parametrize(
    ("times", "num_test"),
    [
        ([1, 2, 3, 3, 3, 4, 5, 6, 7, 8], 5),  # no tie at the cut
        ([1, 2, 3, 4, 5, 5, 5, 5, 5, 8], 6),  # 6 is nearer to 5 than 1
        ([1, 1, 1, 1, 5, 5, 6, 7, 8, 9], 4),  # 4 and 6 are equally near: the fewer
        ([1, 2, 2, 2, 2, 2, 2, 2, 2, 2], 9),  # nothing is later than the last moment
        ([1, 1, 1, 1, 1, 1, 1, 1, 1, 2], 1),  # all the rest is one moment, which must be trained on
    ],
)
def test_rows_of_one_moment_stay_together(times, num_test):
    data = table(x=np.arange(10.0), when=times)
    rows = cut(data, holdout=0.5, seed=1, time="when")
    assert len(rows.test) == num_test
    assert max(values(data, "when", rows.train)) < min(values(data, "when", rows.test))


def test_times_may_be_text_and_are_ordered_as_text():
    data = table(x=np.arange(4.0), when=["2024-03", "2024-01", "2024-04", "2024-02"])
    assert cut(data, holdout=0.5, seed=1, time="when").test.tolist() == [0, 2]


def test_one_single_moment_cannot_be_cut():
    with pytest.raises(DataError, match="all 10 rows have the same 'when'"):
        cut(table(x=np.arange(10.0), when=[7] * 10), holdout=0.2, seed=1, time="when")


# duplicates


def test_duplicates_across_the_cut_are_counted_in_a_note():
    rows = cut(table(x=[1.0] * 10), holdout=0.2, seed=1)
    assert rows.notes[0].startswith("2 of 2 held-out rows are exact duplicates of training rows")


def test_dropping_keeps_the_first_of_equal_rows():
    rows = cut(table(x=[1.0, 2.0, 1.0, 3.0, 2.0, 4.0]), holdout=0.5, seed=1, dedupe="drop")
    assert rows.dropped.tolist() == [2, 4]
    assert rows.notes == ("2 exact duplicates of earlier rows were dropped",)
    assert len(rows.train) == len(rows.test) == 2


def test_the_share_is_taken_of_what_is_left_after_dropping():
    with pytest.raises(DataError, match="1 rows with"):
        cut(table(x=[1.0] * 10), holdout=0.5, seed=1, dedupe="drop")


def test_equal_rows_stay_together_when_grouped():
    data = table(x=np.repeat(np.arange(10.0), 4))
    rows = cut(data, holdout=0.3, seed=1, dedupe="group")
    assert not set(values(data, "x", rows.train)) & set(values(data, "x", rows.test))
    assert len(rows.test) == 12
    assert rows.notes == ()


def test_groups_that_share_an_equal_row_become_one():
    # the group is part of a row only where it is a column: here equal rows can lie in several groups by their arrays
    schema = Schema(columns={"x": Column(type="number"), "customer": Column(type="id")})
    customers = np.repeat(np.arange(6), 2)
    shared = [0, 1, 1, 2, 3, 4, 5, 6, 6, 7, 8, 9]  # customer 0 and 1 share row 1; customer 3 and 4 share row 6
    data = Dataset.of(pd.DataFrame({"x": np.array(shared, float), "customer": customers}), {}, schema)
    for seed in range(5):
        rows = cut(data, holdout=0.3, seed=seed, group="customer", dedupe="group")
        train, test = ({int(customers[row]) for row in part} for part in (rows.train, rows.test))
        assert not train & test
        for pair in ({0, 1}, {3, 4}):
            assert pair <= train or pair <= test
        assert rows.notes == ()


def test_rows_that_differ_by_their_id_alone_are_equal():
    schema = Schema(columns={"key": Column(type="id"), "x": Column(type="number")})
    data = Dataset.of(pd.DataFrame({"key": np.arange(6), "x": [1.0, 1.0, 2.0, 2.0, 3.0, 3.0]}), {}, schema)
    assert cut(data, holdout=0.3, seed=1, dedupe="drop").dropped.tolist() == [1, 3, 5]


def test_arrays_count_when_rows_are_compared():
    schema = infer(pd.DataFrame({"x": [1.0] * 4}), {"v": np.zeros((4, 2))})
    data = Dataset.of(pd.DataFrame({"x": [1.0] * 4}), {"v": np.array([[0, 0], [0, 0], [0, 1], [1, 0]], float)}, schema)
    assert cut(data, holdout=0.3, seed=1, dedupe="drop").dropped.tolist() == [1]


# what always holds


@given(
    xs=st.lists(st.integers(0, 8), min_size=6, max_size=40),
    holdout=st.floats(0.1, 0.8),
    seed=st.integers(0, 3),
    how=st.sampled_from(["random", "stratify", "group", "time"]),
    dedupe=st.sampled_from(["keep", "drop", "group"]),
)
def test_every_row_is_in_exactly_one_part_in_ascending_order(xs, holdout, seed, how, dedupe):
    data = table(x=np.array(xs), y=np.arange(len(xs)) // 2)
    options = {} if how == "random" else {how: "x"}
    try:
        rows = cut(data, holdout=holdout, seed=seed, dedupe=dedupe, **options)
    except DataError:
        return
    parts = [rows.train, rows.test, rows.dropped]
    assert sorted(np.concatenate(parts).tolist()) == list(range(len(xs)))
    for part in parts:
        assert part.dtype == np.int64
        assert part.tolist() == sorted(part.tolist())
    assert len(rows.train)
    assert len(rows.test)
    assert dedupe == "drop" or not len(rows.dropped)


# what lies on both sides


def pictures(num_rows: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (num_rows, 20, 24, 3), dtype=np.uint8)


def of_pictures(images: np.ndarray) -> Dataset:
    frame = pd.DataFrame({"x": np.arange(float(len(images)))})
    return Dataset.of(frame, {"photo": images}, infer(frame, {"photo": images}))


def test_nearly_equal_pictures_across_the_cut_are_counted():
    images = pictures(40)
    noise = np.random.default_rng(1).integers(-2, 3, images[:3].shape)
    images[30:33] = np.clip(images[:3] + noise, 0, 255)
    data = of_pictures(images)
    (note,) = note_near_duplicates(*parts(data, 30), seed=1)
    assert note.startswith("3 of 10 held-out images")


def test_pictures_of_their_own_and_equal_ones_are_no_near_duplicates():
    images = pictures(40)
    images[30] = images[0]  # counted as an exact one
    data = of_pictures(images)
    assert note_near_duplicates(*parts(data, 30), seed=1) == []


def test_tables_have_no_pictures_to_compare():
    data = table(x=np.arange(9.0))
    assert note_near_duplicates(*parts(data, 5), seed=1) == []
