from __future__ import annotations

import io
import zipfile

import numpy as np
import pandas as pd
import pytest
from example_data import dataset

from augment.data import ArrayDeclaration, Dataset, SchemaDeclaration, check, infer
from augment.errors import DataError
from augment.plugin.context import Context
from augment_arrays.npz_sink import NpzSink
from augment_arrays.npz_source import NpzSource


def read(path, declared=None, **params):
    source = NpzSource(NpzSource.Params(path=path, **params))
    return source.read(Context(seed=0, folder=path.parent, declared=declared or SchemaDeclaration()))


def save(folder, **arrays):
    np.savez(folder / "data.npz", **arrays)
    return folder / "data.npz"


def mixed(num_rows=7):
    frame = pd.DataFrame(
        {
            "size": np.linspace(0, 1, num_rows),
            "count": pd.array([1, None, *range(num_rows - 2)], dtype="Int64"),
            "label": pd.Series([None, *["ä", "long label"] * num_rows][:num_rows]),
            "on": [True, False, *[True] * (num_rows - 2)],
            "day": pd.date_range("2020-01-01", periods=num_rows).where(np.arange(num_rows) != 2),
        }
    )
    images = np.random.default_rng(0).integers(0, 256, (num_rows, 4, 5, 3)).astype(np.uint8)
    arrays = {"image": images, "wave": np.linspace(-1, 1, num_rows * 3, dtype=np.float32).reshape(num_rows, 3)}
    return dataset(frame, arrays, arrays={"wave": ArrayDeclaration(type="audio", rate=8.0)})


def test_what_the_sink_writes_the_source_reads_back(tmp_path):
    data = mixed()
    [path] = NpzSink().write("train", data.batches(3), data.schema, tmp_path)
    back = read(path, SchemaDeclaration(arrays={"wave": ArrayDeclaration(type="audio", rate=8.0)}))
    assert path == tmp_path / "train.npz"
    assert check(back.frame, back.arrays, back.schema) == []
    assert Dataset.of(back.frame[list(data.schema.columns)], back.arrays, data.schema).equals(data)


def test_numpy_reads_what_the_sink_writes_without_pickle(tmp_path):
    data = mixed()
    [path] = NpzSink().write("test", data.batches(3), data.schema, tmp_path)
    with np.load(path, allow_pickle=False) as arrays:
        assert sorted(arrays.files) == sorted([*data.schema.columns, *data.schema.arrays])
        np.testing.assert_array_equal(arrays["image"], data.arrays["image"])
        assert arrays["label"].tolist()[:3] == ["", "ä", "long label"]
        assert arrays["label"].dtype == "U10"
        assert arrays["count"].dtype == np.float64
        assert arrays["on"].dtype == bool


def test_equal_data_gives_equal_bytes_whatever_the_batches(tmp_path):
    data = mixed()
    blobs = []
    for size in (1, 3, 100):
        [path] = NpzSink().write("train", data.batches(size), data.schema, tmp_path)
        blobs.append(path.read_bytes())
    assert blobs[0] == blobs[1] == blobs[2]


def test_no_rows_give_a_file_with_empty_arrays(tmp_path):
    data = mixed()
    [path] = NpzSink().write("test", [], data.schema, tmp_path)
    with np.load(path) as arrays:
        assert arrays["image"].shape == (0, 4, 5, 3)
        assert arrays["label"].shape == (0,)


def test_a_failing_stream_leaves_nothing_behind(tmp_path):
    data = mixed()

    def batches():
        yield data
        raise RuntimeError("the power failed")

    with pytest.raises(RuntimeError, match="power"):
        NpzSink().write("train", batches(), data.schema, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_integers_that_floats_cannot_hold_are_refused_beside_missing_values(tmp_path):
    frame = pd.DataFrame({"big": pd.array([2**60 + 1, None, 3], dtype="Int64")})
    data = Dataset.of(frame, {}, infer(frame))
    for size in (1, 3):
        with pytest.raises(DataError, match=r"'big'.*1152921504606846977"):
            NpzSink().write("train", data.batches(size), data.schema, tmp_path)


def test_missing_booleans_are_written_as_text(tmp_path):
    frame = pd.DataFrame({"on": pd.array([True, None, False], dtype="boolean")})
    data = Dataset.of(frame, {}, infer(frame))
    [path] = NpzSink().write("train", data.batches(1), data.schema, tmp_path)
    with np.load(path) as arrays:
        assert arrays["on"].tolist() == ["True", "", "False"]


def test_dates_that_were_integers_are_such(tmp_path):
    frame = pd.DataFrame({"ymd": [20240131, 20240229]})
    data = Dataset.of(frame, {}, infer(frame))
    [path] = NpzSink().write("train", data.batches(1), data.schema, tmp_path)
    with np.load(path) as arrays:
        assert arrays["ymd"].tolist() == [20240131, 20240229]


def test_a_name_shared_by_column_and_array_is_refused(tmp_path):
    frame = pd.DataFrame({"x": [1.0]})
    arrays = {"x": np.zeros((1, 2), np.float32)}
    data = Dataset.of(frame, arrays, infer(frame, arrays))
    with pytest.raises(DataError, match="'x'"):
        NpzSink().write("train", [data], data.schema, tmp_path)


def test_grey_images_get_a_channel_and_labels_become_the_target(tmp_path):
    path = save(tmp_path, image=np.zeros((6, 8, 8), np.uint8), label=np.array(["a", "b"] * 3))
    data = read(path, SchemaDeclaration(target="label"))
    assert data.arrays["image"].shape == (6, 8, 8, 1)
    assert data.schema.modality == "image"
    assert data.schema.columns["label"].type == "category"


def test_floats_are_kept_as_float32_and_integers_as_int32(tmp_path):
    path = save(tmp_path, series=np.ones((3, 4, 2)), tokens=np.ones((3, 4), np.int64), x=np.ones(3, np.float16))
    data = read(path)
    assert {name: (array.type, array.dtype) for name, array in data.schema.arrays.items()} == {
        "series": ("series", "float32"),
        "tokens": ("tokens", "int32"),
    }
    assert data.frame["x"].dtype == np.float64


def test_bytes_are_read_as_utf_8_and_foreign_byte_order_as_numbers(tmp_path):
    path = save(tmp_path, word=np.array(["ä".encode(), b"b"]), number=np.array([1.5, 2.5], dtype=">f8"))
    data = read(path)
    assert data.frame["word"].astype("object").tolist() == ["ä", "b"]
    assert data.frame["number"].tolist() == [1.5, 2.5]


def test_only_the_named_members_are_read(tmp_path):
    path = save(tmp_path, x=np.ones(3), other=np.ones(5))
    assert list(read(path, names=("x",)).frame) == ["x"]
    with pytest.raises(DataError, match="did you mean 'other'"):
        read(path, names=("othr",))


def test_pickled_objects_are_refused_and_never_loaded(tmp_path):
    class Trap:
        def __reduce__(self):
            return (pytest.fail, ("the pickle was loaded",))

    path = tmp_path / "data.npz"
    np.savez(path, x=np.array([Trap(), Trap()], dtype=object))
    with pytest.raises(DataError, match=r"'x'.*never loaded"):
        read(path)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"a": np.ones(3), "b": np.ones(4)}, "'a' has 3, 'b' has 4"),
        ({"a": np.array([[1.0], [np.nan]])}, "'a', row 2"),
        ({"a": np.array([[1.0], [1e300]])}, "'a', row 2"),
        ({"a": np.array([1.0, 2.0, np.inf])}, "'a', row 3"),
        ({"a": np.array([[1, 1], [2**40, 1]])}, "'a', row 2"),
        ({"a": np.array([1, 2**63], dtype=np.uint64)}, "'a', row 2"),
        ({"a": np.float64(3)}, "single value"),
        ({"a": np.ones(3, complex)}, "complex128"),
        ({"a": np.zeros(3, [("x", float)])}, "type"),
        ({"a": np.zeros((2, 3, 16, 16), np.uint8)}, "channels last"),
        ({"a": np.array([b"\xff", b"b"])}, "UTF-8"),
        ({}, "no arrays"),
    ],
)
def test_unusable_arrays_are_refused_by_name(tmp_path, arrays, message):
    with pytest.raises(DataError, match=message):
        read(save(tmp_path, **arrays))


def test_a_file_that_unpacks_too_large_is_refused_before_loading(tmp_path):
    path = tmp_path / "data.npz"
    np.savez_compressed(path, a=np.zeros((5000, 10), np.float32))
    with pytest.raises(DataError, match="max_gigabytes"):
        read(path, max_gigabytes=1e-4)


def test_a_header_that_claims_more_than_is_there_is_refused(tmp_path):
    lie = io.BytesIO()
    np.lib.format.write_array_header_1_0(lie, {"descr": "<f8", "fortran_order": False, "shape": (10**15,)})
    with zipfile.ZipFile(tmp_path / "data.npz", "w") as archive:
        archive.writestr("a.npy", lie.getvalue() + bytes(80))
    with pytest.raises(DataError, match="damaged"):
        read(tmp_path / "data.npz")


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(DataError, match=r"nowhere\.npz"):
        read(tmp_path / "nowhere.npz")


def test_damaged_files_are_refused(tmp_path):
    path = save(tmp_path, a=np.arange(100.0))
    whole = path.read_bytes()
    flipped = bytearray(whole)
    flipped[len(whole) // 2] ^= 1
    for damaged in (b"", b"not a zip", whole[: len(whole) // 2], bytes(flipped)):
        path.write_bytes(damaged)
        with pytest.raises(DataError, match=r"data\.npz"):
            read(path)


def test_of_training_and_test_parts_the_larger_is_read(tmp_path, caplog):
    parts = {
        f"{what}_{part}": np.zeros((n, *shape), np.uint8)
        for part, n in (("train", 6), ("test", 2))
        for what, shape in (("x", (4, 4)), ("y", ()))
    }
    path = save(tmp_path, **parts)
    assert NpzSource.settings_for(path) == {"names": ["x_train", "y_train"]}
    assert "only x_train, y_train are read, which have 6 rows; x_test, y_test have another number" in caplog.text
    assert NpzSource.settings_for(save(tmp_path, x=np.zeros(3), y=np.ones(3))) == {}


def test_a_second_axis_of_length_one_makes_no_array(tmp_path):
    data = read(save(tmp_path, x=np.zeros((3, 4, 4), np.uint8), label=np.array([[0], [1], [1]])))
    assert data.frame.label.tolist() == [0, 1, 1]


def test_labels_with_one_1_in_each_row_are_noted(tmp_path, caplog):
    read(save(tmp_path, x=np.zeros((3, 4, 4), np.uint8), y=np.eye(2)[[0, 1, 1]], v=np.zeros((3, 2))))
    assert [record.getMessage().partition("array ")[2][:25] for record in caplog.records] == [
        "'y' has one 1 in each row"
    ]


def test_names_of_fields_beyond_latin_1_are_refused(tmp_path):
    with (
        pytest.warns(UserWarning, match="format 3.0"),
        pytest.raises(DataError, match="structured arrays cannot be read"),
    ):
        read(save(tmp_path, a=np.zeros(2, [("größe→", float)])))
