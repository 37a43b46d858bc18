from __future__ import annotations

import pandas as pd
import pytest
from pydantic import ValidationError

from augment.data import (
    Array,
    Column,
    Schema,
    SchemaDeclaration,
    as_labels,
    class_positions,
)
from augment.data.schema import count_labels
from augment.errors import DataError


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


@pytest.mark.parametrize("dtype", ["object", pd.CategoricalDtype(["c", "b", "a"])])
def test_labels_are_counted_and_found_whatever_holds_them(dtype):
    values = pd.Series(["a", "b", None, "a"], dtype=dtype)
    assert as_labels(values).tolist() == ["a", "b", None, "a"]
    assert count_labels(values) == {"a": 2, "b": 1}
    assert count_labels(pd.Series([1, "1", 2, None], dtype="object")) == {"1": 2, "2": 1}
    assert class_positions(values, ["b", "a", "c"]).tolist() == [1, 0, -1, 1]
    assert class_positions(values, ["b"]).tolist() == [-1, 0, -1, -1]
