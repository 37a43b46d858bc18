"""The import of a plugin: whatever goes wrong is a PluginError that names it, also where the import never ends."""

from __future__ import annotations

import importlib
import logging
import re
import secrets
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, redirect_stdout
from types import ModuleType

from augment.errors import PluginError

__all__ = ["failure", "import_here", "in_time", "try_elsewhere"]

logger = logging.getLogger("augment")

MAX_SECONDS = 120.0  # a plugin may take, with all that it imports
REMINDER = 10.0  # seconds between two messages meanwhile


def import_here(module: str, what: str) -> ModuleType:
    """The module, imported into this process.

    Args:
        module: its name.
        what: the plugin, for messages.

    Raises:
        PluginError: it fails or exits.
    """
    try:
        with redirect_stdout(sys.stderr):  # stdout is for results, which programs read
            return importlib.import_module(module)
    except Exception as error:
        raise PluginError(f"plugin {what} fails on import: {failure(error)}") from error
    except SystemExit as error:
        raise PluginError(f"plugin {what} exits on import (status {error.code})") from error


class _Overdue(BaseException):
    """Nothing in a plugin that catches exceptions catches this one."""


@contextmanager
def in_time(what: str) -> Iterator[None]:
    """Limit the block to `MAX_SECONDS`, and log a warning now and then before.

    It works where a process can interrupt itself: not on Windows, in threads, and in libraries that never return to
    Python.

    Args:
        what: the plugin, for messages.

    Raises:
        PluginError: it took longer.
    """
    can_ring = hasattr(signal, "setitimer") and threading.current_thread() is threading.main_thread()
    if not can_ring or signal.getitimer(signal.ITIMER_REAL)[0]:  # somebody else's alarm stays theirs
        yield
        return
    began = time.monotonic()

    def ring(number: int, frame: object) -> None:
        seconds = time.monotonic() - began
        if seconds >= MAX_SECONDS:
            raise _Overdue
        logger.warning("plugin %s is still being imported, after %.0f seconds", what, seconds)

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, REMINDER, REMINDER)
    try:
        yield
    except _Overdue:
        raise PluginError(
            f"plugin {what} hangs on import: not done after {MAX_SECONDS:g} seconds",
            "what waits at the top of its modules belongs into its methods",
        ) from None
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before or signal.SIG_DFL)


def try_elsewhere(module: str, what: str, timeout: float) -> PluginError | None:
    """What goes wrong when a subprocess imports a module; None if nothing does."""
    # -c with the name as an argument: no text of the entry point is ever run as code
    code = "import importlib, sys; importlib.import_module(sys.argv[1]); print(sys.argv[2])"
    token = secrets.token_hex()  # which nothing else says, whatever a plugin prints as it comes and goes
    command = [sys.executable, "-P", "-c", code, module, token]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=timeout, stdin=subprocess.DEVNULL)
    except subprocess.TimeoutExpired:
        return PluginError(f"plugin {what} hangs on import: not done after {timeout:g} seconds")
    if token in done.stdout:
        return None
    if done.returncode < 0:
        return PluginError(f"plugin {what} crashes on import ({signal.Signals(-done.returncode).name})")
    said = done.stderr.strip().splitlines()
    if done.returncode != 1 or not said:
        return PluginError(f"plugin {what} exits on import (status {done.returncode})")
    where = _place(said[-2::-1]) if re.match(r"(Syntax|Indentation|Tab)Error: ", said[-1]) else ""
    return PluginError(f"plugin {what} fails on import: {said[-1]}{where}")


def failure(error: Exception) -> str:
    """An exception as the last line of its traceback, with the position of a syntax error."""
    if isinstance(error, SyntaxError):
        where = f" ({error.filename}, line {error.lineno})" if error.filename else ""
        return f"{type(error).__name__}: {error.msg}{where}"
    return f"{type(error).__name__}: {error}"


def _place(lines: Iterable[str]) -> str:
    """The first position in a file that a traceback mentions."""
    places = (re.fullmatch(r'\s*File "(.+)", (line \d+).*', line) for line in lines)
    return next((f" ({place[1]}, {place[2]})" for place in places if place), "")
