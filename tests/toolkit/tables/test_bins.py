from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from example_data import typed
from hypothesis import given, settings
from hypothesis import strategies as st

from augment.data import Dataset
from augment.errors import DataError
from augment.toolkit.tables.bins import BinTable
from augment.toolkit.tables.column_bins import MAX_LABELS, NUM_FEATURES


def uniforms(codes, seed=0):
    return np.random.default_rng(seed).random(codes.shape)


def round_trip(data, **settings):
    table = BinTable.fit(data, **settings)
    codes = table.encode(data.frame)
    assert codes.dtype == np.int32
    assert (codes >= 0).all()
    assert (codes < table.num_bins).all()
    return table, codes, table.decode(codes, uniforms(codes))


def mixed(num_rows=400):
    rng = np.random.default_rng(3)
    return pd.DataFrame(
        {
            "amount": np.round(np.exp(rng.normal(7, 1, num_rows)), 2),
            "gain": np.where(rng.random(num_rows) < 0.8, 0, rng.integers(1, 90_000, num_rows)),
            "kind": rng.choice(["a", "b", "c"], num_rows),
            "yes": rng.random(num_rows) < 0.3,
            "on": pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 3_000, num_rows), unit="D"),
            "label": rng.integers(0, 3, num_rows),
        }
    )


def test_labels_booleans_and_integer_classes_come_back_as_they_were():
    data = typed(mixed(), target="label")
    _, _, decoded = round_trip(data)
    for name in ("kind", "yes", "label"):
        pd.testing.assert_series_equal(decoded[name], data.frame[name])


def test_few_different_numbers_come_back_to_the_bit():
    data = typed(pd.DataFrame({"x": np.tile([0.1, -1e300, 5e-324, 1e300], 30), "n": np.tile([-(2**63), 0, 7], 40)}))
    _, _, decoded = round_trip(data)
    pd.testing.assert_frame_equal(decoded, data.frame)


def test_decoded_rows_have_the_types_of_the_data():
    data = typed(mixed(), target="label")
    _, _, decoded = round_trip(data)
    assert decoded.dtypes.equals(data.frame.dtypes)


def test_a_number_lands_in_the_piece_that_it_came_from():
    data = typed(mixed(), target="label")
    table, codes, decoded = round_trip(data)
    assert np.array_equal(table.encode(decoded), codes)


def test_many_numbers_keep_their_distribution_inside_pieces():
    values = np.random.default_rng(0).lognormal(3, 1, 5_000)
    _, _, decoded = round_trip(typed(pd.DataFrame({"x": values})))
    shares = np.linspace(0.02, 0.98, 200)
    real, drawn = np.quantile(values, shares), np.quantile(decoded["x"], shares)
    assert np.abs(np.log(drawn / real)).max() < 0.05
    assert not set(decoded["x"]) & set(values)


def test_a_frequent_value_among_many_has_a_code_of_its_own():
    data = typed(mixed(), target="label")
    table, codes, decoded = round_trip(data)
    assert np.array_equal(decoded["gain"] == 0, data.frame["gain"] == 0)
    code = codes[np.argmax(data.frame["gain"] == 0), table.columns.index("gain")]
    assert table.features("gain")[code, 4] == 1.0


def test_numbers_keep_their_decimals_and_range_and_dates_their_unit():
    data = typed(mixed(), target="label")
    table = BinTable.fit(data)
    codes = np.repeat(table.encode(data.frame), 20, axis=0)
    decoded = table.decode(codes, uniforms(codes))
    assert np.array_equal(decoded["amount"], decoded["amount"].round(2))
    assert (decoded["on"].dt.normalize() == decoded["on"]).all()
    for name in ("amount", "gain", "on"):
        assert decoded[name].between(data.frame[name].min(), data.frame[name].max()).all()


def test_fewer_rows_make_fewer_bins():
    counts = [BinTable.fit(typed(mixed(num_rows)), ["amount"]).num_bins[0] for num_rows in (50, 400, 12_000)]
    assert counts[0] < counts[1] < counts[2] <= 101


def test_missing_values_are_a_code_of_their_own():
    frame = mixed().convert_dtypes().mask(np.random.default_rng(1).random((400, 6)) < 0.2)
    data = typed(frame, kind="category")
    table, codes, decoded = round_trip(data)
    pd.testing.assert_frame_equal(decoded.isna(), data.frame.isna())
    assert np.array_equal(codes == np.array(table.num_bins) - 1, data.frame.isna())


def test_a_column_without_any_value_stays_empty():
    data = typed(
        pd.DataFrame({"x": [None] * 9, "c": [None] * 9, "d": [None] * 9}), x="number", c="category", d="datetime"
    )
    table, _, decoded = round_trip(data)
    assert table.num_bins == [1, 1, 1]
    assert decoded.isna().all(axis=None)
    assert decoded.dtypes.equals(data.frame.dtypes)


def test_constant_columns_have_one_code():
    data = typed(pd.DataFrame({"x": [1.5] * 30, "c": ["only"] * 30}), c="category")
    table, _, decoded = round_trip(data)
    assert table.num_bins == [1, 1]
    pd.testing.assert_frame_equal(decoded, data.frame)
    assert np.isfinite(table.features("x")).all()


def test_declared_decimals_hold_for_every_number():
    data = typed(pd.DataFrame({"x": np.random.default_rng(0).normal(size=500)}))
    column = data.schema.columns["x"].model_copy(update={"decimals": 1})
    schema = data.schema.model_copy(update={"columns": {"x": column}})
    _, _, decoded = round_trip(Dataset(data.frame, {}, schema))
    assert np.array_equal(decoded["x"], decoded["x"].round(1))
    assert decoded["x"].nunique() > 30


def test_a_piece_of_few_rows_hardly_repeats_them():
    data = typed(pd.DataFrame({"x": np.random.default_rng(0).normal(size=40)}))
    table = BinTable.fit(data)
    codes = np.repeat(table.encode(data.frame), 50, axis=0)
    assert not set(table.decode(codes, uniforms(codes))["x"]) & set(data.frame["x"])


def test_one_row_comes_back():
    data = typed(mixed(1), kind="category")
    _, _, decoded = round_trip(data)
    pd.testing.assert_frame_equal(decoded, data.frame)


def test_no_rows_can_be_coded_and_decoded():
    table = BinTable.fit(typed(mixed(), target="label"))
    codes = table.encode(mixed(0))
    assert codes.shape == (0, 6)
    assert len(table.decode(codes, uniforms(codes))) == 0


def test_thousands_of_labels_share_a_code_among_the_rarest_and_keep_their_shares():
    rng = np.random.default_rng(0)
    labels = np.concatenate([np.repeat([f"often {n}" for n in range(500)], 20), [f"seldom {n}" for n in range(9_500)]])
    data = typed(pd.DataFrame({"c": rng.permutation(labels)}), c="category")
    table, _, decoded = round_trip(data)
    assert table.num_bins == [MAX_LABELS]
    is_often = data.frame["c"].astype("str").str.startswith("often")
    assert (decoded["c"][is_often] == data.frame["c"][is_often]).all()
    assert decoded["c"][~is_often].nunique() > 4_000
    assert table.rows("c").sum() == len(data)


def test_the_order_of_rows_does_not_matter():
    data = typed(pd.DataFrame({"c": [f"{n}" for n in range(3_000)]}), c="category")
    turned = data.take(np.arange(3_000)[::-1])
    assert BinTable.fit(data).to_state() == BinTable.fit(turned).to_state()


def test_an_unknown_number_goes_to_the_nearest_piece():
    table = BinTable.fit(typed(pd.DataFrame({"x": np.repeat([0.0, 10.0, 20.0], 40)})))
    assert table.encode(pd.DataFrame({"x": [-5.0, 4.0, 6.0, 1e308]}))[:, 0].tolist() == [0, 0, 1, 2]


def test_an_unknown_label_is_refused_in_words():
    table = BinTable.fit(typed(mixed(), target="label"))
    with pytest.raises(DataError, match=r"'kind' is 'z', which no training row has; known are a, b, c"):
        table.encode(pd.DataFrame({"kind": ["a", "z"]}), ["kind"])


def test_a_label_that_only_the_schema_knows_is_refused():
    data = typed(mixed(), target="label")
    table = BinTable.fit(data.take((data.frame["kind"] != "c").to_numpy()))
    with pytest.raises(DataError, match="'kind' is 'c', which no training row has"):
        table.encode(data.frame)


def test_a_missing_value_where_none_was_is_refused_in_words():
    table = BinTable.fit(typed(mixed(), target="label"))
    with pytest.raises(DataError, match="row 2: 'amount' is missing"):
        table.encode(pd.DataFrame({"amount": [1.0, None]}), ["amount"])


def test_a_value_in_a_column_without_any_is_refused_in_words():
    table = BinTable.fit(typed(pd.DataFrame({"x": [None, None]}), x="number"))
    with pytest.raises(DataError, match="row 1: 'x' has a value"):
        table.encode(pd.DataFrame({"x": [1.0]}))


@pytest.mark.parametrize("columns", [["missing"], ["note"]])
def test_columns_that_cannot_be_coded_are_refused(columns):
    with pytest.raises(DataError, match="must be one of"):
        BinTable.fit(typed(pd.DataFrame({"note": ["x", "y"]}), note="text"), columns)


def test_features_are_of_the_order_of_one_and_rise_with_the_value():
    table = BinTable.fit(typed(mixed(), target="label"))
    for name, num_codes in zip(table.columns, table.num_bins, strict=True):
        features = table.features(name)
        assert features.shape == (num_codes, NUM_FEATURES)
        assert np.abs(features).max() <= 10
    assert (np.diff(table.features("amount")[:, :2], axis=0) > 0).all()
    assert not table.features("kind")[:, :-1].any()


def test_state_brings_back_the_same_table():
    data = typed(mixed().convert_dtypes().mask(np.random.default_rng(1).random((400, 6)) < 0.2), kind="category")
    table, codes, decoded = round_trip(data)
    again = BinTable.from_state(json.loads(json.dumps(table.to_state(), allow_nan=False)))
    assert np.array_equal(again.encode(data.frame), codes)
    pd.testing.assert_frame_equal(again.decode(codes, uniforms(codes)), decoded)
    assert all(np.array_equal(again.features(name), table.features(name)) for name in table.columns)


NUMBERS = st.one_of(st.none(), st.floats(-1e300, 1e300), st.sampled_from([0.0, -0.5, 1e-9]))
INTEGERS = st.one_of(st.none(), st.integers(-(2**63), 2**63 - 1), st.integers(-3, 3))
DATES = st.one_of(st.none(), st.datetimes())


def test_a_value_with_a_bin_of_its_own_is_not_drawn_from_the_range_around_it():
    data = typed(pd.DataFrame({"n": pd.Series([0, 0, 1, 1, -1, 2], dtype="Int64")}), n="integer")
    table = BinTable.fit(data, max_bins=3)
    codes = table.encode(data.frame)
    for share in (0.0, 0.3, 0.5, 0.7, 0.99):
        assert np.array_equal(table.encode(table.decode(codes, np.full(codes.shape, share))), codes)


@settings(max_examples=60)
@given(
    rows=st.lists(st.tuples(NUMBERS, INTEGERS, DATES), min_size=1, max_size=40),
    max_bins=st.sampled_from([1, 3, 100]),
    share=st.floats(0, 1, exclude_max=True),
)
def test_whatever_the_values_they_stay_in_their_piece_and_in_range(rows, max_bins, share):
    numbers, integers, dates = zip(*rows, strict=True)
    frame = pd.DataFrame(
        {
            "x": pd.Series(numbers, dtype="float64"),
            "n": pd.Series(integers, dtype="Int64"),
            "d": pd.Series(dates, dtype="datetime64[us]"),
        }
    )
    data = typed(frame, x="number", n="integer", d="datetime")
    table = BinTable.fit(data, max_bins=max_bins)
    codes = table.encode(data.frame)
    decoded = table.decode(codes, np.full(codes.shape, share))
    assert np.array_equal(table.encode(decoded), codes)
    pd.testing.assert_frame_equal(decoded.isna(), data.frame.isna())
    for name in frame:
        present, made = data.frame[name].dropna(), decoded[name].dropna()
        assert made.between(present.min(), present.max()).all()
