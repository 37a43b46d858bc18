"""Tasks that do what a test tells them."""

from __future__ import annotations

import logging
import os
import sys
import time  # noqa: F401  # what `act` is told may need it
from dataclasses import dataclass
from typing import Any

from augment.engine.jobs import Call


@dataclass(frozen=True)
class Echo:
    n: int
    plus: int = 10


@dataclass(frozen=True)
class Echoed:
    total: int
    pid: int
    environment: dict[str, str]


def echo(task: Echo, call: Call) -> Echoed:
    call.emit({"event": "progress", "n": task.n})
    return Echoed(task.n + task.plus, os.getpid(), dict(os.environ))


def act(task: str, call: Call) -> Any:
    return eval(task)


def talkative(task: None, call: Call) -> None:
    logging.getLogger("augment").warning("%d rows are odd", 3)


def noisy(task: None, call: Call) -> str:
    print("working")
    os.write(1, b"more")
    return sys.stdin.read()


def wrong(task: None, call: Call) -> int:
    return object()


def shared(task: str, call: Call) -> list[int]:
    """How often something was loaded for these arguments, and for the last ones."""
    return call.once(_load, task)


def _load(word: str) -> list[int]:
    LOADED.append(word)
    return [LOADED.count(word), len(LOADED)]


LOADED: list[str] = []


def no_task(word: str) -> str:
    return word
