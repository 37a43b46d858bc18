from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from example_data import dataset

from augment.plugin.context import Context
from augment_text.probe import Tfidf


def classed(texts, target):
    frame = pd.DataFrame({"text": pd.Series(texts, dtype="str"), "target": target})
    return dataset(frame, target="target", payload="text")


def predicted(data, folder, texts, weights=None, **settings):
    probe = Tfidf(Tfidf.Params(**settings)).fit(data, Context(seed=1, folder=folder), weights)
    return probe.predict(classed(texts, data.frame["target"].iloc[: len(texts)].tolist()).drop_columns(["target"]))


def test_words_tell_classes_apart(tmp_path):
    data = classed(["free prize now", "see you at home"] * 20, ["spam", "ham"] * 20)
    found = predicted(data, tmp_path, ["prize!", "at home", None])
    np.testing.assert_allclose(found.sum(1), 1)
    assert found[0, 1] > 0.7  # classes are in alphabetical order
    assert found[1, 0] > 0.7


def test_characters_are_words_in_scripts_without_spaces(tmp_path):
    data = classed(["质量很好", "太坏了"] * 20, ["good", "bad"] * 20)
    found = predicted(data, tmp_path, ["坏", "好"])
    assert found[0, 0] > 0.6
    assert found[1, 1] > 0.6


def test_runs_of_words_count_where_asked_for(tmp_path):
    data = classed(["good not bad", "bad not good"] * 20, ["yes", "no"] * 20)
    assert abs(predicted(data, tmp_path, ["not bad"])[0, 1] - 0.5) < 0.01
    assert predicted(data, tmp_path, ["not bad"], max_ngram=2)[0, 1] > 0.6


def test_weights_count(tmp_path):
    data = classed(["some words"] * 4, ["a", "b"] * 2)
    assert predicted(data, tmp_path, ["some words"], np.array([3.0, 1.0] * 2))[0, 0] > 0.6


def test_numbers_are_foretold_too(tmp_path):
    data = classed(["cheap", "dear"] * 20, [1.5, 20.5] * 20)
    found = predicted(data, tmp_path, ["cheap", "dear"])
    assert found[0] < 8 < found[1]


@pytest.mark.parametrize("texts", [["", ""], ["...", "!"], [None, ""]])
def test_texts_without_words_give_the_shares_of_the_classes(texts, tmp_path):
    data = classed(texts * 2, ["a", "b", "a", "a"])
    np.testing.assert_allclose(predicted(data, tmp_path, ["a word"]), [[0.75, 0.25]])
