"""The contracts: what a component of each kind takes and gives back. Signatures and documentation only.

The host checks everything that goes in and comes out, so a component is nothing but its own work. Data is always in
human units (pounds, labels, uint8 pixels); encoding it for a network is a component's private matter.

Shapes: N rows, C classes.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Literal, Protocol, Self, get_args

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict

from augment.data.dataset import Dataset
from augment.data.schema import Modality, Schema
from augment.plugin.accepts import EVERY_MODALITY, Accepts
from augment.plugin.context import Context
from augment.plugin.run_metrics import RunMetrics
from augment.plugin.state import write_state
from augment.plugin.suits import Suits

__all__ = [
    "KINDS",
    "Component",
    "Filter",
    "Generator",
    "Kind",
    "Metric",
    "Params",
    "Probe",
    "Reporter",
    "RunView",
    "Score",
    "Sink",
    "Source",
    "Transform",
]

Kind = Literal["source", "transform", "generator", "filter", "probe", "metric", "reporter", "sink"]
KINDS: tuple[Kind, ...] = get_args(Kind)


class Params(BaseModel):
    """The settings of a component, written once: the pipeline's `with:`, the help and the reference come from it.

    Give each field a type, a default and a docstring. A field annotated `pathlib.Path` is taken relative to the
    pipeline file; the component sees it absolute. Unknown keys are refused; where `renamed` maps a former name of a
    setting to its present one, the refusal names the present one.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True, allow_inf_nan=False)
    renamed: ClassVar[Mapping[str, str]] = {}


@dataclass(frozen=True)
class Score:
    """One number that a metric found.

    Attributes:
        name: what was measured, in words a reader of the report knows.
        value: the number.
        unit: its unit, empty for a share or a count.
        better: which way is better; `none` where neither is.
        interval: lower and upper end of a 95 % interval, or None.
        detail: anything JSON can hold. The key `reference` maps names of controls to the number that they score. A
            score of an attack on privacy has the keys `limit`, what chance keeps to, and `finding`, a few words. A
            score of what rows are worth where no model of a target can be trained has the key `gain`; its value is the
            difference to real rows alone, and `gain` holds what was scored (`score`), what real rows alone reach
            (`alone`), on how many held-out rows (`judged`), and as pairs of `difference` and `interval` what repeated
            real rows gain (`oversampling`) and how much more synthetic ones do (`against`). The verdict then is on it.
        private: anything JSON can hold that may point at single rows. It is kept in a file of the run that its owner
            alone can read, and stands in no report.
    """

    name: str
    value: float
    unit: str = ""
    better: Literal["higher", "lower", "none"] = "higher"
    interval: tuple[float, float] | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)
    private: Mapping[str, Any] = field(default_factory=dict)


class Component(ABC):
    """A class that does one job. Derive from one of the eight bases below, not from this.

    Attributes:
        name: what users type after `use:`; also the name of the entry point that offers it.
        accepts: what data it can work with.
        default_for: kinds of data for which pipelines have it that name none of its kind: for filters, probes,
            metrics, reporters and sinks. Its name then also stands in the entry-point group `augment.default.KIND`, so
            that defaults are found without importing every plugin. What augment brings stays the default where it has
            one.
        imports: modules that its methods import whatever the data is, such as `torch`. A run loads those of built-in
            components once for all its processes.
        Params: its settings.
        params: the settings of this instance, validated by the host.
    """

    kind: ClassVar[Kind]
    name: ClassVar[str]
    accepts: ClassVar[Accepts] = Accepts()
    default_for: ClassVar[frozenset[Modality]] = frozenset()
    imports: ClassVar[tuple[str, ...]] = ()
    Params: ClassVar[type[Params]] = Params

    def __init__(self, params: Any = None) -> None:
        self.params: Any = self.Params() if params is None else params


class Source(Component):
    """Reads a dataset.

        class Csv(Source):
            name = "two-columns"

            class Params(Params):
                path: Path
                \"\"\"The file to read.\"\"\"

            def read(self, context):
                frame = pd.read_csv(self.params.path, names=["x", "y"])
                return Dataset.of(frame, {}, infer(frame, declared=context.declared))

    `yields` names the kinds of data it can give, so that a pipeline can be checked before the data is read. By
    `endings`, `sniff`, `settings_for` and `further_settings`, `augment init` and `augment evaluate` find the source of
    a file and the settings that it needs beside `path`.

    Attributes:
        yields: kinds of data.
        endings: of the files that it reads, in lower case with their dot, such as `.csv`; `/` stands for a folder.
    """

    kind = "source"
    yields: ClassVar[frozenset[Modality]] = EVERY_MODALITY
    endings: ClassVar[tuple[str, ...]] = ()

    @classmethod
    def sniff(cls, path: Path, head: bytes) -> float | None:
        """How sure it is that it should read this: the surest source does, and of equals the one that comes first, ours
        before others. .5 where nothing but the ending tells, up to 1; None where it cannot read this.

        Args:
            path: a file or a folder, which may not be there.
            head: the first 64 KiB of the file; empty for a folder.

        Raises:
            DataError: it is a part of what the source reads; the message says what to point at.
        """
        known = "/" in cls.endings if path.is_dir() else path.name.lower().endswith(cls.endings)
        return 0.5 if known else None

    @classmethod
    def settings_for(cls, path: Path) -> dict[str, Any]:
        """The settings beside `path` that this file needs, as far as it shows before it is read."""
        return {}

    @classmethod
    def further_settings(cls, path: Path, settings: Mapping[str, Any], data: Dataset | None) -> dict[str, Any]:
        """What else it needs. It is read again with that and asked again, until there is nothing more.

        Args:
            path: the file or folder.
            settings: those that it was read with.
            data: what came; None where it could not be read.
        """
        return {}

    @abstractmethod
    def read(self, context: Context) -> Dataset:
        """The whole dataset, in the same order every time.

        What the pipeline says of the schema is in `context.declared`; pass it on to `augment.data.infer`, and use it
        wherever text becomes values (a declared `category` such as a postcode keeps its zeros).

        Raises:
            DataError: the data cannot be read; the message names file and line.
        """


class Fitted(Component):
    """What the components that learn have in common: their state can be kept and brought back."""

    @abstractmethod
    def save(self, folder: Path) -> None:
        """Write the fitted state into an existing empty folder: safetensors and JSON only.

        `augment.plugin.state.write_state` does it in one call. Equal state must give equal bytes.
        """

    @classmethod
    @abstractmethod
    def load(cls, folder: Path, params: Any) -> Self:
        """The inverse of `save`; `params` are the settings it was fitted with."""


class Transform(Fitted):
    """Changes real rows before anything learns: fitted on the training part, applied to both parts.

        class Absolute(Transform):
            name = "absolute"

            def apply(self, data):
                return Dataset(data.frame.assign(x=data.frame.x.abs()), data.arrays, data.schema)

    The result stays in human units. It may change columns and schema, and drop training rows; held-out rows all stay,
    in their order, each changed by what `fit` learnt and not by the rows beside it. `fills_missing` says that no
    feature has missing values afterwards: `augment init` proposes such a transform for generators that need it.
    """

    kind = "transform"
    fills_missing: ClassVar[bool] = False

    def fit(self, data: Dataset, context: Context) -> Self:
        """Learn from the training part. Learns nothing unless overridden."""
        return self

    @abstractmethod
    def apply(self, data: Dataset) -> Dataset:
        """The changed rows. Pure: the input is left as it was."""

    def save(self, folder: Path) -> None:
        """Write the fitted state; nothing unless overridden."""
        write_state(folder, {}, {})

    @classmethod
    def load(cls, folder: Path, params: Any) -> Self:
        """The inverse of `save`."""
        return cls(params)


class Generator(Fitted):
    """Learns from the training part and makes synthetic rows.

        class Jitter(Generator):
            name = "jitter"
            origin = "rows"
            accepts = Accepts(modalities=frozenset({"table"}))

            class Params(Params):
                scale: float = 0.1
                \"\"\"Standard deviation of the noise, in standard deviations of the column.\"\"\"

            def fit(self, data, context):
                self.spread = data.frame.select_dtypes("float").std().to_dict()
                return self

            def sample(self, given, context):
                choice, noise = context.rng.spawn(2)  # a stream each, row after row: k rows begin as n rows do
                rows = context.train.take(choice.integers(len(context.train), size=len(given)))
                shifts = noise.normal(0, self.params.scale, (len(given), len(self.spread)))
                frame = rows.frame.copy()
                for name, shift in zip(self.spread, shifts.T, strict=True):
                    frame[name] += self.spread[name] * shift
                return Dataset(frame, rows.arrays, rows.schema)

            def save(self, folder):
                write_state(folder, {}, self.spread)

            @classmethod
            def load(cls, folder, params):
                jitter = cls(params)
                jitter.spread = read_state(folder)[1]
                return jitter

    `origin` says where rows start from: `noise`; training `rows`, moved; or `copies` of them. `suits` says for which
    data `augment init` may propose it, once a kind of data.
    """

    kind = "generator"
    suits: ClassVar[tuple[Suits, ...]] = ()
    origin: ClassVar[Literal["noise", "rows", "copies"]] = "noise"

    @abstractmethod
    def fit(self, data: Dataset, context: Context) -> Self:
        """Learn from the training part (ids are already dropped) and return self.

        Report progress, and keep checkpoints in long fits. Do not keep training rows: the host stores them once and
        lends them to `sample` as `context.train`.
        """

    @abstractmethod
    def sample(self, given: pd.DataFrame, context: Context) -> Dataset:
        """Exactly `len(given)` synthetic rows, under the schema of the training part.

        Args:
            given: one row per wanted sample (N of them), RangeIndex, zero or more columns fixed, in the types of the
                schema. No column: unconditional.

        The columns in `given` come back with equal values. The result is a function of (fitted state, training part,
        given, `context.seed`) alone, and a prefix: under the same seed `sample(given[:k])` equals `sample(given)[:k]`
        for any k up to the chunk size. So draw and run whole fixed-size batches, pad the last, and cut the tail.
        """


class Filter(Fitted):
    """Judges synthetic rows; those below the threshold are rejected and drawn again.

    A subclass sets `threshold` when it is fitted, and keeps it in its state. `skips` names the origins of generators
    that it does not judge.
    """

    kind = "filter"
    threshold: float = 0.5
    skips: ClassVar[frozenset[str]] = frozenset()

    @abstractmethod
    def fit(self, reference: Dataset, pilot: Dataset, context: Context) -> Self:
        """Learn what is acceptable.

        Args:
            reference: the training part.
            pilot: a first sample of the generators, unfiltered.
        """

    @abstractmethod
    def judge(self, candidates: Dataset, context: Context) -> np.ndarray:
        """How good each candidate is: float (N,); kept where >= `threshold`. Looks at each row by itself."""


class Probe(Component):
    """A downstream model of the kind the user would train, to see what data is worth. Never saved.

    `takes_factory` is true for the one that `use: package.module:function` means: it has the settings `factory`, which
    is that text, and `file`, the module's file where that lies beside the pipeline.
    """

    kind = "probe"
    takes_factory: ClassVar[bool] = False

    @abstractmethod
    def fit(self, data: Dataset, context: Context, weights: np.ndarray | None = None) -> Self:
        """Train on these rows; `weights` (N,) float weighs each row's loss."""

    @abstractmethod
    def predict(self, data: Dataset) -> np.ndarray:
        """Class probabilities (N, C) float, or values (N,) for a numeric target.

        Classes are in the order of `schema.classes` of the fitted data. The target is not in `data`.
        """


class Metric(Component):
    """Scores synthetic rows against real ones."""

    kind = "metric"

    @abstractmethod
    def score(self, synthetic: Dataset, train: Dataset, holdout: Dataset, context: Context) -> list[Score]:
        """What was found. All three parts have the same columns; each may have been cut to a seeded sample."""


class RunView(Protocol):
    """What a reporter is shown of a run."""

    @property
    def folder(self) -> Path:
        """The run's folder."""
        ...

    @property
    def name(self) -> str:
        """The pipeline's name."""
        ...

    @property
    def key(self) -> str:
        """The content key of the run."""
        ...

    @property
    def pipeline(self) -> Mapping[str, Any]:
        """The resolved pipeline, as plain data."""
        ...

    @property
    def schema(self) -> Schema:
        """What the components saw: the training part's, after transforms and without ids."""
        ...

    @property
    def metrics(self) -> RunMetrics:
        """What `metrics.json` holds, key by key as attributes: `run.metrics.trial.verdict`."""
        ...

    @property
    def train(self) -> Dataset:
        """The real training rows, after transforms."""
        ...

    @property
    def test(self) -> Dataset:
        """The hold-out, after transforms."""
        ...

    @property
    def synthetic(self) -> Dataset:
        """The synthetic rows that were kept, in plan order; a seeded sample where there are over 50,000."""
        ...

    @property
    def synthetic_origin(self) -> np.ndarray:
        """The generator id of each row of `synthetic`, (N,) object."""
        ...

    def losses(self) -> Mapping[str, pd.DataFrame]:
        """Generator id to its training curve: columns `step` and one per loss."""
        ...

    def rejects(self) -> Mapping[str, Dataset]:
        """Filter id to the first 20 rows that it rejected."""
        ...


class Reporter(Component):
    """Writes something people read about a finished run."""

    kind = "reporter"

    @abstractmethod
    def write(self, run: RunView, folder: Path) -> list[Path]:
        """Write into `folder` and return what was written. Equal runs give equal bytes: no times, no host paths."""


class Sink(Component):
    """Writes data in a format that other tools read.

    `endings` names the files that it can write, such as `.csv`, or `/` for a folder: by them `augment sample` finds the
    sink for its output.
    """

    kind = "sink"
    endings: ClassVar[tuple[str, ...]] = ()

    @abstractmethod
    def write(self, name: str, batches: Iterable[Dataset], schema: Schema, folder: Path) -> list[Path]:
        """Write all batches, as they come, under that name (`train` or `test`) into `folder`.

        `schema` describes every batch, the origin column included. Batches are never all held at once. Returns what
        was written: files, or the top folder of many. Equal data gives equal bytes.
        """
