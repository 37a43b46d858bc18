"""The types that files store, learned and kept."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from augment.data import Column, Dataset, Schema, StoredType
from augment.data.conformity import valid_rows
from augment.errors import DataError
from augment.plugin.context import Context
from augment.toolkit.tables.stored_types import stored_table
from augment_tables.arrow_sink import ArrowSink
from augment_tables.parquet_sink import ParquetSink
from augment_tables.parquet_source import ParquetSource


def read(tmp_path, **columns):
    pq.write_table(pa.table(columns), tmp_path / "data.parquet")
    return ParquetSource(ParquetSource.Params(path=tmp_path / "data.parquet")).read(Context(0, tmp_path))


def test_what_a_narrow_type_cannot_hold_is_out_of_bounds(tmp_path):
    data = read(
        tmp_path,
        small=pa.array([1, 2], pa.int8()),
        count=pa.array([1, 2], pa.uint64()),
        price=pa.array([Decimal("1.25"), None], pa.decimal128(5, 2)),
        usual=pa.array([1, 2], pa.int64()),
        empty=pa.array([None, None], pa.int16()),
    )
    assert data.schema.columns.pop("empty").stored_as.arrow == "int16"
    bounds = {name: (column.min, column.max) for name, column in data.schema.columns.items()}
    assert bounds == {"small": (-128, 127), "count": (0, None), "price": (-999.99, 999.99), "usual": (None, None)}
    assert data.schema.columns["usual"].stored_as is None
    columns = {"small": [128, 127, -129], "count": [1, -1, 1], "price": [1, 1, 1e3], "usual": [1, 1, 1]}
    frame = pd.DataFrame(columns)
    made = Dataset.of(frame, {}, data.schema)
    assert valid_rows(made.frame, {}, made.schema).tolist() == [False, False, False]


@pytest.mark.parametrize(
    ("kind", "column", "values", "stored"),
    [
        ("id", "int8", [1, 128], "int64"),
        ("number", "decimal128(3, 1)", [1.0, 100.0], "double"),
        ("number", "float", [1.0, 1e39], "double"),
        ("datetime", "timestamp[ns]", [pd.Timestamp("2024-01-01"), pd.Timestamp("2500-01-01")], "timestamp"),
        ("category", "int8", ["1", "x"], "string"),
    ],
)
def test_what_cannot_be_stored_is_refused_with_the_way_out(tmp_path, kind, column, values, stored):
    schema = Schema(columns={"x": Column(type=kind, stored_as=StoredType(arrow=column))})
    data = Dataset.of(pd.DataFrame({"x": values}), {}, schema)
    with pytest.raises(DataError, match=rf"column 'x': .*say `x: \{{stored_as: \{{arrow: {stored}"):
        ParquetSink().write("train", [data], schema, tmp_path)


def test_a_column_that_a_transform_made_another_type_has_its_usual_one():
    schema = Schema(columns={"x": Column(type="number", stored_as=StoredType(arrow="int8"))})
    table = stored_table(pa.table({"x": [0.5]}), schema, "parquet")
    assert table["x"].type == pa.float64()


def test_a_declared_type_is_written(tmp_path):
    schema = Schema(columns={"x": Column(type="integer", stored_as=StoredType(arrow="int16"))})
    ParquetSink().write("train", [Dataset.of(pd.DataFrame({"x": [1]}), {}, schema)], schema, tmp_path)
    assert pq.read_schema(tmp_path / "train.parquet").field("x").type == pa.int16()
    with pytest.raises(ValueError, match="'int17' is not a type of Arrow"):
        StoredType(arrow="int17")


def test_what_is_finer_than_columns_can_be_is_noted(tmp_path, caplog):
    read(tmp_path, t=pa.array([1001, 2000], pa.timestamp("ns")), d=pa.array([Decimal("0.12345678901234567891")] * 2))
    assert [message.partition(": ")[2] for message in caplog.messages] == [
        "column 't': times are read to the microsecond, and nanoseconds are cut off",
        "column 'd': decimals of more than 15 digits are read as the nearest number",
    ]
    caplog.clear()
    read(tmp_path, t=pa.array([dt.datetime(2024, 1, 1)], pa.timestamp("ns")), d=pa.array([Decimal("0.1")]))
    assert not caplog.messages


def test_labels_that_later_rows_bring_are_added_in_feather_files(tmp_path, monkeypatch):
    monkeypatch.setattr("augment_tables.arrow_sink.ROWS_A_GROUP", 2)
    schema = Schema(columns={"x": Column(type="category", categories=("a", "b"))})
    labels = ["a", "b", "z", "a", "c", "y", None, "b"]
    data = Dataset.of(pd.DataFrame({"x": labels}), {}, schema)
    ArrowSink().write("test", data.batches(3), schema, tmp_path)
    assert pd.read_feather(tmp_path / "test.feather")["x"].astype(object).replace(np.nan, None).tolist() == labels
