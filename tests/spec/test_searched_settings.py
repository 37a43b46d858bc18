from __future__ import annotations

import jsonschema
import pytest

from augment.errors import SpecError
from augment.plugin import catalog as catalogs
from augment.plugin.catalog import Catalog
from augment.spec.json_schema import json_schema
from augment.spec.load import load, resolved_yaml
from augment.spec.models import Pipeline
from augment.toolkit.yaml_text import dump

SOURCE = {"use": "sklearn", "with": {"dataset": "wine"}}


def pipeline(**sections):
    return {"name": "tuned", "source": SOURCE, "generators": [trees(min_leaf={"search": [5, 50]})], **sections}


def trees(**settings):
    return {"use": "trees", "with": settings}


def generator(tree):
    resolved = load(tree, Catalog())
    (stage,) = resolved.select_stages("generator")
    (candidate,) = stage.candidates
    return resolved, stage.bind(candidate)


def refusals(tree):
    with pytest.raises(SpecError) as caught:
        load(tree, Catalog())
    return [str(problem) for problem in caught.value.problems]


def test_a_search_gives_the_settings_with_each_value_and_the_first_until_one_is_chosen():
    _, bound = generator(pipeline())
    assert bound.params.min_leaf == 5
    assert [one.params.min_leaf for one in bound.variants] == [5, 50]
    assert all(one.searched is None and one.id == bound.id for one in bound.variants)


def test_several_searches_give_every_combination():
    settings = trees(min_leaf={"search": [5, 50]}, max_bins={"search": [10, 20, 30]})
    _, bound = generator(pipeline(generators=[settings]))
    combinations = [(one.params.min_leaf, one.params.max_bins) for one in bound.variants]
    assert combinations == [(5, 10), (5, 20), (5, 30), (50, 10), (50, 20), (50, 30)]


def test_a_setting_inside_another_may_be_searched_for_and_so_may_a_whole_one():
    nested = {"use": "series-edits", "with": {"edits": {"jitter": {"search": [1, 2]}, "warp": 1}}}
    _, bound = generator(pipeline(source="cylinder-bell-funnel", generators=[nested]))
    assert [one.params.edits["jitter"] for one in bound.variants] == [1, 2]
    whole = {"use": "series-edits", "with": {"edits": {"search": [{"warp": 1}, {"jitter": 1}]}}}
    _, bound = generator(pipeline(source="cylinder-bell-funnel", generators=[whole]))
    assert [list(one.params.edits) for one in bound.variants] == [["warp"], ["jitter"]]


@pytest.mark.parametrize(
    ("settings", "messages"),
    [
        (
            {"min_leaf": {"search": [5, "x", 0]}},
            [
                "min_leaf.search.1: expected a whole number, got 'x'",
                "min_leaf.search.2: expected at least 1, got 0",
            ],
        ),
        ({"min_lef": {"search": [5, 6]}}, ["min_lef: unknown key; did you mean 'min_leaf'?"]),
        ({"min_leaf": {"search": 5}}, ["min_leaf.search: expected a list of values to try, such as `[1, 2]`, got 5"]),
        (
            {"min_leaf": {"search": [5]}},
            ["min_leaf.search: expected at least two values to try; write a single value without `search`"],
        ),
        ({"min_leaf": {"search": [5, 6, 5]}}, ["min_leaf.search.2: 5 is listed twice"]),
        (
            {"min_leaf": {"search": [*range(1, 5)]}, "max_bins": {"search": [*range(2, 6)]}},
            [
                ": the searched settings have 16 combinations; at most 12 are tried, since each is fitted five times "
                "or more. List fewer values"
            ],
        ),
    ],
)
def test_wrong_values_are_refused_each_at_its_place(settings, messages):
    found = refusals(pipeline(generators=[trees(**settings)]))
    assert found == [f"generators.0.with{'' if said[0] == ':' else '.'}{said}" for said in messages]


def test_values_that_are_the_same_setting_are_refused():
    tree = pipeline(generators=[{"use": "anchored", "with": {"share": {"search": [1, 1.0]}}}])
    assert refusals(tree) == ["generators.0.with.share.search.1: is the same setting as another value of this list"]


def test_a_wrong_value_is_told_with_its_line(tmp_path):
    path = tmp_path / "p.yaml"
    path.write_text(
        "source: {use: sklearn, with: {dataset: wine}}\ngenerators:\n  - use: trees\n    with:\n      min_leaf:\n"
        "        search:\n          - 5\n          - 0\n"
    )
    with pytest.raises(SpecError, match=r"p.yaml:8: generators.0.with.min_leaf.search.1: expected at least 1, got 0"):
        load(path, Catalog())


def test_only_generators_are_searched_for():
    of_filter = pipeline(filters=[{"use": "not-a-copy", "with": {"quantile": {"search": [0.1, 0.2]}}}])
    only = "only settings of generators can be searched for; write one value"
    assert refusals(of_filter) == [f"filters.0.with.quantile: {only}"]


@pytest.mark.parametrize(
    ("place", "sections"),
    [
        ("filters.0", {"filters": [{"use": "not-a-copy", "tune": True}]}),
        ("trial.probe", {"trial": {"probe": {"use": "boosting", "tune": True}}}),
        ("source", {"source": {**SOURCE, "tune": True}}),
    ],
)
def test_only_generators_are_tuned(place, sections):
    assert refusals(pipeline(**sections)) == [f"{place}.tune: only generators have settings to search for; remove it"]


def test_a_search_needs_trials():
    (said,) = refusals(pipeline(trial=False))
    assert said.startswith(
        "generators.0.with.min_leaf: settings are searched for by the trials of a run, and there are none"
    )


@pytest.fixture
def declares(monkeypatch):
    """`trees` declares settings worth a search."""
    from augment_trees.trees import Trees

    monkeypatch.setattr(Trees, "tunes", {"min_leaf": (5, 50), "max_bins": (20,)})
    assert catalogs.component_problem(Trees) is None


def test_tune_adds_what_the_generator_declares_after_the_default(declares):
    _, bound = generator(pipeline(generators=[{"use": "trees", "tune": True}]))
    leaves = [(one.params.min_leaf, one.params.max_bins) for one in bound.variants]
    assert leaves == [(None, 100), (None, 20), (5, 100), (5, 20), (50, 100), (50, 20)]


def test_tune_leaves_alone_what_is_written(declares):
    _, bound = generator(pipeline(generators=[{**trees(max_bins=30, min_leaf={"search": [7, 8]}), "tune": False}]))
    assert [(one.params.min_leaf, one.params.max_bins) for one in bound.variants] == [(7, 30), (8, 30)]
    _, bound = generator(pipeline(generators=[{**trees(max_bins=30), "tune": True}]))
    assert [(one.params.min_leaf, one.params.max_bins) for one in bound.variants] == [(None, 30), (5, 30), (50, 30)]
    (said,) = refusals(pipeline(generators=[{**trees(max_bins=30, min_leaf=9), "tune": True}]))
    assert "'trees' has no setting left to search for: all settings that it declares are written under `with`" in said


def test_tune_of_a_generator_that_declares_nothing_is_refused():
    (said,) = refusals(pipeline(generators=[{"use": "bootstrap", "tune": True}]))
    assert said.startswith("generators.0.tune: 'bootstrap' has no setting left to search for: it declares none")


@pytest.mark.parametrize("tune", [False, True])
def test_the_resolved_pipeline_states_the_search_and_loads_to_the_same(declares, tmp_path, tune):
    entry = {"use": "trees", "tune": True} if tune else trees(min_leaf={"search": [50, 5]})
    resolved, bound = generator(pipeline(generators=[entry]))
    text = resolved_yaml(resolved, {"source": resolved.sources(), "generator": [bound]}, tmp_path)
    path = tmp_path / "resolved.yaml"
    path.write_text(text)
    again, bound_again = generator(path)
    assert bound_again.variants == bound.variants
    assert resolved_yaml(again, {"source": again.sources(), "generator": [bound_again]}, tmp_path) == text


def test_the_order_and_the_values_are_part_of_the_key():
    def settings(*values):
        resolved, bound = generator(pipeline(generators=[trees(min_leaf={"search": list(values)})]))
        return dump(resolved.settings({"source": resolved.sources(), "generator": [bound]}))

    assert len({settings(5, 50), settings(50, 5), settings(5, 50, 7)}) == 3


def test_a_pipeline_made_in_python_may_have_a_search():
    _, bound = generator(Pipeline.model_validate(pipeline()))
    assert len(bound.variants) == 2


def test_editors_know_a_search():
    schema = json_schema(Catalog())
    validator = jsonschema.Draft202012Validator(schema)
    assert list(validator.iter_errors(pipeline())) == []
    assert list(validator.iter_errors(pipeline(generators=[{"use": "trees", "tune": True}]))) == []
    for wrong in ({"search": [5]}, {"search": ["x", 5]}, {"search": [5, 6], "more": 1}):
        assert list(validator.iter_errors(pipeline(generators=[trees(min_leaf=wrong)])))
    assert list(validator.iter_errors(pipeline(filters=[{"use": "not-a-copy", "tune": True}])))


def test_paths_that_are_searched_for_are_relative_to_the_file(tmp_path):
    synonyms = {"use": "text-edits", "with": {"synonyms": {"search": ["a.txt", "b.txt"]}}}
    resolved = load(
        pipeline(source={"use": "docstrings", "with": {"packages": {"sklearn": 60}}}, generators=[synonyms]),
        Catalog(),
        base=tmp_path,
    )
    (stage,) = resolved.select_stages("generator")
    assert [params.synonyms for params in stage.candidates[0].all_params] == [tmp_path / "a.txt", tmp_path / "b.txt"]
    text = resolved_yaml(
        resolved, {"source": resolved.sources(), "generator": [stage.bind(stage.candidates[0])]}, tmp_path
    )
    assert "a.txt" in text
    assert str(tmp_path) not in text
