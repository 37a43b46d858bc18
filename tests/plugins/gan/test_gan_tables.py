from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

from augment.components import Checkpoint, Context
from augment.dataset import Dataset
from augment.schema import SchemaDeclaration, check, infer, observe
from augment_gan.table_adversarial import Generator, Scale
from augment_gan.tables import TableGan

QUICK = TableGan.Params(steps=4, batch_size=8, width=8, autoencoder_steps=4, code_size=4)


def dataset(frame, target=None):
    data = Dataset.of(frame, {}, infer(frame, {}, SchemaDeclaration(target=target)))
    schema, _ = observe(data.schema, data.frame)
    return Dataset.of(data.frame, {}, schema)


def mixed(num_rows=60):
    rng = np.random.default_rng(3)
    amount = pd.Series(np.round(rng.lognormal(7, 1, num_rows), 2))
    amount[rng.random(num_rows) < 0.1] = np.nan
    return pd.DataFrame(
        {
            "amount": amount,
            "gain": np.where(rng.random(num_rows) < 0.8, 0, rng.integers(1, 90_000, num_rows)),
            "kind": rng.choice(["a", "b", "c"], num_rows),
            "yes": rng.random(num_rows) < 0.3,
            "on": pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 3_000, num_rows), unit="D"),
            "label": rng.choice(["good", "bad"], num_rows),
        }
    )


def context(tmp_path, seed=1, **fields):
    return Context(seed=seed, folder=tmp_path, **fields)


@pytest.fixture(scope="module")
def fitted(tmp_path_factory):
    return TableGan(QUICK).fit(dataset(mixed(), "label"), context(tmp_path_factory.mktemp("fit")))


def asked(num_rows):
    return pd.DataFrame({"label": np.array(["good", "bad", "bad"] * num_rows, dtype=object)[:num_rows]})


def nothing_asked(num_rows):
    return pd.DataFrame(index=pd.RangeIndex(num_rows))


def test_rows_are_as_asked_under_the_schema_of_the_training_part(fitted, tmp_path):
    rows = fitted.sample(asked(90), context(tmp_path))
    assert rows.frame.label.tolist() == asked(90).label.tolist()
    assert check(rows.frame, {}, dataset(mixed(), "label").schema) == []


@pytest.mark.parametrize("num_rows", [0, 1, 1_023, 1_024, 1_025])
@pytest.mark.parametrize("request_rows", [asked, nothing_asked])
def test_fewer_rows_are_a_prefix_of_more(fitted, tmp_path, num_rows, request_rows):
    whole = fitted.sample(request_rows(1_100), context(tmp_path))
    part = fitted.sample(request_rows(num_rows), context(tmp_path))
    assert part.equals(whole.take(slice(0, num_rows)))


def test_missing_values_come_back_where_there_were_some_and_nowhere_else(fitted, tmp_path):
    missing = fitted.sample(asked(1_000), context(tmp_path)).frame.isna().mean()
    assert 0 < missing["amount"] < 0.5
    assert not missing.drop("amount").any()


@pytest.mark.parametrize("target", ["gain", None])
def test_target_without_classes_is_a_column_like_the_others(tmp_path, target):
    data = dataset(mixed().drop(columns="label"), target)
    rows = TableGan(QUICK).fit(data, context(tmp_path)).sample(nothing_asked(50), context(tmp_path))
    assert check(rows.frame, {}, data.schema) == []
    assert set(rows.frame["gain"]) != {0}


def test_rows_without_a_label_are_left_out(tmp_path):
    frame = mixed()
    frame.loc[::2, "label"] = None
    frame.loc[::2, "kind"] = "unlabelled"
    generator = TableGan(TableGan.Params(steps=20, autoencoder_steps=60, width=16, code_size=4)).fit(
        dataset(frame, "label"), context(tmp_path)
    )
    rows = generator.sample(asked(200), context(tmp_path)).frame
    assert (rows.kind == "unlabelled").mean() < 0.5
    assert not rows.label.isna().any()


def test_class_of_one_row_can_be_asked_for(tmp_path):
    frame = mixed().assign(label=["rare"] + ["common"] * 59)
    generator = TableGan(QUICK).fit(dataset(frame, "label"), context(tmp_path))
    rows = generator.sample(pd.DataFrame({"label": ["rare"] * 4}), context(tmp_path))
    assert rows.frame.label.tolist() == ["rare"] * 4


def test_loaded_generator_makes_the_same_rows(fitted, tmp_path):
    place = tmp_path / "state"
    place.mkdir()
    fitted.save(place)
    loaded = TableGan.load(place, QUICK)
    assert loaded.sample(asked(30), context(tmp_path)).equals(fitted.sample(asked(30), context(tmp_path)))
    assert json.loads((place / "state.json").read_text())["finished"] is True


def test_fit_cut_by_the_deadline_says_so(tmp_path):
    generator = TableGan(QUICK).fit(dataset(mixed(), "label"), context(tmp_path, deadline=0.0))
    assert not generator.finished


def test_progress_counts_both_parts_of_the_training(tmp_path):
    seen = []
    TableGan(QUICK).fit(
        dataset(mixed(), "label"), context(tmp_path, progress=lambda step, total, losses: seen.append((step, total)))
    )
    assert seen == [(step, 8) for step in range(1, 9)]


@pytest.mark.parametrize("num_saves", [1, 6])
def test_fit_killed_in_either_part_ends_with_the_same_rows(tmp_path, monkeypatch, num_saves):
    monkeypatch.setattr("augment.training.SECONDS_BETWEEN_CHECKPOINTS", 0.0)
    data, left = dataset(mixed(), "label"), [num_saves]

    class Dying(Checkpoint):
        def save(self, tensors, values):
            super().save(tensors, values)
            left[0] -= 1
            if not left[0]:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        TableGan(QUICK).fit(data, context(tmp_path, checkpoint=Dying(tmp_path / "kept")))
    resumed = TableGan(QUICK).fit(data, context(tmp_path, checkpoint=Checkpoint(tmp_path / "kept")))
    whole = TableGan(QUICK).fit(data, context(tmp_path))
    assert resumed.sample(asked(50), context(tmp_path)).equals(whole.sample(asked(50), context(tmp_path)))


def test_untrained_generator_draws_the_gaussian_of_each_class():
    noise, classes = torch.randn(5, 3), torch.tensor([0, 1, 1, 0, 1])
    assert torch.equal(Generator(3, 2, 8)(noise, classes), noise)


def test_scale_has_the_mean_of_each_class_and_the_spread_about_them():
    rng = np.random.default_rng(0)
    classes = np.repeat([0, 2], 4_000)
    vectors = rng.normal(size=(8_000, 2)) * [3, 0.5] + np.where(classes == 0, 10, -10)[:, None]
    scale = Scale.fit(vectors, classes, 3)
    assert scale.means == pytest.approx(np.array([[10, 10], [0, 0], [-10, -10]]), abs=0.2)
    assert scale.factor == pytest.approx(np.diag([3, 0.5]), abs=0.1)


@pytest.mark.slow
def test_columns_depend_on_each_other_as_they_did(tmp_path):
    rng = np.random.default_rng(0)
    label = rng.random(3_000) < 0.3
    x = rng.normal(np.where(label, 2, -1), 1)
    frame = pd.DataFrame(
        {
            "x": x,
            "double": np.round(2 * x + rng.normal(0, 0.2, 3_000), 3),
            "sign": np.where(x > 0, "plus", "minus"),
            "label": np.where(label, "yes", "no"),
        }
    )
    generator = TableGan().fit(dataset(frame, "label"), context(tmp_path))
    rows = generator.sample(nothing_asked(3_000), context(tmp_path)).frame
    assert rows[["x", "double"]].corr().iloc[0, 1] > 0.85  # the class alone gives 0.65, pieces at best 0.99
    assert ((rows.x > 0) == (rows.sign == "plus")).mean() > 0.93
    for shown in ("yes", "no"):
        assert rows.x[rows.label == shown].mean() == pytest.approx(frame.x[frame.label == shown].mean(), abs=0.15)
        assert rows.x[rows.label == shown].std() == pytest.approx(frame.x[frame.label == shown].std(), rel=0.15)
    assert (rows.label == "yes").mean() == pytest.approx(0.3, abs=0.04)
    once_more = generator.sample(nothing_asked(3_000), replace(context(tmp_path), seed=2)).frame
    assert not once_more.equals(rows)
