"""The hooks that a plugin may implement, under pluggy's project name `augment`.

A plugin is a module named by an entry point in the group `augment`; the entry point's name is the name users type.
Most plugins need `augment_components` alone. The others are for observers, which a pipeline names under `observers:`;
they run in the host process, and one that fails is logged and stops nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pluggy

__all__ = ["hookimpl", "hookspec"]

hookspec = pluggy.HookspecMarker("augment")
hookimpl = pluggy.HookimplMarker("augment")


@hookspec
def augment_components() -> Iterable[type]:  # type: ignore[empty-body]
    """The component classes that this plugin offers. Import heavy libraries inside their methods, not here."""


@hookspec
def augment_run_started(run: Any) -> None:
    """A run begins; `run` has `name`, `key`, `folder` and `pipeline`."""


@hookspec
def augment_stage_finished(run: Any, stage: str, id: str, seconds: float, rows: int) -> None:
    """A stage (`fit`, `sample`, ...) of the component `id` has ended, after so many seconds, with so many rows."""


@hookspec
def augment_progress(run: Any, id: str, step: int, total: int, losses: Mapping[str, float]) -> None:
    """The component `id` has done `step` of `total` steps."""


@hookspec
def augment_run_finished(run: Any, error: BaseException | None) -> None:
    """The run has ended, well or with `error`."""
