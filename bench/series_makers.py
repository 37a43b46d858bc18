"""Generators of time series side by side: are their series worth training on, told from real ones, quick to draw.

    AUGMENT_DATA=../shared/data python bench/series_makers.py italy plaid energy speed

`italy` and `plaid`: a probe and the nearest neighbour learn from synthetic rows alone, and are tested on the archive's
own test part; beside them stand real rows. `energy`: windows of 24 steps of 28 channels, and the judges of TimeGAN
(Yoon et al. 2019): how well a network tells them from real ones (0 is not at all, 0.5 always), and how well one that
learnt from them foretells the last channel of real ones; beside them stand held-out windows and copies with 1 % noise.
`speed`: series of 100 steps drawn per CPU-second. Everything is process CPU time on one thread. Data that is not there
is skipped, and said so.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from augment.components import Context, Generator
from augment.dataset import Dataset
from augment.schema import SchemaDeclaration, infer, labels_of, observe
from augment_gan.series import SeriesGan
from augment_rnn.series import SeriesRnn
from augment_series.probe import KernelsProbe
from augment_series.ts import TsSource
from augment_vae.series import SeriesVae

DATA = Path(os.environ.get("AUGMENT_DATA", "../shared/data")) / "series"
SEEDS = range(2)
NUM_SHOWN = 2_000  # windows that judges look at
JUDGE_STEPS, BATCH = 1_000, 128


def italy() -> None:
    makers: dict[str, Generator] = {
        "rnn, values": SeriesRnn(),
        "rnn, changes": SeriesRnn(SeriesRnn.Params(changes=True)),
        "vae": SeriesVae(),
        "gan": SeriesGan(SeriesGan.Params(steps=500)),
    }
    _train_on_synthetic("ItalyPowerDemand", makers, 300)


def plaid() -> None:
    makers: dict[str, Generator] = {
        "rnn, values": SeriesRnn(),
        "rnn, changes": SeriesRnn(SeriesRnn.Params(changes=True)),
    }
    _train_on_synthetic("PLAID", makers, None, seeds=range(1))


def _train_on_synthetic(name: str, makers: dict[str, Generator], rows: int | None, seeds: range = SEEDS) -> None:
    train, test = (_ts(name, part) for part in ("TRAIN", "TEST"))
    print(f"{name}: real rows: {_both([_accuracies(train, test, seed) for seed in seeds])}", flush=True)
    wanted = np.arange(rows or len(train)) % len(train)
    given = train.frame[["label"]].iloc[wanted].reset_index(drop=True)
    for what, maker in makers.items():
        scores, seconds = [], 0.0
        for seed in seeds:
            made, seconds = _make(maker, train, given, seed)
            scores.append(_accuracies(made, test, seed))
        lengths = "" if train.lengths("series").min() == train.arrays["series"].shape[1] else _lengths(train, made)
        print(f"{name}: {what}: {_both(scores)}; {seconds:.0f} CPU-s{lengths}", flush=True)


def _make(maker: Generator, train: Dataset, given: pd.DataFrame, seed: int) -> tuple[Dataset, float]:
    started = time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        maker.fit(train, Context(seed=seed, folder=Path(folder)))
        made = maker.sample(given, Context(seed=seed + 100, folder=Path(folder), train=train))
    return made, time.process_time() - started


def _accuracies(train: Dataset, test: Dataset, seed: int) -> tuple[float, float]:
    """Of the probe, and of the nearest neighbour (where series have one length)."""
    wanted = labels_of(test.frame["label"])
    with tempfile.TemporaryDirectory() as folder:
        chances = KernelsProbe().fit(train, Context(seed=seed, folder=Path(folder))).predict(test)
    of_probe = float((np.array(train.schema.classes)[chances.argmax(1)] == wanted).mean())
    steps = min(data.arrays["series"].shape[1] for data in (train, test))
    one, other = (torch.tensor(data.arrays["series"][:, :steps]).flatten(1) for data in (train, test))
    nearest = torch.cdist(other, one).argmin(1).numpy()
    return of_probe, float((labels_of(train.frame["label"])[nearest] == wanted).mean())


def energy(num_rows: int = 12_000, steps: int = 1_500) -> None:
    with np.load(DATA / "energy_windows24.npz") as file:
        windows = file[file.files[0]].astype(np.float32)
    order = np.random.default_rng(0).permutation(len(windows))
    train, held_out = windows[order[:num_rows]], windows[order[num_rows : num_rows + NUM_SHOWN]]
    low, high = train.min((0, 1)), train.max((0, 1))

    def scaled(rows: np.ndarray) -> np.ndarray:
        return (rows - low) / np.maximum(high - low, 1e-7)

    data = _dataset(pd.DataFrame(index=range(num_rows)), train, None)
    noise = np.random.default_rng(1).normal(0, 0.01, (NUM_SHOWN, *train.shape[1:]))
    shown = {
        "other held-out windows": scaled(windows[order[-NUM_SHOWN:]]),
        "copies with 1 % noise": scaled(train[:NUM_SHOWN]) + noise,
    }
    given = pd.DataFrame(index=range(NUM_SHOWN))
    for name, maker in {"rnn": SeriesRnn(SeriesRnn.Params(steps=steps)), "vae": SeriesVae()}.items():
        made, seconds = _make(maker, data, given, 1)
        shown[f"{name}, {seconds:.0f} CPU-s"] = scaled(made.arrays["series"])
    real, trained = (rows.astype(np.float32) for rows in (scaled(held_out), scaled(train)))
    own = _nearest(real, trained)
    for name, rows in shown.items():
        rows = rows.astype(np.float32)
        apart = [_told_apart(real, rows, seed) for seed in range(2)]
        error, near = _foretold(rows, real), _nearest(rows, trained) / own
        print(f"Energy: {name}: told apart {_spread(apart)}, foretold {error:.3f}, nearest {near:.2f}", flush=True)


class _Judge(nn.Module):
    def __init__(self, num_channels: int, width: int):
        super().__init__()
        self.steps = nn.GRU(num_channels, width, 2, batch_first=True)
        self.out = nn.Linear(width, 1)

    def forward(self, x_NTF: Tensor) -> Tensor:
        said: Tensor = self.out(self.steps(x_NTF)[0])[..., 0]
        return said


def _told_apart(real: np.ndarray, made: np.ndarray, seed: int) -> float:
    torch.manual_seed(seed)
    rows = torch.tensor(np.concatenate([real, made[: len(real)]]))
    is_real = (torch.arange(len(rows)) < len(real)).float()
    order = torch.randperm(len(rows))
    learnt, tested = order[len(rows) // 5 :], order[: len(rows) // 5]
    judge = _Judge(rows.shape[2], max(4, rows.shape[2] // 2))
    _learn(judge, learnt, lambda part: F.binary_cross_entropy_with_logits(judge(rows[part])[:, -1], is_real[part]))
    with torch.no_grad():
        return abs(float(((judge(rows[tested])[:, -1] > 0) == (is_real[tested] > 0)).float().mean()) - 0.5)


def _foretold(made: np.ndarray, real: np.ndarray) -> float:
    torch.manual_seed(0)
    rows, asked = torch.tensor(made), torch.tensor(real)
    judge = _Judge(rows.shape[2] - 1, max(4, rows.shape[2] // 2))

    def error(x_NTF: Tensor) -> Tensor:
        return (judge(x_NTF[:, :-1, :-1]).sigmoid() - x_NTF[:, 1:, -1]).abs().mean()

    _learn(judge, torch.arange(len(rows)), lambda part: error(rows[part]))
    with torch.no_grad():
        return float(error(asked))


def _learn(judge: nn.Module, rows: Tensor, loss_of) -> None:
    optimizer = torch.optim.Adam(judge.parameters(), lr=1e-3)
    for _ in range(JUDGE_STEPS):
        loss = loss_of(rows[torch.randint(len(rows), (BATCH,))])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def _nearest(rows: np.ndarray, train: np.ndarray) -> float:
    """The median distance to the nearest training row, of 1,000 rows."""
    one, other = torch.tensor(rows[:1_000]).flatten(1), torch.tensor(train).flatten(1)
    return float(torch.cdist(one, other).amin(1).median())


def speed(length: int = 100, num_rows: int = 2_048) -> None:
    rng = np.random.default_rng(0)
    values = rng.normal(0, 1, (200, length, 1)).cumsum(1).astype(np.float32)
    data = _dataset(pd.DataFrame(index=range(200)), values, None)
    makers = {
        "rnn, 128 hidden units": SeriesRnn(SeriesRnn.Params(steps=20, width=128)),
        "vae": SeriesVae(SeriesVae.Params(steps=20)),
        "gan": SeriesGan(SeriesGan.Params(steps=20)),
    }
    for name, maker in makers.items():
        with tempfile.TemporaryDirectory() as folder:
            maker.fit(data, Context(seed=1, folder=Path(folder)))
            rates = []
            for seed in range(5):
                started = time.process_time()
                maker.sample(pd.DataFrame(index=range(num_rows)), Context(seed=seed, folder=Path(folder), train=data))
                rates.append(num_rows / (time.process_time() - started))
        print(f"{name}: {np.median(rates):,.0f} ({min(rates):,.0f} to {max(rates):,.0f}) series of {length} per CPU-s")


def _ts(name: str, part: str) -> Dataset:
    source = TsSource(TsSource.Params(path=DATA / f"ucr_{name}" / f"{name}_{part}.ts"))
    with tempfile.TemporaryDirectory() as folder:
        data = source.read(Context(seed=1, folder=Path(folder), declared=SchemaDeclaration(target="label")))
    schema, _ = observe(data.schema, data.frame, data.arrays)
    return Dataset.of(data.frame, data.arrays, schema)


def _dataset(frame: pd.DataFrame, values: np.ndarray, target: str | None) -> Dataset:
    schema = infer(frame, {"series": values}, SchemaDeclaration(target=target))
    schema, _ = observe(schema, frame, {"series": values})
    return Dataset.of(frame, {"series": values}, schema)


def _lengths(*sets: Dataset) -> str:
    quartiles = [np.percentile(data.lengths("series"), [0, 25, 50, 75, 100]).astype(int).tolist() for data in sets]
    return f"; quartiles of the lengths {quartiles[1]}, of real ones {quartiles[0]}"


def _both(scores: list[tuple[float, float]]) -> str:
    probe, nearest = (list(values) for values in zip(*scores, strict=True))
    return f"probe {_spread(probe)}, nearest neighbour {_spread(nearest)}"


def _spread(values: list[float]) -> str:
    return f"{np.mean(values):.3f} ({min(values):.3f} to {max(values):.3f})"


if __name__ == "__main__":
    torch.set_num_threads(1)
    for name in sys.argv[1:]:
        if name != "speed" and not DATA.is_dir():
            print(f"{name}: skipped, there is no {DATA}")
            continue
        {"italy": italy, "plaid": plaid, "energy": energy, "speed": speed}[name]()
