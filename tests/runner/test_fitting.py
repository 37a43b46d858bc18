from __future__ import annotations

import shutil

import numpy as np
import pytest

from augment.plugin.context import Checkpoint
from augment.runner.run import run

pytestmark = pytest.mark.usefixtures("fakes")


def test_a_fit_that_resumes_says_so_in_events_log_and_manifest(spec, store, tmp_path):
    path = spec(trial=False, metrics=[], reporters=[], mix={"rows": 5})
    first = run(path, workers=0)
    assert not any(entry.resumed for entry in first.manifest.stages)
    (fitted,) = (store / "objects").glob("generator-*")
    shutil.rmtree(fitted)
    Checkpoint(store / "work" / fitted.name / "checkpoint").save({"weights": np.ones(1)}, {})
    events = []
    done = run(path, workers=0, out=tmp_path / "again", events=events.append)
    assert [entry.id for entry in done.manifest.stages if entry.resumed] == ["fake-move"]
    assert [(event["event"], event["id"]) for event in events if event.get("resumed")] == [
        ("stage-started", "fake-move"),
        ("stage-finished", "fake-move"),
    ]
    assert "stage-started stage=fit id=fake-move resumed=True" in (done.folder / "log.txt").read_text()
