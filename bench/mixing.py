"""Measures what runs on tables cost from Parquet to Parquet, beside what the same work costs without them.

    python bench/mixing.py [ROUNDS] [--rows 100000]

`smote`: `augment run` that balances a table of 14 features, against imbalanced-learn's `fit_resample` and `to_parquet`
of the same training rows. `mixing`: `augment run` that adds 30 % copies to a table of 15 columns, against pandas
reading, drawing and writing as many; at two sizes, so that what rows cost is told from what a process costs. Whole
processes run in turn, and processor time is compared. No trial, metric, filter or report takes part.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

PIPELINE = """
source: {{use: parquet, with: {{path: {name}.parquet}}}}
schema: {{target: y}}
generators: [{generator}]
mix: {{rows: {rows}}}
trial: false
metrics: []
reporters: []
filters: []
sinks: [parquet]
"""
RESAMPLE = """
import sys, pandas as pd
from imblearn.over_sampling import SMOTE, SMOTENC
frame = pd.read_parquet(sys.argv[1]).drop(columns="origin")
features = frame.drop(columns="y")
labels = [name for name in features if not pd.api.types.is_numeric_dtype(features[name])]
features[labels] = features[labels].astype(object)
sampler = SMOTENC(labels, random_state=0) if labels else SMOTE(random_state=0)
X, y = sampler.fit_resample(features, frame["y"].astype(str))
X.assign(y=y).to_parquet(sys.argv[2])
"""
COPY = """
import sys, pandas as pd
frame = pd.read_parquet(sys.argv[1])
pd.concat([frame, frame.sample(frac=0.3, replace=True, random_state=0)]).to_parquet(sys.argv[2])
"""


def table(num_rows: int, num_numbers: int, sizes: tuple[int, ...]) -> pd.DataFrame:
    """Numbers, categories of so many labels, and a target `y` of which 17 % are positive."""
    rng = np.random.default_rng(0)
    columns = {f"x{i}": rng.normal(size=num_rows).round(4) for i in range(num_numbers)}
    for number, size in enumerate(sizes):
        labels = [f"label {label}" for label in range(size)]
        columns[f"c{number}"] = pd.Categorical.from_codes(rng.integers(0, size, num_rows), labels)
    is_positive = columns["x0"] + columns["x1"] * columns["x2"] + rng.normal(size=num_rows) > 1.6
    return pd.DataFrame(columns).assign(y=pd.Categorical(np.where(is_positive, "yes", "no")))


def cpu_seconds(command: list[str | Path], folder: Path) -> float:
    """User and system time of a process and those that it starts, on one thread each."""
    store = tempfile.mkdtemp(dir=folder)  # nothing is there already
    environment = os.environ | {"AUGMENT_STORE": store, "OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE"}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, cwd=folder, env=environment, check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (after.ru_utime - before.ru_utime) + (after.ru_stime - before.ru_stime)


def measure(folder: Path, name: str, generator: str, rows: str, script: str, number: int) -> tuple[float, float]:
    """CPU-seconds of a run, and of the script on its training rows or, for copies, on the whole table."""
    (folder / f"{name}.yaml").write_text(PIPELINE.format(name=name, generator=generator, rows=rows))
    out = folder / f"{name}-{number}"
    ours = cpu_seconds([sys.executable, "-m", "augment", "run", f"{name}.yaml", "--out", out], folder)
    read = f"{name}.parquet"
    if script is RESAMPLE:
        written = pd.read_parquet(out / "data" / "train.parquet")
        written[written["origin"] == "real"].to_parquet(folder / "train.parquet")
        read = "train.parquet"
    return ours, cpu_seconds([sys.executable, "-c", script, read, "theirs.parquet"], folder)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rounds", nargs="?", type=int, default=3)
    parser.add_argument("--rows", type=int, default=100_000, help="of the tables that are balanced")
    parser.add_argument(
        "--mixed", type=int, nargs=2, default=(200_000, 1_000_000), help="rows that copies are added to"
    )
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        table(asked.rows, 14, ()).to_parquet(folder / "numbers.parquet")
        table(asked.rows, 6, (2, 5, 7, 9, 15, 16, 6, 42)).to_parquet(folder / "categories.parquet")
        for rows in asked.mixed:
            table(rows, 8, (2, 5, 12, 40, 200, 1000)).to_parquet(folder / f"mixed{rows}.parquet")
        cases = [(name, "smote", "balance", RESAMPLE) for name in ("numbers", "categories")]
        cases += [(f"mixed{rows}", "bootstrap", "0.3x", COPY) for rows in asked.mixed]
        spent = {}
        for name, generator, mix, script in cases:
            pairs = [measure(folder, name, generator, mix, script, number) for number in range(asked.rounds)]
            ratios = [ours / theirs for ours, theirs in pairs]
            spent[name] = [statistics.median(side) for side in zip(*pairs, strict=True)]
            print(
                f"| {name} | {spent[name][0]:.1f} | {spent[name][1]:.1f} | {statistics.median(ratios):.2f} "
                f"({min(ratios):.2f} to {max(ratios):.2f}) |",
                flush=True,
            )
        few, many = asked.mixed
        for side, who in enumerate(("augment", "pandas")):
            seconds = spent[f"mixed{many}"][side] - spent[f"mixed{few}"][side]
            print(f"{who}: {1.3 * (many - few) / seconds:,.0f} written rows per CPU-second beyond {few:,} rows")


if __name__ == "__main__":
    main()
