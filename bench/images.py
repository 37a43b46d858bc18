"""Image generators beside their peers on MNIST, after equal CPU seconds of training; and whether images help.

    python bench/images.py quality [--seeds 3] [--seconds 180] [--only vae gan ...] [--work FOLDER]
    python bench/images.py help    [--seeds 5] [--steps 500] [--settings 10 50 lopsided] [--arms affine warp ...]
    python bench/images.py page

`quality`: our `vae` and `gan`, a plain conditional DCGAN, and pythae's VAE with a mixture for each class, which is
installed into a virtual environment of its own, build/bench-pythae; the judge is kept in --work. `help`: the accuracy
of a small CNN that is trained on 10 or 50 images a class, or on a lopsided set (five classes with 20, five with 500),
with fresh synthetic images at every step. Data is looked for in AUGMENT_DATA.

Each figure goes to bench/results/images.json at once and is not measured again; delete it there to have it anew. `page`
makes bench/results/images.md of them, as the others do when they are done.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import subprocess
import tempfile
import time
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import pandas as pd
import torch
from image_scores import NUM_JUDGED, Judge, Student, accuracy, judge, mnist, scores, trained
from peers.dcgan import dcgan
from peers.environments import python_with
from safetensors.torch import load_file, save_file

from augment.data import Dataset, SchemaDeclaration, infer, observe
from augment.plugin.catalog import Catalog
from augment.plugin.context import Context
from augment_images.transforms import GENTLE_AFFINE

HERE = Path(__file__).parent
RESULTS = HERE / "results"
AFFINE = {"Affine": dict(GENTLE_AFFINE)}
ELASTIC = {"ElasticTransform": {"alpha": 8, "sigma": 4, "p": 0.5}}
ARMS = {
    "real": None,
    "affine": ("albumentations", {}),
    "elastic + affine": ("albumentations", {"transforms": [ELASTIC, AFFINE]}),
    "warp": ("warp", {}),
    "vae-anchored": ("vae-anchored", {}),
}
SCHEDULES = {"vae": (128, 20_000), "gan": (64, 4_000)}  # batch size, steps that the first ones are taken from
PROBING_SECONDS = 10
CHUNK = 4_096
INTRODUCTION = """# Images

Made by `bench/images.py`; its docstring explains the figures. MNIST, one thread, process CPU time, on shared cores.
Values are means over seeds ± their standard deviation. FID is computed on 128 features of a classifier trained on the
real training images, and not on Inception features."""


class EnoughSeenError(Exception):
    """Ends a fit of which only the speed is wanted."""


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


def fitted(name: str, data: Dataset, seed: int, progress=lambda step, total, losses: None, **params):
    """A generator of ours, and its CPU seconds."""
    (cls,) = (cls for cls in Catalog().components(name) if "image" in cls.accepts.modalities and cls.name == name)
    with tempfile.TemporaryDirectory() as folder:
        start = time.process_time()
        context = Context(seed=seed, folder=Path(folder), train=data, progress=progress)
        generator = cls(cls.Params(**params)).fit(data, context)
        return generator, time.process_time() - start


def ours(name: str, images: np.ndarray, labels: np.ndarray, wanted: np.ndarray, seconds: float, seed: int):
    """Trained for about so many CPU seconds: the number of steps follows from what the first ones cost."""
    data = dataset(images, labels)
    size, likely = SCHEDULES[name]
    _, beside_steps = fitted(name, data, seed, steps=1, batch_size=size)
    seen: list[tuple[int, float]] = []

    def probe(step: int, total: int, losses: object) -> None:
        seen.append((step, time.process_time()))
        if seen[-1][1] - seen[0][1] > PROBING_SECONDS:
            raise EnoughSeenError

    with contextlib.suppress(EnoughSeenError):
        fitted(name, data, seed, probe, steps=likely, batch_size=size)
    (first, began), (last, ended) = seen[0], seen[-1]
    steps = max(1, int((seconds - beside_steps) * (last - first) / (ended - began)))
    generator, fit = fitted(name, data, seed, steps=steps, batch_size=size)
    start = time.process_time()
    drawn = draw(generator, data, wanted, seed)
    return drawn, fit, steps * size, time.process_time() - start


def pythae(python: Path, images: np.ndarray, labels: np.ndarray, wanted: np.ndarray, seconds: float, seed: int):
    """In an environment of its own: it would bring versions of its own along."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        np.savez(folder / "train.npz", images=images, labels=labels, wanted=wanted)
        command = [python, HERE / "peers" / "pythae_vae.py", folder, str(seconds), str(seed)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        figures = json.loads((folder / "figures.json").read_text())
        return np.load(folder / "drawn.npy"), figures["fit"], figures["num trained"], figures["sampling"]


def kept_judge(place: Path, images: np.ndarray, labels: np.ndarray) -> Judge:
    """The judge, trained where it is not kept yet."""
    if not place.exists():
        place.parent.mkdir(parents=True, exist_ok=True)
        save_file({name: value.contiguous() for name, value in judge(images, labels).state_dict().items()}, place)
    the_judge = Judge()
    the_judge.load_state_dict(load_file(place))
    return the_judge.eval()


def measure_quality(options: argparse.Namespace) -> None:
    images, labels = mnist("train")
    test = mnist("t10k")
    the_judge = kept_judge(options.work / "judge.safetensors", images, labels)
    print(f"judge: {accuracy(the_judge, *test):.4f} of the test images right", flush=True)
    topic = f"quality after {options.seconds:g} CPU-s"
    if not known(topic, "real images", 0):
        order = np.random.default_rng(0).permutation(len(images))
        shown, others = order[:NUM_JUDGED], order[NUM_JUDGED:]
        keep(topic, "real images", 0, scores(images[shown], labels[shown], the_judge, images[others], test, 0))
    wanted = np.repeat(np.arange(10), NUM_JUDGED // 10)
    for seed in range(options.seeds):
        for name in options.only:
            if known(topic, name, seed):
                continue
            arguments = (images, labels, wanted, options.seconds, 100 + seed)
            if name == "dcgan":
                drawn, fit, num_trained, sampling = dcgan(*arguments)
            elif name == "pythae":
                drawn, fit, num_trained, sampling = pythae(python_with("bench-pythae", "pythae"), *arguments)
            else:
                drawn, fit, num_trained, sampling = ours(name, *arguments)
            np.savez_compressed(options.work / f"{name}-{seed}.npz", images=drawn, labels=wanted)
            speeds = {
                "fit CPU-s": fit,
                "trained per CPU-s": num_trained / fit,
                "drawn per CPU-s": len(wanted) / sampling,
            }
            keep(topic, name, seed, speeds | scores(drawn, wanted, the_judge, images, test, seed))


def measure_help(options: argparse.Namespace) -> None:
    images, labels = mnist("train")
    test = mnist("t10k")
    for seed in range(options.first_seed, options.first_seed + options.seeds):
        for setting in options.settings:
            topic = f"help after {options.steps} steps, {setting}"
            chosen = subset(labels, setting, seed)
            for arm in options.arms:
                if not known(topic, arm, seed):
                    found = trained_on(ARMS[arm], images[chosen], labels[chosen], test, options.steps, seed)
                    keep(topic, arm, seed, {"accuracy": found})


def subset(labels: np.ndarray, setting: str, seed: int) -> np.ndarray:
    """The rows of the images there are: integers (N,)."""
    rng = np.random.default_rng(5_000 + seed)
    rare = set(rng.permutation(10)[:5])
    counts = [(20 if c in rare else 500) if setting == "lopsided" else int(setting) for c in range(10)]
    return np.concatenate([rng.choice(np.flatnonzero(labels == c), n, replace=False) for c, n in enumerate(counts)])


def trained_on(arm, images, labels, test, num_steps: int, seed: int) -> float:
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


def measured() -> dict[str, dict[str, dict[str, dict[str, float]]]]:
    """Topic, name and seed to figures."""
    place = RESULTS / "images.json"
    return json.loads(place.read_text()) if place.exists() else {}


def known(topic: str, name: str, seed: int) -> bool:
    return str(seed) in measured().get(topic, {}).get(name, {})


def keep(topic: str, name: str, seed: int, figures: dict[str, float]) -> None:
    print(topic, name, seed, {key: round(value, 4) for key, value in figures.items()}, flush=True)
    everything = measured()
    everything.setdefault(topic, {}).setdefault(name, {})[str(seed)] = figures
    RESULTS.mkdir(exist_ok=True)
    part = RESULTS / "images.json.part"
    part.write_text(json.dumps(everything, indent=1, sort_keys=True) + "\n")
    part.replace(RESULTS / "images.json")


def write_page() -> None:
    parts = [INTRODUCTION]
    everything = measured()
    for topic in sorted(everything, key=lambda topic: (not topic.startswith("quality"), int(topic.split()[2]), topic)):
        found = everything[topic]
        parts.append(f"## {_heading(topic)}")
        parts.append(_quality_table(found) if topic.startswith("quality") else _help_table(found))
    (RESULTS / "images.md").write_text("\n\n".join(parts) + "\n", encoding="utf-8")


def _heading(topic: str) -> str:
    if topic.startswith("quality"):
        return topic.capitalize().replace("cpu", "CPU")
    _, _, num_steps, _, rows = topic.split()
    data = "imbalanced" if rows == "lopsided" else f"{rows} images per class"
    return f"Accuracy after {num_steps} training steps, {data}"


def _quality_table(found: dict[str, dict[str, dict[str, float]]]) -> str:
    columns = ["FID", "density", "coverage", "agreement", "CAS", "copies"]
    columns += ["fit CPU-s", "trained per CPU-s", "drawn per CPU-s"]
    rows = []
    for name in ("real images", "vae", "gan", "pythae", "dcgan"):
        if seeds := list(found.get(name, {}).values()):
            cells = [_spread([figures[c] for figures in seeds if c in figures]) for c in columns]
            rows.append([name, str(len(seeds)), *cells])
    return _table(["", "seeds", *columns], rows)


def _help_table(found: dict[str, dict[str, dict[str, float]]]) -> str:
    """Accuracy in percent, and paired differences with their standard error."""
    rows = []
    for name in ARMS:
        values = {seed: 100 * figures["accuracy"] for seed, figures in found.get(name, {}).items()}
        if not values:
            continue
        cells = [name, str(len(values)), _spread(list(values.values()))]
        for other in ("affine", "elastic + affine"):
            base = found.get(other, {}) if other != name else {}
            cells.append(
                _gain([value - 100 * base[seed]["accuracy"] for seed, value in values.items() if seed in base])
            )
        rows.append(cells)
    return _table(["", "seeds", "accuracy", "gain over affine ± standard error", "gain over elastic + affine"], rows)


def _gain(differences: list[float]) -> str:
    if len(differences) < 2:
        return "".join(f"{difference:+.2f}" for difference in differences)
    error = np.std(differences, ddof=1) / len(differences) ** 0.5
    num_better = sum(difference > 0 for difference in differences)
    return f"{np.mean(differences):+.2f} ± {error:.2f} ({num_better} of {len(differences)} better)"


def _spread(values: list[float]) -> str:
    if not values:
        return ""
    spread = f" ± {np.std(values, ddof=1):.2g}" if len(values) > 1 else ""
    return f"{np.mean(values):,.0f}" if max(values) > 1_000 else f"{np.mean(values):.4g}{spread}"


def _table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    commands = parser.add_subparsers(dest="command", required=True)
    quality = commands.add_parser("quality", help="after equal CPU seconds of training on 60,000 images")
    quality.add_argument("--seeds", type=int, default=3)
    quality.add_argument("--seconds", type=float, default=180.0)
    quality.add_argument("--only", nargs="+", default=["vae", "gan", "pythae", "dcgan"])
    quality.add_argument("--work", type=Path, default=Path(tempfile.gettempdir()) / "augment-bench-images")
    helping = commands.add_parser("help", help="what images add to a classifier with little data")
    helping.add_argument("--seeds", type=int, default=5)
    helping.add_argument("--first-seed", type=int, default=100)
    helping.add_argument("--steps", type=int, default=500)
    helping.add_argument("--settings", nargs="+", default=["10", "50", "lopsided"])
    helping.add_argument("--arms", nargs="+", choices=ARMS, default=list(ARMS))
    commands.add_parser("page", help="write the page again")
    options = parser.parse_args()
    torch.set_num_threads(1)
    if options.command == "quality":
        measure_quality(options)
    elif options.command == "help":
        measure_help(options)
    write_page()


if __name__ == "__main__":
    main()
