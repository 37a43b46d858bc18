from __future__ import annotations

import datetime
import decimal

import pandas as pd
import pytest

from augment.data import (
    Column,
    ColumnDeclaration,
    Schema,
    SchemaDeclaration,
    conform,
    infer,
    observe,
)
from augment.errors import DataError

NUMBERED = [f"text number {i}" for i in range(30)]


def _type_of(values, name="x", **declared):
    return infer(pd.DataFrame({name: values}), declared=SchemaDeclaration(**declared)).columns[name].type


def _conformed(values, kind, **said):
    return conform(pd.DataFrame({"x": values}), Schema(columns={"x": Column(type=kind, **said)}))["x"]


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


def _observed(values, kind, target=False, **said):
    schema = Schema(columns={"x": Column(type=kind, **said)}, target="x" if target else None)
    schema, notes = observe(schema, pd.DataFrame({"x": _conformed(values, kind)}))
    return schema.columns["x"], notes


def test_categories_are_observed_in_order():
    assert _observed(["b", "a", None], "category")[0].categories == ("a", "b")


def test_labels_that_python_holds_equal_are_observed_as_several():
    frame = pd.DataFrame({"x": pd.Series([1, True, "b", 1.0], dtype=object)})
    schema, _ = observe(Schema(columns={"x": Column(type="category")}), frame)
    assert schema.columns["x"].categories == ("1", "1.0", "True", "b")


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
        ([">50K", "<=50K", ">50K.", "<=50K"], ["column 'x': '>50K' and '>50K.' differ only in a point behind"]),
        (["a", "b", ".", "a"], []),
        (["yes", "no", "ye s", "n o"], []),
    ],
)
def test_labels_that_are_one_but_for_spelling_are_noted(labels, note):
    frame = pd.DataFrame({"x": 10 * labels})
    _, notes = observe(infer(frame), frame)
    assert [one.partition(";")[0] for one in notes] == note
