"""The hooks that a plugin can implement, with pluggy's project name `augment`.

A plugin is a module with an entry point in the group `augment`. Users write the name of the entry point. Most plugins
only need `augment_components`. The other hooks are for observers, which a pipeline lists under `observers:`. Observers
run in the host process. If one fails, it is logged, and the run continues.
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
    """The component classes of this plugin. Import heavy libraries inside their methods, not here."""


@hookspec
def augment_run_started(run: Any) -> None:
    """A run has started. `run` has `name`, `key`, `folder` and `pipeline`."""


@hookspec
def augment_stage_finished(run: Any, stage: str, id: str, seconds: float, rows: int) -> None:
    """A stage (`fit`, `sample`, ...) of the component `id` has finished, with its duration and number of rows."""


@hookspec
def augment_progress(run: Any, id: str, step: int, total: int, losses: Mapping[str, float]) -> None:
    """The component `id` has finished `step` of `total` steps."""


@hookspec
def augment_run_finished(run: Any, error: BaseException | None) -> None:
    """The run has finished, successfully or with `error`."""
