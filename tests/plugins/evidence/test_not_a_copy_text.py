from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from augment.components import Context
from augment.dataset import Dataset
from augment.schema import SchemaDeclaration, infer
from augment_evidence.not_a_copy_text import NotACopyText, _numbers, _runs

TRAIN = [
    "the quick brown fox jumps over the lazy dog",
    "a slow green turtle walks under the old stone bridge",
    *["ok"] * 5,
    "see you",
]


def dataset(texts):
    frame = pd.DataFrame({"text": pd.Series(texts, dtype="str")})
    return Dataset.of(frame, {}, infer(frame, {}, SchemaDeclaration(payload="text")))


def kept(texts, folder, **settings):
    context = Context(seed=1, folder=folder)
    made = NotACopyText(NotACopyText.Params(**settings)).fit(dataset(TRAIN), dataset(texts), context)
    return (made.judge(dataset(texts), context) >= made.threshold).tolist()


def test_equal_texts_are_copies_whatever_their_case_and_white_space(tmp_path):
    assert kept([TRAIN[0], TRAIN[0].upper().replace(" ", "\n "), "See  you"], tmp_path) == [False, False, False]


def test_what_several_people_wrote_is_nobodys_in_particular(tmp_path):
    assert kept(["ok"], tmp_path) == [True]
    assert kept(["ok"], tmp_path, common=6) == [False]


def test_long_runs_of_one_text_are_copies(tmp_path):
    long_run = "yesterday " + TRAIN[0][4:]
    half_and_half = TRAIN[0][:20] + " and " + TRAIN[1][:25]
    assert kept([long_run, half_and_half, "nothing like any of them, honestly"], tmp_path) == [False, True, True]
    assert kept([half_and_half], tmp_path, share=0.4) == [False]


def test_runs_do_not_reach_from_one_text_into_the_next(tmp_path):
    assert kept([TRAIN[0][-22:] + TRAIN[1][:22]], tmp_path, share=0.6) == [True]


def test_a_loaded_filter_judges_as_before(tmp_path):
    texts = [TRAIN[0], "something else altogether", ""]
    context = Context(seed=1, folder=tmp_path)
    made = NotACopyText().fit(dataset(TRAIN), dataset(texts), context)
    made.save(tmp_path)
    again = NotACopyText.load(tmp_path, NotACopyText.Params())
    assert again.judge(dataset(texts), context).tolist() == made.judge(dataset(texts), context).tolist()


@settings(deadline=None)
@given(st.text("ab", min_size=1, max_size=40), st.integers(1, 12))
def test_equal_runs_have_equal_numbers_and_others_do_not(text, length):
    runs = [text[start : start + length] for start in range(len(text) - length + 1)]
    numbers = _runs(_numbers(text), length).tolist()
    assert len(numbers) == len(runs)
    assert len(set(numbers)) == len(set(runs)) == len(set(zip(runs, numbers, strict=True)))


@pytest.mark.parametrize("length", [20, 31, 64])
def test_runs_are_found_wherever_they_begin(length):
    rng = np.random.default_rng(length)
    text = "".join(rng.choice(list("abcdef"), 300))
    place = int(rng.integers(200))
    assert _runs(_numbers(text[place : place + length]), length)[0] == _runs(_numbers(text), length)[place]
