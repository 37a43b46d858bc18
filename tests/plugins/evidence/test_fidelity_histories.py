from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from augment.data import Dataset, SchemaDeclaration, infer
from augment.plugin.context import Context
from augment_evidence.fidelity_histories import FidelityHistories
from augment_evidence.next_item import NextItem

NUM_ITEMS, WIDTH = 30, 10


def histories(rows, ratings=None, labels=None) -> Dataset:
    """Users with these tokens, and ratings of them and classes where some are given."""
    frame = pd.DataFrame({"n": [len(row) for row in rows]})
    if labels is not None:
        frame["label"] = pd.Series(labels, dtype="str")
    arrays = {"items": np.zeros((len(rows), WIDTH), np.int32)}
    for place, row in enumerate(rows):
        arrays["items"][place, : len(row)] = row
    names = ("", *(f"i{token}" for token in range(NUM_ITEMS)))
    said = {"items": {"type": "tokens", "vocabulary": names, "length_column": "n"}}
    if ratings is not None:
        arrays["about"] = np.full((len(rows), WIDTH, 1), ratings, np.float32)
        said["about"] = {"type": "series", "channels": {"rating": {}}, "length_column": "n"}
    declared = SchemaDeclaration.model_validate({"arrays": said, "target": None if labels is None else "label"})
    return Dataset.of(frame, arrays, infer(frame, arrays, declared))


def walks(num, seed):
    """Users who go from an item to the next, from a place of their own."""
    rng = np.random.default_rng(seed)
    starts, lengths = rng.integers(NUM_ITEMS, size=num), rng.integers(3, WIDTH + 1, num)
    return [((start + np.arange(n)) % NUM_ITEMS + 1).tolist() for start, n in zip(starts, lengths, strict=True)]


def scored(metric, made, folder, train=None, rest=None):
    train, rest = train or histories(walks(300, 1)), rest or histories(walks(200, 2))
    return {score.name: score for score in metric().score(made, train, rest, Context(1, folder))}


def both(score):
    return score.value, *score.detail["reference"].values()


def test_fresh_users_of_the_same_kind_score_as_real_ones(tmp_path):
    for score in scored(FidelityHistories, histories(walks(300, 3)), tmp_path).values():
        value, reference = both(score)
        assert value == pytest.approx(reference, abs=0.08)


def test_users_at_random_are_told_from_real_ones(tmp_path):
    rng = np.random.default_rng(4)
    made = histories([rng.integers(1, 6, WIDTH).tolist() for _ in range(300)])
    found = scored(FidelityHistories, made, tmp_path)
    for name in ("item popularity error", "item bigram error", "length error", "repeated items"):
        value, reference = both(found[name])
        assert value > 0.3 + reference


def test_the_mix_of_classes_was_asked_for_and_counts_for_nothing(tmp_path):
    def parts(num_rare, num_usual, seed):
        short = [[1, 2]] * num_usual
        return histories(walks(num_rare, seed) + short, labels=["rare"] * num_rare + ["usual"] * num_usual)

    found = scored(FidelityHistories, parts(300, 0, 3), tmp_path, parts(150, 300, 1), parts(100, 200, 2))
    for score in found.values():
        value, reference = both(score)
        assert value == pytest.approx(reference, abs=0.08)
    assert found["item popularity error"].value < 0.2


def test_users_learnt_by_heart_are_counted(tmp_path):
    train = histories([[*row, row[0]] for row in walks(50, 5) if len(row) < WIDTH])
    found = scored(FidelityHistories, train.take(slice(0, 20)), tmp_path, train=train)
    assert both(found["exact copies"]) == (1.0, 0.0)


def test_ratings_are_compared(tmp_path):
    parts = {"train": histories(walks(50, 1), 3.0), "rest": histories(walks(50, 2), 3.0)}
    assert both(scored(FidelityHistories, histories(walks(50, 3), 5.0), tmp_path, **parts)["rating error"]) == (1, 0)


def test_synthetic_users_of_the_same_kind_foretell_what_few_real_ones_cannot(tmp_path):
    found = scored(NextItem, histories(walks(300, 3)), tmp_path, train=histories(walks(6, 1)))
    score, gain = found["NDCG@10 of the next item"], found["gain in NDCG@10 of the next item"]
    assert score.value > 0.95
    assert score.value - score.detail["reference"]["real rows alone"] == pytest.approx(gain.value)
    assert gain.interval[0] > 0.1
    assert abs(gain.detail["reference"]["oversampling"]) < 0.02


def test_synthetic_users_at_random_do_not_help(tmp_path):
    rng = np.random.default_rng(4)
    noise = histories([(rng.permutation(NUM_ITEMS)[:WIDTH] + 1).tolist() for _ in range(3000)])
    gain = scored(NextItem, noise, tmp_path)["gain in NDCG@10 of the next item"]
    assert gain.value <= 0
    assert gain.interval[1] <= 0


def test_the_gain_of_a_rank_is_discounted(tmp_path):
    # after 1 comes 2 twice and 3 once: 3 is ranked second
    train = histories([[1, 2], [1, 2], [1, 3]])
    found = scored(NextItem, train, tmp_path, train=train, rest=histories([[1, 3]]))
    assert found["NDCG@10 of the next item"].detail["reference"]["real rows alone"] == pytest.approx(1 / np.log2(3))


def test_what_was_met_is_not_foretold_where_nothing_comes_twice(tmp_path):
    train = histories([[2, 1, 3], [1, 2]])
    found = scored(NextItem, train, tmp_path, train=train, rest=histories([[2, 1, 3]]))
    assert found["NDCG@10 of the next item"].value == 1.0


def test_an_item_that_no_training_user_met_is_not_foretold(tmp_path):
    train = histories([[1, 2], [1, 2]])
    found = scored(NextItem, train, tmp_path, train=train, rest=histories([[1, 9]]))
    assert found["NDCG@10 of the next item"].value == 0.0


def test_users_with_one_item_are_not_asked(tmp_path):
    assert scored(NextItem, histories(walks(5, 1)), tmp_path, rest=histories([[1], [2]])) == {}
