"""Ctrl-C and SIGTERM, in every stage of a run."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from contextlib import contextmanager

import pytest
from fake_pipeline import ASSESSED
from small_run import COMMAND

pytestmark = pytest.mark.usefixtures("fakes")
STAGES = ("read", "fit", "sample", "trial", "score", "write", "report")


@contextmanager
def in_the_middle_of(stage, spec, folder, workers):
    """A process that runs a pipeline and is at something that takes a minute; with that one's process id."""
    started = folder / "started"
    path = spec(sinks=["fake-lines-sink"], **ASSESSED)
    variables = {**os.environ, "FAKE_STAGE": stage, "FAKE_SECONDS": "60", "FAKE_STARTED": str(started)}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    command = [*COMMAND, "run", str(path), "-q", "--workers", str(workers)]
    # tests that a shell has put into the background ignore Ctrl-C, and so would this process
    listening = {"preexec_fn": lambda: signal.signal(signal.SIGINT, signal.default_int_handler)}
    with subprocess.Popen(command, env=variables, **pipes, **listening) as process:
        try:
            while not started.exists() or not started.read_text():
                assert process.poll() is None, process.stderr.read()
                time.sleep(0.02)
            yield process, int(started.read_text())
        finally:
            process.kill()


def is_gone(pid: int) -> bool:
    for _ in range(100):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.02)
    return False


@pytest.mark.slow
@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize(
    ("number", "code", "workers"), [(signal.SIGINT, 130, 1), (signal.SIGTERM, 143, 0)], ids=["ctrl-c", "term"]
)
def test_a_run_can_be_stopped_in_every_stage(spec, tmp_path, store, stage, number, code, workers):
    with in_the_middle_of(stage, spec, tmp_path, workers) as (process, busy):
        process.send_signal(number)
        _, errors = process.communicate(timeout=30)  # ten seconds on a machine that does nothing else
    assert process.returncode == code
    assert errors == "error: stopped; what is finished is kept, and the same command goes on from there\n"
    assert is_gone(busy)
    runs = tmp_path / "runs"
    assert not runs.exists() or list(runs.iterdir()) == []
    assert list((store / "scratch").iterdir()) == []
    assert list((store / "locks").glob("*")) == []


def test_a_second_ctrl_c_ends_a_run_at_once(spec, tmp_path):
    with in_the_middle_of("fit", spec, tmp_path, workers=1) as (process, busy):
        process.send_signal(signal.SIGINT)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=30)
    assert process.returncode in (130, -signal.SIGINT)
    assert "Traceback" not in errors
    assert is_gone(busy)
