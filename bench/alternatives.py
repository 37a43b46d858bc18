"""What tuning, thresholds, weights, repeats and synthetic rows are worth on five lopsided tables, by probe.

    python bench/alternatives.py [OUT.md]

Tables of scikit-learn, of which one class is made rare; two splits each, `smote`, `mix: {rows: balance}`. Every arm of
a run's trial is compared with real rows alone. Written is the mean difference over tables and splits, with the standard
error over tables in brackets, and in how many tables the arm was better. Log loss: lower is better.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

import augment

TABLES = {
    "breast-cancer": {"malignant": 30},
    "breast-cancer, other class": {"benign": 30},
    "wine": {"class_2": 10},
    "wine, other class": {"class_0": 10},
    "iris": {"virginica": 10},
}
PROBES: dict[str, Any] = {
    "boosting": "boosting",
    "logistic": "logistic",
    "forest": {
        "use": "sklearn.ensemble:RandomForestClassifier",
        "with": {"tune": [{"min_samples_leaf": 5}, {"min_samples_leaf": 2, "max_features": 0.5}]},
    },
}
SCORES = {
    "roc_auc": "AUC",
    "average_precision": "average precision",
    "balanced_accuracy": "balanced accuracy",
    "log_loss": "log loss",
}
SPLITS = (1, 2)
HEAD = """# Tuning, thresholds, weights, repeats and synthetic rows side by side

Made by `python bench/alternatives.py`; its docstring explains the figures. There are five lopsided tables and two
splits of each, so a difference of a standard error or two is chance, and no arm stands out from all others by more
than that.
"""


def measure(name: str, probe: Any, seed: int, folder: Path) -> dict[str, dict[str, float]]:
    """Arm to score to its difference from real rows alone."""
    dataset = name.partition(",")[0]
    run = augment.run(
        {
            "name": "alternatives",
            "source": {"use": "sklearn", "with": {"dataset": dataset, "imbalance": TABLES[name]}},
            "split": {"holdout": 0.3},
            "generators": ["smote"],
            "mix": {"rows": "balance"},
            "filters": [],
            "metrics": [],
            "reporters": [],
            "trial": {"probe": probe, "seeds": 2},
        },
        seed=seed,
        out=folder / f"{len(list(folder.iterdir()))}",
        workers=0,
    )
    arms = run.metrics.trial.arms
    return {arm.id: {score: arm.scores[score].difference for score in SCORES} for arm in arms if arm.id != "none"}


def main() -> None:
    """Measure, and write the table."""
    started = time.process_time()
    lines = [HEAD]
    with tempfile.TemporaryDirectory() as folder:
        for label, probe in PROBES.items():
            found: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
            for name in TABLES:
                splits = [measure(name, probe, seed, Path(folder)) for seed in SPLITS]
                for arm in splits[0]:
                    for score in SCORES:
                        found[arm][score].append(statistics.mean(one[arm][score] for one in splits))
            lines += [
                f"## {label}",
                "",
                "| arm | " + " | ".join(SCORES.values()) + " |",
                "| --- |" + " --- |" * len(SCORES),
            ]
            for arm, scores in found.items():
                cells = [_cell(values, lower=score == "log_loss") for score, values in scores.items()]
                lines.append(f"| `{arm}` | " + " | ".join(cells) + " |")
            lines.append("")
            print("\n".join(lines[-len(found) - 4 :]), flush=True)
    lines.append(f"{time.process_time() - started:.0f} CPU-s.")
    if len(sys.argv) > 1:
        Path(sys.argv[1]).write_text("\n".join(lines) + "\n", encoding="utf-8")


def _cell(values: list[float], lower: bool) -> str:
    better = sum(value < 0 if lower else value > 0 for value in values)
    error = statistics.stdev(values) / len(values) ** 0.5
    return f"{statistics.mean(values):+.3f} ({error:.3f}), {better} of {len(values)}"


if __name__ == "__main__":
    main()
