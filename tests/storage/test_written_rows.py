"""What a run has written, read back."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import augment
from augment.data import Column, Dataset, Schema, infer, observe
from augment.errors import DataError, DiskError
from augment.storage.written_rows import Part, feature_array, target_array


def _run(folder, name="digits", **sections):
    tree = {
        "name": name,
        "source": {"use": "sklearn", "with": {"dataset": "digits", "imbalance": {"8": 20}}},
        "generators": ["bootstrap"],
        "mix": {"rows": 30},
        "trial": False,
        "filters": [],
        "metrics": [],
        "reporters": [],
        **sections,
    }
    return augment.run(tree, out=folder, workers=0)


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    folder = tmp_path_factory.mktemp("images")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AUGMENT_STORE", str(folder / "store"))
        return _run(folder / "run", sinks=["image-folder", "npz", "parquet"])


@pytest.mark.parametrize("sink", ["image-folder", "npz", "parquet"])
def test_images_come_back_to_the_bit_whatever_they_were_written_as(images, sink):
    run = augment.load(images.folder)
    written = run.manifest.data.written["train"]
    for other in set(written) - {sink}:
        del written[other]
    assert f"train-{run.real.data.fingerprint()}" == run.manifest.train
    assert len(run.synthetic) == 30


def test_arrays_are_memory_maps(images):
    assert isinstance(augment.load(images.folder).train.arrays["image"], np.memmap)


def test_origin_says_who_made_each_row(images):
    train = images.train
    assert set(train.origin) == {"real", "bootstrap"}
    assert train.frame["origin"].tolist() == train.origin.tolist()
    assert set(images.test.origin) == {"real"}
    assert len(train.only("real")) + len(train.only("bootstrap")) == len(train)


def test_an_unknown_origin_is_refused_with_those_that_are_there(images):
    with pytest.raises(DataError, match="'gan'; there are bootstrap, real"):
        images.train.only("gan")


def test_a_changed_file_is_refused(tmp_path):
    run = _run(tmp_path / "run")
    (run.folder / "data/test.parquet").write_bytes(b"PAR1")
    with pytest.raises(DiskError, match="not what the run wrote"):
        _ = augment.load(run.folder).test


def test_tables_come_back_from_csv_with_their_types_and_ids(tmp_path):
    labels = ["=no", "+yes"]  # which the sink guards against spreadsheets
    rows = [f"{100 + i},{i % 7}.25,0{i % 5},2024{1 + i % 12:02}28,{labels[i % 3 > 0]}" for i in range(60)]
    (tmp_path / "in.csv").write_text("\n".join(["account_id,income,postcode,day,churned", *rows]), encoding="utf-8")
    run = augment.run(
        {
            "name": "table",
            "source": {"use": "csv", "with": {"path": str(tmp_path / "in.csv")}},
            "schema": {"target": "churned", "columns": {"postcode": {"type": "category"}}},
            "generators": ["smote"],
            "trial": False,
            "filters": [],
            "metrics": [],
            "reporters": [],
            "sinks": ["csv"],
        },
        out=tmp_path / "run",
        workers=0,
    )
    assert f"train-{run.real.data.drop_columns(['account_id']).fingerprint()}" == run.manifest.train
    assert run.train.data.schema == run.schema
    assert set(run.train.frame["churned"]) == set(labels)
    assert run.train.frame["account_id"].is_unique
    assert run.train.frame["day"].between(20240128, 20241228).all()
    X, y = run.train.to_numpy()
    assert X.shape == (len(run.train), 3)
    assert np.bincount(y).tolist() == [32, 32]


def _table():
    frame = pd.DataFrame(
        {
            "n": [1.5, np.nan, 3.0, 4.0],
            "flag": [True, False, None, True],
            "colour": ["red", "blue", "red", None],
            "day": pd.to_datetime(["1970-01-02", None, "1970-01-01", "1970-01-01"]),
            "y": ["a", "b", "a", "b"],
        }
    )
    schema, _ = observe(infer(frame).model_copy(update={"target": "y"}), frame)
    columns = {**schema.columns, "colour": Column(type="category", categories=("blue", "red"), nullable=True)}
    columns["y"] = Column(type="category", categories=("a", "b"))
    return Dataset.of(frame, {}, schema.model_copy(update={"columns": columns}))


def test_a_part_shows_its_origins_and_first_rows():
    table = _table()
    part = Part(table, np.array(["real"] * (len(table) - 1) + ["<g>"], dtype=object))
    assert repr(part) == f"Part({len(table) - 1} real + 1 <g>)"
    assert part._repr_html_().startswith(f"<p>Part({len(table) - 1} real + 1 &lt;g&gt;)</p><table")
    assert repr(table.schema).startswith("Schema(table, columns '")
    assert len(repr(table.schema)) < 200


def test_features_are_numbers_with_gaps_where_values_are_missing():
    nan = np.nan
    expected = [[1.5, 1, 1, 86400], [nan, 0, 0, nan], [3, nan, 1, 0], [4, 1, nan, 0]]
    np.testing.assert_array_equal(feature_array(_table()), expected)


def test_classes_are_positions_in_the_schema():
    assert target_array(_table()).tolist() == [0, 1, 0, 1]


def test_a_numeric_target_keeps_its_unit_and_no_target_is_none():
    schema = Schema(columns={"x": Column(type="number"), "y": Column(type="number")}, target="y")
    data = Dataset.of(pd.DataFrame({"x": [1.0], "y": [2.5]}), {}, schema)
    assert target_array(data).tolist() == [2.5]
    assert target_array(data.drop_columns(["y"])) is None


def test_text_is_no_number_and_said_so():
    schema = Schema(columns={"t": Column(type="text"), "x": Column(type="number")})
    with pytest.raises(DataError, match=r"'t' is text.*`frame`"):
        feature_array(Dataset.of(pd.DataFrame({"t": ["a"], "x": [1.0]}), {}, schema))


def test_a_hugging_face_dataset_has_class_labels_pictures_and_origins(images):
    datasets = pytest.importorskip("datasets")
    made = images.synthetic.to_huggingface()
    assert made.features["digit"] == datasets.ClassLabel(names=[str(digit) for digit in range(10)])
    assert made[:]["digit"] == target_array(images.synthetic.data).tolist()
    np.testing.assert_array_equal(np.asarray(made[3]["image"]), images.synthetic.arrays["image"][3, :, :, 0])
    assert set(made[:]["origin"]) == {"bootstrap"}


def test_a_hugging_face_dataset_keeps_missing_values_and_nested_arrays():
    pytest.importorskip("datasets")
    table = _table()
    series = np.arange(24, dtype=np.float32).reshape(4, 3, 2)
    schema = infer(table.frame, {"s": series}).model_copy(update={"columns": table.schema.columns, "target": "y"})
    made = Part(Dataset.of(table.frame, {"s": series}, schema), np.array(["real"] * 4, dtype=object)).to_huggingface()
    assert made[1]["n"] is None
    assert made[2]["flag"] is None
    assert made[3]["colour"] is None
    np.testing.assert_array_equal(np.array(made[:]["s"]), series)
