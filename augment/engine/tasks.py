"""The tasks that read and learn: read a source, fit a transform, generator or filter, apply a transform.

What every task shares stands here too: its component, calling it so that its failure is an error naming it, and the
Context that it is lent. Data goes in and out as dataset folders.
"""

from __future__ import annotations

import csv
import hashlib
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pandas as pd
from pydantic import PlainSerializer, PlainValidator

from augment.data import Dataset, SchemaDeclaration, check
from augment.data.conformity import made_by, unknown_labels
from augment.engine.jobs import Call
from augment.errors import AugmentError, PluginError, out_of_memory, place
from augment.plugin.catalog import Catalog
from augment.plugin.context import Checkpoint, Context
from augment.plugin.contracts import Filter, Fitted, Source, Transform
from augment.plugin.kinds import Kind
from augment.spec.stages import Bound, bound_from_json
from augment.storage.atomic_files import is_disk_fault, whole
from augment.storage.hashes import content_key
from augment.storage.store import withdraw
from augment.text import listing

__all__ = [
    "ApplyTask",
    "Component",
    "FitTask",
    "Losses",
    "ReadTask",
    "Saved",
    "apply",
    "calling",
    "devices",
    "fit",
    "fit_component",
    "frame_hash",
    "lend",
    "load_fitted",
    "progress_reporter",
    "read",
    "read_descriptions",
    "save_fitted",
]

Losses = Mapping[int, Mapping[str, float]]  # of a fit, by step and name
NOT_FROM_CONTENT = (ImportError, MemoryError, OSError, RuntimeError)  # of a state that does not load, though it is good
CATALOG = Catalog()  # what is installed does not change while a process lives


def _bound(value: Bound | Mapping[str, Any]) -> Bound:
    return value if isinstance(value, Bound) else bound_from_json(value, CATALOG)


Component = Annotated[Bound, PlainValidator(_bound), PlainSerializer(Bound.to_json)]
"""A bound component in the argument of a task: on the wire it is what it is called, and its settings."""


@dataclass(frozen=True)
class Saved:
    """A dataset folder that a task has written."""

    rows: int
    fingerprint: str


@contextmanager
def calling(bound: Bound, verb: str) -> Iterator[None]:
    """Run a component's method: whatever goes wrong in it becomes an error that names the component and the stage."""
    folder, environment = os.getcwd(), dict(os.environ)
    try:
        # standard output is for results; what a source reads is the user's
        with redirect_stdout(sys.stderr), nullcontext() if verb == "read" else made_by(f"{bound.what}: {verb}"):
            yield
    except AugmentError:
        raise
    except (Exception, SystemExit) as error:
        if isinstance(error, OSError) and is_disk_fault(error):
            raise  # not the component's fault; whoever opened the task tells it
        if isinstance(error, MemoryError):
            raise PluginError(out_of_memory(f"{bound.what}: {verb}", error)) from error
        where = place(error, bound.cls.__module__)  # a traceback does not cross to another process
        raise PluginError(f"{bound.what} failed in {verb}: {type(error).__name__}: {error}{where}") from error
    finally:
        os.chdir(folder)
        if os.environ != environment:
            os.environ.clear()
            os.environ.update(environment)


@contextmanager
def lend(call: Call, seed: int, **more: Any) -> Iterator[Context]:
    """A Context with a scratch folder that is gone afterwards.

    Args:
        call: of the task.
        seed: of this very call of a component.
        more: the Context's other fields.
    """
    folder = Path(tempfile.mkdtemp(prefix="call-", dir=call.host.scratch))
    try:
        host = call.host
        yield Context(seed, folder, device=host.device, threads=host.threads, trusted=host.trusted, **more)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@dataclass(frozen=True)
class ReadTask:
    """Argument of `read`; `declared` is the pipeline's `schema:` section."""

    bound: Component
    declared: SchemaDeclaration
    seed: int
    out: Path


def read(task: ReadTask, call: Call) -> Saved:
    """Read a source into a dataset folder."""
    bound = task.bound
    component: Any = bound.cls(bound.params)
    assert isinstance(component, Source)
    progress = progress_reporter("read", bound, call)
    with lend(call, task.seed, declared=task.declared, progress=progress) as context:
        with calling(bound, "read"):
            data = component.read(context)
        _expect_dataset(bound, "read", data)
        if problems := check(data.frame, data.arrays, data.schema):
            raise PluginError(f"{bound.what} read data that does not fit its own schema: {'; '.join(problems)}")
        with whole(task.out) as out:
            data.save(out)
    return Saved(len(data), data.fingerprint())


@dataclass(frozen=True)
class FitTask:
    """Argument of `fit`.

    Attributes:
        train: dataset folder of the training part.
        metadata: for `<kind>.json`.
        checkpoint: folder for positions of the fit.
        pilot: for filters, dataset folder of the sample that they are fitted beside.
    """

    bound: Component
    train: Path
    seed: int
    out: Path
    metadata: Mapping[str, str | int]
    checkpoint: Path | None = None
    pilot: Path | None = None


def fit(task: FitTask, call: Call) -> None:
    """Fit a transform, generator or filter on the training part, and save its state.

    The folder `out` then holds the component's own files, `<kind>.json` that says what made it (and a filter's
    threshold), and `losses.csv` with what it reported.
    """
    bound, train = task.bound, Dataset.load(task.train)
    pilot = None if task.pilot is None else Dataset.load(task.pilot)
    fitted, losses = fit_component(bound, train, task.seed, call, pilot=pilot, checkpoint=Checkpoint(task.checkpoint))
    with whole(task.out) as out:
        save_fitted(bound, fitted, losses, task.metadata, out)
        del fitted  # one state in memory at a time
        load_fitted(bound, out)  # no state is kept that does not load: a library may have hidden that the disk is full


def fit_component(
    bound: Bound, train: Dataset, seed: int, call: Call, *, pilot: Dataset | None = None, checkpoint: Checkpoint
) -> tuple[Fitted, Losses]:
    """A component fitted on these rows, and what it reported: step to losses by name.

    Raises:
        PluginError: it failed, or broke the contract of `fit`.
    """
    component: Any = bound.cls(bound.params)
    before = frame_hash(train)
    losses_by_step: dict[int, Mapping[str, float]] = {}
    report = progress_reporter("fit", bound, call)

    def progress(step: int, total: int, losses: Mapping[str, float]) -> None:
        losses_by_step[int(step)] = {name: float(value) for name, value in losses.items()}
        report(step, total, losses)

    lent = {"train": train, "progress": progress, "checkpoint": checkpoint}
    with lend(call, seed, **lent) as context, calling(bound, "fit"):
        fitted: Any
        if isinstance(component, Filter):
            assert pilot is not None
            fitted = component.fit(train, pilot, context)
        else:
            fitted = component.fit(train, context)
    if fitted is not component:
        raise PluginError(f"{bound.what}: fit returned {type(fitted).__name__}; it must return the component itself")
    if frame_hash(train) != before:
        raise PluginError(f"{bound.what}: fit changed the training rows; they are read only")
    return fitted, losses_by_step


def save_fitted(bound: Bound, fitted: Fitted, losses: Losses, metadata: Mapping[str, str | int], out: Path) -> None:
    """Write a fitted component into a new folder, with what made it, as `fit` does.

    Raises:
        PluginError: it failed in `save`.
    """
    out.mkdir()
    with calling(bound, "save"):
        fitted.save(out)
    facts: dict[str, Any] = {**metadata, "component": _without_paths(bound)}
    if isinstance(fitted, Filter):
        facts["threshold"] = float(fitted.threshold)
    _write_json(out / f"{bound.kind}.json", facts)
    _write_losses(out / "losses.csv", losses)


def read_descriptions(kind: Kind, folder: Path) -> None:
    """Read what `fit` has written beside the component's own files.

    Raises:
        OSError, ValueError: a file is missing or is not what `fit` writes.
    """
    json.loads((folder / f"{kind}.json").read_text(encoding="utf-8"))["component"]
    pd.read_csv(folder / "losses.csv")


@dataclass(frozen=True)
class ApplyTask:
    """Argument of `apply`; `folder` has the state of the transform, `data` and `out` are dataset folders."""

    bound: Component
    folder: Path
    data: Path
    out: Path
    is_holdout: bool


def apply(task: ApplyTask, call: Call) -> Saved:
    """Apply a fitted transform."""
    bound = task.bound
    component = load_fitted(bound, task.folder)
    assert isinstance(component, Transform)
    data = Dataset.load(task.data)
    with calling(bound, "apply"):
        changed = component.apply(data)
    _expect_dataset(bound, "apply", changed)
    if problems := check(changed.frame, changed.arrays, changed.schema):
        raise PluginError(f"{bound.what}: apply gave data that does not fit its own schema: {'; '.join(problems)}")
    unknown = {} if task.is_holdout else unknown_labels(changed.frame, changed.schema)
    for name, (labels, _) in unknown.items():
        raise PluginError(
            f"{bound.what}: apply gave column {name!r} labels that its own schema does not list: {listing(labels)}"
        )
    if changed.schema.target != data.schema.target:
        raise PluginError(f"{bound.what}: apply changed the target from {data.schema.target!r}")
    if task.is_holdout:
        _expect_row_by_row(bound, component, data, changed)
    with whole(task.out) as out:
        changed.save(out)
    return Saved(len(changed), changed.fingerprint())


def _expect_row_by_row(bound: Bound, component: Transform, holdout: Dataset, changed: Dataset) -> None:
    """The hold-out is judged whole: none of its rows may leave, change places, or depend on the other rows."""
    if len(changed) != len(holdout):
        raise PluginError(
            f"{bound.what}: apply made {len(changed)} rows of the {len(holdout)} in the hold-out, which is judged "
            "whole; leave such rows out of the source"
        )
    half = slice(len(holdout) // 2, None)
    with calling(bound, "apply"):
        part = component.apply(holdout.take(half))
    if not _nearly_equal(part, changed.take(half)):
        raise PluginError(
            f"{bound.what}: apply gave half of the hold-out other values than the whole; it must keep the rows in "
            "their order, and change each by what `fit` learnt, never by the other rows"
        )


def _nearly_equal(one: Dataset, other: Dataset) -> bool:
    """Whether all values are the same but for the last digits of numbers."""
    if len(one) != len(other) or list(one.frame) != list(other.frame) or set(one.arrays) != set(other.arrays):
        return False
    numbers = [name for name in one.frame if one.frame[name].dtype == other.frame[name].dtype == np.float64]
    rest = [name for name in one.frame if name not in numbers]
    close: dict[str, Any] = {"rtol": 1e-5, "atol": 1e-6, "equal_nan": True}
    return (
        one.frame[rest].astype("object").equals(other.frame[rest].astype("object"))
        and np.allclose(one.frame[numbers], other.frame[numbers], **close)
        and all(np.allclose(one.arrays[name], other.arrays[name], **close) for name in one.arrays)
    )


def frame_hash(data: Dataset) -> str:
    """A hash of all that a component could change: columns, and arrays that are no memory maps, which are read only.

    Unlike a fingerprint, which other processes compare, it takes values as they lie in memory.
    """
    digest = hashlib.sha256()
    for name in data.frame.columns:
        values = data.frame[name]
        digest.update(f"{name}\0{values.dtype}\0".encode())
        if isinstance(values.dtype, pd.CategoricalDtype):
            digest.update("\0".join(map(str, values.dtype.categories)).encode())
            values = values.cat.codes
        if isinstance(values.dtype, np.dtype) and values.dtype != object:
            digest.update(np.ascontiguousarray(values.to_numpy()).view(np.uint8).data)
        else:
            digest.update(pd.util.hash_pandas_object(values, index=False, categorize=True).to_numpy().tobytes())
            digest.update(values.isna().to_numpy().tobytes())
    for array in data.arrays.values():
        if array.flags.writeable:
            digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def devices(task: None, call: Call) -> int:
    """Count the CUDA devices that torch can use."""
    import torch

    return torch.cuda.device_count() if torch.cuda.is_available() else 0


def load_fitted(bound: Bound, folder: Path) -> Fitted:
    """Bring a fitted component back from its folder.

    Raises:
        AugmentError: it does not load. If the content of a stored fit is to blame, it is made again the next time.
    """
    assert issubclass(bound.cls, Fitted)
    try:
        with calling(bound, "load"):
            component: Fitted = bound.cls.load(folder, bound.params)
    except AugmentError as error:
        if isinstance(error.__cause__, NOT_FROM_CONTENT) or not withdraw(folder):
            raise
        raise type(error)(f"{error}; the stored fit is discarded, and the same command makes it again") from error
    if not isinstance(component, bound.cls):
        raise PluginError(f"{bound.what}: load returned {type(component).__name__}; it must return the component")
    return component


def progress_reporter(stage: str, bound: Bound, call: Call) -> Callable[[int, int, Mapping[str, float]], None]:
    """What a component, or who works for it, calls to tell how far it is."""

    def progress(step: int, total: int, losses: Mapping[str, float]) -> None:
        plain = {name: float(value) for name, value in losses.items()}
        at = {"step": int(step), "total": int(total), "losses": plain}
        call.emit({"event": "progress", "stage": stage, "id": bound.id, **at})

    return progress


def _expect_dataset(bound: Bound, verb: str, data: Any) -> None:
    if not isinstance(data, Dataset):
        raise PluginError(f"{bound.what}: {verb} returned {type(data).__name__}; a Dataset was expected")


def _without_paths(bound: Bound) -> dict[str, Any]:
    """The component as written into a model folder: its settings, but no path of this machine."""
    plain = bound.to_json()
    params = {
        name: (Path(value).name if isinstance(getattr(bound.params, name, None), Path) else value)
        for name, value in plain["params"].items()
    }
    return {**plain, "params": params}


def _write_losses(path: Path, losses: Losses) -> None:
    names = list(dict.fromkeys(name for values in losses.values() for name in values))
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["step", *names])
        for step in sorted(losses):
            writer.writerow([step, *(repr(losses[step][name]) if name in losses[step] else "" for name in names)])


def _write_json(path: Path, content: Mapping[str, Any]) -> None:
    text = json.dumps({**content, "key": content_key(content)}, indent=1, sort_keys=True, ensure_ascii=False)
    path.write_text(text + "\n", encoding="utf-8", newline="\n")
