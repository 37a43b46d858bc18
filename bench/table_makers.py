"""The generators that `tables.py` measures, each in a process of its own, ours and peers behind one face.

    python bench/table_makers.py JOB.json

Runs in either environment: nothing is imported before it is needed. A job is a JSON object with

    maker     a name in MAKERS
    epochs    of CTGAN and TVAE
    fits      a list of: train (a CSV file), discrete (its columns that are no numbers), target, seed, settings (of a
              generator of this project; none by default), and requests, a list of: rows, label (null: as frequent as
              in the training rows), chunk (rows a call, or null), out; or of: labels (label to rows), out. No file is
              written where so many of a label cannot be made

Its answer is written to the job's `out`: for each fit the CPU-seconds it took, the CPU-seconds of each request and the
peak of the process's memory so far. CPU-seconds are those of all threads, without imports, reading and writing.
"""

from __future__ import annotations

import json
import re
import sys
import tempfile
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd


class Bootstrap:
    """Control: training rows drawn with replacement."""

    def fit(self, train: pd.DataFrame, discrete: list[str], target: str, seed: int) -> None:
        self.train, self.target, self.rng = train, target, np.random.default_rng(seed)

    def sample(self, labels: pd.Series) -> pd.DataFrame:
        groups = self.train.groupby(self.target, observed=True).indices
        rows = np.empty(len(labels), np.int64)
        for label, wanted in labels.groupby(labels).indices.items():
            rows[wanted] = self.rng.choice(groups[label], len(wanted))
        return self.train.iloc[rows]


class Smotenc:
    """Interpolation between neighbours (Chawla et al. 2002), by imbalanced-learn; only the new rows are kept."""

    def fit(self, train: pd.DataFrame, discrete: list[str], target: str, seed: int) -> None:
        self.train, self.target, self.seed = train, target, seed
        self.categorical = [name for name in discrete if name != target]

    def sample(self, labels: pd.Series) -> pd.DataFrame:
        from imblearn.over_sampling import SMOTE, SMOTENC

        counts = self.train[self.target].value_counts()
        wanted = labels.value_counts()
        settings: dict[str, Any] = {
            "sampling_strategy": {label: int(count + wanted.get(label, 0)) for label, count in counts.items()},
            "k_neighbors": min(5, int(counts.min()) - 1),
            "random_state": self.seed,
        }
        has_labels = {"categorical_features": self.categorical} if self.categorical else {}
        method = (SMOTENC if has_labels else SMOTE)(**has_labels, **settings)
        features, target = method.fit_resample(self.train.drop(columns=self.target), self.train[self.target])
        new = pd.concat([features, target], axis=1)[list(self.train)].iloc[len(self.train) :]
        return new.sample(frac=1.0, random_state=self.seed)


class Ctgan:
    """Of the package ctgan (Xu et al. 2019)."""

    model_name = "CTGAN"

    conditional = False

    def __init__(self, epochs: int):
        import ctgan

        self.epochs, self.package = epochs, ctgan

    def fit(self, train: pd.DataFrame, discrete: list[str], target: str, seed: int) -> None:
        self.model = getattr(self.package, self.model_name)(epochs=self.epochs, enable_gpu=False)
        self.model.set_random_state(seed)
        self.model.fit(train, discrete)

    def sample(self, labels: pd.Series) -> pd.DataFrame:
        """As many rows, with labels of its own: what it is asked for it gives in a third of the rows only."""
        return self.model.sample(len(labels))


class Tvae(Ctgan):
    """Of the same package and paper."""

    model_name = "TVAE"


class BorderlineSmote:
    """SMOTE of the rows that lie between classes (Han, Wang and Mao 2005), by imbalanced-learn; for numbers alone."""

    def fit(self, train: pd.DataFrame, discrete: list[str], target: str, seed: int) -> None:
        self.train, self.target, self.seed = train, target, seed
        self.is_possible = discrete == [target]

    def sample(self, labels: pd.Series) -> pd.DataFrame:
        from imblearn.over_sampling import BorderlineSMOTE

        if not self.is_possible:
            return self.train.iloc[:0]
        counts, wanted = self.train[self.target].value_counts(), labels.value_counts()
        method = BorderlineSMOTE(
            sampling_strategy={label: int(count + wanted.get(label, 0)) for label, count in counts.items()},
            k_neighbors=min(5, int(counts.min()) - 1),
            random_state=self.seed,
        )
        features, target = method.fit_resample(self.train.drop(columns=self.target), self.train[self.target])
        return pd.concat([features, target], axis=1)[list(self.train)].iloc[len(self.train) :]


class Arf:
    """Adversarial random forests (Watson et al. 2023), by arfpy."""

    conditional = False

    def __init__(self) -> None:
        from arfpy import arf

        self.package = arf

    def fit(self, train: pd.DataFrame, discrete: list[str], target: str, seed: int) -> None:
        np.random.seed(seed)  # noqa: NPY002 its sampling takes no seed
        train = train.astype(dict.fromkeys(discrete, "category"))
        self.model = self.package.arf(x=train, random_state=seed, verbose=False)
        self.model.forde()

    def sample(self, labels: pd.Series) -> pd.DataFrame:
        return self.model.forge(n=len(labels))


class ForestFlow:
    """Flow matching with boosted trees, a model a class (Jolicoeur-Martineau et al. 2024), by its authors' package.

    It has a boosting for each class, column and noise level. By default there are 50 levels, and each row is repeated
    100 times; here there are 10 and 10, which already takes a hundred times as long as other generators.
    """

    conditional = False

    def __init__(self) -> None:
        from ForestDiffusion import ForestDiffusionModel

        self.package = ForestDiffusionModel

    def fit(self, train: pd.DataFrame, discrete: list[str], target: str, seed: int) -> None:
        self.target = target
        self.labels, classes = np.unique(train[target].astype(str), return_inverse=True)
        features = train.drop(columns=target)
        self.names, self.levels, coded = list(features), {}, {}
        for name in self.names:
            values = features[name]
            if name in discrete:
                codes, self.levels[name] = pd.factorize(values.astype(str), sort=True)
                values = pd.Series(codes)
            coded[name] = values.to_numpy(dtype=float)
        places = [[self.names.index(name) for name in names] for names in self._kinds(discrete)]
        self.model = self.package(
            np.column_stack([coded[name] for name in self.names]),
            label_y=classes,
            n_t=10,
            duplicate_K=10,
            model="xgboost",
            diffusion_type="flow",
            bin_indexes=places[0],
            cat_indexes=places[1],
            int_indexes=[
                place for place, name in enumerate(self.names) if name not in discrete and (coded[name] % 1 == 0).all()
            ],
            n_jobs=1,
            seed=seed,
        )

    def _kinds(self, discrete: list[str]) -> tuple[list[str], list[str]]:
        labels = [name for name in self.names if name in discrete]
        two = [name for name in labels if len(self.levels[name]) == 2]
        return two, [name for name in labels if name not in two]

    def sample(self, labels: pd.Series) -> pd.DataFrame:
        """As many rows, with labels of its own."""
        made = pd.DataFrame(self.model.generate(batch_size=len(labels)), columns=[*self.names, self.target])
        for name, levels in self.levels.items():
            made[name] = levels.take(made[name].to_numpy(dtype=int).clip(0, len(levels) - 1))
        made[self.target] = self.labels.take(made[self.target].to_numpy(dtype=int))
        return made


class GaussianCopula:
    """Of SDV (Patki et al. 2016)."""

    conditional = False

    def fit(self, train: pd.DataFrame, discrete: list[str], target: str, seed: int) -> None:
        import torch
        from sdv.metadata import Metadata
        from sdv.single_table import GaussianCopulaSynthesizer

        np.random.seed(seed)  # noqa: NPY002 it takes no seed of its own
        torch.manual_seed(seed)
        metadata = Metadata.load_from_dict({"tables": {"rows": {"columns": sdtypes(train, discrete)}}})
        self.model = GaussianCopulaSynthesizer(metadata)
        self.model.fit({"rows": train})

    def sample(self, labels: pd.Series) -> pd.DataFrame:
        made = self.model.sample(num_rows=len(labels))
        return next(iter(made.values())) if isinstance(made, dict) else made


class Ours:
    """A generator of this project, called as its host does: labels given."""

    def __init__(self, module: str, name: str, **settings: Any):
        import importlib

        self.component, self.settings = getattr(importlib.import_module(module), name), settings
        for needed in self.component.imports:
            importlib.import_module(needed)

    def fit(self, train: pd.DataFrame, discrete: list[str], target: str, seed: int) -> None:
        from augment.data import Dataset, SchemaDeclaration, infer, observe

        schema, _ = observe(infer(train, {}, SchemaDeclaration(target=target)), train)
        self.data = Dataset.of(train, {}, schema)
        self.target, self.seed, self.num_calls = target, seed, 0
        component = self.component(self.component.Params(**self.settings))
        self.generator = component.fit(self.data, self._context())

    def sample(self, labels: pd.Series) -> pd.DataFrame:
        self.num_calls += 1
        given = pd.DataFrame({self.target: pd.Categorical(labels, dtype=self.data.frame[self.target].dtype)})
        return self.generator.sample(given, self._context()).frame

    def _context(self) -> Any:
        from augment.plugin.context import Context, derive_seed

        seed = derive_seed(self.seed, self.num_calls)
        return Context(seed=seed, folder=Path(tempfile.gettempdir()), train=self.data)


def sdtypes(train: pd.DataFrame, discrete: list[str]) -> dict[str, dict[str, str]]:
    """The columns' kinds in the words of SDV and sdmetrics."""
    return {name: {"sdtype": "categorical" if name in discrete else "numerical"} for name in train}


MAKERS = {
    "rnn": lambda epochs, **settings: Ours("augment_rnn.tables", "TableRnn", **settings),
    "vae": lambda epochs, **settings: Ours("augment_vae.tables", "TableVae", **settings),
    "gan": lambda epochs, **settings: Ours("augment_gan.tables", "TableGan", **settings),
    "anchored": lambda epochs, **settings: Ours("augment_rnn.anchored", "AnchoredTable", **settings),
    "trees": lambda epochs, **settings: Ours("augment_trees.trees", "Trees", **settings),
    "smote": lambda epochs, **settings: Ours("augment_smote.smote", "Smote", **settings),
    "ARF": lambda epochs: Arf(),
    "ForestFlow": lambda epochs: ForestFlow(),
    "BorderlineSMOTE": lambda epochs: BorderlineSmote(),
    "CTGAN": Ctgan,
    "TVAE": Tvae,
    "GaussianCopula": lambda epochs: GaussianCopula(),
    "SMOTENC": lambda epochs: Smotenc(),
    "bootstrap": lambda epochs: Bootstrap(),
}


def read(path: str, discrete: list[str]) -> pd.DataFrame:
    """A table whose labels are text, whatever they look like."""
    frame = pd.read_csv(path, keep_default_na=False, dtype=dict.fromkeys(discrete, str), float_precision="round_trip")
    return frame.astype(dict.fromkeys(discrete, object))


def as_labels(train: pd.DataFrame, target: str, rows: int, label: str | None, seed: int) -> pd.Series:
    """Labels to ask for: all the same, or as frequent as in the training rows."""
    if label is not None:
        return pd.Series([label] * rows, dtype=object)
    shares = train[target].value_counts(normalize=True).sort_index()
    ends = np.round(shares.cumsum() * rows).astype(int)
    labels = np.repeat(shares.index.to_numpy(dtype=object), np.diff([0, *ends]))
    return pd.Series(np.random.default_rng(seed).permutation(labels), dtype=object)


def fill(maker: Any, wanted: dict[str, int], target: str) -> pd.DataFrame | None:
    """So many rows of each label; one that cannot be asked for labels is asked for more rows, up to 20 times."""
    labels = pd.Series(np.repeat(np.array(list(wanted), dtype=object), list(wanted.values())), dtype=object)
    if getattr(maker, "conditional", True):
        made = maker.sample(labels).reset_index(drop=True)
        return made if len(made) == len(labels) else None
    parts: list[pd.DataFrame] = []
    for _ in range(20):
        parts.append(maker.sample(labels))
        made = pd.concat(parts, ignore_index=True)
        rank = made.groupby(target, observed=True).cumcount()
        kept = made[rank < made[target].astype(str).map(wanted).fillna(0).astype(int)]
        if len(kept) == len(labels):
            return kept
    return None


def peak() -> float:
    """The most memory that the process has had, in MB; not `ru_maxrss`, which begins with that of its parent."""
    status = Path("/proc/self/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) / 1024


def run(job: dict[str, Any]) -> list[dict[str, Any]]:
    """What a job's answer is."""
    answers = []
    for fit in job["fits"]:
        train = read(fit["train"], fit["discrete"])
        maker: Any = MAKERS[job["maker"]](job["epochs"], **fit.get("settings", {}))
        started = time.process_time()
        maker.fit(train, fit["discrete"], fit["target"], fit["seed"])
        answer: dict[str, Any] = {"fit": time.process_time() - started, "requests": []}
        for request in fit["requests"]:
            if "labels" in request:
                started = time.process_time()
                made = fill(maker, request["labels"], fit["target"])
                answer["requests"].append(time.process_time() - started)
                if made is not None:
                    made[list(train)].to_csv(request["out"], index=False)
                continue
            labels = as_labels(train, fit["target"], request["rows"], request["label"], fit["seed"])
            size = request["chunk"] or len(labels)
            started = time.process_time()
            parts = [
                maker.sample(labels.iloc[start : start + size].reset_index(drop=True))
                for start in range(0, len(labels), size)
            ]
            answer["requests"].append(time.process_time() - started)
            if request["out"]:
                pd.concat(parts)[list(train)].to_csv(request["out"], index=False)
        answer["peak"] = peak()
        answers.append(answer)
    return answers


def likeness(paths: list[str], discrete: list[str]) -> dict[str, float]:
    """How like the real rows' columns, and pairs of columns, the synthetic ones are: sdmetrics' quality report."""
    from sdmetrics.reports.single_table import QualityReport

    real, synthetic = (read(path, discrete) for path in paths)
    numbers = [name for name in real if name not in discrete]
    report = QualityReport()
    report.generate(
        real.astype(dict.fromkeys(numbers, float)),
        synthetic.astype(dict.fromkeys(numbers, float)),
        {"columns": sdtypes(real, discrete)},
        verbose=False,
    )
    shapes, pairs = report.get_properties().set_index("Property")["Score"][["Column Shapes", "Column Pair Trends"]]
    return {"shapes": shapes, "pairs": pairs}


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    asked = json.loads(Path(sys.argv[1]).read_text())
    if asked["maker"] == "likeness":
        answered = [likeness(pair, asked["discrete"]) for pair in asked["pairs"]]
    else:
        answered = run(asked)
    Path(asked["out"]).write_text(json.dumps(answered))
