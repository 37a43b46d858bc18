from __future__ import annotations

import datetime

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from augment.data import (
    Array,
    Column,
    Schema,
    as_labels,
    check,
    conform,
    infer,
    observe,
)
from augment.data.conformity import made_by, valid_rows
from augment.errors import DataError, PluginError


def _conformed(values, kind, **said):
    return conform(pd.DataFrame({"x": values}), Schema(columns={"x": Column(type=kind, **said)}))["x"]


def _schema(target=None, payload=None, arrays=None, **types):
    columns = {name: Column(type=kind) for name, kind in types.items()}
    return Schema(columns=columns, target=target, payload=payload, arrays=arrays or {})


VECTOR = {"v": Array(type="vector", shape=(3,), dtype="float32")}


@pytest.mark.parametrize(
    ("values", "kind", "dtype"),
    [
        (["1", "2.5"], "number", "float64"),
        (pd.array([1, None], dtype="Int64"), "number", "float64"),
        ([True, False], "number", "float64"),
        ([1.0, 2.0], "integer", "int64"),
        (np.array([1, 2], np.uint8), "integer", "int64"),
        ([1.0, None], "integer", "Int64"),
        (["true", "False", None], "boolean", "boolean"),
        ([0, 1], "boolean", "boolean"),
        ([1, 2], "category", "category"),
        (["2020-01-01", None], "datetime", "datetime64[us]"),
        ([1, 2], "text", "str"),
        ([1, 2], "id", "int64"),
        (["a", "b"], "id", "str"),
    ],
)
def test_columns_come_in_the_canonical_type(values, kind, dtype):
    assert str(_conformed(values, kind).dtype) == dtype


@pytest.mark.parametrize(
    ("values", "kind", "row"),
    [
        (["1", "abc"], "number", 2),
        ([1.0, 2.5], "integer", 2),
        ([1.0, np.inf], "integer", 2),
        (["1", "99999999999999999999"], "integer", 2),
        (np.array([1, 2**63 + 1], np.uint64), "integer", 2),
        (["true", "maybe"], "boolean", 2),
        ([0, 1, 2], "boolean", 3),
        (["2020-01-01", "2020-13-45"], "datetime", 2),
        (["02/03/2024"], "datetime", 1),
        ([20240102], "datetime", 1),
    ],
)
def test_a_value_that_its_type_cannot_hold_is_refused_with_its_row(values, kind, row):
    with pytest.raises(DataError, match=f"column 'x', data row {row}: .* is not of type {kind}"):
        _conformed(values, kind)


def test_a_component_may_give_integers_that_are_classes_as_labels():
    schema = Schema(columns={"x": Column(type="integer", categories=("1", "2")), "n": Column(type="integer")})
    with made_by("generator 'x'"):
        assert conform(pd.DataFrame({"x": ["1", "2"], "n": [3, 4]}), schema)["x"].tolist() == [1, 2]
        with pytest.raises(PluginError, match="column 'n', data row 1: '3' is str"):
            conform(pd.DataFrame({"x": ["1", "2"], "n": ["3", "4"]}), schema)


def test_a_missing_column_is_refused_with_those_there_are():
    with pytest.raises(DataError, match="column 'y' is missing; the data has 'x'"):
        conform(pd.DataFrame({"x": [1]}), _schema(y="number"))


def test_columns_come_in_the_order_of_the_schema_without_others_and_renumbered():
    frame = pd.DataFrame({"b": [1, 2], "c": [0, 0], "a": [3, 4]}, index=[7, 9])
    conformed = conform(frame, _schema(a="integer", b="integer"))
    assert list(conformed.columns) == ["a", "b"]
    assert conformed.index.equals(pd.RangeIndex(2))


def test_categories_of_the_schema_come_first_and_unknown_ones_stay():
    values = _conformed(["z", "b", None], "category", categories=("c", "b"))
    assert values.cat.categories.tolist() == ["c", "b", "z"]
    assert as_labels(values).tolist() == ["z", "b", None]


def test_integers_beside_missing_values_keep_their_labels():
    # pandas reads 1, 2 and a gap as 1.0, 2.0 and NaN
    assert as_labels(_conformed([1.0, 2.0, None], "category")).tolist() == ["1", "2", None]
    assert _conformed([1.0, None], "text").tolist()[0] == "1"


def test_dates_may_be_written_with_and_without_a_time():
    assert _conformed(["2020-01-01", "2020-01-01T10:00:00"], "datetime").dt.hour.tolist() == [0, 10]


@pytest.mark.parametrize("values", [["2020-01-01T10:00:00+02:00"], pd.to_datetime(["2020-01-01 08:00"], utc=True)])
def test_a_time_with_a_zone_becomes_utc_and_that_is_noted(values, caplog):
    assert _conformed(values, "datetime").tolist() == [pd.Timestamp("2020-01-01 08:00")]
    assert caplog.messages == ["column 'x': times with a zone have become UTC, and are written in UTC without one"]


@pytest.mark.parametrize("values", [["2020-01-01T10:00:00", "2020-01-01"], pd.to_datetime(["2020-01-01"]), [None]])
def test_a_time_without_a_zone_needs_no_note(values, caplog):
    _conformed(values, "datetime")
    assert not caplog.messages


TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=8)
VALUES = {
    "number": st.none() | st.floats(allow_nan=False, allow_infinity=False),
    "integer": st.none() | st.integers(-(2**53), 2**53),
    "boolean": st.none() | st.booleans(),
    "category": st.none() | TEXT,
    "text": st.none() | TEXT,
    "datetime": st.none() | st.datetimes(datetime.datetime(1700, 1, 1), datetime.datetime(2250, 1, 1)),
}


@given(data=st.data(), kind=st.sampled_from(sorted(VALUES)))
def test_conforming_changes_no_value_fits_its_schema_and_is_done_once(data, kind):
    values = data.draw(st.lists(VALUES[kind], min_size=1, max_size=8))
    frame = pd.DataFrame({"x": pd.Series(values, dtype=object)})
    schema, _ = observe(_schema(x=kind), conform(frame, _schema(x=kind)))
    conformed = conform(frame, schema)
    assert check(conformed, {}, schema) == []
    assert valid_rows(conformed, {}, schema).all()
    again = conform(conformed, schema)
    pd.testing.assert_frame_equal(again, conformed)
    again.iloc[0, 0] = again.iloc[-1, 0]  # the frame may be passed through, but is no other name of the same rows
    again["other"] = 1
    pd.testing.assert_frame_equal(conform(conformed, schema), conformed)
    assert list(conformed) == ["x"]
    back = [None if pd.isna(value) else value for value in conformed["x"]]
    assert back == [str(value) if kind in ("category", "text") and value is not None else value for value in values]


@given(values=st.lists(st.none() | st.integers(-(2**63), 2**63 - 1), min_size=1, max_size=6))
def test_large_integers_are_kept_to_the_digit(values):
    assert [None if pd.isna(v) else v for v in _conformed(pd.Series(values, dtype=object), "integer")] == values


@given(
    frame=st.lists(
        st.tuples(VALUES["number"], VALUES["integer"], VALUES["boolean"], VALUES["text"]), min_size=1, max_size=30
    )
)
def test_any_frame_conforms_to_the_schema_inferred_from_it(frame):
    frame = pd.DataFrame(frame, columns=["a", "b", "c", "d"])
    schema = infer(frame)
    assert check(conform(frame, schema), {}, schema) == []


def _checked(values, kind, **said):
    return check(pd.DataFrame({"x": values}), {}, Schema(columns={"x": Column(type=kind, **said)}))


@pytest.mark.parametrize(
    ("values", "kind", "said", "words"),
    [
        (np.array([1], np.float32), "number", {}, "pandas type float32"),
        ([np.inf], "number", {}, "infinite"),
        ([np.nan], "number", {"nullable": False}, "missing values in 1 rows"),
        ([1.0], "integer", {}, "pandas type float64"),
        (["a"], "category", {}, "type category was expected"),
        ([True], "boolean", {}, "pandas type bool"),
        ([1.0], "text", {}, "type text was expected"),
    ],
)
def test_wrong_structure_is_told(values, kind, said, words):
    problems = _checked(values, kind, **said)
    assert len(problems) == 1
    assert words in problems[0]


def test_missing_values_are_no_problem_where_they_may_be():
    assert _checked([np.nan], "number", nullable=True) == []


def test_other_columns_or_another_order_are_told():
    schema = _schema(a="number", b="number")
    assert "columns are 'b', 'a'" in check(pd.DataFrame({"b": [1.0], "a": [1.0]}), {}, schema)[0]


def test_a_long_list_of_names_is_cut():
    frame = pd.DataFrame({f"c{i}": [1.0] for i in range(40)})
    assert "and 28 more" in check(frame, {}, _schema(x="number"))[0]


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({}, "arrays are none; expected 'v'"),
        ({"v": np.zeros((2, 4), np.float32)}, r"float32 (2, 4); float32 (2, 3) was expected"),
        ({"v": np.zeros((1, 3), np.float32)}, "float32 (1, 3)"),
        ({"v": np.zeros((2, 3))}, "float64"),
        ({"v": np.full((2, 3), np.nan, np.float32)}, "not finite"),
    ],
)
def test_wrong_arrays_are_told(arrays, words):
    problems = check(pd.DataFrame({"x": [1.0, 2.0]}), arrays, _schema(x="number", arrays=VECTOR))
    assert len(problems) == 1
    assert words in problems[0]


@pytest.mark.parametrize(
    ("values", "kind", "said", "valid"),
    [
        ([-1.0, 0.0, 1.0, 2.0, None], "number", {"min": 0, "max": 1}, [False, True, True, False, True]),
        ([1, None, 3], "integer", {"max": 2}, [True, True, False]),
        (["a", "b", None], "category", {"categories": ("a",)}, [True, False, True]),
        ([1, 2], "integer", {"categories": ("1",)}, [True, False]),
    ],
)
def test_rows_out_of_bounds_or_with_unknown_labels_are_not_valid(values, kind, said, valid):
    schema = Schema(columns={"x": Column(type=kind, **said)})
    assert valid_rows(conform(pd.DataFrame({"x": values}), schema), {}, schema).tolist() == valid


def test_rows_of_an_array_out_of_range_are_not_valid():
    array = Array(type="vector", shape=(2,), dtype="float32", range=(-1, 1))
    values = np.array([[0, 1], [0, 1.5], [-2, 0]], np.float32)
    schema = Schema(columns={}, arrays={"v": array})
    assert valid_rows(pd.DataFrame(index=range(3)), {"v": values}, schema).tolist() == [True, False, False]


@pytest.mark.parametrize("labels", [["a", "b"], ["b", "a"], ["b", "a", "c"]])
def test_categoricals_get_the_labels_of_the_schema_in_its_order(labels):
    schema = Schema(columns={"kind": Column(type="category", categories=("b", "a"))})
    values = pd.Series(pd.Categorical(["a", "b", None], categories=labels))
    made = conform(pd.DataFrame({"kind": values}), schema)["kind"]
    assert made.cat.categories.tolist() == ["b", "a"]
    assert made.astype("str").tolist()[:2] == ["a", "b"]
    assert made.isna().tolist() == [False, False, True]


def test_columns_that_conform_are_not_copied_when_others_change():
    schema = Schema(columns={"x": Column(type="number"), "kind": Column(type="category", categories=("a",))})
    frame = pd.DataFrame({"x": [0.5, 1.5], "kind": ["a", "a"]})
    made = conform(frame, schema)
    assert isinstance(made["kind"].dtype, pd.CategoricalDtype)
    assert np.shares_memory(made["x"].to_numpy(), frame["x"].to_numpy())


def test_a_component_may_give_truth_values_as_labels_and_no_other_words():
    schema = Schema(columns={"owner": Column(type="boolean")})
    with made_by("generator 'g'"):
        given = conform(pd.DataFrame({"owner": ["True", "False"]}), schema)
        assert given["owner"].tolist() == [True, False]
        with pytest.raises(PluginError, match=r"generator 'g': column 'owner', data row 1: 'perhaps' is not of type"):
            conform(pd.DataFrame({"owner": ["perhaps", "True"]}), schema)
