"""The observer `tensorboard`: losses, results and settings of a run, in `runs/tensorboard/NAME-KEY/`.

    observers: [tensorboard]

then `tensorboard --logdir runs/tensorboard`.
"""

from __future__ import annotations

from typing import Any

from augment.plugin import hookimpl
from augment_tracking import library, results, settings

_WRITERS: dict[str, Any] = {}  # by the run's key


@hookimpl
def augment_run_started(run: Any) -> None:
    """Open a log beside the run's folder."""
    place = run.folder.parent / "tensorboard" / f"{run.name}-{run.key[:8]}"
    writer = _WRITERS[run.key] = library("torch.utils.tensorboard", "tensorboard").SummaryWriter(str(place))
    lines = [f"    {name}: {value}" for name, value in settings(run.pipeline)]
    writer.add_text("pipeline", "\n".join(lines))


@hookimpl
def augment_progress(run: Any, id: str, step: int, total: int, losses: Any) -> None:
    """Log the losses of a component."""
    for name, value in losses.items():
        _WRITERS[run.key].add_scalar(f"{id}/{name}", value, step)


@hookimpl
def augment_run_finished(run: Any, error: BaseException | None) -> None:
    """Log the results, and close the log."""
    writer = _WRITERS.pop(run.key)
    if error is None:
        for name, value in results(run.folder).items():
            writer.add_scalar(name, value, 0)
    writer.close()
