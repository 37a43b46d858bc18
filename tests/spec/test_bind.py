import pytest
from small_components import (
    CATALOG,
    CLASSED,
    COLUMNS,
    IMAGES,
    NUMERIC,
    SMALLEST,
    SOUNDS,
    UNLABELLED,
    ImageGan,
    TableGan,
    bound_of,
    generators,
)

from augment.data import Column
from augment.errors import SpecError
from augment.spec.bind import check_columns
from augment.spec.load import load


def bind_problem(path, schema, num_rows=None):
    with pytest.raises(SpecError) as caught:
        bound_of(path, schema, num_rows=num_rows)
    (problem,) = caught.value.problems
    return str(problem).removeprefix(f"{path.parent}/")


def test_binding_picks_the_component_for_the_kind_of_data(project):
    path = project("source: anything\ngenerators: [gan]\n")
    assert bound_of(path, CLASSED)["generator"][0].cls is TableGan
    assert bound_of(path, IMAGES)["generator"][0].cls is ImageGan
    assert [probe.id for probe in bound_of(path, CLASSED)["probe"]] == ["boosting"]
    assert [probe.id for probe in bound_of(path, IMAGES)["probe"]] == ["cnn"]


def test_two_sinks_that_write_the_same_files_are_refused(project):
    path = project("source: anything\ngenerators: [gan]\nsinks:\n  - parquet\n  - {id: second, use: parquet}\n")
    assert bind_problem(path, CLASSED) == (
        "p.yaml:5: sinks.1: 'parquet' writes the same files as sinks.0, 'parquet'; remove one of them"
    )


@pytest.mark.parametrize(
    ("first", "second"),
    [
        pytest.param("html", "{id: short, use: html, with: {samples: 2}}", id="with other settings"),
        pytest.param("page", "html", id="another reporter of the same file"),
        pytest.param("plain-lines", "{id: second, use: plain-lines}", id="of unknown files, with the same settings"),
    ],
)
def test_two_reporters_that_write_the_same_file_are_refused(project, first, second):
    path = project(f"source: anything\ngenerators: [gan]\nreporters:\n  - {first}\n  - {second}\n")
    use = second if second.isalpha() else second.split("use: ")[1].split(",")[0].rstrip("}")
    assert bind_problem(path, CLASSED) == (
        f"p.yaml:5: reporters.1: {use!r} writes the same files as reporters.0, {first!r}; remove one of them"
    )


def test_a_reporter_of_unknown_files_may_be_there_twice_with_other_settings(project):
    second = "{id: second, use: plain-lines, with: {samples: 2}}"
    path = project(f"source: anything\ngenerators: [gan]\nreporters:\n  - plain-lines\n  - {second}\n")
    assert [bound.id for bound in bound_of(path, CLASSED)["reporter"]] == ["plain-lines", "second"]


def test_defaults_that_cannot_work_with_the_data_are_left_out(project):
    bound = bound_of(project("source: anything\ngenerators: [gan]\n"), IMAGES)
    assert bound["filter"] == []
    assert bound["metric"] == []
    assert [sink.id for sink in bound["sink"]] == ["parquet"]


def test_of_two_probes_that_claim_one_kind_of_data_ours_is_the_default(project):
    path = project("source: anything\ngenerators: [gan]\n")
    assert [probe.id for probe in bound_of(path, IMAGES)["probe"]] == ["cnn"]


def test_where_none_of_ours_is_the_default_two_others_must_be_chosen_from(project):
    path = project("source: anything\ngenerators: [plain]\nsinks: [parquet]\n")
    assert "'echo' and 'scan' are both the default for audio data; name one as `probe:`" in bind_problem(path, SOUNDS)
    path = project("source: anything\ngenerators: [plain]\nsinks: [parquet]\ntrial: {probe: scan}\n")
    assert [probe.id for probe in bound_of(path, SOUNDS)["probe"]] == ["scan"]


def test_a_pipeline_without_a_sink_for_its_data_says_so(project):
    path = project("source: anything\ngenerators: [plain]\ntrial: {probe: scan}\n")
    assert "no installed sink is the default for audio data; name one under `sinks:`" in bind_problem(path, SOUNDS)


def test_a_written_component_that_cannot_work_with_the_data_is_refused(project):
    problem = bind_problem(project("source: anything\ngenerators: [gan]\nmetrics: [fidelity]\n"), IMAGES)
    assert problem == (
        "p.yaml:3: metrics.0.use: 'fidelity' cannot be used on this data: it works on table, and this dataset is of "
        "kind image"
    )


def test_of_several_components_with_one_name_only_that_for_the_data_says_why_not(project):
    path = project("source: anything\ngenerators: [gan]\n")  # one for images, one for tables
    problem = bind_problem(path, CLASSED, num_rows=9)
    assert problem.endswith("cannot be used on this data: it needs at least 10 training rows, and there are 9")


def test_without_a_target_there_is_no_probe(project):
    assert bound_of(project(SMALLEST + "trial: {probe: boosting}\n"), UNLABELLED)["probe"] == []


def test_settings_refused_by_the_component_for_this_data_are_told_when_the_data_is_known(project):
    path = project("source: anything\ngenerators: [{use: gan, with: {channels: 3}}]\n")
    assert "generators.0.with.channels: unknown key" in bind_problem(path, CLASSED)


def test_too_few_rows_are_refused(project):
    assert "at least 10 training rows, and there are 9" in bind_problem(project(SMALLEST), CLASSED, num_rows=9)


def test_kinds_are_bound_apart_so_that_transforms_may_change_the_schema(project):
    missing = CLASSED.model_copy(update={"columns": COLUMNS | {"x": Column(type="number", nullable=True)}})
    path = project(generators("smote"))
    assert list(bound_of(path, missing, kinds=["source", "transform"])) == ["source", "transform"]
    assert "generator" in bound_of(path, CLASSED, kinds=["generator", "filter"])
    assert "it cannot take missing values" in bind_problem(path, missing)


@pytest.mark.parametrize(
    ("line", "schema", "expected"),
    [
        (
            "trial: {score: acuracy}",
            CLASSED,
            "trial.score: there is no score 'acuracy' for a target with classes; did you mean",
        ),
        (
            "trial: {score: accuracy}",
            NUMERIC,
            "there is no score 'accuracy' for a numeric target; the scores are 'r2', 'mae'",
        ),
        ("mix: {rows: balance}", NUMERIC, "need a target with classes, but the target is numeric"),
        ("mix: {rows: {per_class: 3}}", UNLABELLED, "the target is missing"),
        ("mix: {rows: {yess: 3}}", CLASSED, "mix.rows.yess: the target 'y' has no class 'yess'; did you mean 'yes'?"),
    ],
)
def test_what_the_pipeline_says_of_the_data_is_checked(project, line, schema, expected):
    problem = bind_problem(project(SMALLEST + line + "\n"), schema)
    assert problem.startswith("p.yaml:4: ")
    assert expected in problem


@pytest.mark.parametrize(
    ("line", "schema", "expected"),
    [
        ("split: {stratify: yy}", CLASSED, "split.stratify: there is no column 'yy'; did you mean 'y'?"),
        ("split: {group: custmer}", CLASSED, "split.group: there is no column 'custmer'; did you mean 'customer'?"),
        ("split: {column: custmer, test: [1]}", CLASSED, "split.column: there is no column 'custmer'; did you mean"),
        ("split: {time: when}", CLASSED, "the columns are 'x', 'customer', 'y'"),
        ("split: {stratify: true}", NUMERIC, "split.stratify: `true` means the target, which has no classes here"),
        ("origin_column: x", CLASSED, "the data has a column 'x' already; write `origin_column: made_by`"),
    ],
)
def test_columns_that_the_pipeline_names_are_in_the_data(project, line, schema, expected):
    with pytest.raises(SpecError, match=r"p\.yaml:4: ") as caught:
        check_columns(load(project(SMALLEST + line + "\n"), CATALOG), schema)
    assert expected in str(caught.value)


@pytest.mark.parametrize("rows", ["balance", "{yes: 3}", "{per_class: 3}"])
def test_amounts_per_class_need_generators_that_can_be_asked_for_a_class(project, rows):
    text = generators("gan", "plain") + f"mix: {{rows: {rows}}}\n"
    assert "'plain' cannot" in bind_problem(project(text), CLASSED)
    bound_of(project(text.replace("rows:", "share: {gan: 1, plain: 0}, rows:")), CLASSED)


@pytest.mark.parametrize("rows", ["2x", "500", "0"])
def test_amounts_without_classes_suit_every_target(project, rows):
    path = project(generators("gan", "plain") + f"mix: {{rows: {rows}}}\n")
    for schema in (CLASSED, NUMERIC, UNLABELLED):
        bound_of(path, schema)
