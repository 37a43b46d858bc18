from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest
from augment.engine.tasks_of_tests import Echo, act, echo, shared, talkative

from augment.engine.executors import InProcess, Processes
from augment.engine.jobs import Host, Job
from augment.errors import AugmentError, PluginError

SHARED = {}  # by workers and threads; a process that starts workers takes half a second to start itself


@pytest.fixture(scope="module", autouse=True)
def closed(tasks):
    yield
    while SHARED:
        SHARED.popitem()[1].close()


def job(fn, tasks, **settings):
    return Job(fn, tasks, Host(Path("/nowhere")), "generator 'g': fit", **settings)


def results_of(jobs, workers=1, threads=1, emit=print):
    if (workers, threads) not in SHARED:
        SHARED[workers, threads] = Processes(workers, threads)
    return SHARED[workers, threads].map_unordered(jobs, emit)


def shared_process(jobs, emit):
    return results_of(jobs, emit=emit)


def results_of_new_processes(jobs, workers=1):
    with closing(Processes(workers)) as processes:
        yield from processes.map_unordered(jobs, print)


def failing(does, workers=1, **settings):
    with pytest.raises(AugmentError) as caught:
        list(results_of([job(act, [does], **settings)], workers))
    return caught.value


@pytest.mark.parametrize("executor", [InProcess(), Processes(3)], ids=["here", "processes"])
def test_every_task_of_every_job_is_done_once(executor):
    events = []
    jobs = [job(echo, [Echo(n) for n in range(5)]), job(echo, [Echo(7)]), job(echo, [])]
    with closing(executor):
        found = {(id(job), index): result.total for job, index, result in executor.map_unordered(jobs, events.append)}
    assert found == {(id(jobs[0]), n): n + 10 for n in range(5)} | {(id(jobs[1]), 0): 17}
    assert sorted(event["n"] for event in events) == [0, 1, 2, 3, 4, 7]


@pytest.mark.parametrize("do", [InProcess().map_unordered, shared_process], ids=["here", "a process"])
def test_what_a_component_logs_becomes_a_note_once(do):
    events = []
    list(do([job(talkative, [None, None])], events.append))
    assert events == [{"event": "note", "message": "3 rows are odd"}]


def test_no_jobs_start_no_process(monkeypatch):
    monkeypatch.setattr(subprocess, "Popen", None)
    assert list(results_of_new_processes([])) == []


def test_a_worker_is_used_for_all_tasks_of_a_job_and_for_no_other_job():
    jobs = [job(echo, [Echo(1), Echo(2)]), job(echo, [Echo(3)])]
    pids = {index + 10 * jobs.index(job): r.pid for job, index, r in results_of(jobs)}
    assert pids[0] == pids[1] != pids[10]
    assert os.getpid() not in pids.values()


def test_workers_have_fixed_threads_and_hashes():
    ((_, _, result),) = results_of([job(echo, [Echo(1)])], threads=3)
    found = result.environment
    assert (found["OMP_NUM_THREADS"], found["PYTHONHASHSEED"]) == ("3", "0")


def test_in_this_process_threads_are_limited_and_given_back():
    import torch

    before = torch.get_num_threads()
    do = ["__import__('torch').get_num_threads()"]
    ((_, _, result),) = InProcess(before + 1).map_unordered([job(act, do)], print)
    assert (result, torch.get_num_threads()) == (before + 1, before)


def test_an_unexpected_error_is_named_with_its_traceback_as_cause():
    error = failing("1 / 0")
    assert type(error) is AugmentError
    assert str(error) == "generator 'g': fit: ZeroDivisionError: division by zero"
    assert "Traceback" in str(error.__cause__)
    assert "tasks_of_tests.py" in str(error.__cause__)


@pytest.mark.parametrize("do", [InProcess().map_unordered, shared_process], ids=["here", "a process"])
def test_what_tasks_of_a_job_share_is_loaded_once_for_equal_arguments(do):
    jobs = [job(shared, ["a", "a", "b", "b", "a"])]
    found = [result for _, _, result in sorted(do(jobs, print), key=lambda found: found[1])]
    assert found == [[1, 1], [1, 1], [1, 2], [1, 2], [2, 3]]


@pytest.mark.parametrize(
    ("does", "says"),
    [
        ("os._exit(0)", "its process ended with exit status 0 without an answer"),
        ("os._exit(3)", "its process ended with exit status 3 without an answer"),
        ("__import__('ctypes').string_at(0)", "its process was killed by signal 11 without an answer"),
        ("os.kill(os.getpid(), 9)", "was killed by signal 9 without an answer; the machine may have run out of memory"),
        ("sys.stderr.write('oh no\\n') and os._exit(1)", "without an answer; its last words: oh no"),
        ("sys.exit(4)", "the component ended its process (exit status 4)"),
    ],
)
def test_a_process_that_dies_is_an_error_that_says_how(does, says):
    error = failing(does)
    assert type(error) is PluginError
    assert str(error).startswith("generator 'g': fit")
    assert says in str(error)


def test_a_task_past_its_timeout_is_stopped():
    error = failing("time.sleep(60)", timeout=1.0)
    assert type(error) is PluginError
    assert "generator 'g': fit took longer than its `timeout: 1` (seconds)" in str(error)


def test_what_a_stopped_task_has_started_is_stopped_too(tmp_path):
    script, pid = "import time; time.sleep(60)", tmp_path / "pid"
    start = f"__import__('subprocess').Popen([sys.executable, '-c', {script!r}]).pid"
    slow = f"open({str(pid)!r}, 'w').write(str({start})) and time.sleep(60)"
    stop_when_written(pid, results_of([job(act, ["0", slow])]))
    assert is_gone(int(pid.read_text()))


def test_a_worker_that_cannot_start_is_an_error_not_a_wait(monkeypatch):
    monkeypatch.setenv("PYTHONHOME", "/nowhere")
    with pytest.raises(AugmentError, match=r"the process that starts workers ended with exit status 1; its last words"):
        list(results_of_new_processes([job(echo, [Echo(1)])]))


def test_a_program_that_is_not_there_is_an_error_not_a_wait(monkeypatch):
    monkeypatch.setattr(sys, "executable", "/no/such/python")
    with pytest.raises(OSError, match="python"):
        list(results_of_new_processes([job(echo, [Echo(1)])], 2))


@pytest.mark.parametrize("does", ["print('x' * 3_000_000)", "os.write(1, b'{\"result\": {}}\\n')"])
def test_what_a_task_prints_is_no_answer(does):
    ((_, _, result),) = results_of([job(act, [f"[{does}] and {{'done': 1}}"])])
    assert result == {"done": 1}


def test_an_error_stops_the_other_workers(tmp_path):
    pid = tmp_path / "pid"
    slow = f"open({str(pid)!r}, 'w').write(str(os.getpid())) and time.sleep(60)"
    written = f"os.path.exists({str(pid)!r}) and os.path.getsize({str(pid)!r}) > 0"
    wait = f"[time.sleep(0.05) for _ in iter(lambda: {written}, True)]"
    with pytest.raises(AugmentError, match="division"):
        list(results_of([job(act, [slow]), job(act, [f"{wait} and None or 1 / 0"])], 2))
    assert is_gone(int(pid.read_text()))


def test_a_consumer_that_leaves_early_stops_the_workers(tmp_path):
    pid = tmp_path / "pid"
    slow = f"open({str(pid)!r}, 'w').write(str(os.getpid())) and time.sleep(60)"
    stop_when_written(pid, results_of([job(act, ["0", slow])]))
    assert is_gone(int(pid.read_text()))


def stop_when_written(pid, results):
    next(results)
    while not pid.exists() or not pid.read_text():
        time.sleep(0.02)
    results.close()


def is_gone(pid):
    """Whether a process ends, within some seconds."""
    for _ in range(200):
        try:
            os.kill(pid, 0)
            with open(f"/proc/{pid}/stat") as file:
                if file.read().rpartition(")")[2].split()[0] == "Z":
                    return True  # dead, and nobody has asked for its status
        except (ProcessLookupError, FileNotFoundError):
            return True
        time.sleep(0.05)
    return False


HOST = """
import sys
from augment.engine.executors import Processes
from augment.engine.jobs import Host, Job
from augment.engine.tasks_of_tests import act
list(Processes(1).map_unordered([Job(act, [sys.argv[1]], Host("/nowhere"), "x")], print))
"""


STUCK = "__import__('re').match('(a+)+$', 'a' * 60 + 'b')"  # never gives up the interpreter's lock
ON_LINUX = pytest.mark.skipif(sys.platform != "linux", reason="the kernel's part in it is Linux's own")


@pytest.mark.parametrize(
    "does",
    [
        pytest.param("time.sleep(60)", id="asleep"),
        pytest.param("[None for _ in iter(int, 1)]", id="busy"),
        pytest.param(STUCK, id="stuck", marks=ON_LINUX),
    ],
)
def test_no_worker_outlives_a_host_that_is_killed(tmp_path, does):
    pid = tmp_path / "pid"
    do = f"open({str(pid)!r}, 'w').write(str(os.getpid())) and {does}"
    with subprocess.Popen([sys.executable, "-c", HOST, do], stdout=subprocess.DEVNULL) as host:
        while not pid.exists() or not pid.read_text():
            assert host.poll() is None
            time.sleep(0.02)
        host.send_signal(signal.SIGKILL)
    assert is_gone(int(pid.read_text()))


@ON_LINUX
def test_where_memory_runs_out_a_worker_goes_before_its_host():
    do = "{'score': int(open('/proc/self/oom_score_adj').read())}"
    ((_, _, result),) = results_of([job(act, [do])])
    assert result == {"score": 1000}
