"""Observers that log runs: `mlflow` and `tensorboard`, each where its library is installed.

What both say of a run stands here. The libraries are imported when a run begins; without one, its observer is noted as
failed, and the run goes on.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any


def library(name: str, extra: str) -> Any:
    """The module of that name.

    Raises:
        ModuleNotFoundError: it is not installed; the message says how it can be.
    """
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        if error.name not in (name, extra):
            raise  # the library is there, and something that it needs is not
        needed = f"{error.name} is not installed; pip install 'augment-pipeline[{extra}]'"
        raise ModuleNotFoundError(needed, name=error.name) from error


def settings(tree: Any, name: str = "") -> Iterator[tuple[str, str]]:
    """Every setting of a pipeline: its path, such as `generators.0.with.steps`, and its value as text."""
    if isinstance(tree, Mapping):
        for key, value in tree.items():
            yield from settings(value, f"{name}.{key}" if name else str(key))
    elif isinstance(tree, list) and any(isinstance(value, Mapping | list) for value in tree):
        for number, value in enumerate(tree):
            yield from settings(value, f"{name}.{number}")
    else:
        yield name, tree if isinstance(tree, str) else json.dumps(tree)


def results(folder: Path) -> dict[str, float]:
    """The numbers in `metrics.json`: rows, each arm of the trial, scores."""
    from augment.plugin import RunMetrics

    metrics = RunMetrics.model_validate_json((folder / "metrics.json").read_text(encoding="utf-8"))
    rows = {f"rows/{name}": float(count) for name, count in metrics.rows}
    arms = {f"trial/{arm.id}": arm.mean for arm in metrics.trial.arms}
    return rows | arms | {f"{score.metric}/{score.of}/{score.name}": score.value for score in metrics.scores}
