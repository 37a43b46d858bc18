from __future__ import annotations

import datetime
import decimal

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from augment.data import (
    Array,
    ArrayDeclaration,
    Column,
    ColumnDeclaration,
    Schema,
    SchemaDeclaration,
    as_labels,
    check,
    conform,
    infer,
    observe,
)
from augment.data.conformity import made_by, valid_rows
from augment.errors import DataError, PluginError

NUMBERED = [f"text number {i}" for i in range(30)]


def _type_of(values, name="x", **declared):
    return infer(pd.DataFrame({name: values}), declared=SchemaDeclaration(**declared)).columns[name].type


def _conformed(values, kind, **said):
    return conform(pd.DataFrame({"x": values}), Schema(columns={"x": Column(type=kind, **said)}))["x"]


# -- inference


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([1.5, 2.0], "number"),
        ([1.0, 2.0], "number"),
        ([1, 2], "integer"),
        ([1.0, None], "integer"),
        ([1.5, None], "number"),
        (pd.array([1, None], dtype="Int64"), "integer"),
        ([True, False], "boolean"),
        (pd.Series([True, None], dtype=object), "boolean"),
        (pd.Series([1, None], dtype=object), "integer"),
        (pd.Series([1.5, 2], dtype=object), "number"),
        ([decimal.Decimal("1.5"), None], "number"),
        ([datetime.date(2020, 1, 1), None], "datetime"),
        ([datetime.datetime(2020, 1, 1), None], "datetime"),
        (pd.to_datetime(["2020-01-01", None]), "datetime"),
        (pd.Categorical([1, 2]), "category"),
        (["a", "b", "a", "b"], "category"),
        (NUMBERED, "text"),
        ([None, None], "category"),
    ],
)
def test_the_type_follows_the_values(values, kind):
    assert _type_of(values) == kind


@pytest.mark.parametrize("name", ["id", "customer_id", "row-index", "uuid", "Unnamed: 0", "customer.ID"])
@pytest.mark.parametrize("values", [list(range(30)), NUMBERED], ids=["integers", "texts"])
def test_a_column_that_is_named_like_an_id_and_all_different_is_one(name, values):
    assert _type_of(values, name) == "id"


@pytest.mark.parametrize("name", ["idea", "paid", "grid", "width"])
def test_a_name_that_merely_holds_the_letters_is_no_id(name):
    assert _type_of(list(range(30)), name) == "integer"


def test_an_id_has_no_repeated_no_missing_and_no_few_values():
    assert _type_of([1, *range(29)], "id") == "integer"
    assert _type_of(list(range(19)), "id") == "integer"
    assert _type_of([None, *NUMBERED], "id") == "text"


def test_the_target_is_never_taken_for_an_id_or_a_text():
    assert _type_of(NUMBERED, "id", target="id") == "category"


def test_what_is_declared_wins():
    said = {"x": ColumnDeclaration(type="category", unit="EUR", min=0)}
    column = infer(pd.DataFrame({"x": [1, 2]}), declared=SchemaDeclaration(columns=said)).columns["x"]
    assert (column.type, column.unit, column.min) == ("category", "EUR", 0)


def test_a_declared_unit_leaves_the_type_to_inference():
    assert _type_of([1, 2], columns={"x": ColumnDeclaration(unit="km")}) == "integer"


@pytest.mark.parametrize(
    ("declared", "words"),
    [
        ({"target": "hight"}, "target 'hight' is not in the data, which has 'height'; did you mean 'height'"),
        ({"columns": {"hight": {}}}, "column 'hight'"),
        ({"payload": "hight"}, "payload 'hight'"),
        ({"arrays": {"imag": {}}}, "array 'imag' is not in the data, which has none"),
    ],
)
def test_a_declared_name_that_is_not_there_is_refused_with_what_is(declared, words):
    with pytest.raises(DataError, match=words):
        infer(pd.DataFrame({"height": [1.5]}), declared=SchemaDeclaration.model_validate(declared))


def test_a_doubled_column_name_is_refused():
    with pytest.raises(DataError, match="'x' stands over several columns"):
        infer(pd.DataFrame([[1, 2]], columns=["x", "x"]))


def test_a_column_name_that_is_no_text_is_refused():
    with pytest.raises(DataError, match="column name 0 is not text"):
        infer(pd.DataFrame([[1, 2]]))


@pytest.mark.parametrize("value", [[1, 2], {"a": 1}, {1}])
def test_a_cell_that_holds_several_values_is_refused_with_its_row(value):
    with pytest.raises(DataError, match=r"column 'x', data row 2: .* is a (list|dict|set)"):
        infer(pd.DataFrame({"x": pd.Series([None, value], dtype=object)}))


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (np.zeros((2, 4, 4, 3), np.uint8), "image"),
        (np.zeros((2, 4, 3), np.float32), "series"),
        (np.zeros((2, 4), np.float32), "vector"),
        (np.zeros((2, 4), np.int32), "tokens"),
    ],
)
def test_the_type_of_an_array_follows_its_shape_and_dtype(values, kind):
    array = infer(pd.DataFrame(index=range(2)), {"a": values}).arrays["a"]
    assert (array.type, array.shape, array.dtype) == (kind, values.shape[1:], str(values.dtype))


def test_an_array_that_fits_no_type_is_refused_with_its_shape():
    with pytest.raises(DataError, match=r"'a' has shape \(2, 4, 4, 3\) and type float32"):
        infer(pd.DataFrame(index=range(2)), {"a": np.zeros((2, 4, 4, 3), np.float32)})


def test_an_array_can_be_declared_audio():
    declared = SchemaDeclaration(arrays={"a": ArrayDeclaration(type="audio", rate=8000)})
    schema = infer(pd.DataFrame(index=range(2)), {"a": np.zeros((2, 9), np.float32)}, declared)
    assert (schema.modality, schema.arrays["a"].rate) == ("audio", 8000)


# -- what a schema says of itself


def _schema(target=None, payload=None, arrays=None, **types):
    columns = {name: Column(type=kind) for name, kind in types.items()}
    return Schema(columns=columns, target=target, payload=payload, arrays=arrays or {})


IMAGE = {"i": Array(type="image", shape=(8, 8, 1), dtype="uint8")}
VECTOR = {"v": Array(type="vector", shape=(3,), dtype="float32")}


@pytest.mark.parametrize(
    ("schema", "modality"),
    [
        (_schema(x="number"), "table"),
        (_schema(x="text"), "text"),
        (_schema(x="text", k="id", y="category", target="y"), "text"),
        (_schema(x="text", z="number"), "table"),
        (_schema(x="text", z="number", payload="x"), "text"),
        (_schema(x="text", arrays=IMAGE), "image"),
        (_schema(x="number", arrays=VECTOR), "table"),
    ],
)
def test_what_a_dataset_holds_decides_its_kind(schema, modality):
    assert schema.modality == modality


@pytest.mark.parametrize(
    ("column", "task", "classes"),
    [
        (Column(type="category", categories=("b", "a")), "classes", ("b", "a")),
        (Column(type="boolean"), "classes", ("False", "True")),
        (Column(type="integer", categories=("0", "1")), "classes", ("0", "1")),
        (Column(type="integer"), "number", ()),
        (Column(type="number"), "number", ()),
        (Column(type="datetime"), "none", ()),
    ],
)
def test_the_target_decides_the_task(column, task, classes):
    schema = Schema(columns={"y": column}, target="y")
    assert (schema.task, schema.classes) == (task, classes)


def test_without_a_target_there_is_no_task():
    assert (_schema(x="number").task, _schema(x="number").classes) == ("none", ())


def test_features_are_neither_target_nor_ids():
    assert _schema(x="number", k="id", y="category", target="y").features == ["x"]


def test_the_only_array_of_a_type_is_found_by_it():
    assert _schema(arrays={**IMAGE, **VECTOR}).find_array("image") == "i"


@pytest.mark.parametrize("arrays", [{}, {**IMAGE, "j": IMAGE["i"]}])
def test_no_or_several_arrays_of_a_type_are_refused(arrays):
    with pytest.raises(DataError, match=f"has {len(arrays)} arrays of type 'image'"):
        _schema(arrays=arrays).find_array("image")


def test_a_schema_survives_json():
    schema = Schema(columns={"y": Column(type="category", categories=("ä", "b"))}, arrays=IMAGE, target="y")
    assert Schema.model_validate_json(schema.model_dump_json(exclude_none=True)) == schema
    assert Schema.model_validate(schema.model_dump(mode="json")) == schema


def test_a_misspelt_declaration_is_refused():
    with pytest.raises(ValidationError, match="catgories"):
        SchemaDeclaration.model_validate({"columns": {"x": {"catgories": ["a"]}}})


# -- labels


@pytest.mark.parametrize(
    ("values", "labels"),
    [
        (pd.Series([3, 1]), ["3", "1"]),
        (pd.Series(pd.array([3, None], dtype="Int64")), ["3", None]),
        (pd.Series([True, False]), ["True", "False"]),
        (pd.Series(pd.array([True, None], dtype="boolean")), ["True", None]),
        (pd.Series(["a", None, "a"], dtype="str"), ["a", None, "a"]),
        (pd.Series(pd.Categorical(["b", None], categories=["c", "b"])), ["b", None]),
        (pd.Series(pd.Categorical([2, 1])), ["2", "1"]),
        (pd.Series([1.5, None]), ["1.5", None]),
        (pd.Series([], dtype="str"), []),
    ],
)
def test_labels_are_strings_and_missing_ones_none(values, labels):
    found = as_labels(values)
    assert found.dtype == object
    assert found.tolist() == labels


# -- what is learnt from values


def _observed(values, kind, target=False, **said):
    schema = Schema(columns={"x": Column(type=kind, **said)}, target="x" if target else None)
    schema, notes = observe(schema, pd.DataFrame({"x": _conformed(values, kind)}))
    return schema.columns["x"], notes


def test_categories_are_observed_in_order():
    assert _observed(["b", "a", None], "category")[0].categories == ("a", "b")


def test_declared_categories_stay():
    assert _observed(["b"], "category", categories=("z", "b"))[0].categories == ("z", "b")


@pytest.mark.parametrize(("values", "nullable"), [([1.0, None], True), ([1.0, 2.0], False)])
def test_missing_values_are_observed(values, nullable):
    assert _observed(values, "number")[0].nullable is nullable


@pytest.mark.parametrize(
    ("values", "decimals"),
    [([1.0, 2.0], 0), ([1.25, 2.5], 2), ([0.1 + 0.2], None), ([None, 1.5], 1), ([1e-7], None), ([0.1, 0.000001], 6)],
)
def test_decimals_are_observed(values, decimals):
    assert _observed(values, "number")[0].decimals == decimals


def test_an_integer_target_with_few_values_has_classes_in_the_order_of_numbers_and_says_so():
    column, notes = _observed([10, 9, 10], "integer", target=True)
    assert column.categories == ("9", "10")
    assert any("count as classes" in note for note in notes)


def test_an_integer_target_with_many_values_is_a_number():
    assert _observed(list(range(21)), "integer", target=True)[0].categories is None


@pytest.mark.parametrize(
    ("values", "kind", "words"),
    [
        ([1.5, 1.5], "number", "is constant: '1.5'"),
        ([None, None], "number", "no values at all"),
        ([1, 2, 1], "integer", "only 2 values"),
        (list(range(30)), "integer", "differs in every row"),
        (list(range(30)), "id", "taken for an id"),
    ],
)
def test_what_deserves_a_look_is_said(values, kind, words):
    notes = _observed(values, kind)[1]
    assert len(notes) == 1
    assert words in notes[0]


def _notes_of_words(words, kind=None):
    frame = pd.DataFrame({"words": words, "size": range(len(words))})
    said = {"words": ColumnDeclaration(type=kind)} if kind else {}
    _, notes = observe(infer(frame, declared=SchemaDeclaration(columns=said)), frame)
    return [note for note in notes if "'words'" in note]


@pytest.mark.parametrize(
    ("words", "found"),
    [(NUMBERED, "free text"), ([f"Anna {i % 60}" for i in range(300)], "a category of 60 labels")],
)
def test_that_words_of_few_rows_are_written_out_as_they_stand_is_said_with_what_to_do(words, found):
    (note,) = _notes_of_words(words)
    assert f"is taken for {found}" in note
    assert "word for word" in note
    assert "`words: {type: id}`" in note


@pytest.mark.parametrize("words", [["red", "blue"] * 150, [f"town {i % 60}" for i in range(6_000)]])
def test_labels_of_many_rows_need_no_note(words):
    assert _notes_of_words(words) == []


def test_the_text_that_a_dataset_is_about_needs_no_note():
    assert _observed(NUMBERED, "text")[1] == []


def test_an_ordinary_column_needs_no_note():
    assert _observed([1.5, 2.5, 3.5], "number")[1] == []


# -- canonical types


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


# -- structure and bounds


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


@pytest.mark.parametrize(
    ("labels", "task"),
    [([0.0, 1.0] * 10, "classes"), ([2.0, None, 1.0] * 8, "classes"), ([0.5, 1.0] * 10, "number")],
)
def test_a_target_of_few_whole_floats_has_classes(labels, task):
    frame = pd.DataFrame({"y": labels})
    schema, notes = observe(infer(frame, declared=SchemaDeclaration(target="y")), frame)
    assert schema.task == task
    assert any("count as classes" in note for note in notes) == (task == "classes")


@pytest.mark.parametrize(
    ("labels", "note"),
    [
        (["yes", "no", "yes ", "no"], ["column 'x': 'yes' and 'yes ' differ only in case or spaces"]),
        (["Yes", "no", "yes", "no"], ["column 'x': 'Yes' and 'yes' differ only in case or spaces"]),
        (["yes", "no", "ye s", "n o"], []),
    ],
)
def test_labels_that_are_one_but_for_spelling_are_noted(labels, note):
    frame = pd.DataFrame({"x": 10 * labels})
    _, notes = observe(infer(frame), frame)
    assert [one.partition(";")[0] for one in notes] == note
