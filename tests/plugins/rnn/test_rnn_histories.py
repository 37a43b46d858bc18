from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from example_data import dataset
from slowly import slowly

from augment.data import Dataset, check, infer
from augment.data.conformity import valid_rows
from augment.plugin.context import Context
from augment_rnn.histories import HistoryAnchored, HistoryRnn, MayBeMet

NUM_ITEMS, WIDTH = 10, 10
SMALL = {"steps": 100, "batch_size": 16, "window": 16, "width": 32, "embedding": 16, "learning_rate": 1e-2}
LEARNT = {"steps": 150, "learning_rate": 2e-2}  # enough to walk as these users do


def walks(num, seed=1, **more) -> Dataset:
    """Users who go from an item to the next, those of class a upwards; ratings say whether an item's number is even."""
    rng = np.random.default_rng(seed)
    starts, lengths = rng.integers(NUM_ITEMS, size=num), rng.integers(3, WIDTH - 1, num)
    upwards = np.arange(num) % 2 == 0
    arrays = {"items": np.zeros((num, WIDTH), np.int32), "about": np.zeros((num, WIDTH, 1), np.float32)}
    for row, (start, length) in enumerate(zip(starts, lengths, strict=True)):
        met = 1 + (start + (1 if upwards[row] else -1) * np.arange(length)) % NUM_ITEMS
        arrays["items"][row, :length], arrays["about"][row, :length, 0] = met, 1 + met % 2
    frame = pd.DataFrame(
        {"n": lengths, "land": np.where(starts < NUM_ITEMS // 2, "NO", "SE"), "way": np.where(upwards, "a", "b")}
    )
    names = ("", *(f"i{token}" for token in range(NUM_ITEMS + 1)))  # the last of which nobody meets
    said = {
        "items": {"type": "tokens", "vocabulary": names, "length_column": "n"},
        "about": {"type": "series", "channels": {"rating": {"type": "integer"}}, "length_column": "n"},
    }
    return dataset(frame, arrays, arrays=said, target="way")


def made_by(cls, data, given, folder, **settings) -> Dataset:
    generator = cls(cls.Params(**{**SMALL, **settings})).fit(data, Context(1, folder))
    return generator.sample(given, Context(2, folder, train=data))


def rows_of(data, name="items"):
    return [row[:n] for row, n in zip(data.arrays[name], data.lengths(name), strict=True)]


@pytest.fixture(scope="module")
def users():
    return walks(100)


@pytest.fixture(scope="module", params=[HistoryRnn, HistoryAnchored])
def made(request, users, tmp_path_factory):
    labels = pd.Categorical(["a", "b"] * 60, categories=["a", "b"])
    return made_by(request.param, users, pd.DataFrame({"way": labels}), tmp_path_factory.mktemp("made"), **LEARNT)


def test_users_are_valid_and_meet_nothing_twice(made):
    assert check(made.frame, made.arrays, made.schema) == []
    assert valid_rows(made.frame, made.arrays, made.schema).all()
    for row in rows_of(made):
        assert 1 <= len(np.unique(row)) == len(row)
        assert row.min() >= 1
        assert row.max() <= NUM_ITEMS


def test_what_follows_what_is_learnt_by_class(made):
    assert made.frame["way"].tolist() == ["a", "b"] * 60
    moves = [np.diff(row.astype(int)) % NUM_ITEMS for row in rows_of(made)]
    assert np.mean(np.concatenate(moves[::2]) == 1) > 0.7
    assert np.mean(np.concatenate(moves[1::2]) == NUM_ITEMS - 1) > 0.7


def test_what_is_known_of_an_event_goes_with_its_item(made):
    ratings = np.concatenate([row[:, 0] for row in rows_of(made, "about")])
    items = np.concatenate(rows_of(made))
    assert np.mean(ratings == 1 + items % 2) > 0.9


def test_a_real_user_is_continued(users, tmp_path):
    made = made_by(HistoryAnchored, users, pd.DataFrame(index=range(60)), tmp_path, steps=5, shorter_than=6)
    known = {tuple(row) for row in rows_of(users) if len(row) < 6}
    longer = 0
    for row in rows_of(made):
        begun = [length for length in range(1, len(row)) if tuple(row[:length]) in known]
        longer += bool(begun)
    assert longer == 60


def test_half_a_history_can_be_kept(users, tmp_path):
    made = made_by(HistoryAnchored, users, pd.DataFrame(index=range(40)), tmp_path, steps=5, keep=0.5)
    assert any(len(row) <= 4 for row in rows_of(made))
    known = {tuple(row) for row in rows_of(users)}
    assert np.mean([tuple(row) in known for row in rows_of(made)]) < 0.5


@pytest.mark.slow
def test_items_come_again_where_they_do_in_training(tmp_path):
    arrays = {"items": np.tile(np.array([1, 1, 2, 2], np.int32), (30, 1))}
    frame = pd.DataFrame(index=range(30))
    data = Dataset.of(frame, arrays, infer(frame, arrays))
    made = made_by(HistoryRnn, data, frame, tmp_path, steps=100)
    assert np.mean([row.tolist() == [1, 1, 2, 2] for row in made.arrays["items"]]) > 0.8


def test_what_nobody_met_may_not_be_met_and_columns_are_no_items():
    rule = MayBeMet(2, vocabulary_size=6, met=np.array([0, 2]), num_items=3, repeats=False)
    assert rule.forbidden(0).tolist() == [[False, False, True, False, False, False]] * 2
    rule.took(np.array([[1], [5]]))
    assert rule.forbidden(0).nonzero()[0].tolist() == [0, 0, 1]
    assert rule.forbidden(0).nonzero()[1].tolist() == [1, 2, 2]
    assert rule.forbidden(1) is None
    rule.begin(np.array([0]))
    assert not rule.forbidden(0)[0, 1]


@pytest.mark.parametrize("cls", [HistoryRnn, *slowly([HistoryAnchored])])
def test_the_first_gap_is_none_and_the_others_are_like_the_real_ones(cls, users, tmp_path):
    is_later = (np.arange(WIDTH) > 0) & (np.arange(WIDTH) < users.lengths("items")[:, None])
    gaps = np.where(is_later, np.random.default_rng(0).integers(30, 90, is_later.shape), 0)
    arrays = {"items": users.arrays["items"], "about": gaps[..., np.newaxis].astype(np.float32)}
    said = {name: {"type": kind, "length_column": "n"} for name, kind in (("items", "tokens"), ("about", "series"))}
    said["items"]["vocabulary"] = users.schema.arrays["items"].vocabulary
    data = dataset(users.frame, arrays, arrays=said, target="way")
    found = made_by(cls, data, pd.DataFrame(index=range(60)), tmp_path, steps=40)
    for row in rows_of(found, "about"):
        assert row[0, 0] == 0
        assert ((row[1:, 0] >= 30) & (row[1:, 0] < 90)).all()
