"""Are intervals from linearised scores those of scoring every resample anew?

    python bench/linearised.py [NUM_DRAWS]

Hold-outs are drawn as in `bench/calibration.py`, and each is judged twice with the same resamples: every resample
scored anew, and linearised. Reported for each size is how far the ends of the two intervals are apart, as a share of
the exact one's width: the median and the 95 % quantile over draws and both ends. Also the ratio of their widths. The
picture shows the sizes on both sides of the limit up to which a trial scores every resample (`MAX_EXACT`).
"""

from __future__ import annotations

import argparse
import resource
from pathlib import Path

import numpy as np
from calibration import NUM_RESAMPLES, Drawer, classes, numbers

from augment.statistics import paired_bootstrap
from augment.statistics.scores import SCORES

SIZES = (200, 700, 800, 1500)  # held-out rows; of two classes, 750 are the limit
RARE = (-1.5, -0.5)
POPULATIONS: dict[str, tuple[Drawer, tuple[str, ...]]] = {
    "50 % positive": (classes(0.5), ("balanced_accuracy", "macro_f1", "roc_auc", "average_precision", "log_loss")),
    "10 % positive": (classes(0.1, RARE, (1, 1)), ("balanced_accuracy", "macro_f1", "roc_auc", "average_precision")),
    "3 % positive": (classes(0.03, RARE, (1, 1)), ("balanced_accuracy", "macro_f1", "roc_auc", "average_precision")),
    "normal": (numbers(0), ("r2", "mae")),
    "log-normal 1": (numbers(1), ("r2", "mae")),
}


def compare(draw: Drawer, names: tuple[str, ...], num_rows: int, num_draws: int) -> dict[str, np.ndarray]:
    """Score to the ends and widths of linearised intervals against exact ones, (num_draws, 3): low, high, ratio."""
    paired_bootstrap.scores_for = lambda task: [SCORES[name] for name in names]
    paired_bootstrap.NUM_RESAMPLES = NUM_RESAMPLES
    rng = np.random.default_rng(0)
    found: dict[str, list[tuple[float, float, float]]] = {name: [] for name in names}
    for number in range(num_draws):
        held = draw(rng, num_rows)
        intervals = []
        for most in (10**9, 0):
            paired_bootstrap.MAX_EXACT = most
            trial = paired_bootstrap.summarise(
                held.truth,
                {"none": held.none, "synthetic": held.synthetic},
                task=SCORES[names[0]].task,
                labels={"none": "real rows alone", "synthetic": "real + synthetic"},
                rows={"none": 1, "synthetic": 2},
                probe="drawn",
                score=names[0],
                seed=number,
            )
            arm = trial.arm("synthetic")
            assert arm is not None
            intervals.append({name: arm.scores[name].interval for name in names})
        for name in names:
            exact, linear = (np.array(one[name]) for one in intervals)
            low, high = np.abs(linear - exact) / np.ptp(exact)
            found[name].append((low, high, np.ptp(linear) / np.ptp(exact)))
    return {name: np.array(rows) for name, rows in found.items()}


def draw_picture(figures: dict[str, dict[int, float]]) -> str:
    """An SVG of the medians by size, a line for each population and score, with the limit of a trial of two classes."""
    width, height, left, bottom = 640, 300, 48, 40
    top = max(value for by_size in figures.values() for value in by_size.values())

    def place(num_rows: float, value: float) -> tuple[float, float]:
        across = (np.log(num_rows) - np.log(SIZES[0])) / (np.log(SIZES[-1]) - np.log(SIZES[0]))
        return left + across * (width - left - 20), (height - bottom) * (1 - value / top) + 8

    limit, floor = place(LIMIT / 2, 0)
    parts = [f'<line x1="{limit:.1f}" x2="{limit:.1f}" y1="8" y2="{floor:.1f}" stroke="#000" stroke-dasharray="4"/>']
    parts.append(f'<text x="{limit + 4:.1f}" y="16">linearised from here on</text>')
    for by_size in figures.values():
        points = " ".join("{:.1f},{:.1f}".format(*place(*point)) for point in by_size.items())
        parts.append(f'<polyline points="{points}" fill="none" stroke="#36c" stroke-opacity=".5"/>')
    for num_rows in SIZES:
        across, _ = place(num_rows, 0)
        parts.append(f'<text x="{across:.1f}" y="{floor + 16:.1f}" text-anchor="middle">{num_rows}</text>')
    for value in (0, top / 2, top):
        parts.append(
            f'<text x="{left - 6}" y="{place(SIZES[0], value)[1] + 4:.1f}" text-anchor="end">{value:.1%}</text>'
        )
    parts.append(f'<text x="{left}" y="{height - 4}">held-out rows; ends apart, share of the width (medians)</text>')
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-size="10">'
    return f'{head}<rect width="100%" height="100%" fill="#fff"/>{"".join(parts)}</svg>\n'


LIMIT = paired_bootstrap.MAX_EXACT


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("num_draws", type=int, nargs="?", default=20)
    parser.add_argument("--picture", type=Path, help="write an SVG picture to this file")
    options = parser.parse_args()
    print("| population | score | rows | ends apart, median | 95 % | widths, linearised / exact |")
    print("| --- | --- | --- | --- | --- | --- |")
    medians: dict[str, dict[int, float]] = {}
    for population, (draw, names) in POPULATIONS.items():
        for num_rows in SIZES:
            for name, rows in compare(draw, names, num_rows, options.num_draws).items():
                ends, ratio = rows[:, :2].ravel(), float(np.median(rows[:, 2]))
                medians.setdefault(f"{population}, {name}", {})[num_rows] = float(np.median(ends))
                shown = f"{np.median(ends):.1%} | {np.quantile(ends, 0.95):.1%} | {ratio:.3f}"
                print(f"| {population} | {name} | {num_rows} | {shown} |", flush=True)
    if options.picture:
        options.picture.write_text(draw_picture(medians), encoding="utf-8")
    used = resource.getrusage(resource.RUSAGE_SELF)
    print(f"\n{options.num_draws} draws, {used.ru_utime + used.ru_stime:.0f} CPU-s")


if __name__ == "__main__":
    main()
