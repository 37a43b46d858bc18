from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from augment.data import Dataset, SchemaDeclaration, infer, observe
from augment.errors import DataError
from augment.plugin import Context
from augment_smote.rare import RARE, find_rare, relevance
from augment_smote.smote import Smote


@pytest.fixture
def data() -> Dataset:
    rng = np.random.default_rng(0)
    size = rng.lognormal(size=400).round(4)
    frame = pd.DataFrame(
        {
            "size": size,
            "kind": np.where(size > 2, "large", "small"),
            "price": (3 * size + 0.01 * rng.normal(size=400)).round(3),
        }
    )
    schema, _ = observe(infer(frame, declared=SchemaDeclaration(target="price")), frame)
    return Dataset.of(frame, {}, schema)


def rows_of(data, tmp_path, num_rows=300, generator=None):
    generator = generator or Smote().fit(data, Context(seed=1, folder=tmp_path, train=data))
    given = pd.DataFrame(index=pd.RangeIndex(num_rows))
    return generator.sample(given, Context(seed=2, folder=tmp_path, train=data))


def test_rare_targets_are_made_and_follow_the_features(data, tmp_path):
    frame = rows_of(data, tmp_path).frame
    real = data.frame.price
    is_rare = relevance(real.to_numpy()) >= RARE
    above = real[is_rare & (real > real.median())].min()
    below = real[is_rare & (real < real.median())].max()
    assert ((frame.price >= above) | (frame.price <= below)).all()
    assert abs((frame.price >= above).mean() - (real[is_rare] >= above).mean()) < 0.1
    assert np.abs(frame.price - 3 * frame["size"]).max() < 0.1  # the target went as far as the features did
    assert not frame.price.isin(real).all()


def test_state_and_prefix(data, tmp_path):
    whole = Smote().fit(data, Context(seed=1, folder=tmp_path, train=data))
    whole.save(tmp_path)
    again = Smote.load(tmp_path, Smote.Params())
    some = rows_of(data, tmp_path, 50, again).frame
    pd.testing.assert_frame_equal(some, rows_of(data, tmp_path, 300, whole).frame[:50])


def test_relevance_is_none_at_the_median_and_full_at_the_whiskers():
    target = np.array([*np.arange(1.0, 10.0), 100.0])
    values = relevance(target)
    assert values.argmin() in (4, 5)
    assert values[-1] == values[8] == 1.0  # 100 is an outlier, and 9 the end of the whisker
    assert values[0] == 1.0
    assert (np.diff(values[5:]) >= 0).all()
    assert relevance(np.array([0.0, 0.0, 0.0, 0.0, 7.0])).tolist() == [0, 0, 0, 0, 1]
    assert not relevance(np.zeros(5)).any()
    # an outlier on either side; quartiles are 1.5 and 6.5, the whiskers end at 0 and 8
    target = np.array([-10.0, *np.arange(9.0), 18.0])
    assert relevance(target).round(3).tolist() == [1, 1, 0.844, 0.5, 0.156, 0, 0.156, 0.5, 0.844, 1, 1]
    rare = find_rare(np.arange(11.0)[:, None], np.zeros(1, bool), target, 5).rows
    assert target[rare].tolist() == [-10, 0, 1, 7, 8, 18]


def test_neighbors_are_of_the_same_side_and_each_rare_row_counts_once():
    rng = np.random.default_rng(1)
    target = np.concatenate([rng.normal(size=100), [-9.0, -8.0, 9.0, 9.5, 10.0]])
    bases = find_rare(rng.normal(size=(105, 2)), np.zeros(2, bool), target, 5)
    assert (np.sign(target[bases.rows])[:, None] == np.sign(target[bases.neighbors])).all()
    assert np.allclose(bases.shares, 1 / len(bases.rows))
    assert {100, 101, 102, 103, 104} <= set(bases.rows.tolist())
    bases = find_rare(rng.integers(0, 3, (105, 2)), np.ones(2, bool), target, 5)
    shares = np.bincount(bases.rows, bases.shares)
    assert np.allclose(shares[shares > 0], 1 / np.count_nonzero(shares))


def test_nearest_are_rows_with_like_features_whatever_their_target(tmp_path):
    x, price = np.zeros(100), np.zeros(100)
    x[:4], price[:4] = [0, 1, 30, 31], [100, 200, 101, 201]
    x[4:] = np.linspace(-100, 100, 96)
    price[4:] = np.linspace(-1, 1, 96)
    frame = pd.DataFrame({"x": x, "price": price})
    schema, _ = observe(infer(frame, declared=SchemaDeclaration(target="price")), frame)
    data = Dataset.of(frame, {}, schema)
    smote = Smote(Smote.Params(n_neighbors=1)).fit(data, Context(seed=1, folder=tmp_path, train=data))
    made = rows_of(data, tmp_path, 300, smote).frame
    made = made[made.price > 50]
    assert len(made) > 20
    assert (made.x.between(0, 1) | made.x.between(30, 31)).all()


def test_rows_without_a_near_neighbor_are_moved_by_noise_where_asked(data, tmp_path):
    """Two rare rows far from each other and from a cluster."""
    rng = np.random.default_rng(2)
    x = np.concatenate([rng.normal(size=300), 100 + 0.1 * rng.normal(size=20), [150.0, 200.0]])
    y = np.concatenate([rng.normal(size=300), np.full(22, 50.0)])
    frame = pd.DataFrame({"x": x, "z": rng.normal(size=322), "y": y})
    schema, _ = observe(infer(frame, declared=SchemaDeclaration(target="y")), frame)
    data = Dataset.of(frame, {}, schema)
    context = Context(seed=1, folder=tmp_path, train=data)
    lonely = {}
    for noise in (0.0, 0.02):
        made = rows_of(data, tmp_path, 400, Smote(Smote.Params(noise=noise)).fit(data, context)).frame
        high = made[made.y > 25]
        lonely[noise] = high.x[(high.x > 105)]
        assert (high.x.between(99, 101)).any()
        if noise:
            assert not high.y.eq(50.0).all()  # the target is moved, too
    assert (lonely[0.0].between(105, 145)).any()  # on the way from the cluster
    near = np.minimum(abs(lonely[0.02] - 150), abs(lonely[0.02] - 200))
    assert near.max() < 5 * 0.02 * x.std()
    assert near.min() > 0


def test_noise_is_for_numeric_targets(data, tmp_path):
    classes = Dataset.of(data.frame, {}, data.schema.model_copy(update={"target": "kind"}))
    with pytest.raises(DataError, match="`noise` needs a numeric target"):
        Smote(Smote.Params(noise=0.02)).fit(classes, Context(seed=1, folder=tmp_path, train=classes))


def test_kinds_for_classes_are_refused(data, tmp_path):
    with pytest.raises(DataError, match="needs a target with classes"):
        Smote(Smote.Params(kind="borderline")).fit(data, Context(seed=1, folder=tmp_path, train=data))


def test_of_two_rows_any_may_move_towards_the_other():
    bases = find_rare(np.array([[0.0], [1.0]]), np.zeros(1, bool), np.array([3.0, 5.0]), 5)
    assert bases.rows.tolist() == [0, 1]
    assert bases.neighbors.tolist() == [[1], [0]]
