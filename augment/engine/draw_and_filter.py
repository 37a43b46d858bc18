"""The task that makes synthetic rows: one chunk at a time, checked, filtered, redrawn.

A chunk is a function of (fitted state, training part, plan row, seed), so chunks can be made anywhere in any order.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from augment.data import Dataset, Schema, as_labels, check, conform
from augment.data.conformity import unknown_labels, valid_rows
from augment.data.snapping import snap_rows
from augment.engine.jobs import Call
from augment.engine.tasks import Component, calling, frame_hash, lend, load_fitted
from augment.errors import PluginError
from augment.plan.chunks import PlanRow, given_frame
from augment.plugin.context import derive_seed
from augment.plugin.contracts import Filter, Generator
from augment.spec.stages import Bound
from augment.storage.atomic_files import whole
from augment.text import listing

__all__ = [
    "IN_SCHEMA",
    "MAX_REJECTS",
    "Chunk",
    "SampleTask",
    "Sampled",
    "Sampler",
    "Sampling",
    "fill_chunk",
    "sample",
]

IN_SCHEMA = "in-schema"  # the filter that is always on
MAX_REJECTS = 20  # rejected rows kept of each filter, for the report


@dataclass(frozen=True)
class Sampling:
    """How rows of one generator are made: what its chunks share.

    Attributes:
        generator: with the folder of its state.
        filters: with the folders of their states, in the order in which they judge.
        train: dataset folder of the training part.
        seed: of the run.
        purpose: part of every seed: another purpose gives other rows.
        max_rounds: how often rejected rows are drawn, at most.
        where: columns beside the target to the value, as text, that every row is asked to have.
    """

    generator: tuple[Component, Path]
    filters: tuple[tuple[Component, Path], ...]
    train: Path
    seed: int
    purpose: str
    max_rounds: int
    where: Mapping[str, str]


@dataclass(frozen=True)
class SampleTask:
    """Argument of `sample`: one chunk of the plan, and its folder."""

    sampling: Sampling
    row: PlanRow
    out: Path


@dataclass(frozen=True)
class Sampled:
    """The counts of a chunk.

    Attributes:
        rows: that it has.
        short: rows that are missing.
        rounds: in which it was made.
        judged: filter id to candidates looked at.
        rejected: filter id to rows rejected.
    """

    rows: int
    short: int
    rounds: int
    judged: dict[str, int]
    rejected: dict[str, int]


def sample(task: SampleTask, call: Call) -> Sampled:
    """Make one chunk of a generator's rows.

    The folder `out` is a dataset, with `hashes.npy` (N,) uint64 and up to 20 rejects of each filter under
    `rejects/<filter id>`.
    """
    sampling, row = task.sampling, task.row
    opened = call.once(_open, sampling)
    given = given_frame(row, opened.train.schema)
    for name, value in sampling.where.items():
        column = Schema(columns={name: opened.train.schema.columns[name]})
        given[name] = conform(pd.DataFrame({name: [value] * len(given)}), column)[name]
    seed = (sampling.seed, opened.bound.id, sampling.purpose, row.chunk)
    chunk = fill_chunk(opened, given, seed, call, first_round=row.first_round, max_rounds=sampling.max_rounds)
    with whole(task.out) as out:
        chunk.data.save(out)
        np.save(out / "hashes.npy", chunk.data.row_hashes())
        for name, rejects in chunk.rejects.items():
            if rejects:
                Dataset.concat(rejects).take(slice(0, MAX_REJECTS)).save(out / "rejects" / name)
    return Sampled(len(chunk.data), len(given) - len(chunk.data), chunk.rounds, chunk.judged, chunk.rejected)


class Sampler:
    """A fitted generator, ready to be asked: what the chunks of its rows share.

    Args:
        bound: the generator.
        generator: fitted.
        train: the training part.
        filters: fitted, in the order in which they judge.
    """

    def __init__(
        self, bound: Bound, generator: Generator, train: Dataset, filters: Sequence[tuple[Bound, Filter]] = ()
    ):
        self.bound, self.generator, self.train = bound, generator, train
        self._train_hash, self._num_chunks, self._next_look = frame_hash(train), 0, 1
        self.filters = [(one, judge) for one, judge in filters if generator.origin not in judge.skips]

    def is_train_changed(self) -> bool:
        """Whether a chunk has changed the training rows, as far as is looked: after the 1st chunk, the 4th, the
        16th and so on, since a look at each of many rows costs as much as many chunks of some thousand."""
        self._num_chunks += 1
        is_due = self._num_chunks == self._next_look
        self._next_look *= 4 if is_due else 1
        return is_due and frame_hash(self.train) != self._train_hash


def fill_chunk(
    sampler: Sampler,
    given: pd.DataFrame,
    seed: tuple[str | int, ...],
    call: Call,
    *,
    first_round: int = 0,
    max_rounds: int,
) -> Chunk:
    """Draw rows, check and filter them, and draw those that were rejected again.

    Args:
        sampler: what draws them.
        given: the conditions, one row for each row that is asked for, at most as many as a chunk has.
        seed: names from which the seed of each round is derived.
        call: of the task.
        first_round: what rounds are counted from.
        max_rounds: how often rows are drawn, at most; then some are missing.

    Raises:
        PluginError: the generator or a filter failed, or broke its contract.
    """
    bound, train = sampler.bound, sampler.train
    chunk = Chunk([IN_SCHEMA, *(filter_bound.id for filter_bound, _ in sampler.filters)], train)
    open_slots = np.arange(len(given))
    while len(open_slots) and chunk.rounds < max_rounds:
        names = (*seed, first_round + chunk.rounds)
        asked = given.iloc[open_slots].reset_index(drop=True)
        drawn = _draw(sampler.generator, bound, asked, train, derive_seed(*names), call)
        chunk.note_labels(drawn)
        is_kept = chunk.note(IN_SCHEMA, drawn, valid_rows(drawn.frame, drawn.arrays, train.schema))
        for filter_bound, judge in sampler.filters:
            positions = np.flatnonzero(is_kept)
            candidates = drawn.take(positions)
            passed = _judge(filter_bound, judge, candidates, derive_seed(*names, filter_bound.id), call)
            is_kept[positions] = chunk.note(filter_bound.id, candidates, passed)
        chunk.accept(drawn.take(is_kept), open_slots[is_kept])
        open_slots = open_slots[~is_kept]
    if len(open_slots) and chunk.invented:
        name, labels = next(iter(chunk.invented.items()))
        known = listing(train.schema.columns[name].categories)
        raise PluginError(
            f"{bound.what}: sample invented all labels of column {name!r}: {listing(labels)}; the training part has "
            f"{known}"
        )
    if sampler.is_train_changed():
        raise PluginError(f"{bound.what}: sample changed the training rows; they are read only")
    return chunk


def _open(sampling: Sampling) -> Sampler:
    generator = load_fitted(*sampling.generator)
    assert isinstance(generator, Generator)
    filters = []
    for bound, folder in sampling.filters:
        judge = load_fitted(bound, folder)
        assert isinstance(judge, Filter)
        filters.append((bound, judge))
    return Sampler(sampling.generator[0], generator, Dataset.load(sampling.train), filters)


def _draw(generator: Generator, bound: Bound, given: pd.DataFrame, train: Dataset, seed: int, call: Call) -> Dataset:
    """One call of `Generator.sample`, its return checked against the contract, its numbers such as the columns take.

    Raises:
        PluginError: wrong type, count, columns, types or arrays; numbers that are not finite; a given value changed.
    """
    given_before = given.copy()
    with lend(call, seed, train=train) as context, calling(bound, "sample"):
        drawn = generator.sample(given, context)
    where = f"{bound.what}: sample"
    if not isinstance(drawn, Dataset):
        raise PluginError(f"{where} returned {type(drawn).__name__}; a Dataset was expected")
    if len(drawn) != len(given):
        raise PluginError(f"{where} returned {len(drawn)} rows; exactly the {len(given)} asked for were expected")
    if problems := check(drawn.frame, drawn.arrays, train.schema):
        raise PluginError(f"{where} returned rows that do not fit the training part: {'; '.join(problems)}")
    if not given.equals(given_before):
        raise PluginError(f"{where} changed `given`; it is read only")
    for name in given.columns:
        wrong = as_labels(drawn.frame[name]) != as_labels(given[name])
        if wrong.any():
            raise PluginError(
                f"{where} did not keep what was given: column {name!r} differs in {int(wrong.sum())} of "
                f"{len(given)} rows"
            )
    return Dataset.of(snap_rows(drawn.frame, train.schema, without=given.columns), drawn.arrays, train.schema)


class Chunk:
    """What has been made of one chunk so far.

    Attributes:
        rounds: in which it was made.
        invented: columns in which no candidate had a label of the training part, to the labels there instead.
        judged: filter id to candidates looked at.
        rejected: filter id to rows rejected.
        rejects: filter id to some of these rows.
    """

    def __init__(self, filter_ids: list[str], train: Dataset):
        self.rounds = 0
        self.invented: dict[str, list[str]] = {}
        self.judged = dict.fromkeys(filter_ids, 0)
        self.rejected = dict.fromkeys(filter_ids, 0)
        self.rejects: dict[str, list[Dataset]] = {name: [] for name in filter_ids}
        self._slots: list[np.ndarray] = []
        self._parts: list[Dataset] = []
        self._nothing = train.take(slice(0, 0))

    def note(self, filter_id: str, candidates: Dataset, passed: np.ndarray) -> np.ndarray:
        """Count what a filter said of these candidates, keep some rejects; returns `passed`."""
        self.judged[filter_id] += len(candidates)
        self.rejected[filter_id] += int((~passed).sum())
        if sum(len(part) for part in self.rejects[filter_id]) < MAX_REJECTS and not passed.all():
            self.rejects[filter_id].append(candidates.take(np.flatnonzero(~passed)[:MAX_REJECTS]))
        return passed

    def note_labels(self, candidates: Dataset) -> None:
        """Follow which columns have had none but invented labels."""
        unknown = unknown_labels(candidates.frame, candidates.schema)
        invented = {name: labels for name, (labels, are_all) in unknown.items() if are_all}
        if self.rounds:
            invented = {name: labels for name, labels in invented.items() if name in self.invented}
        self.invented = invented

    def accept(self, rows: Dataset, slots: np.ndarray) -> None:
        """Fill these slots."""
        self.rounds += 1
        self._parts.append(rows)
        self._slots.append(slots)

    @cached_property
    def data(self) -> Dataset:
        """The filled slots, in order."""
        if not self._parts:
            return self._nothing
        return Dataset.concat(self._parts).take(np.argsort(np.concatenate(self._slots), kind="stable"))


def _judge(bound: Bound, judge: Filter, candidates: Dataset, seed: int, call: Call) -> np.ndarray:
    if not len(candidates):
        return np.zeros(0, dtype=bool)
    with lend(call, seed) as context, calling(bound, "judge"):
        scores = np.asarray(judge.judge(candidates, context))
    if scores.shape != (len(candidates),) or scores.dtype.kind != "f":
        raise PluginError(
            f"{bound.what}: judge returned {scores.dtype} {scores.shape}; float {(len(candidates),)} was expected"
        )
    return scores >= judge.threshold
