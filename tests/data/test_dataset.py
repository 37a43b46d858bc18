from __future__ import annotations

import datetime

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as np_strategies

from augment.data import Array, Column, ColumnDeclaration, Dataset, Schema, SchemaDeclaration, infer
from augment.errors import DataError, DiskError
from augment.testing import example

TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=6)
VALUES = {
    "number": st.none() | st.floats(allow_nan=False, allow_infinity=False),
    "integer": st.none() | st.integers(-(2**63), 2**63 - 1),
    "boolean": st.none() | st.booleans(),
    "category": st.none() | TEXT,
    "text": st.none() | TEXT,
    "datetime": st.none() | st.datetimes(datetime.datetime(1700, 1, 1), datetime.datetime(2250, 1, 1)),
}
ARRAYS = {
    "image": ((2, 3, 1), np.uint8),
    "series": ((2, 2), np.float32),
    "tokens": ((3,), np.int32),
    "vector": ((0,), np.float32),
}
NAMES = TEXT.filter(bool)


@st.composite
def datasets(draw, min_rows=0):
    num_rows = draw(st.integers(min_rows, 5))
    kinds = draw(st.dictionaries(NAMES, st.sampled_from(sorted(VALUES)), min_size=1, max_size=4))
    frame = pd.DataFrame(
        {
            name: pd.Series(draw(st.lists(VALUES[kind], min_size=num_rows, max_size=num_rows)), dtype=object)
            for name, kind in kinds.items()
        },
        index=pd.RangeIndex(num_rows),
    )
    described, arrays = {}, {}
    for name, kind in draw(st.dictionaries(NAMES, st.sampled_from(sorted(ARRAYS)), max_size=2)).items():
        shape, dtype = ARRAYS[kind]
        values = np_strategies.arrays(
            dtype, (num_rows, *shape), elements={"allow_nan": False} if dtype == np.float32 else None
        )
        arrays[name] = draw(values)
        described[name] = Array(type=kind, shape=shape, dtype=np.dtype(dtype).name)
    schema = Schema(columns={name: Column(type=kind) for name, kind in kinds.items()}, arrays=described)
    return Dataset.of(frame, arrays, schema)


def _table(**columns):
    frame = pd.DataFrame(columns)
    return Dataset(frame, {}, Schema(columns={name: Column(type="number") for name in columns}))


@given(data=datasets())
def test_what_is_saved_is_loaded(tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("data") / "deep" / "saved"
    data.save(folder)
    loaded = Dataset.load(folder)
    assert loaded.equals(data)
    pd.testing.assert_frame_equal(loaded.frame, data.frame)


@given(data=datasets(min_rows=1), size=st.integers(1, 6))
def test_batches_put_together_are_the_whole(data, size):
    batches = list(data.batches(size))
    assert all(len(batch) <= size for batch in batches)
    together = Dataset.concat(batches)
    assert together.equals(data)
    pd.testing.assert_frame_equal(together.frame, data.frame)


@given(data=datasets(min_rows=1), draw=st.data())
def test_rows_are_taken_in_the_order_asked_and_renumbered(data, draw):
    rows = np.array(draw.draw(st.lists(st.integers(0, len(data) - 1), max_size=6)), dtype=np.int64)
    taken = data.take(rows)
    assert taken.frame.index.equals(pd.RangeIndex(len(rows)))
    for name in data.frame:
        expected = [data.frame[name].iloc[row] for row in rows]
        assert [None if pd.isna(v) else v for v in taken.frame[name]] == [None if pd.isna(v) else v for v in expected]
    for name, values in data.arrays.items():
        np.testing.assert_array_equal(taken.arrays[name], values[rows])


@given(datasets(min_rows=1), st.data())
def test_rows_are_gathered_as_they_are_taken(tmp_path_factory, data, draw):
    rows = np.array(draw.draw(st.lists(st.integers(0, len(data) - 1), max_size=6)), dtype=np.int64)
    gathered = data.gather(rows, tmp_path_factory.mktemp("gathered") / "parts")
    assert gathered.equals(data.take(rows))


def test_gathered_arrays_are_memory_maps_and_copied_in_parts(tmp_path, monkeypatch):
    monkeypatch.setattr("augment.data.dataset.GATHERED", 3)
    data = example("image", 10)
    rows = np.array([9, 0, 4, 4, 1, 7, 2], dtype=np.int64)
    gathered = data.gather(rows, tmp_path / "parts")
    assert isinstance(gathered.arrays["image"], np.memmap)
    assert gathered.equals(data.take(rows))


def test_a_mask_and_a_slice_take_the_same_rows_as_positions():
    data = example("image", rows=10)
    mask = np.zeros(10, dtype=bool)
    mask[2:5] = True
    assert data.take(mask).equals(data.take(slice(2, 5)))
    assert data.take(mask).equals(data.take(np.array([2, 3, 4])))


@pytest.mark.parametrize("size", [1, 4, 10, 11])
def test_no_batch_is_empty(size):
    assert [len(batch) for batch in example(rows=10).batches(size)] == [size] * (10 // size) + [10 % size] * (
        10 % size > 0
    )


# -- equality


@given(data=datasets(min_rows=2))
def test_equal_rows_have_equal_fingerprints_and_hashes_wherever_they_lie(data):
    twice = data.take(np.r_[np.arange(len(data)), np.arange(len(data))])
    again = twice.take(slice(len(data), None))
    assert again.equals(data)
    assert data.row_hashes().tolist() == again.row_hashes().tolist()


CHANGES = {
    "a number": lambda d: Dataset(d.frame.assign(height=d.frame.height + 1e-12), d.arrays, d.schema),
    "the sign of zero": lambda d: Dataset(d.frame.assign(height=d.frame.height * 0.0 * -1), d.arrays, d.schema),
    "a label": lambda d: Dataset.of(d.frame.assign(colour="red"), d.arrays, d.schema),
    "a gap": lambda d: Dataset(d.frame.assign(height=d.frame.height.where(d.frame.index > 0)), d.arrays, d.schema),
    "a pixel": lambda d: Dataset(d.frame, {"image": d.arrays["image"] ^ (np.arange(8) == 3)[:, None]}, d.schema),
    "the order": lambda d: d.take(np.arange(len(d))[::-1]),
    "the number of rows": lambda d: d.take(slice(0, -1)),
    "the unit": lambda d: Dataset(
        d.frame,
        d.arrays,
        d.schema.model_copy(
            update={"columns": {n: c.model_copy(update={"unit": "m"}) for n, c in d.schema.columns.items()}}
        ),
    ),
}


@pytest.mark.parametrize("change", CHANGES)
def test_any_change_makes_data_unequal(change):
    data = example("image", rows=10)
    if change == "the sign of zero":
        data = Dataset(data.frame.assign(height=0.0), data.arrays, data.schema)
    assert not CHANGES[change](data).equals(data)


def test_the_order_of_known_labels_does_not_count():
    frames = [
        pd.DataFrame({"x": pd.Categorical(["a", "b"], categories=order)}) for order in (["a", "b"], ["b", "c", "a"])
    ]
    schema = Schema(columns={"x": Column(type="category")})
    assert Dataset(frames[0], {}, schema).equals(Dataset(frames[1], {}, schema))


def test_a_fingerprint_never_changes():
    # runs are found again by it: this text is a promise
    frame = pd.DataFrame({"a": [1.5, None], "b": ["x", "ä"], "c": [1, 2]})
    schema = Schema(
        columns={name: Column(type=kind) for name, kind in zip("abc", ["number", "text", "integer"], strict=True)}
    )
    assert Dataset.of(frame, {}, schema).fingerprint().startswith("8a40f5724edb3250")


def test_a_row_hash_sees_each_of_two_equal_arrays():
    vectors = np.arange(6, dtype=np.float32).reshape(3, 2)
    array = Array(type="vector", shape=(2,), dtype="float32")
    schema = Schema(columns={}, arrays={"a": array, "b": array})
    data = Dataset(pd.DataFrame(index=pd.RangeIndex(3)), {"a": vectors, "b": vectors.copy()}, schema)
    assert len(set(data.row_hashes().tolist())) == 3


def test_a_row_hash_can_leave_columns_out():
    data = example(rows=10).drop_columns(["target"])
    same = Dataset.of(data.frame.assign(height=1.0), {}, data.schema)
    assert not np.array_equal(data.row_hashes(), same.row_hashes())
    np.testing.assert_array_equal(data.row_hashes(without=["height"]), same.row_hashes(without=["height"]))


# -- construction


def test_an_array_with_another_number_of_rows_is_refused():
    with pytest.raises(DataError, match="'v' has 2 rows; the frame has 1"):
        Dataset(pd.DataFrame({"x": [1.0]}), {"v": np.zeros((2, 3))})


def test_the_arrays_of_a_dataset_cannot_be_exchanged():
    data = example("image", rows=3)
    with pytest.raises(TypeError):
        data.arrays["image"] = None


def test_putting_nothing_together_is_refused():
    with pytest.raises(DataError, match="no rows"):
        Dataset.concat([])


def test_datasets_with_different_columns_are_not_put_together():
    with pytest.raises(DataError, match="different columns"):
        Dataset.concat([_table(a=[1.0]), _table(b=[1.0])])
    images = example("image", rows=3)
    with pytest.raises(DataError, match="different columns or arrays"):
        Dataset.concat([images, Dataset(images.frame, {}, images.schema)])


def test_arrays_of_another_shape_or_with_other_tokens_are_not_put_together():
    def tokens(*vocabulary, width=2):
        array = Array(type="tokens", shape=(width,), dtype="int64", vocabulary=vocabulary)
        frame = pd.DataFrame(index=pd.RangeIndex(1))
        return Dataset(frame, {"t": np.zeros((1, width), np.int64)}, Schema(columns={}, arrays={"t": array}))

    assert len(Dataset.concat([tokens("a", "b"), tokens("a", "b", "c"), tokens("a")])) == 3
    for other in (tokens("b", "a"), tokens("a", "c", "b"), tokens("a", "b", width=3)):
        with pytest.raises(DataError, match="array 't' has rows of another shape, or tokens with other names"):
            Dataset.concat([tokens("a", "b"), other])


def test_labels_that_only_one_part_has_stay_categories():
    schema = Schema(columns={"x": Column(type="category")})
    parts = [Dataset.of(pd.DataFrame({"x": [label]}), {}, schema) for label in ("a", "b")]
    together = Dataset.concat(parts).frame.x
    assert isinstance(together.dtype, pd.CategoricalDtype)
    assert together.tolist() == ["a", "b"]


def test_dropping_columns_drops_them_as_target_and_payload():
    data = example("text", rows=3)
    dropped = data.drop_columns(["target", "message"])
    assert list(dropped.frame.columns) == list(dropped.schema.columns) == ["height", "colour"]
    assert (dropped.schema.target, dropped.schema.payload, dropped.schema.text_payload) == (None, None, None)
    assert data.drop_columns(["height"]).schema.target == "target"


# -- files


def test_pictures_without_any_column_are_loaded(tmp_path):
    data = example("image", "none", rows=3, columns=[])
    assert list(data.schema.columns) == []
    data.save(tmp_path / "data")
    assert Dataset.load(tmp_path / "data").equals(data)


def test_one_column_is_loaded_as_it_is_in_the_whole(tmp_path):
    frame = pd.DataFrame({"x": [1, None, 3], "label": ["b", "a", None], "n": [2**60 + 1, None, 5]}, dtype=object)
    declared = SchemaDeclaration(target="label", columns={"n": ColumnDeclaration(type="integer")})
    data = Dataset.of(frame.astype({"n": "Int64"}), {}, infer(frame.astype({"n": "Int64"}), {}, declared))
    data.save(tmp_path / "data")
    for name in data.frame:
        pd.testing.assert_series_equal(Dataset.load_column(tmp_path / "data", name), data.frame[name])
    (tmp_path / "data" / "frame.arrow").write_bytes(b"")
    with pytest.raises(DiskError, match="cannot be read"):
        Dataset.load_column(tmp_path / "data", "x")


def test_loaded_arrays_are_read_only_memory_maps(tmp_path):
    example("image", rows=3).save(tmp_path / "data")
    values = Dataset.load(tmp_path / "data").arrays["image"]
    assert isinstance(values, np.memmap)
    with pytest.raises(ValueError, match="read-only"):
        values[0] = 0


def test_saving_twice_gives_the_same_bytes(tmp_path):
    for name in ("one", "other"):
        example("image", rows=9, missing=True).save(tmp_path / name)
    for path in (tmp_path / "one").iterdir():
        assert path.read_bytes() == (tmp_path / "other" / path.name).read_bytes()


def test_no_array_is_ever_pickled(tmp_path):
    schema = Schema(columns={}, arrays={"a": Array(type="vector", shape=(1,), dtype="object")})
    data = Dataset(pd.DataFrame(index=pd.RangeIndex(1)), {"a": np.array([["x"]], dtype=object)}, schema)
    with pytest.raises(ValueError, match="allow_pickle"):
        data.save(tmp_path / "data")


def test_what_is_there_already_is_not_overwritten(tmp_path):
    example(rows=3).save(tmp_path / "data")
    with pytest.raises(FileExistsError):
        example(rows=3).save(tmp_path / "data")


def test_the_arrow_table_holds_labels_as_dictionaries_and_nothing_about_pandas():
    table = example(rows=3).to_arrow()
    assert str(table.schema.field("colour").type).startswith("dictionary")
    assert table.schema.metadata is None


def test_steps_are_told_from_padding():
    array = Array(type="tokens", shape=(3,), dtype="int32", vocabulary=("a", "b"), length_column="n")
    schema = Schema(columns={"n": Column(type="integer")}, arrays={"items": array})
    data = Dataset(pd.DataFrame({"n": [0, 2, 3]}), {"items": np.zeros((3, 3), np.int32)}, schema)
    assert data.step_mask("items").tolist() == [[False] * 3, [True, True, False], [True] * 3]
