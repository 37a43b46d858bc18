from __future__ import annotations

import io
import json
import queue
import subprocess
import sys
from pathlib import Path

import pytest
from augment.engine.tasks_of_tests import Echo, act, echo, noisy, wrong

from augment.engine.jobs import Host, Job
from augment.engine.wire import request_to_json
from augment.engine.worker import serve

pytestmark = pytest.mark.usefixtures("tasks")


def request(fn, task=None):
    return request_to_json(Job(fn, [task], Host(Path("/nowhere")), "generator 'g': fit"), task)


def talk(*requests):
    """What a worker answers to these requests, until its pipe closes."""
    text = "".join(json.dumps(request) + "\n" for request in requests)
    command = [sys.executable, "-P", "-m", "augment.engine.worker"]
    with subprocess.Popen(command, stdin=-1, stdout=-1, stderr=-1, text=True) as process:
        process.stdin.write(text)
        process.stdin.flush()
        answers = []
        while sum("event" not in answer for answer in answers) < len(requests):
            answers.append(json.loads(process.stdout.readline()))
        process.stdin.close()
        assert process.wait(timeout=30) == 0
        return answers, process.stderr.read()


def test_it_answers_every_task_and_ends_when_its_pipe_closes():
    answers, _ = talk(request(echo, Echo(2)), request(echo, Echo(3, plus=0)))
    assert [answer.get("event", {}).get("n") for answer in answers] == [2, None, 3, None]
    assert [answers[place]["result"]["total"] for place in (1, 3)] == [12, 3]


def test_it_ends_when_its_pipe_closes_before_anything_was_asked():
    done = subprocess.run(
        [sys.executable, "-P", "-m", "augment.engine.worker"], input="", timeout=30, capture_output=True
    )
    assert (done.returncode, done.stdout) == (0, b"")


def test_what_a_component_prints_goes_to_standard_error_and_it_reads_nothing():
    answers, printed = talk(request(noisy))
    assert answers == [{"result": ""}]
    assert {"working", "more"} <= set(printed.replace("more", " more ").split())


def test_a_result_that_is_no_json_is_an_error_and_the_worker_lives_on():
    answers, _ = talk(request(wrong), request(act, "object()"), request(act, "7"))
    assert ["SerializationError" in answer["error"]["message"] for answer in answers[:2]] == [True, True]
    assert answers[2] == {"result": 7}


class _Closed(Exception):
    pass


class _Inbox(queue.SimpleQueue):
    def get(self, *args, **kwargs):
        if self.empty():
            raise _Closed
        return super().get(*args, **kwargs)


def test_a_task_after_a_failed_one_is_done():
    inbox, answers = _Inbox(), io.StringIO()
    for one in (request(act, "1 / 0"), {**request(act, "1"), "fn": "os:system"}, request(act, "5")):
        inbox.put(one)
    with pytest.raises(_Closed):
        serve(inbox, answers)
    first, second, last = map(json.loads, answers.getvalue().splitlines())
    assert "ZeroDivisionError" in first["error"]["message"]
    assert second["error"]["message"] == "'os:system' is not a task of augment.engine"
    assert last == {"result": 5}
