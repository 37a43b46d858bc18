from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from example_data import dataset
from slowly import slowly

from augment.data import Dataset
from augment.plugin.context import Context
from augment_evidence.label_agreement import LabelAgreement
from augment_evidence.plausible import Plausible


def labels_for(num_rows, rng):
    return rng.choice(["yes", "no"], num_rows, p=[0.25, 0.75])


def table(num_rows, seed):
    rng = np.random.default_rng(seed)
    label = labels_for(num_rows, rng)
    x = rng.normal(size=num_rows) + 4 * (label == "yes")
    return dataset(pd.DataFrame({"x": x, "y": x + rng.normal(size=num_rows), "label": label}), target="label")


def squares(num_rows, seed):
    """Images with a bright square: on the left for one class, on the right for the other."""
    rng = np.random.default_rng(seed)
    label = labels_for(num_rows, rng)
    images = rng.integers(0, 60, (num_rows, 8, 8, 1))
    for row, left in enumerate(label == "yes"):
        images[row, 2:6, 0 : 4 if left else None] += 120 if left else 0
        images[row, 2:6, 4:8] += 0 if left else 120
    return dataset(pd.DataFrame({"label": label}), {"image": images.astype(np.uint8)}, target="label")


def texts(num_rows, seed):
    rng = np.random.default_rng(seed)
    label = labels_for(num_rows, rng)
    words = {"yes": ["win", "prize", "call", "free", "cash"], "no": ["home", "later", "dinner", "work", "bus"]}
    message = [" ".join(rng.choice(words[one], 5)) + str(rng.integers(99)) for one in label]
    return dataset(pd.DataFrame({"message": message, "label": label}), payload="message", target="label")


def waves(num_rows, seed):
    rng = np.random.default_rng(seed)
    label = labels_for(num_rows, rng)
    speed = np.where(label == "yes", 0.2, 0.6)[:, None]
    series = np.sin(speed * np.arange(24)) + 0.2 * rng.normal(size=(num_rows, 24))
    return dataset(pd.DataFrame({"label": label}), {"wave": series.astype(np.float32)[..., None]}, target="label")


MAKERS = [table, texts, waves, *slowly([squares])]


def with_labels(data, labels):
    return Dataset.of(data.frame.assign(label=labels), data.arrays, data.schema)


def fit(cls, train, pilot=None, **params):
    pilot = train.take(slice(0, 0)) if pilot is None else pilot
    return cls(cls.Params(**params)).fit(train, pilot, Context(seed=0, folder=None))


FEW = {"steps": 60}  # enough for data as plain as this
ANY = {"steps": 10}  # where what was learnt does not matter


def kept(judge, data):
    return judge.judge(data, Context(seed=1, folder=None)) >= judge.threshold


@pytest.mark.parametrize("make", MAKERS)
def test_rows_with_the_wrong_label_are_thrown_out_and_right_ones_stay(make):
    judge, fresh = fit(LabelAgreement, make(300, 0), **FEW), make(200, 1)
    swapped = with_labels(fresh, np.where(fresh.frame["label"].astype(str) == "yes", "no", "yes"))
    assert kept(judge, fresh).mean() > 0.9
    assert kept(judge, swapped).mean() < 0.1


def test_every_class_loses_about_the_same_share_of_fresh_rows():
    judge, fresh = fit(LabelAgreement, table(1500, 0), quantile=0.1, **FEW), table(3000, 1)
    passed, rare = kept(judge, fresh), (fresh.frame["label"] == "yes").to_numpy()
    assert 0.05 < 1 - passed[rare].mean() < 0.16
    assert 0.05 < 1 - passed[~rare].mean() < 0.16


def spoiled(data, seed):
    """Rows that nobody would take for real ones."""
    rng = np.random.default_rng(seed)
    if data.arrays:
        (name,) = data.arrays
        values = rng.permuted(data.arrays[name].reshape(len(data), -1), axis=1).reshape(data.arrays[name].shape)
        return Dataset(data.frame, {name: values}, data.schema)
    if "message" in data.frame:
        return Dataset.of(data.frame.assign(message=[text[::-1] for text in data.frame["message"]]), {}, data.schema)
    return Dataset.of(data.frame.assign(y=-5 - data.frame["x"]), {}, data.schema)


@pytest.mark.parametrize("make", MAKERS)
def test_what_is_spotted_at_once_is_thrown_out_and_real_rows_stay(make):
    train, bad, good = make(300, 0), spoiled(make(100, 1), 2), make(200, 3)
    judge = fit(Plausible, train, Dataset.concat([good, bad]), **FEW)
    assert kept(judge, make(200, 4)).mean() > 0.85
    assert kept(judge, spoiled(make(100, 5), 6)).mean() < 0.2


def test_a_generator_that_is_spotted_everywhere_keeps_a_share_of_its_rows():
    pilot = spoiled(table(200, 1), 2)
    judge = fit(Plausible, table(300, 0), pilot, max_rejected=0.4, **FEW)
    assert 0.4 < kept(judge, pilot).mean() < 0.8


@pytest.mark.slow
def test_another_class_mix_is_not_implausible():
    train, pilot = table(600, 0), table(600, 1)
    pilot = pilot.take((pilot.frame["label"] == "yes").to_numpy())
    assert kept(fit(Plausible, train, pilot, steps=200), table(400, 2)).mean() > 0.9


def test_without_a_pilot_everything_is_plausible():
    train = table(50, 0)
    assert kept(fit(Plausible, train), train).all()


@pytest.mark.slow
@pytest.mark.parametrize("make", MAKERS)
@pytest.mark.parametrize("cls", [LabelAgreement, Plausible])
def test_a_loaded_filter_judges_to_the_bit_alike(cls, make, tmp_path):
    train, fresh = make(100, 0), make(70, 2)
    judge = fit(cls, train, make(60, 1), **ANY)
    judge.save(tmp_path)
    again = cls.load(tmp_path, judge.params)
    context = Context(seed=0, folder=tmp_path)
    assert again.threshold == judge.threshold
    np.testing.assert_array_equal(again.judge(fresh, context), judge.judge(fresh, context))
