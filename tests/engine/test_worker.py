from __future__ import annotations

import io
import json
import os
import queue
import subprocess
import sys

import pytest

from augment.engine.worker import serve

TASKS = """
import os, sys
def echo(init, emit):
    def run(row):
        emit({"event": "seen"})
        return {**init, **row}
    return run
def bad(init, emit):
    def run(row):
        return {"value": object()}
    return run
def noisy(init, emit):
    print("opening")
    def run(row):
        print("working")
        os.write(1, b"more")
        return {"stdin": sys.stdin.read()}
    return run
"""


@pytest.fixture
def tasks(tmp_path, monkeypatch):
    (tmp_path / "tasks_of_worker.py").write_text(TASKS)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, [str(tmp_path), os.environ.get("PYTHONPATH")])))
    yield
    sys.modules.pop("tasks_of_worker", None)


def talk(*requests):
    """What a worker answers to these requests, until its pipe closes."""
    text = "".join(json.dumps(request) + "\n" for request in requests)
    command = [sys.executable, "-P", "-m", "augment.engine.worker"]
    with subprocess.Popen(command, stdin=-1, stdout=-1, stderr=-1, text=True) as process:
        process.stdin.write(text)
        process.stdin.flush()
        answers = []
        while sum("event" not in answer for answer in answers) < len(requests) - 1:
            answers.append(json.loads(process.stdout.readline()))
        process.stdin.close()
        assert process.wait(timeout=30) == 0
        return answers, process.stderr.read()


def opening(name):
    return {"fn": f"tasks_of_worker:{name}", "init": {"a": 1}, "what": "generator 'g': fit"}


def test_it_answers_every_row_and_ends_when_its_pipe_closes(tasks):
    answers, _ = talk(opening("echo"), {"row": {"b": 2}}, {"row": {"b": 3}})
    seen = {"event": {"event": "seen"}}
    assert answers == [seen, {"result": {"a": 1, "b": 2}}, seen, {"result": {"a": 1, "b": 3}}]


def test_it_ends_when_its_pipe_closes_before_anything_was_asked():
    done = subprocess.run(
        [sys.executable, "-P", "-m", "augment.engine.worker"], input="", timeout=30, capture_output=True
    )
    assert (done.returncode, done.stdout) == (0, b"")


def test_what_a_component_prints_goes_to_standard_error_and_it_reads_nothing(tasks):
    answers, printed = talk(opening("noisy"), {"row": {}})
    assert answers == [{"result": {"stdin": ""}}]
    assert {"opening", "working", "more"} <= set(printed.replace("more", " more ").split())


def test_a_result_that_is_no_json_is_an_error_and_the_worker_lives_on(tasks):
    answers, _ = talk(opening("bad"), {"row": {}}, {"row": {}})
    assert ["TypeError" in answer["error"]["message"] for answer in answers] == [True, True]


class _Closed(Exception):
    pass


class _Inbox(queue.SimpleQueue):
    def get(self, *args, **kwargs):
        if self.empty():
            raise _Closed
        return super().get(*args, **kwargs)


def test_a_row_after_a_failed_one_is_done(tasks):
    inbox, answers = _Inbox(), io.StringIO()
    for request in (opening("echo"), {"nothing": 1}, {"row": {"b": 2}}):
        inbox.put(request)
    with pytest.raises(_Closed):
        serve(inbox, answers)
    first, _, last = map(json.loads, answers.getvalue().splitlines())
    assert "KeyError" in first["error"]["message"]
    assert last == {"result": {"a": 1, "b": 2}}
