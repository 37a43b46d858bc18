"""Where tasks happen: in worker processes (the default) or in this one."""

from __future__ import annotations

import contextlib
import functools
import json
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from augment.engine.fork_server import CAN_FORK, Forked, ForkServer, LastWords
from augment.engine.jobs import Call, Emit, Job
from augment.engine.wire import error_from_json, request_to_json, result_from_json
from augment.engine.worker import environment
from augment.errors import AugmentError, PluginError

__all__ = ["Executor", "InProcess", "Processes", "Worker", "limit_threads", "spawn"]

T = TypeVar("T")
R = TypeVar("R")


class Executor(Protocol):
    """Does the tasks of jobs, in any order and any place; equal tasks give equal results everywhere."""

    def map_unordered(self, jobs: Sequence[Job[T, R]], emit: Emit) -> Iterator[tuple[Job[T, R], int, R]]:
        """Yield (job, index of the task, result) as they come; `emit` is called in this thread with their events.

        Raises:
            AugmentError: what a task raised; the other tasks are stopped.
        """
        ...

    def close(self) -> None:
        """Give back what it works with; it is not used afterwards."""
        ...


class InProcess:
    """Everything in this process: for debugging, notebooks and `Augmenter`.

    Args:
        threads: how many threads one task may use.
    """

    def __init__(self, threads: int = 1):
        self.threads = threads

    def map_unordered(self, jobs: Sequence[Job[T, R]], emit: Emit) -> Iterator[tuple[Job[T, R], int, R]]:
        """See `Executor`."""
        for job in jobs:
            call = Call(job.host, emit, job.what)
            for index, task in enumerate(job.tasks):
                with limit_threads(self.threads):  # not around all: who takes a result has the threads back
                    result = call.do(job.fn, task)
                yield job, index, result

    def close(self) -> None:
        """There is nothing to give back."""


class limit_threads:
    """Inside, torch, BLAS and OpenMP use so many threads; afterwards they have their old limits."""

    def __init__(self, count: int):
        self.count = count

    def __enter__(self) -> None:
        import torch

        self.before = torch.get_num_threads()
        torch.set_num_threads(self.count)
        self.limits = _thread_pools(len(sys.modules)).limit(limits=self.count)

    def __exit__(self, *_: object) -> None:
        import torch

        self.limits.restore_original_limits()
        torch.set_num_threads(self.before)


@functools.lru_cache(maxsize=1)
def _thread_pools(num_modules: int) -> Any:
    """A ThreadpoolController of the libraries that so many modules have loaded: to look for them takes long."""
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


@dataclass
class _Progress:
    """How far a job is, shared by the threads that work on it."""

    job: Job[Any, Any]
    pending: list[int]
    active: int = 0


class Processes:
    """Worker processes, each for one component and job.

    They are forked from a process that has loaded what they need, see `augment.engine.fork_server`. Where the system
    cannot fork, each is a new interpreter.

    Args:
        workers: how many processes at the same time.
        threads: how many threads each may use.
    """

    def __init__(self, workers: int = 2, threads: int = 1):
        self.workers, self.threads = workers, threads
        self._server = ForkServer() if CAN_FORK else None

    def close(self) -> None:
        """End all processes."""
        if self._server is not None:
            self._server.close()

    def _worker(self, job: Job[T, R], messages: queue.SimpleQueue[Any]) -> Worker[T, R]:
        process = spawn(self.threads) if self._server is None else self._server.fork(job.imports, self.threads)
        return Worker(job, process, messages)

    def map_unordered(self, jobs: Sequence[Job[T, R]], emit: Emit) -> Iterator[tuple[Job[T, R], int, R]]:
        """See `Executor`."""
        work = [_Progress(job, list(range(len(job.tasks)))[::-1]) for job in jobs if job.tasks]
        messages: queue.SimpleQueue[Any] = queue.SimpleQueue()
        lock, stop = threading.Lock(), threading.Event()
        living: set[Worker[T, R]] = set()

        def serve() -> None:
            while not stop.is_set():
                with lock:
                    progress = _next_job(work)
                    if progress is None:
                        break
                    progress.active += 1
                try:
                    worker = self._worker(progress.job, messages)
                    living.add(worker)
                    try:
                        self._serve_job(progress, worker, lock, stop)
                    finally:
                        worker.close()
                        living.discard(worker)
                except BaseException as error:
                    messages.put(error)
                    return
                finally:
                    with lock:
                        progress.active -= 1

        def serve_and_leave() -> None:
            serve()
            messages.put(None)

        num_threads = max(1, min(self.workers, sum(len(progress.job.tasks) for progress in work)))
        threads = [threading.Thread(target=serve_and_leave, daemon=True) for _ in range(num_threads)]
        try:
            for thread in threads:
                thread.start()
            running = len(threads)
            while running:
                message = messages.get()
                if message is None:
                    running -= 1
                elif isinstance(message, BaseException):
                    raise message
                elif isinstance(message, tuple):
                    yield message
                else:
                    emit(message)
        finally:
            stop.set()
            for worker in list(living):
                worker.kill()
            for thread in threads:
                if thread.ident is not None:  # started, that is: an interrupt may have come before
                    thread.join(timeout=10)

    @staticmethod
    def _serve_job(progress: _Progress, worker: Worker[T, R], lock: threading.Lock, stop: threading.Event) -> None:
        while not stop.is_set():
            with lock:
                if not progress.pending:
                    return
                index = progress.pending.pop()
            result = worker.call(progress.job.tasks[index])
            worker.messages.put((progress.job, index, result))


def _next_job(work: Sequence[_Progress]) -> _Progress | None:
    """A job nobody works on; else the one with most tasks left."""
    waiting = [progress for progress in work if progress.pending]
    idle = [progress for progress in waiting if not progress.active]
    return idle[0] if idle else max(waiting, key=lambda progress: len(progress.pending), default=None)


def spawn(threads: int) -> subprocess.Popen[str]:
    """A worker process that is a new interpreter, with so many threads."""
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "augment.engine.worker"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, **environment(threads)},
        text=True,
        encoding="utf-8",
        start_new_session=True,  # Ctrl-C reaches the host alone, which then ends its workers
    )


class Worker(Generic[T, R]):
    """One worker process and the pipe to it, for the tasks of one job.

    Args:
        job: whose tasks it does.
        process: does them; it belongs to this worker.
        messages: gets its events.
    """

    def __init__(self, job: Job[T, R], process: subprocess.Popen[str] | Forked, messages: queue.SimpleQueue[Any]):
        self.job, self.process, self.messages = job, process, messages
        self._overdue = self._closed = False
        self._lock = threading.Lock()
        assert process.stderr is not None
        self._last_words = LastWords(process.stderr)  # only shown when it dies

    def call(self, task: T) -> R:
        """Have one task done; events go to `messages` as they come."""
        self._overdue = False
        alarm = threading.Timer(self.job.timeout, self._give_up) if self.job.timeout else None
        if alarm:
            alarm.daemon = True
            alarm.start()
        try:
            self._send(request_to_json(self.job, task))
            assert self.process.stdout is not None
            for line in self.process.stdout:
                if not line.endswith("\n"):
                    break  # it died in the middle of a word
                message = json.loads(line)
                if "result" in message:
                    return result_from_json(self.job.fn, message["result"])
                if "error" in message:
                    raise error_from_json(message["error"], self.job.what)
                self.messages.put(message["event"])
        finally:
            if alarm:
                alarm.cancel()
        raise self._death()

    def _send(self, message: Mapping[str, Any]) -> None:
        assert self.process.stdin is not None
        try:
            self.process.stdin.write(json.dumps(message) + "\n")
            self.process.stdin.flush()
        except OSError as error:
            raise self._death() from error

    def _give_up(self) -> None:
        self._overdue = True
        self.kill()

    def _death(self) -> AugmentError:
        status = self.process.wait()
        if self._overdue:
            return PluginError(
                f"{self.job.what} took longer than its `timeout: {self.job.timeout:g}` (seconds) and was stopped; "
                "raise the timeout, or give it less to do"
            )
        how = f"was killed by signal {-status}" if status < 0 else f"ended with exit status {status}"
        hint = "; the machine may have run out of memory" if status == -9 else ""
        return PluginError(f"{self.job.what}: its process {how} without an answer{hint}{self._last_words}")

    def kill(self) -> None:
        """End the process at once, and what it has started."""
        with self._lock:  # the id of a process that was let go may be another's
            if self._closed:
                return
            if isinstance(self.process, Forked):
                self.process.kill()
                return
            if os.name == "posix" and self.process.poll() is None:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(self.process.pid, signal.SIGKILL)
            self.process.kill()

    def close(self) -> None:
        """Close the pipe, which ends the process, and wait for it."""
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()
        try:
            self.process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self.kill()
            self.process.wait()
        with self._lock:
            self._closed = True
            if isinstance(self.process, Forked):
                self.process.let_go()
        self._last_words.close()
