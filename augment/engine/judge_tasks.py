"""The tasks that judge: train a probe on one arm and predict the hold-out, and score synthetic rows.

They run in workers of their own: no worker that learns ever sees the hold-out, and `predict` never sees its target.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import ValidationError

from augment.data import Dataset, Schema, as_labels, class_positions
from augment.engine.jobs import Call
from augment.engine.tasks import Component, calling, frame_hash, lend
from augment.errors import PluginError
from augment.plan.amounts import training_counts
from augment.plan.caps import MAX_JUDGED_ROWS, capped_rows
from augment.plugin.context import derive_seed
from augment.plugin.contracts import Metric, Probe
from augment.plugin.run_metrics import MetricScore
from augment.plugin.score import Score
from augment.spec.stages import Bound
from augment.statistics.arms import CLASS_WEIGHTS, COPIES, NONE, OVERSAMPLING
from augment.storage.atomic_files import whole

__all__ = ["ArmTask", "Pick", "ScoreTask", "Scored", "encode_truth", "load_parts", "missing_rows", "predict_arm"]
__all__ += ["score"]


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
        arm: `none`, `class-weights`, `oversampling`, `copies`, or another name for real + synthetic rows.
        out: file for the predictions.
        parts: dataset folders of the synthetic rows.
        picks: instead of them, some of the rows.
        copies: for `copies`, how many real rows of each label, or, under an empty label, of all are repeated.
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
    copies: Mapping[str, int] = field(default_factory=dict)


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
        data = with_copies(train, missing_rows(training_counts(train)), np.random.default_rng(seed))
    elif task.arm == COPIES:
        data = with_copies(train, task.copies, np.random.default_rng(seed))
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


def missing_rows(counts: Mapping[str, int]) -> dict[str, int]:
    """Label to the rows that its class has fewer than the largest."""
    return {label: max(counts.values()) - count for label, count in counts.items() if count}


def with_copies(data: Dataset, wanted: Mapping[str, int], rng: np.random.Generator) -> Dataset:
    """All rows, and so many repeats of rows of each label, or, under an empty label, of all."""
    labels = np.full(len(data), "", dtype=object)
    if "" not in wanted:
        labels = as_labels(data.frame[data.schema.target]).astype(str)
    extra = [rng.choice(np.flatnonzero(labels == label), rows) for label, rows in sorted(wanted.items()) if rows]
    return data.take(np.concatenate([np.arange(len(data)), *extra]))


def encode_truth(test: Dataset, schema: Schema) -> tuple[np.ndarray, np.ndarray]:
    """The target of the held-out rows, and which of them count, (N,) bool.

    The target is (N,) float values, or int64 class numbers of the rows that count: a class that the training part does
    not have cannot be learnt, so its rows do not count.
    """
    values = test.frame[schema.target]
    if schema.task == "number":
        return values.to_numpy(dtype=float), np.ones(len(test), dtype=bool)
    codes = class_positions(values, schema.classes)
    known = codes >= 0
    return codes[known], known


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
    try:
        found = [
            MetricScore(
                **name,
                value=float(one.value),
                unit=one.unit,
                better=one.better,
                meaning=one.meaning,
                interval=(float(one.interval[0]), float(one.interval[1])) if one.interval else None,
                detail=dict(one.detail),
                attack=one.attack,
                voids=one.voids,
            )
            for name, one in zip(names, scores, strict=True)
        ]
    except ValidationError as error:
        problems = "; ".join(problem["msg"].removeprefix("Value error, ") for problem in error.errors())
        raise PluginError(f"{bound.what}: score returned a Score that is not valid: {problems}") from error
    return Scored(found, [{**name, **one.private} for name, one in zip(names, scores, strict=True) if one.private])
