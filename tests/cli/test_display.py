from __future__ import annotations

import io
import json
import os
import pty
import subprocess
import sys

import pytest

from augment.cli.display import JsonLines, Lines, Live, Silent, duration, json_line, open_display, printable

STARTED = {"event": "stage-started", "stage": "fit", "id": "gan"}
FINISHED = {"event": "stage-finished", "stage": "fit", "id": "gan", "seconds": 64.2, "rows": 400, "from_store": False}


def progress(step, total=100, **losses):
    return {"event": "progress", "stage": "fit", "id": "gan", "step": step, "total": total, "losses": losses}


class Clock:
    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


def shown(events, seconds_between=0.0, every=False):
    """The lines written for these events, which come so many seconds after one another."""
    stream, clock = io.StringIO(), Clock()
    with Lines(stream, every=every, clock=clock) as display:
        for event in events:
            display(event)
            clock.now += seconds_between
    return stream.getvalue().splitlines()


def test_lines_tell_beginning_and_end_of_a_stage():
    assert shown([STARTED, FINISHED]) == ["fit gan: started", "fit gan: done, 1 min 04 s, 400 rows"]


def test_lines_tell_what_came_from_the_store():
    assert shown([{**FINISHED, "from_store": True, "seconds": 0.0, "rows": 0}]) == ["fit gan: done, from store"]


def test_lines_tell_that_a_fit_was_resumed():
    begun, ended = ({**event, "resumed": True, "rows": 0} for event in (STARTED, FINISHED))
    words = "resumed from a checkpoint"
    assert shown([begun, ended]) == [f"fit gan: {words}", f"fit gan: done, 1 min 04 s, {words}"]


def test_quick_progress_is_not_worth_a_line():
    assert shown([STARTED, *map(progress, range(1, 101))], seconds_between=0.05) == ["fit gan: started"]


def test_progress_lines_come_at_each_quarter_of_long_work():
    lines = shown([STARTED, *map(progress, range(1, 101))], seconds_between=2.0)[1:]
    assert [line.split(",")[0] for line in lines] == [
        "fit gan: 25 of 100 (25 %)",
        "fit gan: 50 of 100 (50 %)",
        "fit gan: 75 of 100 (75 %)",
        "fit gan: 100 of 100 (100 %)",
    ]


def test_very_long_work_is_heard_of_once_a_minute():
    lines = shown([STARTED, *(progress(step, 10_000) for step in range(1, 1201))], seconds_between=1.0)[1:]
    assert len(lines) == 1200 // 60


def test_a_progress_line_holds_rate_remaining_time_and_losses():
    lines = shown([STARTED, progress(10, d=0.5), progress(60, d=0.25, g=1.5)], seconds_between=20.0)
    assert lines[-1] == "fit gan: 60 of 100 (60 %), 2.5/s, 16 s left, d 0.25, g 1.5"


def test_the_rate_of_a_resumed_fit_does_not_count_what_was_done_before():
    lines = shown([STARTED, progress(900, 1000), progress(920, 1000)], seconds_between=20.0, every=True)
    assert lines[-1] == "fit gan: 920 of 1,000 (92 %), 1/s, 1 min 20 s left"


def test_every_report_of_progress_can_be_asked_for():
    assert len(shown(map(progress, range(1, 101)), every=True)) == 100


def test_components_that_run_side_by_side_keep_their_own_time():
    vae = {**progress(30), "id": "vae"}
    lines = shown([STARTED, {**STARTED, "id": "vae"}, progress(30), vae], seconds_between=12.0)
    assert [line.split(":")[0] for line in lines] == ["fit gan", "fit vae", "fit gan", "fit vae"]


def test_notes_and_the_beginning_of_a_run_are_lines():
    events = [
        {"event": "run-started", "name": "credit", "key": "3fa9c1d2ee", "folder": "runs/credit"},
        {"event": "note", "message": "column 'x' is constant"},
        {"event": "waiting", "message": "'gan' is being made"},
    ]
    assert shown(events) == ["credit: run 3fa9c1d2", "note: column 'x' is constant", "'gan' is being made"]


def test_a_search_for_settings_is_told_as_compared_with_the_first_listed():
    def one(label, difference, left=None):
        return {"label": label, "kind": "generator", "left": left, "difference": difference, "error": 0.01}

    candidates = [one("steps: 100", 0.0), one("steps: 500", 0.02), one("steps: 9", -0.1, left=5)]
    facts = {"event": "candidates", "id": "gan", "score": "accuracy", "better": "higher", "of": 20}
    first, *standing = shown([{**facts, "seeds": seeds, "candidates": candidates} for seeds in (0, 5)])
    assert first == "search for settings of gan: 1 candidate beside steps: 100, up to 20 seeds"
    head = "search for settings of gan after 5 of 20 seeds: accuracy, difference to steps: 100"
    assert standing == [f"{head} ± standard error; 1 dropped", "  steps: 500  +0.02 ± 0.01"]


def test_events_of_a_later_version_are_passed_over():
    assert shown([{"event": "coffee-break"}]) == []


def test_json_lines_are_the_events():
    stream = io.StringIO()
    JsonLines(stream)(STARTED)
    assert json.loads(stream.getvalue()) == STARTED


def test_losses_that_are_not_finite_are_null_in_json():
    line = json_line(progress(1, d=float("nan"), g=float("inf")))
    assert json.loads(line, parse_constant=pytest.fail)["losses"] == {"d": None, "g": None}


def test_control_characters_of_data_do_not_reach_the_terminal():
    assert printable("\x1b[31mred\r\n") == "\\x1b[31mred\\r\\n"
    assert "\x1b" not in "".join(shown([{"event": "note", "message": "label '\x1b[2J'"}]))


@pytest.mark.parametrize(
    ("seconds", "words"), [(59.6, "1 min 00 s"), (3599.7, "1 h 00 min"), (9.96, "10.0 s"), (86_400, "24 h 00 min")]
)
def test_durations_carry_over(seconds, words):
    assert duration(seconds) == words


def test_a_file_gets_lines_and_a_dumb_terminal_too(monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    monkeypatch.setattr(sys, "stderr", io.StringIO())
    assert type(open_display("auto")) is Lines
    monkeypatch.setattr(sys, "stderr", Terminal())
    monkeypatch.setenv("TERM", "dumb")
    assert type(open_display("auto")) is Lines
    monkeypatch.setenv("TERM", "xterm")
    assert type(open_display("auto")) is Live


def test_quiet_and_json_displays_are_to_be_had():
    assert type(open_display("quiet")) is Silent
    assert type(open_display("json")) is JsonLines


SCRIPT = """
from augment.cli.display import open_display
with open_display() as display:
    display({"event": "stage-started", "stage": "fit", "id": "gan"})
    display({"event": "progress", "stage": "fit", "id": "gan", "step": 5, "total": 10, "losses": {"d": 0.5}})
    display({"event": "note", "message": "[bold]not markup[/bold]"})
    display({"event": "stage-finished", "stage": "fit", "id": "gan", "seconds": 64, "rows": 400, "from_store": False})
"""


def in_a_terminal(script=SCRIPT, **environment):
    """What a terminal receives of the script."""
    ours, theirs = pty.openpty()
    inherited = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "FORCE_COLOR")}
    with subprocess.Popen(
        [sys.executable, "-c", script],
        stderr=theirs,
        env={**inherited, "TERM": "xterm-256color", "COLUMNS": "120", "PYTHONIOENCODING": "utf-8", **environment},
    ) as process:
        os.close(theirs)
        received = b""
        while True:
            try:
                chunk = os.read(ours, 4096)
            except OSError:  # Linux says so when the other end is closed
                break
            if not chunk:
                break
            received += chunk
        assert process.wait() == 0
    os.close(ours)
    return received.decode()


def test_a_terminal_shows_moving_progress_and_leaves_a_line_for_what_is_finished():
    text = in_a_terminal()
    assert "5/10" in text
    assert "d 0.5" in text
    assert "✓" in text.split("5/10")[-1]
    assert "fit gan" in text.split("✓")[-1]
    assert "1 min 04 s, 400 rows" in text.split("✓")[-1]


PART = """
from augment.cli.display import open_display
with open_display() as display:
    display({"event": "stage-started", "stage": "sample", "id": "mix"})
    display({"event": "progress", "stage": "sample", "id": "gan", "step": 1, "total": 2, "losses": {}})
    display({"event": "progress", "stage": "sample", "id": "gan", "step": 2, "total": 2, "losses": {}})
    display({"event": "note", "message": "later"})
"""


def test_a_part_of_a_stage_leaves_the_terminal_when_it_is_complete():
    before, after = in_a_terminal(PART).split("later")
    assert "sample gan" in before
    assert "sample gan" not in after
    assert "sample mix" in after


def test_notes_in_a_terminal_are_text_and_no_markup():
    assert "[bold]not markup[/bold]" in in_a_terminal()


def test_no_color_means_no_color():
    green = "\x1b[32m"
    assert green in in_a_terminal()
    assert green not in in_a_terminal(NO_COLOR="1")


def test_a_terminal_that_knows_no_unicode_is_spared_it():
    text = in_a_terminal(PYTHONIOENCODING="ascii")
    assert text.isascii()
    assert "ok" in text
