"""What every stage of one run shares: the executor, the store and the events."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from augment.data import Dataset
from augment.engine import tasks
from augment.engine.executors import Executor, InProcess, Processes
from augment.engine.jobs import Call, Host, Job
from augment.plugin.catalog import OWN_DISTRIBUTION, Catalog
from augment.runner.devices import choose_device
from augment.runner.in_memory_sources import calling_it_the_data, with_files
from augment.runner.interrupts import interruptible
from augment.spec.load import Resolved, Spec, load
from augment.spec.stages import Bound
from augment.storage.atomic_files import copy_tree, disk_errors, remove
from augment.storage.store import MANIFEST, Store

__all__ = ["Events", "Session", "opened"]

Events = Callable[[dict[str, Any]], None]
T = TypeVar("T")
R = TypeVar("R")


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
        trusted: modules of the user's that components may import, see `Context.trusted`.
        stages: what was done so far, for `run.json`.
        lines: of the log.
        remarks: for the report.
        imports: modules that the run's processes need, see `Job.imports`.
        in_memory: files of the store that hold what was given as data in memory.
    """

    seed: int
    device: str
    threads: int
    executor: Executor
    store: Store
    scratch: Path
    catalog: Catalog
    listeners: list[Events]
    trusted: frozenset[str] = frozenset()
    stages: list[dict[str, Any]] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    imports: set[str] = field(default_factory=set)
    in_memory: tuple[Path, ...] = ()

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
        return Host(self.scratch, self.device, self.threads, self.trusted)

    def map(self, jobs: Sequence[Job[T, R]]) -> Iterator[tuple[Job[T, R], int, R]]:
        """Do the tasks of all jobs, side by side where there are workers."""
        return self.executor.map_unordered(jobs, self.emit)

    def expect(self, bounds: Iterable[Bound]) -> None:
        """Have what these components import loaded once for all processes; of third parties' plugins nothing is."""
        for bound in bounds:
            offer = self.catalog.offer(bound.use)
            if offer.distribution == OWN_DISTRIBUTION:
                self.imports |= {offer.module, *bound.cls.imports}

    def count_devices(self) -> int:
        """How many CUDA devices there are; a worker is asked, because the host does not import torch."""
        ((_, _, count),) = self.map([Job(tasks.devices, [None], self.host, "looking for devices")])
        return count

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
        report: dict[str, Any] = {"rows": 0, "from_store": False, "resumed": False}
        yield report
        self.stage_finished(stage, id, time.monotonic() - start, report)

    def stage_finished(self, stage: str, id: str, seconds: float, report: Mapping[str, Any]) -> None:
        """Record the end of a stage, and report it."""
        entry = {"stage": stage, "id": id, "seconds": round(seconds, 3), **report}
        self.stages.append(entry)
        self.emit({"event": "stage-finished", **entry})

    def keep(self, key: str, folder: Path) -> Path:
        """Move a dataset folder to its place in the store, if that is free, and return the place."""
        with self.store.making(key, "the training part") as work:
            stored = self.store.get(key, Dataset.load)
            if stored is None:
                with disk_errors(self.store.root, "storing the training part"):
                    remove(work / "built")
                    try:
                        os.replace(folder, work / "built")
                    except OSError:  # another disk, or a system that moves no file that is open
                        copy_tree(folder, work / "built")
                stored = self.store.publish(key, work / "built")
        return stored

    def copy_fitted(self, fitted: Path, place: Path) -> None:
        """Copy a fitted component out of the store into a run's folder."""
        with disk_errors(place, "copying a fitted component"):
            copy_tree(fitted, place, without=MANIFEST)


@contextmanager
def opened(
    pipeline: Spec,
    overrides: Sequence[str] = (),
    workers: int | None = None,
    events: Events | None = None,
    source_needed: bool = True,
    trust: Collection[str] = (),
) -> Iterator[tuple[Session, Resolved]]:
    """Load a pipeline and open a session for it, with a scratch folder that is gone afterwards.

    Raises:
        Interrupted: the user stopped what was done inside the block, with Ctrl-C or SIGTERM.
    """
    catalog, store = Catalog(), Store()
    with disk_errors(store.root, "keeping the data"):
        pipeline, files = with_files(pipeline, catalog, store)
    resolved = load(pipeline, catalog, overrides=overrides, source_needed=source_needed, trust=trust)
    threads = resolved.pipeline.threads
    workers = min(4, os.cpu_count() or 1) if workers is None else workers
    executor = Processes(workers, threads) if workers else InProcess(threads)
    with (
        interruptible(),
        calling_it_the_data(files),
        disk_errors(store.root, "the run"),
        store.scratch() as scratch,
        closing(executor),
    ):
        for key in files:
            store.get(key)  # it is in use from now on
        session = Session(
            seed=resolved.pipeline.seed,
            device="cpu",
            threads=threads,
            executor=executor,
            store=store,
            scratch=scratch,
            catalog=catalog,
            listeners=[events] if events else [],
            trusted=resolved.trusted,
            in_memory=tuple(files.values()),
        )
        store.note = session.note
        if events:  # else it is logged
            store.waiting = lambda message: session.emit({"event": "waiting", "message": message})
        session.device = choose_device(resolved.pipeline.device, session.count_devices)
        if session.device != "cpu" and isinstance(executor, Processes):
            executor.workers = 1  # two fits on one device would fight over its memory
        yield session, resolved
