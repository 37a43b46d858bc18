from __future__ import annotations

import numpy as np
import pytest
from example_data import texts_of

from augment.plugin.context import Context
from augment_evidence.fidelity_text import FidelityTexts

NAMES, VERBS = ["Ann", "Bob", "the cat", "a dog", "our king"], ["sees", "likes", "follows", "forgets"]


def written(num, seed):
    rng = np.random.default_rng(seed)
    return [f"{rng.choice(NAMES)} {rng.choice(VERBS)} {rng.choice(NAMES)} and {rng.choice(NAMES)}." for _ in range(num)]


def scores(texts, folder, train=None):
    parts = [texts_of(part) for part in (texts, train or written(300, 1), written(200, 2))]
    found = FidelityTexts().score(*parts, Context(seed=1, folder=folder))
    return {score.name: (score.value, *score.detail["reference"].values()) for score in found}


def test_fresh_texts_of_the_same_kind_score_as_real_ones(tmp_path):
    for value, reference in scores(written(300, 3), tmp_path).values():
        assert value == pytest.approx(reference, rel=0.1, abs=0.02)


def test_the_mix_of_classes_was_asked_for_and_counts_for_nothing(tmp_path):
    def numbers(num, seed):
        return [" plus ".join(map(str, row)) for row in np.random.default_rng(seed).integers(100, 999, (num, 4))]

    def parts(num_rare, num_usual, seed):
        texts = written(num_rare, seed) + numbers(num_usual, seed)
        return texts_of(texts, ["rare"] * num_rare + ["usual"] * num_usual)

    found = FidelityTexts().score(parts(300, 2, 3), parts(80, 300, 1), parts(40, 160, 2), Context(1, tmp_path))
    for score in found:
        assert score.value == pytest.approx(next(iter(score.detail["reference"].values())), rel=0.15, abs=0.05)
    assert found[0].value < 2  # of texts that can be foretold; numbers take more


def test_gibberish_foretells_nothing_and_is_all_new(tmp_path):
    rng = np.random.default_rng(4)
    letters = np.array(list("abcdefghij    "))
    found = scores(["".join(rng.choice(letters, 40)) for _ in range(300)], tmp_path)
    assert found["bits per character"][0] > 2 * found["bits per character"][1]
    assert found["novel 4-grams"][0] == 1.0


def test_copies_are_not_new(tmp_path):
    assert scores(written(300, 1), tmp_path)["novel 4-grams"][0] == 0.0


def test_copies_are_not_new_where_only_some_texts_are_looked_at(tmp_path):
    texts = [f"number {n} is {n * n} in all" for n in range(100)]
    parts = [texts_of(texts), texts_of(texts), texts_of(written(50, 2))]
    found = FidelityTexts(FidelityTexts.Params(max_texts=10)).score(*parts, Context(seed=1, folder=tmp_path))
    assert {score.name: score.value for score in found}["novel 4-grams"] == 0.0


def test_words_without_spaces_between_are_seen(tmp_path):
    texts = ["我今天去北京看朋友", "他昨天在上海吃飯了", "きょうはいい天気です"]
    assert scores(texts, tmp_path, train=texts)["novel 4-grams"][0] == 0.0


def test_writing_the_same_again_and_again_is_noticed(tmp_path):
    found = scores(["Ann sees Bob and Ann."] * 300, tmp_path)
    assert found["self-BLEU"][0] > 0.99 > found["self-BLEU"][1]
    assert found["distinct-2"][0] < found["distinct-2"][1] / 5


def test_what_can_be_foretold_takes_next_to_no_bits(tmp_path):
    texts = ["abcdef" * 20] * 50
    (bits, *_) = FidelityTexts().score(*[texts_of(texts)] * 3, Context(seed=1, folder=tmp_path))
    assert 0 < bits.value < 0.05


@pytest.mark.parametrize("texts", [["", ""], ["one", "two"]])
def test_texts_without_runs_of_words_leave_scores_out(texts, tmp_path):
    assert "novel 4-grams" not in scores(texts, tmp_path)
