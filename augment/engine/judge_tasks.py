"""The tasks that judge: train a probe on one arm and predict the hold-out, and score synthetic rows.

They run in workers of their own: no worker that learns ever sees the hold-out, and `predict` never sees its target.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from augment.data import Dataset, labels_of
from augment.engine.jobs import Emit, Task
from augment.engine.tasks import CATALOG, calling, frame_hash, lend, save_whole
from augment.errors import PluginError
from augment.plan.caps import MAX_JUDGED_ROWS, capped_rows
from augment.plugin.context import derive_seed
from augment.plugin.contracts import Metric, Probe, Score
from augment.spec.stages import Bound, bound_from_json
from augment.statistics.arms import CLASS_WEIGHTS, NONE, OVERSAMPLING

__all__ = [
    "load_parts",
    "picked",
    "predict_arm",
    "score",
]


def load_parts(folders: Sequence[str], seed: int, most: int = MAX_JUDGED_ROWS) -> Dataset:
    """The rows of all parts; a seeded sample, in order, where there are more than `most`."""
    bounds = np.cumsum([0, *(len(Dataset.load(Path(folder))) for folder in folders)])
    rows = capped_rows(int(bounds[-1]), seed, most)
    # part after part: all together they may be larger than memory
    return Dataset.concat(
        [
            Dataset.load(Path(folder)).take(rows[(rows >= start) & (rows < end)] - start)
            for folder, (start, end) in zip(folders, pairwise(bounds), strict=True)
        ]
    )


def predict_arm(init: Mapping[str, Any], emit: Emit) -> Task:
    """Train the probe on one arm and predict the hold-out.

    init: `component`, `train`, `test` (target withheld), `seed`. Row: `arm` (`none`, `class-weights`, `oversampling`,
    or another name for real + synthetic), `parts` (dataset folders of the synthetic rows) or `picks` (see `picked`),
    `trial_seed`, `out`.
    Result: `rows` trained on. The file `out` holds class probabilities (N, C) or values (N,), float64.
    """
    bound = bound_from_json(init["component"], CATALOG)
    train = Dataset.load(Path(init["train"]))
    test = Dataset.load(Path(init["test"]))
    before = frame_hash(train), frame_hash(test)

    def run(row: Mapping[str, Any]) -> Mapping[str, Any]:
        # the seed does not depend on the arm: arms are paired
        seed = derive_seed(init["seed"], "trial", row["trial_seed"])
        data, weights = train, None
        if row["arm"] == CLASS_WEIGHTS:
            weights = balanced_weights(train)
        elif row["arm"] == OVERSAMPLING:
            data = oversampled(train, np.random.default_rng(seed))
        elif row["arm"] != NONE:
            synthetic = picked(row["picks"]) if "picks" in row else load_parts(row["parts"], seed)
            data = Dataset.concat([train, synthetic])
        probe: Any = bound.cls(bound.params)
        assert isinstance(probe, Probe)
        with lend(init, seed) as context:
            with calling(bound, "fit"):
                fitted = probe.fit(data, context, weights)
            with calling(bound, "predict"):
                predictions = np.asarray(fitted.predict(test), dtype=np.float64)
        if (frame_hash(train), frame_hash(test)) != before:
            raise PluginError(f"{bound.what} changed the rows that it was shown; they are read only")
        classes = train.schema.classes
        expected = (len(test), len(classes)) if classes else (len(test),)
        if predictions.shape != expected or not np.isfinite(predictions).all():
            raise PluginError(
                f"{bound.what}: predict returned {predictions.shape}, {int((~np.isfinite(predictions)).sum())} of the "
                f"numbers not finite; {expected} finite numbers were expected"
            )
        with save_whole(Path(row["out"])) as out, out.open("wb") as file:
            np.save(file, predictions)
        return {"rows": len(data)}

    return run


def picked(picks: Sequence[Mapping[str, Any]]) -> Dataset:
    """Some of the rows that are there, so that arms with few and with many rows share them.

    Args:
        picks: each with `parts` (dataset folders) and `rows`: how many of the first rows of each label, or, under an
            empty label, of all.
    """
    found = []
    for pick in picks:
        data = Dataset.concat([Dataset.load(Path(folder)) for folder in pick["parts"]])
        labels = np.full(len(data), "", dtype=object)
        if "" not in pick["rows"]:
            labels = labels_of(data.frame[data.schema.target])
        keep = np.zeros(len(data), dtype=bool)
        for label, count in pick["rows"].items():
            keep[np.flatnonzero(labels == label)[:count]] = True
        found.append(data.take(keep))
    return Dataset.concat(found)


def balanced_weights(data: Dataset) -> np.ndarray:
    """Weights (N,) float that give every class the same total, with mean 1."""
    labels = labels_of(data.frame[data.schema.target])
    _, codes, counts = np.unique(labels.astype(str), return_inverse=True, return_counts=True)
    return np.asarray(len(labels) / (len(counts) * counts[codes]), dtype=float)


def oversampled(data: Dataset, rng: np.random.Generator) -> Dataset:
    """All rows, and repeats of the smaller classes' until every class is as large as the largest."""
    labels = labels_of(data.frame[data.schema.target]).astype(str)
    distinct, counts = np.unique(labels, return_counts=True)
    extra = [
        rng.choice(np.flatnonzero(labels == label), counts.max() - count, replace=True)
        for label, count in zip(distinct, counts, strict=True)
    ]
    return data.take(np.concatenate([np.arange(len(data)), *extra]))


def score(init: Mapping[str, Any], emit: Emit) -> Task:
    """Score synthetic rows against real ones.

    init: `component`, `train`, `test`, `seed`. Row: `of` (whose rows), `origins` (of their generators), `parts`.
    Result: `scores`, a list of mappings; those that have something private have it under that key.
    """
    bound = bound_from_json(init["component"], CATALOG)
    train, holdout = Dataset.load(Path(init["train"])), Dataset.load(Path(init["test"]))
    before = frame_hash(train), frame_hash(holdout)

    def run(row: Mapping[str, Any]) -> Mapping[str, Any]:
        metric: Any = bound.cls(bound.params)
        assert isinstance(metric, Metric)
        seed = derive_seed(init["seed"], bound.id, "score", row["of"])
        synthetic = load_parts(row["parts"], seed)
        with lend(init, seed, origins=frozenset(row["origins"])) as context, calling(bound, "score"):
            scores = metric.score(synthetic, train, holdout, context)
        if (frame_hash(train), frame_hash(holdout)) != before:
            raise PluginError(f"{bound.what} changed the rows that it was shown; they are read only")
        return {"scores": [_plain(bound, found, row["of"]) for found in scores]}

    return run


def _plain(bound: Bound, found: Any, of: str) -> dict[str, Any]:
    if not isinstance(found, Score) or not np.isfinite(found.value):
        raise PluginError(f"{bound.what}: score returned {found!r}; a Score with a finite value was expected")
    interval = [float(end) for end in found.interval] if found.interval else None
    return {
        "metric": bound.id,
        "of": of,
        "name": found.name,
        "value": float(found.value),
        "unit": found.unit,
        "better": found.better,
        "interval": interval,
        "detail": dict(found.detail),
        **({"private": dict(found.private)} if found.private else {}),
    }
