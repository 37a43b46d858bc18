"""Runs at the same time."""

from __future__ import annotations

import json

import pytest
from small_run import SmallRun


@pytest.mark.slow
def test_four_runs_on_one_cold_store_train_once_and_agree(tmp_path):
    small = SmallRun(tmp_path / "one", workers=0)
    runs = [small]
    for number in range(3):
        other = small.again(tmp_path / f"other-{number}")
        other.store = small.store
        runs.append(other)
    processes = [run.start() for run in runs]
    for process in processes:
        _, errors = process.communicate(timeout=300)
        assert (process.returncode, errors) == (0, "")
    fits = [
        entry["from_store"]
        for run in runs
        for entry in json.loads((run.results[0] / "run.json").read_text())["stages"]
        if entry["stage"] == "fit"
    ]
    assert fits.count(False) == 3  # a transform and two generators
    assert fits.count(True) == 3 * 3
    assert all(run.content() == small.content() for run in runs)
    assert small.problems_at_the_end(small.content()) == []
