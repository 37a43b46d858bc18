from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from example_data import dataset

from augment.data import Dataset, infer
from augment.plugin.context import Context
from augment_histories.edits import EDITS, HistoryEdits

WIDTH = 12


def histories(rows, labels=None, ratings=False, gaps=False) -> Dataset:
    """Users with these tokens; a rating equals its token."""
    frame = pd.DataFrame({"n": [len(row) for row in rows]})
    arrays = {"items": np.zeros((len(rows), WIDTH), np.int32)}
    for place, row in enumerate(rows):
        arrays["items"][place, : len(row)] = row
    names = tuple(f"i{token}" for token in range(1 + max(map(max, rows))))
    said = {"items": {"type": "tokens", "vocabulary": names, "length_column": "n"}}
    if ratings:
        arrays["about"] = arrays["items"].astype(np.float32)[..., np.newaxis]
        said["about"] = {"type": "series", "channels": {"rating": {}}, "length_column": "n"}
    if gaps:
        is_later = (np.arange(WIDTH) > 0) & (np.arange(WIDTH) < frame[["n"]].to_numpy())
        times = np.where(is_later, np.random.default_rng(1).integers(30, 90, is_later.shape), 0)
        arrays["about"] = times[..., np.newaxis].astype(np.float32)
        said["about"] = {"type": "series", "channels": {"gap": {}}, "length_column": "n"}
    if labels is not None:
        frame["label"] = labels
    target = None if labels is None else "label"
    return dataset(frame, arrays, arrays=said, target=target)


def edited(data, folder, num=60, given=None, **settings) -> Dataset:
    edits = HistoryEdits(HistoryEdits.Params(**settings)).fit(data, Context(1, folder))
    given = pd.DataFrame(index=range(num)) if given is None else given
    return edits.sample(given, Context(2, folder, train=data))


def rows_of(data) -> list[list[int]]:
    return [row[:n].tolist() for row, n in zip(data.arrays["items"], data.lengths("items"), strict=True)]


@pytest.fixture
def halves():
    """Users of the tokens 1 to 6, and users of 7 to 12: no item is met twice."""
    rng = np.random.default_rng(1)
    return histories([(rng.permutation(6)[: 3 + row % 3] + 1 + 6 * (row % 2)).tolist() for row in range(40)])


@pytest.mark.parametrize("edit", EDITS)
def test_every_history_is_changed_and_valid(edit, tmp_path):
    data = histories([[1, 2, 3, 4, 5], [7, 6, 5, 4, 3]])
    made = edited(data, tmp_path, edits=[edit])
    assert not any(row in rows_of(data) for row in rows_of(made))
    assert (made.lengths("items") >= 1).all()
    padding = np.arange(WIDTH) >= made.lengths("items")[:, np.newaxis]
    assert not made.arrays["items"][padding].any()


@pytest.mark.parametrize("edit", EDITS)
def test_no_item_comes_twice_where_none_does(edit, halves, tmp_path):
    for row in rows_of(edited(halves, tmp_path, edits=[edit], share=0.9)):
        assert len(set(row)) == len(row)


def test_crop_keeps_a_stretch(tmp_path):
    (row,) = {tuple(row) for row in rows_of(edited(histories([[1, 2, 3, 4]] * 3), tmp_path, edits=["crop"]))} - {
        (2, 3, 4)
    }
    assert row == (1, 2, 3)


def test_items_are_put_beside_those_they_come_with(halves, tmp_path):
    for edit in ("insert", "substitute"):
        for row in rows_of(edited(halves, tmp_path, edits=[edit])):
            assert max(row) <= 6 or min(row) > 6


def test_what_is_known_of_an_event_moves_with_it(tmp_path):
    data = histories([[1, 2, 3, 4, 5], [5, 4, 3, 2, 1]], ratings=True)
    made = edited(data, tmp_path, edits=["crop", "drop", "reorder"])
    np.testing.assert_array_equal(made.arrays["about"][..., 0], made.arrays["items"])


def test_a_full_history_gets_no_item_more(tmp_path):
    full = histories([list(range(1, WIDTH + 1))] * 2)
    assert rows_of(edited(full, tmp_path, num=5, edits=["insert"])) == rows_of(full)[:1] * 5


def test_a_user_with_one_item_is_edited_too(tmp_path):
    data = histories([[1], [1, 2], [2]])
    made = rows_of(edited(data, tmp_path))
    assert {(1, 2), (2, 1)} <= {tuple(row) for row in made}


def test_labels_are_those_of_the_user_or_as_asked_for(tmp_path):
    data = histories([[1, 2, 3], [4, 5, 6]] * 10, ["a", "b"] * 10)
    given = pd.DataFrame({"label": pd.Categorical(["b"] * 10, categories=["a", "b"])})
    made = edited(data, tmp_path, given=given)
    assert made.frame["label"].tolist() == ["b"] * 10
    assert min(map(min, rows_of(made))) >= 4


def test_arrays_without_lengths_keep_theirs(tmp_path):
    frame, arrays = pd.DataFrame(index=range(8)), {"items": np.tile(np.arange(4, dtype=np.int32), (8, 1))}
    data = Dataset.of(frame, arrays, infer(frame, arrays))
    made = edited(data, tmp_path)
    assert sorted(made.arrays["items"][0].tolist()) == [0, 1, 2, 3]
    assert any(row != [0, 1, 2, 3] for row in made.arrays["items"].tolist())


@pytest.mark.parametrize("edit", EDITS)
@pytest.mark.parametrize("gaps", ["equal", "uneven"])
def test_gaps_are_those_of_events_and_the_first_is_none(edit, gaps, tmp_path):
    rng = np.random.default_rng(0)
    data = histories([rng.permutation(10)[: 1 + row % 6].tolist() for row in range(40)], gaps=True)
    about, lengths = data.arrays["about"], data.lengths("items")
    if gaps == "equal":
        about[:, 1:] = np.where(about[:, 1:] > 0, 60, 0)
    made = edited(data, tmp_path, 200, edits=[edit])
    found = made.arrays["about"][..., 0]
    is_there = np.arange(WIDTH) < made.lengths("items")[:, np.newaxis]
    assert (found[:, 0] == 0).all()
    assert not found[~is_there].any()
    real = about[..., 0][:, 1:][np.arange(1, WIDTH) < lengths[:, np.newaxis]]
    later = found[:, 1:][is_there[:, 1:]]
    assert np.isin(later, real).all()
    assert abs(np.median(later) - np.median(real)) <= 0.5 * np.median(real)
