import pytest
from small_components import CATALOG, SMALLEST, generators, problem_of, problems_of

from augment.spec.cross_checks import cross_check
from augment.spec.load import load


def test_checks_between_fields_run_beside_a_wrong_field(project):
    text = SMALLEST + "seed: -1\nmix: {share: {gann: 1}}\n"
    assert problems_of(project(text)) == [
        "p.yaml:4: seed: expected at least 0, got -1",
        "p.yaml:5: mix.share.gann: no generator has this id; did you mean 'gan'?",
    ]


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        ("columns: {x: {min: 3, max: 1}}", "schema.columns.x: the minimum, 3, is larger than"),
        ("arrays: {a: {range: [3, 1]}}", "schema.arrays.a.range: the minimum, 3, is larger than"),
        ("columns: {x: {categories: [a, a]}}", "schema.columns.x.categories: 'a' is listed twice"),
        ("columns: {x: {type: numbr}}", "did you mean 'number'?"),
        ("payload: y", "schema.payload: the payload is what the target is predicted from"),
    ],
)
def test_a_schema_that_contradicts_itself_is_refused(project, schema, expected):
    assert expected in problem_of(project(SMALLEST.replace("target: y", f"target: y, {schema}")))


def test_ids_are_names_and_count_up_around_written_ones(project):
    resolved = load(project(generators("gan", "{use: plain, id: gan-2}", "gan", "{use: gan, id: big}", "gan")), CATALOG)
    assert [stage.id for stage in resolved.select_stages("generator")] == ["gan", "gan-2", "gan-3", "big", "gan-4"]


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        (["{use: gan, id: a}", "{use: plain, id: A}"], "generators.1.id: the id 'A' is already used"),
        (["{use: gan, id: real}"], "generators.0.id: the id 'real' is reserved"),
        (["{use: gan, id: class-weights}"], "is reserved"),
        (["{use: gan, id: threshold}"], "is reserved"),
        (["{use: gan, id: ../x}"], "generators.0.id: expected an id of 1 to 64 letters"),
        (["{use: gan, id: " + "a" * 65 + "}"], "generators.0.id: expected an id of 1 to 64 letters"),
        (["{use: gan, id: ''}"], "expected an id of 1 to 64 letters"),
    ],
)
def test_ids_that_cannot_be_told_apart_or_used_are_refused(project, entries, expected):
    assert expected in problem_of(project(generators(*entries)))


def test_ids_may_be_equal_in_different_sections(project):
    load(project(generators("{use: gan, id: fidelity}") + "metrics: [fidelity]\n"), CATALOG)


def test_a_share_must_name_every_generator(project):
    text = generators("gan", "smote", "plain") + "mix: {share: {gan: 1}}\n"
    assert "smote, plain has none" in problem_of(project(text))


@pytest.mark.parametrize(
    ("split", "expected"),
    [
        ("{column: f}", "split.column: add `test:`, the values of this column"),
        ("{test: [4]}", "split.test: these are values of a column; add `column:`"),
        ("{column: f, test: {use: csv, with: {path: credit.csv}}}", "split.column: the held-out rows have a source"),
        ("{column: f, test: 4, holdout: 0.2}", "split.holdout: `test` says which rows are held out"),
        ("{column: f, test: 4, stratify: y}", "split.stratify: `test` says which rows are held out"),
        ("{column: f, test: 4, dedupe: group}", "split.dedupe: `test` says which rows are held out"),
        ("{column: f, test: 4, group: f}", "nothing learns from the column of the split, but `split.group` names it"),
        ("{column: y, test: 4}", "nothing learns from the column of the split, but `schema.target` names it too"),
        ("{column: f, test: [{a: 1}]}", "split.test.0: expected text or a whole number"),
        ("{test: {use: csv, with: {path: tets.csv}}}", "split.test.with.path: there is no file or folder 'tets.csv'"),
        ("{test: {use: csv, with: {pth: credit.csv}}}", "split.test.with.pth: unknown key"),
        ("{test: csvv}", "split.test.use: 'csvv' is not installed"),
    ],
)
def test_a_split_of_the_users_own_must_make_sense(project, split, expected):
    assert any(expected in problem for problem in problems_of(project(SMALLEST + f"split: {split}\n")))


@pytest.mark.parametrize(
    ("tree", "key_path"),
    [
        ({"trial": False, "mix": {"rows": "auto"}}, ("mix", "rows")),
        ({"trial": False, "mix": {"share": "auto"}}, ("mix", "share")),
        ({"split": {"time": "t", "stratify": "y"}}, ("split", "stratify")),
        ({"split": {"stratify": True}, "schema": {"columns": {}}}, ("split", "stratify")),
        ({"trial": {"cuts": 3}, "split": {"time": "t"}}, ("trial", "cuts")),
        ({"observers": ["a", "b", "a"]}, ("observers", 2)),
        ({"filters": [{"use": "x", "id": "Duplicates"}]}, ("filters", 0, "id")),
        ({"generators": [{"use": "gan", "id": "a"}, {"use": "gan", "id": "A"}]}, ("generators", 1, "id")),
        ({"schema": {"arrays": {"a": {"range": [2, 1]}}}}, ("schema", "arrays", "a", "range")),
    ],
)
def test_a_contradiction_is_reported_at_the_key_to_change(tree, key_path):
    assert [path for path, _ in cross_check(tree)] == [key_path]


@pytest.mark.parametrize(
    "tree",
    [
        {"trial": {}, "mix": {"rows": "auto", "share": "auto"}},
        {"split": {"stratify": True}, "schema": {"target": "y"}},
        {"trial": {"cuts": 3}, "split": {"group": "g"}},
        {"trial": {"cuts": 1}, "split": {"time": "t"}},
        {"generators": [{"use": "gan"}, {"use": "gan"}], "mix": {"share": {"gan": 1, "gan-2": 0}}},
        {"schema": {"columns": {"x": {"min": 1, "max": 1}}}},
        {"mix": 3, "split": None, "schema": ["y"], "generators": "gan", "observers": {}},  # reported by the models
    ],
)
def test_what_fits_together_or_is_reported_elsewhere_is_left_alone(tree):
    assert cross_check(tree) == []
