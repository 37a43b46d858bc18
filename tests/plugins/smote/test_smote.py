from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest
from example_data import dataset

from augment.data import Dataset, Schema, SchemaDeclaration, as_labels, check, infer
from augment.data.conformity import valid_rows
from augment.errors import DataError
from augment.plugin.context import Context
from augment_smote.bases import MAX_NOMINAL_ROWS
from augment_smote.smote import Smote


def observed(frame: pd.DataFrame, target: str = "y", **columns: dict) -> Dataset:
    return dataset(frame, target=target, columns=columns)


def numeric_frame(num_rows: int = 60) -> pd.DataFrame:
    rng = np.random.default_rng(3)
    return pd.DataFrame(
        {
            "x": rng.normal(5, 2, num_rows).round(2),
            "n": rng.integers(0, 50, num_rows),
            "y": np.where(np.arange(num_rows) % 4 == 0, "rare", "usual"),
        }
    )


def mixed_frame(num_rows: int = 60) -> pd.DataFrame:
    rng = np.random.default_rng(4)
    return numeric_frame(num_rows).assign(
        colour=rng.choice(["red", "green", "blue"], num_rows),
        on=rng.random(num_rows) < 0.5,
        day=pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 300, num_rows), unit="D"),
    )


FRAMES = {
    "numeric": numeric_frame(),
    "mixed": mixed_frame(),
    "categorical": mixed_frame()[["colour", "on", "y"]],
}


def sample(data: Dataset, labels: list, tmp_path, seed: int = 0, generator: Smote | None = None) -> Dataset:
    generator = generator or Smote().fit(data, Context(seed=1, folder=tmp_path))
    return generator.sample(pd.DataFrame({"y": labels}), Context(seed=seed, folder=tmp_path, train=data))


@pytest.fixture(params=FRAMES)
def data(request: pytest.FixtureRequest) -> Dataset:
    return observed(FRAMES[request.param])


def test_the_rows_asked_for_come_with_their_labels_and_in_schema(data: Dataset, tmp_path) -> None:
    labels = ["rare", "usual", "rare", "rare"] * 5
    made = sample(data, labels, tmp_path)
    assert as_labels(made.frame["y"]).tolist() == labels
    assert check(made.frame, made.arrays, data.schema) == []
    assert valid_rows(made.frame, made.arrays, data.schema).all()


@pytest.mark.slow
def test_a_smaller_request_is_a_prefix_of_a_larger_one(data: Dataset, tmp_path) -> None:
    labels = ["rare", "usual", "usual"] * 700
    whole = sample(data, labels, tmp_path)
    for size in (1, 7, 1024, len(labels)):
        assert sample(data, labels[:size], tmp_path).equals(whole.take(slice(0, size)))


def test_the_seed_decides_the_rows(data: Dataset, tmp_path) -> None:
    first, again, other = (sample(data, ["rare"] * 20, tmp_path, seed) for seed in (1, 1, 2))
    assert first.equals(again)
    assert not first.equals(other)


def test_a_loaded_generator_makes_the_same_rows_and_the_same_bytes(data: Dataset, tmp_path) -> None:
    generator = Smote().fit(data, Context(seed=1, folder=tmp_path))
    folders = [tmp_path / name for name in ("first", "second")]
    for folder, smote in zip(folders, (generator, Smote().fit(data, Context(seed=9, folder=tmp_path))), strict=True):
        folder.mkdir()
        smote.save(folder)
    for file in folders[0].iterdir():
        assert file.read_bytes() == (folders[1] / file.name).read_bytes()
    loaded = Smote.load(folders[0], Smote.Params())
    labels = ["rare", "usual"] * 8
    assert sample(data, labels, tmp_path, generator=loaded).equals(sample(data, labels, tmp_path, generator=generator))


def test_global_random_state_is_left_alone(data: Dataset, tmp_path) -> None:
    before = np.random.get_state()[1].tolist()  # noqa: NPY002
    sample(data, ["rare"] * 10, tmp_path)
    assert np.random.get_state()[1].tolist() == before  # noqa: NPY002


def test_rows_lie_between_rows_of_their_class(tmp_path) -> None:
    frame = pd.DataFrame({"x": [0.0, 1.0, 10.0, 11.0], "z": [0.0, 1.0, 5.0, 6.0], "y": ["a", "a", "b", "b"]})
    data = observed(frame, x={"decimals": 6}, z={"decimals": 6})
    made = sample(data, ["a"] * 50 + ["b"] * 50, tmp_path).frame
    low, high = made[made.y == "a"], made[made.y == "b"]
    assert low.x.between(0, 1).all()
    assert high.x.between(10, 11).all()
    assert np.allclose(low.x, low.z, atol=1e-5)
    assert low.x.nunique() > 20


def test_integers_stay_whole_decimals_and_bounds_are_kept(tmp_path) -> None:
    data = observed(mixed_frame(), n={"min": 10, "max": 30}, x={"min": 4.0})
    made = sample(data, ["rare"] * 300, tmp_path).frame
    assert made.n.dtype == "int64"
    assert made.n.between(10, 30).all()
    assert (made.x.round(2) == made.x).all()
    assert made.x.min() >= 4
    assert (made.day == made.day.dt.normalize()).all()


def test_integer_labels_are_kept_as_integers(tmp_path) -> None:
    frame = numeric_frame().assign(y=lambda rows: np.where(rows.y == "rare", 7, -1))
    made = sample(observed(frame), [7, -1, 7], tmp_path)
    assert made.frame.y.tolist() == [7, -1, 7]


def test_without_a_condition_classes_keep_their_proportions(data: Dataset, tmp_path) -> None:
    generator = Smote().fit(data, Context(seed=1, folder=tmp_path))
    made = [
        generator.sample(pd.DataFrame(index=pd.RangeIndex(n)), Context(seed=5, folder=tmp_path, train=data))
        for n in (400, 30)
    ]
    share = (made[0].frame.y == "rare").mean()
    assert 0.17 < share < 0.33
    assert made[1].equals(made[0].take(slice(0, 30)))


def test_a_class_with_few_rows_has_fewer_neighbours(tmp_path) -> None:
    frame = pd.DataFrame({"x": [0.0, 1, 5, 6, 7, 8, 9, 10, 11], "y": ["a"] * 2 + ["b"] * 7})
    assert sample(observed(frame), ["a"] * 5, tmp_path).frame.x.between(0, 1).all()


def test_a_class_of_one_row_repeats_it_and_one_of_none_is_refused_when_asked_for(tmp_path) -> None:
    frame = pd.DataFrame({"x": [0.0, 1, 2, 3], "y": ["a", "a", "a", "lonely"]})
    data = observed(frame, y={"categories": ["a", "absent", "lonely"]})
    assert sample(data, ["lonely", "a", "lonely"], tmp_path).frame.x[[0, 2]].tolist() == [3, 3]
    with pytest.raises(DataError, match="y = 'absent', which no training row has"):
        sample(data, ["a", "absent"], tmp_path)


def test_a_dataset_with_one_class_only_can_be_sampled(tmp_path) -> None:
    for frame in FRAMES.values():
        data = observed(frame.assign(y="all"), y={"type": "category"})
        assert len(sample(data, ["all"] * 3, tmp_path)) == 3


def test_constant_columns_stay_constant(tmp_path) -> None:
    frame = mixed_frame().assign(x=1.5, n=3, day=pd.Timestamp("2024-05-05"))
    made = sample(observed(frame), ["rare"] * 20, tmp_path).frame
    assert (made.x == 1.5).all()
    assert (made.n == 3).all()
    assert made.colour.isin(["red", "green", "blue"]).all()


def test_rows_that_are_equally_near_are_drawn_among(tmp_path) -> None:
    rows = [row for row in itertools.product("abc", "abc", "abc") for _ in "xy"]
    frame = pd.DataFrame(rows, columns=list("pqr")).assign(y=["common", "rare"] * 27)
    made = sample(observed(frame), ["rare"] * 200, tmp_path).frame
    assert len(made.drop_duplicates()) > 10  # one row 200 times, where the first of equally near ones are taken


@pytest.mark.slow
def test_a_large_class_of_categories_only_takes_little_memory(tmp_path) -> None:
    rng = np.random.default_rng(0)
    num_rows = MAX_NOMINAL_ROWS + 500
    frame = pd.DataFrame({"a": rng.choice(list("pqrs"), num_rows), "b": rng.choice(list("uvw"), num_rows)})
    frame["y"] = np.where(np.arange(num_rows) < MAX_NOMINAL_ROWS + 400, "much", "little")
    made = sample(observed(frame), ["much"] * 10, tmp_path)
    assert made.equals(sample(observed(frame), ["much"] * 10, tmp_path))
    assert len(made) == 10


def test_missing_values_are_refused_before_anything_is_fitted() -> None:
    frame = numeric_frame()
    frame.loc[3, "x"] = None
    assert "missing values" in Smote.accepts.refusal(observed(frame).schema)


def test_a_table_without_features_is_refused(tmp_path) -> None:
    with pytest.raises(DataError, match="no column beside the target"):
        Smote().fit(observed(pd.DataFrame({"y": ["a", "b"]})), Context(seed=0, folder=tmp_path))


def test_arrays_are_refused(tmp_path) -> None:
    arrays = {"v": np.zeros((2, 3), dtype=np.float32)}
    frame = pd.DataFrame({"y": ["a", "b"]})
    schema: Schema = infer(frame, arrays, SchemaDeclaration(target="y"))
    with pytest.raises(DataError, match="array 'v'"):
        Smote().fit(Dataset.of(frame, arrays, schema), Context(seed=0, folder=tmp_path))
