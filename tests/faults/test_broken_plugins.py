"""What a broken plugin does to a run, and what it does not do to others."""

from __future__ import annotations

import os
import sys

import pytest

from augment.errors import PluginError
from augment.runner.run import run

pytestmark = pytest.mark.usefixtures("fakes")
QUICK = {"trial": False, "metrics": [], "reporters": []}


def faulty(fault, **more):
    return {"use": "fake-faulty", "with": {"fault": fault}, **more}


def list_files(done, generator):
    return {path.name: path.read_bytes() for path in (done.folder / "models" / generator).iterdir()}


def rows_of(done, generator):
    lines = (done.folder / "data" / "train.csv").read_text().splitlines()
    return [line for line in lines if line.endswith(f'"{generator}"')]


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="limits memory in the way of Linux")
@pytest.mark.parametrize("stage", ["fit", "sample"])
@pytest.mark.parametrize(
    ("fault", "says"),
    [
        ("os-exit", "its process ended with exit status 0 without an answer"),
        ("segfault", "its process was killed by signal 11"),
        ("killed", "its process was killed by signal 9 without an answer; the machine may have run out of memory"),
        ("hog", "ran out of memory"),
        ("loop", "took longer than its `timeout: 3` (seconds) and was stopped"),
    ],
)
@pytest.mark.usefixtures("one_server")
def test_a_generator_that_takes_its_process_with_it_is_named_with_its_stage(spec, store, stage, fault, says):
    path = spec(generators=["fake-move", faulty(f"{stage}:{fault}", timeout=3.0 if fault == "loop" else None)], **QUICK)
    with pytest.raises(PluginError) as caught:
        run(path, workers=1)
    assert str(caught.value).startswith("generator 'fake-faulty'")
    assert stage in str(caught.value)
    assert says in str(caught.value)
    assert list((path.parent / "runs").iterdir()) == []
    assert list((store / "scratch").iterdir()) == []


def test_fits_are_kept_and_a_repaired_run_makes_only_the_rest(spec):
    with pytest.raises(PluginError, match="generator 'fake-faulty' failed in sample"):
        run(spec(generators=["fake-move", faulty("sample:raise")], **QUICK), workers=0)
    done = run(spec(generators=["fake-move", faulty("")], **QUICK), workers=0)
    fits = {entry.id: entry.from_store for entry in done.manifest.stages if entry.stage == "fit"}
    assert fits == {"fake-move": True, "fake-faulty": False}


def test_classes_that_nobody_asked_for_are_the_generators_fault(spec):
    with pytest.raises(PluginError, match=r"generator 'fake-faulty': sample .*'label'"):
        run(spec(generators=[faulty("sample:category")], **QUICK), workers=0)


def test_more_rows_than_asked_for_are_the_generators_fault(spec):
    with pytest.raises(PluginError, match=r"generator 'fake-faulty': sample returned .* rows; exactly the"):
        run(spec(generators=[faulty("sample:more")], **QUICK), workers=0)


@pytest.mark.parametrize("fault", ["fit:meddle", "sample:meddle"])
def test_a_plugin_that_meddles_with_the_process_changes_nobody_elses_results(spec, tmp_path, monkeypatch, fault):
    mix = {"rows": {"yes": 20, "no": 20}, "share": {"fake-move": 0.5, "fake-faulty": 0.5}}
    settings = {**QUICK, "mix": mix}
    undisturbed = run(spec(generators=[faulty(""), "fake-move"], **settings), workers=0)
    folder, environment = os.getcwd(), dict(os.environ)
    monkeypatch.setenv("AUGMENT_STORE", str(tmp_path / "another-store"))
    environment["AUGMENT_STORE"] = str(tmp_path / "another-store")
    done = run(spec(generators=[faulty(fault), "fake-move"], **settings), workers=0)
    assert (os.getcwd(), dict(os.environ)) == (folder, environment)
    assert list_files(done, "fake-move") == list_files(undisturbed, "fake-move")
    assert len(rows_of(done, "fake-move")) == 20
    assert rows_of(done, "fake-move") == rows_of(undisturbed, "fake-move")
