from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from augment.data import Column, ColumnDeclaration, SchemaDeclaration, infer, observe
from augment.data.snapping import learn_step, learn_values, snap
from augment.errors import DataError

RNG = np.random.default_rng(5)
N = 400


def _learned(data, /, **said):
    """The column as it is after `observe`, and the notes on it."""
    frame = pd.DataFrame({"x": data})
    schema, notes = observe(infer(frame, {}, SchemaDeclaration(columns={"x": ColumnDeclaration(**said)})), frame)
    return schema.columns["x"], notes


def _gaps(values):
    return np.where(np.arange(len(values)) % 7 == 0, np.nan, values)


HUNDREDS = RNG.integers(50, 5000, N) * 100
HALVES = RNG.integers(2, 40, N) / 2


@pytest.mark.parametrize(
    ("values", "step"),
    [
        (HUNDREDS, 100.0),
        (_gaps(HUNDREDS), 100.0),
        (-HUNDREDS, 100.0),
        (HALVES, 0.5),
        ((RNG.integers(1, 400, N) * 0.05).round(2), 0.05),
        (np.append(HUNDREDS[:-1], 150), 50.0),
        (np.append(HUNDREDS[:-1], 151), None),
        (HUNDREDS[:99], None),
        (np.where(np.arange(N) < 301, 0, HUNDREDS), None),  # 99 that are not 0
        (RNG.integers(1, 10, N) * 100, None),  # 9 that differ
        (RNG.normal(size=N), None),
        (RNG.integers(0, 2**62, N) * 2, 2.0),
    ],
    ids=["hundreds", "gaps", "negative", "halves", "twentieths", "a finer one", "one other", "few rows", "zeros", "few",
         "no last decimal", "huge"],
)  # fmt: skip
def test_a_step_is_learned_where_enough_values_keep_it(values, step):
    column, notes = _learned(values)
    assert column.step == step
    assert any("multiples of" in note for note in notes) is (step is not None)


CODES = 10_000 + RNG.choice(250, 170, replace=False)
QUANTITIES = {
    "ages": np.rint(RNG.normal(45, 12, 2000)),
    "rounded ages": np.where(
        RNG.random(2000) < 0.7, 5 * np.rint(RNG.normal(9, 2.4, 2000)), RNG.normal(45, 12, 2000) // 1
    ),
    "counts": RNG.poisson(3, 2000),
    "days": RNG.geometric(0.05, 2000),
    "two groups": np.where(RNG.random(2000) < 0.5, RNG.normal(100, 5, 2000), RNG.normal(1000, 5, 2000)) // 1,
    "amounts": np.exp(RNG.normal(4, 1, 2000)) // 1,
}


def test_codes_keep_to_those_that_were_seen():
    values = RNG.choice(CODES, 1000)
    column, notes = _learned(values)
    assert column.values == tuple(np.unique(values))
    assert "column 'x' looks like one of codes" in notes[0]
    assert _learned(values[:90])[0].values is None
    assert _learned(RNG.choice(CODES * 10, 1000))[0].values is None  # a step says the same with less


@pytest.mark.parametrize("name", QUANTITIES)
def test_quantities_are_taken_for_quantities(name):
    values = pd.Series(QUANTITIES[name].astype(np.int64))
    assert learn_values(Column(type="integer"), values) is None
    assert learn_step(Column(type="integer"), values) is None


def test_what_is_declared_of_values_wins():
    assert _learned(HUNDREDS, step="any")[0].step == "any"
    assert _learned(HUNDREDS, step=50)[0].step == 50
    assert _learned(RNG.choice(CODES, 1000), values="any")[0].values == "any"
    assert _learned([3, 1, 3], values="seen")[0].values == (1, 3)
    assert _learned([0.5, None], values="seen")[0].values == (0.5,)
    assert _learned(HUNDREDS, values=(100, 200))[0].step is None


@pytest.mark.parametrize(
    ("values", "said", "message"),
    [
        (["a", "a"], {"step": 2}, "has `step`, and its type is category"),
        (["a", "a"], {"values": "seen"}, "has `values`, and its type is category"),
        ([1, 2], {"step": 0.5}, "0.5 in `step` or `values`, which is not an integer"),
        ([1, 2], {"values": (1, 2.5)}, "2.5 in `step` or `values`, which is not an integer"),
        ([1, 2], {"values": ()}, "no `values`"),
        ([1, 2], {"step": 1, "values": "seen"}, "both `step` and `values`"),
    ],
    ids=["step of labels", "values of labels", "half steps", "half values", "none", "both"],
)
def test_what_cannot_be_declared_of_values_is_refused(values, said, message):
    with pytest.raises(DataError, match=message):
        _learned(values, **said)


@pytest.mark.parametrize(
    ("said", "values", "snapped"),
    [
        ({"type": "integer", "step": 100}, [149, 150, -149, 2**63 - 1], [100, 200, -100, 9223372036854775800]),
        ({"type": "number", "step": 0.05}, [0.13, 0.149, -0.13], [0.15, 0.15, -0.15]),
        ({"type": "number", "step": 100, "min": 30, "max": 170}, [31, 165, 20, 180], [100, 100, 0, 200]),
        ({"type": "integer", "step": 100, "min": 30, "max": 170}, [31, 165, 20, 180], [100, 100, 0, 200]),
        ({"type": "integer", "values": (7, 1, 100)}, [-5, 3, 5, 60, 500], [1, 1, 7, 100, 100]),
        ({"type": "number", "values": (0.5,)}, [3.0], [0.5]),
        ({"type": "integer", "step": "any", "values": "any"}, [3], [3]),
    ],
    ids=["integers", "numbers", "bounds", "bounds of integers", "values", "one value", "any"],
)
def test_numbers_become_the_nearest_that_the_column_takes(said, values, snapped):
    column = Column(**said)
    dtype = "int64" if column.type == "integer" else "float64"
    assert snap(pd.Series(values, dtype=dtype), column).tolist() == snapped
    gaps = pd.Series([*values, None], dtype=dtype.capitalize() if dtype == "int64" else dtype)
    assert snap(gaps, column).dropna().tolist() == snapped
