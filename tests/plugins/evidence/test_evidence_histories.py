from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest
from example_data import dataset

from augment.data import Dataset
from augment.plugin.context import Context
from augment_evidence.not_a_copy import NotACopy
from augment_evidence.privacy import Privacy

NUM_ITEMS, NUM_STEPS = 200, 12
NUM_TRAIN, NUM_HELD, NUM_MADE = 600, 200, 600


def readers(num, seed):
    """Users with one of ten tastes, who mostly read on in the order of the shelf."""
    rng = np.random.default_rng(seed)
    shelf = rng.integers(10, size=(num, 1)) * 20
    steps = rng.integers(1, 4, (num, NUM_STEPS)).cumsum(axis=1) + rng.integers(20, size=(num, 1))
    strange = rng.random((num, NUM_STEPS)) < 0.2
    items = np.where(strange, rng.integers(NUM_ITEMS, size=(num, NUM_STEPS)), shelf + steps % 20)
    return of(items + 1, rng.integers(6, NUM_STEPS + 1, num), rng.integers(1, 6, (num, NUM_STEPS, 1)))


def of(items, lengths, ratings):
    is_there = np.arange(NUM_STEPS) < np.asarray(lengths)[:, None]
    frame = pd.DataFrame({"n": lengths})
    arrays = {"items": np.where(is_there, items, 0).astype(np.int32)}
    arrays["about"] = np.where(is_there[..., None], ratings, 0).astype(np.float32)
    names = ("", *(f"i{item}" for item in range(NUM_ITEMS)))
    said = {
        "items": {"type": "tokens", "vocabulary": names, "length_column": "n"},
        "about": {"type": "series", "channels": {"rating": {}}, "length_column": "n"},
    }
    return dataset(frame, arrays, arrays=said)


def changed(data, num_replaced, seed=5):
    """The same users with other ratings, and with so many items replaced."""
    rng = np.random.default_rng(seed)
    items, lengths = data.arrays["items"].copy(), data.lengths("items")
    for row, length in enumerate(lengths):
        items[row, rng.permutation(length)[:num_replaced]] = rng.integers(1, NUM_ITEMS + 1, num_replaced)
    return of(items, lengths, rng.integers(1, 6, (len(data), NUM_STEPS, 1)))


@pytest.fixture(scope="module")
def parts():
    whole = readers(NUM_TRAIN + NUM_HELD + NUM_MADE, 0)
    ends = np.cumsum([0, NUM_TRAIN, NUM_HELD, NUM_MADE])
    return [whole.take(slice(first, last)) for first, last in itertools.pairwise(ends)]


def kept(train, data, **settings):
    judge = NotACopy(NotACopy.Params(**settings)).fit(train, train.take(slice(0, 0)), Context(seed=0, folder=None))
    return judge.judge(data, Context(seed=1, folder=None)) >= judge.threshold


def found(made, train, held, **more):
    return {one.name: one for one in Privacy().score(made, train, held, Context(seed=0, folder=None, **more))}


def test_a_history_with_the_items_of_a_training_user_is_thrown_out_whatever_else_is_known(parts):
    train, _, _ = parts
    assert not kept(train, changed(train, 0)).any()


def test_a_history_that_differs_in_one_item_is_thrown_out_and_fresh_ones_stay(parts):
    train, _, made = parts
    assert kept(train, changed(train, 1)).mean() < 0.1
    assert kept(train, made).mean() > 0.95


def test_the_same_items_in_another_order_are_another_history(parts):
    train, _, _ = parts
    items, lengths = train.arrays["items"].copy(), train.lengths("items")
    for row, length in enumerate(lengths):
        items[row, :length] = items[row, :length][::-1]
    assert kept(train, of(items, lengths, train.arrays["about"])).mean() > 0.5


def test_a_history_that_many_training_users_have_is_nobodys_in_particular(parts):
    train, _, _ = parts
    usual = of(np.tile(train.arrays["items"][:1], (5, 1)), np.tile(train.lengths("items")[:1], 5), 3)
    both = Dataset.concat([train, usual.take(slice(1, None))])
    assert kept(both, usual).all()
    assert not kept(both, usual, common=6).any()


def test_fresh_users_leak_nothing(parts):
    train, held, made = parts
    scores = found(made, train, held)
    assert list(scores) == ["exact matches", "near copies", "membership inference"]
    assert {one.attack.finding for one in scores.values()} == {"no leak found"}


def test_users_that_were_taken_over_are_found(parts):
    train, held, made = parts
    exact = found(Dataset.concat([made, changed(train.take(slice(0, 6)), 0)]), train, held)["exact matches"]
    assert exact.attack.finding == "leak found"
    assert exact.private["train"] == list(range(6))


def test_users_with_one_item_replaced_are_found(parts):
    train, held, made = parts
    mixed = Dataset.concat([made, changed(train.take(slice(0, 60)), 1)])
    scores = found(mixed, train, held)
    assert scores["exact matches"].attack.finding == "no leak found"
    assert scores["near copies"].attack.finding == scores["membership inference"].attack.finding == "leak found"
    assert found(mixed, train, held, origins=("rows",))["near copies"].attack.finding == "near by design"
