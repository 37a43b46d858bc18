"""Measures how often a search for settings leaves the first listed where others are no better, and finds a better one.

    python bench/searched_settings.py [NUM_SEARCHES] [--first SEED] [--only NAME ...]
    python bench/searched_settings.py --real [NAME ...]

Folds, rule and rounds are those of the search for settings; the probe is logistic regression, and the generator adds as
many rows as there are. Tables are those of `nothing_to_learn.py`, with a label that depends on two of five numbers.

* No setting is better: three settings make jittered copies of the rows, each with draws of its own.
* One is better: the first two listed give the copies the labels of other rows, and the third their own.

A search with one better setting is right if it finds that. The mean gain is that of the chosen setting over the first
listed, on 5,000 fresh rows; the best possible gain is that of the better one.

`--real` runs whole pipelines on real data instead, with a search and with each of its settings, and shows the scores of
each on the hold-out, which the search has not seen.
"""

from __future__ import annotations

import argparse
import os

os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}  # before numpy
import resource
import tempfile
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from nothing_to_learn import NUM_FRESH, NUM_SEEDS, RULE, Setting, score, table
from sklearn.linear_model import LogisticRegression

import augment
from augment.plan.candidates import Candidate
from augment.plan.choose_winner import add_seed, choose_winner, drop_unpromising, enter, is_settled, plan_rounds
from augment.plan.folds import count_independent, explain_few_units, inner_cut

WRONG = 1.0
SETTINGS = {
    "rows": Setting(shift=1.0),
    "rows, 1 in 10": Setting(rare=0.1, shift=1.0),
    "60 rows, 1 in 5": Setting(num_rows=60, rare=0.2, shift=1.0),
    "1,000 rows": Setting(num_rows=1000, shift=1.0),
    "time": Setting(dependence="time", shift=1.0),
    "20 groups": Setting(dependence="groups", num_groups=20, shift=1.0),
}


def predict(rng: np.random.Generator, wrong: float, x: np.ndarray, y: np.ndarray, fresh: np.ndarray) -> np.ndarray:
    """Class probabilities (N, 2) of fresh rows after training on these, and on as many jittered copies."""
    copies = rng.integers(len(x), size=len(x))
    labels = np.where(rng.random(len(x)) < wrong, rng.permutation(y), y[copies])
    moved = x[copies] + 0.2 * rng.normal(size=x.shape)
    model = LogisticRegression().fit(np.concatenate([x, moved]), np.concatenate([y, labels]))
    return np.asarray(model.predict_proba(fresh))


def search(setting: Setting, wrongs: list[float], seed: int) -> tuple[int, list[float], int]:
    """Which setting is chosen (-1 where no search is possible), the true scores of all, and the fits."""
    rng = np.random.default_rng(seed)
    x, y, group = setting.draw(rng, setting.num_rows)
    data, fits = table(x, y, group), 0
    if explain_few_units(data, setting.split):
        return -1, [], 0
    candidates = [Candidate(str(n), str(n), "generator", {"moved": 1.0}, "1x", n) for n in range(len(wrongs))]
    counts = dict(zip(("no", "yes"), np.bincount(y).tolist(), strict=True))
    entrants = enter(candidates, (), {"moved": "jitter"}, RULE, counts, count_independent(data, setting.split))
    for number, seeds in enumerate(plan_rounds(NUM_SEEDS)):
        if number:
            drop_unpromising(entrants, RULE)
            if is_settled(entrants, RULE):
                break
        for fold in seeds:
            train, test = inner_cut(data, setting.split, seed, fold)
            inside = [one for one in entrants if one.left is None]
            made = [predict(rng, wrongs[one.candidate.variant], x[train], y[train], x[test]) for one in inside]
            add_seed(inside, made, y[test], test, len(y), RULE)
            fits += len(inside)
    fresh, truth, _ = setting.draw(np.random.default_rng(10**6 + seed), NUM_FRESH)
    scores = [score(truth, predict(rng, wrong, x, y, fresh)) for wrong in wrongs]
    return choose_winner(entrants, RULE).candidate.variant, scores, fits


DATA = Path(os.environ.get("AUGMENT_DATA", "../shared/data")).resolve()
ITALY = DATA / "series/ucr_ItalyPowerDemand"
FLIPS = [{"HorizontalFlip": {"p": 0.5}}, {"VerticalFlip": {"p": 0.5}}]
AFFINE = {"Affine": {"rotate": [-10, 10], "translate_percent": [-0.1, 0.1], "p": 1.0}}
REAL: dict[str, dict[str, Any]] = {
    "digits, albumentations": {
        "source": {"use": "sklearn", "with": {"dataset": "digits"}},
        "split": {"holdout": 0.8},
        "generators": [{"use": "albumentations", "with": {"transforms": {"search": [[*FLIPS, AFFINE], [AFFINE]]}}}],
        "mix": {"rows": "2x"},
        "trial": {"probe": {"use": "cnn", "with": {"steps": 100}}, "score": "accuracy", "seeds": 3},
    },
    "TREC questions, text-edits": {
        "source": {
            "use": "text",
            "with": {"path": str(DATA / "text/TREC.train.all"), "by": "label-line", "encoding": "latin-1"},
        },
        "split": {"holdout": 0.9},
        "generators": [{"use": "text-edits", "with": {"share": {"search": [0.1, 0.3, 0.6]}}}],
        "mix": {"rows": "2x"},
        "trial": {"seeds": 5},
    },
    "ItalyPowerDemand, series-edits": {
        "source": {"use": "ts", "with": {"path": str(ITALY / "ItalyPowerDemand_TRAIN.ts")}},
        "split": {"test": {"use": "ts", "with": {"path": str(ITALY / "ItalyPowerDemand_TEST.ts")}}},
        "generators": [
            {
                "use": "series-edits",
                "with": {"edits": {"search": [{"jitter": 1}, {"warp": 1}, {"mix": 1}, {"slice": 1}]}},
            }
        ],
        "mix": {"rows": "2x"},
        "trial": {"seeds": 5},
    },
}


def real(name: str) -> None:
    """Print what a search finds, and what each of its settings is worth on the hold-out."""
    pipeline = {**REAL[name], "name": "real", "metrics": [], "reporters": [], "sinks": ["parquet"]}
    (generator,) = pipeline["generators"]
    ((setting, values),) = ((key, value["search"]) for key, value in generator["with"].items())
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder)
        done = augment.run(pipeline, out=out / "search", workers=0)
        (result,) = done.metrics.settings.values()
        used = resource.getrusage(resource.RUSAGE_SELF)
        print(f"{name}: {result.sentence}")
        print("| setting | search: difference | error | seeds | on the hold-out |\n| --- | --- | --- | --- | --- |")
        for number, (value, one) in enumerate(zip(values, result.candidates, strict=True)):
            fixed = {**pipeline, "generators": [{**generator, "with": {setting: value}}]}
            arm = augment.run(fixed, out=out / str(number), workers=0).metrics.trial.arm("synthetic")
            cells = [one.label, f"{one.difference:+.4f}", f"{one.error:.4f}", len(one.values), f"{arm.mean:.4f}"]
            print("| " + " | ".join(map(str, cells)) + " |", flush=True)
        alone = done.metrics.trial.arm("none")
        print(f"\nReal rows alone: {alone.mean:.4f}. {used.ru_utime + used.ru_stime:.0f} CPU-s for the search.\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("num_searches", type=int, nargs="?", default=100)
    parser.add_argument("--only", nargs="*", choices=SETTINGS, default=list(SETTINGS))
    parser.add_argument("--first", type=int, default=0, help="the first seed of the draws")
    parser.add_argument("--real", nargs="*", choices=REAL, help="on real data")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    if options.real is not None:
        for name in options.real or REAL:
            real(name)
        return
    print("| table | the best setting | searches | first kept | better one found | mean gain | best possible | fits |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for name in options.only:
        for what, wrongs in (("none", [0.0, 0.0, 0.0]), ("the third", [WRONG, WRONG, 0.0])):
            draws = range(options.first, options.first + options.num_searches)
            found = [one for seed in draws if (one := search(SETTINGS[name], wrongs, seed))[0] >= 0]
            chosen = pd.Series([choice for choice, _, _ in found])
            gain = np.mean([scores[choice] - scores[0] for choice, scores, _ in found])
            best = np.mean([scores[2] - scores[0] for _, scores, _ in found]) if wrongs[0] else 0.0
            third = int((chosen == 2).sum()) if wrongs[0] else ""
            cells = [name, what, len(found), int((chosen == 0).sum()), third, f"{gain:+.3f}", f"{best:+.3f}"]
            print("| " + " | ".join(map(str, [*cells, f"{np.mean([n for _, _, n in found]):.0f}"])) + " |", flush=True)
    used = resource.getrusage(resource.RUSAGE_SELF)
    print(f"\n{used.ru_utime + used.ru_stime:.0f} CPU-s")


if __name__ == "__main__":
    main()
