from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from example_data import dataset

from augment.data import Dataset
from augment.plugin.context import Context
from augment_evidence.privacy import Privacy

NUM_TRAIN, NUM_HELD, NUM_MADE = 600, 200, 600


def table(num_rows, seed):
    rng = np.random.default_rng(seed)
    kind = rng.choice(["a", "b", "c"], num_rows)
    hidden = rng.normal(size=(num_rows, 2)) + (kind == "a")[:, None]
    columns = {f"x{i}": hidden @ rng_weights(i) + 0.3 * rng.normal(size=num_rows) for i in range(5)}
    return dataset(
        pd.DataFrame({**columns, "kind": kind, "label": rng.choice(["yes", "no"], num_rows)}), target="label"
    )


def rng_weights(column):
    return np.random.default_rng(column + 100).normal(size=2)


def blobs(num_rows, seed, side=12):
    rng = np.random.default_rng(seed)
    centre = rng.uniform(2, side - 2, (num_rows, 2, 1, 1))
    far = ((np.indices((side, side))[None] - centre) ** 2).sum(axis=1)
    bright = 200 * np.exp(-far / 6) + rng.uniform(0, 50, far.shape)
    return dataset(
        pd.DataFrame({"label": rng.choice(["u", "v"], num_rows)}),
        {"image": bright.astype(np.uint8)[..., None]},
        target="label",
    )


def texts(num_rows, seed):
    rng = np.random.default_rng(seed)
    words = np.array([f"{a}{b}{c}" for a in "bdfgklm" for b in "aeiou" for c in "nrst"])
    message = [" ".join(rng.choice(words, rng.integers(5, 12))) for _ in range(num_rows)]
    return dataset(
        pd.DataFrame({"message": message, "label": rng.choice(["u", "v"], num_rows)}), payload="message", target="label"
    )


def waves(num_rows, seed):
    rng = np.random.default_rng(seed)
    phase, speed = rng.uniform(0, 6, (num_rows, 1, 2)), rng.uniform(0.1, 0.6, (num_rows, 1, 2))
    series = np.sin(phase + speed * np.arange(24)[None, :, None]) + 0.2 * rng.normal(size=(num_rows, 24, 2))
    return dataset(
        pd.DataFrame({"label": rng.choice(["u", "v"], num_rows)}), {"wave": series.astype(np.float32)}, target="label"
    )


def parts(make, seed=0):
    whole = make(NUM_TRAIN + NUM_HELD + NUM_MADE, seed)
    bounds = [slice(0, NUM_TRAIN), slice(NUM_TRAIN, NUM_TRAIN + NUM_HELD), slice(NUM_TRAIN + NUM_HELD, None)]
    return [whole.take(bound) for bound in bounds]


def score(made, train, held, **more):
    found = Privacy().score(made, train, held, Context(seed=0, folder=None, **more))
    return {one.name: one for one in found}


def with_copies(made, train, num):
    return Dataset.concat([made.take(slice(num, None)), train.take(slice(0, num))])


@pytest.mark.parametrize("make", [table, blobs, texts, waves])
def test_fresh_rows_leak_nothing(make):
    train, held, made = parts(make)
    found = score(made, train, held)
    assert {one.attack.finding for one in found.values()} == {"no leak found"}
    assert not any(one.private for one in found.values())


@pytest.mark.parametrize("make", [table, blobs, texts, waves])
def test_a_few_exact_copies_are_found_and_named_in_private_alone(make):
    train, held, made = parts(make)
    found = score(with_copies(made, train, 6), train, held)["exact matches"]
    assert found.attack.finding == "leak found"
    assert found.value == pytest.approx(6 / NUM_MADE)
    assert found.private == {"synthetic": list(range(NUM_MADE - 6, NUM_MADE)), "train": list(range(6))}


def test_near_copies_of_table_rows_are_found_by_both_other_attacks():
    train, held, made = parts(table)
    near = train.take(slice(0, 60))
    frame = near.frame.assign(**{f"x{i}": near.frame[f"x{i}"] * 1.001 for i in range(5)})
    found = score(Dataset.concat([made.take(slice(60, None)), Dataset.of(frame, {}, train.schema)]), train, held)
    assert found["exact matches"].attack.finding == "no leak found"
    assert found["near copies"].attack.finding == found["membership inference"].attack.finding == "leak found"
    assert set(range(60)) <= set(found["membership inference"].private["train"])


@pytest.mark.slow
def test_near_copies_of_images_are_found():
    train, held, made = parts(blobs)
    grain = np.random.default_rng(5).integers(-3, 4, train.arrays["image"].shape)
    near = Dataset(
        train.frame, {"image": np.clip(train.arrays["image"] + grain, 0, 255).astype(np.uint8)}, train.schema
    )
    found = score(Dataset.concat([made, near.take(slice(0, 60))]), train, held)
    assert found["near copies"].attack.finding == "leak found"


def test_where_real_rows_are_equal_by_nature_synthetic_ones_may_be():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({name: rng.integers(0, 4, 1400).astype(str) for name in "abc"})
    whole = dataset(frame.assign(label=rng.choice(["u", "v"], 1400)), target="label")
    train, held, made = whole.take(slice(0, 600)), whole.take(slice(600, 800)), whole.take(slice(800, None))
    assert {one.attack.finding for one in score(made, train, held).values()} == {"no leak found"}


def test_nearness_by_design_is_no_memorising():
    train, held, made = parts(table)
    found = score(with_copies(made, train, 60), train, held, origins=frozenset({"rows"}))
    assert found["exact matches"].attack.finding == "near by design"


def test_the_wanted_class_mix_is_no_leak():
    """All synthetic rows are of a rare class whose rows are often equal."""
    rng = np.random.default_rng(0)
    whole = table(2000, 0)
    rare = rng.random(2000) < 0.15
    frame = whole.frame.assign(label=np.where(rare, "rare", "usual"))
    for i in range(5):
        frame[f"x{i}"] = np.where(rare, rng.integers(0, 3, 2000), frame[f"x{i}"])
    whole = dataset(frame, target="label")
    train, held, rest = whole.take(slice(0, 900)), whole.take(slice(900, 1300)), whole.take(slice(1300, None))
    made = rest.take((rest.frame["label"] == "rare").to_numpy())
    assert score(made, train, held)["exact matches"].attack.finding == "no leak found"


def test_one_in_a_hundred_false_alarms_needs_a_hundred_held_out_rows():
    train, held, made = parts(table)
    assert "membership inference" not in score(made, train, held.take(slice(0, 99)))


def test_with_hardly_any_rows_nothing_is_said():
    train, held, made = parts(table)
    assert not score(made, train, held.take(slice(0, 5)))


def test_a_hold_out_that_synthetic_rows_repeat_does_not_raise_the_limits():
    """Rows of the hold-out count neither as reference nor as rows that were attacked; positions are those of all."""
    train, held, _ = parts(table)
    train, held = train.take(slice(0, 200)), held.take(slice(0, 120))
    found = score(Dataset.concat([held, train.take(slice(0, 60))]), train, held)["exact matches"]
    assert (found.value, found.attack.finding) == (1.0, "leak found")
    assert found.attack.limit < 0.2
    assert found.private["synthetic"] == list(range(120, 180))


def test_a_limit_is_at_most_1_and_a_third_of_exact_copies_is_never_harmless():
    """Each of 64 answers to three questions is once in either part, so equal rows say nothing."""
    frame = pd.DataFrame({name: np.arange(64) // 4**place % 4 for place, name in enumerate("abc")}).astype(str)
    whole = dataset(frame.assign(label=["u", "v"] * 32), target="label")
    found = score(whole.take(slice(0, 30)), whole, whole)["exact matches"]
    assert (found.value, found.attack.limit, found.attack.finding) == (1.0, 1.0, "natural likeness")
