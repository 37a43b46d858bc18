"""The tasks that write: a sink streams real and synthetic rows, a reporter shows the run."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from augment.data import Column, Dataset, Schema, as_labels, conform
from augment.data.conformity import categorical_dtype
from augment.engine.jobs import Call
from augment.engine.judge_tasks import load_parts
from augment.engine.tasks import Component, calling, progress_reporter
from augment.errors import PluginError
from augment.plan.caps import capped_rows
from augment.plan.new_ids import NewIds
from augment.plugin.contracts import Reporter, Sink
from augment.plugin.run_metrics import RunMetrics
from augment.spec.stages import Bound
from augment.storage.written_rows import REAL

__all__ = ["REAL", "ReportTask", "View", "WriteTask", "Written", "filled", "report", "with_origin", "write"]

BATCH_CELLS, MAX_BATCH_ROWS = 1 << 20, 65_536
BATCH_ARRAYS = 1_024  # rows with arrays: encoding 10,000 pictures takes many seconds, in which nothing would be told


def with_origin(schema: Schema, origin_column: str, origins: list[str]) -> Schema:
    """The schema of written data: with the column that says where each row came from."""
    origin = Column(type="category", categories=tuple(origins), nullable=False)
    return schema.model_copy(update={"columns": {**schema.columns, origin_column: origin}})


@dataclass(frozen=True)
class WriteTask:
    """Argument of `write`.

    Attributes:
        name: of the part of the dataset: train, test or synthetic.
        parts: dataset folders with the origin of their rows.
        schema: of the written data, origin included.
        new_ids: id column to the ids of synthetic rows.
        fill: other column that synthetic rows lack to its value in them.
        real: dataset folder of the real rows that synthetic ones take their starts from; None where there are none.
    """

    bound: Component
    name: str
    parts: tuple[tuple[Path, str], ...]
    schema: Schema
    origin_column: str
    new_ids: Mapping[str, NewIds]
    out: Path
    fill: Mapping[str, str | None] = field(default_factory=dict)
    real: Path | None = None


@dataclass(frozen=True)
class Written:
    """Files, relative to the folder that they were written to, and the rows in them."""

    files: list[str]
    rows: int = 0


def write(task: WriteTask, call: Call) -> Written:
    """Write one part of the dataset through a sink."""
    bound = task.bound
    sink: Any = bound.cls(bound.params)
    assert isinstance(sink, Sink)
    rows, complete = 0, False
    # the hold-out may have tokens that the training part has not, and then names more of them
    parts = [(Dataset.load(folder), origin) for folder, origin in task.parts]
    own = task.schema
    if parts:
        met = {name: {"vocabulary": array.vocabulary} for name, array in parts[0][0].schema.arrays.items()}
        arrays = {name: array.model_copy(update=met[name]) for name, array in own.arrays.items()}
        own = own.model_copy(update={"arrays": arrays})
    total = sum(len(part) for part, _ in parts)
    progress = progress_reporter(f"write {task.name}", bound, call)

    def counted() -> Iterator[Dataset]:
        nonlocal rows, complete
        for batch in _batches(parts, own, task):
            rows += len(batch)
            yield batch
            progress(rows, total, {})
        complete = True

    with calling(bound, "write"):
        written = sink.write(task.name, counted(), own, task.out)
    if not complete:
        raise PluginError(f"{bound.what}: write stopped after {rows} rows and left the others unwritten")
    return Written(_written(bound, written, task.out), rows)


def _batches(parts: list[tuple[Dataset, str]], schema: Schema, task: WriteTask) -> Iterator[Dataset]:
    """All rows, part after part; synthetic rows get the columns that no component sees."""
    num_synthetic = 0
    types: dict[str, Any] = {}
    starts = _Starts.of(schema, task.real, task.fill)
    known = schema.columns[task.origin_column].categories or ()
    for batch, origin in _in_batches(parts, schema):
        codes = np.full(len(batch), known.index(origin))
        origins = pd.Categorical.from_codes(codes, dtype=categorical_dtype(known))
        frame = batch.frame.assign(**{task.origin_column: origins})
        if origin == REAL:
            types = {name: frame[name].dtype for name in task.fill}
        else:
            for name, ids in task.new_ids.items():
                frame[name] = ids.take(num_synthetic, len(batch))
            for name, value in task.fill.items():
                frame[name] = filled(value, len(batch), types.get(name, "str"))
            frame = starts.given_to(frame)
            num_synthetic += len(batch)
        yield Dataset(conform(frame, schema), batch.arrays, schema)


def _in_batches(parts: list[tuple[Dataset, str]], schema: Schema) -> Iterator[tuple[Dataset, str]]:
    """The rows in batches of one origin, of a size that depends on the columns; small parts are put together."""
    if schema.arrays:
        for part, origin in parts:
            yield from ((batch, origin) for batch in part.batches(BATCH_ARRAYS))
        return
    size = min(MAX_BATCH_ROWS, max(BATCH_ARRAYS, BATCH_CELLS // len(schema.columns)))
    for origin, group in itertools.groupby(parts, key=lambda item: item[1]):
        held: list[Dataset] = []
        for part, _ in group:
            for batch in part.batches(size):
                if sum(map(len, held)) + len(batch) > size:
                    yield Dataset.concat(held), origin
                    held = []
                held.append(batch)
        if held:
            yield Dataset.concat(held), origin


def filled(value: str | None, num_rows: int, dtype: Any) -> pd.Series:
    """So many rows of one value, or of none, in the type of a column of ids."""
    whole = pd.api.types.is_integer_dtype(dtype)
    return pd.Series([value] * num_rows, dtype="str").astype("Int64" if whole else "str")


@dataclass
class _Starts:
    """The starts of real series, which synthetic ones get in turn: of their class, where the target has classes.

    Attributes:
        names: the columns.
        target: the target, where it has classes.
        real: the real rows of each label, with these columns.
        num_given: how many synthetic rows of each label have theirs already.
    """

    names: list[str]
    target: str | None
    real: dict[Any, pd.DataFrame]
    num_given: Counter[Any] = field(default_factory=Counter)

    @classmethod
    def of(cls, schema: Schema, real: Path | None, others: Collection[str]) -> _Starts:
        names = [name for name in schema.set_aside if schema.columns[name].type != "id" and name not in others]
        target = schema.target if schema.task == "classes" else None
        if real is None or not names:
            return cls(names, target, {})
        frame = Dataset.load(real).frame
        labels = as_labels(frame[target]) if target else np.full(len(frame), None)
        rows = {label: frame.loc[labels == label, names] for label in set(labels.tolist())} if target else {}
        return cls(names, target, {**rows, None: frame[names]})

    def given_to(self, frame: pd.DataFrame) -> pd.DataFrame:
        """The synthetic rows with their starts; missing ones where no real row is at hand."""
        if not self.names:
            return frame
        labels = as_labels(frame[self.target]) if self.target else np.full(len(frame), None)
        chosen = []
        for label in labels.tolist():
            rows = self.real.get(label, self.real.get(None))
            chosen.append(None if rows is None else rows.index[self.num_given[label] % len(rows)])
            self.num_given[label] += 1
        whole = self.real.get(None)
        if whole is None:
            return frame.assign(**dict.fromkeys(self.names, None))
        return frame.assign(**{name: whole.loc[chosen, name].to_numpy() for name in self.names})


@dataclass(frozen=True)
class ReportTask:
    """Argument of `report`.

    Attributes:
        out: the folder to write into.
        folder: the run's folder, unfinished.
        synthetic: dataset folders with the ids of their generators.
        rejects: filter id to dataset folders.
    """

    bound: Component
    out: Path
    folder: Path
    name: str
    key: str
    pipeline: Mapping[str, Any]
    metrics: RunMetrics
    train: Path
    test: Path
    synthetic: tuple[tuple[Path, str], ...]
    rejects: Mapping[str, list[Path]]
    seed: int


def report(task: ReportTask, call: Call) -> Written:
    """Let a reporter write about the run."""
    bound = task.bound
    reporter: Any = bound.cls(bound.params)
    assert isinstance(reporter, Reporter)
    with calling(bound, "write"):
        written = reporter.write(_view(task), task.out)
    return Written(_written(bound, written, task.out))


def _written(bound: Bound, paths: Any, folder: Path) -> list[str]:
    """What a component says that it wrote, relative to the folder; all of it is there."""
    listed = isinstance(paths, list | tuple) and all(isinstance(path, str | Path) for path in paths)
    if not listed or not all(Path(path).is_relative_to(folder) and Path(path).exists() for path in paths):
        expected = f"a list of paths that it wrote below {folder} was expected"
        raise PluginError(f"{bound.what}: write returned {paths!r}; {expected}")
    return [Path(path).relative_to(folder).as_posix() for path in paths]


@dataclass(frozen=True)
class View:
    """What reporters see of a run, its files apart: see `augment.plugin.RunView`."""

    folder: Path
    name: str
    key: str
    pipeline: Mapping[str, Any]
    schema: Schema
    metrics: RunMetrics
    train: Dataset
    test: Dataset
    synthetic: Dataset
    synthetic_origin: np.ndarray


@dataclass(frozen=True)
class _ViewWithFiles(View):
    """The whole of it."""

    rejected: Mapping[str, list[Path]]

    def losses(self) -> Mapping[str, pd.DataFrame]:
        """Generator id to its training curve."""
        return {
            path.parent.name: pd.read_csv(path)
            for path in sorted((self.folder / "models").glob("*/losses.csv"))
            if path.read_text(encoding="utf-8").count("\n") > 1
        }

    def rejects(self) -> Mapping[str, Dataset]:
        """Filter id to the first 20 rows that it rejected."""
        return {
            name: Dataset.concat([Dataset.load(folder) for folder in folders]).take(slice(0, 20))
            for name, folders in self.rejected.items()
            if folders
        }


def _view(task: ReportTask) -> _ViewWithFiles:
    train = Dataset.load(task.train)
    folders = [folder for folder, _ in task.synthetic]
    synthetic = load_parts(folders, task.seed) if folders else train.take(slice(0, 0))
    names = np.array([name for _, name in task.synthetic], dtype=object)
    origin = np.repeat(names, [len(Dataset.load(folder)) for folder in folders])
    return _ViewWithFiles(
        folder=task.folder,
        name=task.name,
        key=task.key,
        pipeline=task.pipeline,
        schema=train.schema,
        metrics=task.metrics,
        train=train,
        test=Dataset.load(task.test),
        synthetic=synthetic,
        synthetic_origin=origin[capped_rows(len(origin), task.seed)],
        rejected=task.rejects,
    )
