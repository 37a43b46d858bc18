from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from augment.data import Dataset
from augment.errors import DataError, SpecError
from augment.plan.new_ids import NewIds
from augment.runner.prepare import prepare
from augment.runner.session import opened

pytestmark = pytest.mark.usefixtures("fakes")


@pytest.fixture
def prepared(spec, tmp_path):
    """Prepares a frame; returns what `prepare` says and the four datasets that it made."""

    def prepared(frame, target="label", **sections):
        frame.to_csv(tmp_path / "data.csv", index=False)
        sections = {"schema": {"target": target} if target else {}, **sections}
        path = spec(source={"use": "csv", "with": {"path": "data.csv"}}, **sections)
        with opened(path, workers=0) as (session, resolved):
            found = prepare(session, resolved)
            names = ("train", "test", "train_written", "test_written")
            # copied: the scratch folder that they are mapped from is about to go
            return found, {name: Dataset.load(getattr(found, name)).take(slice(None)) for name in names}

    return prepared


@pytest.fixture
def frame():
    rng = np.random.default_rng(2)
    return pd.DataFrame({"id": range(500, 540), "x": rng.normal(size=40).round(3), "label": ["a", "b", "b", "b"] * 10})


def test_ids_are_hidden_from_components_and_written(prepared, frame):
    found, parts = prepared(frame)
    assert list(parts["train"].frame.columns) == ["x", "label"]
    assert parts["train_written"].frame["id"].tolist() == frame["id"].iloc[found.cut.train].tolist()
    assert parts["test_written"].frame["id"].tolist() == frame["id"].iloc[found.cut.test].tolist()
    assert found.new_ids == {"id": NewIds(type="integer", first=540)}


def test_both_parts_keep_the_proportions_of_the_classes(prepared, frame):
    _, parts = prepared(frame)
    assert parts["test"].frame["label"].value_counts().to_dict() == {"b": 6, "a": 2}


def test_stratifying_can_be_turned_off_or_done_by_another_column(prepared, frame):
    by_town = frame.assign(town=["p", "q"] * 20)
    _, parts = prepared(by_town, split={"stratify": "town"})
    assert parts["test"].frame["town"].value_counts().to_dict() == {"p": 4, "q": 4}
    found, _ = prepared(frame, split={"stratify": False})
    assert found.num_test == 8


def test_categories_are_those_of_the_training_part(prepared, frame):
    late = frame.assign(town=["p"] * 39 + ["unseen"], t=range(40))
    _, parts = prepared(late, split={"time": "t"})
    assert parts["train"].schema.columns["town"].categories == ("p",)
    assert "unseen" in parts["test"].frame["town"].tolist()


def test_the_training_part_is_kept_by_its_content(prepared, frame, store):
    found, _ = prepared(frame)
    assert found.train == store / "objects" / found.key
    again, _ = prepared(frame, split={"holdout": 0.3})
    assert again.key != found.key


def test_what_is_declared_wins_over_what_is_inferred(prepared, frame):
    columns = {"x": {"type": "number", "unit": "mm", "max": 9.5}, "id": {"type": "integer"}}
    found, parts = prepared(frame, schema={"target": "label", "columns": columns})
    x = parts["train"].schema.columns["x"]
    assert (x.unit, x.max) == ("mm", 9.5)
    assert found.new_ids == {}
    assert "id" in parts["train"].frame


def test_what_is_declared_anew_wins_over_the_kept_training_part(prepared, frame):
    for bound in (None, 0.0):
        _, parts = prepared(frame, schema={"target": "label", "columns": {"x": {"type": "number", "min": bound}}})
        assert parts["train"].schema.columns["x"].min == bound


def test_a_step_that_a_transform_breaks_is_forgotten_unless_declared(prepared):
    x = np.where(np.arange(200) % 9 == 0, np.nan, np.arange(200) % 40 * 100 + 100)
    frame = pd.DataFrame({"x": x, "label": ["a", "b"] * 100})
    numbers = {"use": "impute", "with": {"numbers": "median"}}
    constant = {"use": "impute", "with": {"numbers": "constant", "constant": 5}}
    for transforms, declared, step in (
        ([], {}, 100),
        ([numbers], {}, 100),
        ([constant], {}, None),
        ([constant], {"x": {"step": 100}}, 100),
    ):
        schema = {"target": "label", "columns": declared}
        _, parts = prepared(frame, transforms=transforms, schema=schema)
        assert {part.schema.columns["x"].step for part in parts.values()} == {step}


def test_transforms_are_fitted_on_the_training_part_and_applied_to_both(prepared, frame):
    gaps = frame.assign(x=frame["x"].where(frame["x"] > -1), t=range(40))
    gaps.loc[35:, "x"] = np.nan
    found, parts = prepared(gaps, transforms=["impute"], split={"time": "t"})
    median = gaps["x"].iloc[found.cut.train].median()
    assert parts["test"].frame["x"].iloc[-1] == pytest.approx(median, abs=1e-3)
    assert not parts["train_written"].frame["x"].hasnans
    assert found.schema.columns["x"].nullable is False


def test_a_note_says_what_deserves_a_look(prepared, frame):
    found, _ = prepared(frame.assign(same=1.5))
    assert any("column 'same' is constant" in note for note in found.notes)
    assert any("column 'id' is taken for an id" in note for note in found.notes)


@pytest.mark.parametrize(
    ("change", "error", "says"),
    [
        ({"label": ["a"] * 40}, DataError, r"target 'label' is 'a' in all 40 rows"),
        (
            {"label": [None, *["a", "b", "b"] * 13]},
            DataError,
            r"missing in 1 of 40 rows, first in data row 1;.*missing_target: drop",
        ),
        ({"origin": ["p", "q"] * 20}, SpecError, r"the data has a column 'origin' already; write `origin_column:"),
    ],
)
def test_data_that_cannot_be_prepared(prepared, frame, change, error, says):
    with pytest.raises(error, match=says):
        prepared(frame.assign(**change))


@pytest.mark.parametrize("dedupe", ["keep", "drop"])
def test_rows_without_a_target_are_left_out_where_that_is_said(prepared, frame, dedupe):
    frame = pd.concat([frame.assign(label=[None, *frame["label"][1:-1], None], n=[1, *range(1, 40)]), frame[3:4]])
    found, parts = prepared(frame, split={"missing_target": "drop", "dedupe": dedupe})
    assert (found.num_read, found.num_without_target) == (41, 2)
    assert "2 of 41 rows have no target and were left out" in found.notes
    assert {0, 39} <= {*found.cut.dropped}
    assert np.sort(np.concatenate([found.cut.train, found.cut.test, found.cut.dropped])).tolist() == list(range(41))
    for part in ("train", "test"):
        rows = getattr(found.cut, part)
        assert parts[f"{part}_written"].frame["x"].tolist() == frame["x"].iloc[rows].tolist()
        assert not parts[part].frame["label"].hasnans


def test_where_all_rows_have_a_target_none_is_left_out(prepared, frame):
    found, _ = prepared(frame, split={"missing_target": "drop"})
    assert (found.num_without_target, found.cut.dropped.tolist()) == (0, [])
    assert not any("left out" in note for note in found.notes)


def test_a_target_without_any_value_is_refused(prepared, frame):
    with pytest.raises(DataError, match="missing in 40 of 40 rows"):
        prepared(frame.assign(label=np.nan), split={"missing_target": "drop"})


@pytest.mark.parametrize("kind", ["id", "text"])
def test_a_target_of_no_classes_or_numbers_is_refused(prepared, frame, kind):
    with pytest.raises(DataError, match=rf"target 'id' is of type {kind}, and models predict .*; declare what it is"):
        prepared(frame, schema={"target": "id", "columns": {"id": {"type": kind}}})


def test_a_split_by_a_column_that_is_not_there_is_refused(prepared, frame):
    with pytest.raises(SpecError, match=r"split\.group: there is no column 'idd'; did you mean 'id'"):
        prepared(frame, split={"group": "idd"})


@pytest.mark.parametrize("score", ["accuraccy", "r2"])
def test_a_score_that_does_not_fit_is_left_to_those_who_refuse_it(prepared, frame, score):
    found, _ = prepared(frame, trial={"score": score})
    assert not any("is likely to be seen" in note for note in found.notes)
