"""Measures how often a search for the mix chooses something where nothing can be gained, and where something can.

    python bench/nothing_to_learn.py [NUM_SEARCHES] [--first SEED] [--bars 0.95 0.9 0.8]

Folds, figures of other tables and choice are those of `rows: auto`; the probe is deterministic. On tables of five
numbers it is logistic regression, and the candidates are a moved threshold, class weights, oversampling, and jittered
copies of the rows in four amounts. Nothing can be gained where the label has nothing to do with the features, in 200
training rows:

* `rows`: independent rows, 40 % of one class. `1 in 10`: a tenth of one class.
* `time`: features and label drift, each by itself, with a correlation of 0.95 from row to row.
* `groups`: features and the share of the classes differ from group to group.

Something can be gained where the label depends on two features and one class is rare: the mean differs by 1 and 0.7
standard deviations with 60 rows, a fifth of them rare (`1 in 5, 60 rows`), and by half of it with 200 rows, a tenth of
them rare (`1 in 10, weak`). In `series` the probe is the nearest neighbour of 36 series of 40 steps, whose shape is
shifted at random; the candidates are shifted copies. The gain of the chosen candidate, and of the one that is best on
average, is measured on 5,000 fresh rows. A bar is the probability of a gain that a winner must reach; the rule's own is
0.95. The searches are the same for all bars, only the choice at their end differs.
"""

from __future__ import annotations

import argparse
import os

os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}  # before numpy
import resource
import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from augment.data import Column, Dataset, Schema
from augment.plan.candidates import Candidate
from augment.plan.choose_winner import (
    Entrant,
    add_seed,
    choose_winner,
    drop_unpromising,
    enter,
    is_settled,
    plan_rounds,
)
from augment.plan.folds import count_independent, explain_few_units, inner_cut
from augment.spec.models import Search, Split
from augment.statistics.priors import move_threshold
from augment.statistics.scores import SCORES
from augment.statistics.verdict import LIKELY
from augment_tables.table_probes import Logistic

NUM_FEATURES, NUM_STEPS, NUM_FRESH = 5, 40, 5000
NUM_SEEDS = Search().seeds
RULE = SCORES["balanced_accuracy"]
AMOUNTS = ("balance", "0.5x", "1x", "5x")
CHEAP = ("none", "threshold", "class-weights", "oversampling")


@dataclass(frozen=True)
class Setting:
    """What tables are like.

    Attributes:
        num_rows: training rows.
        rare: share of the class `yes`.
        shift: how much the first feature differs between the classes, in standard deviations.
        dependence: `rows`, `time`, `groups` or `series`.
        num_groups: of rows.
    """

    num_rows: int = 200
    rare: float = 0.4
    shift: float = 0.0
    dependence: str = "rows"
    num_groups: int = 1

    @property
    def split(self) -> Split:
        names = {"time": {"time": "when"}, "groups": {"group": "group"}}
        return Split.model_validate(names.get(self.dependence, {}))

    def draw(self, rng: np.random.Generator, num_rows: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Features (N, F), labels (N,) 0 or 1, and groups (N,)."""
        group = np.arange(num_rows) % self.num_groups
        if self.dependence == "series":
            label = np.arange(num_rows) % 2
            steps = np.linspace(0, 4 * np.pi, NUM_STEPS)
            shapes = np.sin(steps) + 0.6 * np.array([np.sin(3 * steps), np.sin(4 * steps)])
            places = rng.integers(NUM_STEPS, size=num_rows)
            series = np.stack([np.roll(shapes[one], place) for one, place in zip(label, places, strict=True)])
            return series + 0.5 * rng.normal(size=series.shape), label, group
        features, chance = rng.normal(size=(num_rows, NUM_FEATURES)), rng.normal(size=num_rows)
        if self.dependence == "time":
            features, chance = features + drift(rng, num_rows, NUM_FEATURES), chance + drift(rng, num_rows, 1)[:, 0]
        elif self.dependence == "groups":
            features = features + rng.normal(size=(self.num_groups, NUM_FEATURES))[group]
            chance = chance + rng.normal(size=self.num_groups)[group]
        label = (chance > np.quantile(chance, 1 - self.rare)).astype(np.int64)
        features[:, :2] += self.shift * np.array([1.0, 0.7]) * label[:, None]
        return features, label, group


def drift(rng: np.random.Generator, num_rows: int, num_columns: int) -> np.ndarray:
    """Processes of variance 1 that forget slowly, (N, columns)."""
    from scipy.signal import lfilter

    noise = rng.normal(size=(num_rows + 200, num_columns)) * np.sqrt(1 - 0.95**2)
    return np.asarray(lfilter([1], [1, -0.95], noise, axis=0)[200:])


def table(features: np.ndarray, label: np.ndarray, group: np.ndarray) -> Dataset:
    """Features, the label, and the columns `when` and `group`."""
    frame = pd.DataFrame(features, columns=[f"x{n}" for n in range(features.shape[1])])
    frame = frame.assign(label=np.where(label, "yes", "no"), when=np.arange(len(label)), group=group)
    columns = {name: Column(type="number" if name[0] == "x" else "integer") for name in frame}
    columns["label"] = Column(type="category", categories=("no", "yes"))
    return Dataset.of(frame, {}, Schema(columns=columns, target="label"))


def predict(
    rng: np.random.Generator, arm: str, is_series: bool, x: np.ndarray, y: np.ndarray, fresh: np.ndarray
) -> np.ndarray:
    """Class probabilities (N, 2) of fresh rows after training on these."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.neighbors import KNeighborsClassifier

    counts = np.bincount(y, minlength=2)
    amount = arm.removeprefix("moved-")
    if arm == "oversampling" or amount == "balance":
        more = rng.choice(np.flatnonzero(y == counts.argmin()), size=counts.max() - counts.min())
    else:
        more = rng.integers(len(x), size=round(float(amount[:-1]) * len(x)) if amount in AMOUNTS else 0)
    added = x[more]
    if amount in AMOUNTS and is_series:
        places = rng.integers(NUM_STEPS, size=len(added))
        added = np.array([np.roll(one, place) for one, place in zip(added, places, strict=True)])
    elif amount in AMOUNTS:
        added = added + 0.2 * rng.normal(size=added.shape)
    x, y = np.concatenate([x, added.reshape(-1, x.shape[1])]), np.concatenate([y, y[more]])
    weights = "balanced" if arm == "class-weights" else None
    model = KNeighborsClassifier(1) if is_series else LogisticRegression(class_weight=weights)
    chances = np.asarray(model.fit(x, y).predict_proba(fresh))
    return move_threshold(chances, counts, 1.0) if arm == "threshold" else chances


def score(truth: np.ndarray, chances: np.ndarray) -> float:
    return float(RULE.score(truth, chances, np.ones((1, len(truth))))[0])


def contestants(setting: Setting, data: Dataset, label: np.ndarray) -> list[Entrant]:
    is_series = setting.dependence == "series"
    candidates = [Candidate(name, name, name) for name in (CHEAP[:2] if is_series else CHEAP)]
    candidates += [
        Candidate(f"moved-{amount}", amount, "generator", {"moved": 1.0}, amount)
        for amount in AMOUNTS
        if not is_series or amount != "balance"
    ]
    gains = () if is_series else Logistic.measured_gains(Logistic.Params())
    counts = dict(zip(("no", "yes"), np.bincount(label).tolist(), strict=True))
    independent = count_independent(data, setting.split)
    return enter(candidates, gains, {"moved": "jitter"}, RULE, counts, independent)


def choose(entrants: Sequence[Entrant], bar: float) -> str:
    """The largest expected gain of those that gain with this probability, as `choose_winner` has it."""
    none, *others = entrants
    standings = {one.candidate.id: one.standing(none, RULE) for one in others if one.left is None}
    likely = {name: standing.expected or 0.0 for name, standing in standings.items() if (standing.chance or 0.0) >= bar}
    return max(likely, key=likely.__getitem__, default=none.candidate.id)


def search(setting: Setting, seed: int, bars: Sequence[float]) -> tuple[dict[float, str], dict[str, float], int]:
    """What is chosen at each bar, the true gain of each candidate, and how many models were trained."""
    rng = np.random.default_rng(seed)
    x, y, group = setting.draw(rng, setting.num_rows)
    data, is_series, trained = table(x, y, group), setting.dependence == "series", 0
    if explain_few_units(data, setting.split):
        return dict.fromkeys(bars, "skipped"), {}, 0
    entrants = contestants(setting, data, y)
    for number, seeds in enumerate(plan_rounds(NUM_SEEDS)):
        if number:
            drop_unpromising(entrants, RULE)
            if is_settled(entrants, RULE):
                break
        for fold in seeds:
            train, test = inner_cut(data, setting.split, seed, fold)
            inside = [one for one in entrants if one.left is None]
            if len(np.unique(y[train])) < 2:
                for one in inside:
                    one.values.append(float("nan"))
                continue
            predictions = [predict(rng, one.candidate.id, is_series, x[train], y[train], x[test]) for one in inside]
            add_seed(inside, predictions, y[test], test, len(y), RULE)
            trained += sum(one.candidate.kind != "threshold" for one in inside)
    truths = {}
    if setting.shift or is_series:
        fresh, truth, _ = setting.draw(np.random.default_rng(10**6 + seed), NUM_FRESH)
        names = [one.candidate.id for one in entrants]
        found = {name: score(truth, predict(rng, name, is_series, x, y, fresh)) for name in names}
        truths = {name: value - found["none"] for name, value in found.items()}
    assert choose(entrants, LIKELY) == choose_winner(entrants, RULE).candidate.id
    return {bar: choose(entrants, bar) for bar in bars}, truths, trained


SETTINGS = {
    "rows": Setting(),
    "1 in 10": Setting(rare=0.1),
    "time": Setting(dependence="time"),
    "4 groups": Setting(dependence="groups", num_groups=4),
    "6 groups": Setting(dependence="groups", num_groups=6),
    "20 groups": Setting(dependence="groups", num_groups=20),
    "1 in 5, 60 rows": Setting(num_rows=60, rare=0.2, shift=1.0),
    "1 in 10, weak": Setting(rare=0.1, shift=0.5),
    "series": Setting(num_rows=36, dependence="series"),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("num_searches", type=int, nargs="?", default=100)
    parser.add_argument("--only", nargs="*", choices=SETTINGS, default=list(SETTINGS))
    parser.add_argument("--first", type=int, default=0, help="the first seed of the draws")
    parser.add_argument("--bars", type=float, nargs="+", default=[LIKELY], help="probabilities of a gain to ask for")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    print(
        "| setting | bar | searches | chose something | skipped | gain of the choice | of the best | models trained |"
    )
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for name in options.only:
        seeds = range(options.first, options.first + options.num_searches)
        found = [search(SETTINGS[name], seed, options.bars) for seed in seeds]
        trained = np.mean([number for _, _, number in found])
        for bar in options.bars:
            chosen = [choices[bar] for choices, _, _ in found]
            something = sum(choice not in ("none", "skipped") for choice in chosen)
            gains = ["", ""]
            if found[0][1]:
                best = pd.DataFrame([truths for _, truths, _ in found]).mean().max()
                gains = [f"{np.mean([truths[choices[bar]] for choices, truths, _ in found]):+.3f}", f"{best:+.3f}"]
            cells = [name, bar, len(found), something, chosen.count("skipped"), *gains, f"{trained:.0f}"]
            print("| " + " | ".join(map(str, cells)) + " |", flush=True)
    used = resource.getrusage(resource.RUSAGE_SELF)
    print(f"\n{used.ru_utime + used.ru_stime:.0f} CPU-s")


if __name__ == "__main__":
    main()
