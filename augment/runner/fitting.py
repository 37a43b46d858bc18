"""Fitting through the store: a fit with the same settings, code and rows is fetched instead of made again."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from augment.engine import tasks
from augment.engine.jobs import Job
from augment.plugin.context import Checkpoint, derive_seed
from augment.runner.session import Session
from augment.spec.messages import KeyPath
from augment.spec.stages import Bound, map_paths
from augment.storage.atomic_files import remove
from augment.storage.hashes import content_key, file_sha256, library_versions, platform_class, source_hash

__all__ = ["Fit", "component_content", "fit_all", "fit_components"]


@dataclass(frozen=True)
class Fit:
    """A fit that is asked for.

    Attributes:
        bound: what is fitted.
        train: dataset folder of the rows that it learns from.
        train_key: what stands for them in the key.
        pilot: dataset folder of the sample that filters are fitted beside.
        pilot_key: what stands for it in the key.
    """

    bound: Bound
    train: Path
    train_key: str
    pilot: Path | None = None
    pilot_key: str = ""


def component_content(session: Session, bound: Bound) -> dict[str, Any]:
    """What a component's work depends on, beside its data: settings, code, libraries, device, threads."""
    offer = session.catalog.offer(bound.use)
    return {
        "use": bound.use,
        "class": bound.to_json()["class"],
        "params": map_paths(bound.params, _by_content).model_dump(mode="json"),
        "plugin": [offer.distribution, offer.version, source_hash(offer.module)],
        "libraries": library_versions(),
        "platform": platform_class(),
        "device": session.device.partition(":")[0],
        "threads": session.threads,
    }


def fit_components(
    session: Session,
    bounds: Sequence[Bound],
    train: Path,
    train_key: str,
    pilot: Path | None = None,
    pilot_key: str = "",
) -> dict[str, Path]:
    """Fit components on the training part, or fetch them from the store: id to the folder of the fitted state."""
    fits = [Fit(bound, train, train_key, pilot, pilot_key) for bound in bounds]
    return {fit.bound.id: folder for fit, folder in zip(fits, fit_all(session, fits), strict=True)}


def fit_all(session: Session, fits: Sequence[Fit], tell: bool = True) -> list[Path]:
    """Do all fits, or fetch them from the store: the folders of the fitted states.

    Those that must be fitted are fitted side by side, each in a process of its own. A key is held while its
    component is being fitted, so that runs beside this one wait for it instead of doing the same work.

    Args:
        fits: what to fit on what.
        tell: whether each is a stage of its own.
    """
    folders: dict[str, Path] = {}
    keys = [_fit_key(session, fit) for fit in fits]
    with ExitStack() as held:
        jobs: dict[Job[tasks.FitTask, None], tuple[str, Bound, Path, float, bool]] = {}
        for key, fit in sorted(dict(zip(keys, fits, strict=True)).items()):  # one order, so no deadlock of runs
            bound = fit.bound
            work = held.enter_context(session.store.making(key, bound.what))
            stored = session.store.get(key, partial(tasks.read_descriptions, bound.kind))
            resumed = stored is None and Checkpoint(work / "checkpoint").exists
            if tell:
                session.emit({"event": "stage-started", "stage": "fit", "id": bound.id, "resumed": resumed})
            if stored is not None:
                folders[key] = stored
                if tell:
                    session.stage_finished("fit", bound.id, 0.0, {"rows": 0, "from_store": True, "resumed": False})
                continue
            offer = session.catalog.offer(bound.use)
            remove(work / "built")
            task = tasks.FitTask(
                bound=bound,
                train=fit.train,
                seed=derive_seed(session.seed, bound.kind, bound.id, "fit"),
                out=work / "built",
                metadata={"seed": session.seed, "plugin": offer.distribution, "version": offer.version},
                checkpoint=work / "checkpoint",
                pilot=fit.pilot,
            )
            jobs[session.job("fit", bound, tasks.fit, [task])] = (key, bound, work, time.monotonic(), resumed)
        for job, _, _ in session.map(list(jobs)):
            key, bound, work, start, resumed = jobs[job]
            folders[key] = session.store.publish(key, work / "built")
            if tell:
                report = {"rows": 0, "from_store": False, "resumed": resumed}
                session.stage_finished("fit", bound.id, time.monotonic() - start, report)
    return [folders[key] for key in keys]


def _fit_key(session: Session, fit: Fit) -> str:
    bound = fit.bound
    content = {**component_content(session, bound), "seed": session.seed, "id": bound.id, "train": fit.train_key}
    content["host"] = file_sha256(Path(tasks.__file__))  # what hands a component its context, and no more of the host
    return f"{bound.kind}-{content_key({**content, 'pilot': fit.pilot_key})}"


def _by_content(path: Path, key_path: KeyPath) -> Path:
    """What stands for a path in a key: the content of a file, else its last name."""
    return Path(file_sha256(path) if path.is_file() else path.name)
