"""Measures generators for tables, ours and peers side by side: what they cost, how like their rows are, what for.

    AUGMENT_DATA=DIR python bench/tables.py [full|lowdata|large] [--sets ...] [--only ...] [--seeds 3] [--quick]

`full`: a generator learns from all training rows of a table and makes as many; classifiers trained on these, alone or
beside the real ones, are judged on real test rows. A generator's fits on a table, one a seed, share a process with one
thread. Their CPU time is what counts: wall time on a busy machine says nothing. The peak of memory is the process's.
`lowdata`: it learns from few rows, and what it makes is added to them; the gain over the real rows alone is paired over
seeds, each with few rows of its own.
`large`: what 500,000 rows cost: Adult's training rows drawn with replacement, their first column drawn anew.

Peers are installed in virtual environments of their own below build/. One of them has sdmetrics, whose quality report
compares the columns ("shapes") and the pairs of columns of synthetic and training rows. Adult is read from
AUGMENT_DATA/table/adult.csv, and skipped where that is not; other tables come with scikit-learn, and eight with two
classes are from the league. Results are kept
in bench/results/tables.json, where a new measurement replaces the one of the same name, and shown in tables.md.
"""

from __future__ import annotations

import argparse
import functools
import itertools
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from peers.environments import python_with
from sklearn.model_selection import train_test_split
from table_makers import MAKERS, read
from table_scores import Judge, copies
from table_sets import LEAGUE, SETS, TITLES, Table
from tables_text import FULL_SAYS, LOW_SAYS, TRIED

HERE = Path(__file__).resolve().parent
SDV = ("bench-peers", "ctgan==0.12.1", "sdv==2.0.0")
SCORES = ("bench-table-scores", "sdmetrics", "arfpy==0.1.1", "numpy<2.4")  # without torch
FLOW = ("bench-forest-flow", "ForestDiffusion==1.0.6")
PLACES = {"CTGAN": SDV, "TVAE": SDV, "GaussianCopula": SDV, "ARF": SCORES, "ForestFlow": FLOW, "likeness": SCORES}
PEERS = ("CTGAN", "TVAE", "GaussianCopula", "ARF", "ForestFlow")
OURS = ("trees", "rnn", "vae", "gan", "smote", "anchored")
LARGE, LARGE_ROWS = "adult, large", 500_000
SPEED_ROWS, CHUNK = 100_000, 4_096  # the host asks for so many rows a call
# each call of SMOTENC seeks all neighbours anew, and others make few rows a second: they make only what is judged
SLOW_TO_SAMPLE = ("SMOTENC", "ARF", "ForestFlow")
LOW_MAKERS = ("bootstrap", "SMOTENC", "anchored")
TIMES = (5, 20)  # how many rows are added for each real one
JUDGES = ("boosting", "small boosting", "logistic")
TITLES = TITLES | {LARGE: f"Adult, {LARGE_ROWS:,} rows to learn from"}


FULL_SETS = ("adult", "breast-cancer", "diabetes", *LEAGUE)
LOW_SETTINGS = {  # name -> rows, share of the rarer label (None: as it is)
    "adult, 200 rows": ("adult", 200, None),
    "adult, 500 rows": ("adult", 500, None),
    "adult, 1,000 rows, 2 % positive": ("adult", 1_000, 0.02),
    "diabetes, 200 rows": ("diabetes", 200, None),
    "digits, 500 rows": ("digits", 500, None),
    "digits, 900 rows, 2 % positive": ("digits", 900, 0.02),
}


def call(job: dict[str, Any], folder: Path) -> Any:
    """The answer of `table_makers.py` to a job, in a process of its own."""
    python = python_with(*PLACES[job["maker"]]) if job["maker"] in PLACES else Path(sys.executable)
    (folder / "job.json").write_text(json.dumps(job | {"out": str(folder / "answer.json")}))
    threads = {"OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE", "TQDM_DISABLE": "1"}
    command = [python, HERE / "table_makers.py", folder / "job.json"]
    subprocess.run(command, env=os.environ | threads, check=True, stdout=subprocess.DEVNULL)
    return json.loads((folder / "answer.json").read_text())


@functools.cache
def judged(name: str, seed: int) -> tuple[Table, Judge, float]:
    """A table, its judge, and the judge's AUC after training on the real rows."""
    table = SETS[name](seed)
    judge = Judge("boosting", table.train, table.test, table.discrete, table.target)
    return table, judge, judge(table.train)["auc"]


def measure_full(name: str, maker: str, seeds: Iterable[int], quick: bool, folder: Path) -> dict[str, dict[str, float]]:
    """All figures of one generator on one table: seed to figures."""
    fits, pairs = [], []
    for seed in seeds:
        table, _, _ = judged(name, seed)
        train_path, made_path = str(folder / f"train-{seed}.csv"), str(folder / f"made-{seed}.csv")
        table.train.to_csv(train_path, index=False)
        num_rows = len(table.train)
        requests = [{"rows": num_rows, "label": None, "chunk": None, "out": made_path}]
        if maker not in SLOW_TO_SAMPLE:
            speed_rows = num_rows if quick else SPEED_ROWS
            speeds = [{"rows": speed_rows, "label": None, "chunk": chunk, "out": None} for chunk in (None, CHUNK)]
            requests = [*speeds, *requests]
        fit = {"train": train_path, "discrete": table.discrete, "target": table.target, "seed": seed}
        fits.append(fit | {"requests": requests})
        pairs.append([train_path, made_path])
    epochs = 1 if quick else 30 if num_rows > 10_000 else 300
    answers = call({"maker": maker, "epochs": epochs, "fits": fits}, folder)
    likeness = call({"maker": "likeness", "pairs": pairs, "discrete": table.discrete}, folder)
    return {
        str(fit["seed"]): figures_of_fit(name, fit, answer) | alike
        for fit, answer, alike in zip(fits, answers, likeness, strict=True)
    }


def figures_of_fit(name: str, fit: dict[str, Any], answer: dict[str, Any]) -> dict[str, float]:
    """What one fit cost, and what its rows are worth."""
    table, judge, real = judged(name, fit["seed"])
    spent = zip(fit["requests"], answer["requests"], strict=True)
    rates = [request["rows"] / max(seconds, 1e-9) for request, seconds in spent]
    made = read(fit["requests"][-1]["out"], table.discrete)
    figures = {
        "fit": answer["fit"],
        "rows a CPU-second": rates[0],
        "peak": answer["peak"],
        "synthetic only": judge(made)["auc"],
        "real + 1x": judge(pd.concat([table.train, made]))["auc"],
        "real": real,
        "copies": copies(table.train, made, table.discrete),
    }
    if len(rates) > 1:
        figures["rows a CPU-second, in chunks"] = rates[1]
    if table.without:
        figures["near copies"] = copies(table.train, made, table.discrete, table.without)
        figures["near copies, test rows"] = copies(table.train, table.test, table.discrete, table.without)
    return figures


def few_rows(table: Table, num_rows: int, share: float | None, seed: int) -> pd.DataFrame:
    """Some of the training rows; with a share, so many of the rarer label."""
    if share is None:
        few, _ = train_test_split(
            table.train, train_size=num_rows, random_state=seed, stratify=table.train[table.target]
        )
        return few.reset_index(drop=True)
    rng = np.random.default_rng(seed)
    rare = table.train[table.target] == rarer(table.train[table.target])
    num_rare = round(share * num_rows)
    chosen = [
        rng.choice(np.flatnonzero(rare), num_rare, replace=False),
        rng.choice(np.flatnonzero(~rare), num_rows - num_rare, replace=False),
    ]
    return table.train.iloc[np.concatenate(chosen)].reset_index(drop=True)


def rarer(labels: pd.Series) -> str:
    """The label with the fewest rows."""
    return str(labels.value_counts().index[-1])


def measure_low(setting: str, seed: int, makers: Iterable[str], folder: Path) -> dict[str, dict[str, Any]]:
    """Scores on each arm by each judge: arm -> judge -> auc and loss."""
    name, num_rows, share = LOW_SETTINGS[setting]
    table = SETS[name](seed)
    few = few_rows(table, num_rows, share, seed)
    few.to_csv(folder / "few.csv", index=False)
    label = None if share is None else rarer(few[table.target])
    arms = {"real": few}
    for maker in makers:
        if share is None:
            amounts = {f"{maker}, {times}x": times * num_rows for times in TIMES}
        elif maker not in PEERS:  # those make rows of no label that one asks for
            amounts = {f"{maker}, balance": num_rows - 2 * round(share * num_rows)}
        else:
            continue
        fit = {"train": str(folder / "few.csv"), "discrete": table.discrete, "target": table.target, "seed": seed}
        fit["requests"] = [
            {"rows": rows, "label": label, "chunk": None, "out": str(folder / f"{arm}.csv")}
            for arm, rows in amounts.items()
        ]
        call({"maker": maker, "epochs": 300, "fits": [fit]}, folder)
        for arm in amounts:
            arms[arm] = pd.concat([few, read(str(folder / f"{arm}.csv"), table.discrete)], ignore_index=True)
    scores: dict[str, dict[str, Any]] = {arm: {} for arm in ["real", "class weights", *arms]}
    for kind in JUDGES:
        judge = Judge(kind, few, table.test, table.discrete, table.target)
        for arm, rows in arms.items():
            scores[arm][kind] = judge(rows)
        scores["class weights"][kind] = judge(few, "balanced")
    return scores


def measure_large(maker: str, seed: int, quick: bool, folder: Path) -> dict[str, float]:
    """What one generator costs on many rows, and what a classifier learns from as many synthetic ones as Adult has."""
    table, judge, real = judged("adult", 0)
    num_rows = 5_000 if quick else LARGE_ROWS
    rng = np.random.default_rng(seed)
    many = table.train.iloc[rng.integers(0, len(table.train), num_rows)].reset_index(drop=True)
    many["fnlwgt"] = rng.permutation(many["fnlwgt"].to_numpy() + rng.integers(-500, 500, num_rows))
    many.to_csv(folder / "train.csv", index=False)
    requests = [{"rows": num_rows, "label": None, "chunk": CHUNK, "out": None}]
    requests.append({"rows": len(table.train), "label": None, "chunk": None, "out": str(folder / "made.csv")})
    fit = {"train": str(folder / "train.csv"), "discrete": table.discrete, "target": table.target, "seed": seed}
    (answer,) = call({"maker": maker, "epochs": 1 if quick else 30, "fits": [fit | {"requests": requests}]}, folder)
    return {
        "fit": answer["fit"],
        "rows a CPU-second, in chunks": num_rows / max(answer["requests"][0], 1e-9),
        "peak": answer["peak"],
        "synthetic only": judge(read(str(folder / "made.csv"), table.discrete))["auc"],
        "real": real,
    }


def spread(values: list[float], form: Callable[[float], str]) -> str:
    """Mean, and standard deviation where there are several."""
    mean = form(float(np.mean(values)))
    return f"{mean} ± {form(float(np.std(values, ddof=1)))}" if len(values) > 1 else mean


def full_tables(results: dict[str, Any]) -> str:
    """The figures of `full`, or of `large`, in Markdown."""
    forms: dict[str, tuple[str, Callable[[float], str]]] = {
        "fit": ("fit, CPU-s", lambda value: f"{value:.1f}"),
        "rows a CPU-second": ("rows per CPU-s, one call", lambda value: f"{value / 1e3:.1f}k"),
        "rows a CPU-second, in chunks": ("calls of 4,096", lambda value: f"{value / 1e3:.1f}k"),
        "peak": ("peak MB", lambda value: f"{value:.0f}"),
        "synthetic only": ("AUC, synthetic only", lambda value: f"{value:.4f}"),
        "real + 1x": ("AUC, real + 1x", lambda value: f"{value:.4f}"),
        "shapes": ("shapes", lambda value: f"{value:.3f}"),
        "pairs": ("pairs", lambda value: f"{value:.3f}"),
        "copies": ("exact copies", lambda value: f"{value:.2%}"),
        "near copies": ("equal but for fnlwgt", lambda value: f"{value:.3f}"),
    }
    text = []
    for name in [name for name in (*FULL_SETS, LARGE) if name in results]:
        runs = results[name]
        order = [maker for maker in (*OURS, *PEERS, "SMOTENC", "bootstrap") if maker in runs]
        shown = [figure for figure in forms if any(figure in run for maker in order for run in runs[maker].values())]
        everything = [run for maker in order for run in runs[maker].values()]
        says = f"Real rows alone: AUC {np.mean([run['real'] for run in everything]):.4f}."
        near = [run["near copies, test rows"] for run in everything if "near copies" in run]
        if near:
            says += f" Test rows equal to a training row but for fnlwgt: {near[0]:.3f}."
        text += ["", f"## {TITLES[name]}", "", says]
        text += ["", "| | seeds | " + " | ".join(forms[figure][0] for figure in shown) + " |"]
        text += ["|---|---|" + "---|" * len(shown)]
        for maker in order:
            of_maker = list(runs[maker].values())
            cells = []
            for figure in shown:
                values = [run[figure] for run in of_maker if figure in run]
                cells.append(spread(values, forms[figure][1]) if values else "-")
            text.append(
                f"| {'**' + maker + '**' if maker in OURS else maker} | {len(of_maker)} | " + " | ".join(cells) + " |"
            )
        text += ratios(runs)
    return "\n".join(text)


def league_means(results: dict[str, Any]) -> str:
    """What the generators cost and gain on the tables of the league, in Markdown."""
    text = ["", "## Means over the tables of the league", ""]
    text += ["Differences of AUC are to real rows alone. Means over other numbers of tables cannot be compared.", ""]
    text += [
        "| | tables | fit, CPU-s | AUC, synthetic only | AUC, real + 1x | shapes | pairs |",
        "|---|---|---|---|---|---|---|",
    ]
    for maker in (*OURS, *PEERS, "bootstrap"):
        runs = [list(results[name][maker].values()) for name in LEAGUE if maker in results.get(name, {})]
        if not runs:
            continue

        def mean(figure: str, less: str = "", runs: list[list[dict[str, float]]] = runs) -> float:
            return float(np.mean([np.mean([run[figure] - run.get(less, 0.0) for run in table]) for table in runs]))

        gains = " | ".join(f"{mean(figure, 'real'):+.4f}" for figure in ("synthetic only", "real + 1x"))
        likeness = " | ".join(f"{mean(figure):.3f}" for figure in ("shapes", "pairs"))
        name = f"**{maker}**" if maker in OURS else maker
        text.append(f"| {name} | {len(runs)} | {mean('fit'):.2f} | {gains} | {likeness} |")
    return "\n".join(text)


def ratios(runs: dict[str, Any]) -> list[str]:
    """How many times less a fit of ours costs than CTGAN's and TVAE's, and how many times more rows it makes."""
    peers = [maker for maker in ("CTGAN", "TVAE") if maker in runs]
    if not peers:
        return []
    lines = [
        "",
        "| times | " + " | ".join(f"cheaper to fit than {p} | quicker to sample than {p}" for p in peers) + " |",
    ]
    lines.append("|---|" + "---|---|" * len(peers))

    def mean(maker: str, figure: str) -> float:
        return float(np.mean([run[figure] for run in runs[maker].values()]))

    for maker in [maker for maker in ("trees", "rnn", "vae", "gan") if maker in runs]:
        cells = []
        for peer in peers:
            cells.append(f"{mean(peer, 'fit') / mean(maker, 'fit'):.1f}")
            cells.append(f"{mean(maker, 'rows a CPU-second') / mean(peer, 'rows a CPU-second'):.1f}")
        lines.append(f"| **{maker}** | " + " | ".join(cells) + " |")
    return lines


def low_tables(results: dict[str, Any]) -> str:
    """The gains of `lowdata` in Markdown."""
    text = []
    for setting in [setting for setting in LOW_SETTINGS if setting in results]:
        by_seed = list(results[setting].values())
        text += ["", f"## {setting[0].upper()}{setting[1:]} ({len(by_seed)} seeds)", ""]
        text += ["| | " + " | ".join(f"{kind}: AUC | log loss" for kind in JUDGES) + " |"]
        text += ["|---|" + "---|---|" * len(JUDGES)]
        order = ["real", "class weights", *MAKERS]
        for arm in sorted(by_seed[0], key=lambda arm: (order.index(arm.split(", ")[0]), len(arm))):
            cells = []
            for kind, figure in itertools.product(JUDGES, ("auc", "loss")):
                real, values = (np.array([s[which][kind][figure] for s in by_seed]) for which in ("real", arm))
                gains = values - real
                error = gains.std(ddof=1) / np.sqrt(len(gains)) if len(gains) > 1 else np.nan
                wins = f" {(gains > 0).sum()}/{len(gains)}" if figure == "auc" else ""
                cells.append(f"{values.mean():.4f}" if arm == "real" else f"{gains.mean():+.4f} ({error:.4f}){wins}")
            text.append(f"| {'**' + arm + '**' if arm.startswith('anchored') else arm} | " + " | ".join(cells) + " |")
    return "\n".join(text)


def write(results: dict[str, Any], folder: Path) -> None:
    """Keep the results, and show them."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "tables.json").write_text(json.dumps(results, indent=1, sort_keys=True) + "\n")
    parts = ["# Generators for tables", "", "Made by `bench/tables.py`; its docstring explains the figures."]
    if "full" in results:
        parts += ["", FULL_SAYS, league_means(results["full"]), full_tables(results["full"])]
    if "lowdata" in results:
        parts += ["", "# Few rows", "", LOW_SAYS, low_tables(results["lowdata"])]
    parts += ["", TRIED]
    (folder / "tables.md").write_text("\n".join(parts) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("mode", choices=["full", "lowdata", "large"], nargs="?", default="full")
    parser.add_argument("--sets", nargs="+", help="tables, or settings of few rows; all of them by default")
    parser.add_argument("--only", nargs="+", choices=sorted(MAKERS), help="generators; all of them by default")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--quick", action="store_true", help="the least that runs through; the figures mean nothing")
    parser.add_argument("--results", type=Path, default=HERE / "results")
    asked = parser.parse_args()
    place = asked.results / "tables.json"
    results = json.loads(place.read_text()) if place.exists() else {}
    seeds = range(asked.first_seed, asked.first_seed + asked.seeds)
    if asked.mode != "lowdata":
        sets = (LARGE,) if asked.mode == "large" else asked.sets or FULL_SETS
        only = asked.only or (("rnn", "vae", "gan") if asked.mode == "large" else set(MAKERS) - {"anchored"})
        for name, maker in itertools.product(sets, [maker for maker in MAKERS if maker in only]):
            with tempfile.TemporaryDirectory() as folder:
                try:
                    if name == LARGE:
                        by_seed = {str(seed): measure_large(maker, seed, asked.quick, Path(folder)) for seed in seeds}
                    else:
                        by_seed = measure_full(name, maker, seeds, asked.quick, Path(folder))
                except FileNotFoundError as error:
                    print(f"skipped: {error}", flush=True)
                    continue
            for seed, figures in by_seed.items():
                print(name, maker, seed, {figure: round(value, 4) for figure, value in figures.items()}, flush=True)
            results.setdefault("full", {}).setdefault(name, {}).setdefault(maker, {}).update(by_seed)
            write(results, asked.results)
    else:
        for setting, seed in itertools.product(asked.sets or LOW_SETTINGS, seeds):
            with tempfile.TemporaryDirectory() as folder:
                try:
                    scores = measure_low(setting, seed, asked.only or LOW_MAKERS, Path(folder))
                except FileNotFoundError as error:
                    print(f"skipped: {error}", flush=True)
                    continue
            print(
                setting, seed, {arm: round(of_arm["boosting"]["auc"], 4) for arm, of_arm in scores.items()}, flush=True
            )
            results.setdefault("lowdata", {}).setdefault(setting, {})[str(seed)] = scores
            write(results, asked.results)
    print((asked.results / "tables.md").read_text())


if __name__ == "__main__":
    main()
