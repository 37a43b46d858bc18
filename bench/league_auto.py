"""`auto` and the pipeline of `augment init` on tables of the league that the search knows nothing of.

    python bench/league_auto.py run [--families 12 | --sets NAME ...] [--cuts 2] [--probe boosting] [--minutes M]
    python bench/league_auto.py show

The tables are of families that `bench/league_gains.py` keeps aside: of each the smallest table by rows x columns x
classes, and of these the 12 smallest. Cuts are the league's: 70 % to learn from, 30 %
to judge by. For each, `augment init` writes a pipeline for the two files, which runs twice: as it is written (`init`),
and with `mix: {rows: auto}` (`auto`); without metrics and reports. Figures are of the run's own trial on the held-out
rows, with five seeds: the difference of what the run is about to real rows alone, in the score that decides, and its
95 % interval. The fixed choices beside it are arms of the trial of `init`. CPU-seconds are those of a whole run.

`run` adds what is missing to bench/results/league_auto.json; `show` prints the tables of bench/results/search.md.
"""

from __future__ import annotations

import argparse
import json
import os

os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}  # before numpy
import resource
import tempfile
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml
from league import RESULTS, choose, cut, load_sets
from league_gains import is_kept_aside
from table_makers import read

import augment
from augment.onboarding import write_pipeline

FOUND = RESULTS / "league_auto.json"


def cpu_seconds() -> float:
    return sum(sum(resource.getrusage(who)[:2]) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))


def measure(name: str, about: dict[str, Any], number: int, probe: str) -> Iterator[dict[str, Any]]:
    """A result for each arm."""
    folder, _ = load_sets()
    parts = cut(read(str(folder / f"{name}.csv"), about["discrete"]), about["target"], number)
    with tempfile.TemporaryDirectory() as place:
        os.environ["AUGMENT_STORE"] = f"{place}/store"
        (Path(place) / "data").mkdir()
        for part, frame in zip(("train", "test"), parts, strict=True):
            frame.to_csv(f"{place}/data/{part}.csv", index=False)
        written = write_pipeline.write(Path(place) / "data", Path(place) / "pipeline.yaml", about["target"])
        tree = yaml.safe_load(written.read_text(encoding="utf-8")) | {"metrics": [], "reporters": []}
        tree = tree | {"shortfall": "warn", "trial": {"probe": probe}}
        for arm, mix in (("init", tree["mix"]), ("auto", {"rows": "auto"})):
            started = cpu_seconds()
            path = Path(place) / f"{arm}.yaml"
            path.write_text(yaml.safe_dump(tree | {"mix": mix}), encoding="utf-8")
            done = augment.run(path, seed=number, out=Path(place) / arm, workers=1)
            trial = done.metrics.trial
            sign = 1 if trial.better == "higher" else -1
            gains = {one.id: sign * one.difference for one in trial.arms}
            chosen = trial.arm(trial.chosen)
            assert chosen is not None
            yield {
                "set": name,
                "cut": number,
                "probe": probe,
                "score": trial.score,
                "arm": arm,
                "chosen": done.metrics.search.chosen if arm == "auto" else f"{'+'.join(map(str, _names(tree)))} {mix}",
                "gain": gains[trial.chosen],
                "interval": sorted(sign * end for end in chosen.interval or (0.0, 0.0)),
                "others": {one: gain for one, gain in gains.items() if one not in ("none", trial.chosen)},
                "tried": sum(bool(one.values) for one in done.metrics.search.candidates),
                "seeds": done.metrics.search.seeds,
                "cpu": cpu_seconds() - started,
            }


def _names(tree: dict[str, Any]) -> list[str]:
    return [one if isinstance(one, str) else one["use"] for one in tree["generators"]]


def run(options: argparse.Namespace) -> None:
    """Measure what is missing, small tables first."""
    _, sets = load_sets()
    aside = {name: about for name, about in sets.items() if is_kept_aside(about["family"])}
    rows = json.loads(FOUND.read_text()) if FOUND.exists() else []
    done = {(row["set"], row["cut"], row["probe"]) for row in rows}
    ends = time.monotonic() + 60 * options.minutes
    for number in range(options.cuts):
        for name in options.sets or choose(aside, None, options.families):
            about = sets[name]
            if (name, number, options.probe) in done or time.monotonic() > ends:
                continue
            rows += measure(name, about, number, options.probe)
            FOUND.write_text(json.dumps(rows, indent=0))
            for row in rows[-2:]:
                print(
                    f"{name}, cut {number}, {row['arm']}: {row['chosen']}, {row['gain']:+.3f}, {row['cpu']:.0f} CPU-s",
                    flush=True,
                )


def show() -> None:
    """Tables in Markdown."""
    rows = pd.DataFrame(json.loads(FOUND.read_text()))
    for (probe, score), part in rows.groupby(["probe", "score"]):
        print(f"\n{probe}, {score}\n\n| table | `auto` chose | `auto` | `init` | threshold | CPU-s of `auto`, `init` |")
        print("|---|---|---|---|---|---|")
        ways = pd.DataFrame({"auto": part[part["arm"] == "auto"].groupby("set")["gain"].mean()})
        init = part[part["arm"] == "init"]
        ways["init"] = init.groupby("set")["gain"].mean()
        others = pd.DataFrame(init["others"].tolist(), index=init["set"]).groupby("set").mean()
        ways = ways.join(others)
        for name, of_set in part.groupby("set"):
            auto = of_set[of_set["arm"] == "auto"]
            cpu = of_set.groupby("arm")["cpu"].mean()
            cells = [name, ", ".join(auto["chosen"]), f"{ways['auto'][name]:+.3f}", f"{ways['init'][name]:+.3f}"]
            print(
                "| "
                + " | ".join([*cells, f"{ways['threshold'][name]:+.3f}", f"{cpu['auto']:.0f}, {cpu['init']:.0f}"])
                + " |"
            )
        print("\n| way | mean gain | standard error over tables | worst table | mean rank |\n|---|---|---|---|---|")
        ways["none"] = 0.0
        ways = ways.dropna(axis=1)
        ranks = ways.rank(axis=1, ascending=False).mean()
        for way in ranks.sort_values().index:
            gains = ways[way]
            error = gains.std(ddof=1) / np.sqrt(len(gains))
            print(f"| {way} | {gains.mean():+.4f} | {error:.4f} | {gains.min():+.3f} | {ranks[way]:.2f} |")
        below = sum(row["interval"][1] < 0 for _, row in part[part["arm"] == "auto"].iterrows())
        print(f"\n{below} of {len(part) // 2} intervals of `auto` lie entirely below 0.")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["run", "show"])
    parser.add_argument("--sets", nargs="*")
    parser.add_argument("--families", type=int, default=12)
    parser.add_argument("--cuts", type=int, default=2)
    parser.add_argument("--probe", default="boosting")
    parser.add_argument("--minutes", type=float, default=10**6)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    if options.what == "run":
        run(options)
    else:
        show()


if __name__ == "__main__":
    main()
