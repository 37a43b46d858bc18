from __future__ import annotations

import pytest

from augment.errors import SpecError
from augment.spec.document import Document
from augment.spec.overrides import set_value
from augment.spec.yaml_reader import parse


def overridden(text, override):
    tree, places, _ = parse(text, "p.yaml")
    document = Document(tree, "p.yaml", text, places)
    set_value(document, override)
    return document


GENERATORS = "seed: 1\ngenerators:\n  - {use: gan, with: {epochs: 1}}\n  - {use: vae, id: second}\n"


@pytest.mark.parametrize(
    ("override", "path", "value"),
    [
        ("seed=5", ("seed",), 5),
        ("seed=", ("seed",), None),
        ("name=a=b", ("name",), "a=b"),
        ("generators.0.with.epochs=2e-4", ("generators", 0, "with", "epochs"), 0.0002),
        ("generators.gan.with.epochs=7", ("generators", 0, "with", "epochs"), 7),
        ("generators.second.with.sizes=[1, 2]", ("generators", 1, "with", "sizes"), [1, 2]),
        ("mix.rows={yes: 4}", ("mix", "rows"), {"yes": 4}),
        ("generators.0=smote", ("generators", 0), "smote"),
    ],
)
def test_an_override_sets_one_value(override, path, value):
    node = overridden(GENERATORS, override).tree
    for key in path:
        node = node[key]
    assert node == value


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("seed", "expected KEY=VALUE"),
        ("=5", "expected KEY=VALUE"),
        ("a..b=5", "expected KEY=VALUE"),
        ("generators.2.with.epochs=5", "'generators' has 2 entries, numbered from 0; there is no 2"),
        ("generators.gann.with.epochs=5", "did you mean 'gan'?"),
        ("seed.deep=5", "'seed' is 1; there is no 'deep' inside it"),
        ("generators.0.use.deep=5", "'generators.0.use' is 'gan'; there is no 'deep' inside it"),
        ("seed=[1", "not valid YAML"),
        ("seed=*x", "anchors and aliases"),
        ("seed=.nan", "finite"),
        (".".join("a" * 30) + "=1", "at most 20 levels deep"),
    ],
)
def test_an_override_that_leads_nowhere_is_refused_with_itself_as_the_place(override, words):
    with pytest.raises(SpecError) as caught:
        overridden(GENERATORS, override)
    assert str(caught.value).startswith(f"--set {override}: ")
    assert words in str(caught.value)


def test_two_entries_of_one_name_must_be_told_apart_by_number():
    with pytest.raises(SpecError, match="several entries called 'gan'"):
        overridden("generators: [{use: gan}, {use: gan}]", "generators.gan.with.a=1")


def test_problems_of_an_overridden_value_are_placed_at_the_override():
    document = overridden(GENERATORS, "generators.0.with={epochs: 5}")
    assert str(document.problem(("generators", 0, "with", "epochs"), "bad")) == (
        "--set generators.0.with={epochs: 5}: generators.0.with.epochs: bad"
    )
    assert document.problem(("generators", 0, "use"), "bad").line == 3
