from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from example_data import typed

from augment.data import Dataset, infer
from augment.errors import DataError, DiskError
from augment.plugin import read_state, write_state
from augment.plugin.context import Checkpoint, Context
from augment_rnn.tables import TableRnn, sequence

QUICK = TableRnn.Params(steps=6, batch_size=8, width=8)
THOROUGH = TableRnn.Params(steps=250, batch_size=64, width=24, learning_rate=1e-2, dropout=0.0)


def customers(num_rows=600):
    """Age decides about the label, and the label about the town; income is many numbers."""
    rng = np.random.default_rng(0)
    age = rng.integers(18, 80, num_rows)
    label = np.where(age + rng.normal(0, 5, num_rows) > 50, "yes", "no")
    town = np.where(rng.random(num_rows) < 0.9, np.where(label == "yes", "east", "west"), "north")
    income = np.round(rng.lognormal(8, 0.5, num_rows) + 20 * age, 2)
    return pd.DataFrame({"age": age, "income": income, "town": town, "label": label})


def context(tmp_path, seed=1, **fields):
    return Context(seed=seed, folder=tmp_path, **fields)


@pytest.fixture(scope="module")
def learnt(tmp_path_factory):
    return TableRnn(THOROUGH).fit(typed(customers(), "label"), context(tmp_path_factory.mktemp("fit")))


@pytest.fixture(scope="module")
def quick(tmp_path_factory):
    return TableRnn(QUICK).fit(typed(customers(80), "label"), context(tmp_path_factory.mktemp("fit")))


def nothing_given(num_rows):
    return pd.DataFrame(index=pd.RangeIndex(num_rows))


def saved(generator, folder):
    folder.mkdir()
    generator.save(folder)
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_columns_follow_each_other_as_in_the_training_rows(learnt, tmp_path):
    rows = learnt.sample(nothing_given(2_000), context(tmp_path)).frame
    is_yes = rows["label"] == "yes"
    assert is_yes.mean() == pytest.approx(0.5, abs=0.1)
    assert rows["age"][is_yes].mean() - rows["age"][~is_yes].mean() > 20
    assert (rows["town"][is_yes] == "east").mean() > 0.7
    assert (rows["town"][~is_yes] == "east").mean() < 0.15


def test_columns_depend_on_the_class_before_any_step(tmp_path):
    untrained = TableRnn.Params(steps=1, batch_size=8, width=8, learning_rate=1e-9)
    generator = TableRnn(untrained).fit(typed(customers(200), "label"), context(tmp_path))
    given = pd.DataFrame({"label": pd.Categorical(["yes", "no"] * 500, categories=["no", "yes"])})
    rows = generator.sample(given, context(tmp_path)).frame
    assert rows["age"][::2].mean() - rows["age"][1::2].mean() > 20
    assert (rows["town"][::2] == "east").mean() > 0.7
    assert set(rows["town"][1::2]) == {"east", "west", "north"}  # no label is impossible


def test_a_short_fit_measures_no_more_rows_than_it_learns_from(tmp_path):
    steps = []
    settings = TableRnn.Params(steps=6, batch_size=4, width=8)
    made = context(tmp_path, progress=lambda step, total, losses: steps.append(step))
    TableRnn(settings).fit(typed(customers(80), "label"), made)
    assert steps == [2, 4, 6]


def test_labels_are_as_frequent_as_in_the_training_rows_before_any_step(tmp_path):
    untrained = TableRnn.Params(steps=1, batch_size=8, width=8, learning_rate=1e-9)
    data = typed(customers(200), "label")
    rows = TableRnn(untrained).fit(data, context(tmp_path)).sample(pd.DataFrame(index=range(2_000)), context(tmp_path))
    shares = [frame["label"].astype("str").eq("yes").mean() for frame in (data.frame, rows.frame)]
    assert shares[1] == pytest.approx(shares[0], abs=0.05)


def test_a_network_of_an_earlier_version_is_refused(quick, tmp_path):
    quick.save(tmp_path)
    tensors, values = read_state(tmp_path)
    (name,) = (name for name in tensors if name.endswith("bias_LC"))
    tensors[name.replace("bias_LC", "bias_C")] = tensors.pop(name)[0]
    write_state(tmp_path, tensors, values)
    generator = TableRnn.load(tmp_path, QUICK)
    with pytest.raises(DiskError, match="an earlier version stored them; fit the generator again"):
        generator.sample(pd.DataFrame(index=range(2)), context(tmp_path))


def test_given_classes_come_back_with_features_that_belong_to_them(learnt, tmp_path):
    given = pd.DataFrame({"label": pd.Categorical(["yes", "no"] * 500, categories=["no", "yes"])})
    rows = learnt.sample(given, context(tmp_path)).frame
    assert (rows["label"].astype("str") == given["label"].astype("str")).all()
    assert rows["age"][::2].mean() - rows["age"][1::2].mean() > 20


def test_a_later_column_that_is_given_decides_about_earlier_ones(learnt, tmp_path):
    given = pd.DataFrame({"town": ["east", "west"] * 100})
    rows = learnt.sample(given, context(tmp_path)).frame
    assert rows["town"].astype("str").tolist() == given["town"].tolist()
    assert (rows["label"][::2] == "yes").mean() > 0.8
    assert (rows["label"][1::2] == "no").mean() > 0.8
    assert rows["age"][::2].mean() - rows["age"][1::2].mean() > 15


def test_given_numbers_come_back_to_the_bit_even_when_no_training_row_has_them(quick, tmp_path):
    given = pd.DataFrame({"income": [1234.56789, 1e300, -1.0], "age": [20, 999, -5]})
    rows = quick.sample(given, context(tmp_path)).frame
    assert rows["income"].tolist() == given["income"].tolist()
    assert rows["age"].tolist() == given["age"].tolist()


def test_a_label_that_no_training_row_has_is_refused_in_words(quick, tmp_path):
    with pytest.raises(DataError, match="'town' is 'south', which no training row has"):
        quick.sample(pd.DataFrame({"town": ["east", "south"]}), context(tmp_path))


@pytest.mark.parametrize("columns", [["label"], ["town"], [], ["age", "income", "town", "label"]])
def test_fewer_rows_are_a_prefix_of_more(quick, tmp_path, columns):
    given = typed(customers(80), "label").frame[columns]
    whole = quick.sample(given, context(tmp_path))
    for num_rows in (1, 31, 32, 33):
        part = quick.sample(given.iloc[:num_rows], context(tmp_path))
        assert part.equals(whole.take(slice(0, num_rows))), num_rows


def test_rows_do_not_depend_on_how_many_batches_there_are(quick, tmp_path):
    whole = quick.sample(nothing_given(2_100), context(tmp_path))
    assert quick.sample(nothing_given(1_025), context(tmp_path)).equals(whole.take(slice(0, 1_025)))


def test_no_rows_can_be_asked_for(quick, tmp_path):
    assert len(quick.sample(pd.DataFrame({"town": pd.Series([], dtype="str")}), context(tmp_path))) == 0


def test_loaded_generator_makes_the_same_rows(quick, tmp_path):
    saved(quick, tmp_path / "state")
    loaded = TableRnn.load(tmp_path / "state", QUICK)
    assert loaded.sample(nothing_given(9), context(tmp_path)).equals(quick.sample(nothing_given(9), context(tmp_path)))


def test_two_fits_with_one_seed_save_the_same_bytes_and_another_seed_others(tmp_path):
    data = typed(customers(40), "label")
    one, again, other = (
        saved(TableRnn(QUICK).fit(data, context(tmp_path, seed)), tmp_path / name)
        for seed, name in ((1, "one"), (1, "again"), (2, "other"))
    )
    assert one == again
    assert one != other


@pytest.mark.parametrize(
    "frame",
    [
        pd.DataFrame({"x": [0.5, 1.5]}),
        pd.DataFrame({"x": [None, 2.0, 3.0], "empty": [None, None, None], "same": [1, 1, 1]}),
        pd.DataFrame({"eval('1')": ["<b>"] * 30, "same": [4.25] * 30}),
        pd.DataFrame({"c": [f"label {n}" for n in range(1_500)] * 2}),
    ],
    ids=["two rows", "missing", "constant", "many labels"],
)
def test_odd_tables_give_rows_under_their_schema(tmp_path, frame):
    data = typed(frame, **{name: "category" for name in frame if name == "c"})
    rows = TableRnn(QUICK).fit(data, context(tmp_path)).sample(nothing_given(50), context(tmp_path))
    assert rows.schema == data.schema
    for name in frame:
        known = data.frame[name].dropna()
        made = rows.frame[name].dropna()
        assert made.isin(known).all() or made.between(known.min(), known.max()).all()


def test_classes_are_drawn_first_and_a_numeric_target_last():
    data = typed(customers(80), "label")
    assert sequence(data.schema) == ["label", "age", "income", "town"]
    assert sequence(typed(customers(80), "age").schema) == ["income", "town", "label", "age"]
    assert sequence(typed(customers(80)).schema) == ["age", "income", "town", "label"]


def test_few_rows_are_not_memorised(tmp_path):
    data = typed(customers(50), "label")
    rows = TableRnn().fit(data, context(tmp_path)).sample(nothing_given(1_000), context(tmp_path))
    assert not np.isin(rows.row_hashes(), data.row_hashes()).any()
    assert rows.frame["income"].nunique() > 500


def test_arrays_are_refused_in_words(tmp_path):
    frame = pd.DataFrame({"x": [1.0, 2.0]})
    arrays = {"embedding": np.zeros((2, 3), dtype=np.float32)}
    data = Dataset.of(frame, arrays, infer(frame, arrays))
    with pytest.raises(DataError, match="rnn: cannot make the array 'embedding'"):
        TableRnn(QUICK).fit(data, context(tmp_path))


def test_the_loss_on_rows_held_back_is_reported(tmp_path):
    seen = []
    keep = Checkpoint(tmp_path / "checkpoint")
    data = typed(customers(40), "label")
    TableRnn(QUICK).fit(data, context(tmp_path, checkpoint=keep, progress=lambda *record: seen.append(record)))
    assert [step for step, _, _ in seen] == [1, 2, 3, 4, 5, 6]
    assert all(set(losses) == {"loss", "validation loss"} for _, _, losses in seen)


def test_weights_decay(tmp_path):
    data = typed(customers(40), "label")
    before, after = (
        TableRnn(QUICK.model_copy(update={"weight_decay": decay})).fit(data, context(tmp_path)).weights
        for decay in (0.0, 10.0)
    )
    assert np.abs(after["recur.weight"]).sum() < np.abs(before["recur.weight"]).sum()
