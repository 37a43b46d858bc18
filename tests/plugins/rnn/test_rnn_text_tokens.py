from __future__ import annotations

import json
import unicodedata

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from augment_rnn.text_tokens import Bytes, Pieces, Utf8, load_tokenizer

TEXTS = [
    "the cat sat",
    "the hat, the cat!",
    "a family 👨‍👩‍👧 in 🇫🇷 and 🇩🇪",
    "cafe\u0301 na\u00efve",
    "line\nbreak\ttab  ",
]
WAYS = {
    "characters": lambda texts: Pieces.characters(texts),
    "bytes": lambda texts: Bytes(),
    "words": lambda texts: Pieces.words(texts, 200),
    "bpe": lambda texts: Pieces.pairs(texts, 200),
}
ways = pytest.mark.parametrize("way", list(WAYS))
texts = st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=30), min_size=1, max_size=5)


@ways
@settings(max_examples=50)
@given(texts)
@example(TEXTS)
@example([""])
def test_training_texts_come_back_as_they_were(way, texts):
    tokenizer = WAYS[way](texts)
    for text in texts:
        tokens = tokenizer.encode(text)
        assert tokens.dtype == np.int32
        assert ((tokens > 0) & (tokens < tokenizer.vocabulary_size)).all()
        assert tokenizer.decode(tokens) == text


@ways
def test_a_state_cuts_up_as_before(way):
    tokenizer = WAYS[way](TEXTS)
    again = load_tokenizer(json.loads(json.dumps(tokenizer.to_state())))
    for text in [*TEXTS, "the catfish"]:
        assert again.encode(text).tolist() == tokenizer.encode(text).tolist()
    assert again.vocabulary_size == tokenizer.vocabulary_size


def test_marks_and_joined_emoji_are_never_apart_from_what_they_belong_to():
    tokenizer = Pieces.characters(TEXTS)
    assert {"👨‍👩‍👧", "🇫🇷", "🇩🇪", "e\u0301"} <= set(tokenizer.pieces)
    assert not [piece for piece in tokenizer.pieces if unicodedata.combining(piece[0])]


def test_unknown_words_are_spelled_and_unknown_characters_left_out():
    tokenizer = Pieces.words(["the cat", "the cat"], 100)
    assert len(tokenizer.encode("the cat")) == 2
    assert tokenizer.decode(tokenizer.encode("the hat§")) == "the hat"


def test_the_most_frequent_pair_is_merged_first():
    tokenizer = Pieces.pairs(["abab abab abc"], 5)
    assert tokenizer.merges[0] == ("a", "b")
    assert len(tokenizer.encode("abab")) < 4


def test_a_vocabulary_is_no_larger_than_asked_for():
    assert Pieces.pairs(TEXTS * 3, 60).vocabulary_size <= 61
    assert Pieces.words(TEXTS * 3, 60).vocabulary_size <= 61


@settings(max_examples=50)
@given(st.lists(st.integers(0, 2**32 - 1), min_size=1, max_size=60))
def test_bytes_that_follow_the_rule_are_valid_utf8(numbers):
    rule, drawn = Utf8(1), []
    rule.begin(np.array([0]))
    for number in numbers:
        allowed = np.flatnonzero(~rule.forbidden(0)[0])
        allowed = allowed[allowed > 0]  # not the end
        drawn.append(allowed[number % len(allowed)])
        rule.took(np.array([drawn[-1:]]))
    complete = len(drawn)
    while rule.forbidden(0)[0][0]:  # the end is forbidden inside a character
        drawn.append(np.flatnonzero(~rule.forbidden(0)[0])[0])
        rule.took(np.array([drawn[-1:]]))
    raw = (np.array(drawn) - 1).astype(np.uint8).tobytes()
    assert Bytes().decode(np.array(drawn)) == raw.decode()
    assert Bytes().decode(np.array(drawn[:complete])) == raw.decode()[: len(Bytes().decode(np.array(drawn[:complete])))]


@settings(max_examples=50)
@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=20))
def test_every_text_follows_the_rule(text):
    rule = Utf8(1)
    for token in Bytes().encode(text):
        assert not rule.forbidden(0)[0][token]
        rule.took(np.array([[token]]))
    assert not rule.forbidden(0)[0][0]
