"""Measures whether `rows: auto` does no harm, and how it compares with fixed choices, on small real datasets.

    AUGMENT_DATA=... python bench/auto.py [--seeds N] [--only NAME ...] [--minutes M]

For each dataset and seed another training part is drawn and another hold-out, as large as the data allows. A run with
`rows: auto` and one for each fixed choice share both; each is judged by its own trial on the hold-out. What is shown
is the difference to no augmentation, in the direction that is better, with its 95 % interval over the seeds
(Student). Finished seeds are kept in bench/results/auto.json, so that the work may be done in pieces. Datasets that
need files are skipped, and said so, where AUGMENT_DATA (by default ../shared/data) has none.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import resource
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

import augment
from augment.errors import BelowMinimum
from augment.plugin import TrialResult

DATA = Path(os.environ.get("AUGMENT_DATA", "../shared/data"))
RESULTS = Path(__file__).parent / "results"
ROWS = RESULTS / "auto.json"

TABLE = {"generators": ["smote", "anchored"], "filters": []}
BOOSTING = {"probe": {"use": "boosting", "with": {"max_iter": 60}}, "score": "roc_auc", "seeds": 5}
LOGISTIC = {**BOOSTING, "probe": "logistic"}
WORDS = {"probe": "tfidf", "score": "macro_f1", "seeds": 5}
KERNELS = {"probe": "kernels", "score": "accuracy", "seeds": 5}
IMAGE = {"generators": ["albumentations"], "filters": []}
TEXT = {"generators": ["text-edits"], "filters": []}
SERIES = {"generators": ["series-edits"], "filters": []}
CNN = {"probe": {"use": "cnn", "with": {"steps": 150}}, "score": "balanced_accuracy", "seeds": 3}
QUICK = {"amounts": ["balance", "1x", "5x"]}  # pictures: fewer amounts than by default


def sklearn(name: str, **options: Any) -> dict[str, Any]:
    return {"source": {"use": "sklearn", "with": {"dataset": name, **options}}}


def adult(folder: Path, rows: int, seed: int) -> dict[str, Any]:
    """So many training rows of Adult, and 4,000 to judge by."""
    table = pd.read_csv(DATA / "table/adult.csv").sample(rows + 4000, random_state=seed)
    table.to_csv(folder / "adult.csv", index=False)
    source = {"use": "csv", "with": {"path": str(folder / "adult.csv")}}
    return {"source": source, "schema": {"target": "income"}, "split": {"holdout": 4000 / (rows + 4000)}}


def mnist(folder: Path, rows: dict[int, int], seed: int) -> dict[str, Any]:
    """So many training images of each digit; the hold-out has as many times more of each as makes 2,000."""
    place = DATA / "image/mnist"
    raw = [gzip.decompress((place / f"train-{name}-ubyte.gz").read_bytes()) for name in ("images-idx3", "labels-idx1")]
    images, labels = (np.frombuffer(raw[at], np.uint8, offset=start) for at, start in enumerate((16, 8)))
    rng, times = np.random.default_rng(seed), 1 + round(2000 / sum(rows.values()))
    chosen = [rng.permutation(np.flatnonzero(labels == digit))[: count * times] for digit, count in rows.items()]
    kept = np.concatenate(chosen)
    np.savez(folder / "mnist.npz", image=images.reshape(-1, 28, 28, 1)[kept], digit=labels[kept].astype(str))
    source = {"use": "npz", "with": {"path": str(folder / "mnist.npz")}}
    return {"source": source, "schema": {"target": "digit"}, "split": {"holdout": 1 - 1 / times}}


def texts(folder: Path, table: pd.DataFrame, rows: dict[str, int], times: int, seed: int) -> dict[str, Any]:
    """So many training texts of each class, and `times` as many to judge by."""
    parts = [
        table[table["label"] == label].sample((times + 1) * count, random_state=seed) for label, count in rows.items()
    ]
    pd.concat(parts).to_csv(folder / "texts.csv", index=False)
    source = {"use": "csv", "with": {"path": str(folder / "texts.csv")}}
    schema = {"target": "label", "columns": {"text": {"type": "text"}}}
    return {"source": source, "schema": schema, "split": {"holdout": times / (times + 1)}}


def sms(folder: Path, seed: int) -> dict[str, Any]:
    table = pd.read_csv(DATA / "text/SMSSpamCollection.tsv", sep="\t", quoting=3, names=["label", "text"])
    table = table[table["label"].isin(["ham", "spam"])].drop_duplicates("text")
    return texts(folder, table, {"ham": 500, "spam": 70}, 7, seed)


def trec(folder: Path, seed: int) -> dict[str, Any]:
    lines = (DATA / "text/TREC.train.all").read_text(encoding="latin-1").splitlines()
    table = pd.DataFrame([line.split(maxsplit=1) for line in lines if line.strip()], columns=["label", "text"])
    table = table.drop_duplicates("text")
    times = 8
    counts = (table["label"].value_counts() * 500 / len(table)).astype(int)
    return texts(folder, table, counts.to_dict(), times, seed)


def ucr(folder: Path, name: str, rows: int, seed: int) -> dict[str, Any]:
    """So many training series of each class of the archive's two parts taken together; the others judge."""
    lines = [(DATA / f"series/ucr_{name}/{name}_{part}.ts").read_text().splitlines() for part in ("TRAIN", "TEST")]
    head, series = (
        [line for line in lines[0] if line[:1] in "#@"],
        [one for part in lines for one in part if one[:1] not in "#@"],
    )
    labels = np.array([one.rsplit(":", 1)[1] for one in series])
    num_each = np.unique(labels, return_counts=True)[1].min()
    rng = np.random.default_rng(seed)
    kept = np.concatenate([rng.permutation(np.flatnonzero(labels == label))[:num_each] for label in np.unique(labels)])
    (folder / "series.ts").write_text("\n".join([*head, *(series[row] for row in kept)]) + "\n")
    source = {"use": "ts", "with": {"path": str(folder / "series.ts")}}
    return {"source": source, "split": {"holdout": 1 - rows / num_each}}


def datasets() -> dict[str, Any]:
    """Name to a function of (folder, seed) that gives the pipeline without its mix."""
    half, lopsided = {"split": {"holdout": 0.5}}, {"imbalance": {"malignant": 60}}
    multi = {**BOOSTING, "score": "log_loss"}
    found = {
        "breast cancer, lopsided": lambda f, s: {
            **sklearn("breast-cancer", **lopsided), **half, **TABLE, "trial": BOOSTING,
        },
        "wine": lambda f, s: {**sklearn("wine"), **half, **TABLE, "trial": multi},
        "iris": lambda f, s: {**sklearn("iris"), **half, **TABLE, "trial": {**BOOSTING, "score": "balanced_accuracy"}},
        "diabetes (a number)": lambda f, s: {
            **sklearn("diabetes"), **half, "generators": ["anchored"], "filters": [],
            "trial": {"probe": BOOSTING["probe"], "score": "r2", "seeds": 5},
        },
        "digits, 300 images": lambda f, s: {**sklearn("digits"), "split": {"holdout": 0.833}, **IMAGE, "trial": CNN},
        "Adult, 100 rows": lambda f, s: {**adult(f, 100, s), **TABLE, "trial": BOOSTING},
        "Adult, 500 rows": lambda f, s: {**adult(f, 500, s), **TABLE, "trial": BOOSTING},
        "Adult, 500 rows, logistic regression": lambda f, s: {**adult(f, 500, s), **TABLE, "trial": LOGISTIC},
        "Adult, 2,000 rows": lambda f, s: {**adult(f, 2000, s), **TABLE, "trial": BOOSTING},
        "MNIST, 10 a class": lambda f, s: {**mnist(f, dict.fromkeys(range(10), 10), s), **IMAGE, "trial": CNN},
        "MNIST, 50 a class": lambda f, s: {**mnist(f, dict.fromkeys(range(10), 50), s), **IMAGE, "trial": CNN},
        "MNIST, 5 x 20 and 5 x 200": lambda f, s: {
            **mnist(f, {digit: 20 if digit < 5 else 200 for digit in range(10)}, s), **IMAGE, "trial": CNN,
        },
        "SMS, 70 of 570 are spam": lambda f, s: {**sms(f, s), **TEXT, "trial": WORDS},
        "TREC, 500 questions": lambda f, s: {**trec(f, s), **TEXT, "trial": {**WORDS, "score": "accuracy"}},
        "ItalyPowerDemand, 10 a class": lambda f, s: {**ucr(f, "ItalyPowerDemand", 10, s), **SERIES, "trial": KERNELS},
        "GunPoint, 10 a class": lambda f, s: {**ucr(f, "GunPoint", 10, s), **SERIES, "trial": KERNELS},
    }  # fmt: skip
    needs = {
        "Adult": DATA / "table/adult.csv",
        "MNIST": DATA / "image/mnist/train-images-idx3-ubyte.gz",
        "SMS": DATA / "text/SMSSpamCollection.tsv",
        "TREC": DATA / "text/TREC.train.all",
        **{name: DATA / f"series/ucr_{name}/{name}_TRAIN.ts" for name in ("ItalyPowerDemand", "GunPoint")},
    }
    for name in list(found):
        file = needs.get(name.split(",")[0])
        if file is not None and not file.is_file():
            print(f"skipped: {name} ({file} is not there)")
            del found[name]
    return found


def gain(trial: TrialResult, arm: str) -> float:
    """What an arm gains over real rows alone, in the direction that is better."""
    sign = 1 if trial.better == "higher" else -1
    return next(sign * one.difference for one in trial.arms if one.id == arm)


def run(tree: dict[str, Any], mix: dict[str, Any], seed: int, out: Path) -> Any:
    tree = {
        "name": "bench",
        "metrics": [],
        "reporters": [],
        "shortfall": "warn",
        "sinks": ["npz" if {"cnn", "kernels"} & set(str(tree).split("'")) else "csv"],
        **tree,
    }
    try:
        return augment.run({**tree, "mix": mix}, seed=seed, out=out, workers=0)
    except BelowMinimum as error:
        return error.run


def measured(name: str, make: Any, seed: int) -> Iterator[dict[str, Any]]:
    """`auto` and the fixed choices on one training part."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        tree = make(folder, seed)
        search = QUICK if "cnn" in str(tree) else {}
        done = run(tree, {"rows": "auto", "search": search}, seed, folder / "auto")
        trial = done.metrics.trial
        chosen = next(arm for arm in trial.arms if arm.id == trial.chosen)
        sign = 1 if trial.better == "higher" else -1
        interval = sorted(sign * end for end in chosen.interval or (0.0, 0.0))
        facts = {"dataset": name, "seed": seed, "score": trial.score}
        yield {**facts, "choice": "auto", "gain": gain(trial, chosen.id), "interval": interval,
               "chosen": done.metrics.search.chosen}  # fmt: skip
        for arm in ("class-weights", "oversampling"):
            if any(one.id == arm for one in trial.arms):
                yield {**facts, "choice": arm, "gain": gain(trial, arm)}
        for rows in ("balance", "1x", "5x"):
            if rows == "balance" and trial.score == "r2":
                continue
            counts = done.metrics.classes.train.values()
            if rows == "balance" and len(set(counts)) == 1:
                continue  # nothing to fill up: the same as none
            trial_fixed = run(tree, {"rows": rows}, seed, folder / rows).metrics.trial
            several = len(tree["generators"]) > 1
            for one in trial_fixed.arms:
                generator = one.id if one.id != "synthetic" else "blend" if several else None
                if one.id in ("none", "class-weights", "oversampling"):
                    continue
                if generator is None:
                    only = tree["generators"][0]
                    generator = only if isinstance(only, str) else only["use"]
                yield {**facts, "choice": f"{generator}, {rows}", "gain": gain(trial_fixed, one.id)}


def summary(rows: pd.DataFrame) -> str:
    """The tables of results as Markdown."""
    auto = rows[rows["choice"] == "auto"]
    lines = [
        "| dataset | score | seeds | `auto`: mean gain (95 %) | wholly below 0 | chosen | best fixed choice here |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for name, part in auto.groupby("dataset", sort=False):
        gains = part["gain"].to_numpy()
        spread = (
            stats.t.ppf(0.975, len(gains) - 1) * gains.std(ddof=1) / len(gains) ** 0.5 if len(gains) > 1 else np.nan
        )
        below = sum(interval[1] < 0 for interval in part["interval"])
        names = part["chosen"].value_counts()
        chosen = ", ".join(f"{choice} ({count})" if count > 1 else choice for choice, count in names.items())
        fixed = rows[(rows["dataset"] == name) & (rows["choice"] != "auto")].groupby("choice")["gain"].mean()
        score = part["score"].iloc[0]
        lines.append(
            f"| {name} | {score} | {len(part)} | {gains.mean():+.4f} (± {spread:.4f}) | {below} | {chosen} "
            f"| {fixed.idxmax()} {fixed.max():+.4f} |"
        )
    means = rows.pivot_table(index="choice", columns="dataset", values="gain")
    lines += [
        "",
        "| choice | mean gain over the datasets where it can be made | worst dataset | datasets | `auto` on those |",
        "| --- | --- | --- | --- | --- |",
    ]
    for choice, part in sorted(means.iterrows(), key=lambda item: -item[1].mean()):
        known = part.dropna()
        worst, same = f"{known.min():+.4f} ({known.idxmin()})", means.loc["auto", known.index].mean()
        lines.append(f"| {choice} | {known.mean():+.4f} | {worst} | {len(known)} | {same:+.4f} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--only", nargs="*", default=[])
    parser.add_argument("--minutes", type=float, default=1e9, help="CPU minutes after which no dataset is begun")
    options = parser.parse_args()
    RESULTS.mkdir(exist_ok=True)
    rows = json.loads(ROWS.read_text()) if ROWS.is_file() else []
    known = {(row["dataset"], row["seed"]) for row in rows}
    for seed in range(options.seeds):
        for name, make in datasets().items():
            if (name, seed) in known or (options.only and name not in options.only):
                continue
            used = resource.getrusage(resource.RUSAGE_SELF)
            if used.ru_utime + used.ru_stime > 60 * options.minutes:
                break
            rows += measured(name, make, seed)
            ROWS.write_text(json.dumps(rows, indent=0))
            after = resource.getrusage(resource.RUSAGE_SELF)
            seconds = after.ru_utime + after.ru_stime - used.ru_utime - used.ru_stime
            print(f"{name}, seed {seed}: {seconds:.0f} CPU-s", flush=True)
    print(summary(pd.DataFrame(rows)))


if __name__ == "__main__":
    main()
