"""Measures how often the verdict is right where the truth is planted.

    python bench/truth.py [NUM_SEEDS] [--search]

* `true rows`: the generator draws from the true distribution, so more rows help.
* `label noise`: its labels mean nothing, so its rows hurt.
* `nothing to learn`: features tell nothing of the label, in real and in synthetic rows, so nothing makes a difference.

Each seed draws other data: 100 training rows, 2,000 held out, and five times as many synthetic rows as real ones. The
probe is logistic regression, the score balanced accuracy, the trial has five seeds. With `--search`, `rows: auto` has
to find out instead. The seeds are 0, 1, 2, ...: they were fixed before anything was measured.
"""

from __future__ import annotations

import argparse
import os
import resource
import sys
import tempfile
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests/fakes"))  # light generators of which the truth is known

import augment  # noqa: E402

CASES = {  # whether real rows, and synthetic ones, tell something of the label; and the right verdict
    "true rows": (True, True, "helps"),
    "label noise": (True, False, "hurts"),
    "nothing to learn": (False, False, "no measurable effect"),
}
NUM_TRAIN, NUM_TEST = 100, 2000


def verdict(real: bool, made: bool, seed: int, search: bool, folder: Path) -> tuple[str, str]:
    """The verdict of one run, and what was chosen."""
    rows = NUM_TRAIN + NUM_TEST
    tree = {
        "name": "truth",
        "source": {"use": "fake-planted", "with": {"rows": rows, "tells": real, "draw": seed}},
        "split": {"holdout": NUM_TEST / rows},
        "generators": [{"use": "fake-planted-rows", "with": {"tells": made}}],
        "mix": {"rows": "auto", "search": {"amounts": ["1x", "5x"]}} if search else {"rows": "5x"},
        "trial": {"probe": "logistic", "score": "balanced_accuracy", "seeds": 5},
        "filters": [],
        "metrics": [],
        "reporters": [],
        "sinks": ["npz"],
    }
    run = augment.run(tree, seed=seed, out=folder / "run", workers=0)
    return run.metrics.trial.verdict, run.metrics.trial.chosen


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("num_seeds", type=int, nargs="?", default=40)
    parser.add_argument("--search", action="store_true")
    options = parser.parse_args()
    print("| planted | right verdict | " + " | ".join(["helps", "no measurable effect", "hurts", "chosen"]) + " |")
    print("| --- | --- | --- | --- | --- | --- |")
    for name, (real, made, right) in CASES.items():
        found = []
        for seed in range(options.num_seeds):
            with tempfile.TemporaryDirectory() as folder:
                os.environ["AUGMENT_STORE"] = f"{folder}/store"
                found.append(verdict(real, made, seed, options.search, Path(folder)))
        counts, chosen = Counter(one for one, _ in found), Counter(one for _, one in found)
        numbers = [str(counts[one]) for one in ("helps", "no measurable effect", "hurts")]
        print(
            f"| {name} | {right} | {' | '.join(numbers)} | {', '.join(f'{k} {n}' for k, n in chosen.items())} |",
            flush=True,
        )
    used = resource.getrusage(resource.RUSAGE_SELF)
    print(f"\n{options.num_seeds} seeds, {used.ru_utime + used.ru_stime:.0f} CPU-s")


if __name__ == "__main__":
    main()
