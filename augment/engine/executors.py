"""Where tasks happen: in worker processes (the default) or in this one.

A task is a function of `augment.engine`, named as `module:function`. It is called once with what all its rows share and
gives back a function that does one row. Rows and results are small JSON mappings; data travels as files.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import logging
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from augment import errors
from augment.errors import AugmentError, PluginError
from augment.storage.atomic_files import disk_errors

__all__ = [
    "Executor",
    "InProcess",
    "Job",
    "Processes",
    "Task",
    "Worker",
    "error_from_json",
    "error_to_json",
    "open_task",
]

MOST_LAST_WORDS = 4096  # bytes looked at of what a dead worker printed

Emit = Callable[[Mapping[str, Any]], None]
Task = Callable[[Mapping[str, Any]], Mapping[str, Any]]
Result = tuple["Job", int, Mapping[str, Any]]


@dataclass(frozen=True, eq=False)
class Job:
    """Rows of work that share one component and so one process.

    Attributes:
        fn: `module:function` of the task.
        init: what all rows share.
        rows: one mapping for each call.
        what: names the component and what it does, for messages: `generator 'gan': fit`.
        timeout: seconds that one row may take.
        several: whether idle workers may help with the rows, each in a process of its own.
    """

    fn: str
    init: Mapping[str, Any]
    rows: Sequence[Mapping[str, Any]]
    what: str
    timeout: float | None = None
    several: bool = True


class Executor(Protocol):
    """Does the rows of jobs, in any order and any place; equal rows give equal results everywhere."""

    def map_unordered(self, jobs: Sequence[Job], emit: Emit) -> Iterator[Result]:
        """Yield (job, index of the row, result) as they come; `emit` is called in this thread with their events.

        Raises:
            AugmentError: what a task raised; the other tasks are stopped.
        """
        ...


def open_task(fn: str, init: Mapping[str, Any], emit: Emit, what: str = "the work") -> Task:
    """Call the task's function once, to get the function that does its rows.

    `what` names the component and what it does, for errors of the disk.
    What components say through the logger `augment` becomes notes among the events, each text once.
    """
    module, _, name = fn.partition(":")
    notes = _Notes(emit)
    with notes.taken(), disk_errors(_place(init), what):
        task: Task = getattr(importlib.import_module(module), name)(init, emit)

    def run(row: Mapping[str, Any]) -> Mapping[str, Any]:
        with notes.taken(), disk_errors(_place({**init, **row}), what):
            return task(row)

    return run


def _place(told: Mapping[str, Any]) -> Path | None:
    """Where a task writes, for errors that do not say where they happened."""
    return next((Path(told[name]) for name in ("out", "folder", "scratch") if told.get(name)), None)


class _Notes(logging.Handler):
    def __init__(self, emit: Emit):
        super().__init__(logging.INFO)
        self._pass_on = emit
        self._said: set[str] = set()

    def emit(self, record: logging.LogRecord) -> None:
        message = record.getMessage()
        if message not in self._said:
            self._said.add(message)
            self._pass_on({"event": "note", "message": message})

    @contextlib.contextmanager
    def taken(self) -> Iterator[None]:
        logger = logging.getLogger("augment")
        level = logger.level
        logger.addHandler(self)
        logger.setLevel(logging.INFO)
        try:
            yield
        finally:
            logger.removeHandler(self)
            logger.setLevel(level)


class InProcess:
    """Everything in this process: for debugging, notebooks and `Augmenter`.

    Args:
        threads: how many threads one task may use.
    """

    def __init__(self, threads: int = 1):
        self.threads = threads

    def map_unordered(self, jobs: Sequence[Job], emit: Emit) -> Iterator[Result]:
        """See `Executor`."""
        for job in jobs:
            with _threads(self.threads):
                task = open_task(job.fn, job.init, emit, job.what)
            for index, row in enumerate(job.rows):
                with _threads(self.threads):
                    result = task(row)
                yield job, index, result


class _threads:
    """Limit torch, BLAS and OpenMP to so many threads, and give the old limits back."""

    def __init__(self, count: int):
        self.count = count

    def __enter__(self) -> None:
        import torch
        from threadpoolctl import threadpool_limits

        self.before = torch.get_num_threads()
        torch.set_num_threads(self.count)
        self.limits = threadpool_limits(self.count)

    def __exit__(self, *_: object) -> None:
        import torch

        self.limits.restore_original_limits()
        torch.set_num_threads(self.before)


@dataclass
class _Progress:
    """How far a job is, shared by the threads that work on it."""

    job: Job
    pending: list[int]
    active: int = 0


@dataclass
class Processes:
    """Worker processes, `python -m augment.engine.worker`, each for one component and job.

    Attributes:
        workers: how many processes at the same time.
        threads: how many threads each may use.
        environment: added to the workers' environment.
    """

    workers: int = 2
    threads: int = 1
    environment: Mapping[str, str] = field(default_factory=dict)

    def map_unordered(self, jobs: Sequence[Job], emit: Emit) -> Iterator[Result]:
        """See `Executor`."""
        work = [_Progress(job, list(range(len(job.rows)))[::-1]) for job in jobs if job.rows]
        messages: queue.SimpleQueue[Any] = queue.SimpleQueue()
        lock, stop = threading.Lock(), threading.Event()
        living: set[Worker] = set()

        def serve() -> None:
            while not stop.is_set():
                with lock:
                    progress = _next_job(work)
                    if progress is None:
                        break
                    progress.active += 1
                try:
                    worker = Worker(progress.job, self, messages)
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

        num_threads = max(1, min(self.workers, sum(len(progress.job.rows) for progress in work)))
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
    def _serve_job(progress: _Progress, worker: Worker, lock: threading.Lock, stop: threading.Event) -> None:
        while not stop.is_set():
            with lock:
                if not progress.pending:
                    return
                index = progress.pending.pop()
            result = worker.call(progress.job.rows[index])
            worker.messages.put((progress.job, index, result))


def _next_job(work: Sequence[_Progress]) -> _Progress | None:
    """A job nobody works on; else the one with most rows left that may be shared."""
    waiting = [progress for progress in work if progress.pending]
    idle = [progress for progress in waiting if not progress.active]
    if idle:
        return idle[0]
    shared = [progress for progress in waiting if progress.job.several]
    return max(shared, key=lambda progress: len(progress.pending), default=None)


class Worker:
    """One worker process and the pipe to it, for the rows of one job.

    Args:
        job: opened with the first call.
        pool: says how many threads it may use.
        messages: gets its events.
    """

    def __init__(self, job: Job, pool: Processes, messages: queue.SimpleQueue[Any]):
        self.job, self.messages = job, messages
        self._opened = self._overdue = False
        self._last_words = b""  # the end of what the worker prints; only shown when it dies
        threads = str(pool.threads)
        environment = {
            **os.environ,
            **dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), threads),
            "OMP_WAIT_POLICY": "PASSIVE",  # threads that spin while waiting starve the others on busy machines
            "PYTHONHASHSEED": "0",
            "PYTHONUNBUFFERED": "1",
            "NO_ALBUMENTATIONS_UPDATE": "1",
            "CUBLAS_WORKSPACE_CONFIG": ":4096:8",  # cuBLAS is deterministic only with a fixed workspace
            **pool.environment,
        }
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-m", "augment.engine.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment,
            text=True,
            encoding="utf-8",
            start_new_session=True,  # Ctrl-C reaches the host alone, which then ends its workers
        )
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    def call(self, row: Mapping[str, Any]) -> Mapping[str, Any]:
        """Have one row done; events go to `messages` as they come."""
        self._overdue = False
        alarm = threading.Timer(self.job.timeout, self._give_up) if self.job.timeout else None
        if alarm:
            alarm.daemon = True
            alarm.start()
        try:
            if not self._opened:
                self._send({"fn": self.job.fn, "init": self.job.init, "what": self.job.what})
                self._opened = True
            self._send({"row": row})
            assert self.process.stdout is not None
            for line in self.process.stdout:
                if not line.endswith("\n"):
                    break  # it died in the middle of a word
                message = json.loads(line)
                if "result" in message:
                    return dict(message["result"])
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
        self._listener.join(timeout=1)  # whom the worker started may hold the pipe open for longer
        printed = self._last_words.decode(errors="replace").strip().splitlines()
        last = f"; its last words: {printed[-1]}" if printed else ""
        return PluginError(f"{self.job.what}: its process {how} without an answer{hint}{last}")

    def _listen(self) -> None:
        assert self.process.stderr is not None
        pipe = self.process.stderr.fileno()
        with contextlib.suppress(OSError):  # closed
            while said := os.read(pipe, 65_536):
                self._last_words = (self._last_words + said)[-MOST_LAST_WORDS:]

    def kill(self) -> None:
        """End the process at once, and what it has started."""
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
        self._listener.join(timeout=1)
        if not self._listener.is_alive():
            assert self.process.stderr is not None
            self.process.stderr.close()


class _WorkerTraceback(Exception):
    """The traceback of an error in a worker, as text; shown by `--debug`."""


def error_to_json(error: BaseException, traceback: str) -> dict[str, Any]:
    """An error as plain data, to cross the pipe."""
    # a plugin may derive its own errors from ours: the nearest of ours stands for it, with its exit code
    ours = next((cls for cls in type(error).__mro__ if cls.__module__ == errors.__name__), None)
    message = str(error) if ours else f"{type(error).__name__}: {error}"
    return {"type": ours.__name__ if ours else "", "message": message, "traceback": traceback}


def error_from_json(data: Mapping[str, Any], what: str) -> AugmentError:
    """The inverse of `error_to_json`; the worker's traceback becomes the cause.

    Args:
        data: the error.
        what: names the component and what it does, for errors that nobody raised on purpose.
    """
    if data["type"]:
        error: AugmentError = getattr(errors, str(data["type"]))(str(data["message"]))
    else:
        error = AugmentError(f"{what}: {data['message']}")
    error.__cause__ = _WorkerTraceback("\n" + str(data["traceback"]))
    return error
