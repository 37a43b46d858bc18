from __future__ import annotations

from augment.data import Column, Schema
from augment.plan.chunks import plan
from augment.plan.small_classes import explain, find_too_small

COUNTS = {"a": 5, "b": 2, "c": 1}
SCHEMA = Schema(columns={"y": Column(type="category", categories=("a", "b", "c"))}, target="y")


def rows_of(share, least):
    conditional = dict.fromkeys(share, True)
    chunks = plan({"a": 0, "b": 3, "c": 4}, share, conditional, SCHEMA, find_too_small(least, COUNTS))
    return {chunk.generator: dict(chunk.labels) for chunk in chunks}


def test_a_class_that_is_too_small_for_the_only_generator_is_left_out():
    assert rows_of({"smote": 1}, {"smote": 2}) == {"smote": {"b": 3}}
    reasons, left_out = explain({"b": 3, "c": 4}, {"smote": 1}, {"smote": 2}, COUNTS)
    assert reasons == {"c": "class 'c' has 1 training row, and 'smote' needs at least 2 of a class"}
    assert left_out == ["c"]


def test_others_make_its_rows():
    assert rows_of({"smote": 2, "vae": 1}, {"smote": 2, "vae": 0}) == {"smote": {"b": 2}, "vae": {"b": 1, "c": 4}}
    reasons, left_out = explain({"b": 3, "c": 4}, {"smote": 2, "vae": 1}, {"smote": 2, "vae": 0}, COUNTS)
    assert (list(reasons), left_out) == (["c"], [])


def test_a_generator_without_a_share_makes_no_rows_of_it():
    assert rows_of({"smote": 1, "vae": 0}, {"smote": 2, "vae": 0}) == {"smote": {"b": 3}}
    assert explain({"c": 4}, {"smote": 1, "vae": 0}, {"smote": 2, "vae": 0}, COUNTS)[1] == ["c"]


def test_classes_that_no_rows_are_wanted_of_need_no_reason():
    assert explain({"b": 3, "c": 0}, {"smote": 1}, {"smote": 2}, COUNTS) == ({}, [])


def test_without_classes_nothing_is_too_small():
    assert find_too_small({"smote": 2}, {"": 1}) == {"smote": frozenset()}
