"""What reporters and observers see of a run."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pandas as pd

from augment.data import Dataset, Schema
from augment.plugin.run_metrics import RunMetrics

__all__ = ["RunView"]


class RunView(Protocol):
    """A run as a reporter receives it."""

    @property
    def folder(self) -> Path:
        """The run's folder."""
        ...

    @property
    def name(self) -> str:
        """The pipeline's name."""
        ...

    @property
    def key(self) -> str:
        """The content key of the run."""
        ...

    @property
    def pipeline(self) -> Mapping[str, Any]:
        """The resolved pipeline, as plain data."""
        ...

    @property
    def schema(self) -> Schema:
        """The schema that components receive: that of the training part, after transforms and without ids."""
        ...

    @property
    def metrics(self) -> RunMetrics:
        """The content of `metrics.json`, with its keys as attributes: `run.metrics.trial.verdict`."""
        ...

    @property
    def train(self) -> Dataset:
        """The real training rows, after transforms."""
        ...

    @property
    def test(self) -> Dataset:
        """The hold-out, after transforms."""
        ...

    @property
    def synthetic(self) -> Dataset:
        """The synthetic rows that were kept, in the order of the plan. If there are over 50,000, a seeded sample."""
        ...

    @property
    def synthetic_origin(self) -> np.ndarray:
        """The generator id of each row of `synthetic`, (N,) object."""
        ...

    def losses(self) -> Mapping[str, pd.DataFrame]:
        """Generator id to its training curve: columns `step` and one per loss."""
        ...

    def rejects(self) -> Mapping[str, Dataset]:
        """Filter id to the first 20 rows that it rejected."""
        ...
