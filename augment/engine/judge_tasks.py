"""The tasks that judge: train a probe on one arm and predict the hold-out, and score synthetic rows.

They run in workers of their own: no worker that learns ever sees the hold-out, and `predict` never sees its target.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from augment.data import Dataset, as_labels
from augment.engine.jobs import Call
from augment.engine.tasks import Component, calling, frame_hash, lend
from augment.errors import PluginError
from augment.plan.caps import MAX_JUDGED_ROWS, capped_rows
from augment.plugin.context import derive_seed
from augment.plugin.contracts import Metric, Probe, Score
from augment.plugin.run_metrics import MetricScore
from augment.spec.stages import Bound
from augment.statistics.arms import CLASS_WEIGHTS, NONE, OVERSAMPLING
from augment.storage.atomic_files import whole

__all__ = ["ArmTask", "Pick", "ScoreTask", "Scored", "load_parts", "predict_arm", "score"]


def load_parts(folders: Sequence[Path], seed: int, most: int = MAX_JUDGED_ROWS) -> Dataset:
    """The rows of all parts; a seeded sample, in order, where there are more than `most`."""
    bounds = np.cumsum([0, *(len(Dataset.load(folder)) for folder in folders)])
    rows = capped_rows(int(bounds[-1]), seed, most)
    # part after part: all together they may be larger than memory
    return Dataset.concat(
        [
            Dataset.load(folder).take(rows[(rows >= start) & (rows < end)] - start)
            for folder, (start, end) in zip(folders, pairwise(bounds), strict=True)
        ]
    )


@dataclass(frozen=True)
class Pick:
    """Some of the rows that one generator has made, so that arms with few and with many rows share them.

    Attributes:
        parts: dataset folders.
        rows: how many of the first rows of each label, or, under an empty label, of all.
    """

    parts: tuple[Path, ...]
    rows: Mapping[str, int]

    def load(self) -> Dataset:
        """The rows."""
        data = Dataset.concat([Dataset.load(folder) for folder in self.parts])
        labels = np.full(len(data), "", dtype=object)
        if "" not in self.rows:
            labels = as_labels(data.frame[data.schema.target])
        keep = np.zeros(len(data), dtype=bool)
        for label, count in self.rows.items():
            keep[np.flatnonzero(labels == label)[:count]] = True
        return data.take(keep)


@dataclass(frozen=True)
class ArmTask:
    """Argument of `predict_arm`.

    Attributes:
        test: dataset folder of the hold-out, its target withheld.
        seed: of the run.
        arm: `none`, `class-weights`, `oversampling`, or another name for real + synthetic rows.
        out: file for the predictions.
        parts: dataset folders of the synthetic rows.
        picks: instead of them, some of the rows.
    """

    bound: Component
    train: Path
    test: Path
    seed: int
    arm: str
    trial_seed: int
    out: Path
    parts: tuple[Path, ...] = ()
    picks: tuple[Pick, ...] = ()


class _Real:
    """The real rows that probes and metrics are shown."""

    def __init__(self, train: Path, test: Path):
        self.train, self.test = Dataset.load(train), Dataset.load(test)
        self._before = self._hashes()

    def _hashes(self) -> tuple[str, str]:
        return frame_hash(self.train), frame_hash(self.test)

    def expect_unchanged(self, bound: Bound) -> None:
        """Raise where a component has changed them."""
        if self._hashes() != self._before:
            raise PluginError(f"{bound.what} changed the rows that it was shown; they are read only")


def predict_arm(task: ArmTask, call: Call) -> int:
    """Train a probe on one arm and predict the hold-out; returns the number of rows trained on.

    The file `out` then holds class probabilities (N, C) or values (N,), float64.
    """
    bound = task.bound
    real = call.once(_Real, task.train, task.test)
    train, test = real.train, real.test
    # the seed does not depend on the arm: arms are paired
    seed = derive_seed(task.seed, "trial", task.trial_seed)
    data, weights = train, None
    if task.arm == CLASS_WEIGHTS:
        weights = balanced_weights(train)
    elif task.arm == OVERSAMPLING:
        data = oversampled(train, np.random.default_rng(seed))
    elif task.arm != NONE:
        synthetic = Dataset.concat([pick.load() for pick in task.picks]) if task.picks else load_parts(task.parts, seed)
        data = Dataset.concat([train, synthetic])
    probe: Any = bound.cls(bound.params)
    assert isinstance(probe, Probe)
    with lend(call, seed) as context:
        with calling(bound, "fit"):
            fitted = probe.fit(data, context, weights)
        with calling(bound, "predict"):
            predictions = np.asarray(fitted.predict(test), dtype=np.float64)
    real.expect_unchanged(bound)
    classes = train.schema.classes
    expected = (len(test), len(classes)) if classes else (len(test),)
    if predictions.shape != expected or not np.isfinite(predictions).all():
        raise PluginError(
            f"{bound.what}: predict returned {predictions.shape}, {int((~np.isfinite(predictions)).sum())} of the "
            f"numbers not finite; {expected} finite numbers were expected"
        )
    with whole(task.out) as out, out.open("wb") as file:
        np.save(file, predictions)
    return len(data)


def balanced_weights(data: Dataset) -> np.ndarray:
    """Weights (N,) float that give every class the same total, with mean 1."""
    labels = as_labels(data.frame[data.schema.target])
    _, codes, counts = np.unique(labels.astype(str), return_inverse=True, return_counts=True)
    return np.asarray(len(labels) / (len(counts) * counts[codes]), dtype=float)


def oversampled(data: Dataset, rng: np.random.Generator) -> Dataset:
    """All rows, and repeats of the smaller classes' until every class is as large as the largest."""
    labels = as_labels(data.frame[data.schema.target]).astype(str)
    distinct, counts = np.unique(labels, return_counts=True)
    extra = [
        rng.choice(np.flatnonzero(labels == label), counts.max() - count, replace=True)
        for label, count in zip(distinct, counts, strict=True)
    ]
    return data.take(np.concatenate([np.arange(len(data)), *extra]))


@dataclass(frozen=True)
class ScoreTask:
    """Argument of `score`: `parts` are rows of `of`, whose generators have these origins."""

    bound: Component
    train: Path
    test: Path
    seed: int
    of: str
    origins: frozenset[str]
    parts: tuple[Path, ...]


@dataclass(frozen=True)
class Scored:
    """The scores of a metric, and what in them may point at single rows: as `private.json` of a run has it."""

    scores: list[MetricScore]
    private: list[dict[str, Any]]


def score(task: ScoreTask, call: Call) -> Scored:
    """Score synthetic rows against real ones."""
    bound = task.bound
    real = call.once(_Real, task.train, task.test)
    metric: Any = bound.cls(bound.params)
    assert isinstance(metric, Metric)
    seed = derive_seed(task.seed, bound.id, "score", task.of)
    synthetic = load_parts(task.parts, seed)
    with lend(call, seed, origins=task.origins) as context, calling(bound, "score"):
        scores = metric.score(synthetic, real.train, real.test, context)
    real.expect_unchanged(bound)
    for one in scores:
        if not isinstance(one, Score) or not np.isfinite(one.value):
            raise PluginError(f"{bound.what}: score returned {one!r}; a Score with a finite value was expected")
    names = [{"metric": bound.id, "of": task.of, "name": one.name} for one in scores]
    return Scored(
        [
            MetricScore(
                **name,
                value=float(one.value),
                unit=one.unit,
                better=one.better,
                meaning=one.meaning,
                interval=(float(one.interval[0]), float(one.interval[1])) if one.interval else None,
                detail=dict(one.detail),
                voids=one.voids,
            )
            for name, one in zip(names, scores, strict=True)
        ],
        [{**name, **one.private} for name, one in zip(names, scores, strict=True) if one.private],
    )
