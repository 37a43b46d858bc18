"""Throughput of the mixed loader beside torch's own, in rows per second of this process's processor time.

    python bench/loaders.py              rows that lie in memory
    python bench/loaders.py edited       rows that are edited while they are handed out

In memory, both hand out the same number of rows of the same kind in batches of 128: torch's `DataLoader` over a
`TensorDataset` of tensors (shuffled), and over `loaders.Rows`; the mixed loader with 30 % synthetic rows that were made
before the clock starts. Edited, every row of both is edited anew: torch's `DataLoader` over a Dataset that edits the
row it is asked for, as people write it; the mixed loader with rows of a generator that makes the same edits, drawn in
this process, so that all of its time counts. Rounds are taken in turns; shown are the medians, the extremes, and the
ratio of each round to the plain loader's of the same round.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset, TensorDataset

import augment
from augment.loaders import Rows, mixed, tensors
from augment_images.transforms import GENTLE_AFFINE, compose

BATCH, ROUNDS = 128, 5
KINDS = {
    "table": ({"use": "sklearn", "with": {"dataset": "breast-cancer"}}, "bootstrap"),
    "image": ({"use": "sklearn", "with": {"dataset": "digits"}}, "bootstrap"),
}
PASSES = 20  # over the real rows, so that a round takes long enough


class EditedImages(Dataset[Any]):
    """Images (N, H, W, C) uint8, each turned, scaled, shifted and sheared a little by albumentations."""

    def __init__(self, images: np.ndarray, labels: np.ndarray):
        self._images, self._labels, self._move = images, labels, compose([{"Affine": dict(GENTLE_AFFINE)}], seed=0)

    def __len__(self) -> int:
        return len(self._labels)

    def __getitem__(self, row: int) -> tuple[torch.Tensor, int]:
        moved = self._move(self._images[row])
        return torch.from_numpy(moved).permute(2, 0, 1).float().div_(255), self._labels[row]


class EditedSeries(Dataset[Any]):
    """Series (N, T, F) float32, each changed in one of the five ways of `series-edits`."""

    def __init__(self, series: np.ndarray, labels: np.ndarray):
        self._series, self._labels, self._rng = series, labels, np.random.default_rng(0)
        self._alike = [np.flatnonzero(labels == label) for label in range(labels.max() + 1)]
        self._deviation = series.std(axis=(0, 1))

    def __len__(self) -> int:
        return len(self._labels)

    def __getitem__(self, row: int) -> tuple[torch.Tensor, int]:
        return torch.from_numpy(self._edited(row).astype(np.float32)), self._labels[row]

    def _edited(self, row: int) -> np.ndarray:
        wave_TF, rng = self._series[row], self._rng
        edit = rng.choice(["jitter", "scale", "mix", "warp", "slice"])
        if edit == "jitter":
            return wave_TF + rng.normal(0, 0.05, wave_TF.shape) * self._deviation
        if edit == "scale":
            mean = wave_TF.mean(axis=0)
            return mean + (wave_TF - mean) * np.exp(rng.normal(0, 0.15, wave_TF.shape[1]))
        if edit == "mix":
            other = self._series[rng.choice(self._alike[self._labels[row]])]
            return wave_TF + (other - wave_TF) * rng.random() * 0.5
        when = np.linspace(0, 1, len(wave_TF))
        if edit == "warp":
            passed = np.concatenate([[0], np.cumsum(np.exp(rng.normal(0, 0.3, 4)))])
            moments = np.interp(when, np.linspace(0, 1, 5), passed / passed[-1])
        else:
            moments = rng.random() * 0.1 + 0.9 * when
        return np.stack([np.interp(moments, when, channel) for channel in wave_TF.T], axis=1)


def images(num_rows: int, *shape: int) -> tuple[np.ndarray, np.ndarray]:
    """Noise: what is in an image does not change what it costs."""
    rng = np.random.default_rng(num_rows)
    return rng.integers(0, 256, (num_rows, *shape), dtype=np.uint8), rng.integers(0, 5, num_rows)


def series(num_rows: int, *shape: int) -> tuple[np.ndarray, np.ndarray]:
    """Noise, likewise."""
    rng = np.random.default_rng(num_rows)
    return rng.normal(size=(num_rows, *shape)).astype(np.float32), rng.integers(0, 5, num_rows)


EDITED: dict[str, tuple[str, type[Dataset[Any]], Callable[[], tuple[np.ndarray, np.ndarray]]]] = {
    "images, 8x8x1": ("albumentations", EditedImages, lambda: images(4000, 8, 8, 1)),
    "images, 32x32x3": ("albumentations", EditedImages, lambda: images(3000, 32, 32, 3)),
    "images, 96x96x3": ("albumentations", EditedImages, lambda: images(1500, 96, 96, 3)),
    "series, 150x1": ("series-edits", EditedSeries, lambda: series(4000, 150, 1)),
    "series, 1000x3": ("series-edits", EditedSeries, lambda: series(1000, 1000, 3)),
}


def edited() -> None:
    """The table of rows that are edited while they are handed out."""
    torch.set_num_threads(1)
    print(f"{'rows':18}{'torch, rows/s':>14}{'mixed, rows/s':>14}   ratio (least to most)")
    for name, (generator, plain, make) in EDITED.items():
        x, y = make()
        fitted = augment.fit(generator, x, y)
        ours = mixed(fitted, batch_size=BATCH, choose={generator: len(y)}, background=False, ahead=0)
        loaders = [DataLoader(plain(x, y), batch_size=BATCH, shuffle=True), ours]
        speeds: list[list[float]] = [[], []]
        for number in range(ROUNDS + 1):
            for which in (0, 1) if number % 2 else (1, 0):
                begin = time.process_time()
                seen = sum(len(labels) for _, labels in loaders[which])
                if number:  # the first round loads libraries
                    speeds[which].append(seen / (time.process_time() - begin))
        ratios = [one / other for other, one in zip(*speeds, strict=True)]
        medians = [statistics.median(found) for found in speeds]
        print(
            f"{name:18}{medians[0]:14,.0f}{medians[1]:14,.0f}   {statistics.median(ratios):.2f} "
            f"({min(ratios):.2f} to {max(ratios):.2f})",
            flush=True,
        )


def main() -> None:
    """The table of rows that lie in memory."""
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
    edited() if sys.argv[1:] == ["edited"] else main()
