from __future__ import annotations

import json
import shutil

import numpy as np
import pandas as pd
import pytest

from augment.errors import DataError, DiskError, SpecError
from augment.runner.run import run
from augment.runner.sample_finished_run import sample

pytestmark = pytest.mark.usefixtures("fakes")


@pytest.fixture
def done(spec):
    """A finished run with two generators."""
    generators = ["fake-move", {"id": "free", "use": "fake-free"}]
    return run(spec(generators=generators, trial=False, metrics=[], reporters=[], mix={"rows": 10}), workers=0)


@pytest.fixture
def draw(done, tmp_path):
    def draw(out="more.csv", rows=30, generator="fake-move", folder=None, **settings):
        return sample(folder or done.folder, rows=rows, generator=generator, out=tmp_path / out, workers=0, **settings)

    return draw


@pytest.mark.parametrize(("ending", "read"), [("csv", pd.read_csv), ("parquet", pd.read_parquet)])
def test_rows_are_written_as_the_ending_says(draw, ending, read):
    frame = read(draw(f"more.{ending}"))
    assert list(frame.columns) == ["x", "y", "label", "origin"]
    assert frame["origin"].tolist() == ["fake-move"] * 30
    assert set(frame["label"]) == {"no", "yes"}


def test_arrays_are_written_too(draw):
    with np.load(draw("more.npz")) as arrays:
        assert len(arrays["label"]) == 30


def test_the_link_to_the_latest_run_will_do(draw, done):
    assert len(pd.read_csv(draw(folder=done.folder.parent / "fake"))) == 30


def test_the_same_request_gives_the_same_bytes_and_another_seed_others(draw):
    first = draw("a.csv").read_bytes()
    assert draw("b.csv").read_bytes() == first
    assert draw("c.csv", seed=99).read_bytes() != first


def test_rows_are_none_of_those_that_the_run_made(draw, done):
    made = pd.read_csv(done.folder / "data" / "train.csv")
    assert not set(pd.read_csv(draw())["x"]) & set(made["x"])


def test_a_class_can_be_asked_for(draw):
    assert set(pd.read_csv(draw(where={"label": "yes"}))["label"]) == {"yes"}


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"generator": None}, r"several generators, fake-move, free; choose one with --generator"),
        ({"generator": "fake-mover"}, r"no such generator; did you mean 'fake-move'\?"),
        ({"where": {"labe": "yes"}}, r"--where labe=yes: there is no such column; did you mean 'label'\?"),
        ({"where": {"label": "yess"}}, r"no training row has this value; did you mean 'yes'\?"),
        ({"where": {"zzz": "yes"}}, r"--where zzz=yes: there is no such column; there are .*label"),
        ({"out": "more"}, r"a folder cannot hold data of kind table; .*\.csv or .*\.npz or \.parquet or \.tsv"),
        ({"where": {"x": "1"}}, r"generator 'fake-move' can be asked for the target, 'label', alone"),
        ({"generator": "free", "where": {"label": "yes"}}, r"generator 'free' can be asked for no column"),
        ({"out": "more.docx"}, r"'\.docx' is not a known format; expected .*\.csv, .*\.inter, .*\.npz, \.parquet"),
    ],
)
def test_what_cannot_be_drawn_is_refused_and_nothing_is_written(draw, tmp_path, settings, says):
    before = sorted(tmp_path.iterdir())
    with pytest.raises(SpecError, match=says):
        draw(**settings)
    assert sorted(tmp_path.iterdir()) == before


def test_any_column_can_be_asked_for_where_the_generator_can(spec, tmp_path):
    sections = {"source": {"use": "fake-rows", "with": {"target": "y"}}, "generators": ["fake-any"]}
    done = run(spec(**sections, trial=False, metrics=[], reporters=[], mix={"rows": 5}), workers=0)
    file = sample(done.folder, rows=5, out=tmp_path / "more.csv", where={"y": "1.5", "label": "yes"}, workers=0)
    frame = pd.read_csv(file)
    assert frame["y"].tolist() == [1.5] * 5
    assert frame["label"].tolist() == ["yes"] * 5


def test_a_numeric_target_cannot_be_asked_for(spec, tmp_path):
    source = {"use": "fake-rows", "with": {"target": "y"}}
    done = run(spec(source=source, trial=False, metrics=[], reporters=[], mix={"rows": 5}), workers=0)
    with pytest.raises(SpecError, match=r"generator 'fake-move' can be asked for no column"):
        sample(done.folder, rows=5, out=tmp_path / "more.csv", where={"y": "1.5"}, workers=0)


def test_a_file_that_is_there_is_replaced_on_request_alone(draw, tmp_path):
    (tmp_path / "more.csv").write_text("mine")
    with pytest.raises(SpecError, match=r"more\.csv exists; name another file, or replace it with --overwrite"):
        draw()
    assert (tmp_path / "more.csv").read_text() == "mine"
    assert len(pd.read_csv(draw(overwrite=True))) == 30
    assert not list(tmp_path.glob(".more*"))


def test_a_folder_with_files_is_never_replaced(draw, tmp_path):
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "holiday.jpg").write_text("me")
    with pytest.raises(SpecError, match="--overwrite replaces files, not folders"):
        draw("photos", overwrite=True)
    assert (tmp_path / "photos" / "holiday.jpg").read_text() == "me"


def test_the_training_part_is_read_again_where_the_store_has_lost_it(draw, store):
    first = draw("a.csv").read_bytes()
    shutil.rmtree(store)
    assert draw("b.csv").read_bytes() == first


def test_a_changed_source_is_refused_where_the_store_has_lost_the_training_part(spec, tmp_path, store):
    frame = pd.DataFrame({"x": np.arange(40) / 7, "label": ["a", "b"] * 20})
    frame.to_csv(tmp_path / "data.csv", index=False)
    source = {"use": "csv", "with": {"path": "data.csv"}}
    sections = {"source": source, "schema": {"target": "label"}, "mix": {"rows": 5}, "trial": False}
    done = run(spec(**sections, metrics=[], reporters=[]), workers=0)
    frame.assign(x=frame["x"] + 1).to_csv(tmp_path / "data.csv", index=False)
    shutil.rmtree(store)
    shutil.rmtree(done.folder / "data")
    with pytest.raises(DataError, match=r"its source has changed since"):
        sample(done.folder, rows=5, out=tmp_path / "more.csv", workers=0)


def _moved(spec, tmp_path):
    """A finished run whose source file is somewhere else now."""
    rows = [f"{number / 7:.3f},{'yes' if number % 3 else 'no'}" for number in range(60)]
    (tmp_path / "data.csv").write_text("\n".join(["x,label", *rows]) + "\n")
    source = {"use": "csv", "with": {"path": "data.csv"}}
    path = spec(source=source, schema={"target": "label"}, trial=False, metrics=[], reporters=[])
    made = run(path, workers=0)
    (tmp_path / "data.csv").rename(tmp_path / "elsewhere.csv")
    return made


def test_a_source_that_was_moved_is_not_needed_while_the_store_has_the_training_part(spec, tmp_path):
    done = _moved(spec, tmp_path)
    assert len(pd.read_csv(sample(done.folder, rows=5, out=tmp_path / "more.csv", workers=0))) == 5


def test_a_source_that_was_moved_is_named_where_the_store_has_lost_the_training_part(spec, tmp_path, store):
    done = _moved(spec, tmp_path)
    shutil.rmtree(store / "objects")
    shutil.rmtree(done.folder / "data")
    with pytest.raises(DataError, match=r"no longer in the store, and cannot be made again .*data\.csv"):
        sample(done.folder, rows=5, out=tmp_path / "more.csv", workers=0)


def test_a_changed_model_is_refused(draw, done):
    state = done.folder / "models" / "fake-move" / "state.json"
    state.write_text(json.dumps({"x": 1000.0}))
    with pytest.raises(DiskError, match=r"state\.json is missing or is not what the run wrote"):
        draw()


def test_a_folder_that_is_no_run_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"is not the folder of a finished run"):
        sample(tmp_path, rows=5, out=tmp_path / "more.csv")


def test_ids_go_on_where_the_run_ended(spec, tmp_path):
    columns = {"n": range(100, 160), "word": [f"c{number}" for number in range(60)], "x": np.arange(60) / 7}
    frame = pd.DataFrame({**columns, "label": ["a", "b", "b"] * 20})
    frame.to_csv(tmp_path / "data.csv", index=False)
    ids = {name: {"type": "id"} for name in ("n", "word")}
    source = {"use": "csv", "with": {"path": "data.csv"}}
    path = spec(source=source, schema={"target": "label", "columns": ids}, mix={"rows": 5}, trial=False, metrics=[])
    done = run(path, workers=0)
    written = pd.read_csv(done.folder / "data" / "train.csv")
    assert written["n"].dtype == np.int64
    assert written["n"][written["origin"] != "real"].tolist() == [160, 161, 162, 163, 164]
    assert done.synthetic.frame["n"].dtype == np.int64
    more = pd.read_csv(sample(done.folder, rows=3, out=tmp_path / "more.csv", workers=0))
    assert list(more.columns) == list(written.columns)
    assert more["n"].tolist() == [165, 166, 167]
    assert more["word"].tolist() == ["synthetic-5", "synthetic-6", "synthetic-7"]


def test_more_series_have_the_form_of_the_run_with_new_ids_and_times(tmp_path, monkeypatch):
    monkeypatch.setenv("AUGMENT_STORE", str(tmp_path / "store"))
    days = range(13, 18)
    rows = [f"{day}.01.2024;s{number};{day},{number % 9};{'ab'[number % 2]}" for number in range(12) for day in days]
    (tmp_path / "sensors.csv").write_text("day;sensor;x;label\n" + "\n".join(rows) + "\n")
    with_settings = {"key": "sensor", "time": "day", "delimiter": ";", "decimal": ","}
    source = {"path": str(tmp_path / "sensors.csv"), "date_format": "%d.%m.%Y", **with_settings}
    tree = {
        "name": "sensors",
        "source": {"use": "series-csv", "with": source},
        "schema": {"target": "label"},
        "generators": ["bootstrap"],
        "mix": {"rows": 4},
        "trial": False,
        **{section: [] for section in ("filters", "metrics", "reporters")},
        "sinks": [{"use": "series-csv", "with": {**with_settings, "order": ["day", "sensor", "x", "label"]}}],
    }
    finished = run(tree, out=tmp_path / "run", workers=0)
    out = sample(finished.folder, rows=3, out=tmp_path / "more.csv", workers=0)
    more = pd.read_csv(out, sep=";", decimal=",")
    assert list(more.columns) == ["day", "sensor", "x", "label", "origin"]
    assert more["sensor"].unique().tolist() == ["synthetic-4", "synthetic-5", "synthetic-6"]
    assert more["day"].tolist() == [f"{day}.01.2024" for day in days] * 3
    assert more["x"].dtype == "float64"
