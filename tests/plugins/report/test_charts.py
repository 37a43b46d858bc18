import re

import numpy as np
import pandas as pd
import pytest
from example_data import dataset
from hypothesis import given
from hypothesis import strategies as st

from augment_report import charts
from augment_report.columns import compare_columns
from augment_report.formatting import number, percent

finite = st.floats(-1e12, 1e12, allow_nan=False).map(lambda value: 0.0 if abs(value) < 1e-9 else value)


@given(st.lists(finite, min_size=1, max_size=6))
def test_axis_holds_its_values_and_some_ticks(values):
    scale = charts.Scale.around(values)
    assert all(0 < scale.share(value) < 1 for value in values)
    ticks, _ = scale.ticks()
    assert 1 <= len(ticks) <= 8
    assert all(scale.low <= tick <= scale.high for tick in ticks)


@given(finite)
def test_numbers_are_within_half_a_percent_of_what_they_say(value):
    text = number(value).replace("−", "-").replace(",", "")
    assert float(text) == pytest.approx(value, rel=0.00501)


@given(st.floats(0, 1))
def test_percent_never_says_more_than_a_tenth_too_much(share):
    text = percent(share).removesuffix("\u00a0%").removeprefix("<\u00a0")
    assert abs(float(text) - 100 * share) <= 0.1


def test_forest_row_puts_point_between_the_ends_of_its_interval():
    row = charts.forest_row(charts.Scale(-1, 1), 0.5, [0.0, 1.0], [], "synthetic", "row")
    assert 'x1="50.00%" x2="100.00%"' in row
    assert 'cx="75.00%"' in row


def test_label_of_a_plot_is_escaped():
    assert "&lt;b&gt;&#34;" in charts.bars([[("real", 0.5)]], '<b>"')


def test_bars_stand_end_to_end():
    row = charts.bars([[("real", 0.25), ("synthetic", 0.5), ("none", 0.0)]], "row")
    assert re.findall(r'x="([\d.]+)%" width="([\d.]+)%"', row) == [("0.00", "25.00"), ("25.00", "50.00")]


def test_histogram_of_nothing_is_flat():
    assert "nan" not in charts.histogram(np.zeros(3), np.zeros(3), "flat")


def test_curve_of_one_point_is_drawn():
    assert "nan" not in charts.lines([(np.array([1.0]), np.array([2.0]))], "one")


def test_gap_of_equal_columns_is_zero_and_of_disjoint_ones_is_one():
    real = dataset(pd.DataFrame({"x": [1.0, 2.0] * 10, "kind": ["a", "b"] * 10}))
    other = dataset(pd.DataFrame({"x": [5.0, 6.0] * 10, "kind": ["c", "d"] * 10}))
    assert [card["gap"] for card in compare_columns(real, real, real.schema)] == [0.0, 0.0]
    assert [card["gap"] for card in compare_columns(real, other, real.schema)] == pytest.approx([1.0, 1.0])


def test_a_long_tail_is_drawn_on_a_logarithmic_scale():
    rng = np.random.default_rng(0)
    tail = np.exp(2 * rng.normal(size=500))
    frame = pd.DataFrame({"price": tail, "size": rng.random(500) + 1, "balance": tail - 1})
    frame["day"] = pd.Timestamp("1970-01-02") + pd.to_timedelta(100 * tail, "D")
    data = dataset(frame)
    cards = {card["name"]: card for card in compare_columns(data, data, data.schema)}
    assert {name: card["scale"] for name, card in cards.items()} == {
        "price": "logarithmic scale",
        "size": "",
        "balance": "",
        "day": "",
    }


def test_a_few_far_values_do_not_press_the_others_into_one_bin():
    data = dataset(pd.DataFrame({"x": [*np.linspace(-1.0, 1.0, 999), 1e6], "y": np.linspace(0.0, 1.0, 1000)}))
    (x, y) = compare_columns(data, data, data.schema)
    assert (x["high"][:2], y["high"]) == ("≥ ", "1")
