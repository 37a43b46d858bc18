from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from augment.spec.yaml_reader import MAX_VALUES, parse


def tree_of(text):
    tree, _, problems = parse(text, "p.yaml")
    assert problems == []
    return tree


def problems_of(text):
    return [str(problem) for problem in parse(text, "p.yaml")[2]]


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
    assert problems_of("a: 1\nb:\n  c: 1\n  d: 2\n  c: 3\n") == ["p.yaml:5: b.c: this key is already in line 3"]


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


@pytest.mark.slow
def test_too_many_values_are_refused():
    (problem,) = problems_of("a: [" + "1," * (MAX_VALUES + 1) + "]")
    assert f"more than {MAX_VALUES:,} values" in problem


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
        ("a:\n\tb: 1\n", 2, "indented with a tab; use spaces"),
        ("a: [1, 2\nb: 3\n", 2, "which begins in line 1"),
        ("a: 'open\n", 2, "which begins in line 1"),
        ("a: b\x07\n", 1, "is not allowed in YAML"),
        ("a: 1\n- b\n", 2, "not valid YAML"),
    ],
)
def test_syntax_errors_say_the_line_and_what_to_look_for(text, line, words):
    (problem,) = problems_of(text)
    assert problem.startswith(f"p.yaml:{line}: ")
    assert words in problem


def test_escapes_for_impossible_characters_are_refused():
    assert "text cannot hold" in problems_of('a: "\\ud800"')[0]
    assert "text cannot hold" in problems_of('a: "\\0"')[0]
    assert "text cannot hold" in problems_of('"\\0": 1')[0]


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
