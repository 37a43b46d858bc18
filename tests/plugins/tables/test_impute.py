from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from example_data import dataset

from augment.data import Dataset, check
from augment.plugin.context import Context
from augment_tables.impute import Impute


def gappy(**columns: dict) -> Dataset:
    frame = pd.DataFrame(
        {
            "x": [1.0, None, 2.0, 9.0],
            "n": pd.array([1, 2, None, 4], dtype="Int64"),
            "c": pd.Categorical(["b", "b", "a", None]),
            "b": pd.array([True, True, None, False], dtype="boolean"),
            "d": pd.to_datetime(["2024-01-01", None, "2024-01-03", "2024-01-09"]),
            "t": ["one", None, "three", "four"],
            "y": pd.Categorical(["p", None, "q", "q"]),
        }
    )
    types = {"t": {"type": "text"}, **columns}
    return dataset(frame, target="y", columns=types)


def imputed(data: Dataset, tmp_path: Path, fresh: Dataset | None = None, **params) -> Dataset:
    impute = Impute(Impute.Params(**params)).fit(data, Context(seed=0, folder=tmp_path))
    return impute.apply(fresh or data)


def test_gaps_take_what_is_usual(tmp_path: Path) -> None:
    frame = imputed(gappy(), tmp_path).frame
    assert frame.x.tolist() == [1, 2, 2, 9]
    assert frame.n.tolist() == [1, 2, 2, 4]
    assert frame.c.tolist() == ["b", "b", "a", "b"]
    assert frame.b.tolist() == [True, True, True, False]
    assert frame.d[1] == pd.Timestamp("2024-01-03")


def test_numbers_can_take_the_mean_or_a_constant(tmp_path: Path) -> None:
    assert imputed(gappy(), tmp_path, numbers="mean").frame.x[1] == 4
    made = imputed(gappy(), tmp_path, numbers="constant", constant=-1.0).frame
    assert (made.x[1], made.n[2]) == (-1, -1)


def test_categories_can_take_a_label_of_their_own(tmp_path: Path) -> None:
    made = imputed(gappy(), tmp_path, categories="missing")
    assert made.frame.c.tolist() == ["b", "b", "a", "missing"]
    assert made.schema.columns["c"].categories == ("a", "b", "missing")


def test_the_result_fits_its_schema_and_may_have_no_gaps_any_more(tmp_path: Path) -> None:
    made = imputed(gappy(), tmp_path)
    assert check(made.frame, made.arrays, made.schema) == []
    assert all(made.schema.columns[name].nullable is False for name in "xncbd")
    assert made.frame.n.dtype == "int64"


def test_the_target_and_text_are_left_alone(tmp_path: Path) -> None:
    made = imputed(gappy(), tmp_path)
    assert made.frame[["t", "y"]].isna().sum().tolist() == [1, 1]
    assert made.schema.columns["y"].nullable


def test_bounds_and_decimals_are_kept(tmp_path: Path) -> None:
    data = gappy(x={"decimals": 0, "max": 3}, n={"min": 3})
    made = imputed(data, tmp_path, numbers="mean").frame
    assert made.x[1] == 3
    assert made.n[2] == 3


def test_other_rows_take_what_the_training_rows_taught(tmp_path: Path) -> None:
    data = gappy()
    other = data.take(slice(1, 2))
    assert imputed(data, tmp_path, fresh=other).frame.x.tolist() == [2]
    assert other.frame.x.isna().all()


def test_a_column_without_any_value_is_left_out_unless_nothing_must_be_learnt(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    data = gappy().take([1])
    made = imputed(data, tmp_path, fresh=gappy())
    assert list(made.schema.columns) == list(made.frame.columns)
    assert "x" not in made.frame
    assert made.schema.target == data.schema.target
    assert "column 'x' has no value in any training row, and is left out" in caplog.text
    gaps = Dataset(data.frame[["x", "y"]], {}, data.drop_columns(list("ncbdt")).schema)
    assert imputed(gaps, tmp_path, numbers="constant").frame.x.tolist() == [0]


def test_a_loaded_transform_does_the_same(tmp_path: Path) -> None:
    data = gappy()
    impute = Impute().fit(data, Context(seed=0, folder=tmp_path))
    impute.save(tmp_path)
    assert Impute.load(tmp_path, Impute.Params()).apply(data).equals(impute.apply(data))
