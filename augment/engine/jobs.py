"""What an executor is asked to do: a task, what all its rows share, and the rows.

A task is a function of `augment.engine`, named as `module:function`. It is called once with what all its rows share and
gives back a function that does one row. Rows and results are small JSON mappings; data travels as files.
"""

from __future__ import annotations

import contextlib
import importlib
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from augment import errors
from augment.errors import AugmentError
from augment.storage.atomic_files import disk_errors

__all__ = ["Emit", "Job", "Task", "error_from_json", "error_to_json", "open_task"]

Emit = Callable[[Mapping[str, Any]], None]
Task = Callable[[Mapping[str, Any]], Mapping[str, Any]]


@dataclass(frozen=True, eq=False)
class Job:
    """Rows of work that share one component. A process works on one job; several may share its rows.

    Attributes:
        fn: `module:function` of the task.
        init: what all rows share.
        rows: one mapping for each call.
        what: names the component and what it does, for messages: `generator 'gan': fit`.
        timeout: seconds that one row may take.
        imports: modules that it needs, of augment and of its dependencies: a process may load them before it begins.
    """

    fn: str
    init: Mapping[str, Any]
    rows: Sequence[Mapping[str, Any]]
    what: str
    timeout: float | None = None
    imports: frozenset[str] = frozenset()


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
