"""Time series: what the probe reaches on the archive's test parts, whether edits help, what judges say of copies.

    AUGMENT_DATA=../shared/data python bench/series.py classes few judges reading ridge

Everything is process CPU time on one thread. Data that is not there is skipped, and said so. Beside ours stand real
rows alone and plain oversampling to the same number of rows.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from sklearn.linear_model import RidgeCV
from threadpoolctl import threadpool_limits

from augment.data import Dataset, Schema, SchemaDeclaration, as_labels, infer, observe
from augment.plugin.context import Context
from augment_evidence.series_scores import SeriesScores
from augment_series.csv_source import SeriesCsvSource
from augment_series.cylinder_bell_funnel import CylinderBellFunnel
from augment_series.edits import SeriesEdits
from augment_series.probe import KernelsProbe
from augment_series.ridge import STRENGTHS, Ridge
from augment_series.ts import TsSource

DATA = Path(os.environ.get("AUGMENT_DATA", "../shared/data")) / "series"
NAMES = ("ItalyPowerDemand", "GunPoint", "JapaneseVowels", "PLAID")
SEEDS = range(5)
WAYS = {
    "real + edits, 1x": {},
    "jitter": {"edits": {"jitter": 1}},
    "scale": {"edits": {"scale": 1}},
    "warp": {"edits": {"warp": 1}},
    "slice": {"edits": {"slice": 1}},
    "mix": {"edits": {"mix": 1}},
}


def classes() -> None:
    """Accuracy on the archive's test part, trained on the whole training part."""
    for name in NAMES:
        train, test = (_ts(name, part) for part in ("TRAIN", "TEST"))
        _compare(name, test, lambda seed, train=train: train, {"real + edits, 1x": {}})


def few() -> None:
    """The same from ten series a class, another ten for each seed; edits alone, to see which help."""
    for name in NAMES:
        train, test = (_ts(name, part) for part in ("TRAIN", "TEST"))
        labels = as_labels(train.frame["label"])

        def chosen(seed: int, train: Dataset = train, labels: np.ndarray = labels) -> Dataset:
            rng = np.random.default_rng(seed)
            rows = [rng.permutation(np.flatnonzero(labels == label))[:10] for label in train.schema.classes]
            return train.take(np.sort(np.concatenate(rows)))

        _compare(f"{name}, 10 a class", test, chosen, WAYS)


def judges() -> None:
    """TimeGAN's judges on windows of 24 hours: what the hold-out and copies with noise reach, and edits."""
    values = np.load(DATA / "energy_windows24.npz")["data"].astype(np.float32)
    rng = np.random.default_rng(0)
    rows = rng.permutation(len(values))[:4_000]
    frame = Dataset.of(*_bare(values[np.sort(rows)]))
    train, held = frame.take(slice(0, None, 2)), frame.take(slice(1, None, 2))
    with tempfile.TemporaryDirectory() as folder:
        edits = SeriesEdits().fit(train, Context(1, Path(folder)))
        given = train.frame
        made = edits.sample(given, Context(2, Path(folder), train=train))
        started = time.process_time()
        for score in SeriesScores(SeriesScores.Params(steps=500)).score(made, train, held, Context(3, Path(folder))):
            beside = ", ".join(f"{name} {value:.3f}" for name, value in score.detail["reference"].items())
            print(f"Energy, series-edits: {score.name} {score.value:.3f}; beside it: {beside}", flush=True)
        print(f"  {time.process_time() - started:.0f} CPU-s")


def reading() -> None:
    """A long CSV file of a million steps, and the probe on 1,000 series of 150 steps."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "long.csv"
        rng = np.random.default_rng(0)
        key, step = np.divmod(np.arange(1_000_000), 100)
        columns = zip(key, step, *rng.normal(size=(2, 1_000_000)), strict=True)
        lines = (f"{k},{s},{x:.3f},{y:.3f},{k % 3}\n" for k, s, x, y in columns)
        path.write_text("key,time,x,y,label\n" + "".join(lines))
        started = time.process_time()
        SeriesCsvSource(SeriesCsvSource.Params(path=path, key="key", time="time")).read(Context(1, Path(folder)))
        print(f"series-csv: {1 / (time.process_time() - started):.2f} million steps of two channels per CPU-s")
        params = CylinderBellFunnel.Params(rows={"cylinder": 334, "bell": 333, "funnel": 333}, steps=150)
        data = _observed(CylinderBellFunnel(params).read(Context(1, Path(folder))))
        started = time.process_time()
        KernelsProbe().fit(data, Context(1, Path(folder))).predict(data)
        print(f"kernels: {time.process_time() - started:.2f} CPU-s to fit and predict 1,000 series of 150 steps")


def ridge() -> None:
    """The ridge regression of `kernels` beside scikit-learn's, by the number of rows, of 2,000 features."""
    for num_rows in (1_500, 3_000, 6_000):
        rng = np.random.default_rng(0)
        x = rng.random((num_rows, 2_000))
        y = (x[:, 0] + x[:, 1] + rng.normal(0, 0.2, num_rows) > 1).astype(np.int64)
        signs = np.where(y[:, np.newaxis] == np.arange(2), 1.0, -1.0)
        fits: dict[str, Callable[[], Any]] = {
            "ours": lambda x=x, y=y: Ridge.fit(x, y, 2),
            "RidgeCV": lambda x=x, signs=signs: RidgeCV(STRENGTHS).fit(x, signs),
            "RidgeCV, svd": lambda x=x, signs=signs: RidgeCV(STRENGTHS, gcv_mode="svd").fit(x, signs),
        }
        for name, fit in fits.items():
            started = time.process_time()
            with threadpool_limits(limits=1):
                fit()
            print(f"ridge, {num_rows} rows: {name} {time.process_time() - started:.1f} CPU-s", flush=True)


def _compare(title: str, test: Dataset, chosen: Callable[[int], Dataset], ways: dict[str, Any]) -> None:
    labels, scores, seconds = as_labels(test.frame["label"]), {}, []
    for seed in SEEDS:
        train = chosen(seed)
        more = np.random.default_rng(seed).integers(len(train), size=len(train))
        parts = {"real alone": train, "oversampled": Dataset.concat([train, train.take(more)])}
        with tempfile.TemporaryDirectory() as folder:
            for name, settings in ways.items():
                edits = SeriesEdits(SeriesEdits.Params(**settings)).fit(train, Context(seed, Path(folder)))
                given = train.take(more).frame[["label"]]
                made = edits.sample(given, Context(seed + 100, Path(folder), train=train))
                parts[name] = Dataset.concat([train, made])
            for name, part in parts.items():
                started = time.process_time()
                probe = KernelsProbe().fit(part, Context(seed, Path(folder)))
                found = np.array(part.schema.classes)[probe.predict(test).argmax(axis=1)]
                seconds.append(time.process_time() - started)
                scores.setdefault(name, []).append(float((found == labels).mean()))
    real = np.array(scores["real alone"])
    for name, values in scores.items():
        gains = np.array(values) - real
        gain = f"gain {gains.mean():+.4f} (sd {gains.std(ddof=1):.4f})"
        print(f"{title}: {name}: {np.mean(values):.4f}, {gain}", flush=True)
    print(f"  {np.median(seconds):.2f} CPU-s a fit and its test part")


def _ts(name: str, part: str) -> Dataset:
    path = DATA / f"ucr_{name}" / f"{name}_{part}.ts"
    return _observed(TsSource(TsSource.Params(path=path)).read(Context(1, Path())))


def _bare(values: np.ndarray) -> tuple[pd.DataFrame, dict[str, np.ndarray], Schema]:
    frame = pd.DataFrame(index=pd.RangeIndex(len(values)))
    schema, _ = observe(infer(frame, {"series": values}, SchemaDeclaration()), frame, {"series": values})
    return frame, {"series": values}, schema


def _observed(data: Dataset) -> Dataset:
    schema, _ = observe(data.schema, data.frame, data.arrays)
    return Dataset.of(data.frame, data.arrays, schema)


if __name__ == "__main__":
    torch.set_num_threads(1)
    for name in sys.argv[1:]:
        if name not in ("reading", "ridge") and not DATA.is_dir():
            print(f"{name}: skipped, there is no {DATA}")
            continue
        {"classes": classes, "few": few, "judges": judges, "reading": reading, "ridge": ridge}[name]()
