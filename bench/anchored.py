"""Measures what a generator that moves real rows gains on small tables, and what it costs.

    AUGMENT_DATA=DIR python bench/anchored.py run NAME [--sets SET ...] [--seeds 6]
    python bench/anchored.py show

The training rows of a table are joined by 20 rows a real one from `anchored`, in the real class shares. The four models
of the league (bench/league.py) are trained on both together and judged on held-out rows, against the same model with
real rows alone. Adult: 200 and 500 rows, another draw for each seed, and always the same 8,141 test rows. Small tables
of the league: one cut, the first; larger ones: 250 rows to learn from, and up to 2,500 to judge by, which makes less
chance of it.

NAME says which version of `anchored` was measured: to compare two, `run` each from its own checkout. Results are kept
in bench/results/anchored.json and shown, paired, in anchored.md. CPU-seconds are those of one thread.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import tabebm
from league import KINDS, RESULTS, Model, cut, load_sets, score
from sklearn.model_selection import train_test_split
from table_makers import as_labels, read
from table_sets import adult
from tables import few_rows

ROWS = RESULTS / "anchored.json"
TIMES = 20  # rows a real one
FIRST_SEED = 20  # those before were used while it was made
SETS = (
    *("heart", "saheart", "Pima.te", "birthwt", "glass0", "glass2", "sonar", "ionosphere", "german", "crx"),
    *("cleveland", "abalone9-18", "winequality-red-8_vs_6", "wisconsin"),
)
LARGER = (
    *("phoneme", "magic", "german", "mammographic", "contraceptive", "twonorm", "page-blocks0", "spambase", "ring"),
    "winequality-red-4",
)
LEARNT, JUDGED, SEED_OF_LARGER = 250, 2_500, 5
FIGURES = {"auc": "ROC AUC", "balanced at prior": "balanced accuracy, threshold at the prior", "loss": "log loss"}
SAYS = """# Moved rows for small tables

Made by `bench/anchored.py`; its docstring explains the figures.

What a model gains when 20 rows a real one are added: the mean difference to real rows alone, its standard error, and in
how many draws or tables it is above zero. Positive is better, also for log loss, which is corrected for the prior.
`networks` is `anchored` as it was, with an ensemble of masked networks; `pool` is `anchored` as it is: logistic
regressions, boosted trees and a random forest.
"""
TRIED = """## What was tried

* **What predicts the target.** On 24 small tables and 8 draws of Adult the pool itself has a mean ROC AUC of 0.878, its
  best member 0.868, a small boosting 0.862 and boosting as scikit-learn has it 0.848. Equal weights lose .002 (.004 on
  the small tables). The geometric mean is ahead of the arithmetic one by .001 and .002 of log loss. Random Fourier
  features and extremely randomised trees added nothing.
* **What learns from the rows** stays behind the pool. Nothing of this closed the gap in a way that could be told from
  chance, on 2 to 19 tables or draws each: labels at temperatures .3, .5 and .7 (log loss is lost), .15 or .6 of the
  features moved, 16 candidates, a single one (worse), donors among the 10 or 30 nearest rows, the nearest of 8 or 30
  random rows on what is kept, another donor for each feature, another training row for each candidate, numbers moved
  within their bins.
* **Missed:** a gain for logistic regression on small tables, and for forests. The networks gave logistic regression
  about .005 more.
"""
GROUPS = {"adult-200": "Adult, 200 rows", "adult-500": "Adult, 500 rows", "small": "Small tables"}
GROUPS["larger"] = f"{LEARNT} rows of larger tables"


def table(name: str, seed: int) -> tuple[pd.DataFrame, pd.DataFrame, list[str], str]:
    """Training rows, test rows, the columns that are no numbers, and the target."""
    if name.startswith("adult-"):
        whole = adult(0)
        return few_rows(whole, int(name.split("-")[1]), None, seed), whole.test, whole.discrete, whole.target
    folder, about = load_sets()
    is_larger, name = name.startswith("sub-"), name.removeprefix("sub-")
    frame = read(str(folder / f"{name}.csv"), about[name]["discrete"])
    if is_larger:
        target = about[name]["target"]
        train, test = train_test_split(frame, train_size=LEARNT, random_state=seed, stratify=frame[target])
        test = test.sample(min(len(test), JUDGED), random_state=0).reset_index(drop=True)
        kept = [column for column in train if len(train[column].unique()) > 1]
        discrete = [column for column in about[name]["discrete"] if column in kept]
        return train[kept].reset_index(drop=True), test[kept], discrete, target
    if name == "german":
        frame = frame.sample(frac=1, random_state=seed).reset_index(drop=True)
    return *cut(frame, about[name]["target"], seed), about[name]["discrete"], about[name]["target"]


def judged(train: pd.DataFrame, rows: pd.DataFrame, test: pd.DataFrame, discrete: list[str], target: str) -> Any:
    """Model to figures, after training on the rows."""
    labels = np.array(sorted(train[target].unique()))
    truth = np.searchsorted(labels, test[target].to_numpy(dtype=str))
    real, used = (part[target].value_counts(normalize=True).reindex(labels).to_numpy() for part in (train, rows))
    models = {kind: Model(kind, train, discrete, target) for kind in KINDS}
    return {kind: score(truth, model.predict(rows, test), real, used) for kind, model in models.items()}


def make(train: pd.DataFrame, discrete: list[str], target: str, seed: int) -> tuple[pd.DataFrame, float, float]:
    """The rows, and CPU-seconds of the fit and of all."""
    import torch

    from augment.data import Dataset, SchemaDeclaration, infer, observe
    from augment.plugin.context import Context
    from augment_rnn.anchored import AnchoredTable

    torch.set_num_threads(1)
    schema, _ = observe(infer(train, {}, SchemaDeclaration(target=target)), train)
    data = Dataset.of(train, {}, schema)
    labels = as_labels(train, target, TIMES * len(train), None, seed)
    context = Context(seed=seed + 1, folder=Path(tempfile.gettempdir()), train=data)
    started = time.process_time()
    generator = AnchoredTable(AnchoredTable.Params()).fit(data, context)
    fitted = time.process_time()
    given = pd.DataFrame({target: pd.Categorical(labels, dtype=data.frame[target].dtype)})
    made = generator.sample(given, context).frame
    spent = time.process_time() - started
    words = {name: made[name].astype(str).astype(object) for name in discrete}
    numbers = {name: pd.to_numeric(made[name]).astype(float) for name in train if name not in discrete}
    return pd.DataFrame({**words, **numbers})[list(train)], fitted - started, spent


def run(version: str, names: list[str], num_seeds: int) -> None:
    """Measure what is missing."""
    known = json.loads(ROWS.read_text()) if ROWS.exists() else []
    done = {(one["version"], one["set"], one["seed"]) for one in known}
    draws = [(f"adult-{rows}", FIRST_SEED + seed) for seed in range(num_seeds) for rows in (200, 500)]
    others = [*((name, 0) for name in SETS), *((f"sub-{name}", SEED_OF_LARGER) for name in LARGER)]
    for name, seed in [*draws, *others]:
        if (version, name, seed) in done or (names and name not in names):
            continue
        train, test, discrete, target = table(name, seed)
        real = judged(train, train, test, discrete, target)
        made, fit, spent = make(train, discrete, target, seed)
        found = judged(train, pd.concat([train, made], ignore_index=True), test, discrete, target)
        facts = {"version": version, "set": name, "seed": seed, "fit": fit, "spent": spent}
        known.append({**facts, "real": real, "with": found})
        ROWS.write_text(json.dumps(known).replace('{"version', '\n{"version') + "\n")
        print(f"{version} on {name}, seed {seed}: {spent:.1f} CPU-s", flush=True)


def gains(one: dict[str, Any], kind: str, figure: str) -> float:
    """What a model gains in a figure, positive where it is better; log loss after the correction for the prior."""
    if figure == "loss":
        return one["real"][kind]["loss"] - one["with"][kind]["loss corrected"]
    return one["with"][kind][figure] - one["real"][kind][figure]


def said(values: list[float]) -> str:
    """Mean and standard error, and how many are above zero."""
    error = np.std(values, ddof=1) / len(values) ** 0.5 if len(values) > 1 else float("nan")
    return f"{np.mean(values):+.4f} ({error:.4f}) {sum(value > 0 for value in values)}/{len(values)}"


def show() -> str:
    """The versions that have figures of a group side by side, on the draws and cuts that all of these have."""
    known = json.loads(ROWS.read_text())
    by = {(one["version"], one["set"], one["seed"]): one for one in known}
    lines = []
    for group, title in GROUPS.items():
        versions = list(dict.fromkeys(version for version, name, _ in by if group_of(name) == group))
        draws = sorted({(name, seed) for _, name, seed in by if group_of(name) == group})
        draws = [draw for draw in draws if all((version, *draw) in by for version in versions)]
        if not draws:
            continue
        spent = {version: [by[version, *draw]["spent"] for draw in draws] for version in versions}
        costs = [f"{version} {np.mean(values):.1f} (at most {max(values):.1f})" for version, values in spent.items()]
        lines += [
            f"## {title} ({len(draws)})",
            "",
            f"CPU-s for the fit and {TIMES} rows a real one: {', '.join(costs)}.",
        ]
        lines += ["", "| model | version | " + " | ".join(FIGURES.values()) + " |", "|---" * (2 + len(FIGURES)) + "|"]
        for kind in KINDS:
            of = {v: {f: [gains(by[v, *draw], kind, f) for draw in draws] for f in FIGURES} for v in versions}
            for version in versions:
                lines.append(f"| {kind} | {version} | " + " | ".join(said(of[version][f]) for f in FIGURES) + " |")
            if len(versions) == 2:
                old, new = versions
                cells = [said(np.subtract(of[new][f], of[old][f]).tolist()) for f in FIGURES]
                lines.append(f"| {kind} | *{new} against {old}* | {' | '.join(cells)} |")
        lines.append("")
    return "\n".join(lines)


def group_of(name: str) -> str:
    """Which part of the page a table is in."""
    return name if name.startswith("adult") else "larger" if name.startswith("sub-") else "small"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="what", required=True)
    measure = commands.add_parser("run")
    measure.add_argument("version")
    measure.add_argument("--sets", nargs="*", default=[])
    measure.add_argument("--seeds", type=int, default=6)
    commands.add_parser("show")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    if options.what == "run":
        run(options.version, options.sets, options.seeds)
    else:
        (RESULTS / "anchored.md").write_text("\n".join([SAYS, show(), tabebm.section(), "", TRIED]))


if __name__ == "__main__":
    main()
