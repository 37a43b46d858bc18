from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from augment.errors import SpecError
from augment.spec.overrides import set_value
from augment.spec.yaml_tree import MAX_BYTES, MAX_NODES, Document, dump, from_mapping, parse, read


def tree_of(text):
    tree, _, problems = parse(text, "p.yaml")
    assert problems == []
    return tree


def problems_of(text):
    return [str(problem) for problem in parse(text, "p.yaml")[2]]


@pytest.fixture
def written(tmp_path):
    def write(content: str | bytes) -> Path:
        path = tmp_path / "p.yaml"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write


def message_of(path):
    with pytest.raises(SpecError) as caught:
        read(path, path.name)
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("yes", "yes"),
        ("on", "on"),
        ("True", True),
        ("2e-4", 0.0002),
        ("1E5", 100000.0),
        (".5", 0.5),
        ("017", 17),
        ("0o17", 15),
        ("0x1f", 31),
        ("-3", -3),
        ("1_000", "1_000"),
        ("12:30", "12:30"),
        ("2001-01-01", "2001-01-01"),
        ("'5'", "5"),
        ("~", None),
        ("", None),
        ("[1, a]", [1, "a"]),
        ("{a: {b: 1}}", {"a": {"b": 1}}),
        ("|\n  two\n  lines", "two\nlines\n"),
    ],
)
def test_values_follow_the_core_schema_of_yaml_1_2(text, value):
    found = tree_of(f"a: {text}\n")["a"]
    assert found == value
    assert type(found) is type(value)


def test_keys_stay_text_as_they_were_written():
    assert tree_of("{1: a, true: b, 01: c, .nan: d}") == {"1": "a", "true": "b", "01": "c", ".nan": "d"}


@pytest.mark.parametrize("number", [".inf", "-.INF", ".nan", "1e999"])
def test_numbers_that_are_not_finite_are_refused_with_their_line(number):
    (problem,) = problems_of(f"a: 1\nb: {number}\n")
    assert problem.startswith("p.yaml:2: b: expected a finite number")


def test_an_endless_integer_is_refused():
    (problem,) = problems_of("a: " + "9" * 10_000)
    assert "at most 100 digits" in problem


def test_duplicate_keys_name_both_lines():
    assert problems_of("a: 1\nb:\n  c: 1\n  d: 2\n  c: 3\n") == [
        "p.yaml:5: b.c: this key was written already in line 3"
    ]


def test_all_duplicates_tags_and_anchors_are_found_at_once():
    found = problems_of("a: !!python/object:os.system x\nb: &b 1\nc: *b\na: 2\n")
    assert [problem.split(":")[1] for problem in found] == ["1", "2", "3", "4"]
    assert "tags" in found[0]
    assert "anchors" in found[1]


def test_aliases_cannot_make_a_small_file_large():
    text = "a: &a [x, x]\n" + "".join(f"{chr(98 + i)}: &{chr(98 + i)} [*{chr(97 + i)}]\n" for i in range(20))
    assert len(problems_of(text)) > 20


@pytest.mark.parametrize("opening", ["[", "{a: ", "{? {", "- ", "? "])
def test_deep_nesting_is_refused_at_once(opening):
    found = problems_of(opening * 20_000)
    assert len(found) == 1
    assert "nested deeper" in found[0] or "a key must be text" in found[0]


def test_too_many_values_are_refused():
    (problem,) = problems_of("a: [" + "1," * (MAX_NODES + 1) + "]")
    assert "more than 50,000 values" in problem


def test_a_hundred_problems_are_enough():
    assert len(problems_of("a: 1\n" * 1000)) == 100


def test_a_second_document_is_refused():
    assert problems_of("a: 1\n---\nb: 2\n") == [
        "p.yaml:2: a second document begins here (`---`); a pipeline file holds one"
    ]


def test_directives_are_refused():
    (problem,) = problems_of("%YAML 1.1\n---\na: yes\n")
    assert "directives" in problem


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("a: 1\nb: c: d\n", 2, "quote a value that holds one"),
        ("a:\n\tb: 1\n", 2, "a tab stands where YAML wants spaces"),
        ("a: [1, 2\nb: 3\n", 2, "which begins in line 1"),
        ("a: 'open\n", 2, "which begins in line 1"),
        ("a: b\x07\n", 1, "may not stand in YAML"),
        ("a: 1\n- b\n", 2, "not valid YAML"),
    ],
)
def test_syntax_errors_say_the_line_and_what_to_look_for(text, line, words):
    (problem,) = problems_of(text)
    assert problem.startswith(f"p.yaml:{line}: ")
    assert words in problem


def test_escapes_for_impossible_characters_are_refused():
    assert "no text holds" in problems_of('a: "\\ud800"')[0]
    assert "no text holds" in problems_of('a: "\\0"')[0]
    assert "no text holds" in problems_of('"\\0": 1')[0]


@given(st.text(max_size=60) | st.text(alphabet="a1:-[]{},&*!%?|>'\"#\n \t@`\\.~", max_size=40))
def test_any_text_is_read_or_refused_in_words(text):
    tree, _, problems = parse(text, "p.yaml")
    assert problems or tree is None or isinstance(tree, dict | list | str | int | float | bool)
    assert all(problem.message for problem in problems)


def test_places_are_the_lines_of_keys_and_items():
    _, places, _ = parse("a:\n  - x\n  - b: 1\n    c:\n      d\n", "p.yaml")
    assert {key_path: line for key_path, (_, line) in places.items()} == {
        ("a",): 1,
        ("a", 0): 2,
        ("a", 1): 3,
        ("a", 1, "b"): 3,
        ("a", 1, "c"): 4,
    }


def test_a_problem_is_placed_at_the_nearest_part_that_was_written():
    tree, places, _ = parse("x: 1\na:\n  - b: 1\n", "p.yaml")
    document = Document(tree, "p.yaml", "", places)
    assert str(document.problem(("a", 0, "with", "path"), "missing")) == "p.yaml:3: a.0.with.path: missing"
    assert str(document.problem(("new",), "missing")) == "p.yaml: new: missing"


def test_an_empty_file_is_refused(written):
    assert message_of(written("# nothing\n")).startswith("p.yaml: the file is empty")


def test_a_list_at_the_top_is_refused(written):
    assert message_of(written("- a\n")).startswith("p.yaml:1: the file holds a list")


def test_a_binary_file_is_refused(written):
    assert "binary" in message_of(written(b"PK\x03\x04\x00\x00"))


def test_a_file_in_utf16_is_refused(written):
    assert "UTF-16" in message_of(written("a: 1".encode("utf-16")))


def test_bytes_that_are_not_utf8_are_named_with_offset_and_line(written):
    assert message_of(written(b"a: 1\nb: caf\xe9\n")).startswith("p.yaml:2: byte 11 (0xe9) is not UTF-8")


def test_a_byte_order_mark_and_windows_line_ends_are_fine(written):
    assert read(written(b"\xef\xbb\xbfa: 1\r\nb: x\r\n")).tree == {"a": 1, "b": "x"}


def test_a_large_file_is_refused(written):
    assert "larger than" in message_of(written(b"#" * (MAX_BYTES + 1)))


def test_a_missing_file_is_told_with_its_likely_name(written):
    path = written("a: 1")
    assert "did you mean 'p.yaml'?" in message_of(path.with_name("p.yml"))


def test_a_folder_is_no_pipeline(tmp_path):
    assert "this is a folder" in message_of(tmp_path)


TRICKY = [
    *("yes", "on", "null", "~", "", "=", "<<", "?", "---", "...", "2001-01-01"),
    *("1e5", ".5", "0o7", "1.e5", "1_0", ".inf", "+.5", "0x"),
    *("a: b", "- a", "#x", " a", "a ", "a\nb", "a\n", "\t", "é"),
    *("%a", "@a", "`a", "*a", "&a", "!a"),
]


def plain_trees():
    printable = st.text(max_size=12).filter(str.isprintable)
    texts = printable | st.sampled_from(TRICKY)
    scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts
    values = st.recursive(
        scalars,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
        max_leaves=8,
    )
    return st.dictionaries(texts, values)


@given(plain_trees())
def test_dumped_trees_read_back_equal(tree):
    text = dump(tree)
    assert tree_of(text) == tree
    assert dump(tree_of(text)) == text


def test_python_values_become_plain():
    made = from_mapping({"a": (np.int64(3), np.float32(0.5)), "p": Path("x") / "y", 1: {"deep": True}})
    assert made.tree == {"a": [3, 0.5], "p": str(Path("x") / "y"), "1": {"deep": True}}
    assert type(made.tree["a"][0]) is int


def test_python_values_that_yaml_cannot_hold_are_all_named():
    with pytest.raises(SpecError) as caught:
        from_mapping({"a": object(), "b": [float("nan")], "c": "\0"})
    assert [problem.where for problem in caught.value.problems] == ["a", "b.0", "c"]


def test_a_mapping_that_holds_itself_is_refused():
    endless: dict = {}
    endless["a"] = endless
    with pytest.raises(SpecError, match="nested deeper"):
        from_mapping(endless)


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
        (".".join("a" * 30) + "=1", "nested deeper"),
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
