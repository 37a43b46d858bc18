from __future__ import annotations

import json
import shutil

import numpy as np
import pandas as pd
import pytest
from fake_pipeline import ASSESSED
from slowly import slowly

from augment.errors import DataError
from augment.runner.check import check
from augment.runner.run import run
from augment.runner.sample_finished_run import sample

pytestmark = pytest.mark.usefixtures("fakes")
MARK = 1e6  # what the numbers of held-out rows are larger than


@pytest.fixture
def frame():
    rng = np.random.default_rng(2)
    x = rng.normal(size=60).round(3)
    return pd.DataFrame({"x": x, "label": np.where(np.arange(60) % 3 == 0, "yes", "no"), "fold": np.arange(60) % 5})


@pytest.fixture
def own(spec, tmp_path, frame):
    """A pipeline on `train.csv` and `test.csv`, made of the frame; the held-out rows are marked."""

    def own(test=None, columns=("x", "label"), **sections):
        held = frame["fold"] == 4
        frame.loc[held, "x"] += 2 * MARK
        frame.loc[~held, list(columns)].to_csv(tmp_path / "train.csv", index=False)
        (frame.loc[held, list(columns)] if test is None else test).to_csv(tmp_path / "test.csv", index=False)
        source, of_test = ({"use": "csv", "with": {"path": f"{name}.csv"}} for name in ("train", "test"))
        split = {"test": of_test, **sections.pop("split", {})}
        return spec(source=source, split=split, **{"schema": {"target": "label"}, **sections})

    return own


@pytest.fixture
def by_fold(spec, tmp_path, frame):
    def by_fold(values, **sections):
        frame.to_csv(tmp_path / "all.csv", index=False)
        split = {"column": "fold", "test": values, **sections.pop("split", {})}
        source = {"use": "csv", "with": {"path": "all.csv"}}
        return spec(source=source, split=split, **{"schema": {"target": "label"}, **sections})

    return by_fold


def part(done, name):
    return pd.read_csv(done.folder / "data" / f"{name}.csv")


def test_the_hold_out_may_be_a_file_of_its_own(own, tmp_path):
    path = own()
    done = run(path, workers=0)
    assert part(done, "test")["x"].tolist() == pd.read_csv(tmp_path / "test.csv")["x"].tolist()
    assert (
        part(done, "train").query("origin == 'real'")["x"].tolist() == pd.read_csv(tmp_path / "train.csv")["x"].tolist()
    )
    assert (done.manifest.source.rows, done.manifest.test_source.rows) == (48, 12)
    assert done.metrics.rows.model_dump(include={"read", "train", "test"}) == {"read": 60, "train": 48, "test": 12}
    assert done.split == {"train": list(range(48)), "test": list(range(12)), "dropped": []}
    assert run(path, workers=0).already_done
    again = run(done.resolved, workers=0, out=tmp_path / "again")
    assert again.key == done.key
    shutil.move(tmp_path / "train.csv", tmp_path / "elsewhere.csv")
    sample(done.folder, rows=5, out=tmp_path / "more.csv", workers=0)
    assert list(pd.read_csv(tmp_path / "more.csv")) == ["x", "label", "origin"]


def test_other_test_rows_make_another_run_and_the_same_fits(own, tmp_path):
    path = own()
    first = run(path, workers=0)
    test = pd.read_csv(tmp_path / "test.csv")
    test.assign(x=test["x"] + 1).to_csv(tmp_path / "test.csv", index=False)
    second = run(path, workers=0)
    assert (first.key != second.key, first.manifest.train) == (True, second.manifest.train)
    assert [entry.from_store for entry in second.manifest.stages if entry.stage == "fit"] == [True]


@pytest.mark.parametrize("mix", [{"rows": 30}, {"rows": "auto", "search": {"seeds": 2, "amounts": ["1x"]}}])
@pytest.mark.parametrize("kind", ["column", *slowly(["file"])])
def test_no_component_that_learns_ever_sees_a_held_out_row(kind, mix, own, by_fold, frame, monkeypatch):
    import augment_fake

    seen = {}

    def watch(cls, method, rows_of):
        real = getattr(cls, method)

        def watched(self, *args, **more):
            for rows in rows_of(*args):
                seen.setdefault(f"{cls.__name__}.{method}", []).append(rows.frame)
            return real(self, *args, **more)

        monkeypatch.setattr(cls, method, watched)

    watch(augment_fake.Move, "fit", lambda data, context: [data, context.train])
    watch(augment_fake.Move, "sample", lambda given, context: [context.train])
    watch(augment_fake.Reject, "fit", lambda data, pilot, context: [data, pilot])
    watch(augment_fake.Reject, "judge", lambda data, context: [data])
    watch(augment_fake.Centroids, "fit", lambda data, context, *weights: [data])
    sections = {"filters": ["fake-reject"], "mix": mix, "transforms": ["impute"], **ASSESSED}
    if kind == "file":
        path = own(**sections)
    else:
        frame.loc[frame["fold"] == 4, "x"] += 2 * MARK
        path = by_fold([4], **sections)
    run(path, workers=0)
    assert set(seen) == {"Move.fit", "Move.sample", "Reject.fit", "Reject.judge", "Centroids.fit"}
    for where, frames in seen.items():
        assert all(found["x"].max() < MARK and "fold" not in found for found in frames), where


def test_what_differs_is_noted(own, frame):
    held = pd.DataFrame({"x": [*frame["x"][:2], 9.0], "label": [*frame["label"][:2], "maybe"], "extra": 1})
    notes = check(own(test=held), workers=0).notes
    assert "columns that only test.csv has are left out: 'extra'" in notes
    assert any(note.startswith("2 of 3 held-out rows are exact duplicates of training rows") for note in notes)
    assert any(
        "target 'label': 1 of 3 held-out rows have labels that no training row has ('maybe')" in n for n in notes
    )


def test_duplicates_of_the_test_rows_can_be_dropped(own, frame):
    done = run(own(test=frame[["x", "label"]].iloc[:2], split={"dedupe": "drop"}), workers=0)
    assert done.split == {"train": list(range(2, 48)), "test": [0, 1], "dropped": [0, 1]}


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda test: test.drop(columns="x"), r"test\.csv: lacks 'x', which the training rows have"),
        (lambda test: test.drop(columns="label"), r"test\.csv: schema: target 'label' is not in the data"),
        (lambda test: test.assign(x="w"), r"test\.csv: column 'x' is of type number in train.csv and cate"),
        (
            lambda test: test.assign(label=[None, *test["label"][1:]]),
            r"test\.csv: target 'label' is missing in 1 of",
        ),
    ],
)
def test_test_rows_that_do_not_fit_are_refused(own, frame, change, says):
    with pytest.raises(DataError, match=says):
        check(own(test=change(frame.loc[frame["fold"] == 4, ["x", "label"]])), workers=0)


def test_a_columns_values_may_hold_rows_out(by_fold, frame):
    done = run(by_fold([4, 3]), workers=0)
    assert done.split["test"] == np.flatnonzero(frame["fold"] > 2).tolist()
    assert "rows with '4', '3' are held out; rows with '0', '1', '2' are for training" in "\n".join(done.metrics.notes)
    train, test = part(done, "train"), part(done, "test")
    assert test["fold"].tolist() == frame["fold"][frame["fold"] > 2].tolist()
    assert train.query("origin == 'real'")["fold"].tolist() == frame["fold"][frame["fold"] < 3].tolist()
    assert train.query("origin != 'real'")["fold"].isna().all()
    assert list(train) == ["x", "label", "fold", "origin"]
    assert "fold" not in done.real.schema.features
    assert done.train.frame["fold"].isna().sum() == len(done.synthetic.data)
    assert not any("taken for an id" in note for note in done.metrics.notes)


def test_synthetic_rows_belong_to_the_only_training_value(by_fold, frame):
    frame["fold"] = np.where(frame["fold"] == 4, "test", "train")
    done = run(by_fold("test", sinks=["csv", "parquet"]), workers=0)
    assert set(part(done, "train")["fold"]) == {"train"}
    assert set(pd.read_parquet(done.folder / "data" / "train.parquet")["fold"]) == {"train"}


def test_a_transform_that_drops_rows_leaves_no_value_that_may_be_wrong(by_fold, frame, monkeypatch):
    import augment_fake

    frame.loc[frame["fold"] == 4, "x"] = -1.0 - np.arange(12)
    monkeypatch.setattr(augment_fake.Order, "apply", lambda self, data: data.take(data.frame["x"].to_numpy() < 0.5))
    done = run(by_fold([4], transforms=["fake-order"]), workers=0)
    assert done.metrics.rows.train < 48
    assert part(done, "train")["fold"].isna().all()
    assert set(part(done, "test")["fold"]) == {4}


def test_more_rows_are_made_after_the_store_is_gone(by_fold, store, tmp_path):
    done = run(by_fold([4]), workers=0)
    for kept in (store / "objects").iterdir():
        shutil.rmtree(kept)
    (tmp_path / "all.csv").unlink()
    sample(done.folder, rows=5, out=tmp_path / "more.csv", workers=0)
    assert list(pd.read_csv(tmp_path / "more.csv")) == ["x", "label", "origin"]


def test_settings_of_the_split_are_in_the_resolved_file_once(by_fold):
    done = run(by_fold([4]), workers=0)
    tree = json.dumps(done.resolved.read_text())
    assert "column: fold" in tree
    assert "holdout: null" in tree
