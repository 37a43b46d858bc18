"""Which rows new ones start from: as imbalanced-learn chooses them, and kept with the fitted state."""

from __future__ import annotations

import functools

import numpy as np
import pandas as pd
import pytest
from example_data import dataset
from imblearn import over_sampling

import augment_smote.smote
from augment.data import Dataset
from augment.errors import DataError
from augment.plugin.context import Context
from augment_smote.bases import find_bases, vote
from augment_smote.smote import Smote

SETTINGS = {"n_neighbors": 5, "n_clusters": 8, "cluster_balance_threshold": 0.1}
THEIRS = {
    "borderline": over_sampling.BorderlineSMOTE,
    "svm": over_sampling.SVMSMOTE,
    "kmeans": functools.partial(over_sampling.KMeansSMOTE, cluster_balance_threshold=0.1, k_neighbors=5),
    "adasyn": over_sampling.ADASYN,
}
NEW = 20_000


@pytest.fixture(scope="module")
def overlapping() -> tuple[np.ndarray, np.ndarray]:
    """300 rows of three numbers and a class that lies within the other, denser on one side."""
    rng = np.random.default_rng(0)
    numbers = rng.normal(size=(300, 3))
    return numbers, (numbers[:, 0] + 0.5 * rng.normal(size=300) > 0.9).astype(np.int64)


def made(kind: str, numbers: np.ndarray, codes: np.ndarray) -> np.ndarray:
    bases = find_bases(kind, numbers, np.zeros(3, dtype=bool), codes, 1, SETTINGS)
    rows, towards, _, step = bases.draw(np.random.default_rng(1).random((NEW, 3)))
    return numbers[rows] + step[:, None] * (numbers[towards] - numbers[rows])


@pytest.mark.parametrize("kind", THEIRS)
def test_rows_are_spread_as_those_of_imbalanced_learn(kind, overlapping) -> None:
    numbers, codes = overlapping
    sampler = THEIRS[kind](sampling_strategy={1: int(codes.sum()) + NEW}, random_state=0)
    theirs = sampler.fit_resample(numbers, codes)[0][len(numbers) :]
    ours, plain = made(kind, numbers, codes), made("plain", numbers, codes)

    def distance(one: np.ndarray, other: np.ndarray) -> float:
        """The largest difference of the shares of rows below any number."""
        ends = np.linspace(-3, 3, 61)[:, None, None]
        return float(np.abs((one <= ends).mean(axis=1) - (other <= ends).mean(axis=1)).max())

    assert distance(ours, theirs) < 0.03 < 0.1 < distance(plain, theirs)


def test_a_category_that_differs_counts_as_much_as_the_median_deviation_of_the_numbers() -> None:
    rng = np.random.default_rng(2)
    numbers, labels = rng.normal(size=(60, 3)) * [1, 2, 5], rng.integers(0, 4, (60, 2))
    features, categorical = np.concatenate([numbers, labels], axis=1), np.array([False] * 3 + [True] * 2)
    squared = ((numbers[:, None] - numbers) ** 2).sum(axis=2)
    squared += np.median(numbers.std(axis=0)) ** 2 * (labels[:, None] != labels).sum(axis=2)
    nearest = np.argsort(squared, axis=1)[:, 1:6]
    codes = np.zeros(60, dtype=np.int64)
    found = find_bases("plain", features, categorical, codes, 0, SETTINGS)
    assert np.array_equal(np.sort(found.neighbors), np.sort(nearest))


def test_a_matrix_too_large_to_be_dense_gives_the_same_neighbors(monkeypatch, overlapping) -> None:
    numbers, codes = overlapping
    features = np.concatenate([numbers, codes[:, None] + (numbers[:, :1] > 0)], axis=1)
    categorical = np.array([False, False, False, True])
    for kind in ("plain", "borderline", "adasyn"):
        monkeypatch.setattr("augment_smote.bases.MAX_DENSE", 10**9)
        dense = find_bases(kind, features, categorical, codes, 1, SETTINGS)
        monkeypatch.setattr("augment_smote.bases.MAX_DENSE", 0)
        sparse = find_bases(kind, features, categorical, codes, 1, SETTINGS)
        assert np.array_equal(np.sort(dense.neighbors), np.sort(sparse.neighbors))
        assert np.array_equal(dense.rows, sparse.rows)


def test_the_most_frequent_code_wins_and_ties_are_drawn() -> None:
    codes = np.array([[3, 1, 1, 2], [4, 4, 5, 5], [7, 7, 7, 7]] * 400)
    voted = vote(codes, np.random.default_rng(0).random(len(codes)))
    assert set(voted[0::3]) == {1}
    assert set(voted[2::3]) == {7}
    assert 0.4 < (voted[1::3] == 4).mean() < 0.6


def table(num_rows: int = 120) -> Dataset:
    rng = np.random.default_rng(5)
    y = np.where(rng.random(num_rows) < 0.3, "rare", "usual")
    x = rng.normal(size=num_rows).round(3) + (y == "rare")
    frame = pd.DataFrame({"x": x, "z": rng.normal(size=num_rows).round(3), "c": rng.choice(list("ab"), num_rows)})
    return dataset(frame.assign(y=y), target="y")


def sample(smote: Smote, data: Dataset, labels: list[str], tmp_path) -> Dataset:
    return smote.sample(pd.DataFrame({"y": labels}), Context(seed=3, folder=tmp_path, train=data))


@pytest.mark.parametrize("kind", ["plain", *THEIRS])
def test_neighbors_come_with_the_state_and_are_not_sought_again(kind, tmp_path, monkeypatch) -> None:
    data = table()
    settings = Smote.Params(kind=kind, cluster_balance_threshold=0.2)
    fitted = Smote(settings).fit(data, Context(seed=1, folder=tmp_path))
    wanted = sample(fitted, data, ["rare"] * 30, tmp_path)
    assert (wanted.frame["y"] == "rare").all()
    (tmp_path / "state").mkdir()
    fitted.save(tmp_path / "state")
    calls = []
    monkeypatch.setattr(augment_smote.smote, "find_bases", lambda *args: calls.append(args[4]) or find_bases(*args))
    loaded = Smote.load(tmp_path / "state", settings)
    assert sample(loaded, data, ["rare"] * 30, tmp_path).equals(wanted)
    assert not calls
    if kind == "plain":
        for _ in range(2):  # of the most frequent class they are sought when they are needed, once
            sample(loaded, data, ["usual"] * 3, tmp_path)
        assert len(calls) == 1


def test_a_class_without_bases_is_refused_when_rows_of_it_are_asked_for(tmp_path) -> None:
    x = np.concatenate([np.linspace(0, 1, 40), np.linspace(50, 51, 20)])
    data = dataset(pd.DataFrame({"x": x, "y": ["usual"] * 40 + ["rare"] * 20}), target="y")
    for kind in ("borderline", "adasyn"):
        smote = Smote(Smote.Params(kind=kind)).fit(data, Context(seed=1, folder=tmp_path))
        (tmp_path / kind).mkdir()
        smote.save(tmp_path / kind)
        for one in (smote, Smote.load(tmp_path / kind, smote.params)):
            with pytest.raises(DataError, match=f"`kind: {kind}` cannot make rows of class 'rare': no row of it"):
                sample(one, data, ["rare"], tmp_path)


def test_a_kind_that_needs_numbers_or_another_class_says_so(tmp_path) -> None:
    data = table()
    for without, wrong in ((data.drop_columns(["x", "z"]), "a feature of numbers"), (None, "at least two classes")):
        few = without or dataset(data.frame.assign(y="all"), target="y", columns={"y": {"type": "category"}})
        with pytest.raises(DataError, match=f"`kind: svm` needs .*{wrong}"):
            Smote(Smote.Params(kind="svm")).fit(few, Context(seed=1, folder=tmp_path))


def test_another_training_part_than_the_fitted_one_is_refused(tmp_path) -> None:
    smote = Smote().fit(table(), Context(seed=1, folder=tmp_path))
    with pytest.raises(DataError, match="fitted on 120 rows, and is lent 90"):
        sample(smote, table(90), ["rare"], tmp_path)
