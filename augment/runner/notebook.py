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
    """Shows the stage that is at work, how far it is and for how long, in one line that changes; called with events."""

    def __init__(self) -> None:
        self._start = self._shown = time.monotonic()
        self._line = "augment: reading the data"
        display = sys.modules["IPython"].display
        self._html: Any = display.HTML
        self._handle: Any = display.display(self._html(self._content(0.0)), display_id=True)

    def __call__(self, event: Mapping[str, Any]) -> None:
        """Follow an event of the run."""
        kind, part = event["event"], 0.0
        if kind == "stage-started":
            self._line = f"{event['stage']} {event['id']}"
        elif kind == "progress" and event["total"]:
            part = event["step"] / event["total"]
            losses = ", ".join(f"{name} {value:.3g}" for name, value in list(event["losses"].items())[:3])
            step = f"{event['step']:,} of {event['total']:,}"
            self._line = f"{event['stage']} {event['id']}: {step}{', ' if losses else ''}{losses}"
        elif kind == "run-finished":
            part, self._line = 1.0, f"{event['status']}: {event['folder']}"
        else:
            return
        if kind != "progress" or time.monotonic() - self._shown >= SECONDS_BETWEEN:
            self._shown = time.monotonic()
            self._handle.update(self._html(self._content(part)))

    def _content(self, part: float) -> str:
        seconds = time.monotonic() - self._start
        return f'<progress value="{part:.3f}" max="1"></progress> {escape(self._line)} ({seconds:.0f} s)'
