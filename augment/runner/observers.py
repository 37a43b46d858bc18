"""Telling the plugins that a pipeline names under `observers:` how its run goes. They run in the host process."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

from augment.plugin.catalog import Catalog

__all__ = ["Observers"]


class Observers:
    """Calls the hooks of some plugins; one that fails is noted, once, and left alone from then on.

    Args:
        names: the plugins, in the order in which they are told.
        catalog: knows them.
        note: called with a sentence when an observer fails.

    Raises:
        PluginError: a plugin cannot be imported.
    """

    def __init__(self, names: Sequence[str], catalog: Catalog, note: Callable[[str], None]):
        self._hooks = {name: catalog.hooks(name).hook for name in names}
        self._note = note

    @contextmanager
    def watching(self, run: Any, listeners: list[Callable[[dict[str, Any]], None]]) -> Iterator[None]:
        """Inside, the observers are told of every event; at the end, how the run ended."""
        if not self._hooks:
            yield
            return
        listener = partial(self._notify, run)
        listeners.append(listener)
        try:
            yield
        except BaseException as error:
            self._call("augment_run_finished", run=run, error=error)
            raise
        else:
            self._call("augment_run_finished", run=run, error=None)
        finally:
            listeners.remove(listener)

    def _notify(self, run: Any, event: Mapping[str, Any]) -> None:
        match event["event"]:
            case "run-started":
                self._call("augment_run_started", run=run)
            case "stage-finished":
                arguments = {key: event[key] for key in ("stage", "id", "seconds", "rows")}
                self._call("augment_stage_finished", run=run, **arguments)
            case "progress":
                arguments = {key: event[key] for key in ("id", "step", "total", "losses")}
                self._call("augment_progress", run=run, **arguments)

    def _call(self, hook: str, **arguments: Any) -> None:
        for name in list(self._hooks):
            try:
                getattr(self._hooks[name], hook)(**arguments)
            except Exception as error:
                del self._hooks[name]  # before the note, which would be passed on to it
                self._note(
                    f"observer {name!r} failed in {hook} and gets no more events: {type(error).__name__}: {error}"
                )
