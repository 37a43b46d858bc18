"""Hand-written runs for the reporter: real rows from scikit-learn, synthetic ones made by simple means."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from example_data import dataset

from augment.data import Dataset, Schema, as_labels
from augment.plugin import RunMetrics
from augment.statistics.curves import class_curves, count_confusion


@dataclass
class FakeRun:
    train: Dataset
    test: Dataset
    synthetic: Dataset
    synthetic_origin: np.ndarray
    content: dict[str, Any]
    name: str = "example"
    key: str = "3fa9c1d2aa20b8c4"
    folder: Path = Path("unused")
    pipeline: dict[str, Any] = field(default_factory=lambda: {"spec": 1, "name": "example", "seed": 7})
    curves: dict[str, pd.DataFrame] = field(default_factory=dict)
    rejected: dict[str, Dataset] = field(default_factory=dict)

    @property
    def metrics(self) -> RunMetrics:
        return RunMetrics.model_validate(self.content)

    @property
    def schema(self) -> Schema:
        return self.train.schema

    def losses(self) -> dict[str, pd.DataFrame]:
        return self.curves

    def rejects(self) -> dict[str, Dataset]:
        return self.rejected


def arm(id: str, label: str, difference: float, half_width: float | None, rows: int = 100) -> dict[str, Any]:
    rng = np.random.default_rng(len(label))
    interval = None if half_width is None else [difference - half_width, difference + half_width]
    spread = 0.0 if id == "none" else (half_width or 0.0)
    score = {
        "mean": 0.9 + difference,
        "difference": difference,
        "interval": interval,
        "better": "higher",
        "kind": "decision",
    }
    loss = {
        "mean": 0.3 - difference,
        "difference": -difference,
        "interval": None,
        "better": "lower",
        "kind": "probability",
    }
    return {
        "id": id,
        "label": label,
        "rows": rows,
        "values": (0.9 + difference + rng.normal(0, spread / 2, 5)).tolist(),
        "mean": 0.9 + difference,
        "difference": difference,
        "interval": interval,
        "scores": {"balanced accuracy": score, "log loss": loss},
        "classes": {},
        "kind": {"none": "real"}.get(id, "inexpensive" if id in ("class-weights", "oversampling") else "synthetic"),
    }


def add_classes(trial: dict[str, Any], rows: dict[str, int], better_arms: dict[str, float]) -> None:
    """Give some arms results by class, as of a model whose probabilities are right by more or less."""
    labels = list(rows)
    truth = np.repeat(np.arange(len(labels)), list(rows.values()))
    for one in trial["arms"]:
        if one["id"] not in better_arms:
            continue
        rng = np.random.default_rng(len(one["id"]))
        noise = [rng.gumbel(size=(len(truth), len(labels))) for _ in range(2)]
        scores = [array + better_arms[one["id"]] * np.eye(len(labels))[truth] for array in noise]
        probabilities = [np.exp(array) / np.exp(array).sum(axis=1, keepdims=True) for array in scores]
        predicted = [array.argmax(axis=1) for array in probabilities]
        one["confusion"] = count_confusion(truth, predicted, labels).model_dump()
        one["curves"] = [curves.model_dump() for curves in class_curves(truth, probabilities, labels)]
        one["classes"] = {
            label: {
                "rows": rows[label],
                "recall": float(np.mean([(row == truth)[truth == number].mean() for row in predicted])),
                "precision": 0.5,
                "f1": 0.25,
                "difference": 0.125,
                "interval": None if one["id"] == "none" else [0.0625, 0.1875],
            }
            for number, label in enumerate(labels)
            if rows[label]
        }


def candidate(id: str, label: str, kind: str, difference: float | None, left: int | None = None) -> dict[str, Any]:
    tried = difference is not None
    values = [0.9 + difference] * (left or 8) if tried else []
    return {
        "id": id,
        "label": label,
        "kind": kind,
        "share": {"gan": 1.0} if kind in ("generator", "blend") else {},
        "amount": "1x" if kind in ("generator", "blend") else "",
        "synthetic": 200 if kind in ("generator", "blend") else 0,
        "values": values,
        "mean": 0.9 + difference if tried else None,
        "difference": difference,
        "error": (0.0 if kind == "none" else 0.006) if tried else None,
        "expected": difference if tried else None,
        "chance": (0.9 if difference > 0 else 0.1) if tried else None,
        "left": left,
        "reason": "" if tried else "it could not make enough rows",
    }


def search_of(**changes: Any) -> dict[str, Any]:
    """A search that chose a blend."""
    found = {
        "asked": True,
        "sentence": "The search inside the training part chose gan + smote, 1x of 5 candidates: +0.031.",
        "chosen": "blend-1x",
        "mix": {"rows": "1x", "share": {"gan": 1.0, "smote": 1.0}},
        "probe": "boosting",
        "score": "balanced accuracy",
        "better": "higher",
        "seeds": 8,
        "complete": True,
        "candidates": [
            candidate("none", "real rows alone", "none", 0.0),
            candidate("class-weights", "class weights", "class-weights", 0.004),
            candidate("oversampling", "oversampling", "oversampling", 0.009, left=4),
            candidate("gan-5x", "gan, 5x", "generator", -0.021, left=2),
            candidate("smote-1x", "smote, 1x", "generator", 0.024),
            candidate("blend-1x", "gan + smote, 1x", "blend", 0.031),
            candidate("gan-balance", "gan, balance", "generator", None),
        ],
    }
    return found | changes


def attack(of: str, name: str, value: float, limit: float, finding: str) -> dict[str, Any]:
    return {
        "metric": "privacy",
        "of": of,
        "name": name,
        "value": value,
        "unit": "",
        "better": "lower",
        "interval": None,
        "detail": {"reference": {"hold-out": 0.01}},
        "attack": {"limit": limit, "finding": finding},
    }


def metrics_of(train: Dataset, test: Dataset, synthetic: Dataset, origin: np.ndarray, **changes: Any) -> dict[str, Any]:
    """The content of `metrics.json`, with a full trial; a test may change it before the report is written."""

    def counts(part: Dataset) -> dict[str, int]:
        if part.schema.task != "classes":
            return {}
        found = pd.Series(as_labels(part.frame[part.schema.target])).value_counts()
        return {label: int(found.get(label, 0)) for label in part.schema.classes}

    metrics = {
        "rows": {
            "read": len(train) + len(test),
            "train": len(train),
            "test": len(test),
            "synthetic": len(synthetic),
        },
        "classes": {"train": counts(train), "test": counts(test), "synthetic": counts(synthetic)},
        "generators": {
            name: {
                "use": name.split("-")[0],
                "origin": "noise" if "gan" in name else "rows",
                "asked": int((origin == name).sum()),
                "kept": int((origin == name).sum()),
                "per_class": {},
                "rejected": {"in-schema": 3, "not-a-copy": 12},
                "rounds": 2,
            }
            for name in dict.fromkeys(origin.tolist())
        },
        "filters": {
            "in-schema": {"use": "in-schema", "what": "", "threshold": 1.0, "judged": 640, "rejected": 6},
            "not-a-copy": {"use": "not-a-copy", "what": "", "threshold": 0.01, "judged": 634, "rejected": 24},
        },
        "trial": {
            "assessable": True,
            "reason": "",
            "verdict": "helps",
            "sentence": "The synthetic rows help: balanced accuracy +0.0312 (95 % interval +0.0121 to +0.0503).",
            "probe": "boosting",
            "score": "balanced accuracy",
            "better": "higher",
            "seeds": 5,
            "rows": len(test),
            "chosen": "synthetic",
            "against": {"arm": "oversampling", "difference": 0.02, "interval": [0.01, 0.03], "verdict": "helps"},
            "legend": {
                "balanced accuracy": {"label": "balanced accuracy", "meaning": "The mean recall of all classes."}
            },
            "arms": [
                arm("none", "real rows alone", 0.0, None, len(train)),
                arm("class-weights", "class weights", 0.0081, 0.012, len(train)),
                arm("oversampling", "oversampling", 0.0112, 0.014, 2 * len(train)),
                arm("synthetic", "real + synthetic", 0.0312, 0.0191, len(train) + len(synthetic)),
                arm("gan", "gan alone", -0.0143, 0.016, len(train) + 50),
                arm("smote", "smote alone", 0.0262, 0.02, len(train) + 50),
            ],
        },
        "scores": [
            {
                "metric": "fidelity",
                "of": of,
                "name": name,
                "value": value,
                "unit": "",
                "better": better,
                "interval": interval,
                "detail": {"reference": {"hold-out": 0.512, "bootstrap": 0.497}},
            }
            for of, name, value, better, interval in [
                ("all", "classifier two-sample accuracy", 0.613, "lower", [0.58, 0.64]),
                ("gan", "classifier two-sample accuracy", 0.712, "lower", [0.68, 0.74]),
                ("smote", "coverage of real rows", 0.943, "higher", None),
            ]
        ]
        + [
            attack("gan", "exact matches", 0.0, 0.005, "no leak found"),
            attack("gan", "near copies", 0.061, 0.024, "leak found"),
            attack("gan", "membership inference", 0.013, 0.029, "no leak found"),
            attack("smote", "near copies", 0.42, 0.024, "near by design"),
        ],
        "search": search_of(),
        "privacy": {
            "verdict": "leak found",
            "sentence": "Synthetic rows reveal training rows (gan: near copies 6.10%, limit 2.40%). "
            "Rows of smote start from real rows, so they are close to them by design.",
        },
        "notes": ["column 'mean radius' differs in every row; if it is an id, say so under schema.columns"],
    }
    if test.schema.task == "classes":
        add_classes(metrics["trial"], metrics["classes"]["test"], {"none": 1.0, "oversampling": 1.5, "synthetic": 2.0})
    metrics["trial"] |= changes.pop("trial", {})
    return metrics | changes


def curves(num_steps: int = 400) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    step = np.arange(1, num_steps + 1)
    return pd.DataFrame(
        {
            "step": step,
            "generator": 1.2 - 0.5 * np.exp(-step / 80) + rng.normal(0, 0.06, num_steps),
            "critic": 0.5 + 0.6 * np.exp(-step / 120) + rng.normal(0, 0.05, num_steps),
            "penalty": 90 * np.exp(-step / 60) + 40 + rng.normal(0, 2, num_steps),
        }
    )


def assemble(train: Dataset, test: Dataset, made: dict[str, Dataset], **changes: Any) -> FakeRun:
    """A run whose generators made these rows."""
    synthetic = Dataset.concat(list(made.values())) if made else train.take(slice(0))
    origin = np.array([name for name, part in made.items() for _ in range(len(part))], dtype=object)
    content = changes.pop("content", None) or metrics_of(train, test, synthetic, origin)
    return FakeRun(train, test, synthetic, origin, content, **changes)


def table_run() -> FakeRun:
    from sklearn.datasets import load_breast_cancer

    loaded = load_breast_cancer(as_frame=True)
    rng = np.random.default_rng(1)
    frame = loaded.data.copy()
    frame["ward"] = rng.choice(["north", "south", "east", "west"], len(frame), p=[0.5, 0.3, 0.15, 0.05])
    frame["visits"] = rng.poisson(3, len(frame))
    frame["seen"] = pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(0, 900, len(frame)), unit="D")
    frame["smoker"] = rng.random(len(frame)) < 0.3
    frame.loc[rng.random(len(frame)) < 0.08, "mean radius"] = np.nan
    frame["diagnosis"] = np.where(loaded.target == 1, "benign", "malignant")
    frame = frame[~((frame.diagnosis == "malignant") & (rng.random(len(frame)) < 0.7))].reset_index(drop=True)
    whole = dataset(frame, target="diagnosis", columns={"mean radius": {"type": "number", "unit": "mm"}})
    test = whole.take(np.arange(len(whole)) % 5 == 0)
    train = whole.take(np.arange(len(whole)) % 5 != 0)
    rare = np.flatnonzero(as_labels(train.frame["diagnosis"]) == "malignant")
    made = {}
    for name, noise in (("gan", 0.5), ("smote", 0.05)):
        part = train.take(rng.choice(rare, 110))
        moved = part.frame.copy()
        for column in train.schema.features:
            if train.schema.columns[column].type == "number":
                moved[column] += rng.normal(0, noise * train.frame[column].std(), len(moved))
        if name == "gan":
            moved["ward"] = rng.choice(["north", "south", "east"], len(moved))
        made[name] = Dataset.of(moved, {}, train.schema)
    return assemble(
        train,
        test,
        made,
        name="breast-cancer",
        pipeline={
            "spec": 1,
            "name": "breast-cancer",
            "seed": 7,
            "source": {"use": "sklearn", "with": {"name": "breast_cancer"}},
            "generators": [{"id": "gan", "use": "gan", "with": {"epochs": 200}}, {"id": "smote", "use": "smote"}],
            "mix": {"rows": "balance", "share": {"gan": 1.0, "smote": 1.0}},
            "split": {"holdout": 0.2, "stratify": "diagnosis"},
        },
        curves={"gan": curves()},
        rejected={"not-a-copy": train.take(slice(4))},
    )


def image_run() -> FakeRun:
    from sklearn.datasets import load_digits

    loaded = load_digits()
    rng = np.random.default_rng(2)
    keep = (loaded.target < 6) | (rng.random(len(loaded.target)) < 0.3)
    images = (loaded.images * 255 / 16).astype(np.uint8)[keep, :, :, None]
    whole = dataset(pd.DataFrame({"digit": loaded.target[keep]}), {"image": images}, target="digit")
    test = whole.take(np.arange(len(whole)) % 5 == 0)
    train = whole.take(np.arange(len(whole)) % 5 != 0)
    rare = np.flatnonzero(train.frame["digit"] >= 6)
    made = {}
    for name, noise in (("gan", 40), ("albumentations", 8)):
        part = train.take(np.sort(rng.choice(rare, 200)))
        moved = np.clip(part.arrays["image"] + rng.normal(0, noise, part.arrays["image"].shape), 0, 255)
        made[name] = Dataset(part.frame, {"image": moved.astype(np.uint8)}, part.schema)
    run = assemble(
        train, test, made, name="digits", curves={"gan": curves()}, rejected={"not-a-copy": train.take(slice(14))}
    )
    run.content["trial"] |= {
        "verdict": "no measurable effect",
        "sentence": "Synthetic rows have no measurable effect: accuracy +0.0031 (95 % interval −0.0042 to +0.0101).",
        "probe": "cnn",
        "score": "accuracy",
    }
    return run
