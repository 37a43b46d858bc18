"""The progress of a run in the cell of a notebook. Nothing of IPython is imported: whoever runs in a kernel has it."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from html import escape
from typing import Any

__all__ = ["CellProgress", "in_a_kernel"]

SECONDS_BETWEEN = 0.3  # a browser need not draw more often


def in_a_kernel() -> bool:
    """Whether this process runs the cells of a notebook."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return shell is not None and hasattr(shell, "kernel")


class CellProgress:
    """Shows the stage that is at work, how far it is and for how long, in one line that changes, with
    the notes below it; called with events."""

    def __init__(self) -> None:
        self._start = self._shown = time.monotonic()
        self._line, self._part = "augment: reading the data", 0.0
        self._notes: dict[str, None] = {}  # each once, in their order
        display = sys.modules["IPython"].display
        self._html: Any = display.HTML
        self._handle: Any = display.display(self._html(self._content()), display_id=True)

    def __call__(self, event: Mapping[str, Any]) -> None:
        """Follow an event of the run."""
        kind = event["event"]
        if kind == "stage-started":
            self._part, self._line = 0.0, f"{event['stage']} {event['id']}"
        elif kind == "progress" and event["total"]:
            self._part = event["step"] / event["total"]
            losses = ", ".join(f"{name} {value:.3g}" for name, value in list(event["losses"].items())[:3])
            step = f"{event['step']:,} of {event['total']:,}"
            self._line = f"{event['stage']} {event['id']}: {step}{', ' if losses else ''}{losses}"
        elif kind == "run-finished":
            self._part, self._line = 1.0, f"{event['status']}: {event['folder']}"
        elif kind == "note":
            self._notes[str(event["message"])] = None
        else:
            return
        if kind != "progress" or time.monotonic() - self._shown >= SECONDS_BETWEEN:
            self._shown = time.monotonic()
            self._handle.update(self._html(self._content()))

    def _content(self) -> str:
        seconds = time.monotonic() - self._start
        bar = f'<progress value="{self._part:.3f}" max="1"></progress> {escape(self._line)} ({seconds:.0f} s)'
        return bar + "".join(f"<br>note: {escape(note)}" for note in self._notes)
