from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from augment.spec.yaml_reader import parse
from augment.toolkit.yaml_text import MAX_KEY, dump, dump_flow

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
PLAIN_DATA = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**9), 10**9) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)


def loaded(text):
    return YAML(typ="safe", pure=True).load(text)


@given(PLAIN_DATA)
def test_any_plain_data_comes_back_as_it_was(value):
    assert loaded(dump_flow(value)) == value


@given(TEXT)
def test_any_text_can_be_a_key_a_value_and_a_comment_on_one_line(text):
    line = dump_flow(text)
    assert len(line.splitlines()) == 1
    assert loaded(f"# {line}\n{line}: {line}  # {line}\n") == {text: text}


def test_words_that_older_readers_take_for_booleans_are_quoted():
    assert [dump_flow(word) for word in ("yes", "No", "on")] == ['"yes"', '"No"', '"on"']


def test_everyday_text_stays_plain():
    assert [dump_flow(text) for text in ("age", "data/credit card.csv", "capital-gain")] == [
        "age",
        "data/credit card.csv",
        "capital-gain",
    ]


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
    read, _, problems = parse(text, "p.yaml")
    assert (read, problems) == (tree, [])
    assert dump(read) == text


def test_a_key_too_long_for_yaml_to_stand_alone_reads_back_too():
    tree = {"a": {"k" * (MAX_KEY + 100): [1, {"b": 2}]}}
    assert loaded(dump(tree)) == loaded(dump_flow(tree)) == tree
