"""Measures what the proposals of `augment init` cost on small data of every kind: goal <= 180 CPU-seconds a run.

    python bench/small_data.py [NAME ...]

Each dataset is made here, given to `augment init` and run as it was proposed, in a folder and with a store of its own.
What counts is the CPU time of the run and of all that it starts, trial included. Figures go to
bench/results/small_data.json at once; the table that is printed at the end stands in bench/results/small_data.md.
"""

from __future__ import annotations

import json
import os
import re
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import pandas as pd

from augment.spec.document import read

RESULTS = Path(__file__).parent / "results"
AUGMENT = [sys.executable, "-m", "augment"]
GOAL = 180
WORDS = ["river", "market", "doctor", "engine", "garden", "signal", "bridge", "winter", "answer", "window"]
WORDS += [f"{first}{second}" for first in ("light", "stone", "green", "paper") for second in ("house", "field", "work")]


def labels(rng: np.random.Generator, num_rows: int, num_classes: int = 3, rare: int = 0) -> np.ndarray:
    """(N,) class numbers; with `rare`, so many rows of the last class."""
    y = np.arange(num_rows) % (num_classes - bool(rare))
    if rare:
        y[rng.choice(num_rows, rare, replace=False)] = num_classes - 1
    return rng.permutation(y)


def table(num_rows: int, num_columns: int, target: str = "classes", rare: int = 0) -> Callable[[Path], Path]:
    """A CSV file of numbers, a fifth of the columns categories."""

    def make(folder: Path) -> Path:
        rng = np.random.default_rng(num_rows + num_columns)
        y = labels(rng, num_rows, rare=rare)
        mixing = rng.normal(size=(num_columns, num_columns))
        x = (rng.normal(size=(num_rows, num_columns)) + y[:, None] * rng.normal(0, 0.4, num_columns)) @ mixing
        frame = pd.DataFrame(x.round(3), columns=[f"x{i}" for i in range(num_columns)])
        for i in range(0, num_columns, 5):
            frame[f"x{i}"] = np.array(["low", "middle", "high"])[pd.qcut(x[:, i], 3, labels=False)]
        frame["target"] = (x[:, 1] + rng.normal(size=num_rows)).round(3) if target == "number" else y
        if target == "classes":
            frame["target"] = "c" + frame["target"].astype(str)
        frame.to_csv(folder / "data.csv", index=False)
        return folder / "data.csv"

    return make


def pictures(num_rows: int, height: int, width: int, rare: int = 0) -> Callable[[Path], Path]:
    """A folder of coloured JPEGs for each class: stripes of its direction behind noise."""

    def make(folder: Path) -> Path:
        from PIL import Image

        rng = np.random.default_rng(num_rows + height)
        down, across = np.mgrid[:height, :width] / max(height, width)
        for row, label in enumerate(labels(rng, num_rows, rare=rare)):
            angle = label + rng.normal(0, 0.4)
            wave = np.sin(30 * (down * np.cos(angle) + across * np.sin(angle)) + rng.uniform(0, 6))
            image = 127 + 60 * wave[..., None] * rng.uniform(0.3, 1, 3) + rng.normal(0, 30, (height, width, 3))
            place = folder / "photos" / f"class-{label}"
            place.mkdir(parents=True, exist_ok=True)
            Image.fromarray(image.clip(0, 255).astype(np.uint8)).save(place / f"{row}.jpg")
        return folder / "photos"

    return make


def texts(num_rows: int, rare: int = 0) -> Callable[[Path], Path]:
    """A CSV file with a text of about 20 words and a label a row."""

    def make(folder: Path) -> Path:
        rng = np.random.default_rng(num_rows)
        y = labels(rng, num_rows, rare=rare)
        likely = rng.dirichlet(np.full(len(WORDS), 0.7), 3)
        written = [" ".join(rng.choice(WORDS, rng.integers(12, 30), p=likely[label])) for label in y]
        pd.DataFrame({"text": written, "label": [f"topic {label}" for label in y]}).to_csv(
            folder / "texts.csv", index=False
        )
        return folder / "texts.csv"

    return make


def series(num_rows: int, length: int, channels: int, rare: int = 0) -> Callable[[Path], Path]:
    """A CSV file with a row a step."""

    def make(folder: Path) -> Path:
        rng = np.random.default_rng(num_rows + length)
        y = labels(rng, num_rows, rare=rare)
        steps = np.arange(length)
        parts = []
        for number, label in enumerate(y):
            frame = pd.DataFrame({"series": f"s{number}", "step": steps})
            for channel in range(channels):
                wave = np.sin(steps * (0.05 + 0.03 * label) + rng.uniform(0, 6)) + rng.normal(0, 0.7, length)
                frame[f"channel {channel}"] = wave.round(4)
            parts.append(frame.assign(label=f"kind {label}"))
        pd.concat(parts).to_csv(folder / "series.csv", index=False)
        return folder / "series.csv"

    return make


def histories(num_users: int) -> Callable[[Path], Path]:
    """A CSV file with an event a row: what users bought, and when."""

    def make(folder: Path) -> Path:
        rng = np.random.default_rng(num_users)
        rows = []
        for user in range(num_users):
            item = int(rng.integers(100))
            for step in range(rng.integers(5, 40)):
                item = (item + 1) % 100 if rng.random() < 0.4 else int(rng.integers(100))
                rows.append((f"u{user}", f"item {item}", 1_700_000_000 + user * 5_000 + step * 300))
        pd.DataFrame(rows, columns=["user", "item", "time"]).to_csv(folder / "events.csv", index=False)
        return folder / "events.csv"

    return make


DATA: dict[str, tuple[str, Callable[[Path], Path]]] = {
    "table-500x15": ("table, 500 rows x 15 columns", table(500, 15)),
    "table-500x15-rare": ("table, 500 x 15, 20 rows of the rarest class", table(500, 15, rare=20)),
    "table-500x15-number": ("table, 500 x 15, numeric target", table(500, 15, "number")),
    "table-300x200": ("table, 300 rows x 200 columns", table(300, 200)),
    "table-300x200-rare": ("table, 300 x 200, 20 rows of the rarest class", table(300, 200, rare=20)),
    "table-300x200-number": ("table, 300 x 200, numeric target", table(300, 200, "number")),
    "table-500x200": ("table, 500 rows x 200 columns", table(500, 200)),
    "jpegs-117": ("117 JPEGs of 96 x 128 pixels", pictures(117, 96, 128)),
    "jpegs-500": ("500 JPEGs of 96 x 128 pixels", pictures(500, 96, 128)),
    "jpegs-500-rare": ("500 JPEGs of 96 x 128 pixels, 15 of the rarest class", pictures(500, 96, 128, rare=15)),
    "jpegs-500-large": ("500 JPEGs of 480 x 640 pixels", pictures(500, 480, 640)),
    "texts-500": ("500 texts of 20 words", texts(500)),
    "texts-500-rare": ("500 texts, 15 of the rarest class", texts(500, rare=15)),
    "series-500x150": ("500 series of 150 steps", series(500, 150, 1)),
    "series-500x150-rare": ("500 series of 150 steps, 15 of the rarest class", series(500, 150, 1, rare=15)),
    "series-500x1000x3": ("500 series of 1,000 steps in 3 channels", series(500, 1000, 3)),
    "series-500x1000x3-rare": (
        "500 series of 1,000 steps in 3 channels, 15 of the rarest class",
        series(500, 1000, 3, rare=15),
    ),
    "histories-300": ("300 histories of 5 to 40 items", histories(300)),
    "histories-500": ("500 histories of 5 to 40 items", histories(500)),
}


def measure(make: Callable[[Path], Path]) -> dict[str, object]:
    """What was proposed, and what the run of it used."""
    with tempfile.TemporaryDirectory(prefix="augment-bench-") as name:
        folder = Path(name)
        env = {**os.environ, "AUGMENT_STORE": str(folder / "store")}

        def augment(*arguments: str) -> str:
            done = subprocess.run([*AUGMENT, *arguments], cwd=folder, env=env, capture_output=True, text=True)
            if done.returncode:
                raise SystemExit(f"augment {' '.join(arguments)}: exit {done.returncode}\n{done.stderr}")
            return done.stdout

        augment("init", str(make(folder)), "-o", "p.yaml")
        (estimate,) = re.findall(r"about ([0-9,]+) CPU-seconds", augment("check", "p.yaml"))
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        augment("run", "p.yaml", "-q", "--out", "out")
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        stages = json.loads((folder / "out/run.json").read_text())["stages"]
        longest = sorted(stages, key=lambda stage: -stage["seconds"])[:4]
        tree = read(folder / "p.yaml").tree
        mix, trial = tree["mix"], tree.get("trial") or {}
        names = ", ".join(f"`{one['use']}`" for one in tree["generators"])
        said = [f"{key}: {value}" for key, value in trial.items()]
        return {
            "proposal": "; ".join([names, f"rows: {mix['rows']}", *said]),
            "cpu_s": round(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, 1),
            "estimate": float(estimate.replace(",", "")),
            "longest": [f"{stage['stage']} {stage['id']} {stage['seconds']:.0f}" for stage in longest],
        }


def page(found: dict[str, dict[str, object]]) -> str:
    """The page in Markdown."""
    lines = ["| data | proposal | CPU-s | estimate of `check` |", "| --- | --- | --- | --- |"]
    for name, (what, _) in DATA.items():
        if name in found:
            one = found[name]
            lines.append(f"| {what} | {one['proposal']} | {one['cpu_s']} | {one['estimate']:g} |")
    return "\n".join(lines)


if __name__ == "__main__":
    file = RESULTS / "small_data.json"
    for name in sys.argv[1:] or DATA:
        figures = measure(DATA[name][1])
        print(name, json.dumps(figures), flush=True)
        kept = json.loads(file.read_text()) if file.exists() else {}
        file.write_text(json.dumps(kept | {name: figures}, indent=1) + "\n")
    print(page(json.loads(file.read_text())))
