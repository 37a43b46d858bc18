"""The observer `mlflow`: settings, losses, results and the report of a run.

    observers: [mlflow]

MLflow's own environment variables say where to: `MLFLOW_TRACKING_URI`, and `MLFLOW_EXPERIMENT_NAME`, which is `augment`
where it is not set. An MLflow run of yours that is active is left alone.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from augment.plugin import hookimpl
from augment_tracking import library, results, settings

MAX_BATCH = 100  # entries that MLflow takes in one request, of every kind
MAX_LENGTH = 500  # characters of a setting


@dataclass
class _Log:
    """One run at MLflow."""

    client: Any
    entities: Any
    run_id: str
    waiting: list[Any] = field(default_factory=list)

    def note(self, numbers: Mapping[str, float], step: int) -> None:
        """Log numbers, a hundred at a time: a request for each would slow down what they are about."""
        now = int(time.time() * 1000)
        self.waiting += [self.entities.Metric(_name(name), value, now, step) for name, value in numbers.items()]
        if len(self.waiting) >= MAX_BATCH:
            self.send()

    def send(self) -> None:
        """Send what waits."""
        while self.waiting:
            self.client.log_batch(self.run_id, metrics=self.waiting[:MAX_BATCH])
            del self.waiting[:MAX_BATCH]


_LOGS: dict[str, _Log] = {}  # by the run's key


@hookimpl
def augment_run_started(run: Any) -> None:
    """Open a run at MLflow, and log every setting."""
    client, entities = library("mlflow", "mlflow").MlflowClient(), library("mlflow.entities", "mlflow")
    name = os.environ.get("MLFLOW_EXPERIMENT_NAME", "augment")
    experiment = client.get_experiment_by_name(name)
    number = experiment.experiment_id if experiment else client.create_experiment(name)
    opened = client.create_run(number, run_name=f"{run.name}-{run.key[:8]}")
    _LOGS[run.key] = _Log(client, entities, opened.info.run_id)
    params = [entities.Param(_name(name), value[:MAX_LENGTH]) for name, value in settings(run.pipeline)]
    for start in range(0, len(params), MAX_BATCH):
        client.log_batch(opened.info.run_id, params=params[start : start + MAX_BATCH])


@hookimpl
def augment_progress(run: Any, id: str, step: int, total: int, losses: Any) -> None:
    """Log the losses of a component."""
    _LOGS[run.key].note({f"{id}/{name}": value for name, value in losses.items()}, step)


@hookimpl
def augment_stage_finished(run: Any, stage: str, id: str, seconds: float, rows: int) -> None:
    """Log how long a stage took."""
    _LOGS[run.key].note({f"seconds/{stage}/{id}": seconds}, 0)
    _LOGS[run.key].send()


@hookimpl
def augment_run_finished(run: Any, error: BaseException | None) -> None:
    """Log the results, the report and the resolved pipeline, and end the run at MLflow."""
    log = _LOGS.pop(run.key)
    if error is None:
        log.note(results(run.folder), 0)
        for path in (run.folder / "report.html", run.folder / "resolved.yaml"):
            if path.is_file():
                log.client.log_artifact(log.run_id, str(path))
    log.send()
    log.client.set_terminated(log.run_id, "FINISHED" if error is None else "FAILED")


def _name(text: str) -> str:
    """The text with `_` for what MLflow takes in no name."""
    return re.sub(r"[^\w\-. :/]", "_", text)
