from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest
from example_data import dataset

from augment.data import Dataset
from augment.plugin.context import Context
from augment_evidence.not_a_copy import NotACopy


def table(num_rows, seed, missing=False):
    rng = np.random.default_rng(seed)
    kind = rng.choice(["a", "b", "c"], num_rows)
    frame = pd.DataFrame(
        {
            "x": rng.normal(size=num_rows) + (kind == "a") * 3,
            "y": np.exp(3 * rng.normal(size=num_rows)),
            "n": rng.integers(0, 1000, num_rows),
            "kind": kind,
            "label": rng.choice(["yes", "no"], num_rows),
        }
    )
    if missing:
        frame.loc[::7, "x"] = np.nan
    return dataset(frame, target="label")


def blobs(num_rows, seed, side=12):
    """Images of a bright spot somewhere, with grain."""
    rng = np.random.default_rng(seed)
    centre = rng.uniform(2, side - 2, (num_rows, 2, 1, 1))
    grid = np.indices((side, side))
    far = ((grid[None] - centre) ** 2).sum(axis=1)
    bright = 200 * np.exp(-far / 6) + rng.uniform(0, 50, far.shape)
    return dataset(
        pd.DataFrame({"label": rng.choice(["u", "v"], num_rows)}),
        {"image": bright.astype(np.uint8)[..., None]},
        target="label",
    )


SUBJECTS, VERBS = ["Ann", "Bob", "the old cat", "a dog", "our king"], ["sees", "likes", "follows", "forgets"]
PLACES = ["in Rome", "by the sea", "at night", "under a tree", "on Monday"]


def sentences(num_rows, seed):
    rng = np.random.default_rng(seed)
    parts = (SUBJECTS, VERBS, SUBJECTS, PLACES, SUBJECTS, VERBS, PLACES, SUBJECTS, VERBS, SUBJECTS)
    return written([" ".join(rng.choice(part) for part in parts) for _ in range(num_rows)])


def noise(num_rows, seed, length=400):
    rng = np.random.default_rng(seed)
    return ["".join(rng.choice(list("abcdefgh "), length)) for _ in range(num_rows)]


def written(texts):
    frame = pd.DataFrame({"text": pd.Series(texts, dtype="str"), "label": ["u", "v"] * (len(texts) // 2)})
    return dataset(frame, target="label", payload="text")


def shapes(num_rows, seed, side=16):
    """Images of four bright spots each."""
    spots = [blobs(num_rows, seed * 10 + part, side).arrays["image"] // 2 for part in range(4)]
    labels = pd.DataFrame({"label": ["u", "v"] * (num_rows // 2)})
    return dataset(labels, {"image": np.maximum.reduce(spots)}, target="label")


def fit(train, seed=0, **params):
    judge = NotACopy(NotACopy.Params(**params))
    return judge.fit(train, train.take(slice(0, 0)), Context(seed=seed, folder=None))


QUICK = {"steps": 30}  # where what was learnt does not matter


def kept(judge, data):
    return judge.judge(data, Context(seed=1, folder=None)) >= judge.threshold


@pytest.mark.parametrize("make", [table, blobs, sentences])
def test_exact_copies_are_thrown_out_even_with_another_label(make):
    train = make(300, 0)
    judge = fit(train, **QUICK)
    assert not kept(judge, train).any()
    flipped = train.frame.assign(label=train.frame["label"].to_numpy()[::-1])
    assert not kept(judge, Dataset.of(flipped, train.arrays, train.schema)).any()


# of texts two rules have half the quantile each, and lengths have ties
@pytest.mark.parametrize(("make", "least"), [(table, 0.03), (blobs, 0.03), (sentences, 0.01)])
def test_fresh_rows_are_thrown_out_at_about_the_quantile(make, least):
    judge = fit(make(1500, 0), quantile=0.05, **QUICK)
    assert least < 1 - kept(judge, make(1500, 1)).mean() < 0.07


def test_near_copies_of_table_rows_are_thrown_out():
    train = table(300, 0, missing=True)
    near = train.frame.assign(x=train.frame["x"] + 1e-3, y=train.frame["y"] * 1.001)
    assert kept(fit(train), Dataset.of(near, {}, train.schema)).mean() < 0.1


def test_near_copies_of_images_are_thrown_out():
    train = blobs(300, 0)
    grain = np.random.default_rng(5).integers(-3, 4, train.arrays["image"].shape)
    near = {"image": np.clip(train.arrays["image"] + grain, 0, 255).astype(np.uint8)}
    assert kept(fit(train, **QUICK), Dataset(train.frame, near, train.schema)).mean() < 0.05


def test_texts_with_a_long_stretch_of_a_training_text_are_thrown_out():
    old, new = noise(100, 0), noise(100, 1)
    judge = fit(written(old))
    assert kept(judge, written(new)).mean() > 0.9
    pieces = [one[:300] + other[200:240] for one, other in zip(new, old, strict=True)]
    assert not kept(judge, written(pieces)).any()


def test_a_passage_from_deep_inside_a_long_training_text_is_found():
    (book,) = noise(1, 0, length=30_000)
    judge = fit(written([*noise(19, 1), book]))
    (fresh,) = noise(1, 2, length=200)
    assert kept(judge, written([fresh + book[25_000:25_040], fresh])).tolist() == [False, True]


@pytest.mark.slow
def test_short_texts_that_begin_alike_are_kept():
    rng = np.random.default_rng(3)
    words = noise(2_000, 4, length=8)
    asked = [f"How many {word} are there in {rng.choice(words)} ?" for word in words]
    judge = fit(written(asked[:1_000]))
    assert kept(judge, written(asked[1_000:])).mean() > 0.97


def test_empty_and_missing_texts_are_judged_like_others():
    train = written([*noise(50, 0), "", None])
    assert kept(fit(train), written(["", None, *noise(2, 5)])).tolist() == [False, False, True, True]


@pytest.mark.slow
def test_images_moved_by_a_pixel_or_dimmed_are_thrown_out():
    train = shapes(200, 0)
    judge = fit(train, steps=150)
    assert kept(judge, shapes(200, 1)).mean() > 0.95
    images = train.arrays["image"]
    for near in (np.roll(images, 1, axis=2), images * 0.7 + 20):
        changed = Dataset(train.frame, {"image": near.astype(np.uint8)}, train.schema)
        assert kept(judge, changed).mean() < 0.2


@pytest.mark.parametrize("shape", [(1, 1, 1), (3, 40, 4), (16, 5, 2)])
def test_images_of_any_shape_and_without_any_contrast_are_judged(shape):
    images = np.random.default_rng(0).integers(0, 256, (12, *shape)).astype(np.uint8)
    images[6:] = 7
    train = dataset(pd.DataFrame({"label": ["u", "v"] * 6}), {"image": images}, target="label")
    assert not kept(fit(train, **QUICK), train).any()


def test_common_rows_of_a_table_are_natural_and_rare_ones_are_not():
    frame = pd.DataFrame({"a": ["x", "y"] * 50 + ["rare"], "b": ["u", "u", "v", "v"] * 25 + ["rare"]})
    train = dataset(frame)
    judge = fit(train)
    assert kept(judge, train).tolist() == [True] * 100 + [False]


def test_a_table_that_lists_the_possible_rows_has_no_copies(caplog):
    possible = pd.DataFrame(list(itertools.product("abcd", "abc", "abc")), columns=list("pqr"))
    rows = np.random.default_rng(0).permutation(36)
    rest = dataset(possible.iloc[rows[:17]])  # fewer than half
    assert not kept(fit(rest), rest).any()
    most = dataset(possible.iloc[rows[:18]])
    assert not caplog.messages
    caplog.set_level("INFO", "augment")
    assert kept(fit(most), most).all()
    assert "at least half of the rows that its values can be combined to" in caplog.messages[0]
    assert not kept(fit(dataset(possible.iloc[[*rows[:18], *[rows[0]] * 4]])), most).all()  # some are common


def test_a_text_that_many_wrote_is_kept():
    train = written([*noise(94, 0), *["How are you?"] * 6])
    assert kept(fit(train), written(["How are you?", noise(94, 0)[0]])).tolist() == [True, False]


def test_equality_can_be_declared_natural():
    train = table(300, 0)
    assert kept(fit(train, common=1), train).all()


def test_a_training_part_with_some_twins_is_still_guarded():
    train = table(200, 0)
    doubled = Dataset.concat([train, train.take(slice(0, 60))])
    judge = fit(doubled)
    assert judge.threshold > 0
    assert not kept(judge, train).any()


def test_equality_is_found_beyond_the_reference_sample():
    train = table(1000, 0)
    assert not kept(fit(train, max_reference=100), train).any()


@pytest.mark.slow
@pytest.mark.parametrize("make", [table, blobs, sentences])
def test_a_loaded_filter_judges_to_the_bit_alike(make, tmp_path):
    judge = fit(make(200, 0), **QUICK)
    fresh = make(100, 1)
    judge.save(tmp_path)
    again = NotACopy.load(tmp_path, judge.params)
    context = Context(seed=0, folder=tmp_path)
    assert again.threshold == judge.threshold
    np.testing.assert_array_equal(again.judge(fresh, context), judge.judge(fresh, context))


def test_fitting_twice_gives_the_same_files(tmp_path):
    train = table(500, 0)
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        fit(train, max_reference=100).save(tmp_path / name)
    for file in ("state.safetensors", "state.json"):
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()


def test_each_row_is_judged_by_itself():
    judge = fit(table(300, 0))
    fresh = table(700, 1)
    context = Context(seed=0, folder=None)
    alone = np.concatenate([judge.judge(fresh.take(slice(i, i + 1)), context) for i in range(0, 700, 90)])
    np.testing.assert_array_equal(alone, judge.judge(fresh, context)[::90])


def test_no_candidates_give_no_scores():
    train = table(50, 0)
    assert fit(train).judge(train.take(slice(0, 0)), Context(seed=0, folder=None)).shape == (0,)


def test_the_estimate_grows_with_the_training_rows_that_are_compared():
    schema = table(50, 0).schema
    few, many, more = (NotACopy.cost(NotACopy.Params(), schema, num_rows).row for num_rows in (5_000, 20_000, 80_000))
    assert 3 < many / few < 4
    assert more == many
    assert NotACopy.cost(NotACopy.Params(max_reference=5_000), schema, 80_000).row == few
    assert NotACopy.cost(NotACopy.Params(), written(["a b", "c d"]).schema, 2) is None
