"""The pipeline file, against the catalog of small components in `small_components`."""

import contextlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from small_components import (
    CATALOG,
    CLASSED,
    SMALLEST,
    ImageGan,
    TableGan,
    bound_of,
    generators,
    problem_of,
    problems_of,
)

from augment.errors import PluginError, SpecError
from augment.plugin.catalog import Catalog
from augment.spec.bind import bind
from augment.spec.json_schema import json_schema
from augment.spec.load import load, resolved_yaml
from augment.spec.models import Pipeline
from augment.spec.stages import bound_from_json
from augment.toolkit.yaml_text import dump


def test_the_smallest_pipeline_has_every_default(project):
    resolved = load(project(SMALLEST, "my first pipeline.yaml"), CATALOG)
    assert resolved.pipeline.name == "my-first-pipeline"
    assert resolved.pipeline.split.share == 0.2
    assert [(stage.kind, stage.id) for stage in resolved.stages] == [
        ("source", "csv"),
        ("generator", "gan"),
        ("filter", "not-a-copy"),
        ("probe", "boosting"),
        ("metric", "fidelity"),
        ("metric", "privacy"),
        ("reporter", "html"),
        ("sink", "parquet"),
    ]


def test_a_mapping_a_pipeline_and_a_file_resolve_alike(project, tmp_path):
    path = project(SMALLEST, "pipeline.yaml")
    mapping = {
        "source": {"use": "csv", "with": {"path": Path("credit.csv")}},
        "schema": {"target": "y"},
        "generators": ["gan"],
    }
    made = load(mapping, CATALOG, base=tmp_path)
    read = load(path, CATALOG)
    again = load(read.pipeline, CATALOG, base=tmp_path)
    assert made.pipeline == read.pipeline == again.pipeline
    assert made.stages == read.stages == again.stages


def test_a_trial_that_is_switched_off_stays_off(project, tmp_path):
    resolved = load(project(SMALLEST + "trial: false\n"), CATALOG)
    assert resolved.pipeline.trial is None
    assert resolved.select_stages("probe") == []
    assert load(resolved.pipeline, CATALOG, base=tmp_path).pipeline.trial is None


def test_a_blank_section_is_one_that_is_not_written(project):
    resolved = load(project(SMALLEST + "trial:\nfilters:\nsplit:\n"), CATALOG)
    assert resolved.pipeline.trial is not None
    assert [stage.id for stage in resolved.select_stages("filter")] == ["not-a-copy"]


def test_everything_wrong_is_reported_at_once_in_the_order_of_the_lines(project, tmp_path):
    text = """\
spec: 2
seed: seven
source: {use: csv, with: {path: credti.csv, sep: ","}}
schema:
  target: 1
  columms: {}
generators:
  - gann
  - use: gan
    with: {epochs: 0, steps: {rat: 1}}
    timeout: -1
mix: {rows: some, share: some, search: {seeds: 1, amounts: [auto]}}
trial: {seeds: 0}
filtres: []
"""
    assert problems_of(project(text)) == [
        "p.yaml:1: spec: expected 1, got 2",
        "p.yaml:2: seed: expected a whole number, got 'seven'",
        "p.yaml:3: source.with.sep: unknown key; the keys here are missing, path",
        f"p.yaml:3: source.with.path: there is no file or folder 'credti.csv' (relative paths start "
        f"from {str(tmp_path)!r}); did you mean 'credit.csv'?",
        'p.yaml:5: schema.target: expected text, got 1; write it in quotes: "1"',
        "p.yaml:6: schema.columms: unknown key; did you mean 'columns'?",
        "p.yaml:8: generators.0.use: 'gann' is not installed; did you mean 'gan'?",
        "p.yaml:10: generators.1.with.steps.rat: unknown key; did you mean 'rate'?",
        "p.yaml:10: generators.1.with.epochs: expected at least 1, got 0",
        "p.yaml:11: generators.1.timeout: expected more than 0, got -1",
        "p.yaml:12: mix.rows: expected `auto`, `balance`, a multiple of the training rows such as `2x`, a number of "
        "rows, `{per_class: 1000}`, or a number for each class such as `{yes: 400, no: 0}`, got 'some'",
        "p.yaml:12: mix.search.amounts.0: expected `balance`, a multiple such as `2x`, or a number of rows, got 'auto'",
        "p.yaml:12: mix.share: expected a mapping (`key: value`) or 'auto', got 'some'",
        "p.yaml:12: mix.search.seeds: expected at least 2, got 1",
        "p.yaml:13: trial.seeds: expected at least 1, got 0",
        "p.yaml:14: filtres: unknown key; did you mean 'filters'?",
    ]


def test_a_key_in_the_wrong_place_is_told_where_it_belongs(project):
    text = SMALLEST.replace("generators:", "holdout: 0.3\ngenerators:").replace("gan", "{use: gan, share: 1}")
    assert [problem.partition(": ")[2] for problem in problems_of(project(text))] == [
        "holdout: unknown key; did you mean `split.holdout`?",
        "generators.0.share: unknown key; did you mean `mix.share`?",
    ]


def test_a_hundred_problems_are_enough(project):
    assert len(problems_of(project(SMALLEST + "".join(f"k{i}: 1\n" for i in range(300))))) == 100


def test_what_is_missing_is_named(project):
    assert problems_of(project("seed: 1\n")) == [
        "p.yaml:1: source: is required",
        "p.yaml:1: generators: is required",
    ]


def test_a_component_that_needs_a_setting_says_which(project):
    assert problem_of(project(SMALLEST.replace("{path: credit.csv}", "{}"))) == (
        "p.yaml:1: source.with.path: is required"
    )


def test_a_missing_data_file_is_told_with_its_likely_name(project, tmp_path):
    problem = problem_of(project(SMALLEST.replace("credit.csv", "credti.csv")))
    assert problem == (
        f"p.yaml:1: source.with.path: there is no file or folder 'credti.csv' (relative paths start "
        f"from {str(tmp_path)!r}); did you mean 'credit.csv'?"
    )


def test_for_a_missing_data_file_of_no_likely_name_the_option_is_shown_that_says_where_it_is(project, tmp_path):
    text = SMALLEST.replace("credit.csv", "../../moved/credit.csv")
    assert problem_of(project(text)).endswith("; say where it is: `--set source.with.path=/full/path`")
    load(project(text), CATALOG, overrides=[f"source.with.path={tmp_path / 'credit.csv'}"])


def test_a_pipe_as_data_is_refused(project, tmp_path):
    os.mkfifo(tmp_path / "pipe.csv")
    assert problem_of(project(SMALLEST.replace("credit.csv", "pipe.csv"))) == (
        "p.yaml:1: source.with.path: 'pipe.csv' is a pipe or a device; save its content in a file, and name that"
    )


def test_a_name_of_another_kind_is_refused(project):
    assert problem_of(project(SMALLEST.replace("[gan]", "[csv]"))).startswith(
        "p.yaml:3: generators.0.use: 'csv' is a source; expected a generator"
    )


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("device: gpu", "device: expected auto, cpu, cuda or cuda:N, got 'gpu'"),
        ("name: a/b", "name: expected 1 to 64 letters, digits, `_`, `.` and `-`, beginning with a letter or digit"),
        ("threads: true", "threads: expected a whole number, got true"),
        ("threads: 2.0", "threads: expected a whole number, got 2.0; write 2"),
        ("shortfall: warm", "shortfall: expected 'fail' or 'warn', got 'warm'; did you mean 'warn'?"),
        ("split: {holdout: 1}", "split.holdout: expected less than 1, got 1"),
        ("split: {stratify: 5}", "split.stratify: expected text or true or false, got 5"),
        ("trial: {cuts: 5}\nsplit: {time: t}", "trial.cuts: the last rows by `split.time` are held out"),
        (
            "trial: {cuts: 5}\nsplit: {column: f, test: [4]}",
            "trial.cuts: the rows that `split.test` names are held out",
        ),
        ("split: {time: t, stratify: y}", "split.stratify: a hold-out split by `time` cannot be stratified"),
        ("split: {time: t, group: g}", "split.group: a hold-out split by `time` cannot keep groups whole"),
        ("split: {time: t, dedupe: group}", "split.dedupe: a hold-out split by `time` cannot keep groups"),
        ("split: hold", "split: expected a mapping (`key: value`), got 'hold'"),
        ("metrics: fidelity", "metrics: expected a list, got 'fidelity'"),
        ("metrics: [1]", "metrics.0: expected a mapping (`key: value`), got 1"),
        ("metrics: [{id: f}]", "metrics.0.use: is required"),
        ("metrics: [{use: fidelity, with: 1}]", "metrics.0.with: expected a mapping (`key: value`), got 1"),
        ("observers: [mlflow]", "observers.0: 'mlflow' is not installed; `augment plugins` lists what is"),
        ("observers: [html, html]", "observers.1: 'html' is listed twice"),
        ("mix: {rows: balanced}", "did you mean 'balance'?"),
        ("mix: {rows: -1}", "mix.rows: expected `auto`, `balance`"),
        ("mix: {rows: true}", "mix.rows: expected `auto`, `balance`"),
        ("mix: {rows: {}}", "got an empty mapping"),
        ("mix: {rows: {yes: many}}", "mix.rows: expected a whole number of rows, at least 0, for 'yes', got 'many'"),
        ("mix: {share: {gan: 0}}", "mix.share: all weights are 0"),
        ("mix: {share: {gan: -1}}", "mix.share.gan: expected at least 0, got -1"),
        ("trial: 3", "trial: expected a mapping (`key: value`)"),
        ("trial: {probe: boost}", "trial.probe.use: 'boost' is not installed; did you mean 'boosting'?"),
        ("origin_column: ''", "origin_column: expected text of at least 1 characters, got ''"),
    ],
)
def test_a_wrong_value_is_told_in_plain_words(project, line, expected):
    problem = problem_of(project(SMALLEST + line + "\n"))
    assert problem.startswith("p.yaml:4: ")
    assert expected in problem


def test_yes_is_text_where_a_boolean_is_expected(project):
    text = SMALLEST + "split: {stratify: yes}\n"
    assert load(project(text), CATALOG).pipeline.split.stratify == "yes"


def test_settings_count_when_one_component_of_the_name_takes_them(project):
    text = "source: anything\ngenerators: [{use: gan, with: {channels: 3}}]\n"
    (stage,) = load(project(text), CATALOG).select_stages("generator")
    assert [candidate.cls for candidate in stage.candidates] == [ImageGan]
    assert [cls for cls, _ in stage.refused] == [TableGan]


def test_settings_are_checked_against_what_the_source_can_yield(project):
    text = SMALLEST.replace("[gan]", "[{use: gan, with: {channels: 3}}]")
    assert "generators.0.with.channels: unknown key" in problem_of(project(text))


def test_the_nearest_component_of_a_name_explains_wrong_settings(project):
    text = "source: anything\ngenerators: [{use: gan, with: {epochs: 0, channels: 3}}]\n"
    assert problem_of(project(text)) == "p.yaml:2: generators.0.with.epochs: expected at least 1, got 0"


def test_a_component_for_another_kind_of_data_is_refused_before_any_data_is_read(project):
    problem = problem_of(project(SMALLEST + "trial: {probe: cnn}\n"))
    assert problem == "p.yaml:4: trial.probe.use: 'cnn' works on image, but the source yields table"


def test_a_plugin_that_cannot_be_imported_is_its_own_kind_of_error(project):
    with pytest.raises(PluginError, match=r"p\.yaml:3: generators\.0\.use: plugin no_such_module_anywhere") as caught:
        load(project(generators("broken")), CATALOG)
    assert isinstance(caught.value.__cause__, PluginError)


def test_an_observer_among_generators_is_a_mistake_of_the_pipeline(project):
    """No plugin is broken: the exit code is that of a wrong pipeline."""
    with pytest.raises(SpecError, match="'mlflow' only observes runs; name it under `observers:`"):
        load(project(generators("mlflow")), Catalog())


def test_a_broken_plugin_is_one_of_several_problems(project):
    found = problems_of(project(generators("broken") + "seed: x\n"))
    assert [problem.split(":")[1] for problem in found] == ["3", "4"]


def test_a_plugin_whose_validator_fails_is_named(project):
    with pytest.raises(PluginError, match="Fragile fails on these settings: KeyError"):
        load(project(generators("{use: fragile, with: {size: 2}}")), CATALOG)


def test_paths_are_made_absolute_from_the_file(project, tmp_path):
    resolved = load(project(generators("{use: gan, with: {weights: sub/w.bin}}")), CATALOG)
    assert resolved.sources()[0].params.path == tmp_path / "credit.csv"
    (stage,) = resolved.select_stages("generator")
    assert stage.candidates[0].params.weights == tmp_path / "sub" / "w.bin"


def test_overrides_reach_settings_by_position_and_by_id(project):
    resolved = load(
        project(generators("gan", "{use: gan, id: big}")),
        CATALOG,
        overrides=["generators.0.with.epochs=5", "generators.big.with.epochs=6", "seed=9", "trial.seeds=2"],
    )
    assert [stage.candidates[0].params.epochs for stage in resolved.select_stages("generator")] == [5, 6]
    assert resolved.pipeline.seed == 9
    assert resolved.pipeline.trial.seeds == 2


def test_a_wrong_override_is_told_with_the_override(project):
    assert problems_of(project(SMALLEST), "generators.0.with.epochs=many") == [
        "--set generators.0.with.epochs=many: generators.0.with.epochs: expected a whole number, got 'many'"
    ]


def test_the_hold_out_may_have_a_source_of_its_own(project, tmp_path):
    text = SMALLEST + "split: {test: {use: csv, with: {path: credit.csv}}, dedupe: drop}\n"
    resolved = load(project(text), CATALOG)
    source, of_test = resolved.sources()
    assert (source.id, of_test.id) == ("csv", "test")
    assert of_test.params.path == tmp_path / "credit.csv"
    components = bind(resolved, CLASSED)
    assert components["source"] == [source, of_test]
    assert resolved.settings(components)["split"]["test"]["with"]["path"] == "data"
    again = tmp_path / "again" / "p.yaml"
    again.parent.mkdir()
    again.write_text(resolved_yaml(resolved, components, again.parent))
    assert load(again, CATALOG).sources() == [source, of_test]


def test_one_value_of_a_split_column_needs_no_list(project):
    resolved = load(project(SMALLEST + "split: {column: part, test: test}\n"), CATALOG)
    assert (resolved.pipeline.split.test_values, len(resolved.sources())) == (["test"], 1)


FULL = """\
name: credit
seed: 3
source: {use: csv, with: {path: credit.csv, missing: ["NA", "1"]}}
schema: {target: y, columns: {x: {type: number, min: 0, unit: EUR}}}
split: {holdout: 0.25, group: customer}
generators:
  - {use: gan, id: big, timeout: 60, with: {epochs: 7, steps: {rate: 2e-4}, weights: w.bin}}
  - smote
mix: {rows: {yes: 4, no: 0}, share: {big: 1, smote: 0.5}}
trial: {score: roc_auc, min: 0.01}
"""


def test_the_resolved_file_has_every_default_and_loads_as_the_same_pipeline(project, tmp_path):
    (tmp_path / "w.bin").write_bytes(b"weights")
    resolved = load(project(FULL), CATALOG)
    bound = bind(resolved, CLASSED)
    folder = tmp_path / "runs" / "credit-1"
    folder.mkdir(parents=True)
    text = resolved_yaml(resolved, bound, folder)
    (folder / "resolved.yaml").write_text(text)

    again = load(folder / "resolved.yaml", CATALOG)
    bound_again = bind(again, CLASSED)
    assert "path: ../../credit.csv" in text
    assert "mode: plain" in text
    assert bound_again == bound
    assert again.settings(bound_again) == resolved.settings(bound)
    assert resolved_yaml(again, bound_again, folder) == text


def test_the_resolved_file_of_a_pipeline_without_trial_stays_without(project, tmp_path):
    resolved = load(project(SMALLEST + "trial: false\nfilters: []\n"), CATALOG)
    text = resolved_yaml(resolved, bind(resolved, CLASSED), tmp_path)
    again = load(project(text, "resolved.yaml"), CATALOG)
    assert again.pipeline.trial is None
    assert again.select_stages("filter") == []


def test_settings_do_not_depend_on_where_files_lie(project, tmp_path):
    (tmp_path / "w.bin").write_bytes(b"weights")
    resolved = load(project(FULL), CATALOG)
    here = resolved.settings(bind(resolved, CLASSED))
    (tmp_path / "sub").mkdir()
    (tmp_path / "w.bin").rename(tmp_path / "sub" / "w.bin")
    (tmp_path / "credit.csv").rename(tmp_path / "sub" / "other.csv")
    moved = load(project(FULL.replace("w.bin", "sub/w.bin").replace("credit.csv", "sub/other.csv")), CATALOG)
    assert moved.settings(bind(moved, CLASSED)) == here
    assert json.loads(json.dumps(here)) == here


def test_settings_change_with_the_content_of_a_file(project, tmp_path):
    (tmp_path / "w.bin").write_bytes(b"weights")
    resolved = load(project(FULL), CATALOG)
    before = resolved.settings(bind(resolved, CLASSED))
    (tmp_path / "w.bin").write_bytes(b"others")
    assert resolved.settings(bind(resolved, CLASSED)) != before


def test_a_bound_component_travels_as_json(project):
    for bounds in bound_of(project(FULL), CLASSED).values():
        for bound in bounds:
            assert bound_from_json(json.loads(json.dumps(bound.to_json())), CATALOG) == bound


def test_a_component_that_is_gone_is_named(project):
    data = bound_of(project(SMALLEST), CLASSED)["generator"][0].to_json() | {"class": "gone:Gone"}
    with pytest.raises(PluginError, match="no longer offers gone:Gone"):
        bound_from_json(data, CATALOG)


def test_settings_of_another_version_are_refused_with_a_way_out(project):
    data = bound_of(project(SMALLEST), CLASSED)["generator"][0].to_json()
    data["params"] |= {"gone": 1}
    with pytest.raises(PluginError, match=r"in the version that stored it: gone: unknown key.*; fit it again"):
        bound_from_json(data, CATALOG)


def references(schema):
    if isinstance(schema, dict):
        yield from [schema["$ref"]] if "$ref" in schema else []
        schema = list(schema.values())
    if isinstance(schema, list):
        for inner in schema:
            yield from references(inner)


def test_the_json_schema_knows_every_component_and_its_settings():
    schema = json_schema(CATALOG)
    assert set(Pipeline.model_json_schema()["properties"]) == set(schema["properties"])
    assert schema["required"] == ["source", "generators"]
    assert schema["properties"]["generators"]["items"] == {"$ref": "#/$defs/generator"}
    name, spelled = schema["$defs"]["generator"]["anyOf"]
    assert name["enum"] == ["fragile", "gan", "plain", "smote"]
    (gan,) = [rule["then"] for rule in spelled["allOf"] if rule["if"]["properties"]["use"]["const"] == "gan"]
    names = [reference.removeprefix("#/$defs/") for reference in references(gan)]
    assert [set(schema["$defs"][name]["properties"]) for name in names] == [
        {"epochs", "steps", "weights", "mode"},
        {"epochs", "channels"},
    ]
    assert schema["$defs"][names[0]]["properties"]["epochs"]["description"] == "Passes over the training rows."
    assert "with" in schema["$defs"]["source"]["anyOf"][1]["allOf"][1]["then"]["required"]


def test_every_reference_in_the_json_schema_leads_somewhere():
    schema = json_schema(CATALOG)
    for reference in references(schema):
        assert reference.removeprefix("#/$defs/") in schema["$defs"]


def test_reading_pipelines_imports_no_heavy_library():
    code = "import augment.spec, sys; print([m for m in ('torch', 'sklearn', 'albumentations') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


GOOD = {
    "spec": 1,
    "name": "credit",
    "source": {"use": "anything"},
    "schema": {"target": "y", "columns": {"x": {"type": "number", "min": 0}}, "arrays": {"a": {"range": [0, 1]}}},
    "split": {"holdout": 0.25, "stratify": "y"},
    "generators": [{"use": "gan", "id": "big", "timeout": 60, "with": {"epochs": 7}}, "smote"],
    "mix": {"rows": {"yes": 4}, "share": {"big": 1, "smote": 0.5}},
    "filters": ["not-a-copy"],
    "trial": {"probe": "boosting", "min": 0.01},
    "observers": ["html"],
}


def trails(node, before=()):
    items = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, inner in items:
        yield (*before, key)
        yield from trails(inner, (*before, key))


VALUES = [None, True, 0, -1, 1e300, 10**30, "", "a", "auto", "gan", "csv", "2x", [], ["a"], [[]], [None], {}, {"a": 1}]
VALUES += [{"use": 1}, {"use": "gan", "with": []}, {"use": None, "id": 3}, [{"use": "gan", "id": []}], {"probe": []}]


@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(
        st.tuples(
            st.sampled_from(list(trails(GOOD))), st.sampled_from(VALUES), st.sampled_from(["set", "drop", "add"])
        ),
        min_size=1,
        max_size=4,
    )
)
def test_any_change_to_a_pipeline_loads_or_is_a_spec_error(changes):
    tree = json.loads(json.dumps(GOOD))
    for trail, value, action in changes:
        node = tree
        try:
            for key in trail[:-1]:
                node = node[key]
            if action == "set":
                node[trail[-1]] = json.loads(json.dumps(value))
            elif action == "drop":
                del node[trail[-1]]
            else:
                node["typo"] = value
        except (KeyError, IndexError, TypeError):
            pass  # an earlier change took that place away
    with contextlib.suppress(SpecError):
        resolved = load(tree, CATALOG)
        text = resolved_yaml(resolved, bind(resolved, CLASSED), resolved.base)
        assert text.startswith("spec: 1\n")


def test_the_pipeline_that_is_changed_above_is_good():
    resolved = load(GOOD, CATALOG)
    assert bind(resolved, CLASSED)["generator"][1].id == "smote"
    assert resolved.text == dump(GOOD)
