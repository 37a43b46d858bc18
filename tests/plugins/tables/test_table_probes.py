from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from augment.data import Dataset, Schema, SchemaDeclaration, infer, observe
from augment.errors import DataError
from augment.plugin.context import Context
from augment_tables.table_probes import MAX_CATEGORIES, Boosting, Logistic

PROBES = [Boosting, Logistic]


def rows(num_rows: int = 300, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "x": rng.normal(size=num_rows),
            "n": pd.array(rng.integers(0, 9, num_rows), dtype="Int64"),
            "c": rng.choice(["red", "green"], num_rows),
            "b": pd.array(rng.random(num_rows) < 0.5, dtype="boolean"),
            "d": pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 99, num_rows), unit="D"),
            "t": [f"text {i}" for i in range(num_rows)],
        }
    )
    score = frame.x + (frame.c == "red") + rng.normal(0, 0.3, num_rows)
    frame["y"] = np.select([score < 0, score < 1], ["low", "middle"], "high")
    frame["z"] = score
    frame.loc[::7, ["x", "n", "c", "b", "d"]] = None
    return frame


def observed(frame: pd.DataFrame, target: str = "y", schema: Schema | None = None, arrays=None) -> Dataset:
    if schema is None:
        frame = frame.drop(columns=[name for name in ("y", "z") if name in frame and name != target])
        inferred = infer(frame, arrays, SchemaDeclaration(target=target))
        schema = observe(inferred, Dataset.of(frame, arrays, inferred).frame)[0]
    return Dataset.of(frame, arrays, schema)


def fitted(probe: type, data: Dataset, folder: Path, seed: int = 0, weights=None, **params):
    return probe(probe.Params(**params)).fit(data, Context(seed=seed, folder=folder), weights)


@pytest.mark.parametrize("probe", PROBES)
def test_classes_are_told_apart_on_rows_that_were_not_fitted(probe: type, tmp_path: Path) -> None:
    train = observed(rows())
    fresh = observed(rows(seed=1), schema=train.schema)
    probabilities = fitted(probe, train, tmp_path).predict(fresh.drop_columns(["y"]))
    assert probabilities.shape == (300, 3)
    assert np.allclose(probabilities.sum(axis=1), 1)
    guesses = np.array(train.schema.classes)[probabilities.argmax(axis=1)]
    assert (guesses == fresh.frame.y.astype(str)).mean() > 0.7


@pytest.mark.parametrize("probe", PROBES)
def test_a_numeric_target_gets_values(probe: type, tmp_path: Path) -> None:
    train = observed(rows(), "z")
    fresh = observed(rows(seed=1), schema=train.schema)
    values = fitted(probe, train, tmp_path).predict(fresh.drop_columns(["z"]))
    assert values.shape == (300,)
    assert np.corrcoef(values, fresh.frame.z)[0, 1] > 0.8


@pytest.mark.slow
@pytest.mark.parametrize("probe", PROBES)
@pytest.mark.parametrize("target", ["y", "z"])
def test_the_same_seed_gives_the_same_numbers(probe: type, target: str, tmp_path: Path) -> None:
    data = observed(rows(), target)
    first, again = (fitted(probe, data, tmp_path, seed=3).predict(data) for _ in range(2))
    assert first.tobytes() == again.tobytes()


@pytest.mark.parametrize("probe", PROBES)
def test_a_class_without_training_rows_gets_probability_zero_in_its_place(probe: type, tmp_path: Path) -> None:
    data = observed(rows())
    assert data.schema.classes == ("high", "low", "middle")
    part = data.take((data.frame.y != "low").to_numpy())
    probabilities = fitted(probe, part, tmp_path).predict(data)
    assert (probabilities[:, 1] == 0).all()
    assert np.allclose(probabilities.sum(axis=1), 1)
    assert (probabilities[(data.frame.y == "high").to_numpy()].argmax(axis=1) == 0).mean() > 0.8


@pytest.mark.parametrize("probe", PROBES)
def test_a_single_class_is_certain(probe: type, tmp_path: Path) -> None:
    data = observed(rows())
    part = data.take((data.frame.y == "low").to_numpy())
    assert (fitted(probe, part, tmp_path).predict(data) == [0, 1, 0]).all()


@pytest.mark.parametrize("probe", PROBES)
def test_weights_move_the_odds(probe: type, tmp_path: Path) -> None:
    data = observed(rows())
    heavy = np.where(data.frame.y == "low", 50.0, 1.0)
    plain = fitted(probe, data, tmp_path, max_iter=20 if probe is Boosting else 500).predict(data)[:, 1].mean()
    weighed = fitted(probe, data, tmp_path, weights=heavy, max_iter=20 if probe is Boosting else 500)
    assert weighed.predict(data)[:, 1].mean() > plain + 0.02


@pytest.mark.parametrize("probe", PROBES)
def test_rows_without_a_target_are_left_out(probe: type, tmp_path: Path) -> None:
    data = observed(rows())
    frame = data.frame.copy()
    frame.loc[:49, "y"] = None
    gappy = Dataset.of(frame, {}, data.schema)
    weights = np.arange(300) + 1.0
    predictions = [
        fitted(probe, part, tmp_path, weights=part_weights).predict(data)
        for part, part_weights in ((gappy, weights), (data.take(slice(50, None)), weights[50:]))
    ]
    assert predictions[0].tobytes() == predictions[1].tobytes()
    frame["y"] = pd.Categorical([None] * 300, categories=data.schema.classes)
    with pytest.raises(DataError, match="no training row has a value in the target 'y'"):
        fitted(probe, Dataset.of(frame, {}, data.schema), tmp_path)


@pytest.mark.parametrize("probe", PROBES)
@pytest.mark.parametrize("labels", [[0, 1], [True, False]], ids=["integers", "booleans"])
def test_other_kinds_of_labels_work(probe: type, labels: list, tmp_path: Path) -> None:
    frame = rows()
    frame["y"] = np.where(frame.y == "low", labels[1], labels[0])
    data = observed(frame)
    probabilities = fitted(probe, data, tmp_path).predict(data)
    column = data.schema.classes.index(str(labels[1]))
    truth = (frame.y == labels[1]).to_numpy()
    assert probabilities[truth, column].mean() > probabilities[~truth, column].mean() + 0.4


@pytest.mark.parametrize("probe", PROBES)
def test_unknown_labels_and_new_gaps_are_no_trouble(probe: type, tmp_path: Path) -> None:
    whole = rows().dropna().reset_index(drop=True)
    data = observed(whole)
    frame = rows(20, seed=5)
    frame.loc[3, "c"] = "violet"
    fresh = observed(frame, schema=data.schema)
    assert np.isfinite(fitted(probe, data, tmp_path).predict(fresh)).all()


@pytest.mark.parametrize("probe", PROBES)
def test_very_many_categories_are_no_trouble(probe: type, tmp_path: Path) -> None:
    num_rows = 2 * MAX_CATEGORIES + 200
    frame = pd.DataFrame({"c": [f"label {i // 2}" for i in range(num_rows)]})
    frame["y"] = np.where(np.arange(num_rows) % 4 < 2, "a", "b")
    data = observed(frame)
    assert data.schema.columns["c"].type == "category"
    assert fitted(probe, data, tmp_path).predict(data).shape == (num_rows, 2)


@pytest.mark.parametrize("probe", PROBES)
def test_vectors_are_features_too(probe: type, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    arrays = {"v": rng.normal(size=(200, 3)).astype(np.float32)}
    data = observed(pd.DataFrame({"y": np.where(arrays["v"][:, 1] > 0, "a", "b")}), arrays=arrays)
    assert (fitted(probe, data, tmp_path).predict(data).argmax(axis=1) == (data.frame.y == "b")).mean() > 0.9


@pytest.mark.parametrize("probe", PROBES)
def test_a_table_with_nothing_to_learn_from_is_refused(probe: type, tmp_path: Path) -> None:
    frame = rows(30)[["t", "y"]].assign(u=[f"word {i}" for i in range(30)])
    with pytest.raises(DataError, match="no column can be learnt from"):
        fitted(probe, observed(frame), tmp_path)


def test_a_solver_that_does_not_converge_is_said_in_the_log(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, logger="augment"):
        fitted(Logistic, observed(rows()), tmp_path, max_iter=1)
    assert "not converged after 1 iterations" in caplog.text


@pytest.mark.parametrize(
    ("probe", "settings"), [(Boosting, {}), (Boosting, {"max_leaf_nodes": 6}), (Logistic, {}), (Logistic, {"C": 10.0})]
)
def test_probes_know_what_was_measured_to_gain_with_them(probe, settings):
    gains = probe.measured_gains(probe.Params(**settings))
    for score in ("roc_auc", "average_precision", "balanced_accuracy", "log_loss"):
        for counts in ({"a": 60, "b": 50}, {"a": 200, "b": 20}, {"a": 2000, "b": 100}):
            concerned = [gain for gain in gains if gain.concerns(score, counts)]
            assert {"class-weights", "oversampling"} <= {gain.candidate for gain in concerned}
            assert len({gain.candidate for gain in concerned}) == len(concerned)  # one figure for each
            assert all(gain.spread > 0 and gain.tables >= 5 and abs(gain.mean) < 1 for gain in concerned)


def test_small_trees_have_figures_of_their_own():
    assert Boosting.measured_gains(Boosting.Params()) != Boosting.measured_gains(Boosting.Params(max_leaf_nodes=6))


@pytest.mark.parametrize("probe", PROBES)
def test_dates_of_any_year_are_learned_from(probe: type, tmp_path: Path) -> None:
    moments = np.array(["9999-12-31", "2021-03-04", "NaT"] * 20, dtype="datetime64[us]")
    frame = pd.DataFrame({"d": moments, "label": ["a", "b", "b"] * 20})
    schema, _ = observe(infer(frame, {}, SchemaDeclaration(target="label")), frame, {})
    data = Dataset.of(frame, {}, schema)
    fitted = probe().fit(data, Context(seed=0, folder=tmp_path))
    assert np.argmax(fitted.predict(data), axis=1)[:2].tolist() == [0, 1]
