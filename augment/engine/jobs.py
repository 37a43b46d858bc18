"""What an executor is asked to do, and what it lends to those who do it.

A task is a function of `augment.engine` and its one argument, a small dataclass: `fit(task: FitTask, call: Call)`. Both
the argument and the result can be written as JSON (see `augment.engine.wire`); data travels as files.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, ParamSpec, TypeVar

from augment.storage.atomic_files import disk_errors

__all__ = ["Call", "Emit", "Host", "Job"]

Emit = Callable[[Mapping[str, Any]], None]
P = ParamSpec("P")
T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True)
class Host:
    """Where tasks are done.

    Attributes:
        scratch: parent of their scratch folders.
        device: torch device name.
        threads: how many threads each may use.
        trusted: modules of the user's that components may import, see `Context.trusted`.
    """

    scratch: Path
    device: str = "cpu"
    threads: int = 1
    trusted: frozenset[str] = frozenset()


class Call:
    """What the tasks of one job are lent by the process that does them.

    What components say through the logger `augment` becomes notes among the events, each text once.

    Args:
        host: where they are done.
        emit: gets their events.
        what: names the component and what it does, for errors of the disk.
    """

    def __init__(self, host: Host, emit: Emit, what: str):
        self.host, self.emit, self.what = host, emit, what
        self._notes = _Notes(emit)
        self._last: dict[Callable[..., Any], tuple[Any, Any]] = {}

    def do(self, fn: Callable[[T, Call], R], task: T) -> R:
        """Do one task."""
        place = getattr(task, "out", self.host.scratch)  # for errors that do not say where they happened
        with self.listening(), disk_errors(place, self.what):
            return fn(task, self)

    def once(self, load: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """What `load` gives; the same as the last time if it had equal arguments then: tasks of a job share it."""
        if load not in self._last or self._last[load][0] != (args, kwargs):
            self._last[load] = (args, kwargs), load(*args, **kwargs)
        result: R = self._last[load][1]
        return result

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Inside, what is logged becomes notes."""
        logger = logging.getLogger("augment")
        level = logger.level
        logger.addHandler(self._notes)
        logger.setLevel(logging.INFO)
        try:
            yield
        finally:
            logger.removeHandler(self._notes)
            logger.setLevel(level)


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


@dataclass(frozen=True, eq=False)
class Job(Generic[T, R]):
    """Tasks that share one component. A process works on one job; several may share its tasks.

    Attributes:
        fn: does each of them.
        tasks: one argument for each call.
        host: where they are done.
        what: names the component and what it does, for messages: `generator 'gan': fit`.
        timeout: seconds that one task may take.
        imports: modules that it needs, of augment and of its dependencies: a process may load them before it begins.
    """

    fn: Callable[[T, Call], R]
    tasks: Sequence[T]
    host: Host
    what: str
    timeout: float | None = None
    imports: frozenset[str] = frozenset()
