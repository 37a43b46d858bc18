"""Is the difference that a hold-out is likely to show, as estimated beforehand, what the trial then could see?

    python bench/power.py RUN_FOLDER ...

`augment check` estimates from the hold-out alone which difference is likely to be seen; the interval of the trial then
says which one would have been (`detectable` in `metrics.json`). Both are reported for each finished run, errors as a
share of the error of real rows alone. Hold-outs whose rows depend on each other are left out.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

import augment
from augment.statistics.power import expected_effect
from augment.statistics.scores import SCORES


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", type=Path, nargs="+", help="folders of finished runs")
    options = parser.parse_args()
    print("| run | model | score | held out | of the rarest class | estimated | measured | ratio |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    ratios = []
    for folder in options.runs:
        run = augment.Run(folder)
        trial, counts = run.metrics.trial, run.metrics.classes.test
        alone = trial.arm("none")
        if trial.score not in SCORES or trial.detectable is None or alone is None or trial.unit != "rows":
            continue
        held = {label: count for label, count in counts.items() if count}
        estimated = expected_effect(SCORES[trial.score], held, trial.rows)
        measured = trial.detectable / (1.0 if trial.better == "higher" else abs(alone.mean))
        ratios.append(estimated / measured)
        cells = [run.name, trial.probe, trial.score, str(trial.rows), str(trial.rarest_rows or "–")]
        print(f"| {' | '.join(cells)} | {estimated:.3f} | {measured:.3f} | {ratios[-1]:.1f} |")
    if ratios:
        print(f"\nmedian ratio {np.median(ratios):.2f}, from {min(ratios):.2f} to {max(ratios):.2f}")


if __name__ == "__main__":
    main()
