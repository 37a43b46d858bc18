"""What the league says of each way to train, for the search for the mix: makes plugins/augment_tables/gains.json.

    python bench/league_gains.py [SCORES]

For each model, score, balance of the classes (lopsided: the smallest has less than half of the largest's rows) and size
(fewer than 350 training rows, or more), the file holds the mean gain of a way over tables, and the standard deviation
of the gain to expect on another such table: the spread between tables, without the chance of their cuts (R.
DerSimonian, N. Laird, "Meta-Analysis in Clinical Trials", Controlled Clinical Trials 7, 1986) but at least half of it,
and the error of the mean. Tables of one family count as one. Where either size has fewer than 5 families, there is one
figure for both; a way that was tried on fewer than 5 families has none.

Families whose name's SHA-256 is divisible by 3 have no part in it: `auto` is judged on their tables.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from pathlib import Path

import numpy as np
import pandas as pd
from league import RESULTS, SCORES, load_sets
from league_page import differences

GAINS = Path(__file__).resolve().parent.parent / "plugins" / "augment_tables" / "gains.json"
SCORE_OF = {
    "auc": "roc_auc",
    "precision": "average_precision",
    "balanced": "balanced_accuracy",
    "loss": "log_loss",
}
CANDIDATE_OF = {"class weights": "class-weights"}
PEERS = {"SMOTENC", "BorderlineSMOTE", "CTGAN", "TVAE", "GaussianCopula", "ARF", "smaller model", "init", "auto"}
MIN_FAMILIES = 5
FEW_ROWS = 350  # training rows
MIN_SPREAD = 0.002


def is_kept_aside(family: str) -> bool:
    """Whether the tables of a family have no part in the figures."""
    return int(hashlib.sha256(family.encode()).hexdigest(), 16) % 3 == 0


def expect(gains: pd.DataFrame, figure: str) -> tuple[float, float, int, int]:
    """The mean gain over families, its standard deviation on another table, and how many tables and families."""
    by_table = gains.groupby(["family", "set"])[figure].agg(["mean", "var", "count"])
    families = by_table["mean"].groupby("family").mean()
    chance = (by_table["var"].fillna(0) / by_table["count"]).mean()
    seen = float(families.var(ddof=1))
    between = max(seen / 2, seen - chance)  # at least half of it: the chance is a rough estimate itself
    spread = np.sqrt(between + families.var(ddof=1) / len(families))
    return float(families.mean()), max(MIN_SPREAD, float(spread)), len(by_table), len(families)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scores", type=Path, nargs="?", default=SCORES)
    options = parser.parse_args()
    _, sets = load_sets()
    scores = pd.read_parquet(options.scores)
    lopsided = scores[scores["arm"] == "none"].groupby("set")["amount"].first() == "balance"
    found = differences(scores)
    found["family"] = found["set"].map(lambda name: sets[name]["family"])
    found["lopsided"] = found["set"].map(lopsided)
    found["few"] = found["set"].map(lambda name: 0.7 * sets[name]["rows"] < FEW_ROWS)
    found = found[~found["family"].map(is_kept_aside) & ~found["arm"].isin(PEERS)]
    gains: dict[str, list[list[object]]] = {}
    for (model, arm, balance), part in found.groupby(["model", "arm", "lopsided"]):
        sizes = {few: group for few, group in part.groupby("few") if group["family"].nunique() >= MIN_FAMILIES}
        cells = list(sizes.items()) if len(sizes) == 2 else [(None, part)]
        for few, group in cells:
            bounds = [0, None] if few is None else [0, FEW_ROWS - 1] if few else [FEW_ROWS, None]
            for figure, score in SCORE_OF.items():
                if arm == "threshold" and score != "balanced_accuracy":
                    continue  # it changes no other
                mean, spread, num_tables, num_families = expect(group, figure)
                if num_families >= MIN_FAMILIES:
                    row = [CANDIDATE_OF.get(arm, arm), score, bool(balance), round(mean, 3), round(spread, 3)]
                    gains.setdefault(model, []).append([*row, num_tables, *bounds])
    measured = sorted(found["set"].unique())
    made_by = f"bench/league_gains.py, from {len(measured)} tables of {RESULTS.name}/{SCORES.name}"
    text = json.dumps({"made by": made_by, "gains": gains})
    GAINS.write_text(text.replace(" [[", "\n[[").replace(" [", "\n[") + "\n", encoding="utf-8")  # a figure a line
    print(f"{GAINS.name}: {sum(map(len, gains.values()))} figures, {GAINS.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
