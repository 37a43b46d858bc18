"""What `augment` finds on this machine: versions, devices, plugins, places to write, room; and what to do about it."""

from __future__ import annotations

import importlib.util
import os
import platform
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, metadata, version
from pathlib import Path
from typing import Literal

from packaging.requirements import Requirement

from augment.engine.executors import Processes
from augment.engine.jobs import Host, Job
from augment.engine.tasks import devices
from augment.errors import AugmentError
from augment.plugin.catalog import OWN_DISTRIBUTION, Catalog
from augment.storage.store import default_root

__all__ = ["Finding", "examine"]

MIN_FREE_BYTES = 2 * 10**9  # bytes; a run writes its data twice, and a model or two
GIGABYTE = 10**9


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        what: it is.
        state: `good`, `note` (works, but could be better) or `bad` (something will fail).
        message: what was found.
        advice: what to do; empty where all is well.
    """

    what: str
    state: Literal["good", "note", "bad"]
    message: str
    advice: str = ""


def examine() -> Iterator[Finding]:
    """Look at everything, one after the other; the last parts take a few seconds."""
    own = version(OWN_DISTRIBUTION)
    yield Finding("augment", "good", f"{own}, Python {platform.python_version()}, {platform.platform()}")
    yield from _libraries()
    yield from _places()
    yield from _processors()
    yield _workers()
    yield from _plugins()


def _libraries() -> Iterator[Finding]:
    """Every declared requirement against what is installed; extras only where they are missing or wrong."""
    extras: dict[str, list[str]] = {}
    good = []
    for text in metadata(OWN_DISTRIBUTION).get_all("Requires-Dist") or []:
        wanted = Requirement(text)
        extra = _extra_name(wanted)
        if extra in ("dev", "docs", "test") or (not extra and wanted.marker and not wanted.marker.evaluate()):
            continue
        try:
            installed = version(wanted.name)
        except PackageNotFoundError:
            if extra:
                extras.setdefault(extra, []).append(wanted.name)
            else:
                yield Finding(wanted.name, "bad", "is not installed", f"pip install '{wanted.name}{wanted.specifier}'")
            continue
        if wanted.specifier.contains(installed, prereleases=True):
            good.append(f"{wanted.name} {installed}")
        else:
            advice = f"pip install '{wanted.name}{wanted.specifier}'"
            yield Finding(wanted.name, "bad", f"{installed} is installed; {wanted.specifier} is required", advice)
    yield Finding("libraries", "good", ", ".join(sorted(good)))
    for extra, names in sorted(extras.items()):
        advice = f"pip install '{OWN_DISTRIBUTION}[{extra}]' if you need it"
        yield Finding(f"extra {extra}", "note", f"not installed: {', '.join(names)}", advice)


def _extra_name(wanted: Requirement) -> str:
    text = str(wanted.marker or "")
    return text.partition("extra == ")[2].strip("\"' ") if "extra" in text else ""


def _places() -> Iterator[Finding]:
    store = default_root()
    places = {"store": store, "current folder": Path.cwd(), "temporary files": Path(tempfile.gettempdir())}
    hints = {
        "store": "set AUGMENT_STORE to a writable folder",
        "current folder": "runs are written beside their pipeline; use a writable folder, or --out",
        "temporary files": "set TMPDIR to a writable folder",
    }
    for what, place in places.items():
        there = place
        while not there.exists():
            there = there.parent
        try:
            with tempfile.NamedTemporaryFile(dir=there):
                pass
        except OSError as error:
            yield Finding(what, "bad", f"{place} cannot be written: {error.strerror}", hints[what])
            continue
        room = shutil.disk_usage(there).free
        description = f"{place}, {room / GIGABYTE:,.1f} GB free"
        if room < MIN_FREE_BYTES:
            advice = "run `augment cache prune --older-than 30d`" if what == "store" else "free disk space there"
            yield Finding(what, "bad", description, advice)
        else:
            yield Finding(what, "good", description)


def _processors() -> Iterator[Finding]:
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    yield Finding("processors", "good", f"{count}; a run uses up to {min(4, count)} workers of one thread each")
    variables = {name: os.environ[name] for name in ("CUDA_VISIBLE_DEVICES",) if name in os.environ}
    for name, value in variables.items():
        yield Finding(name, "note", f"is set to {value!r}", "unset it if a device is missing below")


def _workers() -> Finding:
    """Start a worker and let it look for devices: what a run does first."""
    job = Job(devices, [None], Host(Path(tempfile.gettempdir())), "doctor")
    try:
        with closing(Processes(1, 1)) as processes:
            ((_, _, cuda),) = processes.map_unordered([job], lambda event: None)
    except AugmentError as error:
        return Finding(
            "workers", "bad", f"a worker process cannot be used: {error}", "use `--workers 0` to run without them"
        )
    return Finding(
        "devices", "good", f"cpu{f', {cuda} x cuda' if cuda else ''}; a worker process starts and imports torch"
    )


def _plugins() -> Iterator[Finding]:
    reports = Catalog().reports()
    broken = [report for report in reports if report.error]
    others = sorted(
        {f"{r.offer.distribution} {r.offer.version}" for r in reports if r.offer.distribution != OWN_DISTRIBUTION}
    )
    beside = f"; beside the built-in ones from {', '.join(others)}" if others else ""
    yield Finding("plugins", "good", f"{len(reports) - len(broken)} names work{beside}")
    reported = set()  # a name that is offered twice has one trouble and two reports
    for report in broken:
        offer, problem = report.offer, report.error.removesuffix(f"; {report.remedy}")
        remedy = report.remedy or f"upgrade or uninstall {offer.distribution}"
        if (offer.name, problem) not in reported:
            yield Finding(
                f"plugin {offer.name}", "bad", problem, f"{remedy}; pipelines that do not use it are not affected"
            )
        reported.add((offer.name, problem))
    if importlib.util.find_spec("augment_tables") is None:
        yield Finding(
            "plugins", "bad", "the built-in ones are not installed", f"pip install --force-reinstall {OWN_DISTRIBUTION}"
        )
