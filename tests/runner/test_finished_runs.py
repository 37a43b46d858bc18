from __future__ import annotations

import os
import shutil
import time

import numpy as np
import pytest

from augment.errors import SpecError
from augment.runner import run as runs
from augment.runner.run import run

pytestmark = [
    pytest.mark.usefixtures("fakes"),
    pytest.mark.skipif(os.name == "nt", reason="files have no stamps on Windows"),
]


@pytest.fixture
def table(tmp_path):
    rng = np.random.default_rng(0)
    lines = [f"{x:.3f},{label}" for x, label in zip(rng.normal(size=60), "ab" * 30, strict=True)]
    path = tmp_path / "table.csv"
    path.write_text("x,label\n" + "\n".join(lines) + "\n")
    return path


@pytest.fixture
def again(spec, table, monkeypatch):
    """Runs the pipeline on the table, and says whether the table was read."""
    monkeypatch.setattr("augment.storage.stamps.SETTLED_NS", -(10**12))  # files count as old enough
    path = spec(source={"use": "csv", "with": {"path": str(table)}}, schema={"target": "label"}, trial=False)
    reads = []

    def prepare(*args):
        reads.append(args)
        return prepared(*args)

    prepared = runs.prepare
    monkeypatch.setattr(runs, "prepare", prepare)

    def once(**options):
        reads.clear()
        done = run(options.pop("path", path), workers=0, **options)
        return done, bool(reads)

    return once


def test_a_finished_run_is_recognised_without_reading_its_data_also_in_a_place_that_is_read_only(again, monkeypatch):
    first, was_read = again()
    assert was_read
    assert not first.already_done
    monkeypatch.setattr("augment.storage.publish_run.os.access", lambda path, mode: False)
    second, was_read = again()
    assert second.already_done
    assert not was_read
    assert second.folder == first.folder


def test_a_file_that_was_touched_is_read_again_and_the_run_recognised_by_its_content(again, table):
    first, _ = again()
    time.sleep(0.02)
    os.utime(table)
    second, was_read = again()
    assert second.already_done
    assert was_read
    assert second.folder == first.folder
    assert again()[1] is False


def test_changed_data_of_the_same_size_and_time_is_another_run(again, table):
    first, _ = again()
    old, text = table.stat(), table.read_text()
    time.sleep(0.02)
    table.write_text(text[:-2] + "a\n")
    os.utime(table, ns=(old.st_atime_ns, old.st_mtime_ns))
    second, was_read = again()
    assert was_read
    assert not second.already_done
    assert second.folder != first.folder


@pytest.mark.parametrize("change", [{"overrides": ["mix.rows=10"]}, {"seed": 4}])
def test_other_settings_are_another_run(again, change):
    first, _ = again()
    second, was_read = again(**change)
    assert was_read
    assert not second.already_done
    assert second.folder != first.folder


def test_other_code_of_a_plugin_is_another_stamp(again, monkeypatch):
    again()
    monkeypatch.setattr("augment.runner.finished_runs.source_hash", lambda module: "other")
    assert again()[1] is True


def test_a_run_that_is_gone_is_made_again(again):
    first, _ = again()
    shutil.rmtree(first.folder)
    second, was_read = again()
    assert was_read
    assert not second.already_done


def test_another_run_in_the_named_folder_is_still_refused(again, tmp_path):
    again()
    again(out=tmp_path / "own", seed=4)
    with pytest.raises(SpecError, match="holds another run"):
        again(out=tmp_path / "own")
    assert again(out=tmp_path / "own", seed=4)[1] is False


def test_a_source_that_reads_more_than_its_files_is_read_every_time(again, spec):
    path = spec("other", source={"use": "fake-rows", "with": {"rows": 60}}, trial=False)
    again(path=path)
    second, was_read = again(path=path)
    assert second.already_done
    assert was_read
