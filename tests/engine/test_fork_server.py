from __future__ import annotations

import os
import signal
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest
from augment.engine.tasks_of_tests import act

from augment.engine.executors import Processes
from augment.engine.fork_server import CAN_FORK, ForkServer
from augment.engine.jobs import Host, Job
from augment.errors import AugmentError, PluginError
from augment.runner.run import run

pytestmark = pytest.mark.skipif(not CAN_FORK, reason="this system cannot fork")


@pytest.fixture
def processes(tasks):
    with closing(Processes(2, 1)) as found:
        yield found


LIBRARIES = ["albumentations", "augment_evidence", "augment_tables", "imblearn.over_sampling", "torch"]
THREADS = 3  # not what this process has


@pytest.fixture(scope="module")
def loaded(tasks):
    """Processes whose server has the libraries, which takes seconds."""
    with closing(Processes(2, THREADS)) as found:
        yield found


def evaluated(processes, *dos, imports=()):
    """What the expressions give, each in a process of its own."""
    host = Host(Path("/nowhere"))
    jobs = [Job(act, [do], host, "generator 'g': fit", imports=frozenset(imports)) for do in dos]
    results = {job: result for job, _, result in processes.map_unordered(jobs, print)}
    return [results[job] for job in jobs]


def is_gone(pid):
    """Whether a process ends, within some seconds."""
    for _ in range(400):
        try:
            with open(f"/proc/{pid}/stat") as file:
                if file.read().rpartition(")")[2].split()[0] == "Z":
                    return True
        except (ProcessLookupError, FileNotFoundError):
            return True
        time.sleep(0.05)
    return False


def test_libraries_are_loaded_once_by_a_process_without_threads_that_has_started_no_accelerator(loaded):
    # the server is the parent: were it to have threads, what is forked might wait for their locks for ever
    there = "'torch' in sys.modules and 'sklearn' in sys.modules and 'augment_evidence.privacy' in sys.modules"
    threads = "len(os.listdir(f'/proc/{os.getppid()}/task'))"
    driver = "'libcuda' in open(f'/proc/{os.getppid()}/maps').read()"
    found = evaluated(loaded, f"[os.getppid(), {there}, {threads}, {driver}]", "[os.getppid()]", imports=LIBRARIES)
    assert found[0][1:] == [True, 1, False]
    assert found[0][0] == found[1][0] != os.getpid()


@pytest.mark.slow
def test_a_library_that_cannot_be_imported_harms_nobody_who_does_not_use_it(processes, tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), os.environ["PYTHONPATH"]]))
    (tmp_path / "library_that_fails.py").write_text("raise RuntimeError")
    (tmp_path / "library_that_exits.py").write_text("raise SystemExit(3)")
    for library in ("no_such_module", "library_that_fails", "library_that_exits"):
        assert evaluated(processes, "1 + 1", imports=[library]) == [2]


def test_what_is_forked_begins_like_a_new_interpreter(loaded):
    drawn = "__import__('torch').initial_seed(), __import__('numpy').random.random()"
    signals = "[int(s.getsignal(s.SIGCHLD)), int(s.getsignal(s.SIGTERM)), s.set_wakeup_fd(-1)]"
    begun = f"[{drawn}, os.getcwd(), sys.stdin.read(), [{signals} for s in [__import__('signal')]][0]]"
    one, other = evaluated(loaded, begun, begun, imports=LIBRARIES)
    assert one[0] != other[0]
    assert one[1] != other[1]
    assert one[2:] == other[2:] == [os.getcwd(), "", [signal.SIG_DFL, signal.SIG_DFL, -1]]


def test_what_one_process_changes_no_other_sees(loaded):
    meddle = "[setattr(os, 'meddled', 1), os.environ.update(MEDDLED='1'), os.chdir('/')] and 0"
    look = "[hasattr(os, 'meddled'), 'MEDDLED' in os.environ, os.getcwd()]"
    assert evaluated(loaded, meddle) == [0]
    assert evaluated(loaded, look) == [[False, False, os.getcwd()]]


def test_no_process_holds_the_pipes_of_another(loaded):
    links = "[os.path.basename(os.path.realpath(f'/proc/self/fd/{n}')) for n in os.listdir('/proc/self/fd')]"
    wait = f"[time.sleep(0.3), [link for link in {links} if 'pipe:' in link or 'socket:' in link]][1]"
    one, other = evaluated(loaded, wait, wait)
    assert one
    assert not set(one) & set(other)


def test_the_number_of_threads_is_set_in_libraries_that_are_loaded_already(loaded):
    blas = "{i['num_threads'] for i in __import__('threadpoolctl').threadpool_info()}"
    do = f"[__import__('torch').get_num_threads(), sorted({blas})]"
    assert evaluated(loaded, do, imports=LIBRARIES) == [[THREADS, [THREADS]]]


def test_a_server_that_is_killed_is_an_error_and_leaves_no_process(processes, tmp_path):
    pid = tmp_path / "pid"
    do = f"[open({str(pid)!r}, 'w').write(str(os.getpid())), os.kill(os.getppid(), 9), time.sleep(60)]"
    with pytest.raises(PluginError, match="its process was killed by signal 9"):
        evaluated(processes, do)
    assert is_gone(int(pid.read_text()))
    with pytest.raises(AugmentError, match="the process that starts workers ended with exit status -9"):
        evaluated(processes, "1")


def test_closing_ends_the_server_and_what_it_forked():
    server = ForkServer()
    one = server.fork([], 1)
    lines = Path(f"/proc/{one.pid}/status").read_text().splitlines()
    (parent,) = (int(line.split()[1]) for line in lines if line.startswith("PPid"))
    server.close()
    assert is_gone(one.pid)
    assert is_gone(parent)
    for pipe in (one.stdin, one.stdout, one.stderr):
        pipe.close()
    one.let_go()


# a third party's plugin is imported by the host, which looks at its class, and again in each process that works with it

PLUGIN = """
import os, sys, time
from augment.plugin import hookimpl
if "augment.engine.fork_server" in sys.orig_argv:
    {does}
from augment_fake import Move

class Odd(Move):
    name = "odd-{name}"

@hookimpl
def augment_components():
    return [Odd]
"""
ODD = {
    "hangs": ("time.sleep(600)", "took longer than its `timeout: 0.5`"),
    "loops": ("[None for _ in iter(int, 1)]", "took longer than its `timeout: 0.5`"),
    "exits": ("os._exit(0)", "its process ended with exit status 0 without an answer"),
    "leaves": ("sys.exit(5)", "exits on import (status 5)"),
    "crashes": ("os.kill(os.getpid(), 11)", "its process was killed by signal 11"),
    "fails": ("raise ImportError('no licence')", "fails on import: ImportError: no licence"),
}


@pytest.fixture(scope="module")
def odd_plugins(fakes, tmp_path_factory):
    from augment.engine import tasks

    folder = tmp_path_factory.mktemp("site")
    for name, (does, _) in ODD.items():
        (folder / f"odd_{name}.py").write_text(PLUGIN.format(does=does, name=name))
        place = folder / f"odd_{name}-1.0.dist-info"
        place.mkdir()
        (place / "METADATA").write_text(f"Metadata-Version: 2.1\nName: odd-{name}\nVersion: 1.0\n")
        (place / "entry_points.txt").write_text(f"[augment]\nodd-{name} = odd_{name}\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(folder))
        patch.setenv("PYTHONPATH", os.pathsep.join([str(folder), os.environ["PYTHONPATH"]]))
        tasks.CATALOG.__init__()
        yield
    tasks.CATALOG.__init__()
    for name in ODD:
        sys.modules.pop(f"odd_{name}", None)


@pytest.mark.parametrize("name", ODD)
@pytest.mark.usefixtures("odd_plugins", "one_server")
def test_a_third_partys_plugin_breaks_its_own_process_alone(spec, store, name):
    generators = [{"id": "good", "use": "fake-move"}, {"use": f"odd-{name}", "timeout": 0.5}]
    with pytest.raises(PluginError) as caught:
        run(spec(generators=generators), workers=2)
    assert ODD[name][1] in str(caught.value)
    assert "odd" in str(caught.value)
    assert not list((store / "scratch").iterdir())
