"""Measures generators for tables, ours and peers side by side: what they cost, how like their rows are, what for.

    AUGMENT_DATA=DIR python bench/tables.py [full|lowdata|large] [--sets ...] [--only ...] [--seeds 3] [--quick]

`full`: a generator learns from all training rows of a table and makes as many; classifiers trained on these, alone or
beside the real ones, are judged on real test rows. Every fit has a process of its own, one thread, and its CPU time is
what counts: wall time on a busy machine says nothing.
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
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from league import load_sets
from peers.environments import python_with
from sklearn import datasets
from sklearn.model_selection import train_test_split
from table_makers import MAKERS, read
from table_scores import Judge, copies

HERE = Path(__file__).resolve().parent
SDV = ("bench-peers", "ctgan==0.12.1", "sdv==2.0.0")
SCORES = ("bench-table-scores", "sdmetrics", "arfpy==0.1.1", "numpy<2.4")  # without torch
PLACES = {"CTGAN": SDV, "TVAE": SDV, "GaussianCopula": SDV, "ARF": SCORES, "likeness": SCORES}
PEERS = ("CTGAN", "TVAE", "GaussianCopula", "ARF")
OURS = ("trees", "rnn", "vae", "gan", "smote", "anchored")
LARGE, LARGE_ROWS = "adult, large", 500_000
SPEED_ROWS, CHUNK = 100_000, 4_096  # the host asks for so many rows a call
LOW_MAKERS = ("bootstrap", "SMOTENC", "anchored")
TIMES = (5, 20)  # how many rows are added for each real one
JUDGES = ("boosting", "small boosting", "logistic")
TITLES = {"adult": "Adult", "breast-cancer": "Breast cancer", "diabetes": "Diabetes", "digits": "Digits: an eight?"}
TITLES |= {name: name.capitalize() for name in ("australian", "crx", "german", "heart", "mammographic", "phoneme")}
TITLES |= {"saheart": "South African heart disease", "twonorm": "Twonorm"}
TITLES[LARGE] = f"Adult, {LARGE_ROWS:,} rows to learn from"


@dataclass(frozen=True)
class Table:
    """Real rows, apart in training and test rows."""

    train: pd.DataFrame
    test: pd.DataFrame
    discrete: list[str]
    target: str
    without: tuple[str, ...] = ()  # left out when near copies are counted: what tells nearly every row from all others


def adult(seed: int) -> Table:
    """Census income, 32,561 rows of 15 columns; always the same test rows."""
    path = Path(os.environ.get("AUGMENT_DATA", "../shared/data")) / "table" / "adult.csv"
    if not path.exists():
        raise FileNotFoundError(f"{path} is not there: set AUGMENT_DATA to the folder that holds table/adult.csv")
    frame = pd.read_csv(path, skipinitialspace=True, keep_default_na=False)
    discrete = [name for name in frame if not pd.api.types.is_numeric_dtype(frame[name])]
    return _parted(frame.astype(dict.fromkeys(discrete, object)), discrete, "income", 0.25, 0, ("fnlwgt",))


def breast_cancer(seed: int) -> Table:
    """569 rows of 30 numbers, most of which nearly follow from others."""
    frame = datasets.load_breast_cancer(as_frame=True).frame
    return _parted(_labelled(frame, frame["target"] == 0, "malignant", "benign"), ["target"], "target", 0.5, seed)


def diabetes(seed: int) -> Table:
    """442 rows of nine numbers and the sex: is the disease, a year later, worse than in half of the patients?"""
    frame = datasets.load_diabetes(as_frame=True, scaled=False).frame
    frame["sex"] = np.where(frame["sex"] == 1, "one", "other").astype(object)
    worse = frame["target"] > frame["target"].median()
    return _parted(_labelled(frame, worse, "worse", "better"), ["sex", "target"], "target", 0.5, seed)


def digits(seed: int) -> Table:
    """1,797 rows of 64 whole numbers: is the digit an eight?"""
    frame = datasets.load_digits(as_frame=True).frame
    return _parted(_labelled(frame, frame["target"] == 8, "eight", "other"), ["target"], "target", 0.4, seed)


def of_league(name: str, seed: int) -> Table:
    """A table of the league with two classes, 30 % of its rows to judge by."""
    folder, about = load_sets()
    frame = read(str(folder / f"{name}.csv"), about[name]["discrete"])
    return _parted(frame, about[name]["discrete"], about[name]["target"], 0.3, seed)


def _labelled(frame: pd.DataFrame, is_one: pd.Series, one: str, other: str) -> pd.DataFrame:
    return frame.assign(target=np.where(is_one, one, other).astype(object))


def _parted(
    frame: pd.DataFrame, discrete: list[str], target: str, share: float, seed: int, without: tuple[str, ...] = ()
) -> Table:
    train, test = train_test_split(frame, test_size=share, random_state=seed, stratify=frame[target])
    return Table(train.reset_index(drop=True), test.reset_index(drop=True), discrete, target, without)


LEAGUE = ("australian", "crx", "german", "heart", "mammographic", "phoneme", "saheart", "twonorm")
SETS: dict[str, Callable[[int], Table]] = {
    "adult": adult,
    "breast-cancer": breast_cancer,
    "diabetes": diabetes,
    "digits": digits,
    **{name: functools.partial(of_league, name) for name in LEAGUE},
}
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


def measure_full(name: str, maker: str, seed: int, quick: bool, folder: Path) -> dict[str, float]:
    """All figures of one generator on one table with one seed."""
    table, judge, real = judged(name, seed)
    train_path, made_path = str(folder / "train.csv"), str(folder / "made.csv")
    table.train.to_csv(train_path, index=False)
    num_rows = len(table.train)
    if maker == "SMOTENC":  # each call searches all neighbours anew: it is asked once, for what is judged
        requests = [{"rows": num_rows, "label": None, "chunk": None, "out": made_path}]
    else:
        speed_rows = num_rows if quick else SPEED_ROWS
        requests = [{"rows": speed_rows, "label": None, "chunk": chunk, "out": None} for chunk in (None, CHUNK)]
        requests.append({"rows": num_rows, "label": None, "chunk": None, "out": made_path})
    fit = {"train": train_path, "discrete": table.discrete, "target": table.target, "seed": seed, "requests": requests}
    epochs = 1 if quick else 30 if num_rows > 10_000 else 300
    (answer,) = call({"maker": maker, "epochs": epochs, "fits": [fit]}, folder)
    rates = [request["rows"] / max(spent, 1e-9) for request, spent in zip(requests, answer["requests"], strict=True)]
    made = read(made_path, table.discrete)
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
    job = {"maker": "likeness", "real": train_path, "synthetic": made_path, "discrete": table.discrete}
    return figures | call(job, folder)


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

    for maker in [maker for maker in ("rnn", "vae", "gan") if maker in runs]:
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


FULL_SAYS = """The generators of augment are in bold. Values are means ± standard deviation over seeds. CTGAN and
TVAE are trained for 30 epochs on Adult and for 300 on the other datasets. One thread; CPU seconds, not wall time."""
LOW_SAYS = """The first row contains the scores with real rows alone. The other rows show the change from adding
synthetic rows: the mean paired difference over seeds, its standard error, and the number of seeds in which the AUC
increased. A lower log loss is better. `5x` adds five rows per real one in the real class proportions; `balance` adds
rows of the rare class until both classes are equal."""


def write(results: dict[str, Any], folder: Path) -> None:
    """Keep the results, and show them."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "tables.json").write_text(json.dumps(results, indent=1, sort_keys=True) + "\n")
    parts = ["# Generators for tables", "", "Made by `bench/tables.py`; its docstring explains the figures."]
    if "full" in results:
        parts += ["", FULL_SAYS, full_tables(results["full"])]
    if "lowdata" in results:
        parts += ["", "# Few rows", "", LOW_SAYS, low_tables(results["lowdata"])]
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
        plan = itertools.product(sets, [maker for maker in MAKERS if maker in only], seeds)
        for name, maker, seed in plan:
            with tempfile.TemporaryDirectory() as folder:
                try:
                    if name == LARGE:
                        figures = measure_large(maker, seed, asked.quick, Path(folder))
                    else:
                        figures = measure_full(name, maker, seed, asked.quick, Path(folder))
                except FileNotFoundError as error:
                    print(f"skipped: {error}", flush=True)
                    continue
            print(name, maker, seed, {figure: round(value, 4) for figure, value in figures.items()}, flush=True)
            results.setdefault("full", {}).setdefault(name, {}).setdefault(maker, {})[str(seed)] = figures
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
