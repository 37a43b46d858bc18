"""Image generators beside their peers on MNIST, after equal CPU seconds of training; and whether images help.

    python bench/images.py quality [--seeds 3] [--seconds 180] [--only vae gan ...] [--peers FOLDER]
    python bench/images.py help    [--seeds 5] [--steps 500]

`quality`: our `vae` and `gan`, a plain conditional DCGAN, and pythae's VAE with a mixture for each class, which is
installed into a virtual environment of its own at --peers. `help`: the accuracy of a small CNN that is trained on 10
or 50 images a class, or on a lopsided set (five classes with 20, five with 500), with fresh synthetic images at every
step. Data is looked for in AUGMENT_DATA. Tables go to bench/results/images.md.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import pandas as pd
import torch
import torch.nn.functional as F
from image_scores import NUM_JUDGED, Student, accuracy, as_tensor, judge, mnist, scores, trained
from torch import nn

from augment.components import Context
from augment.dataset import Dataset
from augment.plugins import Catalog
from augment.schema import SchemaDeclaration, infer, observe
from augment_images.transforms import GENTLE_AFFINE

RESULTS = Path(__file__).parent / "results"
PEER = Path(__file__).parent / "peers" / "pythae_vae.py"
AFFINE = {"Affine": dict(GENTLE_AFFINE)}
ELASTIC = {"ElasticTransform": {"alpha": 8, "sigma": 4, "p": 0.5}}
NUM_PROBING_STEPS = 100
CHUNK = 4_096


def dataset(images: np.ndarray, labels: np.ndarray) -> Dataset:
    frame = pd.DataFrame({"label": labels})
    arrays = {"image": images[..., np.newaxis]}
    declared = SchemaDeclaration.model_validate({"target": "label"})
    return Dataset.of(frame, arrays, observe(infer(frame, arrays, declared), frame)[0])


def draw(generator, data: Dataset, labels: np.ndarray, seed: int) -> np.ndarray:
    """(N, 28, 28) uint8, in chunks as the command draws them."""
    parts = []
    with tempfile.TemporaryDirectory() as folder:
        for start in range(0, len(labels), CHUNK):
            given = pd.DataFrame({"label": labels[start : start + CHUNK]})
            context = Context(seed=seed * 1_000 + start, folder=Path(folder), train=data)
            parts.append(generator.sample(given, context).arrays["image"][..., 0])
    return np.concatenate(parts)


def fitted(name: str, data: Dataset, seed: int, **params):
    """A generator of ours, and its CPU seconds."""
    (cls,) = (cls for cls in Catalog().components(name) if "image" in cls.accepts.modalities and cls.name == name)
    with tempfile.TemporaryDirectory() as folder:
        start = time.process_time()
        generator = cls(cls.Params(**params)).fit(data, Context(seed=seed, folder=Path(folder), train=data))
        return generator, time.process_time() - start


def ours(name: str, images: np.ndarray, labels: np.ndarray, wanted: np.ndarray, seconds: float, seed: int):
    """Trained for about so many CPU seconds: the number of steps follows from what a few of them cost."""
    params = {"batch_size": 64} if name == "gan" else {}
    data = dataset(images, labels)
    _, once = fitted(name, data, seed, steps=1, **params)
    _, probed = fitted(name, data, seed, steps=NUM_PROBING_STEPS, **params)
    steps = max(1, int(seconds / (probed - once) * NUM_PROBING_STEPS))
    generator, fit = fitted(name, data, seed, steps=steps, **params)
    start = time.process_time()
    drawn = draw(generator, data, wanted, seed)
    return drawn, fit, len(wanted) / (time.process_time() - start)


def dcgan(images: np.ndarray, labels: np.ndarray, wanted: np.ndarray, seconds: float, seed: int):
    """A conditional DCGAN as tutorials have it (Radford et al. 2016): width 32, batch 64, Adam 2e-4, (.5, .999)."""
    torch.manual_seed(seed)
    generator = nn.Sequential(
        nn.Linear(64 + 10, 64 * 49), nn.Unflatten(1, (64, 7, 7)), nn.BatchNorm2d(64), nn.ReLU(),
        nn.ConvTranspose2d(64, 32, 4, 2, 1), nn.BatchNorm2d(32), nn.ReLU(),
        nn.ConvTranspose2d(32, 1, 4, 2, 1), nn.Tanh(),
    )  # fmt: skip
    critic = nn.Sequential(
        nn.Conv2d(1 + 10, 32, 4, 2, 1), nn.LeakyReLU(0.2),
        nn.Conv2d(32, 64, 4, 2, 1), nn.BatchNorm2d(64), nn.LeakyReLU(0.2), nn.Flatten(), nn.Linear(64 * 49, 1),
    )  # fmt: skip
    generator_adam, critic_adam = (
        torch.optim.Adam(network.parameters(), 2e-4, betas=(0.5, 0.999)) for network in (generator, critic)
    )
    rng = np.random.default_rng(seed)

    def score(x_NCHW, hot_N10):
        maps = hot_N10[:, :, None, None].expand(-1, -1, 28, 28)
        return critic(torch.cat([x_NCHW, maps], 1)).squeeze(1)

    start = time.process_time()
    while time.process_time() - start < seconds:
        rows = rng.integers(0, len(images), 64)
        real, hot = as_tensor(images[rows]) * 2 - 1, F.one_hot(torch.tensor(labels[rows]), 10).float()
        fake = generator(torch.cat([torch.randn(64, 64), hot], 1))
        loss = F.softplus(-score(real, hot)).mean() + F.softplus(score(fake.detach(), hot)).mean()
        critic_adam.zero_grad()
        loss.backward()
        critic_adam.step()
        loss = F.softplus(-score(fake, hot)).mean()
        generator_adam.zero_grad()
        loss.backward()
        generator_adam.step()
    fit = time.process_time() - start
    generator.eval()
    start = time.process_time()
    with torch.inference_mode():
        parts = [
            generator(torch.cat([torch.randn(len(part), 64), F.one_hot(torch.tensor(part), 10).float()], 1))
            for part in np.array_split(wanted, len(wanted) // 256 + 1)
        ]
    drawn = ((torch.cat(parts)[:, 0] + 1) * 127.5).round().to(torch.uint8).numpy()
    return drawn, fit, len(wanted) / (time.process_time() - start)


def pythae(python: Path, images: np.ndarray, labels: np.ndarray, wanted: np.ndarray, seconds: float, seed: int):
    """In an environment of its own: it would bring versions of its own along."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        np.savez(folder / "train.npz", images=images, labels=labels, wanted=wanted)
        subprocess.run([python, PEER, folder, str(seconds), str(seed)], check=True, stdout=subprocess.DEVNULL)
        figures = json.loads((folder / "figures.json").read_text())
        return np.load(folder / "drawn.npy"), figures["fit"], len(wanted) / figures["sample"]


def peer_environment(folder: Path) -> Path:
    """The Python of an environment with pythae, installed where it is not there yet."""
    python = folder / "bin" / "python"
    if not python.exists():
        constraints = Path(__file__).parents[1] / "constraints.txt"
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", "-c", constraints, "torch", "pythae"], check=True)
    return python


def measure_quality(options: argparse.Namespace) -> str:
    images, labels = mnist("train")
    test = mnist("t10k")
    the_judge = judge(images, labels)
    print(f"judge: {accuracy(the_judge, *test):.4f} of the test images right", flush=True)
    rng = np.random.default_rng(0)
    held = rng.permutation(len(images))
    rows = {
        "real images": [
            scores(images[held[:NUM_JUDGED]], labels[held[:NUM_JUDGED]], the_judge, images[held[NUM_JUDGED:]], test, 0)
        ]
    }
    wanted = np.repeat(np.arange(10), NUM_JUDGED // 10)
    for name in options.only:
        for seed in range(options.seeds):
            arguments = (images, labels, wanted, options.seconds, 100 + seed)
            if name == "dcgan":
                drawn, fit, speed = dcgan(*arguments)
            elif name == "pythae":
                drawn, fit, speed = pythae(peer_environment(options.peers), *arguments)
            else:
                drawn, fit, speed = ours(name, *arguments)
            found = scores(drawn, wanted, the_judge, images, test, seed)
            rows.setdefault(name, []).append({"fit CPU-s": fit, "images per CPU-s": speed} | found)
            print(name, seed, {key: round(value, 4) for key, value in rows[name][-1].items()}, flush=True)
    columns = ["fit CPU-s", "images per CPU-s", "FID", "density", "coverage", "agreement", "CAS", "copies"]
    return _table("generator", columns, rows)


def measure_help(options: argparse.Namespace) -> str:
    images, labels = mnist("train")
    test = mnist("t10k")
    arms = {
        "real": None,
        "affine": ("albumentations", {}),
        "elastic + affine": ("albumentations", {"transforms": [ELASTIC, AFFINE]}),
        "warp": ("warp", {}),
        "vae-anchored": ("vae-anchored", {}),
    }
    rows: dict[str, list[dict[str, float]]] = {}
    for seed in range(options.first_seed, options.first_seed + options.seeds):
        for setting in options.settings:
            chosen = _subset(labels, setting, seed)
            few, few_labels = images[chosen], labels[chosen]
            for arm in options.arms or arms:
                got = _trained_on(arms[arm], few, few_labels, test, options.steps, seed)
                rows.setdefault(arm, [{} for _ in range(options.seeds)])[seed - options.first_seed][setting] = got
                print(setting, seed, arm, round(got, 4), flush=True)
    base = rows.get("affine")
    for arm, found in list(rows.items()):
        if base and arm != "affine":
            rows[f"{arm}, less affine"] = [
                {key: row[key] - other[key] for key in row} for row, other in zip(found, base, strict=True)
            ]
    return _table(f"accuracy after {options.steps} steps", options.settings, rows)


def _subset(labels: np.ndarray, setting: str, seed: int) -> np.ndarray:
    rng = np.random.default_rng(5_000 + seed)
    rare = set(rng.permutation(10)[:5])
    counts = [(20 if c in rare else 500) if setting == "lopsided" else int(setting) for c in range(10)]
    return np.concatenate([rng.choice(np.flatnonzero(labels == c), n, replace=False) for c, n in enumerate(counts)])


def _trained_on(arm, images, labels, test, num_steps: int, seed: int) -> float:
    """Accuracy of the student, classes balanced; with an arm, every image it sees is a fresh one of the generator's."""
    batch_size = 64
    rng = np.random.default_rng(seed)
    wanted = rng.integers(0, 10, num_steps * batch_size)
    if arm:
        name, params = arm
        data = dataset(images, labels)
        generator, _ = fitted(name, data, seed, **params)
        shown = draw(generator, data, wanted, seed)
    else:
        members = [np.flatnonzero(labels == c) for c in range(10)]
        shown = images[[members[c][rng.integers(len(members[c]))] for c in wanted]]

    def batches(step: int) -> tuple[np.ndarray, np.ndarray]:
        part = slice(step * batch_size, (step + 1) * batch_size)
        return shown[part], wanted[part]

    torch.manual_seed(seed)
    return accuracy(trained(Student(), batches, num_steps, 1e-3), *test)


def _table(title: str, columns: list[str], rows: dict[str, list[dict[str, float]]]) -> str:
    """Markdown: means over seeds, and plus or minus their standard deviation."""
    lines = [f"| {title} | {' | '.join(columns)} | seeds |", "|" + "---|" * (len(columns) + 2)]
    for name, found in rows.items():
        cells = []
        for column in columns:
            values = [row[column] for row in found if column in row]
            spread = f" ± {np.std(values, ddof=1):.2g}" if len(values) > 1 else ""
            cells.append(f"{np.mean(values):.4g}{spread}" if values else "")
        lines.append(f"| {name} | {' | '.join(cells)} | {len(found)} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    commands = parser.add_subparsers(dest="command", required=True)
    quality = commands.add_parser("quality", help="after equal CPU seconds of training on 60,000 images")
    quality.add_argument("--seeds", type=int, default=3)
    quality.add_argument("--seconds", type=float, default=180.0)
    quality.add_argument("--only", nargs="+", default=["vae", "gan", "dcgan", "pythae"])
    quality.add_argument("--peers", type=Path, default=Path(tempfile.gettempdir()) / "augment-bench-pythae")
    helping = commands.add_parser("help", help="what images add to a classifier with little data")
    helping.add_argument("--seeds", type=int, default=5)
    helping.add_argument("--first-seed", type=int, default=100)
    helping.add_argument("--steps", type=int, default=500)
    helping.add_argument("--settings", nargs="+", default=["10", "50", "lopsided"])
    helping.add_argument("--arms", nargs="+")
    options = parser.parse_args()
    torch.set_num_threads(1)
    table = measure_quality(options) if options.command == "quality" else measure_help(options)
    print(table)
    RESULTS.mkdir(exist_ok=True)
    asked = " ".join(sys.argv[1:])
    with (RESULTS / "images.md").open("a", encoding="utf-8") as file:
        file.write(f"\n`python bench/images.py {asked}`, one thread:\n\n{table}\n")


if __name__ == "__main__":
    main()
