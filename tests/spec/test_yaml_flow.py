from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from augment.spec.yaml_flow import flow

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
    assert loaded(flow(value)) == value


@given(TEXT)
def test_any_text_can_be_a_key_a_value_and_a_comment_on_one_line(text):
    line = flow(text)
    assert len(line.splitlines()) == 1
    assert loaded(f"# {line}\n{line}: {line}  # {line}\n") == {text: text}


def test_words_that_older_readers_take_for_booleans_are_quoted():
    assert [flow(word) for word in ("yes", "No", "on")] == ['"yes"', '"No"', '"on"']


def test_everyday_text_stays_plain():
    assert [flow(text) for text in ("age", "data/credit card.csv", "capital-gain")] == [
        "age",
        "data/credit card.csv",
        "capital-gain",
    ]
