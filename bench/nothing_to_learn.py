"""Measures how often a search for the mix chooses something where nothing can be learned.

    python bench/nothing_to_learn.py [NUM_SEARCHES]

The label has nothing to do with the features, in 200 training rows of five numbers; so no candidate is better than real
rows alone, and each that is chosen is chance. Folds and choice are those of `rows: auto` with ten seeds; the probe is
logistic regression, which is deterministic; the candidates are class weights, oversampling, and jittered copies of the
rows in four amounts. `rows`: independent rows. `time`: features and label drift, each by itself, with a correlation of
0.95 from row to row. `groups`: features and the share of the classes differ from group to group.
"""

from __future__ import annotations

import argparse
import resource
import warnings
from collections import Counter

import numpy as np
import pandas as pd

from augment.data import Column, Dataset, Schema
from augment.plan.candidates import Candidate, Entrant, choose_winner, drop_worse_half, plan_rounds
from augment.plan.folds import choose_caution, explain_few_units, inner_cut
from augment.spec.models import Split
from augment.statistics.scores import SCORES

NUM_ROWS, NUM_FEATURES, NUM_SEEDS = 200, 5, 10
RULE = SCORES["balanced_accuracy"]
AMOUNTS = {"jitter-0.5x": 0.5, "jitter-1x": 1.0, "jitter-2x": 2.0, "jitter-5x": 5.0}


def drift(rng: np.random.Generator, num_columns: int) -> np.ndarray:
    """Processes of variance 1 that forget slowly, (N, columns)."""
    from scipy.signal import lfilter

    noise = rng.normal(size=(NUM_ROWS + 200, num_columns)) * np.sqrt(1 - 0.95**2)
    return np.asarray(lfilter([1], [1, -0.95], noise, axis=0)[200:])


def table(rng: np.random.Generator, dependence: str, num_groups: int) -> Dataset:
    """Features, a label that has nothing to do with them, and the columns `when` and `group`."""
    features = rng.normal(size=(NUM_ROWS, NUM_FEATURES))
    chance = rng.normal(size=NUM_ROWS)
    group = np.arange(NUM_ROWS) % num_groups
    if dependence == "time":
        features, chance = features + drift(rng, NUM_FEATURES), chance + drift(rng, 1)[:, 0]
    elif dependence == "groups":
        features = features + rng.normal(size=(num_groups, NUM_FEATURES))[group]
        chance = chance + rng.normal(size=num_groups)[group]
    label = np.where(chance > np.median(chance) + 0.3, "yes", "no")
    frame = pd.DataFrame(features, columns=[f"x{n}" for n in range(NUM_FEATURES)])
    frame = frame.assign(label=label, when=np.arange(NUM_ROWS), group=group)
    columns = {name: Column(type="number" if name[0] == "x" else "integer") for name in frame}
    columns["label"] = Column(type="category", categories=("no", "yes"))
    return Dataset.of(frame, {}, Schema(columns=columns, target="label"))


def score(
    rng: np.random.Generator, arm: str, x: np.ndarray, y: np.ndarray, test_x: np.ndarray, test_y: np.ndarray
) -> float:
    """What logistic regression scores with these training rows."""
    from sklearn.linear_model import LogisticRegression

    if arm in AMOUNTS:
        more = rng.integers(len(x), size=round(AMOUNTS[arm] * len(x)))
        x, y = np.concatenate([x, x[more] + 0.2 * rng.normal(size=x[more].shape)]), np.concatenate([y, y[more]])
    elif arm == "oversampling":
        rare = np.flatnonzero(y == np.bincount(y, minlength=2).argmin())
        more = rng.choice(rare, size=abs(len(y) - 2 * len(rare)))
        x, y = np.concatenate([x, x[more]]), np.concatenate([y, y[more]])
    model = LogisticRegression(class_weight="balanced" if arm == "class-weights" else None)
    if len(np.unique(y)) < 2 or len(np.unique(test_y)) < 1:
        return float("nan")
    chance = model.fit(x, y).predict_proba(test_x)
    return float(RULE.score(test_y, chance, np.ones((1, len(test_y))))[0])


def search(data: Dataset, split: Split, seed: int) -> str:
    """What is chosen."""
    if explain_few_units(data, split):
        return "skipped"
    caution = choose_caution(data, split)
    rng = np.random.default_rng(seed)
    x = data.frame[[f"x{n}" for n in range(NUM_FEATURES)]].to_numpy()
    y = (data.frame["label"] == "yes").to_numpy().astype(np.int64)
    names = ["none", "class-weights", "oversampling", *AMOUNTS]
    entrants = [
        Entrant(Candidate(name, name, "none" if name == "none" else "generator"), caution=caution) for name in names
    ]
    for number, seeds in enumerate(plan_rounds(NUM_SEEDS)):
        if number:
            drop_worse_half(entrants, RULE)
        for fold in seeds:
            train, test = inner_cut(data, split, seed, fold)
            for one in entrants:
                if one.left is None:
                    one.values.append(score(rng, one.candidate.id, x[train], y[train], x[test], y[test]))
    return choose_winner(entrants, RULE).candidate.id


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("num_searches", type=int, nargs="?", default=100)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    settings: dict[str, tuple[str, int, Split]] = {
        "rows": ("rows", 1, Split()),
        "time": ("time", 1, Split(time="when")),
        "4 groups": ("groups", 4, Split(group="group")),
        "6 groups": ("groups", 6, Split(group="group")),
        "20 groups": ("groups", 20, Split(group="group")),
    }
    print("| rows depend by | searches | something was chosen | skipped |\n| --- | --- | --- | --- |")
    for name, (dependence, num_groups, split) in settings.items():
        chosen: Counter[str] = Counter()
        for seed in range(options.num_searches):
            chosen[search(table(np.random.default_rng(seed), dependence, num_groups), split, seed)] += 1
        something = options.num_searches - chosen["none"] - chosen["skipped"]
        print(f"| {name} | {options.num_searches} | {something} | {chosen['skipped']} |", flush=True)
    used = resource.getrusage(resource.RUSAGE_SELF)
    print(f"\n{used.ru_utime + used.ru_stime:.0f} CPU-s")


if __name__ == "__main__":
    main()
