from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest

from augment.data import Dataset, Schema, infer, observe
from augment.plan.chunks import PlanRow
from augment.plan.repeats import Repeats
from augment.toolkit.tables.possible_rows import count_possible_rows

GRID = pd.DataFrame(list(itertools.product("abcd", "abc", "abc")), columns=list("pqr"))  # 36 rows, all different


def _data(frame: pd.DataFrame) -> Dataset:
    label = np.where(np.arange(len(frame)) % 9 == 0, "yes", "no")
    frame = frame.assign(label=label)
    schema = infer(frame).model_copy(update={"target": "label"})
    return Dataset.of(frame, {}, observe(Schema.model_validate(schema.model_dump()), frame)[0])


def _reason(frame: pd.DataFrame, label: str, rows: int, moved: bool = False) -> str:
    plan = [PlanRow("g", 0, rows, ((label, rows),) if label else ())]
    return Repeats(_data(frame)).reasons(plan, {"g": moved}).get(("g", label), "")


WIDE = pd.DataFrame(np.random.default_rng(0).integers(0, 3, (90, 12)).astype(str)).rename(columns="c{}".format)
NUMBERS = pd.DataFrame(np.random.default_rng(0).normal(size=(90, 2)), columns=["x", "y"])
REPEATED = pd.concat([NUMBERS[:45], NUMBERS[:45]], ignore_index=True)


@pytest.mark.parametrize(
    ("frame", "label", "rows", "moved", "reason"),
    [
        # the four rows "yes" have all of p, and the first of q and r: 4 combinations
        (GRID, "yes", 2, False, ""),
        (GRID, "yes", 4, False, "4 different rows are possible"),
        (GRID, "", 8, False, ""),  # 28 pairs of 72 possible rows, the label among them
        (GRID, "", 13, False, "72 different rows are possible"),
        (GRID.assign(n=range(36)), "", 13, False, ""),  # 36 values of n
        (WIDE, "yes", 50, False, ""),
        (WIDE, "yes", 50, True, "10 real rows are moved by whole steps"),
        (NUMBERS, "yes", 5000, True, ""),
        (NUMBERS.round(1), "yes", 5000, False, "different rows are possible"),
        (REPEATED, "no", 100, False, "real rows repeat as well"),
        (REPEATED, "no", 2, False, ""),
        (GRID[:9], "yes", 100, True, ""),  # one row shows nothing
    ],
    ids=lambda value: "" if isinstance(value, pd.DataFrame) else str(value) or "none",
)
def test_rows_may_repeat_where_a_pair_of_real_rows_would(frame, label, rows, moved, reason):
    found = _reason(frame, label, rows, moved)
    assert found.endswith(reason) if reason else found == ""


@pytest.mark.parametrize(
    ("values", "decimals", "number"),
    [
        (["a", "a", "b", "b", None], None, 3),
        ([1, 5] * 20, None, 2),
        ([1, 5] * 19, None, 5),
        ([0.5, 1.0], 1, 6),
        ([0.5, 1.0], None, float("inf")),
        ([None, None], None, 1),
        (["2020-01-01", "2020-01-02"], None, float("inf")),
    ],
    ids=["labels", "few numbers", "numbers", "decimals", "no last decimal", "nothing", "dates"],
)
def test_values_that_a_column_can_hold_are_counted(values, decimals, number):
    values = pd.Series(values)
    if values.astype(str).str.match("2020").any():
        values = values.astype("datetime64[us]")
    schema = infer(values.to_frame("x"))
    column = schema.columns["x"].model_copy(update={"decimals": decimals})
    assert count_possible_rows(Dataset(values.to_frame("x"), {}, Schema(columns={"x": column}))) == number


def test_only_the_rows_asked_about_are_counted_and_no_further_than_matters():
    data = _data(GRID)
    assert count_possible_rows(data, np.array(data.frame["p"] == "a")) == 3 * 3 * 2
    wide = _data(pd.DataFrame({f"x{number}": np.arange(100) * 7919 for number in range(4)}))
    assert count_possible_rows(wide) == float("inf")  # 784,000 to the power of 4 and more


def test_all_generators_of_a_class_count_together():
    plan = [PlanRow(name, 0, 2, (("yes", 2),)) for name in ("one", "two")]
    repeats = Repeats(_data(GRID))
    assert repeats.reasons(plan[:1], {"one": False}) == {}
    assert set(repeats.reasons(plan, {"one": False, "two": False})) == {("one", "yes"), ("two", "yes")}
