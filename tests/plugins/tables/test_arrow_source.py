from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from augment.data import Dataset
from augment.detect.formats import find_source
from augment.detect.formats import read as look_at
from augment.errors import DataError
from augment.plugin.catalog import Catalog
from augment.plugin.context import Context
from augment_tables.arrow_source import ArrowSource
from augment_tables.parquet_source import ParquetSource

FRAME = pd.DataFrame(
    {
        "x": [0.5, None, 2.0],
        "n": [1, 2, 3],
        "label": pd.Categorical(["a", "b", "a"]),
        "day": pd.to_datetime(["2024-01-01", "2024-01-02", "2024-01-03"]),
    }
)


def read(path: Any, **params: Any) -> Dataset:
    return ArrowSource(ArrowSource.Params(path=path, **params)).read(Context(seed=0, folder=Path("unused")))


def write_stream(path: Path, **columns: Any) -> None:
    table = pa.table(columns)
    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_stream(file, table.schema) as writer:
        writer.write_table(table)


def saved_dataset(folder: Path, *values: list[int], **state: Any) -> Path:
    """As `datasets.Dataset.save_to_disk` leaves it: shards, and what lists them."""
    folder.mkdir(parents=True)
    names = [f"data-{number:05}-of-{len(values):05}.arrow" for number in range(len(values))]
    for name, part in zip(names, values, strict=True):
        write_stream(folder / name, x=part)
    (folder / "state.json").write_text(json.dumps({"_data_files": [{"filename": name} for name in names], **state}))
    (folder / "dataset_info.json").write_text("{}")
    return folder


@pytest.mark.parametrize("compression", ["uncompressed", "lz4", "zstd"])
def test_feather_keeps_values_and_types(compression: Any, tmp_path: Path) -> None:
    FRAME.to_feather(tmp_path / "data.feather", compression=compression)
    assert find_source(tmp_path / "data.feather", Catalog()) is ArrowSource
    FRAME.to_parquet(tmp_path / "data.parquet")
    same = ParquetSource(ParquetSource.Params(path=tmp_path / "data.parquet")).read(Context(0, tmp_path))
    data = read(tmp_path / "data.feather")
    types = {name: column.stored_as.arrow for name, column in data.schema.columns.items() if column.stored_as}
    assert types == {"label": "dictionary<values=large_string, indices=int8, ordered=0>"}
    assert data.schema.features == same.schema.features
    pd.testing.assert_frame_equal(data.frame, same.frame)


def test_lists_become_arrays(tmp_path: Path) -> None:
    write_stream(tmp_path / "data.arrow", v=[[1.0, 2.0], [3.0, 4.0]], y=["a", "b"])
    assert np.array_equal(read(tmp_path / "data.arrow").arrays["v"], [[1, 2], [3, 4]])


def test_a_saved_dataset_is_read_in_its_own_order(tmp_path: Path) -> None:
    folder = saved_dataset(tmp_path / "saved", [3, 1], [2])
    assert find_source(folder, Catalog()) is ArrowSource
    dataset, settings, _ = look_at(ArrowSource, folder)
    assert dataset.frame.x.tolist() == [3, 1, 2]
    assert settings == {}
    write_stream(folder / "cache-1234.arrow", x=[9])  # `map` leaves such files
    assert read(folder).frame.x.tolist() == [3, 1, 2]


def test_saved_splits_are_answered_with_the_folder_of_one(tmp_path: Path) -> None:
    for name in ("train", "test"):
        saved_dataset(tmp_path / "saved" / name, [1])
    (tmp_path / "saved" / "dataset_dict.json").write_text('{"splits": ["test", "train"]}')
    message = r"saved: holds the parts test, train; name one of them, such as .*saved/train"
    with pytest.raises(DataError, match=message):
        find_source(tmp_path / "saved", Catalog())
    with pytest.raises(DataError, match=message):
        read(tmp_path / "saved")


@pytest.mark.parametrize(
    ("state", "message"),
    [
        ({"_indices_data_files": [{"filename": "indices.arrow"}]}, r"its rows are a selection; call `flatten_indices"),
        ({"_data_files": [{"filename": "../data.arrow"}]}, r"does not list the files of a dataset in this folder"),
        ({"_data_files": []}, r"does not list the files"),
        ({"_data_files": [{"filename": "gone.arrow"}]}, r"gone\.arrow: no such file"),
    ],
)
def test_a_saved_dataset_that_cannot_be_read_whole_is_refused(state: dict, message: str, tmp_path: Path) -> None:
    write_stream(tmp_path / "data.arrow", x=[1])
    with pytest.raises(DataError, match=message):
        read(saved_dataset(tmp_path / "saved", [1], **state))


def test_an_old_or_damaged_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "data.feather"
    path.write_bytes(b"FEA1" + bytes(20))
    with pytest.raises(DataError, match="Feather in its first version"):
        read(path)
    path.write_bytes(b"x,y\n1,2\n")
    with pytest.raises(DataError, match="is not a whole Arrow file"):
        read(path)


def test_offsets_that_lead_out_of_the_file_are_refused(tmp_path: Path) -> None:
    write_stream(tmp_path / "data.arrow", y=["a" * 7, "bb"])
    content = (tmp_path / "data.arrow").read_bytes()
    good, bad = (np.array(offsets, np.int32).tobytes() for offsets in ([0, 7, 9], [0, 1_000_000_000, 9]))
    assert content.count(good) == 1
    (tmp_path / "data.arrow").write_bytes(content.replace(good, bad))
    with pytest.raises(DataError, match="is not a whole Arrow file"):
        read(tmp_path / "data.arrow")


LEFT_OUT: dict[str, pa.Array] = {
    "list": pa.array([["a"], ["a", "b"]]),
    "ragged": pa.array([[1.0], [1.0, 2.0]]),
    "duration": pa.array([1, 2], pa.duration("s")),
    "large": pa.array([2**63, 1], pa.uint64()),
    "bytes": pa.array([b"a", b"b"]),
    "struct": pa.array([{"a": 1}, {"a": 2}]),
}


def test_columns_that_no_dataset_can_hold_are_left_out_by_init(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    table = pa.table({"x": [1, 2], "small": pa.array([1, 2], pa.uint64()), **LEFT_OUT, "v": [[1.0], [2.0]]})
    pq.write_table(table, tmp_path / "data.parquet")
    for name in LEFT_OUT:
        with pytest.raises(DataError, match=f"column '{name}'"):
            ParquetSource(ParquetSource.Params(path=tmp_path / "data.parquet", columns=[name])).read(
                Context(0, tmp_path)
            )
    dataset, settings, left_out = look_at(ParquetSource, tmp_path / "data.parquet")
    assert settings == {"columns": ["x", "small", "v"]}
    assert list(dataset.frame) == ["x", "small"]
    assert [*dataset.arrays] == ["v"]
    assert [record.args[0] for record in caplog.records] == [*LEFT_OUT]
    assert left_out == {}


def test_periods_of_pandas_are_no_numbers(tmp_path: Path) -> None:
    frame = FRAME.assign(month=pd.period_range("2024-01", periods=3, freq="M"))
    frame.to_parquet(tmp_path / "data.parquet")
    with pytest.raises(DataError, match=r"column 'month' holds periods of pandas.*to_timestamp\(\)"):
        ParquetSource(ParquetSource.Params(path=tmp_path / "data.parquet")).read(Context(0, tmp_path))
    assert look_at(ParquetSource, tmp_path / "data.parquet")[1] == {"columns": ["x", "n", "label", "day"]}


def test_a_file_without_a_column_that_can_be_read_says_why(tmp_path: Path) -> None:
    pq.write_table(pa.table({"d": LEFT_OUT["duration"]}), tmp_path / "data.parquet")
    with pytest.raises(DataError, match="column 'd' holds values of type duration"):
        look_at(ParquetSource, tmp_path / "data.parquet")


@pytest.mark.parametrize(("fraction", "date_format"), [(0, "%H:%M:%S"), (250_000, "%H:%M:%S.%f")])
def test_times_of_day_are_times_also_where_all_differ(fraction: int, date_format: str, tmp_path: Path) -> None:
    clock = pa.array([61_000_000 * n + fraction for n in range(60)], pa.time64("us"))
    pq.write_table(pa.table({"at": clock}), tmp_path / "data.parquet")
    data, _, left_out = look_at(ParquetSource, tmp_path / "data.parquet")
    column = data.schema.columns["at"]
    assert (column.type, column.date_format, left_out) == ("datetime", date_format, {})
    assert data.frame["at"].dt.strftime("%H:%M:%S")[59] == "00:59:59"


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ([[1, None], [2, 3]], "holds 1 missing numbers"),
        ([[1, 2**40], [2, 3]], "integers that do not fit into 32 bits"),
        ([[1.0, float("inf")], [2.0, 3.0]], "not finite, or too large for float32"),
    ],
)
def test_lists_that_no_array_can_hold_are_refused(values: list[list[Any]], told: str, tmp_path: Path) -> None:
    write_stream(tmp_path / "data.arrow", x=[1, 2], v=values)
    with pytest.raises(DataError, match=f"column 'v' holds .*{told}|column 'v' {told}"):
        read(tmp_path / "data.arrow")


def test_a_saved_dataset_with_a_damaged_state_is_refused(tmp_path: Path) -> None:
    folder = saved_dataset(tmp_path / "saved", [1])
    (folder / "state.json").write_text("{")
    with pytest.raises(DataError, match=r"state\.json: is not JSON"):
        read(folder)
