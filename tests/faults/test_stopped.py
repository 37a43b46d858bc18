"""Ctrl-C and SIGTERM, in every stage of a run."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from contextlib import contextmanager

import pytest
from fake_pipeline import ASSESSED
from small_run import COMMAND, Ended, SmallRun

pytestmark = pytest.mark.usefixtures("fakes")
STOPPED = "error: stopped; what is finished is kept, and the same command goes on from there\n"
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
@pytest.mark.parametrize(
    ("stage", "number", "code", "workers"),
    [
        *(pytest.param(stage, signal.SIGINT, 130, 1, id=f"{stage}-ctrl-c") for stage in STAGES),
        # without workers the host is in every stage alike
        *(pytest.param(stage, signal.SIGTERM, 143, 0, id=f"{stage}-term") for stage in ("read", "fit", "write")),
    ],
)
def test_a_run_can_be_stopped_in_every_stage(spec, tmp_path, store, stage, number, code, workers):
    with in_the_middle_of(stage, spec, tmp_path, workers) as (process, busy):
        process.send_signal(number)
        _, errors = process.communicate(timeout=30)  # ten seconds on a machine that does nothing else
    assert process.returncode == code
    assert errors == STOPPED
    assert is_gone(busy)
    runs = tmp_path / "runs"
    assert not runs.exists() or list(runs.iterdir()) == []
    assert list((store / "scratch").iterdir()) == []
    assert list((store / "locks").glob("*")) == []


@pytest.mark.slow
@pytest.mark.parametrize("workers", [0, 2])
def test_after_ctrl_c_in_a_terminal_the_same_command_ends_with_the_bytes_of_an_undisturbed_run(tmp_path, workers):
    """A terminal sends Ctrl-C to the whole process group of the command, which workers must not be ended by."""
    undisturbed = SmallRun(tmp_path / "undisturbed", workers=workers)
    assert undisturbed.run().code == 0
    small = undisturbed.again(tmp_path / "stopped")
    drafts = small.work / "runs"
    with small.start(group=True) as process:
        while not (drafts.is_dir() and list(drafts.glob(".small-*.draft"))):
            assert process.poll() is None, process.stderr.read()
            time.sleep(0.002)
        os.killpg(process.pid, signal.SIGINT)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert errors == STOPPED
    assert (small.results, small.problems_now(), list(drafts.iterdir())) == ([], [], [])
    assert list((small.store / "locks").iterdir()) == list((small.store / "scratch").iterdir()) == []
    assert small.run() == Ended(0, "")
    assert small.problems_at_the_end(undisturbed.content()) == []


@pytest.mark.slow
def test_a_second_ctrl_c_ends_a_run_at_once(spec, tmp_path):
    with in_the_middle_of("fit", spec, tmp_path, workers=1) as (process, busy):
        process.send_signal(signal.SIGINT)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=30)
    assert process.returncode in (130, -signal.SIGINT)
    assert "Traceback" not in errors
    assert is_gone(busy)
