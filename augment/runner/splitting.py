"""From the sources to a training part and a hold-out: read, type, split."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from augment.data import ArrayDeclaration, ColumnDeclaration, Dataset, Schema, SchemaDeclaration, infer, observe
from augment.data.depth import notes_on_depth, observe_levels, to_8_bits
from augment.engine.tasks import ReadTask, read
from augment.errors import DataError
from augment.plan.alignment import align
from augment.plan.own_split import find_held_rows, keep_cut, note_unseen
from augment.plan.split import Cut, cut, note_near_duplicates
from augment.runner.session import Session
from augment.spec.bind import check_columns
from augment.spec.load import Resolved
from augment.spec.stages import Bound
from augment.storage.run_manifest import SourceRecord
from augment.toolkit.data_files import listed

__all__ = ["Parts", "declare", "read_and_split"]


@dataclass(frozen=True)
class Parts:
    """Both parts of the data, as read.

    Attributes:
        train: the rows for training; their schema knows the types, and nothing that is learned from values.
        test: the hold-out, under the same schema.
        cut: which source rows they are.
        sources: what was read: the source, then that of the hold-out if it has one.
        notes: what a person should look at.
    """

    train: Dataset
    test: Dataset
    cut: Cut
    sources: tuple[SourceRecord, ...]
    notes: list[str]


@dataclass(frozen=True)
class _Read:
    """What a source gave: the rows to use, under the declared schema, and their positions in what was read."""

    data: Dataset
    rows: np.ndarray
    record: SourceRecord

    @property
    def notes(self) -> list[str]:
        num = self.record.without_target
        return [f"{num:,} of {self.record.rows:,} rows have no target and were left out"] if num else []


def read_and_split(session: Session, resolved: Resolved) -> Parts:
    """Read the source, and cut the hold-out or read it from its own source.

    Raises:
        DataError: the data cannot be read, cut or used, or the hold-out does not fit the training rows.
        SpecError: the pipeline names columns that are not there.
    """
    bound, *of_test = resolved.sources()
    read = _read(session, resolved, bound, "source")
    if of_test:
        return _with_own_source(session, resolved, read, _read(session, resolved, of_test[0], "test"))
    data, split, scratch = read.data, resolved.pipeline.split, session.scratch
    types, column, notes = data.schema, split.column, read.notes
    if column in types.columns:  # as an id: no component sees it, and it is written
        columns = types.columns | {column: types.columns[column].model_copy(update={"type": "id", "categories": None})}
        types = types.model_copy(update={"columns": columns})
    check_columns(resolved, types)
    if column is not None:
        held, note = find_held_rows(data, column, split.test_values or ())
        data = Dataset.of(data.frame, data.arrays, types)
        sides = [np.flatnonzero(~held), np.flatnonzero(held)]
        train, test = (data.gather(rows, scratch / f"side-{number}") for number, rows in enumerate(sides))
        checked = keep_cut(train, test, dedupe=split.dedupe, group=split.group)
        rows = Cut(sides[0][checked.train], sides[1], sides[0][checked.dropped], (note, *checked.notes))
        notes += note_unseen(train, test)
    else:
        rows = _cut(data, resolved)
    train, test = data.gather(rows.train, scratch / "cut-train"), data.gather(rows.test, scratch / "cut-test")
    train, test = _in_8_bits(train, test, scratch, notes)
    notes += [*rows.notes, *note_near_duplicates(train, test, session.seed)]
    return Parts(train, test, rows.within(read.rows, read.record.rows), (read.record,), notes)


def _with_own_source(session: Session, resolved: Resolved, ours: _Read, theirs: _Read) -> Parts:
    split = resolved.pipeline.split
    train, test, notes = align(ours.data, theirs.data, *_names(*resolved.sources()))
    check_columns(resolved, train.schema)
    checked = keep_cut(train, test, dedupe=split.dedupe, group=split.group)
    notes += note_unseen(train, test)
    if len(checked.dropped):
        train = train.gather(checked.train, session.scratch / "cut-train")
    train, test = _in_8_bits(train, test, session.scratch, notes)
    notes += note_near_duplicates(train, test, session.seed)
    rows = Cut(checked.train, checked.train[:0], checked.dropped).within(ours.rows, ours.record.rows)
    cut_apart = Cut(rows.train, theirs.rows, rows.dropped)
    return Parts(
        train, test, cut_apart, (ours.record, theirs.record), [*ours.notes, *theirs.notes, *checked.notes, *notes]
    )


def _in_8_bits(train: Dataset, test: Dataset, scratch: Path, notes: list[str]) -> tuple[Dataset, Dataset]:
    """Both parts with images of 8 bits; what black and white are is learned from the training part."""
    levels = observe_levels(train)
    notes += notes_on_depth(train, levels)
    return to_8_bits(train, levels, scratch / "train-8-bits"), to_8_bits(test, levels, scratch / "test-8-bits")


def _read(session: Session, resolved: Resolved, bound: Bound, name: str) -> _Read:
    """What a source gives; `name` is `source`, or `test` for that of the hold-out."""
    declared, place = resolved.pipeline.schema_, session.scratch / f"read-{name}"
    with session.remarking():  # what a source says of the data holds for every run on it
        saved = session.one("read", bound, read, ReadTask(bound, declared, session.seed, place))
    data = Dataset.load(place)
    if not len(data):
        raise DataError(f"{bound.what} gave no rows")
    data = Dataset.of(data.frame, data.arrays, declare(data, declared))
    num_read, rows = len(data), np.arange(len(data))
    if data.schema.target is not None and resolved.pipeline.split.missing_target == "drop":
        data, rows = _with_target(data, data.schema.target, session.scratch / f"{name}-with-target")
    _check_target(data, _called(bound), is_test=name == "test")
    record = SourceRecord(fingerprint=saved.fingerprint, rows=num_read, without_target=num_read - len(rows))
    return _Read(data, rows, record)


def _cut(data: Dataset, resolved: Resolved) -> Cut:
    pipeline, types = resolved.pipeline, data.schema
    split = pipeline.split
    stratify = types.target if split.time is None and _has_classes(data) else None
    if isinstance(split.stratify, str):
        stratify = split.stratify
    elif split.stratify is not None:
        stratify = types.target if split.stratify else None
    return cut(
        data,
        holdout=split.share,
        seed=pipeline.seed,
        stratify=stratify,
        group=split.group,
        time=split.time,
        dedupe=split.dedupe,
    )


def _has_classes(data: Dataset) -> bool:
    """Whether the target has classes. This is for the cut alone: what is learned from values is learned from the
    training part, and later."""
    target = data.schema.target
    if target is None:
        return False
    alone = Schema(columns={target: data.schema.columns[target]}, target=target)
    return observe(alone, data.frame)[0].task == "classes"


def declare(data: Dataset, declared: SchemaDeclaration) -> Schema:
    """The source's schema, with what the pipeline says of it winning."""

    def merged(ours: dict[str, Any], theirs: dict[str, Any], cls: Any) -> dict[str, Any]:
        said = {name: model.model_dump(exclude_none=True) for name, model in theirs.items()}
        own = {name: model.model_dump(exclude_none=True) for name, model in ours.items()}
        return {name: cls(**{**own.get(name, {}), **said.get(name, {})}) for name in {**own, **said}}

    return infer(
        data.frame,
        data.arrays,
        SchemaDeclaration(
            target=declared.target or data.schema.target,
            payload=declared.payload or data.schema.payload,
            columns=merged(dict(data.schema.columns), dict(declared.columns), ColumnDeclaration),
            arrays=merged(dict(data.schema.arrays), dict(declared.arrays), ArrayDeclaration),
        ),
    )


def _called(source: Bound) -> str:
    """What messages call the data: its file or folder, else its source."""
    path = getattr(source.params, "path", None)
    if isinstance(path, tuple) and path:
        return listed(path)
    return str(path) if isinstance(path, Path) else source.what


def _with_target(data: Dataset, target: str, folder: Path) -> tuple[Dataset, np.ndarray]:
    """The rows that have a target, and their positions."""
    has_target = data.frame[target].notna().to_numpy()
    positions = np.flatnonzero(has_target)
    if has_target.all() or not has_target.any():
        return data, np.arange(len(data))
    data = data.gather(positions, folder)
    return Dataset.of(
        data.frame, data.arrays, data.schema
    ), positions  # an integer without gaps has another pandas type


def _names(source: Bound, of_test: Bound) -> tuple[str, str]:
    """What notes call two sources: reports have no paths of this machine."""
    one, other = (Path(_called(bound)).name for bound in (source, of_test))
    return (one, other) if one != other else (f"the source, {one},", f"that of the hold-out, {other},")


def _check_target(data: Dataset, called: str, is_test: bool) -> None:
    name = data.schema.target
    if name is None:
        return
    values = data.frame[name]
    if values.hasnans:
        row = int(np.flatnonzero(values.isna().to_numpy())[0]) + 1
        raise DataError(
            f"{called}: target {name!r} is missing in {int(values.isna().sum())} of {len(values)} rows, first in data "
            f"row {row}; fill it in, or leave those rows out with `split: {{missing_target: drop}}`"
        )
    if not is_test and (values == values.iloc[0]).all():
        raise DataError(
            f"{called}: target {name!r} is {str(values.iloc[0])!r} in all {len(values)} rows; at least two values are "
            "needed to judge by: name another target, or none"
        )
    if data.schema.task == "none":
        raise DataError(
            f"{called}: target {name!r} is of type {data.schema.columns[name].type}, and models predict classes or "
            "numbers; declare what it is under schema.columns, or name another target, or none"
        )
