from __future__ import annotations

import json

import pytest

from augment.plugin import MeasuredGain, read_gains


def test_figures_are_read_in_the_order_of_the_attributes(tmp_path):
    row = ["smote", "roc_auc", True, -0.004, 0.01, 14, 350, None]
    (tmp_path / "gains.json").write_text(json.dumps({"made by": "me", "gains": {"trees": [row]}}))
    expected = MeasuredGain("smote", "roc_auc", lopsided=True, mean=-0.004, spread=0.01, tables=14, min_rows=350)
    assert read_gains(tmp_path / "gains.json") == {"trees": (expected,)}


@pytest.mark.parametrize(
    ("counts", "concerns"),
    [
        ({"a": 100, "b": 49}, True),
        ({"a": 100, "b": 50}, False),  # not lopsided
        ({"a": 50, "b": 49}, False),
        ({"a": 100, "b": 49, "c": 0}, True),  # a class without rows is none
        ({"a": 60, "b": 29}, False),  # too few rows
        ({"a": 900, "b": 301}, False),  # too many
    ],
)
def test_a_figure_concerns_data_of_its_balance_and_size(counts, concerns):
    gain = MeasuredGain("smote", "roc_auc", True, 0.01, 0.01, 14, min_rows=100, max_rows=1200)
    assert gain.concerns("roc_auc", counts) is concerns
    assert not gain.concerns("log_loss", counts)
