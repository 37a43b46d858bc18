"""Measures how often the interval of a verdict covers the truth, and how often a verdict has the wrong sign.

    python bench/calibration.py [NUM_DRAWS] [--only TEXT] [--json FILE]

No model is trained: predictions of two arms are drawn from populations whose true difference is known, and judged by
the code that judges a trial. Each cell of the table draws its hold-out anew, 400 times by default, with three seeds.
The intervals have 400 resamples instead of 1,000, which makes their ends less certain and leaves coverage as it is.

* Classes: a row's score is normal, and higher for rows of the second class. The arms share most of it, differ by row,
  and in each seed by a shift of all rows. One arm tells the classes apart better, or sets its threshold better.
* Numbers: the target is normal, or log-normal with that standard deviation of the logarithm. Both arms predict its mean
  given what they know, and one knows more.
* Groups and time: both arms are equally good, but each is better in some groups, or for some time, than in others. The
  standard deviation of a group's intercept is 1. In time it is a process with that correlation from row to row.

`judged` is the share of the draws that give a verdict; coverage, verdicts and widths are those of these. `wrong` are
verdicts that help where the truth hurts, the reverse, and any of both where nothing differs. The oracle knows the
standard deviation of the difference over all draws.
"""

from __future__ import annotations

import argparse
import json
import resource
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from augment.plan.independent_units import NUM_BLOCKS, cut_blocks
from augment.statistics import paired_bootstrap
from augment.statistics.scores import SCORES
from augment.statistics.units import Units

SIZES = (60, 120, 300, 1000)
NUM_RESAMPLES = 400
NUM_SEEDS = 3
ROW, SEED, JITTER = 0.5, 0.1, 0.4  # standard deviations: of an arm by row, of a seed, and of a seed by row


@dataclass(frozen=True)
class Draw:
    """A hold-out: its truth, the predictions of both arms by seed, and its units."""

    truth: np.ndarray
    none: list[np.ndarray]
    synthetic: list[np.ndarray]
    units: Units | None = None


Drawer = Callable[[np.random.Generator, int], Draw]


@dataclass(frozen=True)
class Cell:
    """A population and a score; `null` where both arms are equally good."""

    name: str
    score: str
    num_rows: int
    draw: Drawer
    null: bool = False


def classes(share: float, shifts: tuple[float, float] = (0, 0), sides: tuple[float, float] = (0.7, 1.1)) -> Drawer:
    """Two classes, of which the second has that share; the arms differ in threshold or in how well they tell."""

    def draw(rng: np.random.Generator, num_rows: int) -> Draw:
        truth = (np.arange(num_rows) < max(2, round(share * num_rows))).astype(np.int64)
        return _classed(rng, truth, shifts, sides, np.zeros((2, num_rows)))

    return draw


def _classed(
    rng: np.random.Generator,
    truth: np.ndarray,
    shifts: tuple[float, float],
    sides: tuple[float, float],
    quality: np.ndarray,
    units: Units | None = None,
) -> Draw:
    num_rows, side = len(truth), 2 * truth - 1
    base = rng.normal(size=num_rows)
    arms = []
    for shift, away, own in zip(shifts, sides, quality, strict=True):
        of_arm = base + ROW * rng.normal(size=num_rows) + (away + own) * side + shift
        seeds = []
        for _ in range(NUM_SEEDS):
            of_seed = SEED * (rng.normal() + rng.normal() * side) + JITTER * rng.normal(size=num_rows)
            chance = 1 / (1 + np.exp(-of_arm - of_seed))
            seeds.append(np.stack([1 - chance, chance], axis=1))
        arms.append(seeds)
    return Draw(truth, arms[0], arms[1], units)


def numbers(log_sd: float, knows: tuple[float, float] = (0.6, 0.7)) -> Drawer:
    """A normal target, or a log-normal one; the arms have these correlations with its logarithm."""

    def draw(rng: np.random.Generator, num_rows: int) -> Draw:
        latent = rng.normal(size=num_rows)
        arms = []
        for known in knows:
            of_arm = known * latent + np.sqrt(1 - known**2) * rng.normal(size=num_rows)
            seeds = [of_arm + 0.15 * rng.normal(size=num_rows) for _ in range(NUM_SEEDS)]
            rest = log_sd**2 * (1 - known**2) / 2
            arms.append([np.exp(log_sd * known * one + rest) if log_sd else known * one for one in seeds])
        return Draw(np.exp(log_sd * latent) if log_sd else latent, arms[0], arms[1])

    return draw


def groups(sizes: np.ndarray, share: float = 0.5, nested: bool = False, numeric: bool = False) -> Drawer:
    """Groups of these sizes, in some of which one arm is better and in some the other; `nested`: of one class each."""

    def draw(rng: np.random.Generator, _: int) -> Draw:
        codes = np.repeat(np.arange(len(sizes)), sizes)
        units, num_rows = Units(codes, "groups"), len(codes)
        if numeric:
            truth = rng.normal(size=num_rows)
            errors = [0.6 * rng.normal(size=num_rows) * np.exp(0.5 * rng.normal(size=len(sizes)))[codes] for _ in "ab"]
            arms = [[truth + e + 0.1 * rng.normal(size=num_rows) for _ in range(NUM_SEEDS)] for e in errors]
            return Draw(truth, arms[0], arms[1], units)
        truth = (codes % 2 if nested else rng.random(num_rows) < share).astype(np.int64)
        return _classed(rng, truth, (0, 0), (1, 1), rng.normal(size=(2, len(sizes)))[:, codes], units)

    return draw


def pairs(rng: np.random.Generator, num_rows: int) -> Draw:
    """Each row is there four times."""
    once = classes(0.5, sides=(1, 1))(rng, num_rows // 4)
    none, synthetic = ([np.repeat(array, 4, axis=0) for array in arm] for arm in (once.none, once.synthetic))
    return Draw(np.repeat(once.truth, 4), none, synthetic, Units(np.repeat(np.arange(num_rows // 4), 4), "rows"))


def in_time(correlation: float) -> Drawer:
    """Rows in order of time; how good each arm is changes with it."""

    def draw(rng: np.random.Generator, num_rows: int) -> Draw:
        from scipy.signal import lfilter

        noise = rng.normal(size=(2, num_rows + 500)) * np.sqrt(1 - correlation**2)
        quality = lfilter([1], [1, -correlation], noise, axis=1)[:, 500:]
        truth = (rng.random(num_rows) < 0.5).astype(np.int64)
        units = Units(cut_blocks(np.arange(num_rows), NUM_BLOCKS), "blocks of time")
        return _classed(rng, truth, (0, 0), (1, 1), quality, units)

    return draw


def cells() -> Iterator[Cell]:
    """The table, row by row."""
    dependent: dict[str, tuple[str, int, Drawer]] = {
        "3 groups of 100": ("balanced_accuracy", 300, groups(np.full(3, 100))),
        "5 groups of 200": ("balanced_accuracy", 1000, groups(np.full(5, 200))),
        "20 groups of 50": ("balanced_accuracy", 1000, groups(np.full(20, 50))),
        "12 groups of 2 to 100": ("balanced_accuracy", 0, groups(np.geomspace(2, 100, 12).astype(int))),
        "30 groups of 10, each of one class": ("balanced_accuracy", 300, groups(np.full(30, 10), nested=True)),
        "10 groups of 30, 10 % positive": ("balanced_accuracy", 300, groups(np.full(10, 30), share=0.1)),
        "8 groups of 40, ranking": ("roc_auc", 320, groups(np.full(8, 40))),
        "15 groups of 20, number": ("r2", 300, groups(np.full(15, 20), numeric=True)),
        "equal rows, 75 four times": ("balanced_accuracy", 300, pairs),
        "time, correlation 0.5": ("balanced_accuracy", 300, in_time(0.5)),
        "time, correlation 0.8": ("balanced_accuracy", 300, in_time(0.8)),
        "time, correlation 0.9": ("balanced_accuracy", 1000, in_time(0.9)),
    }
    for name, (score, num_rows, drawer) in dependent.items():
        yield Cell(name, score, num_rows, drawer, null=True)
    rare = (-1.5, -0.5)  # a threshold that finds few of a rare class, and one that finds more
    single: dict[str, tuple[str, Drawer]] = {
        "50 % positive": ("balanced_accuracy", classes(0.5)),
        "10 % positive": ("balanced_accuracy", classes(0.1, rare, (1, 1))),
        "3 % positive": ("balanced_accuracy", classes(0.03, rare, (1, 1))),
        "30 % positive": ("accuracy", classes(0.3)),
        "20 % positive": ("macro_f1", classes(0.2, (-1, 0), (1, 1))),
        "50 % positive, ranking": ("roc_auc", classes(0.5)),
        "10 % positive, ranking": ("roc_auc", classes(0.1)),
        "10 % positive, precision": ("average_precision", classes(0.1)),
        "30 % positive, probabilities": ("log_loss", classes(0.3)),
        "normal": ("r2", numbers(0)),
        "log-normal 1": ("r2", numbers(1)),
        "log-normal 1.85": ("r2", numbers(1.85)),
        "log-normal 1.85, absolute": ("mae", numbers(1.85)),
    }
    for num_rows in SIZES:
        for name, (score, drawer) in single.items():
            yield Cell(name, score, num_rows, drawer)
    for num_rows in SIZES:
        yield Cell("50 % positive, no effect", "balanced_accuracy", num_rows, classes(0.5, sides=(1, 1)), null=True)


def true_differences(cell: Cell) -> dict[str, float]:
    """Score to its difference in the population; R2 may be judged by the mean absolute error."""
    names = (cell.score, "mae") if cell.score == "r2" else (cell.score,)
    return dict.fromkeys(names, 0.0) if cell.null else _measured_differences(cell.draw, names)


@cache  # the same for hold-outs of all sizes
def _measured_differences(draw: Drawer, names: tuple[str, ...]) -> dict[str, float]:
    rng = np.random.default_rng(12345)
    size, repeats = (1_000_000, 4) if "r2" in names or "mae" in names else (10_000, 60)
    sums = dict.fromkeys(names, 0.0)
    for _ in range(repeats):
        large = draw(rng, size)
        for name in names:
            rule, ones = SCORES[name], np.ones((1, len(large.truth)))
            ours, theirs = (float(rule.score(large.truth, arm[0], ones)[0]) for arm in (large.synthetic, large.none))
            sums[name] += (ours - theirs) / repeats
    return sums


def measure(cell: Cell, num_draws: int) -> dict[str, Any]:
    """What the verdicts of a cell are worth."""
    truth = true_differences(cell)
    needed = [SCORES[name] for name in truth]
    paired_bootstrap.scores_for = lambda task: needed  # the others do not change the verdict
    paired_bootstrap.NUM_RESAMPLES = NUM_RESAMPLES
    rng = np.random.default_rng(0)
    differences: list[tuple[str, float, float, float]] = []
    verdicts: Counter[str] = Counter()
    for number in range(num_draws):
        held = cell.draw(rng, cell.num_rows)
        trial = paired_bootstrap.summarise(
            held.truth,
            {"none": held.none, "synthetic": held.synthetic},
            task="number" if cell.score in ("r2", "mae") else "classes",
            labels={"none": "real rows alone", "synthetic": "real + synthetic"},
            rows={"none": 1, "synthetic": 2},
            probe="drawn",
            score=None if cell.score == "r2" else cell.score,
            seed=number,
            units=held.units,
        )
        verdicts[trial.verdict] += 1
        arm = trial.arm("synthetic")
        if trial.assessable and arm is not None and arm.interval is not None:
            differences.append((trial.score, arm.difference, *arm.interval))
    judged = len(differences)
    row: dict[str, Any] = {
        "cell": cell.name,
        "score": cell.score,
        "rows": len(held.truth),
        "judged": judged / num_draws,
    }
    row["by_mae"] = sum(name == "mae" for name, *_ in differences) / max(judged, 1) if cell.score == "r2" else 0.0
    row["difference"] = truth[cell.score]
    if not judged:
        return row
    better = {name: 1 if SCORES[name].better == "higher" else -1 for name in truth}
    covered = [low <= truth[name] <= high for name, _, low, high in differences]
    right = [better[name] * np.sign(truth[name]) for name, *_ in differences]
    said = [better[name] * ((low > 0) - (high < 0)) for name, _, low, high in differences]
    row["coverage"] = float(np.mean(covered))
    row["found"] = float(np.mean([one == other != 0 for one, other in zip(said, right, strict=True)]))
    row["wrong"] = float(np.mean([one not in (0, other) for one, other in zip(said, right, strict=True)]))
    row["cannot_tell"] = verdicts["cannot tell"] / judged
    own = [(mean, high - low) for name, mean, low, high in differences if name == cell.score]
    if len(own) > num_draws / 2:
        means, widths = np.array(own).T
        oracle = 1.96 * means.std()
        row["width_to_oracle"] = float(np.median(widths) / (2 * oracle))
        sign = better[cell.score] * np.sign(truth[cell.score])
        row["oracle_found"] = float(np.mean(sign * better[cell.score] * means > oracle)) if sign else 0.0
    return row


def as_table(rows: list[dict[str, Any]]) -> str:
    """Markdown."""
    lines = [
        "| population | score | rows | true difference | judged | coverage | wrong | found | found by oracle | "
        "cannot tell | width / oracle |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for row in rows:
        score = f"{row['score']} (mae {row['by_mae']:.0%})" if row["by_mae"] else row["score"]
        shown = [row["cell"], score, str(row["rows"]), f"{row['difference']:+.3f}", f"{row['judged']:.0%}"]
        for key in ("coverage", "wrong", "found", "oracle_found", "cannot_tell", "width_to_oracle"):
            shown.append(f"{row[key]:.3f}" if key in row else "–")
        lines.append(f"| {' | '.join(shown)} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("num_draws", type=int, nargs="?", default=400)
    parser.add_argument("--only", default="", help="measure only the populations whose name contains this")
    parser.add_argument("--json", type=Path, help="write the figures to this file, and measure what it lacks")
    options = parser.parse_args()
    known: dict[tuple[str, str, int], dict[str, Any]] = {}
    if options.json and options.json.exists():
        file = json.loads(options.json.read_text(encoding="utf-8"))
        if file["draws"] != options.num_draws:
            parser.error(f"{options.json} has {file['draws']} draws a cell")
        known = {(row["cell"], row["score"], row["rows"]): row for row in file["cells"]}
    rows = []
    for cell in cells():
        if options.only not in cell.name:
            continue
        place = (cell.name, cell.score, len(cell.draw(np.random.default_rng(0), cell.num_rows).truth))
        if place in known:
            rows.append(known[place])
            continue
        rows.append(measure(cell, options.num_draws))
        print(json.dumps(rows[-1]), flush=True)
        if options.json:
            text = json.dumps({"draws": options.num_draws, "cells": [*known.values(), rows[-1]]}, indent=1)
            options.json.write_text(text + "\n", encoding="utf-8")
            known[place] = rows[-1]
    used = resource.getrusage(resource.RUSAGE_SELF)
    seconds = round(used.ru_utime + used.ru_stime)
    print(f"\n{as_table(rows)}\n\n{options.num_draws} draws a cell, {seconds} CPU-s")


if __name__ == "__main__":
    main()
