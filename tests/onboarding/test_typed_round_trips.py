"""Files with types of their own come back in them: Parquet, Feather, JSON, workbooks."""

from __future__ import annotations

import datetime as dt
import sqlite3
from contextlib import closing
from decimal import Decimal

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyarrow import feather
from round_trips import came_back, check_frames, check_real
from slowly import slowly

from augment.onboarding import write_pipeline

NUM_ROWS = 40


def of_arrow_types():
    rng = np.random.default_rng(0)
    moments = [dt.datetime(2024, 1, 1) + dt.timedelta(hours=37 * row) for row in range(NUM_ROWS)]
    numbers = rng.integers(0, 100, NUM_ROWS)
    levels = pa.DictionaryArray.from_arrays(
        pa.array(rng.integers(0, 3, NUM_ROWS), pa.int8()), pa.array(["low", "mid", "high", "never"]), ordered=True
    )
    return pa.table(
        {
            "customer_id": pa.array(range(1, NUM_ROWS + 1), pa.int32()),
            **{f"i_{kind}": pa.array(numbers, kind) for kind in (pa.int8(), pa.int16(), pa.int32(), pa.uint8())},
            "u64": pa.array(numbers, pa.uint64()),
            "f32": pa.array(rng.normal(size=NUM_ROWS).astype(np.float32)),
            "f16": pa.array(rng.normal(size=NUM_ROWS).astype(np.float16)),
            "gaps": pa.array([None, *numbers[1:].tolist()], pa.int16()),
            "price": pa.array([Decimal(int(number)) / 100 for number in numbers], pa.decimal128(10, 2)),
            "day": pa.array([moment.date() for moment in moments], pa.date32()),
            "second": pa.array(moments, pa.timestamp("s")),
            "nano": pa.array(moments, pa.timestamp("ns")),
            "zoned": pa.array(moments, pa.timestamp("ms", "Europe/Berlin")),
            "clock": pa.array([dt.time(number % 3) for number in numbers], pa.time32("s")),
            "flag": pa.array([bool(number % 2) for number in numbers]),
            "word": pa.array([f"w{number % 4}" for number in numbers], pa.large_string()),
            "text": pa.array([f"w{number % 3}" for number in numbers]),
            "level": levels,
            "label": pa.array(numbers % 2, pa.uint8()),
        }
    )


@pytest.mark.parametrize("form", ["parquet", *slowly(["feather"])])
def test_types_of_arrow(tmp_path, form):
    original = of_arrow_types()
    path = tmp_path / f"data.{form}"
    if form == "parquet":
        pq.write_table(original, path)
        original, read = pq.read_table(path), pq.read_table
    else:
        read = feather.read_table
        feather.write_feather(original, path)
    run = came_back(path, tmp_path, target="label")
    parts = [read(run.folder / f"data/{part}.{form}") for part in ("train", "test")]
    for part in parts:
        assert part.drop_columns(["origin"]).schema.equals(original.schema)
    both = pa.concat_tables([original, *(part.drop_columns(["origin"]) for part in parts)])
    assert both.num_rows == 2 * NUM_ROWS + 12
    frames = pd.concat([part.to_pandas() for part in parts])
    real = frames[frames["origin"] == "real"].drop(columns="origin").sort_values("customer_id", ignore_index=True)
    pd.testing.assert_frame_equal(real, original.to_pandas())
    assert not set(frames["customer_id"][frames["origin"] != "real"]) & set(range(NUM_ROWS + 1))
    assert run.synthetic.frame["zoned"].isin(real["zoned"].dt.tz_convert(None).astype("datetime64[us]")).all()


@pytest.mark.slow
def test_types_of_pandas(tmp_path):
    rng = np.random.default_rng(0)
    numbers = rng.integers(0, 100, NUM_ROWS)
    original = pd.DataFrame(
        {
            "when": pd.date_range("2024-01-01", periods=NUM_ROWS, tz="UTC"),
            "count": pd.array([None, *numbers[1:]], "Int32"),
            "size": pd.array([None, *rng.normal(size=NUM_ROWS - 1)], "Float64"),
            "flag": pd.array([None, *(numbers[1:] % 2 == 0)], "boolean"),
            "word": pd.array([None, *[f"w{number % 4}" for number in numbers[1:]]], "string"),
            "by_arrow": pd.array(numbers, "int16[pyarrow]"),
            "grade": pd.Categorical(numbers % 3 + 1, categories=[3, 1, 2, 9], ordered=True),
            "label": ["a", "b"] * (NUM_ROWS // 2),
        }
    ).set_index("when")
    original.to_parquet(tmp_path / "data.parquet")
    original = pd.read_parquet(tmp_path / "data.parquet")
    run = came_back(tmp_path / "data.parquet", tmp_path, target="label")
    parts = [pd.read_parquet(run.folder / f"data/{part}.parquet") for part in ("train", "test")]
    both = pd.concat([original, *(part.drop(columns="origin") for part in parts)])
    assert both.dtypes.to_dict() == original.dtypes.to_dict()
    assert both.index.dtype == original.index.dtype
    whole = pd.concat(parts)
    pd.testing.assert_frame_equal(
        whole[whole["origin"] == "real"].drop(columns="origin").sort_index(), original, check_freq=False
    )


def of_everyday(num_rows=NUM_ROWS):
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "customer_id": np.arange(num_rows) + 7,
            "day": pd.date_range("2024-01-01", periods=num_rows).strftime("%Y-%m-%d"),
            "seen": pd.date_range("2024-01-01", periods=num_rows, freq="7h").strftime("%Y-%m-%dT%H:%M:%S"),
            "height": rng.normal(170, 9, num_rows).round(1) + 0.05,
            "count": rng.integers(0, 99, num_rows),
            "gaps": [None, *rng.normal(size=num_rows - 1).round(3)],
            "flag": rng.integers(0, 2, num_rows).astype(bool),
            "word": [f"=é{number % 3}" for number in range(num_rows)],
            "label": [0, 1] * (num_rows // 2),
        }
    )


@pytest.mark.parametrize("file", ["data.jsonl", "data.json", *slowly(["data.ndjson", "lines.json"])])
def test_json(tmp_path, file):
    lines = file != "data.json"
    of_everyday().to_json(tmp_path / file, orient="records", lines=lines)
    ending = file.partition(".")[2]

    def read(part):
        return pd.read_json(f"{part}.{ending}", orient="records", lines=lines)

    original = read(tmp_path / file.partition(".")[0])
    run = came_back(tmp_path / file, tmp_path, target="label", schema={"columns": {"label": {"type": "category"}}})
    check_frames(original, read(run.folder / "data/train"), new_ids="customer_id")
    check_real(original, run, read, ["customer_id"])
    assert len(run.synthetic) == 12  # it is read again, too


@pytest.mark.slow
def test_a_workbook(tmp_path):
    frame = of_everyday()
    frame["day"] = pd.to_datetime(frame["day"])
    frame["word"] = frame["word"].str.replace("=", "+")  # pandas would write formulas
    frame.to_excel(tmp_path / "data.xlsx", index=False, sheet_name="Kunden")
    original = pd.read_excel(tmp_path / "data.xlsx", sheet_name="Kunden")
    run = came_back(tmp_path / "data.xlsx", tmp_path, target="label")

    def read(part):
        return pd.read_excel(f"{part}.xlsx", sheet_name="Kunden")

    check_frames(original, read(run.folder / "data/train"), new_ids="customer_id")
    check_real(original, run, read, ["customer_id"])
    assert len(run.synthetic) == 12


def test_a_table_of_a_database(tmp_path):
    original = of_everyday().drop(columns="word")
    original["label"] = np.where(original["label"], "a", "b")
    with closing(sqlite3.connect(tmp_path / "shop.db")) as connection:
        original.to_sql("customers", connection, index=False)
    assert "# pandas loads it: `read_parquet(" in write_pipeline.propose(tmp_path / "shop.db", tmp_path)
    run = came_back(tmp_path / "shop.db", tmp_path, target="label")
    whole = pd.read_parquet(run.folder / "data/train.parquet")
    assert set(whole["customer_id"][whole["origin"] == "real"]) < set(original["customer_id"])
    with closing(sqlite3.connect(tmp_path / "shop.db")) as connection:
        rows = whole[whole["origin"] != "real"].drop(columns="origin")
        assert rows.to_sql("customers", connection, index=False, if_exists="append") == 12
        assert len(pd.read_sql("select * from customers", connection)) == NUM_ROWS + 12
