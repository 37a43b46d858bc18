"""Data in memory: held as a file would hold it, and given back as it came."""

from __future__ import annotations

import datetime as dt
import decimal

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import torch

from augment.data import Dataset, SchemaDeclaration
from augment.errors import DataError
from augment.in_memory import Form, hold
from augment.plugin import Context
from augment_tables.parquet_source import ParquetSource

RNG = np.random.default_rng(0)
PIXELS = RNG.integers(0, 256, (6, 5, 4, 3), dtype=np.uint8)
LABELS = np.array(["cat", "dog"] * 3)


def read(held, folder):
    """What the source of such files makes of the data."""
    path = held.write(folder)
    declared = SchemaDeclaration.model_validate({**held.declared, "target": held.target})
    data = ParquetSource(ParquetSource.Params(path=path)).read(Context(0, folder, declared=declared))
    assert isinstance(data, Dataset)
    return data


def there_and_back(folder, data, y=None, target=None):
    held = hold(data, y, target)
    return Form.model_validate_json(held.form.model_dump_json()).restore(read(held, folder))


FRAME = pd.DataFrame(
    {
        "number": RNG.normal(size=6),
        "small": np.arange(6, dtype="int8"),
        "gaps": pd.array([1, None, 3] * 2, dtype="Int64"),
        "yes": [True, False] * 3,
        "maybe": pd.array([True, None, False] * 2, dtype="boolean"),
        "label": pd.Categorical(list("abcabc"), categories=["c", "b", "a", "unused"], ordered=True),
        "text": [f"some longer remark, number {number}" for number in range(6)],
        "zone": pd.date_range("2020-01-01", periods=6, tz="Europe/Berlin"),
        "day": [dt.date(2020, 1, number) for number in range(1, 7)],
        "price": [decimal.Decimal(f"{number}.50") for number in range(6)],
        "half": RNG.normal(size=6).astype("float32"),
    }
)


def test_a_frame_comes_back_with_its_types(tmp_path):
    pd.testing.assert_frame_equal(there_and_back(tmp_path, FRAME, target="label"), FRAME)


def test_it_is_what_the_file_would_hold(tmp_path):
    FRAME.to_parquet(tmp_path / "file.parquet")
    path = tmp_path / "file.parquet"
    declared = SchemaDeclaration(target="label")
    by_file = ParquetSource(ParquetSource.Params(path=path)).read(Context(0, tmp_path, declared=declared))
    assert read(hold(FRAME, target="label"), tmp_path).equals(by_file)


def test_the_named_index_and_numbers_as_names_of_columns_come_back(tmp_path):
    indexed = FRAME[["number", "yes"]].set_axis(pd.Index(list("uvwxyz"), name="who"))
    pd.testing.assert_frame_equal(there_and_back(tmp_path, indexed), indexed)
    numbered = pd.DataFrame(RNG.normal(size=(4, 2)))
    pd.testing.assert_frame_equal(there_and_back(tmp_path, numbered, target=1), numbered, check_column_type=False)


class Capsule:
    """All that is known of a table of a library: the Arrow PyCapsule interface."""

    def __init__(self, table):
        self._table = table

    def __arrow_c_stream__(self, requested_schema=None):
        return self._table.__arrow_c_stream__(requested_schema)


class Interchange:
    """The same, by the dataframe protocol."""

    def __init__(self, table):
        self._table = table

    def __dataframe__(self, *args, **kwargs):
        return self._table.__dataframe__(*args, **kwargs)


@pytest.mark.parametrize("of", [lambda table: table, Capsule, Interchange], ids=["table", "capsule", "interchange"])
def test_tables_of_any_library_are_read(tmp_path, of):
    table = pa.table({"a": RNG.normal(size=4), "b": pa.array(list("xyxy"), pa.string())})
    assert there_and_back(tmp_path, of(table), target="b").equals(table)


@pytest.mark.parametrize(
    "y",
    [[1, 0] * 3, LABELS, LABELS.tolist(), np.array([0.5, 1, 2, 3, 4, 5]), np.array([True, False] * 3)],
    ids=["list", "words", "list of words", "numbers", "booleans"],
)
def test_features_and_labels_come_back_apart_in_their_types(tmp_path, y):
    X = RNG.normal(size=(6, 2)).astype(np.float32)
    more, labels = there_and_back(tmp_path, X, y)
    np.testing.assert_array_equal(more, X)
    assert more.dtype == X.dtype
    assert type(labels) is type(y)
    np.testing.assert_array_equal(labels, y)
    assert np.asarray(labels).dtype == np.asarray(y).dtype


def test_a_frame_with_a_series_comes_back_as_such(tmp_path):
    y = pd.Series(LABELS, name="animal", dtype="category")
    X, labels = there_and_back(tmp_path, FRAME[["number", "label"]], y)
    pd.testing.assert_frame_equal(X, FRAME[["number", "label"]])
    assert labels.name == "animal"
    assert labels.tolist() == LABELS.tolist()


class Items(torch.utils.data.Dataset):
    """A map-style dataset of these items."""

    def __init__(self, items):
        self.items = items

    def __len__(self):
        return len(self.items)

    def __getitem__(self, row):
        return self.items[row]


TENSOR = torch.tensor(PIXELS).permute(0, 3, 1, 2)
ARRAYS = {
    "NHWC": PIXELS,
    "NHW": PIXELS[..., 0],
    "NCHW": PIXELS.transpose(0, 3, 1, 2),
    "floats": PIXELS.astype(np.float32),
    "shares": PIXELS / 255,
    "series": RNG.normal(size=(6, 7, 2)).astype(np.float32),
    "texts": np.array([f"the cat number {number} sat" for number in range(6)]),
}


@pytest.mark.parametrize("name", ARRAYS)
def test_arrays_come_back_in_their_layout_and_type(tmp_path, name):
    X, y = there_and_back(tmp_path, ARRAYS[name], LABELS)
    np.testing.assert_array_equal(X, ARRAYS[name])
    assert X.dtype == ARRAYS[name].dtype
    np.testing.assert_array_equal(y, LABELS)


@pytest.mark.parametrize("tensor", [TENSOR, TENSOR.float() / 255], ids=["bytes", "shares"])
def test_tensors_and_torch_datasets_come_back_as_such(tmp_path, tensor):
    labels = torch.tensor([0, 1] * 3)
    X, y = there_and_back(tmp_path, tensor, labels)
    torch.testing.assert_close(X, tensor, rtol=0, atol=0)
    torch.testing.assert_close(y, labels)
    dataset = there_and_back(tmp_path, torch.utils.data.TensorDataset(tensor, labels))
    torch.testing.assert_close(dataset[:][0], tensor, rtol=0, atol=0)
    torch.testing.assert_close(dataset[:][1], labels)


@pytest.mark.parametrize("lengths", [[3, 5, 4, 3, 2, 5], [4] * 6], ids=["any", "one"])
@pytest.mark.parametrize("shape", [(), (2,)], ids=["T", "TF"])
def test_lists_of_series_come_back_in_their_lengths(tmp_path, lengths, shape):
    series = [RNG.normal(size=(length, *shape)).astype(np.float32) for length in lengths]
    more, _ = there_and_back(tmp_path, series, LABELS)
    assert all(np.array_equal(one, other) for one, other in zip(more, series, strict=True))


def test_lists_of_texts_come_back(tmp_path):
    texts = [f"the cat number {number} sat" for number in range(6)]
    held = hold(texts, [0, 1] * 3)
    assert read(held, tmp_path).schema.modality == "text"
    assert there_and_back(tmp_path, texts, [0, 1] * 3) == (texts, [0, 1] * 3)


def test_hugging_face_classes_are_read_by_their_names(tmp_path):
    datasets = pytest.importorskip("datasets")
    features = datasets.Features({"a": datasets.Value("float32"), "y": datasets.ClassLabel(names=["no", "yes"])})
    table = pa.table({"a": [0.5, 1, 2, 3], "y": [0, 1, 1, 0]}, schema=features.arrow_schema)
    rows = datasets.Dataset(
        datasets.table.InMemoryTable(table), info=datasets.DatasetInfo(features=features), fingerprint="0"
    )
    data = read(hold(rows, target="y"), tmp_path)
    assert data.frame["y"].tolist() == ["no", "yes", "yes", "no"]
    assert data.schema.columns["a"].type == "number"


@pytest.mark.parametrize(
    ("data", "y", "message"),
    [
        (object(), None, "got builtins.object"),
        ([], None, "got an empty one"),
        (FRAME[:0], None, "no rows"),
        (pd.DataFrame({"a": [1, "x"]}), None, "column 'a' holds values of the types 'int', 'str'"),
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), None, "'a' twice"),
        (np.zeros((2, 2)), [1, "1"], r"1 and '1' are one label"),
        (np.zeros((2, 2)), [{"a"}, {"a", "b"}], "got rows of type set. For several labels"),
        (np.zeros((2, 2)), np.eye(2), r"one label or number a row, \(N,\); got shape \(2, 2\)"),
        (np.zeros((2, 2)), [0, 1, 1], "has 2 rows, and y has 3"),
        (PIXELS + 0.3, None, "whole numbers from 0 to 255"),
        (PIXELS.astype(float) - 1, None, "undo what normalised them"),
        (np.zeros((2, 5, 5, 7)), None, "1, 3 or 4 channels"),
        (np.zeros(3), None, r"shape \(3,\)"),
        ([PIXELS[0], PIXELS[1][:2]], None, "all rows need one shape"),
        ([np.zeros(2), np.zeros((2, 2))], None, r"have \[1, 2\]"),
        ([np.zeros(2), np.zeros(0)], None, "series 1 of the list is empty"),
        (Items([{"image": TENSOR[0], "label": 1}]), None, r'got dict.* `return item\["image"\], item\["label"\]`'),
        ([1, "a"], None, "this one holds 'int', 'str'"),
    ],
)  # fmt: skip
def test_what_cannot_be_held_is_refused_in_words(data, y, message):
    with pytest.raises(DataError, match=message):
        hold(data, y)


def test_pixels_from_0_to_1_are_rounded_to_256_levels_and_stay_floats(tmp_path, caplog):
    sixteenths = np.arange(2 * 8 * 8 * 1).reshape(2, 8, 8, 1) % 17 / 16
    back, _ = there_and_back(tmp_path, sixteenths, [0, 1])
    assert back.dtype == sixteenths.dtype
    np.testing.assert_array_equal(back, np.round(sixteenths * 255) / 255)
    assert "rounded to 256 levels" in caplog.text
    caplog.clear()
    hold(back)
    assert not caplog.text


def test_the_target_is_a_column_or_y():
    with pytest.raises(DataError, match="not both"):
        hold(FRAME, LABELS, target="label")
    with pytest.raises(DataError, match="target='labl' is not a column"):
        hold(FRAME, target="labl")


def test_equal_data_gives_equal_bytes(tmp_path):
    contents = []
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        contents.append(hold(PIXELS.copy(), LABELS).write(tmp_path / name).read_bytes())
    assert contents[0] == contents[1]


@pytest.mark.parametrize(
    ("values", "is_noted"),
    [
        (RNG.integers(0, 17, (6, 8, 8)).astype(np.float64), True),
        (RNG.normal(size=(6, 8, 8)), False),
        (RNG.integers(0, 17, (6, 40, 8)).astype(np.float64), False),
        (RNG.integers(0, 17, (6, 3, 3)).astype(np.float64), False),
    ],
    ids=["like-grey-images", "no-whole-numbers", "long", "tiny"],
)
def test_series_that_could_be_images_are_noted(values, is_noted, caplog):
    hold(values, LABELS)
    assert ("with an axis for their channels: x[..., np.newaxis]" in caplog.text) == is_noted
