from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from example_data import typed

from augment.data import check
from augment.data.conformity import valid_rows
from augment.errors import DataError
from augment.plugin.context import Context
from augment_gan.tables import TableGan
from augment_rnn.anchored import AnchoredTable
from augment_rnn.tables import TableRnn
from augment_vae.tables import TableVae

QUICK = {
    AnchoredTable: AnchoredTable.Params(),
    TableGan: TableGan.Params(steps=4, batch_size=8, width=8, autoencoder_steps=4, latent_dim=4),
    TableRnn: TableRnn.Params(steps=4, batch_size=8, width=8),
    TableVae: TableVae.Params(steps=4, batch_size=8, width=8, latent_dim=4),
}
LONGER = {
    TableGan: TableGan.Params(steps=20, autoencoder_steps=60, width=16, latent_dim=4),
    TableVae: TableVae.Params(steps=60, width=16, latent_dim=4),
}
BY_CLASS = [TableGan, TableVae]  # rows are made for a class, and for nothing else


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


def learn(network, data, tmp_path, settings=None):
    return network(settings or QUICK[network]).fit(data, context(tmp_path, train=data))


@pytest.fixture(params=[pytest.param(network, id=network.name) for network in BY_CLASS], scope="module")
def network(request):
    return request.param


@pytest.fixture(scope="module")
def fitted(network, tmp_path_factory):
    return learn(network, typed(mixed(), "label"), tmp_path_factory.mktemp("fit"))


def asked(num_rows):
    return pd.DataFrame({"label": np.array(["good", "bad", "bad"] * num_rows, dtype=object)[:num_rows]})


def nothing_asked(num_rows):
    return pd.DataFrame(index=pd.RangeIndex(num_rows))


def test_rows_are_as_asked_under_the_schema_of_the_training_part(fitted, tmp_path):
    rows = fitted.sample(asked(90), context(tmp_path))
    assert rows.frame.label.tolist() == asked(90).label.tolist()
    assert check(rows.frame, {}, typed(mixed(), "label").schema) == []


@pytest.mark.parametrize("request_rows", [asked, nothing_asked])
def test_fewer_rows_are_a_prefix_of_more(fitted, tmp_path, request_rows):
    whole = fitted.sample(request_rows(1_100), context(tmp_path))
    for num_rows in (0, 1, 1_023, 1_024, 1_025):
        part = fitted.sample(request_rows(num_rows), context(tmp_path))
        assert part.equals(whole.take(slice(0, num_rows))), num_rows


def test_missing_values_come_back_where_there_were_some_and_nowhere_else(fitted, tmp_path):
    missing = fitted.sample(asked(1_000), context(tmp_path)).frame.isna().mean()
    assert 0 < missing["amount"] < 0.5
    assert not missing.drop("amount").any()


def test_values_stay_inside_the_training_range_and_keep_their_decimals(fitted, tmp_path):
    amounts = fitted.sample(asked(1_000), context(tmp_path)).frame.amount.dropna()
    assert amounts.between(mixed().amount.min(), mixed().amount.max()).all()
    assert np.array_equal(amounts.round(2), amounts)


@pytest.mark.parametrize("target", ["gain", None])
def test_target_without_classes_is_a_column_like_the_others(network, tmp_path, target):
    data = typed(mixed().drop(columns="label"), target)
    rows = learn(network, data, tmp_path).sample(nothing_asked(50), context(tmp_path))
    assert check(rows.frame, {}, data.schema) == []
    assert set(rows.frame["gain"]) != {0}


def test_column_that_rows_cannot_be_made_for_is_refused_by_name(fitted, tmp_path):
    with pytest.raises(DataError, match="'kind' cannot be given: only 'label'"):
        fitted.sample(asked(3).assign(kind="a"), context(tmp_path))


def test_data_with_nothing_beside_its_target_is_refused(network, tmp_path):
    with pytest.raises(DataError, match="no column beside its target"):
        learn(network, typed(mixed()[["label"]], "label"), tmp_path)


def test_rows_without_a_label_are_left_out(network, tmp_path):
    frame = mixed()
    frame.loc[::2, "label"] = None
    frame.loc[::2, "kind"] = "unlabelled"
    generator = learn(network, typed(frame, "label"), tmp_path, LONGER[network])
    rows = generator.sample(asked(200), context(tmp_path)).frame
    assert (rows.kind == "unlabelled").mean() < 0.5
    assert not rows.label.isna().any()


def test_class_of_one_row_can_be_asked_for(network, tmp_path):
    frame = mixed().assign(label=["rare"] + ["common"] * 59)
    generator = learn(network, typed(frame, "label"), tmp_path)
    rows = generator.sample(pd.DataFrame({"label": ["rare"] * 4}), context(tmp_path))
    assert rows.frame.label.tolist() == ["rare"] * 4


def test_loaded_generator_makes_the_same_rows(network, fitted, tmp_path):
    place = tmp_path / "state"
    place.mkdir()
    fitted.save(place)
    loaded = network.load(place, QUICK[network])
    assert loaded.sample(asked(30), context(tmp_path)).equals(fitted.sample(asked(30), context(tmp_path)))


def test_generator_that_has_made_rows_can_be_fitted_again(network, tmp_path):
    first, second = typed(mixed(60), "label"), typed(mixed(50), "label")
    generator = learn(network, first, tmp_path)
    generator.sample(asked(10), context(tmp_path))
    again = generator.fit(second, context(tmp_path)).sample(asked(10), context(tmp_path))
    assert again.equals(learn(network, second, tmp_path).sample(asked(10), context(tmp_path)))


@pytest.mark.slow
def test_columns_depend_on_each_other_as_they_did(network, tmp_path):
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
    generator = learn(network, typed(frame, "label"), tmp_path, network.Params())
    rows = generator.sample(nothing_asked(3_000), context(tmp_path)).frame
    assert rows[["x", "double"]].corr().iloc[0, 1] > 0.85  # the class alone gives 0.65, pieces at best 0.99
    assert ((rows.x > 0) == (rows.sign == "plus")).mean() > 0.93
    for shown in ("yes", "no"):
        assert rows.x[rows.label == shown].mean() == pytest.approx(frame.x[frame.label == shown].mean(), abs=0.15)
        assert rows.x[rows.label == shown].std() == pytest.approx(frame.x[frame.label == shown].std(), rel=0.15)
    assert (rows.label == "yes").mean() == pytest.approx(0.3, abs=0.04)
    once_more = generator.sample(nothing_asked(3_000), replace(context(tmp_path), seed=2)).frame
    assert not once_more.equals(rows)


WORDS = np.array(["yes", "no"] * 20)
ODD = {  # name -> columns and target
    "only numbers": ({"x": np.arange(40) / 7, "y": np.arange(40) ** 2 / 3}, None),
    "only categories": ({"a": WORDS, "b": WORDS[::-1], "label": WORDS}, "label"),
    "numeric target": ({"a": WORDS, "x": np.arange(40) / 7}, "x"),
    "constant": ({"same": [1.5] * 40, "word": ["so"] * 40, "label": WORDS}, "label"),
    "all missing": ({"none": pd.Series([None] * 40, dtype="float64"), "x": range(40), "label": WORDS}, "label"),
    "a category once": ({"kind": ["a"] * 39 + ["once"], "label": WORDS}, "label"),
    "odd names": ({"<b>x</b>": WORDS, "import os": range(40), "df['y']; 1": WORDS, "": WORDS}, "df['y']; 1"),
    "extremes": ({"wide": [-(2**63), 2**63 - 1, 0, 1] * 10, "huge": [1e300, -1e300, 5e-324, 0] * 10}, None),
    "50 rows": (mixed(50), "label"),
}


EVERY = pytest.mark.parametrize("every", [pytest.param(network, id=network.name) for network in QUICK])


@EVERY
@pytest.mark.parametrize(("columns", "target"), ODD.values(), ids=ODD)
def test_odd_tables_give_rows_that_are_as_they_were(every, tmp_path, columns, target):
    data = typed(pd.DataFrame(columns), target)
    generator = learn(every, data, tmp_path)
    rows = generator.sample(nothing_asked(60), context(tmp_path, train=data))
    assert check(rows.frame, {}, data.schema) == []
    assert valid_rows(rows.frame, {}, data.schema).all()
    for name, column in data.frame.items():
        known, made = column.dropna(), rows.frame[name].dropna()
        assert len(made) or not len(known)
        assert len(made) == 60 or len(known) < len(column)
        if data.schema.columns[name].type in ("number", "integer", "datetime"):
            assert made.between(known.min(), known.max()).all() or known.empty


@EVERY
def test_numbers_written_as_text_are_numbers_where_declared_so_and_refused_by_name_elsewhere(every, tmp_path):
    frame = pd.DataFrame({"x": [f"{n}.50" for n in range(40)], "label": WORDS})
    with pytest.raises(DataError, match="'x' is of type text"):
        learn(every, typed(frame, "label"), tmp_path)
    data = typed(frame, "label", x="number")
    rows = learn(every, data, tmp_path).sample(nothing_asked(60), context(tmp_path, train=data))
    assert rows.frame["x"].between(0.5, 39.5).all()


@EVERY
def test_a_label_that_no_training_row_has_is_refused(every, tmp_path):
    data = typed(mixed(), "label")
    with pytest.raises(DataError, match="'ugly'"):
        learn(every, data, tmp_path).sample(pd.DataFrame({"label": ["ugly"]}), context(tmp_path, train=data))


@pytest.mark.slow
@EVERY
def test_ten_thousand_categories_keep_their_frequencies(every, tmp_path):
    names = np.concatenate([np.arange(10_000), np.zeros(10_000, np.int64)])
    frame = pd.DataFrame({"name": pd.Series(names).map("n{}".format).astype("category"), "label": WORDS.repeat(500)})
    data = typed(frame.sample(frac=1, random_state=0).reset_index(drop=True), "label")
    rows = learn(every, data, tmp_path).sample(nothing_asked(2_000), context(tmp_path, train=data)).frame
    assert (rows["name"] == "n0").mean() == pytest.approx(0.5, abs=0.06)
    assert rows["name"].nunique() > 600
