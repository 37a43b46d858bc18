"""The runs below a folder: those that are finished, and those that are under way or were left by a killed process."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from augment.errors import DataError, DiskError
from augment.storage.run_folder import RUN, Run

__all__ = ["ListedRun", "find"]

DRAFT = re.compile(r"\.(?P<name>.+)-(?P<key>[0-9a-f]{8})\.draft")


@dataclass(frozen=True)
class ListedRun:
    """One run.

    Attributes:
        name: the pipeline's.
        key: the first eight letters of its content key.
        folder: where it lies.
        when: when it was finished, or last written to.
        status: `done`, `below the required minimum`, `unfinished`, or `damaged: why`.
        verdict: of the trial; empty where there is none.
        score: in words, real rows alone and with synthetic ones; the mean difference where there are several splits.
        rows: real and synthetic rows to train on; empty for what is unfinished.
    """

    name: str
    key: str
    folder: str
    when: datetime
    status: str
    verdict: str = ""
    score: str = ""
    rows: str = ""

    def to_json(self) -> dict[str, Any]:
        """Plain data; the time as text."""
        return {**asdict(self), "when": self.when.isoformat(timespec="seconds")}


def find(folder: Path) -> list[ListedRun]:
    """The runs in a folder, in its `runs` and in all folders below that hold some, the latest first.

    Raises:
        DataError: there is no such folder.
    """
    if not folder.is_dir():
        raise DataError(f"{folder}: there is no such folder")
    runs = []
    for place in _folders(folder):
        if (place / RUN).is_file():
            runs.append(_finished(place))
        elif draft := DRAFT.fullmatch(place.name):
            runs.append(ListedRun(draft["name"], draft["key"], str(place), _when(place), "unfinished"))
    return sorted(runs, key=lambda run: run.when, reverse=True)


def _folders(folder: Path, depth: int = 4) -> list[Path]:
    """Folders that may hold a run; links to the latest are passed over, and what is inside a run as well."""
    if (folder / RUN).is_file():
        return [folder]
    if depth == 0:
        return []
    try:
        inside = sorted(path for path in folder.iterdir() if path.is_dir() and not path.is_symlink())
    except OSError:  # a folder that is nobody's business
        return []
    drafts = [path for path in inside if DRAFT.fullmatch(path.name)]
    return [*drafts, *(deeper for path in inside if path.name[0] != "." for deeper in _folders(path, depth - 1))]


def _finished(place: Path) -> ListedRun:
    try:
        run = Run(place)
        trial, rows = run.metrics.trial, f"{run.metrics.rows.train:,} + {run.metrics.rows.synthetic:,}"
        real, mixed = trial.arm("none"), trial.arm("synthetic")
        score = f"{real.mean:.3f} -> {mixed.mean:.3f}" if real and mixed else ""
        if trial.cuts is not None:
            score = f"{trial.cuts.overall.mean:+.3f} over {len(trial.cuts.chosen)} splits"
        return ListedRun(run.name, run.key[:8], str(place), _when(place), run.status, trial.verdict, score, rows)
    except (DataError, DiskError) as error:
        return ListedRun(place.name, "", str(place), _when(place), f"damaged: {error}")


def _when(place: Path) -> datetime:
    path = place / RUN
    return datetime.fromtimestamp((path if path.is_file() else place).stat().st_mtime, tz=UTC)
