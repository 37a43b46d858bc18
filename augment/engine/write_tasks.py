"""The tasks that write: a sink streams real and synthetic rows, a reporter shows the run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from augment.data import Column, Dataset, Schema, conform
from augment.engine.jobs import Emit, Task
from augment.engine.judge_tasks import load_parts
from augment.engine.tasks import CATALOG, calling, progress_of
from augment.errors import PluginError
from augment.plan.caps import capped_rows
from augment.plugin.contracts import Reporter, Sink
from augment.plugin.run_metrics import RunMetrics
from augment.spec.stages import Bound, bound_from_json
from augment.storage.written_rows import REAL

__all__ = ["REAL", "report", "with_origin", "write"]

BATCH_ROWS = 16_384
BATCH_ARRAYS = 1_024  # rows with arrays: encoding 10,000 pictures takes many seconds, in which nothing would be told


def with_origin(schema: Schema, origin_column: str, origins: list[str]) -> Schema:
    """The schema of written data: with the column that says where each row came from."""
    origin = Column(type="category", categories=tuple(origins), nullable=False)
    return schema.model_copy(update={"columns": {**schema.columns, origin_column: origin}})


def write(init: Mapping[str, Any], emit: Emit) -> Task:
    """Write one part of the dataset through a sink.

    init: `component`, `folder`, `schema` (of the written data, origin included), `origin_column`. Row: `name` (train or
    test), `parts` (pairs of dataset folder and origin), `first_id` (id column to the number of the first synthetic row
    and what stands before it: nothing in a column of integers).
    Result: `files`, relative to the folder, and `rows`.
    """
    bound = bound_from_json(init["component"], CATALOG)
    schema = Schema.model_validate(init["schema"])

    def run(row: Mapping[str, Any]) -> Mapping[str, Any]:
        sink: Any = bound.cls(bound.params)
        assert isinstance(sink, Sink)
        folder = Path(init["folder"])
        rows, complete = 0, False
        # the hold-out may have tokens that the training part has not, and then names more of them
        parts = [(Dataset.load(Path(folder)), origin) for folder, origin in row["parts"]]
        own = schema.model_copy(update={"arrays": parts[0][0].schema.arrays})
        total = sum(len(part) for part, _ in parts)
        progress = progress_of(f"write {row['name']}", bound, emit)

        def counted() -> Iterator[Dataset]:
            nonlocal rows, complete
            for batch in _batches(parts, own, init["origin_column"], row["first_id"]):
                rows += len(batch)
                yield batch
                progress(rows, total, {})
            complete = True

        with calling(bound, "write"):
            written = sink.write(row["name"], counted(), own, folder)
        if not complete:
            raise PluginError(f"{bound.what}: write stopped after {rows} rows and left the others unwritten")
        return {"files": _written(bound, written, folder), "rows": rows}

    return run


def _batches(
    parts: list[tuple[Dataset, str]], schema: Schema, origin_column: str, first_id: Mapping[str, tuple[str, int]]
) -> Iterator[Dataset]:
    """All rows, part after part; ids that synthetic rows lack are numbered on."""
    made = 0
    types: dict[str, Any] = {}
    for part, origin in parts:
        for batch in part.batches(BATCH_ARRAYS if schema.arrays else BATCH_ROWS):
            frame = batch.frame.assign(**{origin_column: pd.Categorical([origin] * len(batch))})
            if origin == REAL:
                types = {name: frame[name].dtype for name in first_id}
            else:
                numbers = pd.Series(np.arange(made, made + len(batch)))
                for name, (prefix, first) in first_id.items():
                    fresh = prefix + (numbers + first).astype(str) if prefix else numbers + first
                    frame[name] = fresh.astype(types.get(name, fresh.dtype))
                made += len(batch)
            yield Dataset(conform(frame, schema), batch.arrays, schema)


def report(init: Mapping[str, Any], emit: Emit) -> Task:
    """Let a reporter write about the run.

    init: `component`, `folder` (the run's, unfinished), `name`, `key`, `pipeline`, `schema`, `metrics`, `train`,
    `test`, `synthetic` (pairs of dataset folder and generator id), `rejects` (filter id to dataset folders), `seed`.
    Row: `out`, the folder to write into. Result: `files`, relative to it.
    """
    bound = bound_from_json(init["component"], CATALOG)

    def run(row: Mapping[str, Any]) -> Mapping[str, Any]:
        reporter: Any = bound.cls(bound.params)
        assert isinstance(reporter, Reporter)
        folder = Path(row["out"])
        with calling(bound, "write"):
            written = reporter.write(_view(init), folder)
        return {"files": _written(bound, written, folder)}

    return run


def _written(bound: Bound, paths: Any, folder: Path) -> list[str]:
    """What a component says that it wrote, relative to the folder; all of it is there."""
    listed = isinstance(paths, list | tuple) and all(isinstance(path, str | Path) for path in paths)
    if not listed or not all(Path(path).is_relative_to(folder) and Path(path).exists() for path in paths):
        expected = f"a list of paths that it wrote below {folder} was expected"
        raise PluginError(f"{bound.what}: write returned {paths!r}; {expected}")
    return [Path(path).relative_to(folder).as_posix() for path in paths]


@dataclass(frozen=True)
class _View:
    """A run as reporters see it: see `augment.plugin.RunView`."""

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
    rejected: Mapping[str, list[str]]

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
            name: Dataset.concat([Dataset.load(Path(folder)) for folder in folders]).take(slice(0, 20))
            for name, folders in self.rejected.items()
            if folders
        }


def _view(init: Mapping[str, Any]) -> _View:
    train = Dataset.load(Path(init["train"]))
    folders, names = [folder for folder, _ in init["synthetic"]], [name for _, name in init["synthetic"]]
    synthetic = load_parts(folders, init["seed"]) if folders else train.take(slice(0, 0))
    origin = np.repeat(np.array(names, dtype=object), [len(Dataset.load(Path(folder))) for folder in folders])
    origin = origin[capped_rows(len(origin), init["seed"])]
    return _View(
        folder=Path(init["folder"]),
        name=init["name"],
        key=init["key"],
        pipeline=init["pipeline"],
        schema=Schema.model_validate(init["schema"]),
        metrics=RunMetrics.model_validate(init["metrics"]),
        train=train,
        test=Dataset.load(Path(init["test"])),
        synthetic=synthetic,
        synthetic_origin=origin,
        rejected=init["rejects"],
    )
