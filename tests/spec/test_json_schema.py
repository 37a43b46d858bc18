"""The JSON Schema that `augment schema` prints is what editors need: held against a validator that is not ours."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from ruamel.yaml import YAML

from augment.cli import main

Draft202012Validator = pytest.importorskip("jsonschema").Draft202012Validator
PIPELINES = sorted((Path(__file__).parents[2] / "pipelines").glob("*.yaml"))


@pytest.fixture(scope="module")
def schema():
    return json.loads(CliRunner().invoke(main, ["schema"], prog_name="augment").output)


@pytest.fixture(scope="module")
def validator(schema):
    return Draft202012Validator(schema)


def test_it_is_a_valid_schema(schema):
    Draft202012Validator.check_schema(schema)


@pytest.mark.parametrize("path", PIPELINES, ids=lambda path: path.name)
def test_pipelines_that_come_along_are_valid(validator, path):
    tree = YAML(typ="safe").load(path.read_text(encoding="utf-8"))
    assert not list(validator.iter_errors(tree))


SOURCE = {"use": "csv", "with": {"path": "data.csv"}}


@pytest.mark.parametrize(
    "wrong",
    [
        {"sede": 3},
        {"seed": "seven"},
        {"generators": [{"use": "smoto"}]},
        {"generators": [{"use": "smote", "with": {"k_neighbours": 5}}]},
        {"generators": [{"use": "smote", "with": {"n_neighbors": "five"}}]},
        {"source": {"use": "csv", "with": {}}},
    ],
    ids=["key", "type", "name", "setting", "type of a setting", "required setting"],
)
def test_what_is_wrong_is_underlined(validator, wrong):
    good = {"source": SOURCE, "generators": ["smote"]}
    assert validator.is_valid(good)
    assert not validator.is_valid({**good, **wrong})


def _described(node, name):
    """The descriptions of every property of that name."""
    if isinstance(node, dict):
        found = node.get("properties", {})
        if isinstance(found, dict) and isinstance(found.get(name), dict):
            yield found[name].get("description", "")
        for inner in node.values():
            yield from _described(inner, name)
    elif isinstance(node, list):
        for inner in node:
            yield from _described(inner, name)


@pytest.mark.parametrize("key", ["seed", "generators", "holdout", "n_neighbors", "delimiter"])
def test_keys_and_settings_have_what_an_editor_shows_on_hovering(schema, key):
    found = list(_described(schema, key))
    assert found
    assert all(found)
