from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from augment.data import Array, Column, Dataset, Schema, as_labels
from augment.engine.judge_tasks import balanced_weights, load_parts, missing_rows, with_copies
from augment.errors import DataError

KINDS = {
    "category": ["a", "b", "c"],
    "boolean": [False, True],
    "integer": [3, 10, -1],
}


def table(labels: list, kind: str = "category") -> Dataset:
    columns = {"x": Column(type="number"), "y": Column(type=kind)}
    frame = pd.DataFrame({"x": np.arange(float(len(labels))), "y": labels})
    return Dataset.of(frame, {}, Schema(columns=columns, target="y"))


def as_integers(data: Dataset) -> dict[str, int]:
    return pd.Series(as_labels(data.frame["y"])).value_counts().to_dict()


def oversampled(data: Dataset, rng: np.random.Generator) -> Dataset:
    return with_copies(data, missing_rows(as_integers(data)), rng)


LABELS = st.lists(st.sampled_from("abc"), min_size=1, max_size=40)


@given(labels=LABELS)
def test_balanced_weights_give_every_class_the_same_total_and_a_mean_of_one(labels):
    weights = balanced_weights(table(labels))
    totals = pd.Series(weights).groupby(labels).sum()
    np.testing.assert_allclose(totals, len(labels) / len(totals))
    np.testing.assert_allclose(weights.mean(), 1)


@pytest.mark.parametrize("kind", KINDS)
def test_classes_of_every_type_are_weighted(kind):
    first, second, *_ = KINDS[kind]
    np.testing.assert_allclose(balanced_weights(table([first, first, first, second], kind)), [2 / 3] * 3 + [2])


@given(labels=LABELS, seed=st.integers(0, 5))
def test_oversampling_keeps_all_rows_and_repeats_only_smaller_classes(labels, seed):
    data = table(labels)
    more = oversampled(data, np.random.default_rng(seed))
    largest = max(as_integers(data).values())
    assert set(as_integers(more).values()) == {largest}
    pd.testing.assert_frame_equal(more.frame.iloc[: len(data)], data.frame)
    repeated = more.frame.iloc[len(data) :]
    labels_at = dict(zip(data.frame["x"], labels, strict=True))
    assert [labels_at[x] for x in repeated["x"]] == repeated["y"].tolist()
    assert all(as_integers(data)[label] < largest for label in repeated["y"])


def test_copies_are_of_the_labels_that_are_wanted():
    data = table(["a", "a", "b", "c"])
    more = with_copies(data, {"b": 3, "a": 1}, np.random.default_rng(0))
    assert more.frame["y"].iloc[4:].tolist() == ["a", "b", "b", "b"]
    assert len(with_copies(data, {"": 5}, np.random.default_rng(0))) == 9


@pytest.mark.parametrize("kind", KINDS)
def test_classes_of_every_type_are_oversampled(kind):
    first, second, *_ = KINDS[kind]
    more = oversampled(table([first, first, first, second], kind), np.random.default_rng(0))
    assert set(as_integers(more).values()) == {3}


def test_oversampling_takes_the_payload_along():
    data = table(["a", "a", "a", "b"])
    schema = data.schema.model_copy(update={"arrays": {"v": Array(type="vector", shape=(1,), dtype="float64")}})
    data = Dataset(data.frame, {"v": data.frame[["x"]].to_numpy()}, schema)
    more = oversampled(data, np.random.default_rng(0))
    np.testing.assert_array_equal(more.arrays["v"][:, 0], more.frame["x"])


def test_other_random_numbers_repeat_other_rows():
    data = table(["a"] * 30 + ["b"] * 10)
    first, again, other = (oversampled(data, np.random.default_rng(seed)).frame["x"].tolist() for seed in (1, 1, 2))
    assert first == again != other


# parts


@pytest.fixture
def parts(tmp_path):
    """Writes rows numbered from 0 in folders of these sizes; gives the folders."""

    def written(*sizes: int) -> list[Path]:
        folders, start = [], 0
        for number, size in enumerate(sizes):
            frame = pd.DataFrame({"x": np.arange(start, start + size, dtype=float)})
            arrays = {"v": frame.to_numpy()}
            schema = Schema(
                columns={"x": Column(type="number")}, arrays={"v": Array(type="vector", shape=(1,), dtype="float64")}
            )
            folder = tmp_path / f"{'-'.join(map(str, sizes))}-{number}"
            Dataset.of(frame, arrays, schema).save(folder)
            folders.append(folder)
            start += size
        return folders

    return written


@pytest.mark.parametrize("sizes", [(5,), (3, 2), (1, 0, 4), (0, 5)])
def test_all_rows_of_all_parts_come_in_order(parts, sizes):
    data = load_parts(parts(*sizes), seed=1)
    assert data.frame["x"].tolist() == [0, 1, 2, 3, 4]
    np.testing.assert_array_equal(data.arrays["v"][:, 0], data.frame["x"])


def test_as_many_rows_as_may_be_are_all_kept(parts):
    assert len(load_parts(parts(3, 2), seed=1, most=5)) == 5


def test_too_many_rows_are_a_sample_without_repeats_in_order(parts):
    data = load_parts(parts(40, 0, 60), seed=1, most=30)
    rows = data.frame["x"].tolist()
    assert len(rows) == 30
    assert rows == sorted(set(rows))
    assert min(rows) < 40 <= max(rows)
    np.testing.assert_array_equal(data.arrays["v"][:, 0], rows)


def test_the_sample_follows_from_the_seed_and_not_from_how_rows_lie_in_parts(parts):
    one = load_parts(parts(100), seed=1, most=30).frame["x"].tolist()
    folders = parts(40, 60)
    assert load_parts(folders, seed=1, most=30).frame["x"].tolist() == one
    assert load_parts(folders, seed=2, most=30).frame["x"].tolist() != one


def test_no_parts_are_an_error_in_words():
    with pytest.raises(DataError, match="no rows"):
        load_parts([], seed=1)
