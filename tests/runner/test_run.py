from __future__ import annotations

import json
import logging
import os
import re
import shutil
import threading

import numpy as np
import pandas as pd
import pytest
from fake_pipeline import ASSESSED
from slowly import slowly

from augment.errors import BelowMinimum, LockedError, PluginError, ShortfallError, SpecError
from augment.runner.check import check
from augment.runner.run import run
from augment.storage.atomic_files import exclusive, taken

pytestmark = pytest.mark.usefixtures("fakes")
TIMED = {"run.json", "log.txt", "pipeline.yaml"}  # these alone may differ between equal runs


def contents(done):
    """File to bytes, but for what may differ."""
    files = {path.relative_to(done.folder).as_posix(): path for path in done.folder.rglob("*") if path.is_file()}
    return {name: path.read_bytes() for name, path in files.items() if name not in TIMED}


def rows_of(done, name="train"):
    return pd.read_csv(done.folder / "data" / f"{name}.csv")


def stages(done, stage):
    return {entry.id: entry.from_store for entry in done.manifest.stages if entry.stage == stage}


BLEND = {
    "source": {"use": "fake-rows", "with": {"rows": 120}},
    "generators": ["fake-move", {"id": "rounded", "use": "fake-rounded"}],
    "filters": ["fake-reject"],
    "mix": {"rows": "2x"},
}


@pytest.fixture
def runs(tmp_path):
    """The folder of runs is as it was before: nothing, hidden or not, is left of a run that failed."""
    return lambda: sorted(path.name for path in tmp_path.glob("runs/*"))


def test_a_run_writes_what_it_promises(spec):
    done = run(spec(**BLEND, **ASSESSED), workers=0)
    written = {path.relative_to(done.folder).as_posix() for path in done.folder.rglob("*") if path.is_file()}
    expected = {"run.json", "log.txt", "pipeline.yaml", "resolved.yaml", "schema.json", "split.json", "metrics.json"}
    models = {f"models/{id}/{file}" for id in ("fake-move", "rounded") for file in ("generator.json", "losses.csv")}
    assert expected | models | {"report.txt", "data/train.csv", "data/test.csv"} <= written
    assert done.status == "done"
    assert done.report == done.folder / "report.txt"
    assert (done.folder.parent / "fake").resolve() == done.folder


def test_rows_without_a_target_are_counted_in_the_manifest_the_log_and_the_notes(spec, tmp_path):
    rows = [f"{n}.5,{'ab'[n % 2] if n > 2 else ''}" for n in range(40)]
    (tmp_path / "data.csv").write_text("x,label\n" + "\n".join(rows) + "\n")
    source = {"use": "csv", "with": {"path": "data.csv"}}
    done = run(spec(source=source, schema={"target": "label"}, split={"missing_target": "drop"}), workers=0)
    note = "3 of 40 rows have no target and were left out"
    assert (done.manifest.source.rows, done.manifest.source.without_target) == (40, 3)
    assert note in done.metrics.notes
    assert note in (done.folder / "log.txt").read_text()


def test_the_manifest_says_which_code_has_run(spec, monkeypatch):
    """Versions alone do not: a clone that is updated keeps its version."""
    first = run(spec(), workers=0)
    assert set(first.manifest.code) == {"augment", *first.manifest.plugins}
    assert all(re.fullmatch("[0-9a-f]{64}", digest) for digest in first.manifest.code.values())
    monkeypatch.setattr("augment.runner.run.source_hash", lambda module: f"other code of {module}")
    second = run(spec(), workers=0)
    assert second.key != first.key
    assert second.manifest.code["augment"] == "other code of augment.runner.run"


def test_the_same_command_again_says_that_it_is_done_already(spec):
    first = run(spec(), workers=0)
    second = run(spec(), workers=0)
    assert (first.already_done, second.already_done) == (False, True)
    assert first.folder == second.folder


@pytest.mark.slow
def test_a_deleted_run_is_made_again_from_the_store_with_the_same_bytes(spec):
    done = run(spec(**BLEND, **ASSESSED), workers=0)
    before = contents(done)
    assert stages(done, "fit") == {"fake-move": False, "rounded": False, "fake-reject": False}
    shutil.rmtree(done.folder)
    again = run(spec(**BLEND, **ASSESSED), workers=0)
    assert stages(again, "fit") == {"fake-move": True, "rounded": True, "fake-reject": True}
    assert contents(again) == before


def test_a_finished_run_leaves_no_scratch_behind(spec, store):
    run(spec(**BLEND), workers=0)
    assert list((store / "scratch").iterdir()) == []
    assert [path for path in (store / "work").rglob("*") if path.is_file()] == []


def test_another_seed_gives_other_rows_and_another_folder(spec):
    one, other = run(spec(), workers=0), run(spec(), seed=4, workers=0)
    assert one.folder != other.folder
    assert not rows_of(one).equals(rows_of(other))


def test_an_override_is_as_good_as_a_line_in_the_file(spec):
    overridden = run(spec(), overrides=["generators.0.with.scale=0.5"], workers=0)
    written = run(spec(generators=[{"use": "fake-move", "with": {"scale": 0.5}}]), workers=0)
    assert written.already_done
    assert written.folder == overridden.folder


def test_a_pipeline_may_be_a_mapping(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    tree = {"name": "mapped", "source": "fake-rows", "generators": ["fake-move"], "trial": False, "sinks": ["csv"]}
    done = run(tree | {"metrics": [], "reporters": [], "filters": []}, workers=0)
    assert done.folder.parent == tmp_path / "runs"
    assert run(done.folder / "resolved.yaml", out=tmp_path / "again", workers=0).metrics == done.metrics


def test_every_event_of_a_stage_is_told(spec):
    events = []
    run(spec(**ASSESSED), workers=0, events=events.append)
    names = [event["event"] for event in events]
    assert names.count("stage-started") == names.count("stage-finished")
    assert {"run-started", "run-finished", "progress"} <= set(names)
    fits = [event for event in events if event["event"] == "progress" and event["stage"] == "fit"]
    assert [event["step"] for event in fits] == [1, 2, 3]
    written = [event for event in events if event["event"] == "progress" and event["stage"] == "write train"]
    assert [event["step"] for event in written if event["id"] == "csv"][-1] == written[-1]["total"]
    json.dumps(events)


def test_adding_a_filter_changes_no_draw(spec):
    free = rows_of(run(spec(), workers=0)).query("origin != 'real'").reset_index(drop=True)
    done = run(spec(filters=["fake-reject"]), workers=0)
    filtered = rows_of(done).query("origin != 'real'").reset_index(drop=True)
    same = (free == filtered).all(axis=1)
    rejected = done.metrics.filters["fake-reject"].rejected
    assert rejected > 0
    assert 0 < same.sum() < len(same)
    assert (~same).sum() <= rejected
    assert (free["label"] == filtered["label"]).all()


def test_rows_that_start_from_real_ones_are_called_so_without_any_attack(spec):
    privacy = run(spec(), workers=0).metrics.privacy
    assert "Rows of fake-move start from real rows" in privacy.sentence


def test_the_test_part_is_the_rows_that_the_split_names_as_they_were_read(tmp_path, spec):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"id": rng.permutation(50) + 100, "x": rng.normal(size=50).round(4), "label": ["a", "b"] * 25})
    frame.to_csv(tmp_path / "data.csv", index=False)
    source = {"use": "csv", "with": {"path": "data.csv"}}
    done = run(spec(source=source, schema={"target": "label"}, mix={"rows": "2x"}), workers=0)
    test = rows_of(done, "test")
    assert (test.pop("origin") == "real").all()
    pd.testing.assert_frame_equal(test, frame.iloc[done.split["test"]].reset_index(drop=True))
    train = rows_of(done)
    real = train[train["origin"] == "real"].drop(columns="origin")
    pd.testing.assert_frame_equal(real, frame.iloc[done.split["train"]].reset_index(drop=True))
    assert sorted(done.split["train"] + done.split["test"]) == list(range(50))


@pytest.mark.parametrize("ids", [range(100, 150), [f"c{n}" for n in range(50)], [f"synthetic-{n}" for n in range(50)]])
def test_ids_are_written_anew_and_unique(tmp_path, spec, ids):
    frame = pd.DataFrame({"id": list(ids), "x": np.arange(50) / 7, "label": ["a", "b"] * 25})
    frame.to_csv(tmp_path / "data.csv", index=False)
    source = {"use": "csv", "with": {"path": "data.csv"}}
    done = run(spec(source=source, schema={"target": "label"}, mix={"rows": "2x"}), workers=0)
    train, test = rows_of(done), rows_of(done, "test")
    assert len(train) == 120
    assert not set(train["id"]) & set(test["id"])
    assert train["id"].is_unique
    assert "id" not in json.loads((done.folder / "models" / "fake-move" / "state.json").read_text())


def test_a_data_column_called_origin_needs_another_name_for_ours(tmp_path, spec):
    frame = pd.DataFrame({"origin": ["here", "there"] * 20, "x": np.arange(40) / 7, "label": ["a", "b", "b", "a"] * 10})
    frame.to_csv(tmp_path / "data.csv", index=False)
    sections = {"source": {"use": "csv", "with": {"path": "data.csv"}}, "schema": {"target": "label"}}
    done = run(spec(**sections, mix={"rows": 10}, origin_column="made_by"), workers=0)
    assert rows_of(done)["made_by"].value_counts().to_dict() == {"real": 32, "fake-move": 10}


def test_nothing_is_made_where_classes_are_balanced_already(tmp_path, spec):
    frame = pd.DataFrame({"x": np.arange(40) / 7, "label": ["a", "b"] * 20})
    frame.to_csv(tmp_path / "data.csv", index=False)
    source = {"use": "csv", "with": {"path": "data.csv"}}
    done = run(spec(source=source, schema={"target": "label"}, filters=["fake-reject"]), workers=0)
    assert done.metrics.rows.synthetic == 0
    assert (rows_of(done)["origin"] == "real").all()


def test_a_numeric_target_is_judged_by_its_number(spec):
    done = run(spec(source={"use": "fake-rows", "with": {"target": "y"}}, mix={"rows": 20}, **ASSESSED), workers=0)
    assert done.metrics.trial.assessable
    assert done.metrics.classes.model_dump() == {"train": {}, "test": {}, "synthetic": {}}
    assert [arm.id for arm in done.metrics.trial.arms] == ["none", "copies", "synthetic"]


def test_without_a_target_nothing_can_be_assessed(spec):
    source = {"use": "fake-rows", "with": {"target": "none"}}
    done = run(spec(source=source, trial={"seeds": 2}), workers=0)
    assert done.metrics.trial.verdict == "not assessable"
    assert done.metrics.rows.synthetic == done.metrics.rows.train
    assert done.exit_code == 0


def test_a_missed_bound_is_an_error_that_has_the_finished_run(spec):
    path = spec(trial={"probe": "fake-centroids", "seeds": 2, "min": 0.9})
    with pytest.raises(BelowMinimum, match=r"trial\.min requires .* 0\.9") as caught:
        run(path, workers=0)
    assert caught.value.run.status == "below the required minimum"
    assert (caught.value.run.folder / "data" / "train.csv").is_file()
    again = run(path, workers=0)
    assert (again.already_done, again.exit_code) == (True, 5)


def test_a_filter_that_rejects_all_is_named(spec, runs):
    filters = [{"use": "fake-reject", "with": {"part": 2.0}}]
    with pytest.raises(ShortfallError, match=r"'fake-reject' rejected most"):
        run(spec(filters=filters, max_rounds=2), workers=0)
    assert runs() == []


def test_with_shortfall_warn_the_run_goes_on_with_fewer_rows(spec):
    filters = [{"use": "fake-reject", "with": {"part": 0.9}}]
    done = run(spec(filters=filters, max_rounds=1, shortfall="warn", mix={"rows": 100}), workers=0)
    assert 0 < done.metrics.rows.synthetic < 100
    assert any("'fake-reject' rejected most" in note for note in done.metrics.notes)


def test_all_rows_may_be_missing_with_shortfall_warn(spec):
    filters = [{"use": "fake-reject", "with": {"part": 2.0}}]
    done = run(spec(filters=filters, max_rounds=2, shortfall="warn", **ASSESSED), workers=0)
    assert done.metrics.rows.synthetic == 0
    assert done.metrics.scores == []


def test_a_filter_says_whom_it_does_not_judge(spec):
    events = []
    done = run(spec(filters=["fake-near-real"]), workers=0, events=events.append)
    assert not [event for event in events if event.get("id") == "fake-near-real"]  # nor is it fitted
    assert any("'fake-near-real' does not judge fake-move" in note for note in done.metrics.notes)
    assert "fake-near-real" not in done.metrics.filters


def test_a_locked_place_is_refused_before_anything_is_read(spec, tmp_path):
    events = []
    with (
        taken(tmp_path / "mine"),
        pytest.raises(LockedError, match=rf"mine is held by another run \(process {os.getpid()}\)"),
    ):
        run(spec(**BLEND), workers=0, out=tmp_path / "mine", events=events.append)
    assert events == []


@pytest.mark.parametrize("shown", [True, *slowly([False])])
def test_a_fit_that_another_run_makes_is_waited_for_with_a_word(spec, tmp_path, store, monkeypatch, shown):
    """An event where somebody listens, else a warning."""
    path = spec(**BLEND)
    run(path, workers=0)
    fit = min((store / "objects").glob("generator-*"))
    held, said, go_on = threading.Event(), [], threading.Event()

    def hold():
        with exclusive(store / "locks" / f"{fit.name}.lock", "it", wait=False):
            held.set()
            go_on.wait(60)

    def listen(event):
        if event["event"] == "waiting":
            said.append(event["message"])
            go_on.set()

    class Handler(logging.Handler):
        def emit(self, record):
            listen({"event": "waiting", "message": record.getMessage()})

    monkeypatch.setattr(logging.getLogger("augment"), "handlers", [Handler(logging.WARNING)])
    thread = threading.Thread(target=hold)
    thread.start()
    held.wait()
    run(path, workers=0, out=tmp_path / "again", events=listen if shown else None)
    thread.join()
    (message,) = said
    assert message.endswith(f"is being made by another run (process {os.getpid()}); waiting for it")


def test_check_says_what_would_be_made_and_fits_no_generator(spec, store, runs):
    found = check(spec(**BLEND), workers=0)
    assert found.rows == {"read": 120, "train": 96, "test": 24}
    assert sum(count for _, _, count in found.plan) == 192
    assert {(generator, label) for generator, label, _ in found.plan} == {
        (generator, label) for generator in ("fake-move", "rounded") for label in ("no", "yes")
    }
    assert not [path for path in (store / "objects").iterdir() if path.name.startswith("generator")]
    assert runs() == []


def test_check_without_data_reads_none(spec):
    found = check(spec(source={"use": "fake-faulty-source", "with": {"fault": "raise"}}), data=False)
    assert (found.schema, found.rows, found.plan) == (None, None, ())


HELD_OUT = {"label": "canaryclass", "town": "canarytown", "note": "canary words here", "x": 987654.25, "n": 76543219}


def test_nothing_of_the_hold_out_gets_into_any_file_but_the_test_data(tmp_path, spec, monkeypatch):
    rng = np.random.default_rng(1)
    frame = pd.DataFrame(
        {
            "x": rng.normal(size=60).round(3),
            "n": rng.integers(0, 1000, 60),
            "town": rng.choice(["aa", "bb"], 60),
            "note": [f"words number {n}" for n in range(60)],
            "when": pd.date_range("2024-01-01", periods=60),
            "label": ["u", "v"] * 30,
        }
    )
    for column, value in HELD_OUT.items():
        frame[column] = [*frame[column][:-1], value]
    frame.to_csv(tmp_path / "data.csv", index=False)
    path = spec(
        source={"use": "csv", "with": {"path": "data.csv"}},
        schema={"target": "label"},
        split={"time": "when"},
        filters=["fake-reject"],
        mix={"rows": "1x"},
        sinks=["csv", "parquet"],
        trial=ASSESSED["trial"],
        metrics=["fake-means", "fidelity"],
        reporters=["fake-lines", "html"],
    )
    done = run(path, workers=0)
    hidden = [str(value).encode() for value in HELD_OUT.values()] + [b"987,654", b"76,543"]
    assert all(value in (done.folder / "data" / "test.csv").read_bytes() for value in hidden[:5])
    for file in done.folder.rglob("*"):
        if file.is_file() and not file.name.startswith("test."):
            content = file.read_bytes()
            assert not [value for value in hidden if value in content], file.name
    train = pd.read_parquet(done.folder / "data" / "train.parquet")
    assert "canarytown" not in train["town"].cat.categories


def test_what_a_transform_learns_comes_from_the_training_part_alone(tmp_path, spec):
    frame = pd.DataFrame({"x": [1.0, 2.0, 3.0, None] * 10, "label": ["a", "a", "b", "b"] * 10, "t": range(40)})
    frame.loc[32:, "x"] = [1e6, np.nan] * 4
    frame.to_csv(tmp_path / "data.csv", index=False)
    path = spec(
        source={"use": "csv", "with": {"path": "data.csv"}},
        schema={"target": "label"},
        split={"time": "t"},
        transforms=[{"use": "impute", "with": {"numbers": "median"}}],
        trial=False,
    )
    done = run(path, workers=0)
    assert rows_of(done, "test")["x"].tolist() == [1e6, 2.0] * 4
    assert rows_of(done)["x"].notna().all()


def test_of_a_run_that_fails_nothing_is_left_but_what_was_fitted(spec, runs, store):
    generators = ["fake-move", {"use": "fake-faulty", "with": {"fault": "sample:raise"}}]
    with pytest.raises(PluginError, match=r"generator 'fake-faulty' failed in sample: ZeroDivisionError: by nought"):
        run(spec(generators=generators), workers=0)
    assert runs() == []
    assert len([path for path in (store / "objects").iterdir() if path.name.startswith("generator")]) == 2
    done = run(spec(), workers=0)
    assert stages(done, "fit") == {"fake-move": True}


def test_what_a_source_says_of_the_data_stands_among_the_notes_of_check_and_report(tmp_path):
    from PIL import Image

    from augment.runner.check import check

    for label in ("a", "b"):
        (tmp_path / "pictures" / label).mkdir(parents=True)
        for number in range(6):
            Image.new("L", (8, 8), 20 * number).save(tmp_path / "pictures" / label / f"{number}.png")
    (tmp_path / "pictures" / "a" / "bad.png").write_text("no picture")
    pipeline = {
        "source": {"use": "image-folder", "with": {"path": str(tmp_path / "pictures"), "on_bad_image": "skip"}},
        "generators": ["bootstrap"],
        "trial": False,
        "metrics": [],
    }
    said = [note for note in check(pipeline, workers=0).notes if "bad.png" in note]
    assert len(said) == 1
    done = run(pipeline, workers=0, out=tmp_path / "run")
    assert said[0] in done.metrics.notes


def test_two_csv_sinks_need_endings_that_differ(spec):
    tabs = {"use": "csv", "id": "tabs", "with": {"delimiter": "\t", "ending": ".tsv"}}
    check(spec(sinks=["csv", tabs]), workers=0)
    with pytest.raises(
        SpecError, match=r"sinks\.1: 'csv' writes the same files as sinks\.0, 'csv'; remove one of them"
    ):
        check(spec(sinks=["csv", {**tabs, "with": {"delimiter": ";", "ending": ".csv"}}]), workers=0)


@pytest.mark.parametrize("scale", [0.0, *slowly([0.02])], ids=["equal", "noisy"])
def test_a_generator_that_reads_the_hold_out_by_a_side_door_gets_no_verdict_and_is_below_any_minimum(
    spec, tmp_path, scale
):
    rng = np.random.default_rng(0)
    label = rng.choice(["yes", "no"], 240)
    frame = pd.DataFrame({f"x{i}": rng.normal(size=240) + (label == "yes") for i in range(6)}).assign(label=label)
    frame.to_csv(tmp_path / "data.csv", index=False)
    peek = {"use": "fake-peek", "with": {"path": str(tmp_path / "data.csv"), "scale": scale}}
    path = spec(
        source={"use": "csv", "with": {"path": "data.csv"}},
        schema={"target": "label"},
        split={"holdout": 0.4},
        generators=[peek],
        mix={"rows": "1x"},
        filters=[],
        trial={"probe": "fake-centroids", "seeds": 2, "min": 0.0},
        metrics=["contamination", "privacy"],
    )
    with pytest.raises(BelowMinimum, match=r"could not be assessed: fake-peek: \d+ of 144 rows") as error:
        run(path, workers=0)
    metrics = error.value.run.metrics
    assert metrics.trial.verdict == "contaminated"
    assert "there is no verdict" in metrics.trial.sentence
    assert metrics.privacy.verdict == "leak found"
    assert all(score.attack.limit <= 1 for score in metrics.scores if score.attack)
