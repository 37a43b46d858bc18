"""Generators of time series side by side: are their series worth training on, told from real ones, quick to draw.

    AUGMENT_DATA=../shared/data python bench/series_makers.py italy plaid energy speed [--only rnn vae gan ...]

`italy` and `plaid`: a probe and the nearest neighbour learn from synthetic rows alone, and are tested on the archive's
own test part; beside them stand real rows. `energy`: windows of 24 steps of 28 channels, and the judges of TimeGAN
(Yoon et al. 2019): how well a network tells them from real ones (0 is not at all, 0.5 always), and how well one that
learnt from them foretells the last channel of real ones; beside them stand held-out windows and copies with 1 % noise.
Each is fitted once there.
`speed`: series of 100 steps drawn per CPU-second. Elsewhere each seed has a fit of its own.

Two figures say whether a generator copies, or shies away from the ends. Nearest: the median distance to the nearest
training series, by that of held-out ones; far below 1 is copying. Range: how far apart the 1 % and the 99 % quantile of
a channel are, by the same of the training series.

DeepEcho's PAR stands beside ours, installed into a virtual environment of its own, build/bench-deepecho. Everything is
process CPU time on one thread. Data that is not there is skipped, and said so.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch
import torch.nn.functional as F
from peers.environments import python_with
from torch import Tensor, nn

from augment.data import Dataset, SchemaDeclaration, as_labels, infer, observe
from augment.plugin.context import Context
from augment.plugin.contracts import Generator
from augment_gan.series import SeriesGan
from augment_rnn.series import SeriesRnn
from augment_series.edits import SeriesEdits
from augment_series.probe import KernelsProbe
from augment_series.ts import TsSource
from augment_vae.series import SeriesVae

HERE = Path(__file__).resolve().parent
DATA = Path(os.environ.get("AUGMENT_DATA", "../shared/data")) / "series"
SEEDS = range(2)
NUM_SHOWN = 2_000  # windows that judges look at
JUDGE_STEPS, BATCH = 1_000, 128


@dataclass(frozen=True)
class Par:
    """DeepEcho's PAR, in a process of its own."""

    epochs: int

    def make(self, train: Dataset, wanted: list[pd.DataFrame], seed: int) -> tuple[list[Dataset], float, list[float]]:
        """What was drawn for each frame of labels, the CPU-seconds of the fit, and those of each draw."""
        python = python_with("bench-deepecho", "deepecho==0.8.1")
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            asked = {f"wanted-{place}": _labels(frame) for place, frame in enumerate(wanted)}
            np.savez(folder / "train.npz", series=train.arrays["series"], labels=_labels(train.frame), **asked)
            threads = {"OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE", "TQDM_DISABLE": "1"}
            command = [python, HERE / "peers" / "par.py", folder, str(self.epochs), str(seed)]
            subprocess.run(command, env=os.environ | threads, check=True)
            figures = json.loads((folder / "figures.json").read_text())
            made = [
                Dataset.of(frame, {"series": np.load(folder / f"drawn-{place}.npy")}, train.schema)
                for place, frame in enumerate(wanted)
            ]
        return made, figures["fit"], figures["draws"]


Maker = Generator | Par


def italy(only: list[str]) -> None:
    makers: dict[str, Maker] = {
        "rnn": SeriesRnn(),
        "vae": SeriesVae(),
        "gan": SeriesGan(),
        "series-edits": SeriesEdits(),
        "PAR": Par(epochs=1_000),
    }
    _train_on_synthetic("ItalyPowerDemand", _chosen(makers, only), 300)


def plaid(only: list[str]) -> None:
    makers: dict[str, Maker] = {"rnn": SeriesRnn(), "series-edits": SeriesEdits()}
    _train_on_synthetic("PLAID", _chosen(makers, only), None)


def _train_on_synthetic(name: str, makers: dict[str, Maker], rows: int | None) -> None:
    train, test = (_ts(name, part) for part in ("TRAIN", "TEST"))
    print(f"{name}: real rows: {_both([_accuracies(train, test, seed) for seed in SEEDS])}", flush=True)
    one_length = train.lengths("series").min() == train.arrays["series"].shape[1]
    wanted = np.arange(rows or len(train)) % len(train)
    given = train.frame[["label"]].iloc[wanted].reset_index(drop=True)
    for what, maker in makers.items():
        scores, near, ranges, seconds = [], [], [], []
        for seed in SEEDS:
            made, spent = _make(maker, train, given, seed)
            scores.append(_accuracies(made, test, seed))
            seconds.append(spent)
            if one_length:
                real, shown, others = (data.arrays["series"] for data in (train, made, test))
                near.append(_nearest(shown, real) / _nearest(others, real))
                ranges.append(_range(shown, real))
        more = f"; nearest {_spread(near)}, range {_spread(ranges)}" if one_length else _lengths(train, made)
        print(f"{name}: {what}: {_both(scores)}{more}; {np.mean(seconds):.0f} CPU-s", flush=True)


def _make(maker: Maker, train: Dataset, given: pd.DataFrame, seed: int) -> tuple[Dataset, float]:
    if isinstance(maker, Par):
        (made,), fit, draws = maker.make(train, [given], seed)
        return made, fit + sum(draws)
    started = time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        maker.fit(train, Context(seed=seed, folder=Path(folder)))
        made = maker.sample(given, Context(seed=seed + 100, folder=Path(folder), train=train))
    return made, time.process_time() - started


def _accuracies(train: Dataset, test: Dataset, seed: int) -> tuple[float, float]:
    """Of the probe, and of the nearest neighbour (where series have one length)."""
    wanted = as_labels(test.frame["label"])
    with tempfile.TemporaryDirectory() as folder:
        chances = KernelsProbe().fit(train, Context(seed=seed, folder=Path(folder))).predict(test)
    of_probe = float((np.array(train.schema.classes)[chances.argmax(1)] == wanted).mean())
    steps = min(data.arrays["series"].shape[1] for data in (train, test))
    one, other = (torch.tensor(data.arrays["series"][:, :steps]).flatten(1) for data in (train, test))
    nearest = torch.cdist(other, one).argmin(1).numpy()
    return of_probe, float((as_labels(train.frame["label"])[nearest] == wanted).mean())


def energy(only: list[str], num_rows: int = 12_000) -> None:
    with np.load(DATA / "energy_windows24.npz") as file:
        windows = file[file.files[0]].astype(np.float32)
    order = np.random.default_rng(0).permutation(len(windows))
    train, held_out = windows[order[:num_rows]], windows[order[num_rows : num_rows + NUM_SHOWN]]
    low, high = train.min((0, 1)), train.max((0, 1))

    def scaled(rows: np.ndarray) -> np.ndarray:
        return ((rows - low) / np.maximum(high - low, 1e-7)).astype(np.float32)

    data = _dataset(pd.DataFrame(index=range(num_rows)), train, None)
    given = pd.DataFrame(index=range(NUM_SHOWN))
    noise = np.random.default_rng(1).normal(0, 0.01, (NUM_SHOWN, *train.shape[1:])).astype(np.float32)
    controls = {
        "other held-out windows": scaled(windows[order[-NUM_SHOWN:]]),
        "copies with 1 % noise": scaled(train[:NUM_SHOWN]) + noise,
    }
    makers: dict[str, Maker] = {
        "rnn": SeriesRnn(SeriesRnn.Params(steps=1_500)),
        "vae": SeriesVae(),
        "gan": SeriesGan(),
        "series-edits": SeriesEdits(),
    }
    real, trained = scaled(held_out), scaled(train)
    own = _nearest(real, trained)
    for name in [*controls, *_chosen(makers, only)]:
        apart, errors, spent = [], [], ""
        if (rows := controls.get(name)) is None:
            made, seconds = _make(makers[name], data, given, SEEDS[0])
            rows, spent = scaled(made.arrays["series"]), f"; {seconds:.0f} CPU-s"
        for seed in SEEDS:  # of the judges: one fit takes minutes
            apart.append(_told_apart(real, rows, seed))
            errors.append(_foretold(rows, real, seed))
        print(
            f"Energy: {name}: told apart {_spread(apart)}, foretold {_spread(errors)}, "
            f"nearest {_nearest(rows, trained) / own:.2f}, range {_range(rows, trained):.2f}{spent}",
            flush=True,
        )


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


def _foretold(made: np.ndarray, real: np.ndarray, seed: int) -> float:
    torch.manual_seed(seed)
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


def _range(rows: np.ndarray, train: np.ndarray) -> float:
    """How wide the channels are, beside those of the training rows, on average."""
    low, high = np.quantile(rows, [0.01, 0.99], axis=(0, 1))
    low_train, high_train = np.quantile(train, [0.01, 0.99], axis=(0, 1))
    return float(((high - low) / np.maximum(high_train - low_train, 1e-7)).mean())


def speed(only: list[str], length: int = 100, num_rows: int = 2_048, num_of_peer: int = 24) -> None:
    rng = np.random.default_rng(0)
    values = rng.normal(0, 1, (200, length, 1)).cumsum(1).astype(np.float32)
    data = _dataset(pd.DataFrame(index=range(200)), values, None)
    makers: dict[str, Maker] = {
        "PAR": Par(epochs=2),
        "rnn, 128 hidden units": SeriesRnn(SeriesRnn.Params(steps=20, width=128)),
        "vae": SeriesVae(SeriesVae.Params(steps=20)),
        "gan": SeriesGan(SeriesGan.Params(steps=20)),
    }
    of_peer: list[float] = []
    for name, maker in _chosen(makers, only).items():
        if isinstance(maker, Par):
            _, _, draws = maker.make(data, [pd.DataFrame(index=range(num_of_peer))] * 6, 1)
            rates = of_peer = [num_of_peer / spent for spent in draws[1:]]  # the first one warms up
        else:
            rates = _rates(maker, data, num_rows)
        times = [rate / float(np.median(of_peer)) for rate in rates] if of_peer else []
        beside = f", {_middle(times)} times PAR" if times else ""
        print(f"speed: {name}: {_middle(rates)} series of {length} per CPU-s{beside}", flush=True)


def _rates(maker: Generator, data: Dataset, num_rows: int) -> list[float]:
    with tempfile.TemporaryDirectory() as folder:
        maker.fit(data, Context(seed=1, folder=Path(folder)))
        rates = []
        for seed in range(5):
            started = time.process_time()
            maker.sample(pd.DataFrame(index=range(num_rows)), Context(seed=seed, folder=Path(folder), train=data))
            rates.append(num_rows / (time.process_time() - started))
    return rates


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


def _chosen(makers: dict[str, Maker], only: list[str]) -> dict[str, Maker]:
    return {name: maker for name, maker in makers.items() if not only or name in only}


def _labels(frame: pd.DataFrame) -> np.ndarray:
    """As text; the same for all where there are none."""
    return as_labels(frame["label"]).astype(str) if "label" in frame else np.full(len(frame), "all")


def _both(scores: list[tuple[float, float]]) -> str:
    probe, nearest = (list(values) for values in zip(*scores, strict=True))
    return f"probe {_spread(probe)}, nearest neighbour {_spread(nearest)}"


def _spread(values: list[float]) -> str:
    return f"{np.mean(values):.3f} ({min(values):.3f} to {max(values):.3f})"


def _middle(values: list[float]) -> str:
    return f"{np.median(values):,.1f} ({min(values):,.1f} to {max(values):,.1f})"


def main() -> None:
    """Run the parts that are asked for."""
    parts = {"italy": italy, "plaid": plaid, "energy": energy, "speed": speed}
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="+", choices=parts)
    parser.add_argument("--only", nargs="+", default=[], help="these generators alone")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    for name in asked.parts:
        if name != "speed" and not DATA.is_dir():
            print(f"{name}: skipped, there is no {DATA}")
            continue
        parts[name](asked.only)


if __name__ == "__main__":
    main()
