from __future__ import annotations

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from example_data import dataset, texts_of

from augment.data import Dataset
from augment.plugin.context import Context
from augment_evidence.contamination import Contamination, find_repeats

NUM_TRAIN, NUM_HELD, NUM_MADE, NUM_PLANTED = 240, 60, 200, 20


def table(num_rows, rng):
    kind = rng.choice(["a", "b", "c"], num_rows)
    hidden = rng.normal(size=(num_rows, 3)) + (kind == "a")[:, None]
    values = hidden @ np.random.default_rng(7).normal(size=(3, 6)) + 0.3 * rng.normal(size=(num_rows, 6))
    frame = pd.DataFrame(values, columns=[f"x{i}" for i in range(6)])
    return dataset(frame.assign(kind=kind, label=rng.choice(["yes", "no"], num_rows)), target="label")


def blobs(num_rows, rng, side=12):
    centre = rng.uniform(2, side - 2, (num_rows, 2, 2, 1, 1))
    far = ((np.indices((side, side))[None, None] - centre) ** 2).sum(axis=2)
    bright = 100 * np.exp(-far / 6).sum(axis=1) + rng.uniform(0, 50, (num_rows, side, side))
    return dataset(pd.DataFrame(index=range(num_rows)), {"image": bright.clip(0, 255).astype(np.uint8)[..., None]})


def texts(num_rows, rng):
    words = np.array([f"{a}{b}{c}" for a in "bdfgklm" for b in "aeiou" for c in "nrst"])
    return texts_of([" ".join(rng.choice(words, rng.integers(6, 14))) for _ in range(num_rows)])


def waves(num_rows, rng):
    phase, speed = rng.uniform(0, 6, (num_rows, 1, 2)), rng.uniform(0.1, 0.6, (num_rows, 1, 2))
    series = np.sin(phase + speed * np.arange(24)[None, :, None]) + 0.2 * rng.normal(size=(num_rows, 24, 2))
    return dataset(pd.DataFrame(index=range(num_rows)), {"wave": series.astype(np.float32)})


def histories(num_rows, rng):
    items = rng.integers(1, 60, (num_rows, 8)).astype(np.int32)
    named = {"item": {"type": "tokens", "vocabulary": ["", *(f"i{n}" for n in range(1, 60))]}}
    return dataset(pd.DataFrame(index=range(num_rows)), {"item": items}, arrays=named)


def numbers_moved(rows, rng):
    moved = {f"x{i}": rows.frame[f"x{i}"] + 0.05 * rng.normal(size=len(rows)) for i in range(6)}
    return Dataset.of(rows.frame.assign(**moved), {}, rows.schema)


def one_label_changed(rows, rng):
    other = rows.frame["kind"].astype(str).map({"a": "b", "b": "c", "c": "a"})
    moved = numbers_moved(rows, rng)
    return Dataset.of(moved.frame.assign(kind=other), {}, rows.schema)


def array_moved(rows, rng):
    ((name, values),) = rows.arrays.items()
    moved = values + 0.1 * values.std() * rng.normal(size=values.shape)
    return Dataset(rows.frame, {name: moved.clip(values.min(), values.max()).astype(values.dtype)}, rows.schema)


def shifted(rows, rng):
    return Dataset(rows.frame, {"image": np.roll(rows.arrays["image"], 1, axis=2)}, rows.schema)


def word_changed(rows, rng):
    return Dataset.of(
        rows.frame.assign(text=[f"{text.split(' ', 1)[1]} xyz" for text in rows.texts()]), {}, rows.schema
    )


def item_changed(rows, rng):
    items = rows.arrays["item"].copy()
    items[:, 3] = rng.integers(1, 60, len(items))
    return Dataset(rows.frame, {"item": items}, rows.schema)


def equal(rows, rng):
    return rows


CHANGES = {
    table: [equal, numbers_moved, one_label_changed],
    blobs: [equal, array_moved, shifted],
    texts: [equal, word_changed],
    waves: [equal, array_moved],
    histories: [equal, item_changed],
}
PLANTED = [
    pytest.param(make, change, id=f"{make.__name__}-{change.__name__}") for make in CHANGES for change in CHANGES[make]
]


def cut(make, *sizes, seed=0):
    whole = make(sum(sizes), np.random.default_rng(seed))
    ends = np.cumsum((0, *sizes))
    return [whole.take(slice(start, end)) for start, end in pairwise(ends)]


def score(made, train, held):
    (found,) = Contamination().score(made, train, held, Context(seed=0, folder=None))
    return found


@pytest.mark.parametrize("make", CHANGES, ids=lambda make: make.__name__)
def test_fresh_rows_and_copies_of_training_rows_do_not_void_the_verdict(make):
    train, held, made = cut(make, NUM_TRAIN, NUM_HELD, NUM_MADE)
    for rows in (made, train.take(np.random.default_rng(1).integers(0, NUM_TRAIN, NUM_MADE))):
        found = score(rows, train, held)
        assert (found.voids, found.private) == ("", {})


@pytest.mark.parametrize(("make", "change"), PLANTED)
def test_a_tenth_of_held_out_rows_equal_or_changed_voids_the_verdict(make, change):
    train, held, made = cut(make, NUM_TRAIN, NUM_HELD, NUM_MADE - NUM_PLANTED)
    planted = change(held.take(slice(0, NUM_PLANTED)), np.random.default_rng(2))
    found = score(Dataset.concat([made, planted]), train, held)
    assert "of 200 rows equal or nearly equal a held-out row" in found.voids
    is_planted = np.isin(np.arange(NUM_MADE - NUM_PLANTED, NUM_MADE), found.private["synthetic"])
    assert is_planted.mean() > 0.6
    assert found.value == len(found.private["synthetic"]) / NUM_MADE


def test_the_sentence_counts_all_rows_and_says_what_was_to_be_expected(monkeypatch):
    """Also of more rows than the test looks at."""
    train, held, made = cut(table, NUM_TRAIN, NUM_HELD, 1_500)
    rows = Dataset.concat([made, held, held, held])
    found = score(rows, train, held)
    assert found.voids.startswith("180 of 1,680 rows equal or nearly equal a held-out row")
    assert "about 0 times" in found.voids
    assert found.private["synthetic"] == list(range(1_500, 1_680))


def few_values(num_rows, rng):
    group = rng.integers(0, 2, num_rows)
    columns = {f"n{i}": rng.poisson(1 + group * (i % 2)) for i in range(4)}
    return dataset(pd.DataFrame(columns).assign(label=np.where(group, "u", "v")), target="label")


def test_rows_that_are_equal_by_nature_are_not_taken_for_repeats():
    """Most values meet training and held-out rows alike; made rows do what training rows do among themselves."""
    for seed in range(3):
        train, held, made = cut(few_values, NUM_TRAIN, NUM_HELD, 600, seed=seed)
        assert not find_repeats(made, train, held).is_contaminated


def test_rows_moved_from_training_rows_with_twins_in_the_hold_out_are_explained_by_the_training_rows():
    rng = np.random.default_rng(0)
    (whole,) = cut(table, 150)
    train, held = numbers_moved(whole, rng), numbers_moved(whole, rng).take(slice(0, NUM_HELD))
    assert not find_repeats(Dataset.concat([numbers_moved(train, rng)] * 2), train, held).is_contaminated


def test_related_rows_in_the_hold_out_are_no_contamination():
    """Rows of one person lie near each other. Training rows have theirs in the training part, which says nothing of
    how near others come to the hold-out; held-out rows do."""
    rng = np.random.default_rng(0)
    people, strangers = cut(table, 120, 300)
    rows = Dataset.concat([numbers_moved(people, rng) for _ in range(4)])
    person = np.tile(np.arange(120), 4)
    assert not find_repeats(strangers, rows.take(person < 60), rows.take(person >= 60)).is_contaminated


def test_repeats_of_one_class_are_expected_as_often_as_real_rows_of_that_class_repeat():
    """All synthetic rows are of a rare class whose rows are often equal."""
    rng = np.random.default_rng(0)
    rare = rng.random(2_000) < 0.15
    columns = {f"x{i}": np.where(rare, rng.integers(0, 3, 2_000), rng.normal(size=2_000)) for i in range(4)}
    whole = dataset(pd.DataFrame(columns).assign(label=np.where(rare, "rare", "usual")), target="label")
    train, held, rest = whole.take(slice(0, 600)), whole.take(slice(600, 1_000)), whole.take(slice(1_000, None))
    made = rest.take((rest.frame["label"] == "rare").to_numpy())
    assert not find_repeats(made, train, held).is_contaminated


def test_tables_of_texts_alone_are_compared_by_equality():
    def notes(num_rows, rng):
        frame = pd.DataFrame({name: [f"note {n}" for n in rng.integers(0, 10**9, num_rows)] for name in "ab"})
        return dataset(frame, columns={name: {"type": "text"} for name in "ab"})

    train, held, made = cut(notes, 100, 60, 80)
    assert not find_repeats(made, train, held).is_contaminated
    assert find_repeats(Dataset.concat([made, held.take(slice(0, 10))]), train, held).is_contaminated


def test_with_hardly_any_rows_nothing_is_said():
    train, held, made = cut(table, 40, 9, 40)
    assert Contamination().score(made, train, held, Context(seed=0, folder=None)) == []


def combinations(num_rows, num_columns):
    """Columns of three values: three columns have hardly a combination that is not in every part, twelve many."""
    values = np.random.default_rng([num_rows, 5]).integers(3, size=(num_rows, num_columns))
    return dataset(pd.DataFrame({f"c{n}": np.array(list("abc"))[column] for n, column in enumerate(values.T)}))


@pytest.mark.parametrize(("num_columns", "is_told"), [(3, False), (5, False), (12, True)])
def test_where_rows_are_equal_by_nature_it_says_that_copies_could_not_be_told(caplog, num_columns, is_told):
    train, held, made = (combinations(num, num_columns) for num in (400, 150, 401))
    found = score(made, train, held)
    assert found.voids == ""
    assert found.detail["copies in place of a tenth of the rows would be found"] == is_told
    assert ("could not be told from chance" in caplog.text) == (not is_told)


def test_what_could_have_been_found_needs_no_word(caplog):
    train, held, made = cut(table, NUM_TRAIN, NUM_HELD, NUM_MADE)
    assert score(made, train, held).detail["copies in place of a tenth of the rows would be found"]
    assert not caplog.text
