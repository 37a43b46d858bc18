"""Does the metric `privacy` find copies, and leave honest rows alone?

For each data set and seed: 1,000 training rows, 250 held-out rows, and 1,000 rows that neither has, as a perfect
generator would make them (`fresh`), or imperfect ones: `moved` (fresh rows with numbers moved by a tenth of a standard
deviation), `blended` (halfway between two fresh rows of a class) and `independent` (each column drawn by itself).
`exact` replaces 0.5 % of the fresh rows by training rows, `near` 5 % by training rows with numbers moved by a hundredth
of a standard deviation (pixels by up to 2 grey levels). Reported: how many of the seeds are flagged, by which attack.

    python bench/privacy.py [--seeds 20]          Adult and MNIST are looked for in AUGMENT_DATA
"""

from __future__ import annotations

import argparse
import gzip
import os
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd

from augment.data import Dataset, SchemaDeclaration, as_labels, infer, observe
from augment.plugin.context import Context
from augment_evidence.privacy import Privacy

DATA = Path(os.environ.get("AUGMENT_DATA", Path(__file__).parents[2] / "shared" / "data"))
NUM_TRAIN, NUM_HELD, NUM_MADE = 1_000, 250, 1_000


def of(frame: pd.DataFrame, target: str | None, arrays: dict[str, np.ndarray] | None = None) -> Dataset:
    schema, _ = observe(infer(frame, arrays or {}, SchemaDeclaration(target=target)), frame)
    return Dataset.of(frame, arrays or {}, schema)


def adult() -> Dataset:
    return of(pd.read_csv(DATA / "table" / "adult.csv", skipinitialspace=True), "income")


def discrete() -> Dataset:
    """Adult without its numbers of many values: here real rows often are equal."""
    frame = pd.read_csv(DATA / "table" / "adult.csv", skipinitialspace=True)
    return of(frame[["age", "education", "occupation", "race", "sex", "income"]], "income")


def waves() -> Dataset:
    """Made by code: two clusters in eight numbers, and a label."""
    rng = np.random.default_rng(0)
    label = rng.integers(0, 2, 20_000)
    hidden = rng.normal(size=(20_000, 3)) + label[:, None]
    values = np.tanh(hidden @ rng.normal(size=(3, 8))) + 0.2 * rng.normal(size=(20_000, 8))
    frame = pd.DataFrame(values, columns=[f"x{i}" for i in range(8)])
    return of(frame.assign(label=np.where(label == 1, "yes", "no")), "label")


def mnist() -> Dataset:
    with gzip.open(DATA / "image" / "mnist" / "train-images-idx3-ubyte.gz") as file:
        images = np.frombuffer(file.read(), np.uint8, offset=16).reshape(-1, 28, 28, 1)[:20_000]
    with gzip.open(DATA / "image" / "mnist" / "train-labels-idx1-ubyte.gz") as file:
        labels = np.frombuffer(file.read(), np.uint8, offset=8)[:20_000]
    return of(pd.DataFrame({"digit": labels.astype(str)}), "digit", {"image": images})


def moved(data: Dataset, share: float, rng: np.random.Generator, spread_of: Dataset) -> Dataset:
    """Numbers moved by that share of a standard deviation; pixels by up to 200 times as many grey levels."""
    if data.arrays:
        most = max(1, round(200 * share))
        noise = rng.integers(-most, most + 1, data.arrays["image"].shape)
        images = np.clip(data.arrays["image"] + noise, 0, 255).astype(np.uint8)
        return Dataset(data.frame, {"image": images}, data.schema)
    frame = data.frame.copy()
    for name in data.schema.features:
        if data.schema.columns[name].type in ("number", "integer"):
            noise = rng.normal(0, share * spread_of.frame[name].astype(float).std(), len(frame))
            values = frame[name].astype(float) + noise
            frame[name] = values.round().astype("int64") if data.schema.columns[name].type == "integer" else values
    return Dataset.of(frame, {}, data.schema)


def blended(data: Dataset, rng: np.random.Generator) -> Dataset:
    labels = as_labels(data.frame[data.schema.target])
    other = np.arange(len(data))
    for label in np.unique(labels):
        rows = np.flatnonzero(labels == label)
        other[rows] = rng.permutation(rows)
    if data.arrays:
        pair = (data.arrays["image"].astype(float) + data.arrays["image"][other]) / 2
        return Dataset(data.frame, {"image": pair.astype(np.uint8)}, data.schema)
    frame = data.frame.copy()
    for name in data.schema.features:
        if data.schema.columns[name].type in ("number", "integer"):
            values = (frame[name].astype(float) + frame[name].astype(float).to_numpy()[other]) / 2
            frame[name] = values.round().astype("int64") if data.schema.columns[name].type == "integer" else values
    return Dataset.of(frame, {}, data.schema)


def independent(data: Dataset, rng: np.random.Generator) -> Dataset:
    frame = data.frame.copy()
    for name in frame.columns:
        frame[name] = frame[name].to_numpy()[rng.permutation(len(frame))]
    return Dataset.of(frame, data.arrays, data.schema)


def cases(train: Dataset, fresh: Dataset, rng: np.random.Generator) -> dict[str, Dataset]:
    made = {"fresh": fresh, "moved": moved(fresh, 0.1, rng, train), "blended": blended(fresh, rng)}
    if not fresh.arrays:
        made["independent"] = independent(fresh, rng)
    for name, share in (("exact", 0.005), ("near", 0.05)):
        num = round(share * len(fresh))
        copies = train.take(rng.choice(len(train), num, replace=False))
        if name == "near":
            copies = moved(copies, 0.01, rng, train)
        made[name] = Dataset.concat([fresh.take(slice(num, None)), copies])
    return made


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--sets", nargs="+", default=["waves", "adult", "discrete", "mnist"])
    options = parser.parse_args()
    start = time.process_time()
    for name in options.sets:
        try:
            whole = globals()[name]()
        except FileNotFoundError as error:
            print(f"{name}: skipped, {error.filename} is not there", file=sys.stderr)
            continue
        flagged: dict[str, list[set[str]]] = {}
        for seed in range(options.seeds):
            rng = np.random.default_rng([seed, 99])
            rows = rng.permutation(len(whole))[: NUM_TRAIN + NUM_HELD + NUM_MADE]
            train, held, fresh = (whole.take(part) for part in np.split(rows, [NUM_TRAIN, NUM_TRAIN + NUM_HELD]))
            for case, made in cases(train, fresh, rng).items():
                scores = Privacy().score(made, train, held, Context(seed=seed, folder=Path()))
                flagged.setdefault(case, []).append(
                    {s.name for s in scores if s.attack and s.attack.finding == "leak found"}
                )
        for case, found in flagged.items():
            by = {attack: sum(attack in one for one in found) for attack in sorted(set().union(*found))}
            said = ", ".join(f"{attack} {count}" for attack, count in by.items())
            print(f"| {name} | {case} | {sum(map(bool, found))} of {len(found)} | {said or '-'} |", flush=True)
    print(f"{time.process_time() - start:.0f} CPU-seconds")


if __name__ == "__main__":
    main()
