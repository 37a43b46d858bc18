from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from example_data import typed

from augment.errors import DataError
from augment.plugin.context import Context
from augment_rnn.anchored import AnchoredTable

DEFAULT = AnchoredTable.Params()


def customers(num_rows=300):
    rng = np.random.default_rng(0)
    age = rng.integers(18, 80, num_rows)
    label = np.where(age + rng.normal(0, 3, num_rows) > 50, "yes", "no")
    # what is kept of a row can be told from these: no two are equal
    marks = {f"mark {n}": rng.normal(size=num_rows) for n in range(4)}
    return pd.DataFrame({"age": age, **marks, "label": label})


def context(tmp_path, seed=1, **fields):
    return Context(seed=seed, folder=tmp_path, **fields)


@pytest.fixture(scope="module")
def data():
    return typed(customers(), "label")


@pytest.fixture(scope="module")
def learnt(data, tmp_path_factory):
    return AnchoredTable(DEFAULT).fit(data, context(tmp_path_factory.mktemp("fit")))


def asked(*labels):
    return pd.DataFrame({"label": pd.Categorical(labels, categories=["no", "yes"])})


def nothing_given(num_rows):
    return pd.DataFrame(index=pd.RangeIndex(num_rows))


def kept(rows, data):
    """Which features of a row are those of one training row: bool (N, F), for the training row that shares most."""
    names = [name for name in data.frame if name.startswith("mark")]
    equal = rows.frame[names].to_numpy()[:, None] == data.frame[names].to_numpy()
    best = equal.sum(2).argmax(1)
    return equal[np.arange(len(rows)), best], best


def test_rows_keep_most_features_of_a_training_row_and_never_all(learnt, data, tmp_path):
    rows = learnt.sample(nothing_given(400), context(tmp_path, train=data))
    is_kept, _ = kept(rows, data)
    assert is_kept.mean() == pytest.approx(0.7, abs=0.1)
    assert not np.isin(rows.row_hashes(), data.row_hashes()).any()


def test_labels_follow_the_features(learnt, data, tmp_path):
    rows = learnt.sample(nothing_given(1_000), context(tmp_path, train=data)).frame
    assert (rows["label"][rows["age"] > 60] == "yes").mean() > 0.8
    assert (rows["label"][rows["age"] < 40] == "no").mean() > 0.8
    assert (rows["label"] == "yes").mean() == pytest.approx((data.frame["label"] == "yes").mean(), abs=0.1)


def test_asked_labels_come_back_with_features_that_belong_to_them(learnt, data, tmp_path):
    rows = learnt.sample(asked(*["yes", "no"] * 400), context(tmp_path, train=data)).frame
    assert rows["label"].tolist() == ["yes", "no"] * 400
    assert rows["age"][::2].mean() - rows["age"][1::2].mean() > 20


def test_rows_of_an_asked_label_are_as_those_that_come_with_it_unasked(learnt, data, tmp_path):
    unasked = learnt.sample(nothing_given(4_000), context(tmp_path, train=data)).frame
    rows = learnt.sample(asked(*["yes"] * 2_000), context(tmp_path, train=data)).frame
    expected = unasked["age"][unasked["label"] == "yes"]
    assert rows["age"].mean() == pytest.approx(expected.mean(), abs=2)
    assert rows["age"].std() == pytest.approx(expected.std(), abs=2)


def test_other_training_rows_can_be_lent(learnt, data, tmp_path):
    few = data.take(np.arange(5))
    rows = learnt.sample(nothing_given(200), context(tmp_path, train=few))
    is_kept, _ = kept(rows, few)
    assert is_kept.mean() > 0.5


@pytest.mark.parametrize("labels", [[], ["yes", "no", "no"]], ids=["nothing asked", "labels asked"])
def test_fewer_rows_are_a_prefix_of_more(learnt, data, tmp_path, labels):
    given = asked(*labels * 100) if labels else nothing_given(300)
    whole = learnt.sample(given, context(tmp_path, train=data))
    for num_rows in (1, 255, 256, 257):
        part = learnt.sample(given.iloc[:num_rows], context(tmp_path, train=data))
        assert part.equals(whole.take(slice(0, num_rows))), num_rows


def test_training_rows_are_left_as_they_were(learnt, tmp_path):
    data = typed(customers(), "label")
    before = data.fingerprint()
    learnt.sample(nothing_given(50), context(tmp_path, train=data))
    assert data.fingerprint() == before


def test_loaded_generator_makes_the_same_rows(data, tmp_path):
    generator = AnchoredTable(DEFAULT).fit(data, context(tmp_path))
    (tmp_path / "state").mkdir()
    generator.save(tmp_path / "state")
    loaded = AnchoredTable.load(tmp_path / "state", DEFAULT)
    given = asked("yes", "no")
    one, other = (kind.sample(given, context(tmp_path, train=data)) for kind in (generator, loaded))
    assert one.equals(other)


@pytest.mark.parametrize("target", [None, "age", "label"])
def test_tables_with_and_without_a_target_work(tmp_path, target):
    data = typed(customers(60), target)
    rows = AnchoredTable(DEFAULT).fit(data, context(tmp_path)).sample(nothing_given(40), context(tmp_path, train=data))
    assert rows.schema == data.schema
    assert not rows.frame.isna().any(axis=None)


def test_missing_values_are_drawn_as_well(tmp_path):
    frame = customers(200)
    frame["age"] = frame["age"].astype("float64").mask(np.arange(200) % 2 == 0) + 0.5
    data = typed(frame, "label")
    rows = AnchoredTable(DEFAULT).fit(data, context(tmp_path)).sample(nothing_given(300), context(tmp_path, train=data))
    assert 0.3 < rows.frame["age"].isna().mean() < 0.7


def test_a_table_of_copies_of_one_row_still_gives_rows(tmp_path):
    data = typed(pd.DataFrame({"x": [1.0] * 6, "label": ["a", "b"] * 3}), "label")
    rows = AnchoredTable(DEFAULT).fit(data, context(tmp_path)).sample(nothing_given(20), context(tmp_path, train=data))
    assert rows.frame["x"].tolist() == [1.0] * 20


def test_a_target_without_features_is_refused_in_words(tmp_path):
    with pytest.raises(DataError, match="no column beside the target"):
        AnchoredTable(DEFAULT).fit(typed(pd.DataFrame({"label": ["a", "b"] * 5}), "label"), context(tmp_path))


def test_two_rows_are_enough(tmp_path):
    data = typed(pd.DataFrame({"x": [1.0, 2.0], "label": ["a", "b"]}), "label")
    rows = AnchoredTable(DEFAULT).fit(data, context(tmp_path)).sample(nothing_given(20), context(tmp_path, train=data))
    assert set(rows.frame["x"]) <= {1.0, 2.0}


def test_a_numeric_target_follows_the_features(tmp_path):
    frame = customers()
    frame["spent"] = 10.0 * frame["age"] + np.random.default_rng(1).normal(0, 40, len(frame))
    data = typed(frame.drop(columns="label"), "spent")
    rows = AnchoredTable(DEFAULT).fit(data, context(tmp_path)).sample(nothing_given(500), context(tmp_path, train=data))
    assert rows.frame["age"].corr(rows.frame["spent"]) > 0.85
    assert rows.frame["spent"].mean() == pytest.approx(frame["spent"].mean(), abs=25)


def test_a_lower_temperature_makes_labels_less_random(data, learnt, tmp_path):
    cold = AnchoredTable(DEFAULT.model_copy(update={"temperature": 0.2})).fit(data, context(tmp_path))
    against = []
    for generator in (learnt, cold):
        rows = generator.sample(nothing_given(1_000), context(tmp_path, train=data)).frame
        against.append(((rows["age"] > 50) != (rows["label"] == "yes")).mean())
    assert against[1] < against[0]


def test_training_rows_are_taken_evenly(learnt, data):
    perturber = learnt._fit_perturber(data)
    chosen, _, _ = perturber.draw(None, 10 * len(data), np.random.default_rng(0))
    assert np.bincount(chosen, minlength=len(data)) == pytest.approx(10, abs=3)  # by chance: 1 to 20
    asked = np.tile([0, 1], 5 * len(data))
    chosen, _, _ = perturber.draw(asked, len(asked), np.random.default_rng(0))
    chances = perturber.target_chances(perturber.anchors)[:, 1]
    taken = np.bincount(chosen[asked == 1], minlength=len(data))
    assert taken == pytest.approx(asked.sum() * chances / chances.sum(), abs=3)
