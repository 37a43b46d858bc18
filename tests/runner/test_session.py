"""What the stages of a run share."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from example_data import dataset

from augment.data import Dataset
from augment.engine.executors import InProcess, Processes
from augment.runner.session import opened

pytestmark = pytest.mark.usefixtures("fakes")


@pytest.fixture
def session(spec):
    """Of a run without workers; its events are in `events`."""
    events = []
    with opened(spec(), workers=0, events=events.append) as (session, _):
        session.events = events
        yield session


def test_an_event_reaches_every_listener_and_the_log_but_progress_only_the_listeners(session):
    more = []
    session.listeners.append(more.append)
    session.emit({"event": "note", "message": "two\nlines"})
    session.emit({"event": "progress", "step": 1})
    assert [event["event"] for event in more] == ["note", "progress"]
    assert session.events[-2:] == more
    (line,) = session.lines
    assert line.endswith("note message=two lines")


def test_a_listener_cannot_change_what_others_hear(session):
    session.listeners.insert(0, lambda event: event.clear())
    session.note("kept")
    assert session.events[-1] == {"event": "note", "message": "kept"}


def test_only_remarks_go_into_the_report(session):
    session.note("passing")
    session.remark("lasting")
    with session.remarking():
        session.note("overheard")
        session.note("overheard")
    session.note("after")
    assert session.remarks == ["lasting", "overheard"]
    assert [event["message"] for event in session.events] == ["passing", "lasting", "overheard", "overheard", "after"]


def test_a_stage_reports_its_begin_and_its_end_with_what_was_put_in(session):
    with session.stage("fit", "move") as report:
        report["resumed"] = True
    begun, ended = session.events
    assert begun == {"event": "stage-started", "stage": "fit", "id": "move"}
    assert {**ended, "seconds": 0} == {
        "event": "stage-finished",
        "stage": "fit",
        "id": "move",
        "seconds": 0,
        "rows": 0,
        "from_store": False,
        "resumed": True,
    }
    assert session.stages == [{key: value for key, value in ended.items() if key != "event"}]


def test_a_stage_that_fails_has_no_end(session):
    with pytest.raises(ValueError, match="broken"), session.stage("fit", "move"):
        raise ValueError("broken")
    assert [event["event"] for event in session.events] == ["stage-started"]
    assert session.stages == []


def test_a_training_part_is_stored_once_under_its_key(session, tmp_path):
    first, second = (dataset(pd.DataFrame({"x": np.arange(3.0) + shift})) for shift in (0, 9))
    first.save(tmp_path / "first")
    second.save(tmp_path / "second")
    place = session.keep("train-1", tmp_path / "first")
    assert session.keep("train-1", tmp_path / "second") == place  # the key says that the content is equal
    pd.testing.assert_frame_equal(Dataset.load(place).frame, first.frame)
    assert not (tmp_path / "first").exists()  # it was moved there


def test_the_number_of_workers_decides_between_processes_and_none(spec):
    for workers, kind in ((0, InProcess), (2, Processes)):
        with opened(spec(), workers=workers) as (session, _):
            assert isinstance(session.executor, kind)


def test_the_scratch_folder_is_gone_afterwards_whatever_happened(spec):
    with pytest.raises(ValueError, match="broken"), opened(spec(), workers=0) as (session, _):
        assert session.scratch.is_dir()
        raise ValueError("broken")
    assert not session.scratch.exists()
