"""Generators as imbalanced-learn samplers."""

from __future__ import annotations

import itertools
import warnings

import numpy as np
import pandas as pd
import pytest
import torch
from imblearn.pipeline import make_pipeline
from imblearn.utils.estimator_checks import estimator_checks_generator
from sklearn.datasets import load_diabetes, load_iris
from sklearn.model_selection import cross_val_score
from sklearn.neighbors import KNeighborsClassifier

from augment.resampling import Augmenter

QUICK = {"steps": 10, "rows_per_component": 200}


SAMPLERS = {
    Augmenter("bootstrap", random_state=0): [],
    Augmenter("smote", random_state=0): [],
    Augmenter("vae", settings=QUICK, random_state=0): [pytest.mark.slow],  # the rules are for what stands around it
}
CHECKS = [
    pytest.param(*pair, marks=marks)
    for sampler, marks in SAMPLERS.items()
    for pair in estimator_checks_generator(sampler)
]


def _name(value):
    return value.func.__name__ if hasattr(value, "func") else getattr(value, "generator", "")


@pytest.mark.parametrize(("estimator", "check"), CHECKS, ids=_name)
def test_it_keeps_the_rules_of_imbalanced_learn(estimator, check):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # of the checks' own code
        check(estimator)


def _flowers():
    X, y = load_iris(return_X_y=True, as_frame=True)
    return X[:110], y[:110]


def _mixed_frame():
    frame = pd.DataFrame(
        {
            "income": np.random.default_rng(0).normal(size=60).round(2),
            "colour": pd.Categorical(list("abc") * 20, categories=list("abcd")),
            "town": ["x", "y"] * 30,
            "rooms": np.arange(60, dtype="int32") % 5,
            "user_id": np.arange(60),
            "owner": [True, False] * 30,
            "since": pd.date_range("2020-01-01", periods=60),
            "until": pd.date_range("2021-01-01", periods=60).strftime("%Y%m%d").astype("int32"),
        },
        index=np.arange(60) + 7,
    )
    return frame, pd.Series(["no"] * 45 + ["yes"] * 15, name="left", index=frame.index)


@pytest.mark.parametrize("generator", ["bootstrap", "smote"])
def test_a_frame_of_all_types_comes_back_in_its_types(generator):
    X, y = _mixed_frame()
    more, labels = Augmenter(generator, random_state=0).fit_resample(X, y)
    pd.testing.assert_series_equal(more.dtypes, X.dtypes)
    pd.testing.assert_frame_equal(more[:60], X.reset_index(drop=True))
    assert pd.to_datetime(more["until"].astype(str), format="%Y%m%d").dt.year.eq(2021).all()
    assert labels.value_counts().to_dict() == {"no": 45, "yes": 45}
    assert labels.name == "left"


def test_origin_says_who_made_each_row():
    sampler = Augmenter("smote", random_state=0)
    more, _ = sampler.fit_resample(*_flowers())
    assert sampler.origin_.tolist() == ["real"] * 110 + ["smote"] * (len(more) - 110)
    assert sampler.sampling_strategy_ == {2: 40}


@pytest.mark.parametrize(
    ("rows", "added"), [("balance", [0, 0, 40]), ({2: 7}, [0, 0, 7]), ({"per_class": 3}, [3, 3, 3])]
)
def test_rows_are_those_of_a_pipeline(rows, added):
    _, labels = Augmenter("bootstrap", rows=rows, random_state=0).fit_resample(*_flowers())
    assert (np.bincount(labels) - [50, 50, 10]).tolist() == added


GRID = pd.DataFrame(list(itertools.product("abcd", "abc", "abc")), columns=list("pqr"))
WHOLE = pd.DataFrame(list(itertools.product(range(4), range(3), range(3))), columns=list("pqr"))


@pytest.mark.parametrize("generator", ["smote", "trees", "bootstrap"])
@pytest.mark.parametrize("features", [GRID, WHOLE], ids=["labels", "whole numbers"])
def test_where_few_rows_are_possible_they_repeat(generator, features):
    labels = np.where(np.arange(36) % 9, "no", "yes")
    more, all_labels = Augmenter(generator, random_state=0).fit_resample(features, labels)
    assert pd.Series(all_labels).value_counts().to_dict() == {"no": 32, "yes": 32}
    assert len(more[36:].drop_duplicates()) >= 3


def test_what_the_message_of_missing_rows_advises_can_be_said_here():
    X, y = _flowers()
    rule = {"use": "rules", "with": {"rules": ["`petal width (cm)` > 2"]}}
    few = {"generator": "smote", "filters": [rule], "random_state": 0, "max_rounds": 1}
    with pytest.raises(ValueError, match=r"after 1 rounds.*increase max_rounds.*fewer with shortfall='warn'"):
        Augmenter(**few).fit_resample(X, y)
    with pytest.warns(UserWarning, match="missing after 1 rounds"):
        more, _ = Augmenter(**few, shortfall="warn").fit_resample(X, y)
    assert 110 < len(more) < 150
    for wrong in ({"max_rounds": 0}, {"shortfall": "ignore"}):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            Augmenter("smote", **wrong).fit_resample(X, y)


def test_the_same_random_state_gives_the_same_rows():
    one, _ = Augmenter("smote", random_state=3).fit_resample(*_flowers())
    same, _ = Augmenter("smote", random_state=3).fit_resample(*_flowers())
    other, _ = Augmenter("smote", random_state=4).fit_resample(*_flowers())
    pd.testing.assert_frame_equal(one, same)
    assert not one.equals(other)


def test_filters_throw_out_and_draw_again():
    X, y = _flowers()
    rule = {"use": "rules", "with": {"rules": ["`petal width (cm)` > 2"]}}
    more, _ = Augmenter("smote", filters=[rule], random_state=0).fit_resample(X, y)
    assert len(more) == 150
    assert (more["petal width (cm)"][110:] > 2).all()


def test_the_generator_learns_from_the_training_rows_of_a_fold_alone(monkeypatch):
    seen = []

    class Watched(Augmenter):
        def fit_resample(self, X, y):
            seen.append((len(X), set(X.index)))
            return super().fit_resample(X, y)

    X, y = _flowers()
    scores = cross_val_score(make_pipeline(Watched("smote", random_state=0), KNeighborsClassifier()), X, y, cv=5)
    assert len(scores) == 5
    assert [count for count, _ in seen] == [88] * 5
    assert set.intersection(*(rows for _, rows in seen)) == set()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"generator": "smoot"}, "did you mean 'smote'"),
        ({"settings": {"k": 3}}, "unknown key; the keys here are .*n_neighbors"),
        ({"rows": {9: 3}}, "y has no class 9; it has 0, 1, 2"),
        ({"rows": "balanse"}, "did you mean 'balance'"),
    ],
)
def test_mistakes_are_refused_in_words(settings, message):
    with pytest.raises(ValueError, match=message):
        Augmenter(**{"generator": "smote", **settings}).fit_resample(*_flowers())


def test_a_feature_may_be_called_as_the_target_would_be():
    X, y = _flowers()
    X = X.set_axis(["class", "class_", "a", "b"], axis=1)
    more, _ = Augmenter("smote", random_state=0).fit_resample(X, y)
    assert more.columns.tolist() == ["class", "class_", "a", "b"]


def test_what_is_said_of_columns_holds():
    X, y = _flowers()
    more, _ = Augmenter("vae", settings=QUICK, schema={"petal width (cm)": {"max": 1.0}}, random_state=0).fit_resample(
        X, y
    )
    assert (more["petal width (cm)"][110:] <= 1).all()


NUMBERS = load_diabetes(return_X_y=True)


def test_numbers_as_y_are_refused_until_somebody_says_what_they_are():
    with pytest.raises(ValueError, match="Unknown label type: y has 214 different numbers in 442 rows; task='number'"):
        Augmenter("bootstrap").fit_resample(*NUMBERS)
    with pytest.raises(ValueError, match="rows='balance': a numeric y has no classes"):
        Augmenter("bootstrap", task="number", rows="balance").fit_resample(*NUMBERS)
    with pytest.raises(ValueError, match="task='number': y holds numbers"):
        Augmenter("bootstrap", task="number").fit_resample(NUMBERS[0], NUMBERS[1].astype(str))


def test_a_numeric_y_gets_rows_with_values_of_its_own():
    X, y = NUMBERS
    sampler = Augmenter("trees", task="number", rows=50, random_state=0)
    more, values = sampler.fit_resample(X, y)
    assert more.shape == (492, 10)
    assert values.dtype == y.dtype
    np.testing.assert_array_equal(values[:442], y)
    assert y.min() - 50 < values[442:].min() < values[442:].max() < y.max() + 50
    assert np.unique(values[442:]).size > 20
    assert sampler.sampling_strategy_ == {}


def test_many_whole_numbers_are_labels_where_that_is_said():
    X, y = np.random.default_rng(0).normal(size=(110, 2)), np.repeat(np.arange(22), 5)
    y = np.append(y[:-3], [0, 0, 0])
    _, labels = Augmenter("bootstrap", task="classes", random_state=0).fit_resample(X, y)
    assert set(np.bincount(labels)) == {8}


PIXELS = np.random.default_rng(0).integers(0, 256, (9, 6, 6, 3), dtype=np.uint8)
LABELS = ["cat"] * 6 + ["dog"] * 3


@pytest.mark.parametrize(
    "X",
    [PIXELS, PIXELS[..., 0], torch.tensor(PIXELS).permute(0, 3, 1, 2).float() / 255],
    ids=["images", "grey", "tensor"],
)
def test_images_give_images_of_their_kind(X):
    more, labels = Augmenter("albumentations", random_state=0).fit_resample(X, LABELS)
    assert type(more) is type(X)
    assert (more.shape, more.dtype) == ((12, *X.shape[1:]), X.dtype)
    np.testing.assert_array_equal(np.asarray(more[:9]), np.asarray(X))
    assert labels == [*LABELS, "dog", "dog", "dog"]


def test_texts_give_texts_and_series_series():
    texts = [f"the {label} number {number} sat on a mat" for number, label in enumerate(LABELS)]
    more, labels = Augmenter("text-edits", random_state=0).fit_resample(texts, np.array(LABELS))
    assert more[:9] == texts
    assert all(isinstance(text, str) and "dog" in text for text in more[9:])
    assert labels.tolist() == [*LABELS, "dog", "dog", "dog"]
    series = [np.random.default_rng(number).normal(size=5 + number % 3) for number in range(9)]
    longer, _ = Augmenter("series-edits", random_state=0).fit_resample(series, pd.Series(LABELS))
    assert [one.ndim for one in longer[9:]] == [1, 1, 1]


@pytest.mark.parametrize(
    ("X", "y", "message"),
    [
        (np.zeros((4, 2)), [1, "1", 1, "1"], "1 and '1' are one label"),
        (np.zeros((4, 2)), np.array([[0, 1], [1, 1], [0, 0], [1, 0]]), "For several labels a row"),
        (np.zeros((4, 2)), np.zeros((4, 3)), r"got shape \(4, 3\)"),
        (np.zeros((4, 2)), [["a"], ["a", "b"], ["b"], ["a"]], "got rows of type list"),
        ([[1.0], [np.nan], [2.0], [3.0]], [0, 0, 0, 1], "column 'x0' has some; fill them in before"),
        (PIXELS + 0.3, LABELS, "whole numbers from 0 to 255"),
        (PIXELS, LABELS[2:], "has 9 rows, and y has 7"),
    ],
)
def test_data_is_refused_in_the_words_of_the_call(X, y, message):
    with pytest.raises(ValueError, match=message) as refused:
        Augmenter("smote").fit_resample(X, y)
    assert not any(word in str(refused.value) for word in ("transforms:", "generators.0", "mix.rows", ".parquet"))


def test_the_pipeline_of_scikit_learn_points_to_that_of_imbalanced_learn():
    from sklearn.pipeline import make_pipeline as plain_pipeline

    with pytest.raises(TypeError, match=r"from imblearn.pipeline instead"):
        plain_pipeline(Augmenter("smote"), KNeighborsClassifier()).fit(*_flowers())
    assert not hasattr(Augmenter("smote"), "transform")


def test_the_store_of_the_user_is_left_alone(store):
    Augmenter("smote", random_state=0).fit_resample(*_flowers())
    assert not list(store.iterdir())
