from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from example_data import dataset

from augment.data import Dataset
from augment.plugin.context import Context
from augment_evidence.fidelity_tables import FidelityTables


def frame(num_rows, seed, share_yes=0.3):
    rng = np.random.default_rng(seed)
    yes = rng.random(num_rows) < share_yes
    x = rng.normal(size=num_rows) + 2 * yes
    out = pd.DataFrame(
        {
            "x": x,
            "y": x + 0.3 * rng.normal(size=num_rows),
            "n": pd.array(rng.integers(0, 100, num_rows), dtype="Int64"),
            "kind": np.where(x > 0, rng.choice(["a", "b"], num_rows), "c"),
            "day": pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(0, 1000, num_rows), unit="D"),
            "on": rng.random(num_rows) < 0.5,
            "label": np.where(yes, "yes", "no"),
        }
    )
    out.loc[::9, "n"] = pd.NA
    out.loc[::11, "kind"] = None
    return out


def of(rows, schema=None):
    return dataset(rows, target="label") if schema is None else Dataset.of(rows, {}, schema)


TRAIN = of(frame(1500, 0))
HOLDOUT = of(frame(500, 1), TRAIN.schema)


def score(rows, train=TRAIN, holdout=HOLDOUT, seed=3):
    found = FidelityTables().score(of(rows, train.schema), train, holdout, Context(seed=seed, folder=None))
    return {score.name: score for score in found}


def test_fresh_rows_score_about_what_the_hold_out_scores():
    scores = score(frame(1500, 2))
    for name in ("column shapes", "pair trends"):
        assert scores[name].value == pytest.approx(scores[name].detail["reference"]["hold-out"], abs=0.03)
        assert scores[name].value > 0.9
    assert scores["exact copies"].value == 0


def test_copies_score_about_what_the_bootstrap_scores_and_are_named_copies():
    rows = TRAIN.frame.iloc[np.random.default_rng(0).integers(0, 1500, 1500)]
    scores = score(rows)
    reference = scores["column shapes"].detail["reference"]
    assert scores["column shapes"].value == pytest.approx(reference["bootstrap"], abs=0.02)
    assert scores["exact copies"].value == 1
    assert scores["exact copies"].detail["reference"] == {"hold-out": 0}


def test_columns_shuffled_on_their_own_keep_shapes_and_lose_trends():
    rows, rng = frame(1500, 2), np.random.default_rng(0)
    shuffled = pd.DataFrame({name: rng.permutation(rows[name].to_numpy(dtype=object)) for name in rows})
    before, after = score(rows), score(shuffled)
    assert after["pair trends"].value < before["pair trends"].value - 0.05
    assert next(iter(after["pair trends"].detail["worst"])) == "x × y"


def test_a_shifted_column_is_named_by_its_own_number():
    rows = frame(1500, 2)
    scores = score(rows.assign(x=rows["x"] + 10))
    columns = scores["column shapes"].detail["columns"]
    assert columns["x"] < 0.1
    assert min(value for name, value in columns.items() if name != "x") > 0.9


def test_the_classes_that_were_asked_for_do_not_count_against_a_generator():
    minority = frame(4000, 2).query("label == 'yes'")
    scores = score(minority)
    assert scores["column shapes"].value > 0.93
    assert scores["pair trends"].value > 0.93
    assert "label" not in scores["column shapes"].detail["columns"]


def test_all_missing_and_unknown_values_are_scored_low_and_not_fatal():
    rows = frame(300, 2)
    rows["kind"] = "never seen"
    rows["n"] = pd.array([pd.NA] * 300, dtype="Int64")
    columns = score(rows)["column shapes"].detail["columns"]
    assert columns["kind"] == pytest.approx(0, abs=1e-9)
    assert columns["n"] < 0.2


@pytest.mark.parametrize("num_rows", [1, 2])
def test_very_few_rows_are_scored(num_rows):
    assert set(score(frame(num_rows, 2))) == {"column shapes", "pair trends", "exact copies"}


def test_no_rows_and_no_hold_out_are_no_error():
    assert score(frame(0, 2)) == {}
    scores = score(frame(100, 2), holdout=HOLDOUT.take(slice(0, 0)))
    assert set(scores["pair trends"].detail["reference"]) == {"bootstrap"}


def test_rows_that_leave_a_part_out_cover_less_than_held_out_rows_do():
    whole, rows = score(frame(1500, 2)), frame(3000, 2)
    part = score(rows[rows["x"] < 0])
    expected = whole["coverage"].detail["reference"]["hold-out"]
    assert whole["coverage"].value == pytest.approx(expected, abs=0.05)
    assert part["coverage"].value < part["coverage"].detail["reference"]["hold-out"] - 0.2


def test_rows_that_lie_where_no_real_ones_are_have_no_density():
    rows = frame(1500, 2)
    far = score(rows.assign(x=rows["x"] + 50, y=rows["y"] - 50))
    assert far["density"].value < 0.1 * far["density"].detail["reference"]["hold-out"]


def test_a_class_that_the_hold_out_lacks_leaves_out_its_reference():
    only_no = HOLDOUT.take(HOLDOUT.frame["label"].to_numpy() == "no")
    scores = score(frame(400, 2, share_yes=1.0), holdout=only_no)
    assert set(scores["column shapes"].detail["reference"]) == {"bootstrap"}


def test_a_single_column_and_a_table_without_classes_are_scored():
    rows = pd.DataFrame({"x": np.arange(50.0)})
    train = dataset(rows)
    [shapes, _, _, copies] = FidelityTables().score(train, train, train, Context(seed=0, folder=None))
    assert (shapes.value, copies.value) == (pytest.approx(1), 1)


def test_scores_are_the_same_each_time_and_plain_json():
    first, second = score(frame(300, 2)), score(frame(300, 2))
    assert first == second
    json.dumps([dict(found.detail) for found in first.values()], allow_nan=False)


def test_many_columns_are_scored_on_a_sample_of_their_pairs():
    rng = np.random.default_rng(0)
    rows = pd.DataFrame(rng.normal(size=(60, 80)), columns=[f"c{i}" for i in range(80)])
    train = dataset(rows)
    assert FidelityTables().score(train, train, train, Context(seed=0, folder=None))[1].value == pytest.approx(1)
