"""The tasks that read and learn: read a source, fit a transform, generator or filter, apply a transform.

What every task shares stands here too: calling a component so that its failure is an error naming it, and the Context
that it is lent. Tasks are opened and run by `augment.engine.executors`; data goes in and out as dataset folders.
"""

from __future__ import annotations

import csv
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import Any

import numpy as np

from augment.data import Dataset, SchemaDeclaration, check
from augment.engine.jobs import Emit, Task
from augment.errors import AugmentError, PluginError
from augment.plugin.catalog import Catalog
from augment.plugin.context import Checkpoint, Context
from augment.plugin.contracts import Filter, Fitted, Source, Transform
from augment.spec.stages import Bound, bound_from_json
from augment.storage.atomic_files import is_disk_fault
from augment.storage.keys import content_key

__all__ = ["apply", "calling", "devices", "fit", "frame_hash", "lend", "load_fitted", "read", "save_whole"]

CATALOG = Catalog()  # what is installed does not change while a process lives


@contextmanager
def calling(bound: Bound, verb: str) -> Iterator[None]:
    """Run a component's method: whatever goes wrong in it becomes an error that names the component and the stage."""
    folder, environment = os.getcwd(), dict(os.environ)
    try:
        with redirect_stdout(sys.stderr):  # standard output is for results
            yield
    except AugmentError:
        raise
    except (Exception, SystemExit) as error:
        if isinstance(error, OSError) and is_disk_fault(error):
            raise  # not the component's fault; whoever opened the task tells it
        raise PluginError(f"{bound.what} failed in {verb}: {type(error).__name__}: {error}") from error
    finally:
        os.chdir(folder)
        if os.environ != environment:
            os.environ.clear()
            os.environ.update(environment)


@contextmanager
def lend(init: Mapping[str, Any], seed: int, **more: Any) -> Iterator[Context]:
    """A Context with a scratch folder that is gone afterwards.

    Args:
        init: holds `scratch` (parent of the folder), `device` and `threads`.
        seed: of this very call.
        more: the Context's other fields.
    """
    folder = Path(tempfile.mkdtemp(prefix="call-", dir=init["scratch"]))
    try:
        yield Context(seed=seed, folder=folder, device=init["device"], threads=init["threads"], **more)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def save_whole(place: Path) -> Iterator[Path]:
    """A path to write a folder or file to, that takes its place when the block ends well."""
    fresh = place.with_name(place.name + ".new")
    shutil.rmtree(fresh, ignore_errors=True)
    place.parent.mkdir(parents=True, exist_ok=True)
    yield fresh
    os.rename(fresh, place)


def read(init: Mapping[str, Any], emit: Emit) -> Task:
    """Read a source into a dataset folder.

    init: `component`, `declared` (the schema section), `seed`. Row: `out`. Result: `rows`, `fingerprint`.
    """
    bound = bound_from_json(init["component"], CATALOG)

    def run(row: Mapping[str, Any]) -> Mapping[str, Any]:
        declared = SchemaDeclaration.model_validate(init["declared"])
        component: Any = bound.cls(bound.params)
        assert isinstance(component, Source)
        with lend(init, init["seed"], declared=declared, progress=progress_of("read", bound, emit)) as context:
            with calling(bound, "read"):
                data = component.read(context)
            _expect_dataset(bound, "read", data)
            if problems := check(data.frame, data.arrays, data.schema):
                raise PluginError(f"{bound.what} read data that does not fit its own schema: {'; '.join(problems)}")
            with save_whole(Path(row["out"])) as out:
                data.save(out)
        return {"rows": len(data), "fingerprint": data.fingerprint()}

    return run


def fit(init: Mapping[str, Any], emit: Emit) -> Task:
    """Fit a transform, generator or filter on the training part, and save its state.

    init: `component`, `train`, `seed`, `metadata`. Row: `out`, `checkpoint` (may be None), `pilot` (for
    filters). The folder `out` then holds the component's own files, `<kind>.json` that says what made it (and a
    filter's threshold), and `losses.csv` with what it reported.
    """
    bound = bound_from_json(init["component"], CATALOG)

    def run(row: Mapping[str, Any]) -> Mapping[str, Any]:
        train = Dataset.load(Path(init["train"]))
        component: Any = bound.cls(bound.params)
        before = train.fingerprint()
        checkpoint = Checkpoint(Path(row["checkpoint"]) if row["checkpoint"] else None)
        losses_by_step: dict[int, Mapping[str, float]] = {}
        report = progress_of("fit", bound, emit)

        def progress(step: int, total: int, losses: Mapping[str, float]) -> None:
            losses_by_step[int(step)] = {name: float(value) for name, value in losses.items()}
            report(step, total, losses)

        lent = {"train": train, "progress": progress, "checkpoint": checkpoint}
        with lend(init, init["seed"], **lent) as context, calling(bound, "fit"):
            fitted: Any
            if isinstance(component, Filter):
                fitted = component.fit(train, Dataset.load(Path(row["pilot"])), context)
            else:
                fitted = component.fit(train, context)
        if fitted is not component:
            raise PluginError(
                f"{bound.what}: fit returned {type(fitted).__name__}; it must return the component itself"
            )
        if train.fingerprint() != before:
            raise PluginError(f"{bound.what}: fit changed the training rows; they are read only")
        with save_whole(Path(row["out"])) as out:
            out.mkdir()
            with calling(bound, "save"):
                component.save(out)
            facts = {**init["metadata"], "component": _without_paths(bound)}
            if isinstance(fitted, Filter):
                facts["threshold"] = float(fitted.threshold)
            _write_json(out / f"{bound.kind}.json", facts)
            _write_losses(out / "losses.csv", losses_by_step)
        return {}

    return run


def apply(init: Mapping[str, Any], emit: Emit) -> Task:
    """Apply a fitted transform.

    init: `component`, `folder` (fitted state). Row: `data`, `out`, `is_holdout`. Result: `rows`, `fingerprint`.
    """
    bound = bound_from_json(init["component"], CATALOG)
    component = load_fitted(bound, Path(init["folder"]))
    assert isinstance(component, Transform)

    def run(row: Mapping[str, Any]) -> Mapping[str, Any]:
        data = Dataset.load(Path(row["data"]))
        with calling(bound, "apply"):
            changed = component.apply(data)
        _expect_dataset(bound, "apply", changed)
        if problems := check(changed.frame, changed.arrays, changed.schema):
            raise PluginError(f"{bound.what}: apply gave data that does not fit its own schema: {'; '.join(problems)}")
        if changed.schema.target != data.schema.target:
            raise PluginError(f"{bound.what}: apply changed the target from {data.schema.target!r}")
        if row["is_holdout"]:
            _expect_row_by_row(bound, component, data, changed)
        with save_whole(Path(row["out"])) as out:
            changed.save(out)
        return {"rows": len(changed), "fingerprint": changed.fingerprint()}

    return run


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
    """A hash of the columns alone, to see whether a component changed them: arrays are memory maps, read only."""
    return Dataset(data.frame, {}, data.schema.model_copy(update={"arrays": {}})).fingerprint()


def devices(init: Mapping[str, Any], emit: Emit) -> Task:
    """Count the accelerators that torch can use. Result: `cuda`."""

    def run(row: Mapping[str, Any]) -> Mapping[str, Any]:
        import torch

        return {"cuda": torch.cuda.device_count() if torch.cuda.is_available() else 0}

    return run


def load_fitted(bound: Bound, folder: Path) -> Fitted:
    """Bring a fitted component back from its folder."""
    assert issubclass(bound.cls, Fitted)
    with calling(bound, "load"):
        component: Fitted = bound.cls.load(folder, bound.params)
    if not isinstance(component, bound.cls):
        raise PluginError(f"{bound.what}: load returned {type(component).__name__}; it must return the component")
    return component


def progress_of(stage: str, bound: Bound, emit: Emit) -> Callable[[int, int, Mapping[str, float]], None]:
    """What a component, or who works for it, calls to tell how far it is."""

    def progress(step: int, total: int, losses: Mapping[str, float]) -> None:
        plain = {name: float(value) for name, value in losses.items()}
        at = {"step": int(step), "total": int(total), "losses": plain}
        emit({"event": "progress", "stage": stage, "id": bound.id, **at})

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


def _write_losses(path: Path, losses: Mapping[int, Mapping[str, float]]) -> None:
    names = list(dict.fromkeys(name for values in losses.values() for name in values))
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["step", *names])
        for step in sorted(losses):
            writer.writerow([step, *(repr(losses[step][name]) if name in losses[step] else "" for name in names)])


def _write_json(path: Path, content: Mapping[str, Any]) -> None:
    import json

    text = json.dumps({**content, "key": content_key(content)}, indent=1, sort_keys=True, ensure_ascii=False)
    path.write_text(text + "\n", encoding="utf-8", newline="\n")
