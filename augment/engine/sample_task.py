"""The task that makes synthetic rows: one chunk at a time, checked, filtered, redrawn.

A chunk is a function of (fitted state, training part, plan row, seed), so chunks can be made anywhere in any order.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from augment.data import Dataset, Schema, check, conform, labels_of
from augment.data.conformity import valid_rows
from augment.engine.jobs import Emit, Task
from augment.engine.tasks import CATALOG, calling, frame_hash, lend, load_fitted, save_whole
from augment.errors import PluginError
from augment.plan.amounts import PlanRow, given_frame
from augment.plugin.context import derive_seed
from augment.plugin.contracts import Filter, Generator
from augment.spec.stages import Bound, bound_from_json

__all__ = ["IN_SCHEMA", "MAX_REJECTS", "draw", "sample"]

IN_SCHEMA = "in-schema"  # the filter that is always on
MAX_REJECTS = 20  # rejected rows kept of each filter, for the report


def draw(generator: Generator, bound: Bound, given: pd.DataFrame, init: Mapping[str, Any], seed: int) -> Dataset:
    """One call of `Generator.sample`, its return checked against the contract.

    Raises:
        PluginError: wrong type, count, columns, types or arrays; numbers that are not finite; a given value changed.
    """
    train = init["train_data"]
    given_before = given.copy()
    with lend(init, seed, train=train) as context, calling(bound, "sample"):
        made = generator.sample(given, context)
    where = f"{bound.what}: sample"
    if not isinstance(made, Dataset):
        raise PluginError(f"{where} returned {type(made).__name__}; a Dataset was expected")
    if len(made) != len(given):
        raise PluginError(f"{where} returned {len(made)} rows; exactly the {len(given)} asked for were expected")
    if problems := check(made.frame, made.arrays, train.schema):
        raise PluginError(f"{where} returned rows that do not fit the training part: {'; '.join(problems)}")
    if not given.equals(given_before):
        raise PluginError(f"{where} changed `given`; it is read only")
    for name in given.columns:
        wrong = labels_of(made.frame[name]) != labels_of(given[name])
        if wrong.any():
            raise PluginError(
                f"{where} did not keep what was given: column {name!r} differs in {int(wrong.sum())} of "
                f"{len(given)} rows"
            )
    return Dataset.of(made.frame, made.arrays, train.schema)


def sample(init: Mapping[str, Any], emit: Emit) -> Task:
    """Make chunks of one generator.

    init: `component`, `folder`, `train`, `filters` (list of `component` and `folder`), `seed` (of the run), `purpose`,
    `max_rounds`, `where` (further given columns to their value, as text). Row: the fields of a PlanRow, and `out`.
    Result: `rows` kept, `short` by how many, `rounds` needed, `judged` and `rejected` by filter. The folder `out` is a
    dataset, with `hashes.npy` (N,) uint64 and up to 20 rejects of each filter under `rejects/<filter id>`.
    """
    bound = bound_from_json(init["component"], CATALOG)
    generator = load_fitted(bound, Path(init["folder"]))
    assert isinstance(generator, Generator)
    train = Dataset.load(Path(init["train"]))
    shared = {**init, "train_data": train}
    before = frame_hash(train)
    filters: list[tuple[Bound, Filter]] = []
    for entry in init["filters"]:
        filter_bound = bound_from_json(entry["component"], CATALOG)
        loaded = load_fitted(filter_bound, Path(entry["folder"]))
        assert isinstance(loaded, Filter)
        if generator.origin not in loaded.skips:
            filters.append((filter_bound, loaded))

    def run(row: Mapping[str, Any]) -> Mapping[str, Any]:
        labels = tuple((str(label), int(count)) for label, count in row["labels"])
        plan_row = PlanRow(row["generator"], row["chunk"], row["rows"], labels, row["first_round"])
        chunk = _Chunk([IN_SCHEMA, *(filter_bound.id for filter_bound, _ in filters)])
        given = given_frame(plan_row, train.schema)
        for name, value in init["where"].items():
            column = Schema(columns={name: train.schema.columns[name]})
            given[name] = conform(pd.DataFrame({name: [value] * len(given)}), column)[name]
        open_slots = np.arange(plan_row.rows)
        while len(open_slots) and chunk.rounds < init["max_rounds"]:
            number = plan_row.first_round + chunk.rounds
            names = (init["seed"], bound.id, init["purpose"], plan_row.chunk, number)
            asked = given.iloc[open_slots].reset_index(drop=True)
            made = draw(generator, bound, asked, shared, derive_seed(*names))
            kept = chunk.note(IN_SCHEMA, made, valid_rows(made.frame, made.arrays, train.schema))
            for filter_bound, judge in filters:
                positions = np.flatnonzero(kept)
                candidates = made.take(positions)
                passed = _judge(filter_bound, judge, candidates, init, derive_seed(*names, filter_bound.id))
                kept[positions] = chunk.note(filter_bound.id, candidates, passed)
            chunk.accept(made.take(kept), open_slots[kept])
            open_slots = open_slots[~kept]
        if frame_hash(train) != before:
            raise PluginError(f"{bound.what}: sample changed the training rows; they are read only")
        data = chunk.data(train)
        with save_whole(Path(row["out"])) as out:
            data.save(out)
            np.save(out / "hashes.npy", data.row_hashes())
            for name, rejects in chunk.rejects.items():
                if rejects:
                    Dataset.concat(rejects).take(slice(0, MAX_REJECTS)).save(out / "rejects" / name)
        return {
            "rows": len(data),
            "short": len(open_slots),
            "rounds": chunk.rounds,
            "judged": chunk.judged,
            "rejected": chunk.rejected,
        }

    return run


class _Chunk:
    """What has been made of one chunk so far."""

    def __init__(self, filter_ids: list[str]):
        self.rounds = 0
        self.judged = dict.fromkeys(filter_ids, 0)
        self.rejected = dict.fromkeys(filter_ids, 0)
        self.rejects: dict[str, list[Dataset]] = {name: [] for name in filter_ids}
        self._parts: list[Dataset] = []
        self._slots: list[np.ndarray] = []

    def note(self, filter_id: str, candidates: Dataset, passed: np.ndarray) -> np.ndarray:
        """Count what a filter said of these candidates, keep some rejects; returns `passed`."""
        self.judged[filter_id] += len(candidates)
        self.rejected[filter_id] += int((~passed).sum())
        if sum(len(part) for part in self.rejects[filter_id]) < MAX_REJECTS and not passed.all():
            self.rejects[filter_id].append(candidates.take(np.flatnonzero(~passed)[:MAX_REJECTS]))
        return passed

    def accept(self, rows: Dataset, slots: np.ndarray) -> None:
        """Fill these slots."""
        self.rounds += 1
        self._parts.append(rows)
        self._slots.append(slots)

    def data(self, train: Dataset) -> Dataset:
        """The filled slots, in order."""
        if not self._parts:
            return train.take(slice(0, 0))
        return Dataset.concat(self._parts).take(np.argsort(np.concatenate(self._slots), kind="stable"))


def _judge(bound: Bound, judge: Filter, candidates: Dataset, init: Mapping[str, Any], seed: int) -> np.ndarray:
    if not len(candidates):
        return np.zeros(0, dtype=bool)
    with lend(init, seed) as context, calling(bound, "judge"):
        scores = np.asarray(judge.judge(candidates, context))
    if scores.shape != (len(candidates),) or scores.dtype.kind != "f":
        raise PluginError(
            f"{bound.what}: judge returned {scores.dtype} {scores.shape}; float {(len(candidates),)} was expected"
        )
    return scores >= judge.threshold
