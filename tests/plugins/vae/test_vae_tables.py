from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from augment.components import Context
from augment.dataset import Dataset
from augment.errors import DataError
from augment.schema import SchemaDeclaration, check, infer, observe
from augment_vae.tables import TableVae

QUICK = TableVae.Params(steps=4, batch_size=8, width=8, code_size=4)


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
    return TableVae(QUICK).fit(dataset(mixed(), "label"), context(tmp_path_factory.mktemp("fit")))


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


def test_values_stay_inside_the_training_range_and_keep_their_decimals(fitted, tmp_path):
    amounts = fitted.sample(asked(1_000), context(tmp_path)).frame.amount.dropna()
    assert amounts.between(mixed().amount.min(), mixed().amount.max()).all()
    assert np.array_equal(amounts.round(2), amounts)


@pytest.mark.parametrize("target", ["gain", None])
def test_target_without_classes_is_a_column_like_the_others(tmp_path, target):
    data = dataset(mixed().drop(columns="label"), target)
    rows = TableVae(QUICK).fit(data, context(tmp_path)).sample(nothing_asked(50), context(tmp_path))
    assert check(rows.frame, {}, data.schema) == []
    assert set(rows.frame["gain"]) != {0}


def test_column_that_rows_cannot_be_made_for_is_refused_by_name(fitted, tmp_path):
    with pytest.raises(DataError, match="'kind' cannot be given: only 'label'"):
        fitted.sample(asked(3).assign(kind="a"), context(tmp_path))


def test_class_that_no_training_row_has_is_refused(fitted, tmp_path):
    with pytest.raises(DataError, match="'ugly'"):
        fitted.sample(pd.DataFrame({"label": ["ugly"]}), context(tmp_path))


def test_data_with_nothing_beside_its_target_is_refused(tmp_path):
    with pytest.raises(DataError, match="no column beside its target"):
        TableVae(QUICK).fit(dataset(mixed()[["label"]], "label"), context(tmp_path))


def test_rows_without_a_label_are_left_out(tmp_path):
    frame = mixed()
    frame.loc[::2, "label"] = None
    frame.loc[::2, "kind"] = "unlabelled"
    generator = TableVae(TableVae.Params(steps=60, width=16, code_size=4)).fit(
        dataset(frame, "label"), context(tmp_path)
    )
    rows = generator.sample(asked(200), context(tmp_path)).frame
    assert (rows.kind == "unlabelled").mean() < 0.5
    assert not rows.label.isna().any()


@pytest.mark.parametrize(
    "columns",
    [
        {"same": [1.5] * 30},
        {"none": pd.Series([None] * 30, dtype="float64"), "x": range(30)},
        {"<b>class</b>": ["a"] * 29 + ["once"], "import os": range(30)},
        {"wide": [-(2**63), 2**63 - 1, 0] * 10, "huge": [1e300, -1e300, 5e-324] * 10},
    ],
    ids=["constant", "all missing", "odd names", "extremes"],
)
def test_odd_columns_come_out_as_they_went_in(tmp_path, columns):
    data = dataset(pd.DataFrame(columns))
    rows = TableVae(QUICK).fit(data, context(tmp_path)).sample(nothing_asked(40), context(tmp_path))
    assert check(rows.frame, {}, data.schema) == []
    for name in data.schema.columns:
        assert rows.frame[name].isna().all() == data.frame[name].isna().all()


def test_class_of_one_row_can_be_asked_for(tmp_path):
    frame = mixed().assign(label=["rare"] + ["common"] * 59)
    generator = TableVae(QUICK).fit(dataset(frame, "label"), context(tmp_path))
    rows = generator.sample(pd.DataFrame({"label": ["rare"] * 4}), context(tmp_path))
    assert rows.frame.label.tolist() == ["rare"] * 4


def test_loaded_generator_makes_the_same_rows(fitted, tmp_path):
    place = tmp_path / "state"
    place.mkdir()
    fitted.save(place)
    loaded = TableVae.load(place, QUICK)
    assert loaded.sample(asked(30), context(tmp_path)).equals(fitted.sample(asked(30), context(tmp_path)))
    assert json.loads((place / "state.json").read_text())["finished"] is True


def test_fit_cut_by_the_deadline_says_so(tmp_path):
    generator = TableVae(QUICK).fit(dataset(mixed(), "label"), context(tmp_path, deadline=0.0))
    assert not generator.finished


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
    generator = TableVae().fit(dataset(frame, "label"), context(tmp_path))
    rows = generator.sample(nothing_asked(3_000), context(tmp_path)).frame
    assert rows[["x", "double"]].corr().iloc[0, 1] > 0.85  # the class alone gives 0.65, pieces at best 0.99
    assert ((rows.x > 0) == (rows.sign == "plus")).mean() > 0.95
    for shown in ("yes", "no"):
        assert rows.x[rows.label == shown].mean() == pytest.approx(frame.x[frame.label == shown].mean(), abs=0.15)
        assert rows.x[rows.label == shown].std() == pytest.approx(frame.x[frame.label == shown].std(), rel=0.15)
    assert (rows.label == "yes").mean() == pytest.approx(0.3, abs=0.04)
    once_more = generator.sample(nothing_asked(3_000), replace(context(tmp_path), seed=2)).frame
    assert not once_more.equals(rows)
