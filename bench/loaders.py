"""Throughput of the mixed loader beside torch's own, in rows per second of this process's processor time.

    python bench/loaders.py

Both hand out the same number of rows of the same kind in batches of 128: torch's `DataLoader` over a `TensorDataset` of
tensors that lie in memory (shuffled), and over `loaders.Rows`; the mixed loader with 30 % synthetic rows that were made
before the clock starts. Five rounds each, taken in turns; shown are the medians, the extremes, and the ratio of each
round to the plain loader's of the same round.
"""

from __future__ import annotations

import statistics
import tempfile
import time

import torch
from torch.utils.data import DataLoader, TensorDataset

import augment
from augment.loaders import Rows, mixed, tensors

BATCH, ROUNDS = 128, 5
KINDS = {
    "table": ({"use": "sklearn", "with": {"dataset": "breast-cancer"}}, "bootstrap"),
    "image": ({"use": "sklearn", "with": {"dataset": "digits"}}, "bootstrap"),
}
PASSES = 20  # over the real rows, so that a round takes long enough


def main() -> None:
    print(f"{'kind':8}{'loader':16}{'rows/s':>12}{'least':>12}{'most':>12}   ratio to torch's (least to most)")
    for kind, (source, generator) in KINDS.items():
        with tempfile.TemporaryDirectory() as folder:
            run = augment.run(
                {
                    "name": kind,
                    "source": source,
                    "generators": [generator],
                    "mix": {"rows": 100},
                    "trial": False,
                    "filters": [],
                    "metrics": [],
                    "reporters": [],
                },
                out=f"{folder}/run",
            )
            _compare(kind, run, generator)


def _compare(kind, run, generator):
    num_real = run.metrics.rows.train
    counts = {"real": PASSES * num_real, generator: round(PASSES * num_real * 0.3 / 0.7)}
    x, y = tensors(run.real.data)
    rows = torch.arange(sum(counts.values())) % len(x)
    stored = TensorDataset(x[rows], y[rows])
    loader = mixed(run, batch_size=BATCH, choose=counts, ahead=10_000, background=False)
    for number in range(ROUNDS + 1):  # every chunk of every round, made ahead
        for chunk in range(loader._plan.num_chunks(generator)):
            loader._streams[generator].get(number * loader._plan.num_chunks(generator) + chunk)
    loader._ahead = 0
    loaders = {
        "torch": DataLoader(stored, batch_size=BATCH, shuffle=True),
        "Rows": DataLoader(Rows(run.train), batch_size=BATCH, shuffle=True),
        "mixed": loader,
    }
    speeds: dict[str, list[float]] = {name: [] for name in loaders}
    for _ in range(ROUNDS):
        for name, tried in loaders.items():
            begin, seen = time.process_time(), 0
            while seen < len(stored):
                seen += sum(len(labels) for _, labels in tried)
            speeds[name].append(seen / (time.process_time() - begin))
    for name, found in speeds.items():
        ratios = [one / other for one, other in zip(found, speeds["torch"], strict=True)]
        told = f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"
        print(f"{kind:8}{name:16}{statistics.median(found):12,.0f}{min(found):12,.0f}{max(found):12,.0f}   {told}")


if __name__ == "__main__":
    main()
