"""The synthetic rows of a run: runs the chunks of the plan, redraws duplicates, and keeps the counts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import numpy as np
import pandas as pd

from augment.data import Dataset, as_labels
from augment.data.schema import count_labels
from augment.engine.draw_and_filter import IN_SCHEMA, Sampled, SampleTask, Sampling, sample
from augment.engine.jobs import Job
from augment.errors import ShortfallError
from augment.plan.chunks import PlanRow
from augment.plan.repeats import Repeats
from augment.plugin.contracts import Filter, Generator
from augment.runner.fitting import Fit, fit_all
from augment.runner.session import Session
from augment.spec.stages import Bound
from augment.storage.atomic_files import disk_errors

__all__ = ["DUPLICATES", "Counts", "Mixture", "fit_filters", "make_rows"]

WAYS_OUT = "increase `max_rounds`, request fewer rows, or accept fewer with `shortfall: warn`"
NAMED = 3  # classes in a note
DUPLICATES = "duplicates"  # the host's own filter: rows equal to an earlier synthetic row
PILOT_ROWS = 1000  # of each generator, unfiltered, that filters are fitted beside


@dataclass
class Counts:
    """Rows of one generator.

    Attributes:
        asked: requested.
        kept: that it has made.
        rounds: the maximum of a chunk.
        rejected: filter id to rows rejected.
    """

    asked: int = 0
    kept: int = 0
    rounds: int = 0
    rejected: dict[str, int] = field(default_factory=dict)

    def reject(self, filter_id: str, rows: int) -> None:
        """Count rows that a filter has rejected."""
        self.rejected[filter_id] = self.rejected.get(filter_id, 0) + rows


@dataclass
class Mixture:
    """The synthetic rows that were made.

    Attributes:
        parts: (dataset folder, generator id) in plan order, empty chunks left out.
        counts: by generator id.
        judged: filter id to candidates looked at.
        rejects: filter id to dataset folders with some rejected rows.
        short: rows that could not be made.
    """

    parts: list[tuple[Path, str]] = field(default_factory=list)
    counts: dict[str, Counts] = field(default_factory=dict)
    judged: dict[str, int] = field(default_factory=dict)
    rejects: dict[str, list[Path]] = field(default_factory=dict)
    short: int = 0

    def of(self, generator: str) -> list[Path]:
        """The parts of one generator."""
        return [folder for folder, origin in self.parts if origin == generator]

    @property
    def rejected(self) -> dict[str, int]:
        """Filter id to rows rejected, over all generators."""
        return {name: sum(c.rejected.get(name, 0) for c in self.counts.values()) for name in self.judged}

    def per_class(self, target: str | None) -> dict[str, dict[str, int]]:
        """Generator id to label to rows kept; empty mappings without a target of classes."""
        counts: dict[str, dict[str, int]] = {generator: {} for generator in self.counts}
        if target is not None:
            for folder, generator in self.parts:
                for label, count in count_labels(Dataset.load_column(folder, target)).items():
                    counts[generator][label] = counts[generator].get(label, 0) + count
        return {generator: dict(sorted(labels.items())) for generator, labels in counts.items()}


def make_rows(
    session: Session,
    plan: Sequence[PlanRow],
    generators: Sequence[tuple[Bound, Path]],
    train: Path,
    out: Path,
    *,
    purpose: str,
    filters: Sequence[tuple[Bound, Path]],
    max_rounds: int,
    repeats: Repeats | None,
    shortfall: str = "ignore",
    ways_out: str = WAYS_OUT,
    where: Mapping[str, str] | None = None,
) -> Mixture:
    """Make all chunks of a plan.

    Args:
        session: does the work.
        plan: who makes which rows.
        generators: with the folders of their fitted state, in the plan's order.
        train: dataset folder of the training part.
        out: folder for the parts.
        purpose: part of every seed: the same plan under another purpose gives other rows.
        filters: with the folders of their fitted state, in the order in which they judge.
        max_rounds: how often rejected rows are drawn again.
        repeats: says which rows may equal an earlier one; others are rejected and redrawn, except those of generators
            that copy. None: all may.
        shortfall: `fail` when rows are missing in the end, `warn`, or `ignore` it.
        ways_out: what the caller can do about missing rows.
        where: columns beside the target to the value, as text, that every row is asked to have.

    Raises:
        ShortfallError: rows are missing, and `shortfall` is `fail`.
    """
    mixture = Mixture(judged=dict.fromkeys([IN_SCHEMA, *(bound.id for bound, _ in filters)], 0))
    jobs = _Jobs(session, out, mixture)
    samplings: dict[str, Sampling] = {}
    for bound, folder in generators:
        rows = [row for row in plan if row.generator == bound.id]
        mixture.counts[bound.id] = Counts(asked=sum(row.rows for row in rows))
        samplings[bound.id] = Sampling(
            (bound, folder), tuple(filters), train, session.seed, purpose, max_rounds, where or {}
        )
        jobs.add(samplings[bound.id], rows)
    chunks = jobs.run()
    if repeats is not None:
        mixture.judged[DUPLICATES] = 0
        origins = {bound.id: cast(type[Generator], bound.cls).origin for bound, _ in generators}
        copying = {generator for generator, origin in origins.items() if origin == "copies"}
        natural: Mapping[tuple[str, str], str] = {}
        if copying != set(origins):  # else nobody asks
            natural = repeats.reasons(plan, {generator: origin == "rows" for generator, origin in origins.items()})
        chunks, repeats_kept = _redraw_duplicates(jobs, chunks, samplings, max_rounds, natural, copying)
        if repeats_kept and shortfall != "ignore":
            session.remark(_describe_repeats(repeats_kept, natural))
    mixture.parts = [(path, row.generator) for row, path in chunks if len(np.load(path / "hashes.npy", mmap_mode="r"))]
    for generator, counts in mixture.counts.items():
        counts.kept = sum(len(np.load(path / "hashes.npy", mmap_mode="r")) for path in mixture.of(generator))
        mixture.short += counts.asked - counts.kept
    if mixture.short and shortfall != "ignore":
        _report_shortfall(session, mixture, max_rounds, shortfall, ways_out)
    return mixture


def fit_filters(
    session: Session,
    bounds: Sequence[Bound],
    generators: Sequence[tuple[Bound, Path]],
    plan: Sequence[PlanRow],
    train: Path,
    train_key: str,
    folder: Path,
    tell: bool = True,
) -> list[tuple[Bound, Path]]:
    """Fit filters on the training part, beside a first sample of the generators.

    Args:
        session: does the work.
        bounds: the filters; who would judge none of these generators is not fitted.
        generators: with the folders of their fitted state.
        plan: who makes which rows; the sample has the same proportions. Without any rows no filter is fitted.
        train: dataset folder of the training part.
        train_key: what stands for it in keys.
        folder: for the sample.
        tell: whether sample and fits are stages of their own.

    Raises:
        ShortfallError: all rows of the sample are outside the schema.
    """
    first = [_shrink(row, PILOT_ROWS) for row in plan if row.chunk == 0]
    makers = {row.generator for row in first}
    origins = {cast(type[Generator], bound.cls).origin for bound, _ in generators if bound.id in makers}
    bounds = [bound for bound in bounds if origins - cast(type[Filter], bound.cls).skips]
    if not bounds or not first:
        return []
    stage: AbstractContextManager[dict[str, Any]] = session.stage("pilot", "filters") if tell else nullcontext({})
    with stage as report:
        options: dict[str, Any] = {"purpose": "pilot", "filters": [], "repeats": None, "max_rounds": 1}
        pilot = make_rows(session, first, generators, train, folder, **options)
        if not pilot.parts:
            raise ShortfallError("no row of a first sample is inside the schema, so filters cannot be fitted")
        data = Dataset.concat([Dataset.load(part) for part, _ in pilot.parts])
        data.save(folder / "all")
        report["rows"] = len(data)
    fits = [Fit(bound, train, train_key, folder / "all", data.fingerprint()) for bound in bounds]
    return list(zip(bounds, fit_all(session, fits, tell), strict=True))


def _shrink(row: PlanRow, max_rows: int) -> PlanRow:
    """The same proportions in at most so many rows; every label that is asked for stays."""
    if row.rows <= max_rows:
        return row
    labels = tuple((label, max(1, count * max_rows // row.rows)) for label, count in row.labels)
    return PlanRow(row.generator, row.chunk, sum(count for _, count in labels) or max_rows, labels)


class _Jobs:
    """Collects chunks into one job for each generator, and runs them."""

    def __init__(self, session: Session, out: Path, mixture: Mixture):
        self.session, self.out, self.mixture = session, out, mixture
        self._jobs: list[Job[SampleTask, Sampled]] = []

    def add(self, sampling: Sampling, rows: Sequence[PlanRow]) -> None:
        """Plan these chunks of a generator for the next `run`."""
        if rows:
            tasks = [SampleTask(sampling, row, self.place(row)) for row in rows]
            self._jobs.append(self.session.job("sample", sampling.generator[0], sample, tasks))

    def place(self, row: PlanRow) -> Path:
        """Where a chunk lies."""
        return self.out / row.generator / f"{row.chunk}-{row.first_round}"

    def run(self) -> list[tuple[PlanRow, Path]]:
        """Make what was added; the chunks in plan order, wherever and whenever they were made."""
        jobs, self._jobs = self._jobs, []
        done = dict.fromkeys(jobs, 0)
        for job, index, result in self.session.map(jobs):
            generator = job.tasks[index].row.generator
            counts = self.mixture.counts[generator]
            counts.rounds = max(counts.rounds, result.rounds)
            for name, count in result.rejected.items():
                counts.reject(name, count)
            for name, count in result.judged.items():
                self.mixture.judged[name] += count
            done[job] += 1
            step = {"step": done[job], "total": len(job.tasks), "losses": {}}
            self.session.emit({"event": "progress", "stage": "sample", "id": generator, **step})
        chunks = [(task.row, task.out) for job in jobs for task in job.tasks]
        for _, path in chunks:
            for folder in sorted((path / "rejects").glob("*")):
                self.mixture.rejects.setdefault(folder.name, []).append(folder)
        return chunks


def _redraw_duplicates(
    jobs: _Jobs,
    chunks: Sequence[tuple[PlanRow, Path]],
    samplings: Mapping[str, Sampling],
    max_rounds: int,
    natural: Mapping[tuple[str, str], str],
    copying: set[str],
) -> tuple[list[tuple[PlanRow, Path]], Counter[tuple[str, str]]]:
    """Redraw, in plan order, every row that equals an earlier one of the plan, unless repeats are natural.

    Returns:
        The chunks, and (generator, label) to the number of repeated rows that were kept as natural.
    """
    judged = jobs.mixture.judged
    seen = np.zeros(0, dtype=np.uint64)
    finished: list[tuple[PlanRow, Path]] = []
    repeats_kept: Counter[tuple[str, str]] = Counter()
    fresh = list(chunks)
    for attempt in range(1, max_rounds + 1):
        again: list[PlanRow] = []
        for row, path in fresh:
            if row.generator not in copying:
                hashes = np.load(path / "hashes.npy")
                repeated = pd.Series(hashes).duplicated().to_numpy() | np.isin(hashes, seen)
                seen = np.union1d(seen, hashes)
                judged[DUPLICATES] += len(hashes)
                labels = [label for label, _ in row.labels] or [""]
                if repeated.any() and any((row.generator, label) in natural for label in labels):
                    repeated = _not_natural(row, path, repeated, natural, repeats_kept)
                if repeated.any():
                    jobs.mixture.counts[row.generator].reject(DUPLICATES, int(repeated.sum()))
                    path, replacement = _remove_repeated(row, path, repeated, attempt * max_rounds)
                    again.append(replacement)
            finished.append((row, path))
        if not again or attempt == max_rounds:
            break
        for name, sampling in samplings.items():
            jobs.add(sampling, [row for row in again if row.generator == name])
        fresh = jobs.run()
    names = list(samplings)
    return sorted(finished, key=lambda item: names.index(item[0].generator)), repeats_kept


def _not_natural(
    row: PlanRow,
    path: Path,
    repeated: np.ndarray,
    natural: Mapping[tuple[str, str], str],
    repeats_kept: Counter[tuple[str, str]],
) -> np.ndarray:
    """Which of a chunk's repeated rows must be redrawn, bool (N,); the others are counted in `repeats_kept`."""
    data = Dataset.load(path)
    labels = as_labels(data.frame[data.schema.target]) if row.labels else np.full(len(data), "", dtype=object)
    stays = repeated & np.array([(row.generator, label) in natural for label in labels])
    repeats_kept.update((row.generator, label) for label in labels[stays])
    redrawn: np.ndarray = repeated & ~stays
    return redrawn


def _describe_repeats(repeats_kept: Counter[tuple[str, str]], natural: Mapping[tuple[str, str], str]) -> str:
    """What the report says of repeated rows that were kept."""
    largest = [key for key, _ in repeats_kept.most_common(NAMED)]
    named = [
        f"{generator}{f', class {label!r}' if label else ''}: {natural[generator, label]}"
        for generator, label in largest
    ]
    more = f"; and {len(repeats_kept) - NAMED} more classes" if len(repeats_kept) > NAMED else ""
    return (
        f"{repeats_kept.total():,} synthetic rows equal an earlier synthetic row and were kept, since so many real "
        f"rows would repeat too ({'; '.join(named)}{more})"
    )


def _remove_repeated(row: PlanRow, path: Path, repeated: np.ndarray, first_round: int) -> tuple[Path, PlanRow]:
    """The chunk without the repeated rows, and a plan row for as many of the same labels."""
    data = Dataset.load(path)
    labels: tuple[tuple[str, int], ...] = ()
    if row.labels:
        lost = as_labels(data.frame[data.schema.target].iloc[np.flatnonzero(repeated)])
        labels = tuple((label, int((lost == label).sum())) for label, _ in row.labels if (lost == label).any())
    unique = path.with_name(f"{path.name}-unique")
    rest = data.take(~repeated)
    with disk_errors(unique, "writing a chunk without repeated rows"):
        rest.save(unique)
        np.save(unique / "hashes.npy", rest.row_hashes())
    return unique, PlanRow(row.generator, row.chunk, int(repeated.sum()), labels, first_round)


def _report_shortfall(session: Session, mixture: Mixture, max_rounds: int, shortfall: str, ways_out: str) -> None:
    rejected = mixture.rejected
    worst = max(rejected, key=lambda name: rejected[name])
    short = ", ".join(
        f"{name} {counts.kept} of {counts.asked}"
        for name, counts in mixture.counts.items()
        if counts.kept < counts.asked
    )
    message = (
        f"{mixture.short} synthetic rows are missing after {max_rounds} rounds ({short}); filter {worst!r} rejected "
        f"most, {rejected[worst]} of {mixture.judged[worst]}"
    )
    remedy = {
        IN_SCHEMA: "They were outside the bounds or categories of the schema: widen those",
        DUPLICATES: "They were equal to earlier rows: choose another generator",
    }.get(worst, "Loosen that filter")
    if shortfall == "fail":
        raise ShortfallError(f"{message}. {remedy}, {ways_out}")
    session.remark(message)
