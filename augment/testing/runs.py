"""An example of a finished run, for reporters."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from augment.data import Dataset, Modality, as_labels
from augment.engine.write_tasks import View
from augment.plugin.run_metrics import RunMetrics
from augment.testing.examples import Task, example

__all__ = ["ExampleRun", "example_run"]


class ExampleRun(View):
    """A small run that implements `augment.plugin.RunView`."""

    def losses(self) -> Mapping[str, pd.DataFrame]:
        """A training curve for one of the two generators."""
        steps = np.arange(0, 100, 10)
        return {"vae": pd.DataFrame({"step": steps, "loss": np.exp(-steps / 50)})}

    def rejects(self) -> Mapping[str, Dataset]:
        """Rows that one filter rejected."""
        return {"in-schema": self.synthetic.take(slice(0, 3))}


def example_run(
    folder: Path, modality: Modality = "table", task: Task = "classes", missing: bool = False
) -> ExampleRun:
    """A run over example data, with fixed made-up numbers.

    Args:
        folder: the run's folder; nothing is written to it.
        modality: of the data.
        task: the kind of target; without a target, the trial is not assessable.
        missing: whether features have missing values.
    """
    train = example(modality, task, 60, missing=missing)
    others = [example(modality, task, rows, missing=missing, seed=seed) for rows, seed in ((30, 1), (40, 2))]
    test, synthetic = (Dataset.of(data.frame, data.arrays, train.schema) for data in others)
    origin = np.array(["vae", "bootstrap"], dtype=object)[np.arange(len(synthetic)) % 2]
    return ExampleRun(
        folder=folder,
        name="example",
        key="3fa9c1d20b7e",
        pipeline={
            "spec": 1,
            "name": "example",
            "seed": 7,
            "source": {"use": "csv", "with": {"path": "data.csv"}},
            "generators": [{"id": name, "use": name, "with": {}} for name in ("vae", "bootstrap")],
        },
        schema=train.schema,
        metrics=_metrics(train, test, synthetic, origin),
        train=train,
        test=test,
        synthetic=synthetic,
        synthetic_origin=origin,
    )


def _metrics(train: Dataset, test: Dataset, synthetic: Dataset, origin: np.ndarray) -> RunMetrics:
    parts = {"train": train, "test": test, "synthetic": synthetic}
    generators = {}
    for name, kind in (("vae", "noise"), ("bootstrap", "copies")):
        own_rows = synthetic.take(origin == name)
        generators[name] = {
            "use": name,
            "origin": kind,
            "asked": len(own_rows),
            "kept": len(own_rows),
            "per_class": _classes(own_rows),
            "rejected": {"in-schema": 3 if name == "vae" else 0},
            "rounds": 1,
        }
    in_schema = {"what": "Rejects rows outside the declared bounds.", "judged": len(synthetic) + 3, "rejected": 3}
    content = {
        "rows": {"read": len(train) + len(test), **{name: len(part) for name, part in parts.items()}},
        "classes": {name: _classes(part) for name, part in parts.items()},
        "generators": generators,
        "filters": {"in-schema": {"use": "in-schema", "threshold": 1.0, **in_schema}},
        "search": _search(train),
        "trial": _trial(train, test, synthetic),
        "scores": [
            {
                "metric": "fidelity",
                "of": of,
                "name": "discriminative score",
                "value": value,
                "unit": "",
                "better": "lower",
                "interval": [value - 0.05, value + 0.05],
                "detail": {"reference": {"real rows": 0.5, "bootstrap": 0.52}},
            }
            for of, value in (("vae", 0.71), ("all", 0.63))
        ],
        "privacy": {"verdict": "no leak found", "sentence": "No leak found by these attacks."},
        "notes": ["column 'height' <b>differs</b> & is unusual"],  # markup in data must stay text in a report
    }
    return RunMetrics.model_validate(content)


def _classes(data: Dataset) -> dict[str, int]:
    if not data.schema.classes:
        return {}
    labels = as_labels(data.frame[str(data.schema.target)])
    return {label: int((labels == label).sum()) for label in data.schema.classes}


def _search(train: Dataset) -> dict[str, Any]:
    known: dict[str, Any] = {"probe": "boosting", "score": "balanced_accuracy", "better": "higher", "complete": True}
    if train.schema.task == "none":
        nothing = {"asked": False, "sentence": "", "chosen": "", "mix": None, "seeds": 0, "candidates": []}
        return {**nothing, **known, "probe": "", "score": ""}
    if train.schema.task == "number":
        known |= {"score": "rmse", "better": "lower"}
    sign = 1 if known["better"] == "higher" else -1
    both = {"vae": 1.0, "bootstrap": 1.0}
    names: list[tuple[str, str, str, dict[str, float], str]] = [
        ("none", "real rows alone", "none", {}, ""),
        ("oversampling", "oversampling", "oversampling", {}, ""),
        ("vae-0.5x", "vae, 0.5x", "generator", {"vae": 1.0}, "0.5x"),
        ("vae-1x", "vae, 1x", "generator", {"vae": 1.0}, "1x"),
        ("blend-1x", "vae + bootstrap, 1x", "blend", both, "1x"),
    ]
    candidates: list[dict[str, Any]] = []
    for position, (name, label, kind, share, amount) in enumerate(names):
        num_seeds = 2 if position == 1 else 0 if position == 2 else 4
        gain = sign * 0.01 * position
        values = [0.7 + gain + 0.01 * seed for seed in range(num_seeds)]
        numbers: dict[str, Any] = dict.fromkeys(("mean", "difference", "error", "expected", "chance"))
        if values:
            error = 0.005 if position else 0.0
            numbers = {
                "mean": sum(values) / num_seeds,
                "difference": gain,
                "error": error,
                "expected": gain,
                "chance": 0.95 if position else 0.0,
            }
        candidates.append(
            {
                "id": name,
                "label": label,
                "kind": kind,
                "share": share,
                "amount": amount,
                "synthetic": len(train) if share else 0,
                "values": values,
                **numbers,
                "left": num_seeds if num_seeds < 4 else None,
                "reason": "4 of 30 rows could not be made" if position == 2 else "",
            }
        )
    return {
        "asked": True,
        "sentence": "The search chose vae + bootstrap, 1x: it changes the score by 0.04 (standard error 0.005).",
        "chosen": "blend-1x",
        "mix": {"rows": "1x", "share": both},
        "seeds": 4,
        **known,
        "candidates": candidates,
    }


def _trial(train: Dataset, test: Dataset, synthetic: Dataset) -> dict[str, Any]:
    known: dict[str, Any] = {"seeds": 3, "probe": "boosting", "score": "balanced_accuracy", "better": "higher"}
    known |= {"rows": len(test), "chosen": "synthetic", "against": None}
    if train.schema.task == "none":
        known |= {"chosen": ""}
        sentence = "Without a target nothing can be said of use."
        return {
            "assessable": False,
            "reason": "no target",
            "verdict": "not assessable",
            "sentence": sentence,
            **known,
            "arms": [],
        }
    if train.schema.task == "number":
        known |= {"score": "rmse", "better": "lower"}
    arms = []
    kinds = {"none": "real", "oversampling": "inexpensive", "synthetic": "synthetic"}
    for position, (name, rows) in enumerate(zip(kinds, (0, 40, len(synthetic)), strict=True)):
        values = [0.7 + 0.02 * position + 0.01 * seed for seed in range(3)]
        mean, gain = sum(values) / 3, 0.02 * position
        interval = [gain - 0.01, gain + 0.01] if position else None
        score = {"mean": mean, "difference": gain, "interval": interval, "better": known["better"]}
        score["kind"] = "number" if train.schema.task == "number" else "decision"
        arm = {"id": name, "label": name, "rows": len(train) + rows, "values": values, "kind": kinds[name]}
        arm |= {"mean": mean, "difference": gain, "interval": interval, "scores": {known["score"]: score}}
        per_class = {"recall": mean, "precision": mean, "f1": mean, "difference": gain, "interval": interval}
        arm["classes"] = {label: {"rows": n, **per_class} for label, n in _classes(test).items()}
        arms.append(arm | _class_figures(_classes(test)))
    if train.schema.task == "classes":
        known["against"] = {"arm": "oversampling", "difference": 0.02, "interval": [0.01, 0.03], "verdict": "helps"}
    return {
        "assessable": True,
        "reason": "",
        "verdict": "helps" if known["better"] == "higher" else "hurts",
        "sentence": "Synthetic rows change the score by 0.04 (0.03 to 0.05) on rows nobody trained on.",
        **known,
        "arms": arms,
    }


def _class_figures(rows: Mapping[str, int]) -> dict[str, Any]:
    """The confusion matrix of a perfect model, and a curve."""
    if not rows:
        return {}
    counts = np.diag([float(n) for n in rows.values()]).tolist()
    label, fewest = min(rows.items(), key=lambda entry: entry[1])
    curve = {"label": label, "rows": fewest, "sensitivity": [0.5, 1.0, 1.0], "precision": [1.0, 1.0, 0.5]}
    return {"confusion": {"labels": list(rows), "num_others": 0, "counts": counts}, "curves": [curve]}
