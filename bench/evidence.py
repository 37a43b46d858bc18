"""Measures what the evidence costs: CPU seconds of a whole run beyond the generators' fits.

    python bench/evidence.py

10,000 training rows of 20 columns (15 numbers, 5 labels) and 2,500 held out, made by code; `bootstrap` makes as many
rows again, since it learns nothing; boosting is trained on four arms with five seeds; the default filters, metrics
and report. The same run without trial, metrics, filters and report is subtracted: what remains is the evidence. User
and system time of the host and all its workers; wall time says nothing on a busy machine.
"""

from __future__ import annotations

import os
import resource
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import augment

GOAL = 90.0
NUM_ROWS = 12_500


def table() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    numbers = rng.normal(size=(NUM_ROWS, 14))
    labels = rng.integers(6, size=(NUM_ROWS, 5))
    score = numbers[:, :5].sum(axis=1) + (labels[:, 0] == 2) + rng.normal(size=NUM_ROWS)
    frame = pd.DataFrame(numbers, columns=[f"x{n}" for n in range(14)])
    for n in range(5):
        frame[f"c{n}"] = np.array(list("abcdef"))[labels[:, n]]
    return frame.assign(label=np.where(score > 1, "yes", "no"))


def cpu_seconds() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def cost(folder: Path, name: str, **sections: Any) -> tuple[float, Any]:
    tree = {
        "name": name,
        "source": {"use": "csv", "with": {"path": str(folder / "data.csv")}},
        "schema": {"target": "label"},
        "generators": ["bootstrap"],
        "mix": {"rows": "1x"},
        **sections,
    }
    before = cpu_seconds()
    run = augment.run(tree, out=folder / name, workers=2)
    return cpu_seconds() - before, run


def main() -> None:
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        os.environ["AUGMENT_STORE"] = f"{place}/store"
        table().to_csv(folder / "data.csv", index=False)
        bare, _ = cost(folder, "bare", trial=False, metrics=[], filters=[], reporters=[])
        whole, run = cost(folder, "whole", trial={"probe": "boosting", "seeds": 5})
        stages = [stage for stage in run.manifest.stages if stage.stage not in ("read", "fit")]
        print(f"evidence: {whole - bare:.1f} CPU-s (whole run {whole:.1f}, without {bare:.1f}); goal <= {GOAL:.0f}")
        print("wall seconds by stage:", ", ".join(f"{s.stage} {s.id} {s.seconds:.1f}" for s in stages))


if __name__ == "__main__":
    main()
