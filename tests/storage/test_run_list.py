from __future__ import annotations

import json
import os

import pytest
from click.testing import CliRunner
from run_records import arm, manifest, run_metrics

from augment.cli import main
from augment.errors import DataError
from augment.storage.run_list import find


@pytest.fixture
def folder(tmp_path):
    """One finished run with the link to the latest, an unfinished one, a damaged one, and strangers."""
    done = tmp_path / "work" / "runs" / "first-0123abcd"
    done.mkdir(parents=True)
    trial = {"verdict": "helps", "arms": [arm("none", 0.71), arm("synthetic", 0.742)]}
    metrics = run_metrics(trial=trial, rows={"train": 1200, "synthetic": 300})
    (done / "metrics.json").write_text(metrics.model_dump_json())
    (done / "run.json").write_text(manifest(name="first", key="0123abcd" * 8).model_dump_json())
    (done.parent / "first").symlink_to(done.name)
    draft = done.parent / ".second-run-89abcdef.draft"
    draft.mkdir()
    damaged = tmp_path / "other" / "third-00000000"
    damaged.mkdir(parents=True)
    (damaged / "run.json").write_text("{")
    (tmp_path / ".git" / "runs").mkdir(parents=True)
    for age, path in enumerate((damaged / "run.json", done / "run.json", draft)):
        os.utime(path, (1_700_000_000 - 100 * age,) * 2)
    return tmp_path


def test_runs_are_found_once_each_the_latest_first(folder):
    assert [(run.name, run.status.partition(":")[0]) for run in find(folder)] == [
        ("third-00000000", "damaged"),
        ("first", "done"),
        ("second-run", "unfinished"),
    ]


def test_a_finished_run_tells_its_verdict_score_and_rows(folder):
    (run,) = [run for run in find(folder) if run.status == "done"]
    assert (run.key, run.verdict, run.score, run.rows) == ("0123abcd", "helps", "0.710 -> 0.742", "1,200 + 300")


def test_a_run_over_several_splits_tells_the_mean_difference(folder):
    path = folder / "work" / "runs" / "first-0123abcd" / "metrics.json"
    content = json.loads(path.read_text())
    over = {"values": [0.1, -0.1], "mean": 0.004, "interval": [-0.3, 0.3]}
    content["trial"]["cuts"] = {"asked": 2, "chosen": ["synthetic"] * 2, "arms": {}, "overall": over}
    path.write_text(json.dumps(content))
    (run,) = [run for run in find(folder) if run.status == "done"]
    assert run.score == "+0.004 over 2 splits"


def test_a_folder_that_is_a_run_is_that_run(folder):
    assert [run.name for run in find(folder / "work" / "runs" / "first-0123abcd")] == ["first"]


def test_no_folder_is_an_error_and_no_runs_are_none(tmp_path):
    assert find(tmp_path) == []
    with pytest.raises(DataError, match="there is no such folder"):
        find(tmp_path / "nowhere")


def _invoke(*arguments):
    return CliRunner().invoke(main, ["runs", *map(str, arguments)], prog_name="augment")


def test_the_command_tells_people_and_programs(folder, tmp_path_factory):
    lines = _invoke(folder).output.splitlines()
    assert lines[0].split()[:2] == ["NAME", "KEY"]
    assert len(lines) == 4
    told = json.loads(_invoke(folder, "--json").output)
    assert [run["name"] for run in told] == ["third-00000000", "first", "second-run"]
    assert told[1]["when"].startswith("2023-11-14T")
    assert _invoke(tmp_path_factory.mktemp("empty")).output.startswith("no runs in ")
