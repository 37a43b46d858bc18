"""The other end of an executor's pipe: runs tasks in a process of its own.

The process is forked, see `augment.engine.fork_server`, or started as `python -m augment.engine.worker`.

It reads JSON lines from standard input and answers on standard output; whatever a plugin prints goes to standard
error. It ends when its pipe closes, even in the middle of a task, so no worker outlives its host; on Linux the kernel
ends it too, be it stuck in a library.
"""

from __future__ import annotations

import ctypes
import json
import os
import queue
import signal
import sys
import threading
import traceback
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

from augment.engine.jobs import Call
from augment.engine.wire import call_from_json, error_to_json, result_to_json, task_from_json
from augment.errors import PluginError

__all__ = ["environment", "main"]


def environment(threads: int) -> dict[str, str]:
    """The variables that a process of so many threads has beside its host's, before it imports a library."""
    return {
        **dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), str(threads)),
        "OMP_WAIT_POLICY": "PASSIVE",  # threads that spin while waiting starve the others on busy machines
        "PYTHONHASHSEED": "0",
        "PYTHONUNBUFFERED": "1",
        "NO_ALBUMENTATIONS_UPDATE": "1",
        "CUBLAS_WORKSPACE_CONFIG": ":4096:8",  # cuBLAS is deterministic only with a fixed workspace
    }


def main(threads: int | None = None) -> None:
    """Serve until the pipe closes.

    Args:
        threads: of a forked process; one that was started has its environment from the beginning.
    """
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    requests = os.fdopen(os.dup(0), encoding="utf-8")
    os.dup2(2, 1)  # print() of a plugin must not end up among the answers
    with open(os.devnull, encoding="utf-8") as nothing:
        os.dup2(nothing.fileno(), 0)
    inbox: queue.SimpleQueue[Mapping[str, Any]] = queue.SimpleQueue()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if sys.platform == "linux":
        _first_to_go()
    if threads is not None:
        _begin_anew(threads)
    threading.Thread(target=_listen, args=(requests, inbox), daemon=True).start()
    serve(inbox, answers)


def _begin_anew(threads: int) -> None:
    """Give a forked process what a new interpreter has: random numbers of its own, and its number of threads."""
    if "numpy" in sys.modules:
        sys.modules["numpy"].random.seed()  # Python's own are drawn anew by Python itself
    if "torch" in sys.modules:
        sys.modules["torch"].default_generator.seed()
    os.environ.update(environment(threads))
    if threads > 1:  # libraries that are loaded already began with one
        from threadpoolctl import threadpool_limits

        threadpool_limits(threads)
        if "torch" in sys.modules:
            sys.modules["torch"].set_num_threads(threads)


def serve(inbox: queue.SimpleQueue[Mapping[str, Any]], answers: IO[str]) -> None:
    """Do one request after the other; all are tasks of one job."""
    lock = threading.Lock()

    def send(message: Mapping[str, Any]) -> None:
        line = json.dumps(message)  # whole before it is written: an error here leaves no half line
        with lock:
            answers.write(line + "\n")
            answers.flush()

    call: Call | None = None
    while True:
        request = inbox.get()
        try:
            call = call or call_from_json(request, lambda event: send({"event": event}))
            with call.listening():  # a plugin may log when it is imported
                fn, task = task_from_json(request)
            send({"result": result_to_json(fn, call.do(fn, task))})
        except SystemExit as error:
            exit_error = PluginError(f"{request['what']}: the component ended its process (exit status {error.code})")
            send({"error": error_to_json(exit_error, traceback.format_exc())})
        except BaseException as error:
            send({"error": error_to_json(error, traceback.format_exc())})


def _first_to_go() -> None:
    """Have the kernel end this process with its host, and before its host where memory runs out."""
    set_death_signal = 1  # PR_SET_PDEATHSIG
    ctypes.CDLL(None).prctl(set_death_signal, signal.SIGKILL, 0, 0, 0)
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000")


def _listen(requests: IO[str], inbox: queue.SimpleQueue[Mapping[str, Any]]) -> None:
    for line in requests:
        inbox.put(json.loads(line))
    os._exit(0)  # the host is gone; a task in the middle of its work has nobody left to answer to


if __name__ == "__main__":
    main()
