"""The other end of an executor's pipe: `python -m augment.engine.worker` runs tasks in a process of its own.

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

from augment.engine.executors import Task, error_to_json, open_task
from augment.errors import PluginError

__all__ = ["main"]


def main() -> None:
    """Serve until the pipe closes."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # print() of a plugin must not end up among the answers
    requests = sys.stdin
    sys.stdin = open(os.devnull, encoding="utf-8")  # noqa: SIM115
    inbox: queue.SimpleQueue[Mapping[str, Any]] = queue.SimpleQueue()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if sys.platform == "linux":
        _first_to_go()
    threading.Thread(target=_listen, args=(requests, inbox), daemon=True).start()
    serve(inbox, answers)


def serve(inbox: queue.SimpleQueue[Mapping[str, Any]], answers: IO[str]) -> None:
    """Do one request after the other: the first opens the task, the others are its rows."""
    lock = threading.Lock()

    def send(message: Mapping[str, Any]) -> None:
        line = json.dumps(message)  # whole before it is written: an error here leaves no half line
        with lock:
            answers.write(line + "\n")
            answers.flush()

    opening = inbox.get()
    task: Task | None = None
    while True:
        request = inbox.get()
        try:
            if task is None:
                task = open_task(opening["fn"], opening["init"], lambda event: send({"event": event}), opening["what"])
            send({"result": task(request["row"])})
        except SystemExit as error:
            exit_error = PluginError(f"{opening['what']}: the component ended its process (exit status {error.code})")
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
