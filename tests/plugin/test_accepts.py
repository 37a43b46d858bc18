from __future__ import annotations

import pytest

from augment.data import Column, Schema
from augment.plugin.accepts import Accepts


def _schema(target_type="category", feature_type="number", nullable=False, target="y"):
    columns = {"x": Column(type=feature_type, nullable=nullable), "z": Column(type="number", nullable=False)}
    if target:
        columns[target] = Column(type=target_type, categories=("a", "b") if target_type == "category" else None)
    return Schema(columns=columns, target=target)


def test_data_that_fits_is_not_refused():
    assert Accepts().refusal(_schema(), 1) is None


@pytest.mark.parametrize(
    ("accepts", "schema", "num_rows", "words"),
    [
        (Accepts(modalities=frozenset({"image", "audio"})), _schema(), 9, ["works on audio or image", "kind table"]),
        (
            Accepts(targets=frozenset({"classes"})),
            _schema("number"),
            9,
            ["needs a target with classes", "a numeric target", "'y'"],
        ),
        (Accepts(targets=frozenset({"classes"})), _schema(target=None), 9, ["no target", "schema: {target: ...}"]),
        (Accepts(columns=frozenset({"number"})), _schema(feature_type="text"), 9, ["type text", "'x'", "{type: id}"]),
        (Accepts(missing=False), _schema(nullable=True), 9, ["missing values", "'x'", "`transforms:`"]),
        (Accepts(min_rows=10), _schema(), 9, ["at least 10", "9"]),
    ],
    ids=["modality", "task", "no target", "column", "missing", "rows"],
)
def test_a_refusal_says_what_is_needed_and_what_there_is(accepts, schema, num_rows, words):
    refusal = accepts.refusal(schema, num_rows)
    assert all(word in refusal for word in words), refusal


def test_the_number_of_rows_may_be_unknown():
    assert Accepts(min_rows=10).refusal(_schema()) is None


def test_the_type_of_the_target_is_no_matter_of_columns():
    assert Accepts(columns=frozenset({"number"})).refusal(_schema("category"), 9) is None
