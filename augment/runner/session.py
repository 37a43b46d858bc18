"""What every stage of one run shares: the executor, the store, the events, and fitting through the store."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from augment.engine import tasks
from augment.engine.executors import Executor, InProcess, Processes
from augment.engine.jobs import Call, Host, Job
from augment.errors import Interrupted, SpecError
from augment.plugin.catalog import OWN_DISTRIBUTION, Catalog
from augment.plugin.context import derive_seed
from augment.spec.load import Resolved, load
from augment.spec.messages import KeyPath
from augment.spec.models import Pipeline
from augment.spec.stages import Bound, map_paths
from augment.storage.atomic_files import copy_tree, disk_errors, remove
from augment.storage.keys import content_key, file_sha256, library_versions, platform_class, source_hash
from augment.storage.store import MANIFEST, Store

__all__ = ["Events", "Fit", "Session", "opened"]

Events = Callable[[dict[str, Any]], None]
T = TypeVar("T")
R = TypeVar("R")


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


@dataclass
class Session:
    """One run's means of getting work done.

    Attributes:
        seed: of the run.
        device: torch device name, resolved.
        threads: of one task.
        executor: does the tasks.
        store: keeps what is fitted.
        scratch: parent of the tasks' scratch folders.
        catalog: whose plugins' versions are part of a key.
        listeners: called with every event.
        stages: what was done so far, for `run.json`.
        lines: of the log.
        remarks: for the report.
        imports: modules that the run's processes need, see `Job.imports`.
    """

    seed: int
    device: str
    threads: int
    executor: Executor
    store: Store
    scratch: Path
    catalog: Catalog
    listeners: list[Events]
    stages: list[dict[str, Any]] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    imports: set[str] = field(default_factory=set)

    def emit(self, event: Mapping[str, Any]) -> None:
        """Pass an event on, and write it into the log unless it is mere progress."""
        if event["event"] != "progress":
            detail = " ".join(f"{key}={value}" for key, value in event.items() if key != "event").replace("\n", " ")
            self.lines.append(f"{time.strftime('%Y-%m-%d %H:%M:%S')} {event['event']} {detail}")
        for listener in self.listeners:
            listener(dict(event))

    def note(self, message: str) -> None:
        """Say something a person should know."""
        self.emit({"event": "note", "message": message})

    def remark(self, message: str) -> None:
        """Say something that belongs into the report too: it follows from pipeline and data alone."""
        self.remarks.append(message)
        self.note(message)

    @contextmanager
    def remarking(self) -> Iterator[None]:
        """Inside, every note is a remark too."""

        def listen(event: dict[str, Any]) -> None:
            if event["event"] == "note" and event["message"] not in self.remarks:
                self.remarks.append(event["message"])

        self.listeners.append(listen)
        try:
            yield
        finally:
            self.listeners.remove(listen)

    @property
    def host(self) -> Host:
        """Where tasks are done."""
        return Host(self.scratch, self.device, self.threads)

    def map(self, jobs: Sequence[Job[T, R]]) -> Iterator[tuple[Job[T, R], int, R]]:
        """Do the tasks of all jobs, side by side where there are workers."""
        return self.executor.map_unordered(jobs, self.emit)

    def expect(self, bounds: Iterable[Bound]) -> None:
        """Have what these components import loaded once for all processes; of third parties' plugins nothing is."""
        for bound in bounds:
            offer = self.catalog.offer(bound.use)
            if offer.distribution == OWN_DISTRIBUTION:
                self.imports |= {offer.module, *bound.cls.imports}

    def job(self, stage: str, bound: Bound, fn: Callable[[T, Call], R], tasks: Sequence[T]) -> Job[T, R]:
        """A job for one component."""
        self.expect([bound])
        return Job(fn, tasks, self.host, f"{bound.what}: {stage}", bound.timeout, frozenset(self.imports))

    def one(self, stage: str, bound: Bound, fn: Callable[[T, Call], R], task: T) -> R:
        """Do a single task and return its result."""
        with self.stage(stage, bound.id) as report:
            ((_, _, result),) = self.map([self.job(stage, bound, fn, [task])])
            report["rows"] = getattr(result, "rows", 0)
        return result

    @contextmanager
    def stage(self, stage: str, id: str) -> Iterator[dict[str, Any]]:
        """Tell of the begin and end of a stage; what is put into the mapping goes into the end."""
        self.emit({"event": "stage-started", "stage": stage, "id": id})
        start = time.monotonic()
        report: dict[str, Any] = {"rows": 0, "from_store": False}
        yield report
        self._finished(stage, id, time.monotonic() - start, report)

    def _finished(self, stage: str, id: str, seconds: float, report: Mapping[str, Any]) -> None:
        entry = {"stage": stage, "id": id, "seconds": round(seconds, 3), **report}
        self.stages.append(entry)
        self.emit({"event": "stage-finished", **entry})

    def keep(self, key: str, folder: Path) -> Path:
        """Give a dataset folder its place in the store, if it has none yet, and return that place."""
        with self.store.making(key, "the training part") as work:
            kept = self.store.get(key)
            if kept is None:
                with disk_errors(self.store.root, "storing the training part"):
                    remove(work / "built")
                    copy_tree(folder, work / "built")
                kept = self.store.publish(key, work / "built")
        return kept

    def made_of(self, bound: Bound) -> dict[str, Any]:
        """What a component's work depends on, beside its data: settings, code, libraries, device, threads."""
        offer = self.catalog.offer(bound.use)
        return {
            "use": bound.use,
            "class": bound.to_json()["class"],
            "params": map_paths(bound.params, _by_content).model_dump(mode="json"),
            "plugin": [offer.distribution, offer.version, source_hash(offer.module)],
            "libraries": library_versions(),
            "platform": platform_class(),
            "device": self.device.partition(":")[0],
            "threads": self.threads,
        }

    def fit(
        self, bounds: Sequence[Bound], train: Path, train_key: str, pilot: Path | None = None, pilot_key: str = ""
    ) -> dict[str, Path]:
        """Fit components on the training part, or fetch them from the store: id to the folder of the fitted state."""
        fits = [Fit(bound, train, train_key, pilot, pilot_key) for bound in bounds]
        return {fit.bound.id: folder for fit, folder in zip(fits, self.fit_all(fits), strict=True)}

    def fit_all(self, fits: Sequence[Fit], tell: bool = True) -> list[Path]:
        """Do all fits, or fetch them from the store: the folders of the fitted states.

        Those that must be fitted are fitted side by side, each in a process of its own. A key is held while its
        component is being fitted, so that runs beside this one wait for it instead of doing the same work.

        Args:
            fits: what to fit on what.
            tell: whether each is a stage of its own.
        """
        folders: dict[str, Path] = {}
        keys = [self._fit_key(fit) for fit in fits]
        with ExitStack() as held:
            jobs: dict[Job[tasks.FitTask, None], tuple[str, Bound, Path, float]] = {}
            for key, fit in sorted(dict(zip(keys, fits, strict=True)).items()):  # one order, so no deadlock of runs
                bound = fit.bound
                work = held.enter_context(self.store.making(key, bound.what))
                kept = self.store.get(key)
                if tell:
                    self.emit({"event": "stage-started", "stage": "fit", "id": bound.id})
                if kept is not None:
                    folders[key] = kept
                    if tell:
                        self._finished("fit", bound.id, 0.0, {"rows": 0, "from_store": True})
                    continue
                offer = self.catalog.offer(bound.use)
                remove(work / "built")
                task = tasks.FitTask(
                    bound=bound,
                    train=fit.train,
                    seed=derive_seed(self.seed, bound.kind, bound.id, "fit"),
                    out=work / "built",
                    metadata={"seed": self.seed, "plugin": offer.distribution, "version": offer.version},
                    checkpoint=work / "checkpoint",
                    pilot=fit.pilot,
                )
                jobs[self.job("fit", bound, tasks.fit, [task])] = (key, bound, work, time.monotonic())
            for job, _, _ in self.map(list(jobs)):
                key, bound, work, start = jobs[job]
                folders[key] = self.store.publish(key, work / "built")
                if tell:
                    self._finished("fit", bound.id, time.monotonic() - start, {"rows": 0, "from_store": False})
        return [folders[key] for key in keys]

    def _fit_key(self, fit: Fit) -> str:
        bound = fit.bound
        content = {**self.made_of(bound), "seed": self.seed, "id": bound.id, "train": fit.train_key}
        content["host"] = file_sha256(
            Path(tasks.__file__)
        )  # what hands a component its context, and no more of the host
        return f"{bound.kind}-{content_key({**content, 'pilot': fit.pilot_key})}"

    def copy_fitted(self, fitted: Path, place: Path) -> None:
        """Copy a fitted component out of the store into a run's folder."""
        with disk_errors(place, "copying a fitted component"):
            copy_tree(fitted, place, without=MANIFEST)


@contextmanager
def opened(
    pipeline: Path | str | Mapping[str, Any] | Pipeline,
    overrides: Sequence[str] = (),
    workers: int | None = None,
    events: Events | None = None,
    source_needed: bool = True,
) -> Iterator[tuple[Session, Resolved]]:
    """Load a pipeline and open a session for it, with a scratch folder that is gone afterwards.

    Raises:
        Interrupted: the user stopped what was done inside the block, with Ctrl-C or SIGTERM.
    """
    catalog = Catalog()
    resolved = load(pipeline, catalog, overrides=overrides, source_needed=source_needed)
    store = Store()
    threads = resolved.pipeline.threads
    workers = min(4, os.cpu_count() or 1) if workers is None else workers
    executor = Processes(workers, threads) if workers else InProcess(threads)
    with _interruptible(), disk_errors(store.root, "the run"), store.scratch() as scratch, closing(executor):
        session = Session(
            seed=resolved.pipeline.seed,
            device="cpu",
            threads=threads,
            executor=executor,
            store=store,
            scratch=scratch,
            catalog=catalog,
            listeners=[events] if events else [],
        )
        store.note = session.note
        session.device = _device(session, resolved.pipeline.device)
        if session.device != "cpu" and isinstance(executor, Processes):
            executor.workers = 1  # two fits on one device would fight over its memory
        yield session, resolved


class _Terminated(KeyboardInterrupt):
    """SIGTERM came: batch systems and containers stop a run with it."""


@contextmanager
def _interruptible() -> Iterator[None]:
    """Let Ctrl-C and SIGTERM end the block as `Interrupted`, after everything in it has been put away.

    A second Ctrl-C ends the process at once; what it leaves is cleared away by the next run.
    """

    def stop(number: int, frame: Any) -> None:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        raise _Terminated if number == signal.SIGTERM else KeyboardInterrupt

    before = {}
    if threading.current_thread() is threading.main_thread():  # only that one may set handlers
        for number in (signal.SIGINT, signal.SIGTERM):
            if signal.getsignal(number) in (signal.SIG_DFL, signal.default_int_handler):  # nobody else's
                before[number] = signal.signal(number, stop)
    try:
        yield
    except KeyboardInterrupt as error:
        message = "stopped; what is finished is kept, and the same command goes on from there"
        raise Interrupted(message, 143 if isinstance(error, _Terminated) else 130) from error
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _device(session: Session, wanted: str) -> str:
    """The device that a pipeline's `device:` means here.

    The host does not import torch: where there is a driver at all, a worker is asked.
    """
    if wanted == "cpu" or (wanted == "auto" and not _has_cuda_driver()):
        return "cpu"
    ((_, _, count),) = session.map([Job(tasks.devices, [None], session.host, "looking for devices")])
    if wanted == "auto":
        return "cuda" if count else "cpu"
    if int(wanted.partition(":")[2] or 0) >= count:
        raise SpecError(f"device: {wanted!r} is not there: torch finds {count} CUDA devices; write `auto` or `cpu`")
    return wanted


def _has_cuda_driver() -> bool:
    """Whether there is a driver. Loading it starts nothing; `find_library` would start compilers to look for it."""
    try:
        ctypes.CDLL("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1")
    except OSError:
        return False
    return True


def _by_content(path: Path, key_path: KeyPath) -> Path:
    """What stands for a path in a key: the content of a file, else its last name."""
    return Path(file_sha256(path) if path.is_file() else path.name)
