from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from augment.data import Dataset, SchemaDeclaration, infer, observe
from augment.errors import DataError, DiskError
from augment.plugin import Context, read_state, write_state
from augment.toolkit.tables.bins import BinTable
from augment_trees.tree_growing import LEAF_SIZES, Forest, Response, grow
from augment_trees.trees import MIN_OWN_ROWS, Trees, _choose, _groups, _sequence


def dataset(frame, target="label"):
    schema, _ = observe(infer(frame, declared=SchemaDeclaration(target=target)), frame)
    return Dataset.of(frame, {}, schema)


def fitted(data, tmp_path, seed=1, **params):
    return Trees(Trees.Params(**params)).fit(data, Context(seed=seed, folder=tmp_path))


def drawn(trees, given, tmp_path, seed=2):
    return trees.sample(given, Context(seed=seed, folder=tmp_path)).frame


def nothing(num_rows):
    return pd.DataFrame(index=pd.RangeIndex(num_rows))


@pytest.fixture
def table():
    rng = np.random.default_rng(0)
    label = rng.choice(["a", "b"], 600, p=[0.7, 0.3])
    x = np.where(label == "a", -2.0, 2.0) + rng.normal(size=600)
    frame = pd.DataFrame(
        {
            "x": x.round(3),
            "twice": (2 * x + 0.1 * rng.normal(size=600)).round(3),
            "spike": np.where(rng.random(600) < 0.4, 0.0, rng.exponential(size=600).round(4)),
            "day": pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 300, 600), "D"),
            "kind": np.where(x > 0, "up", "down"),
            "label": label,
        }
    )
    frame.loc[rng.random(600) < 0.2, "x"] = np.nan
    return dataset(frame)


def test_columns_follow_from_each_other_as_they_do_in_the_training_part(table, tmp_path):
    frame = drawn(fitted(table, tmp_path), nothing(2000), tmp_path)
    real = table.frame
    present = frame.x.notna()
    assert np.corrcoef(frame.x[present], frame.twice[present])[0, 1] > 0.95
    assert abs((frame.label == "b").mean() - 0.3) < 0.05
    assert abs(frame.x.isna().mean() - real.x.isna().mean()) < 0.05
    assert abs((frame.spike == 0).mean() - (real.spike == 0).mean()) < 0.05
    assert ((frame.kind == "up") == (frame.twice > 0)).mean() > 0.97
    assert frame.day.between(real.day.min(), real.day.max()).all()
    for label in "ab":
        assert abs(frame.twice[frame.label == label].mean() - real.twice[real.label == label].mean()) < 0.4


def test_few_numbers_of_training_rows_are_repeated_where_they_are_all_different(table, tmp_path):
    frame = drawn(fitted(table, tmp_path), nothing(600), tmp_path)
    assert frame.twice.isin(table.frame.twice).mean() < 0.3
    assert not frame.drop(columns="x").merge(table.frame.drop(columns="x")).shape[0]


@pytest.mark.parametrize("given", [{"label": "b"}, {"kind": "up"}, {"label": "b", "kind": "up"}, {"twice": -3.0}])
def test_any_columns_may_be_given_and_the_others_fit_them(table, tmp_path, given):
    asked = pd.DataFrame({name: [value] * 300 for name, value in given.items()})
    for name in given:
        asked[name] = asked[name].astype(table.frame[name].dtype)
    frame = drawn(fitted(table, tmp_path), asked, tmp_path)
    assert all((frame[name] == value).all() for name, value in given.items())
    if given.get("kind") == "up":
        assert (frame.twice > 0).mean() > 0.97
    if "twice" in given:
        assert (frame.kind == "down").mean() > 0.97
        assert abs(frame.x.mean() + 1.5) < 0.3


def test_what_is_given_comes_back_in_its_order_whatever_its_index(table, tmp_path):
    asked = pd.DataFrame({"kind": ["up", "down", "down"] * 4, "x": np.arange(12)}, index=np.arange(12)[::-1])
    frame = drawn(fitted(table, tmp_path), asked, tmp_path)
    assert frame.kind.tolist() == asked.kind.tolist()
    assert frame.x.tolist() == asked.x.tolist()
    assert (frame.kind.dtype, frame.x.dtype) == (table.frame.kind.dtype, table.frame.x.dtype)


def test_candidates_are_chosen_in_proportion_to_their_chances():
    chances = np.array([[0.1, 0.3], [0.0, 0.5], [0.0, 0.0]])
    uniforms = np.array([[0.2, 0.3], [0.0, 0.9], [0.0, 0.9]])
    assert _choose(chances, uniforms).tolist() == [[0, 1], [1, 1], [1, 1]]


def test_small_and_empty_classes_share_the_last_group(table):
    classes = np.repeat([0, 1], [MIN_OWN_ROWS, MIN_OWN_ROWS - 1])
    group_of_class, groups = _groups(classes, table.schema, 3)
    assert group_of_class.tolist() == [0, 1, 1]
    assert [len(group) for group in groups] == [MIN_OWN_ROWS, len(classes)]


def test_a_class_is_drawn_first_and_a_numeric_target_last(table):
    assert _sequence(table.schema)[0] == "label"
    assert _sequence(dataset(table.frame.dropna(), target="twice").schema)[-1] == "twice"


def test_a_label_that_no_training_row_has_is_refused(table, tmp_path):
    asked = pd.DataFrame({"kind": pd.Categorical(["sideways"])})
    with pytest.raises(DataError, match="'sideways', which no training row has"):
        drawn(fitted(table, tmp_path), asked, tmp_path)


def test_a_rare_class_shares_trees_and_keeps_its_own_values(tmp_path):
    rng = np.random.default_rng(3)
    label = np.repeat(["common", "rare"], [4 * MIN_OWN_ROWS, MIN_OWN_ROWS // 4])
    x = np.where(label == "rare", 5.0, 0.0) + rng.normal(size=len(label))
    data = dataset(pd.DataFrame({"x": x, "y": x + 0.1 * rng.normal(size=len(label)), "label": label}))
    asked = pd.DataFrame({"label": pd.Categorical(["rare"] * 400, categories=["common", "rare"])})
    frame = drawn(fitted(data, tmp_path), asked, tmp_path)
    assert frame.x.mean() > 4
    assert np.corrcoef(frame.x, frame.y)[0, 1] > 0.5


def test_a_numeric_target_is_drawn_from_all_other_columns(tmp_path):
    rng = np.random.default_rng(4)
    a, b = rng.normal(size=(2, 800))
    data = dataset(pd.DataFrame({"price": a + b, "a": a, "b": b}), target="price")
    frame = drawn(fitted(data, tmp_path), nothing(800), tmp_path)
    assert np.corrcoef(frame.price, frame.a + frame.b)[0, 1] > 0.9


def test_leaves_are_as_small_as_the_data_warrants():
    rng = np.random.default_rng(5)
    cause = rng.integers(0, 100, 4000).astype(np.int16)
    follows, by_chance = cause, rng.integers(0, 100, 4000).astype(np.int16)
    places = Response(labels=False, features=np.linspace(-1, 1, 100)[:, None])

    def mean_size(wanted):
        forest = grow(np.stack([cause, wanted], axis=1), [np.arange(4000)], [places, places], None, 0)
        sizes = forest.size[forest.roots[0, 1] :]
        return sizes[sizes > 0].mean()

    assert mean_size(follows) < 60 < 150 < mean_size(by_chance)


def test_of_a_large_training_part_a_sample_is_learnt_and_it_says_so(table, tmp_path, caplog):
    trees = fitted(table, tmp_path, max_rows=100)
    assert trees._forest.size.max() <= 100
    assert "learns from 100 of the 600 training rows" in caplog.text
    assert len(drawn(trees, nothing(50), tmp_path)) == 50


def test_the_state_holds_sorted_bins_and_no_rows(table, tmp_path):
    trees = fitted(table, tmp_path)
    trees.save(tmp_path)
    tensors, _ = read_state(tmp_path)
    leaves = np.flatnonzero(tensors["forest/size"])
    for leaf in leaves:
        start = tensors["forest/start"][leaf]
        assert (np.diff(tensors["forest/codes"][start : start + tensors["forest/size"][leaf]]) >= 0).all()
    again = Trees.load(tmp_path, Trees.Params())
    pd.testing.assert_frame_equal(drawn(again, nothing(100), tmp_path), drawn(trees, nothing(100), tmp_path))


def test_no_row_and_no_pair_of_values_of_a_row_can_be_read_from_the_state(table, tmp_path):
    fitted(table, tmp_path).save(tmp_path)
    tensors, values = read_state(tmp_path)
    sizes = tensors["forest/size"]
    assert sizes[sizes > 0].min() >= LEAF_SIZES[0]  # what is said of columns together is said of several rows
    codes, roots = tensors["forest/codes"], tensors["forest/roots"]
    rows = BinTable.from_state(values["bins"]).encode(table.frame)
    order = [tensors["group_of_class"][code] for code in rows[:, 0]]
    for group in range(len(roots)):
        in_group = rows[np.array(order) == group]
        for column in range(1, rows.shape[1]):
            start = tensors["forest/start"][roots[group, column] :].min()
            held = codes[start : start + len(in_group)]
            assert sorted(held) == sorted(in_group[:, column])  # all of the column is there,
            assert (held != in_group[:, column]).mean() > 0.3 or len(set(held)) < 4  # and not in the order of the rows
    numbers = [
        number for bins in values["bins"] if bins["name"] == "twice" for knots in bins["quantiles"] for number in knots
    ]
    assert np.isin(numbers, table.frame.twice).mean() < 0.4  # knots: the ends of bins, and what lies between values


@pytest.mark.parametrize(
    ("name", "spoil"),
    [
        ("children", lambda array: np.zeros_like(array)),
        ("children", lambda array: array + len(array)),
        ("feature", lambda array: array - 1),
        ("roots", lambda array: array - 1),
        ("start", lambda array: array + 1),
        ("roots", lambda array: array[:, 1:]),
    ],
    ids=["circle", "too-far", "no-column", "before-the-first", "past-the-end", "too-few"],
)
def test_a_spoiled_state_is_refused(table, tmp_path, name, spoil):
    fitted(table, tmp_path).save(tmp_path)
    tensors, values = read_state(tmp_path)
    tensors[f"forest/{name}"] = np.ascontiguousarray(spoil(tensors[f"forest/{name}"]))
    write_state(tmp_path, tensors, values)
    with pytest.raises(DiskError, match="do not fit together"):
        Trees.load(tmp_path, Trees.Params())


def test_a_leaf_is_drawn_as_often_as_its_bins_came():
    forest = Forest(
        roots=np.zeros((1, 1), np.int32),
        feature=np.zeros(1, np.int16),
        threshold=np.zeros(1, np.int16),
        children=np.zeros((1, 2), np.int32),
        start=np.zeros(1, np.int64),
        size=np.array([4]),
        codes=np.array([0, 2, 2, 2], np.int16),
    )
    leaves = np.zeros(4, np.int64)
    assert forest.draw(leaves, np.array([0.0, 0.24, 0.26, 0.99])).tolist() == [0, 0, 2, 2]
    chances = forest.chances(np.zeros(3, np.int64), np.arange(3), np.array([0.25, 0.0, 0.75]))
    assert chances.argsort().tolist() == [1, 0, 2]
    assert chances.sum() == pytest.approx(1)
