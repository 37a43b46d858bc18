"""Ways to search for the mix, replayed with what the league measured: nothing is trained.

    python bench/league_replay.py

A search is shown one or four cuts of a table. It chooses among a moved threshold, class weights, oversampling, `smote`,
`anchored` and real rows alone; another cut judges the choice. What it expects before comes from the other families, as
`bench/league_gains.py` computes it, and what it makes of both is the rule of `augment/plan/choose_winner.py`: two
normal distributions, and the largest expected gain of those that gain with a probability above a bar. The variance of a
cut is that of the way on the tables of other families, by the rows that judge (of the smallest class; for log loss, of
all); k cuts have 1/k + 3/7 of it (Nadeau and Bengio, 2003). It is a model of the search, not the search, whose seeds
judge by all training rows. Two cuts share a third of their judging rows, which flatters whatever looks at data: the
rules are to be compared with each other, and with the ways that are always taken.

Gains are means over tables of a family, then over families, with the standard error over families, and so are the
differences to the way that is best on average, in hindsight, where all are judged by the same cuts. `below` counts the
tables and cuts whose choice lost more than 0.01, of those where something was chosen.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from league import SCORES, load_sets
from league_gains import FEW_ROWS, MIN_FAMILIES, expect
from league_page import by_table, differences, mean_and_error
from scipy.special import ndtr

WAYS = ("threshold", "class weights", "oversampling", "smote", "anchored")
CHEAP = WAYS[:3]
OVERLAP = 3 / 7  # judging rows for each training row of a cut
LOST = -0.01
AS_IT_IS = "as it is"


@dataclass(frozen=True)
class Rule:
    """How a search chooses.

    Attributes:
        bar: the probability of a gain to be exceeded.
        width: of the prior, in its standard deviations; None without a prior: 0.04 around 0.
        ways: who takes part.
        looks: whether it sees a cut, or decides by the prior alone.
        cuts: which judge, one after the other.
        num_seen: how many of the others it sees.
    """

    bar: float = 0.95
    width: float | None = 1.0
    ways: tuple[str, ...] = WAYS
    looks: bool = True
    cuts: tuple[int, ...] = (0, 1)  # all ways were tried on these
    num_seen: int = 1

    def choose(self, seen: dict[str, float], error: dict[str, float], prior: dict[str, tuple[float, float]]) -> str:
        """A way, or `none`."""
        best, most = "none", 0.0
        for way in self.ways:
            if not np.isfinite(seen.get(way, np.nan)) or way not in prior:
                continue
            before, spread = prior[way] if self.width is not None else (0.0, 0.04)
            spread *= self.width or 1.0
            trust = spread**2 / (spread**2 + error[way] ** 2) if self.looks else 0.0
            expected = before + trust * (seen[way] - before)
            if ndtr(expected / (spread * np.sqrt(1 - trust) + 1e-12)) >= self.bar and expected > most:
                best, most = way, expected
        return best


RULES = {
    AS_IT_IS: Rule(),
    "bar 0.9": Rule(bar=0.9),
    "bar 0.8": Rule(bar=0.8),
    "bar 0.5": Rule(bar=0.5),
    "prior half as wide": Rule(width=0.5),
    "prior twice as wide": Rule(width=2.0),
    "no prior": Rule(width=None),
    "prior alone, bar 0.5": Rule(bar=0.5, looks=False),
    "inexpensive ways alone": Rule(ways=CHEAP),
    "generators alone": Rule(ways=WAYS[3:]),
    "inexpensive, 5 cuts judge, 1 seen": Rule(ways=CHEAP, cuts=(0, 1, 2, 3, 4)),
    "inexpensive, 5 cuts judge, 4 seen": Rule(ways=CHEAP, cuts=(0, 1, 2, 3, 4), num_seen=4),
    "inexpensive, 5 cuts judge, 4 seen, bar 0.8": Rule(bar=0.8, ways=CHEAP, cuts=(0, 1, 2, 3, 4), num_seen=4),
}


def measured(found: pd.DataFrame, figure: str) -> dict[str, tuple[float, float]]:
    """What other tables say of each way: the mean gain and its standard deviation."""
    return {str(way): expect(part, figure)[:2] for way, part in found.groupby("arm") if _families(part) >= MIN_FAMILIES}


def _families(found: pd.DataFrame) -> int:
    return int(found["family"].nunique())


def like(found: pd.DataFrame, one: pd.Series) -> pd.DataFrame:
    """Tables of other families of its balance and size; of all sizes, where either size has few families."""
    others = found[(found["family"] != one["family"]) & (found["lopsided"] == one["lopsided"])]
    if min(_families(others[others["few"]]), _families(others[~others["few"]])) >= MIN_FAMILIES:
        return others[others["few"] == one["few"]]
    return others


def replay(found: pd.DataFrame, figure: str) -> Iterator[dict[str, object]]:
    """For each table and judging cut, what each rule chose and gained."""
    tables = found.drop_duplicates("set").set_index("set")
    values = found.pivot_table(figure, index="set", columns=["arm", "cut"])
    chance = found.groupby(["set", "arm"])[figure].var(ddof=1)  # NaN of one cut
    judges = tables["judges"].reindex(chance.index.get_level_values("set")).to_numpy()
    by_row = (chance * judges).rename("by row").reset_index().pivot_table("by row", index="set", columns="arm")
    for name, one in tables.iterrows():
        prior = measured(like(found, one), figure)
        others = by_row[tables["family"].reindex(by_row.index) != one["family"]].mean()
        of_table = values.loc[name].unstack("cut")  # noqa: PD010 a Series has no pivot
        for title, rule in RULES.items():
            for judged in rule.cuts:
                cuts = [cut for cut in rule.cuts if cut != judged and cut in of_table][: rule.num_seen]
                if not np.isfinite(of_table.loc[CHEAP[1], judged]):
                    continue
                seen = of_table[cuts].mean(axis=1, skipna=False).to_dict()
                error = np.sqrt(others / one["judges"] * (1 / len(cuts) + OVERLAP)).to_dict()
                chosen = rule.choose(seen, error, prior)
                gain = 0.0 if chosen == "none" else of_table.loc[chosen, judged]
                yield {"set": name, "arm": title, "chosen": chosen, "gain": gain}
        for way, judged in itertools.product(of_table.index, RULES[AS_IT_IS].cuts):
            yield {"set": name, "arm": f"always {way}", "chosen": way, "gain": of_table.loc[way, judged]}


def main() -> None:
    _, sets = load_sets()
    families = {name: about["family"] for name, about in sets.items()}
    scores = pd.read_parquet(SCORES)
    lopsided = scores[scores["arm"] == "none"].groupby("set")["amount"].first() == "balance"
    everything = differences(scores)
    everything = everything[everything["arm"].isin(WAYS)]
    everything["family"] = everything["set"].map(families)
    everything["lopsided"] = everything["set"].map(lopsided)
    everything["few"] = everything["set"].map(lambda name: 0.7 * sets[name]["rows"] < FEW_ROWS)
    for model, figure in itertools.product(("boosting", "logistic"), ("auc", "balanced", "loss")):
        part = everything[everything["model"] == model]
        if figure != "balanced":
            part = part[part["arm"] != "threshold"]
        shares = part["set"].map(lambda name, figure=figure: 1.0 if figure == "loss" else sets[name]["smallest"])
        rows = part["set"].map(lambda name: 0.3 * sets[name]["rows"])
        results = pd.DataFrame(replay(part.assign(judges=shares * rows), figure))
        print(f"\n| {model}, {figure} | mean gain | to the best way | worst table | chose something | below |")
        print("|---|---|---|---|---|---|")
        gains = by_table(results, "gain")
        means = {title: mean_and_error(gains[title], families) for title in gains}
        best = max((title for title in gains if title.startswith("always")), key=lambda title: means[title][0])
        for title in sorted(means, key=lambda title: -means[title][0]):
            mean, error, _ = means[title]
            one = results[(results["arm"] == title) & results["gain"].notna()]
            active = one[one["chosen"] != "none"]
            cells = [title, f"{mean:+.4f} ± {error:.4f}", ""]
            if title != best and len(RULES.get(title, Rule()).cuts) == len(Rule().cuts):
                mean, error, _ = mean_and_error(gains[title] - gains[best], families)
                cells[-1] = f"{mean:+.4f} ± {error:.4f}"
            cells += [f"{gains[title].min():+.3f}", f"{len(active)} of {len(one)}"]
            print("| " + " | ".join([*cells, str(int((active["gain"] < LOST).sum()))]) + " |")


if __name__ == "__main__":
    main()
