"""Ctrl-C and SIGTERM, which end a run in order."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from augment.errors import Interrupted
from augment.runner.notebook import in_a_kernel

__all__ = ["interruptible"]


class _Terminated(KeyboardInterrupt):
    """SIGTERM came: batch systems and containers stop a run with it."""


@contextmanager
def interruptible() -> Iterator[None]:
    """Let Ctrl-C and SIGTERM end the block as `Interrupted`, after everything in it has been put away.

    A second Ctrl-C ends the process at once, unless that is a notebook's; what it leaves is cleared away by the next
    run.
    """

    def stop(number: int, frame: Any) -> None:
        if not in_a_kernel():  # a notebook's process holds all that its user has made
            signal.signal(signal.SIGINT, signal.SIG_DFL)
        raise _Terminated if number == signal.SIGTERM else KeyboardInterrupt

    before = {}
    if threading.current_thread() is threading.main_thread():  # only that one may set handlers
        for number in (signal.SIGINT, signal.SIGTERM):
            if signal.getsignal(number) in (signal.SIG_DFL, signal.default_int_handler):  # nobody else's
                before[number] = signal.signal(number, stop)
    try:
        yield
    except KeyboardInterrupt as error:
        message = "stopped; what is finished is kept, and the same command goes on from there"
        raise Interrupted(message, 143 if isinstance(error, _Terminated) else 130) from error
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
