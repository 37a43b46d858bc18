"""The eight kinds of component: a base class each, with signatures and documentation only.

The host checks everything that a component receives and returns, so components contain no validation. Data is always in
human units (pounds, labels, uint8 pixels). Encoding it for a network is private to each component.

Shapes: N rows, C classes.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

import numpy as np
import pandas as pd

from augment.data import Dataset, Modality, Schema
from augment.plugin.accepts import EVERY_MODALITY
from augment.plugin.component import Component, Fitted, Params
from augment.plugin.context import Context
from augment.plugin.measured_gains import MeasuredGain
from augment.plugin.run_view import RunView
from augment.plugin.score import Score
from augment.plugin.state import write_state
from augment.plugin.suits import Suits

__all__ = [
    "Component",
    "Filter",
    "Fitted",
    "Generator",
    "Metric",
    "Params",
    "Probe",
    "Reporter",
    "Sink",
    "SinkParams",
    "Source",
    "Transform",
]


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

    `yields` declares the kinds of data that it can return, so that a pipeline can be checked before the data is read.
    `augment init` and `augment evaluate` use `endings`, `sniff`, `settings_for` and `further_settings` to find the
    source of a file, and its settings beside `path`. `augment init` also proposes the sink that has the name of the
    source, with the settings that both have and those of `settings_to_write`.

    Attributes:
        yields: kinds of data.
        endings: file extensions that it reads, in lower case with the dot, such as `.csv`; `/` means a folder.
        reads_only_paths: whether the data depends on the settings, the files and folders that they name, and the
            installed versions alone. A finished run is then recognised by the files' times, without reading them.
        way_back: if no sink has the name of the source, how rows of the default sink get to where the source reads; one
            sentence for the pipeline that `augment init` writes.
    """

    kind = "source"
    way_back: ClassVar[str] = ""
    yields: ClassVar[frozenset[Modality]] = EVERY_MODALITY
    endings: ClassVar[tuple[str, ...]] = ()
    reads_only_paths: ClassVar[bool] = False

    @classmethod
    def sniff(cls, path: Path, head: bytes) -> float | None:
        """The confidence, up to 1, that this source should read a file: .5 if only the extension matches, None if it
        cannot read the file. The source with the highest confidence is used; built-in sources win ties.

        Args:
            path: a file or folder, which may not exist.
            head: the first 64 KiB of the file; empty for a folder.

        Raises:
            DataError: it is only a part of what the source reads; the message names the right path.
        """
        known = "/" in cls.endings if path.is_dir() else path.name.lower().endswith(cls.endings)
        return 0.5 if known else None

    @classmethod
    def settings_for(cls, path: Path) -> dict[str, Any]:
        """The settings beside `path` that this file needs, as far as they are known before it is read."""
        return {}

    @classmethod
    def settings_for_address(cls, address: str, given: Mapping[str, Any]) -> dict[str, Any] | None:
        """All settings that the data at an address needs, such as `postgresql://host/name`; `path` among them if that
        is a file. None if this source reads no such addresses.

        Args:
            address: what the user has named.
            given: settings that the user has named beside it.

        Raises:
            DataError: it is not what it should be, or cannot be reached. No message repeats a password.
        """
        return None

    @classmethod
    def further_settings(cls, path: Path, settings: Mapping[str, Any], data: Dataset | None) -> dict[str, Any]:
        """Further settings, after a first read. The host reads again with them until there are no more.

        Args:
            path: the file or folder.
            settings: the settings that it was read with.
            data: the result; None if it could not be read.
        """
        return {}

    @classmethod
    def settings_to_write(cls, path: Path, settings: Mapping[str, Any], data: Dataset) -> dict[str, Any]:
        """Settings with which the sink of the same name writes files like this one, besides those of the same name.

        Args:
            path: the file or folder.
            settings: the settings that it was read with.
            data: the result.
        """
        return {}

    @classmethod
    def group_for(cls, settings: Mapping[str, Any], data: Dataset) -> tuple[str, str] | None:
        """The column by which `augment init` splits the rows, so that those of one value are in the same part, and why;
        None if single rows are independent, as far as the source can see. `data`, with the target that was chosen, was
        read with `settings`."""
        return None

    @abstractmethod
    def read(self, context: Context) -> Dataset:
        """The whole dataset, in the same order every time.

        `context.declared` is the pipeline's `schema:` section. Pass it to `augment.data.infer`, and use it to parse
        text (a declared `category` such as a postcode keeps its leading zeros).

        Raises:
            DataError: the data cannot be read; the message names file and line.
        """


class Transform(Fitted):
    """Transforms real rows before anything else is fitted. Fitted on the training part, applied to both parts.

        class Absolute(Transform):
            name = "absolute"

            def apply(self, data):
                return Dataset(data.frame.assign(x=data.frame.x.abs()), data.arrays, data.schema)

    The result stays in human units. A transform can change columns and schema, and drop training rows. It must keep all
    held-out rows in their order, and change each only by what `fit` learned, not by neighbouring rows. `fills_missing`
    declares that no feature has missing values afterwards; `augment init` proposes such a transform for generators that
    need it.
    """

    kind = "transform"
    fills_missing: ClassVar[bool] = False

    def fit(self, data: Dataset, context: Context) -> Self:
        """Learn from the training part. The default learns nothing."""
        return self

    @abstractmethod
    def apply(self, data: Dataset) -> Dataset:
        """The transformed rows. The input must not be modified."""

    def save(self, folder: Path) -> None:
        """Write the fitted state. The default writes nothing."""
        write_state(folder, {}, {})

    @classmethod
    def load(cls, folder: Path, params: Any) -> Self:
        """Read what `save` has written."""
        return cls(params)


class Generator(Fitted):
    """Learns from the training part and samples synthetic rows.

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
                choice, noise = context.rng.spawn(2)  # separate streams, drawn row by row: k rows are the first k of n
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

    `origin` declares what synthetic rows start from: `noise`, modified training `rows`, or `copies` of them. `suits`
    declares for which data `augment init` can propose it, with one entry per kind of data. `tunes` maps settings to the
    values that `tune: true` tries beside the default, such as `{"scale": (0.03, 0.3)}`: few settings, whose best value
    was measured to depend on the data, with few values each. In all they have at most 12 combinations.
    """

    kind = "generator"
    suits: ClassVar[tuple[Suits, ...]] = ()
    tunes: ClassVar[Mapping[str, Sequence[Any]]] = {}
    origin: ClassVar[Literal["noise", "rows", "copies"]] = "noise"

    @classmethod
    def settings_for(cls, data: Dataset) -> dict[str, tuple[Any, str]]:
        """The settings that `augment init` writes where the defaults do not suit the data, each with the reason."""
        return {}

    @abstractmethod
    def fit(self, data: Dataset, context: Context) -> Self:
        """Learn from the training part (ids are already dropped) and return self.

        Report progress, and save checkpoints in long fits. Do not store training rows: the host provides them to
        `sample` as `context.train`.
        """

    @abstractmethod
    def sample(self, given: pd.DataFrame, context: Context) -> Dataset:
        """Exactly `len(given)` synthetic rows with the schema of the training part.

        Args:
            given: one row per requested sample (N), with a RangeIndex. Its columns are the requested values, in the
                types of the schema. Without columns, sampling is unconditional.

        The result has equal values in the columns of `given`. It depends only on the fitted state, the training part,
        `given` and `context.seed`. With the same seed, `sample(given[:k])` equals `sample(given)[:k]` for any k up to
        the chunk size. To achieve that, draw full batches of a fixed size and cut off the rest.
        """


class Filter(Fitted):
    """Assigns a value to each synthetic row. Rows below the threshold are rejected and redrawn.

    A subclass sets `threshold` in `fit` and saves it with its state. `skips` lists the origins of generators to which
    it does not apply.
    """

    kind = "filter"
    threshold: float = 0.5
    skips: ClassVar[frozenset[str]] = frozenset()

    @abstractmethod
    def fit(self, reference: Dataset, pilot: Dataset, context: Context) -> Self:
        """Learn the threshold and what it is compared with.

        Args:
            reference: the training part.
            pilot: a first, unfiltered sample of the generators.
        """

    @abstractmethod
    def judge(self, candidates: Dataset, context: Context) -> np.ndarray:
        """One value per candidate, (N,), that depends on that row alone. Rows with at least `threshold` are kept."""


class Probe(Component):
    """A downstream model, of the kind that the user would train, for the trial. It is never saved.

    `takes_factory` is true for the probe that `use: package.module:function` refers to. Its settings are `factory`,
    that text, and `file`, the module's file if it is beside the pipeline. A pipeline may name a factory of the packages
    in `libraries`; the probe must see that it is a class of a model before it calls it. The host refuses any other
    package that the user does not trust. The probe receives those that it does as `context.trusted`.

    `deterministic` is true for a probe that is the same model with every seed, for equal rows and weights. A trial then
    fits it once where the rows do not change.
    """

    kind = "probe"
    takes_factory: ClassVar[bool] = False
    libraries: ClassVar[frozenset[str]] = frozenset()
    deterministic: ClassVar[bool] = False

    @classmethod
    def settings_to_try(cls, params: Any) -> Sequence[Mapping[str, Any]]:
        """Changes to the settings `params` that the arm `tuned` of a trial tries, at most a handful.

        Each is a mapping of settings to values, such as `{"max_leaf_nodes": 6}`. The arm has those that do best in a
        cross-validation of the training part. By default there are none, and there is no such arm.
        """
        return ()

    @classmethod
    def measured_gains(cls, params: Any) -> Sequence[MeasuredGain]:
        """What ways to train were measured to gain with this model, with the settings `params`.

        The search for the mix tries what may gain, and starts from these figures. By default there are none.
        """
        return ()

    @abstractmethod
    def fit(self, data: Dataset, context: Context, weights: np.ndarray | None = None) -> Self:
        """Train on these rows, with optional weights (N,) float for each row's loss."""

    @abstractmethod
    def predict(self, data: Dataset) -> np.ndarray:
        """Class probabilities, (N, C) float, or values, (N,), for a numeric target.

        Classes are in the order of `schema.classes` of the fitted data. The target is not in `data`.
        """


class Metric(Component):
    """Scores synthetic rows against real ones."""

    kind = "metric"
    can_void: ClassVar[bool] = False
    """Whether its scores can void the verdict (`Score.voids`). With `trial: {cuts: N}`, it then looks at the rows of
    every split; other metrics look at those that are written."""

    @abstractmethod
    def score(self, synthetic: Dataset, train: Dataset, holdout: Dataset, context: Context) -> list[Score]:
        """The scores. All three parts have the same columns. Each can be a seeded sample."""


class Reporter(Component):
    """Writes a report about a finished run.

    `files` lists names that it writes whatever its settings, so that two reporters with one name are refused early.
    """

    kind = "reporter"
    files: ClassVar[tuple[str, ...]] = ()

    @abstractmethod
    def write(self, run: RunView, folder: Path) -> list[Path]:
        """Write into the empty `folder` and return the paths. What is written moves into the run's folder.

        Equal runs must give equal bytes, so write no times or paths.
        """


class SinkParams(Params):
    """The settings of every sink. The `Params` of a sink derive from these."""

    rows: Literal["all", "synthetic"] = "all"
    """Which rows are written: `all`, as `train` and `test`; or those that were generated alone, as `synthetic`."""


class Sink(Component):
    """Writes data in a format that other tools read.

    `endings` lists the file extensions that it can write, such as `.csv`, or `/` for a folder. `augment sample` uses
    them to find the sink for its output. `augment init` proposes the sink that has the name of the source, with the
    settings that both have. `holds_origin` declares whether the files say where each row came from; if not, the rows
    are also written by the default sink.
    """

    kind = "sink"
    endings: ClassVar[tuple[str, ...]] = ()
    holds_origin: ClassVar[bool] = True
    Params = SinkParams

    @classmethod
    def settings_to_read(cls, params: Any) -> dict[str, Any]:
        """Settings with which the source of the same name reads what was written, besides those of the same name.

        Args:
            params: the settings that it was written with.
        """
        return {}

    @abstractmethod
    def write(self, name: str, batches: Iterable[Dataset], schema: Schema, folder: Path) -> list[Path]:
        """Write all batches in order into the empty `folder`, under this name: `train`, then `test`, or `synthetic`.

        `schema` describes every batch, including the origin column. Do not keep all batches in memory. Return the files
        that were written, or the top folder of many. Equal data must give equal bytes.
        """
