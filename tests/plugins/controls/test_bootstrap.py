from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from example_data import dataset
from hypothesis import given as for_all
from hypothesis import settings
from hypothesis import strategies as st

from augment.errors import DataError
from augment.plugin.context import Context
from augment_controls.bootstrap import Bootstrap


def labelled(labels, with_image=False):
    frame = pd.DataFrame({"x": np.arange(len(labels)) * 0.5, "label": labels})
    arrays = {"image": np.arange(len(labels) * 64, dtype=np.uint8).reshape(-1, 8, 8, 1)} if with_image else {}
    return dataset(frame, arrays, target="label")


def sample(train, given, seed=1):
    context = Context(seed=seed, folder=None, train=train)
    return Bootstrap().fit(train, context).sample(given, context)


def asked(train, labels):
    return pd.DataFrame({"label": pd.Categorical(labels, categories=train.schema.classes)})


def anything(count):
    return pd.DataFrame(index=pd.RangeIndex(count))


def test_rows_are_those_of_the_training_part_that_is_lent():
    bootstrap = Bootstrap()
    for labels in ("aab", "bba", "aab"):
        train = labelled(list(labels) * 5)
        context = Context(seed=1, folder=None, train=train)
        drawn = bootstrap.sample(asked(train, ["a", "b"] * 10), context).frame
        assert drawn["label"].tolist() == ["a", "b"] * 10
        assert drawn["x"].nunique() > 5


def test_rows_are_training_rows_with_their_arrays():
    train = labelled(["a", "b"] * 20, with_image=True)
    drawn = sample(train, anything(100))
    row = (drawn.frame["x"] * 2).astype(int).to_numpy()
    assert drawn.schema == train.schema
    assert drawn.frame.equals(train.frame.iloc[row].reset_index(drop=True))
    np.testing.assert_array_equal(drawn.arrays["image"], train.arrays["image"][row])


def test_every_training_row_is_about_equally_likely():
    train = labelled(["a", "b"] * 5)
    counts = sample(train, anything(10_000)).frame["x"].value_counts()
    assert len(counts) == 10
    assert counts.between(850, 1150).all()


@settings(max_examples=20)
@for_all(st.lists(st.sampled_from(["a", "b"]), max_size=30), st.integers(0, 30))
def test_classes_come_as_asked_and_fewer_rows_are_a_prefix(labels, k):
    train = labelled(["a"] * 9 + ["b"])
    given = asked(train, labels)
    whole = sample(train, given)
    assert whole.frame["label"].tolist() == labels
    assert sample(train, given.iloc[:k]).frame.equals(whole.frame.iloc[:k])


def test_a_prefix_holds_across_blocks():
    train = labelled(["a"] * 9 + ["b"])
    assert sample(train, anything(5000)).frame.iloc[:10].equals(sample(train, anything(10)).frame)


def test_integer_and_boolean_classes_are_matched():
    for labels in ([0, 1] * 10, [True, False] * 10):
        train = labelled(labels)
        given = train.frame[["label"]].iloc[[0, 0, 1]].reset_index(drop=True)
        assert sample(train, given).frame["label"].tolist() == [labels[0], labels[0], labels[1]]


def test_a_class_without_training_rows_is_named():
    train = labelled(["a"] * 5)
    with pytest.raises(DataError, match="'z'"):
        sample(train, pd.DataFrame({"label": pd.Categorical(["a", "z"])}))


def test_the_seed_decides_and_saving_keeps_it(tmp_path):
    train = labelled(["a", "b"] * 20)
    first = sample(train, anything(50))
    Bootstrap().save(tmp_path)
    again = Bootstrap.load(tmp_path, Bootstrap.Params())
    assert again.sample(anything(50), Context(seed=1, folder=tmp_path, train=train)).equals(first)
    assert not sample(train, anything(50), seed=2).equals(first)
