"""Data in memory as the source of a run."""

from __future__ import annotations

import shutil

import numpy as np
import pandas as pd
import pytest

import augment
from augment.errors import DataError, SpecError

RNG = np.random.default_rng(0)
ROWS = pd.DataFrame({"x": RNG.normal(size=40), "z": RNG.normal(size=40), "y": ["no"] * 28 + ["yes"] * 12})
NOTHING_MORE = {"trial": False, "metrics": [], "reporters": [], "filters": []}


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*data, **options):
    return augment.run(*data, **{"generators": ["bootstrap"], "workers": 0, **NOTHING_MORE, **options})


def _data(run):
    return {path.name: path.read_bytes() for path in (run.folder / "data").iterdir()}


def test_it_writes_what_it_would_of_the_file(place):
    ROWS.to_parquet("rows.parquet")
    tree = {"source": {"use": "parquet", "with": {"path": "rows.parquet"}}, "schema": {"target": "y"}}
    of_file = augment.run({**tree, "generators": ["bootstrap"], **NOTHING_MORE}, workers=0)
    in_memory = run(ROWS, target="y")
    assert in_memory.manifest.source == of_file.manifest.source
    assert _data(in_memory) == _data(of_file)


def test_all_that_augment_does_with_a_run_works(place, store):
    done = run(ROWS[["x", "z"]].to_numpy(), ROWS["y"].tolist())
    assert done.schema.target == "target"
    assert augment.sample(done.folder, rows=5, out="more.csv", workers=0).is_file()
    again = augment.run(done.resolved, workers=0)
    assert again.key == done.key
    assert len(list((store / "objects").glob("data-*"))) == 1


def test_the_hold_out_may_be_in_memory_too(place):
    tree = {"source": ROWS[10:], "schema": {"target": "y"}, "split": {"test": ROWS[:10]}, "generators": ["bootstrap"]}
    done = augment.run({**tree, **NOTHING_MORE}, workers=0)
    assert len(done.test) == 10
    assert done.manifest.test_source.rows == 10


def test_a_copy_of_the_data_makes_the_run_whole(place, store):
    done = run(ROWS, target="y", keep_data=True)
    without = run(ROWS, target="y")
    assert _data(done) == _data(without)
    shutil.rmtree(store)
    moved = shutil.copytree(done.folder, place / "elsewhere" / "run")
    again = augment.run(moved / "resolved.yaml", workers=0, out=place / "again")
    assert _data(again) == _data(done)
    with pytest.raises(SpecError, match="there is no file or folder"):
        augment.run(without.resolved, workers=0)


def test_a_run_with_a_copy_is_not_taken_for_one_without(place, monkeypatch):
    monkeypatch.setattr("augment.storage.stamps.SETTLED_NS", 0)  # as if the files had been there for a while
    runs = [run(ROWS, target="y", keep_data=keep_data) for keep_data in (False, True, False)]
    assert [(done.folder / "sources").is_dir() for done in runs] == [False, True, False]


def test_check_takes_the_same(place):
    found = augment.check(ROWS, target="y", generators=["bootstrap"], mix={"rows": 7}, workers=0, **NOTHING_MORE)
    assert sum(rows for _, _, rows in found.plan) == 7
    assert augment.check(ROWS, target="y", generators=["bootstrap"], data=False).rows is None


@pytest.mark.parametrize(
    ("data", "options", "error", "message"),
    [
        ({}, {"target": "y"}, SpecError, "^target, generators, trial.*: expected with data alone"),
        (ROWS, {"target": "y", "generators": None}, SpecError, "generators: "),
        (ROWS, {"target": "w"}, DataError, "target='w' is not a column"),
        (ROWS.assign(y=None), {"target": "y"}, DataError, "^the data: target 'y' is missing in 40 of 40 rows"),
        (ROWS, {"target": "y", "generators": ["albumentations"]}, SpecError, "'albumentations' cannot be used"),
    ],
)
def test_mistakes_are_refused_in_words(place, data, options, error, message):
    with pytest.raises(error, match=message):
        run(data, **options)


def test_no_generator_is_no_run(place):
    with pytest.raises(SpecError, match=r"such as generators=\[\"trees\"\]"):
        augment.run(ROWS, target="y")
