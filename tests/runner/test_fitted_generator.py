"""One generator, fitted on data in memory and sampled."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import augment
from augment.data import Dataset
from augment.errors import DataError, DiskError, ShortfallError, SpecError

pytestmark = pytest.mark.usefixtures("fakes")

ROWS = pd.DataFrame(
    {
        "x": np.random.default_rng(0).normal(size=40).round(3),
        "n": np.arange(40, dtype="int32") % 7,
        "colour": ["red", "blue"] * 20,
        "y": ["no"] * 30 + ["yes"] * 10,
        "customer_id": np.arange(40) + 100,
    }
)


@pytest.fixture(scope="module")
def fitted(tmp_path_factory):
    return augment.fit("bootstrap", ROWS, target="y", seed=3)


def test_rows_are_of_the_types_of_the_data_and_classes_in_its_shares(fitted):
    rows = fitted.sample(8)
    pd.testing.assert_series_equal(rows.dtypes, ROWS.dtypes)
    assert rows["y"].value_counts().to_dict() == {"no": 6, "yes": 2}
    assert not rows["y"].is_monotonic_increasing  # whoever takes the first rows has all classes among them


def test_it_says_what_it_is(fitted):
    assert repr(fitted) == "FittedGenerator('bootstrap', fitted on Dataset(40 rows, table, 4 columns, target 'y'))"
    html = fitted._repr_html_()
    assert "<td>category</td>" in html
    assert "taken for an id" in html


def test_ids_are_new_in_every_call(fitted):
    ids = pd.concat([fitted.sample(5), fitted.sample(5)])["customer_id"]
    assert ids.is_unique
    assert not ids.isin(ROWS["customer_id"]).any()
    assert any("'customer_id' is taken for an id" in note for note in fitted.notes)


def test_every_call_gives_other_rows_and_a_seed_the_same(fitted):
    names = ["x", "n", "colour", "y"]
    one, other = fitted.sample(20)[names], fitted.sample(20)[names]
    assert not one.equals(other)
    pd.testing.assert_frame_equal(fitted.sample(20, seed=5)[names], fitted.sample(20, seed=5)[names])


def test_given_is_kept_row_by_row(fitted):
    wanted = pd.DataFrame({"y": ["yes", "no", "yes"]})
    assert fitted.sample(given=wanted)["y"].tolist() == ["yes", "no", "yes"]
    assert fitted.sample(4, given={"y": "yes"})["y"].tolist() == ["yes"] * 4
    assert fitted.sample(given={"y": ["no", "yes"]})["y"].tolist() == ["no", "yes"]


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({}, "rows: expected how many rows"),
        ({"rows": -1}, "got -1"),
        ({"given": {"y": "yes"}}, "rows: expected how many rows of these values"),
        ({"rows": 3, "given": {"y": ["no"]}}, "given has 1 rows, and 3 are asked for"),
        ({"rows": 3, "given": {"z": 1}}, "no column 'z'"),
        ({"rows": 3, "given": {"y": "yess"}}, "no row of the data has 'y' 'yess'; it is one of 'no', 'yes'"),
        ({"rows": 3, "given": {"colour": "red"}}, "can be asked for the target, 'y', alone"),
    ],
)
def test_what_it_cannot_be_asked_for_is_refused_in_words(fitted, asked, message):
    with pytest.raises(SpecError, match=message):
        fitted.sample(**asked)


def test_any_column_is_given_where_the_generator_can(fitted):
    any_column = augment.fit("fake-any", ROWS, target="y")
    rows = any_column.sample(given=pd.DataFrame({"colour": ["blue", "red"], "n": [6, 2]}))
    assert rows[["colour", "n"]].to_numpy().tolist() == [["blue", 6], ["red", 2]]
    assert len(fitted.sample(0)) == 0


def test_it_is_the_generator_of_a_run_on_these_rows(tmp_path):
    """Its rows are those that a run's generator makes of this training part with this seed."""
    ROWS.to_parquet(tmp_path / "rows.parquet")
    tree = {
        "seed": 3,
        "source": {"use": "parquet", "with": {"path": "rows.parquet"}},
        "schema": {"target": "y"},
        "generators": ["smote"],
        "transforms": [],
        "trial": False,
        "metrics": [],
        "reporters": [],
        "filters": [],
    }
    frame = ROWS.drop(columns=["colour", "customer_id"])
    frame.to_parquet(tmp_path / "rows.parquet")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path)
        run = augment.run(tree, out=tmp_path / "run", workers=0)
    train = run.real.data.frame.astype({"y": "str"})
    augment.sample(run.folder, rows=30, out=tmp_path / "more.parquet", workers=0)
    more = pd.read_parquet(tmp_path / "more.parquet").drop(columns="origin").astype({"y": "str"})
    ours = augment.fit("smote", train.astype({"n": "int32"}), target="y", seed=3).sample(30)
    order = ["y", "x", "n"]
    pd.testing.assert_frame_equal(
        ours.sort_values(order, ignore_index=True), more.sort_values(order, ignore_index=True), check_dtype=False
    )


def test_it_is_saved_and_loaded(tmp_path, fitted):
    first = augment.fit("smote", ROWS[["x", "n"]], ROWS["y"], seed=3)
    place = first.save(tmp_path / "generator")
    X, y = first.sample(6)
    loaded = augment.load(place)
    assert (loaded.name, loaded.schema, loaded.notes) == (first.name, first.schema, first.notes)
    X_loaded, y_loaded = loaded.sample(6)
    pd.testing.assert_frame_equal(X, X_loaded)
    pd.testing.assert_series_equal(y, y_loaded)
    with pytest.raises(SpecError, match="exists; name another folder"):
        first.save(place)
    assert Dataset.load(place / "train").frame["x"].tolist() == ROWS["x"].tolist()


@pytest.mark.parametrize("file", ["fitted.json", "train/frame.arrow", "model/generator.json"])
def test_a_saved_generator_that_was_changed_is_refused(tmp_path, fitted, file):
    place = fitted.save(tmp_path / "generator")
    with (place / file).open("ab") as changed:
        changed.write(b" ")
    with pytest.raises(DiskError, match="not what was written"):
        augment.load(place)


def test_losses_are_kept(tmp_path):
    settings = {"steps": 10, "rows_per_component": 200}
    fitted = augment.fit("vae", ROWS[["x", "n", "y"]], target="y", settings=settings)
    assert fitted.losses["step"].is_monotonic_increasing
    assert fitted.losses.shape[1] > 1
    loaded = augment.load(fitted.save(tmp_path / "vae"))
    pd.testing.assert_frame_equal(loaded.losses, fitted.losses)


def test_rows_that_stay_outside_the_schema_are_missing_with_the_reason():
    schema = {"columns": {"x": {"min": 1000.0}}}
    never = augment.fit("bootstrap", ROWS[["x", "y"]], target="y", schema=schema)
    with pytest.raises(ShortfallError, match="8 of 8 rows are missing after 10 rounds: 80 of 80 candidates"):
        never.sample(8)


@pytest.mark.parametrize(
    ("generator", "changes", "message"),
    [
        ("smoot", {}, "^generator: 'smoot' is not installed; did you mean 'smote'"),
        ("smote", {"settings": {"k": 3}}, "^settings.k: unknown key; the keys here are .*n_neighbors"),
        ("smote", {"x": None}, "missing values, and column 'x' has some; fill them in before"),
        ("smote", {"target": None}, "a numeric target or a target with classes, and this dataset has no target"),
        ("albumentations", {}, "it works on image, and this dataset is of kind table"),
        ("csv", {}, "'csv' is a sink and a source; expected a generator"),
        ("smote", {"device": "gpu"}, "^device: expected auto, cpu"),
    ],
)
def test_mistakes_are_refused_in_the_words_of_the_call(generator, changes, message):
    frame = ROWS.assign(x=ROWS["x"].mask(ROWS["n"] == 0)) if "x" in changes else ROWS
    options = {"target": "y", **{key: value for key, value in changes.items() if key != "x"}}
    with pytest.raises(SpecError, match=message):
        augment.fit(generator, frame, **options)


def test_the_data_is_refused_without_the_name_of_a_file():
    with pytest.raises(DataError, match=r"^the data: column 'x', data row 1: an infinite number"):
        augment.fit("smote", ROWS.assign(x=np.inf), target="y")
    with pytest.raises(DataError, match=r"^the target 'y' is missing in 10 of 40 rows"):
        augment.fit("smote", ROWS.assign(y=ROWS["y"].mask(ROWS["y"] == "yes")), target="y")


def test_nothing_is_written_unless_asked(tmp_path, store, monkeypatch):
    monkeypatch.chdir(tmp_path)
    augment.fit("bootstrap", ROWS, target="y").sample(3)
    assert not list(tmp_path.iterdir())
    assert not list(store.iterdir())
