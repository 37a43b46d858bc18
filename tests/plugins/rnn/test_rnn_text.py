from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest
from example_data import texts_of
from slowly import slowly

from augment.errors import DataError
from augment.plugin.context import Context
from augment_rnn.text import TextAnchored, TextRnn

SMALL = {"steps": 60, "batch_size": 16, "window": 24, "width": 32, "embedding": 16, "learning_rate": 1e-2}


def fitted(data, folder, **settings):
    return TextRnn(TextRnn.Params(**{**SMALL, **settings})).fit(data, Context(seed=1, folder=folder))


def sampled(rnn, given, folder, seed=2):
    return rnn.sample(given, Context(seed=seed, folder=folder)).frame["text"].tolist()


@pytest.fixture(scope="module")
def spoken():
    texts = ["oh yes yes yes", "yes oh yes", "yes", "no no no no", "oh no no", "no oh no"] * 10
    return texts_of(texts, ["good", "good", "good", "bad", "bad", "bad"] * 10)


@pytest.mark.parametrize("tokens", ["bpe", *slowly(["characters", "bytes", "words"])])
def test_classes_are_written_with_their_own_words(tokens, spoken, tmp_path):
    rnn = fitted(spoken, tmp_path, tokens=tokens, steps=100)
    given = pd.DataFrame({"label": pd.Categorical(["good", "bad"] * 40, categories=["bad", "good"])})
    texts = sampled(rnn, given, tmp_path)
    assert np.mean(["yes" in text and "no" not in text for text in texts[::2]]) > 0.8
    assert np.mean(["no" in text and "yes" not in text for text in texts[1::2]]) > 0.8


@pytest.mark.slow
def test_texts_begin_and_end_as_asked_for(spoken, tmp_path):
    rnn = fitted(spoken, tmp_path, tokens="characters", prefix="oh ", min_length=6, max_length=9)
    texts = sampled(rnn, pd.DataFrame(index=range(50)), tmp_path)
    assert all(text.startswith("oh ") for text in texts)
    assert {6, 9} >= {min(map(len, texts)), max(map(len, texts))}


@pytest.mark.slow
def test_no_run_of_tokens_comes_twice(spoken, tmp_path):
    rnn = fitted(spoken, tmp_path, tokens="characters", no_repeat_ngram_size=3, max_length=40, min_length=10)
    for text in sampled(rnn, pd.DataFrame(index=range(300)), tmp_path):
        runs = [text[start : start + 3] for start in range(len(text) - 2)]
        assert len(set(runs)) == len(runs)


def test_bytes_cut_no_character_in_half(tmp_path):
    rnn = fitted(texts_of(["ünï👨‍👩‍👧çödé 🇫🇷"] * 20), tmp_path, tokens="bytes", steps=5)
    for text in sampled(rnn, pd.DataFrame(index=range(300)), tmp_path):
        assert text.encode().decode() == text  # neither lone surrogates nor replacement marks
        assert "\ufffd" not in text


def test_missing_and_empty_texts_are_no_trouble(tmp_path):
    data = texts_of(["", None, "some words", "other words", ""] * 4, ["a", "b", "a", "b", "b"] * 4)
    rows = fitted(data, tmp_path, steps=5).sample(pd.DataFrame(index=range(5)), Context(seed=2, folder=tmp_path))
    assert not rows.frame["text"].hasnans


def test_only_empty_texts_are_refused(tmp_path):
    with pytest.raises(DataError, match=r"every text in column 'text' is empty; there is nothing to learn"):
        fitted(texts_of(["", "", None]), tmp_path)


def test_a_column_beside_the_text_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"column 'height' stands beside the text 'text'.*leave the column out"):
        fitted(texts_of(["a b", "b c"], height=[1.5, 2.5]), tmp_path)


def test_a_prefix_longer_than_a_text_may_be_is_refused(tmp_path):
    rnn = fitted(texts_of(["ab", "ba"] * 5), tmp_path, tokens="characters", prefix="aba", steps=2)
    with pytest.raises(DataError, match=r"the prefix has 3 tokens, and a text 2 at most; raise max_length"):
        sampled(rnn, pd.DataFrame(index=range(1)), tmp_path)


def test_two_texts_and_one_very_long_line_are_enough(tmp_path):
    rnn = fitted(texts_of(["ab" * 200_000, "b"]), tmp_path, tokens="characters", steps=3, max_length=10)
    assert len(sampled(rnn, pd.DataFrame(index=range(3)), tmp_path)) == 3


def test_words_do_not_grow_together(tmp_path):
    known = ["What house", "river mountain", "bread, water", "morning bread"] * 10
    rnn = fitted(texts_of([*known, "Zebra"]), tmp_path, tokens="words", vocabulary=35, steps=5)
    whole = {piece.strip() for piece in rnn.tokenizer.pieces if len(piece) > 1}
    assert len(whole) > 3
    for text in sampled(rnn, pd.DataFrame(index=range(300)), tmp_path):
        assert not [word for word in re.findall(r"\w+", text) if any(one in word and one != word for one in whole)]


def anchored(data, folder, **settings):
    return TextAnchored(TextAnchored.Params(**{**SMALL, **settings})).fit(data, Context(seed=1, folder=folder))


def test_a_text_begins_as_one_of_its_class_does_and_is_drawn_on(tmp_path):
    rng = np.random.default_rng(0)
    real = ["".join(rng.choice(list("abcdef"), 20)) for _ in range(40)]
    data = texts_of(real, ["x", "y"] * 20)
    generator = anchored(data, tmp_path, tokens="characters", keep=0.5, steps=5, min_length=20)
    given = pd.DataFrame({"label": pd.Categorical(["y"] * 60, categories=["x", "y"])})
    texts = generator.sample(given, Context(seed=2, folder=tmp_path, train=data)).frame["text"]
    assert set(texts.str[:10]) <= {own[:10] for own in real[1::2]}
    assert sum(text in real for text in texts) < 10
    assert texts.nunique() > 50


@pytest.mark.parametrize("tokens", ["characters", "bytes", "words", "bpe"])
def test_an_anchored_text_is_cut_between_characters(tokens, tmp_path):
    data = texts_of(["ünï👨‍👩‍👧çödé 🇫🇷 und so weiter"] * 20, ["x", "y"] * 10)
    generator = anchored(data, tmp_path, tokens=tokens, steps=5, max_length=8)
    texts = generator.sample(pd.DataFrame(index=range(30)), Context(seed=2, folder=tmp_path, train=data)).frame["text"]
    assert all(text.encode().decode() == text and "\ufffd" not in text for text in texts)


def test_an_anchored_text_keeps_to_the_longest_length(spoken, tmp_path):
    generator = anchored(spoken, tmp_path, tokens="characters", steps=5, max_length=6)
    made = generator.sample(pd.DataFrame(index=range(60)), Context(seed=2, folder=tmp_path, train=spoken))
    assert made.frame["text"].str.len().max() == 6


def test_a_label_whose_texts_are_missing_or_empty_is_written_from_nothing(tmp_path):
    data = texts_of(["some words", "", None, "other words"] * 5, ["a", "b", "b", "a"] * 5)
    given = pd.DataFrame({"label": pd.Categorical(["b", "a"] * 5, categories=["a", "b"])})
    made = anchored(data, tmp_path, steps=5).sample(given, Context(seed=2, folder=tmp_path, train=data))
    assert made.frame["label"].tolist() == ["b", "a"] * 5
    assert all(text.startswith(("some", "other")) for text in made.frame["text"][1::2])
