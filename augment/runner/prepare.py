"""From the source to a training part that components may see: read, type, cut, transform."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from augment.data import (
    ArrayDeclaration,
    ColumnDeclaration,
    Dataset,
    Schema,
    SchemaDeclaration,
    infer,
    observe,
)
from augment.data.arrays import met_in_training
from augment.data.snapping import keeps_to_values
from augment.engine.tasks import ApplyTask, ReadTask, apply, read
from augment.errors import DataError
from augment.plan.split import Cut, cut, cut_after, note_near_duplicates
from augment.plugin.kinds import Kind
from augment.runner.fitting import fit_components
from augment.runner.session import Session
from augment.spec.bind import bind
from augment.spec.load import Resolved
from augment.spec.stages import Bound
from augment.toolkit.data_files import listed

__all__ = ["Prepared", "prepare"]

TRANSFORM: tuple[Kind, ...] = ("transform",)
SYNTHETIC_ID = "synthetic-"  # what ids of synthetic rows begin with where ids are text


@dataclass(frozen=True)
class Prepared:
    """The data of a run, ready to be learnt from.

    Attributes:
        source: fingerprint of what was read.
        num_read: rows read.
        num_without_target: rows of these that were left out because they have no target.
        cut: which source rows are held out.
        schema: of the real rows after transforms, ids included: what is written.
        train: dataset folder of the training part without ids, after transforms: what components see.
        test: the hold-out likewise.
        train_written: the real training rows with their ids.
        test_written: the hold-out with its ids.
        num_train: training rows.
        num_test: held-out rows.
        key: content key of the training part.
        transforms: as they were bound, in order.
        first_id: id column to what stands before the number in ids of synthetic rows (nothing where ids are whole
            numbers), and the first such number that no real row has.
        notes: what a person should look at.
    """

    source: str
    num_read: int
    num_without_target: int
    cut: Cut
    schema: Schema
    train: Path
    test: Path
    train_written: Path
    test_written: Path
    num_train: int
    num_test: int
    key: str
    transforms: list[Bound]
    first_id: dict[str, tuple[str, int]]
    notes: list[str]


def prepare(session: Session, resolved: Resolved, held: Dataset | None = None) -> Prepared:
    """Read the source, cut the hold-out, fit the transforms on the training part and apply them to both parts.

    `held` is a hold-out of its own: then all rows of the source are for training, and nothing is cut.

    Raises:
        DataError: the data cannot be read, cut or used, or the columns of `held` are others.
    """
    pipeline, scratch = resolved.pipeline, session.scratch
    declared = pipeline.schema_
    bound = resolved.source()
    with session.remarking():  # what a source says of the data holds for every run on it
        found = session.one("read", bound, read, ReadTask(bound, declared, session.seed, scratch / "read"))
    data = Dataset.load(scratch / "read")
    if not len(data):
        raise DataError(f"{bound.what} gave no rows")
    num_read = len(data)
    if held is not None:
        data = Dataset.concat([data, held])
    types = _declare(data, declared)
    data = Dataset.of(data.frame, data.arrays, types)
    num_all, kept = len(data), np.arange(len(data))
    if types.target is not None and pipeline.split.missing_target == "drop":
        data, kept = _with_target(data, types.target, scratch)
    num_without_target = num_all - len(kept)
    _check_target(data, _called(bound))

    # only for the cut: what is learnt from values is learnt again from the training part alone, below
    task = observe(types, data.frame)[0].task
    split = pipeline.split
    stratify = types.target if task == "classes" and split.time is None else None
    if isinstance(split.stratify, str):
        stratify = split.stratify
    elif split.stratify is not None:
        stratify = types.target if split.stratify else None
    bind(resolved, types, kinds=TRANSFORM)  # names the columns of `split` that are not there
    options = {"group": split.group, "time": split.time, "dedupe": split.dedupe}
    if held is None:
        rows = cut(data, holdout=split.holdout, seed=pipeline.seed, stratify=stratify, **options)  # type: ignore[arg-type]
    else:
        rows = cut_after(data, int((kept < num_read).sum()))
    train, test = data.gather(rows.train, scratch / "cut-train"), data.gather(rows.test, scratch / "cut-test")
    train, test = _with_own_vocabularies(train, test, declared)
    schema, notes = observe(train.schema, train.frame, train.arrays)
    train = Dataset.of(train.frame, train.arrays, schema)
    named = {name: array.vocabulary for name, array in test.schema.arrays.items()}
    arrays = {name: array.model_copy(update={"vocabulary": named[name]}) for name, array in schema.arrays.items()}
    test = Dataset.of(test.frame, test.arrays, schema.model_copy(update={"arrays": arrays}))

    ids = [name for name, column in schema.columns.items() if column.type == "id"]
    seen = {"train": train.drop_columns(ids), "test": test.drop_columns(ids)}
    folders = {name: scratch / name for name in seen}
    for name, part in seen.items():
        part.save(folders[name])
    transforms = bind(resolved, seen["train"].schema, len(train), TRANSFORM)["transform"]
    for number, transform in enumerate(transforms):
        fitted = fit_components(session, [transform], folders["train"], Dataset.load(folders["train"]).fingerprint())
        for name in folders:
            out = scratch / f"{name}-{number}"
            applying = ApplyTask(transform, fitted[transform.id], folders[name], out, is_holdout=name == "test")
            with session.remarking():  # what a transform says of the data, too
                session.one(f"apply to {name}", transform, apply, applying)
            folders[name] = out
    after = {name: Dataset.load(folder) for name, folder in folders.items()}
    if outdated := _outdated(after["train"], types):
        for name, part in after.items():
            columns = dict(part.schema.columns)
            columns |= {one: columns[one].model_copy(update={"step": None, "values": None}) for one in outdated}
            after[name] = Dataset(part.frame, part.arrays, part.schema.model_copy(update={"columns": columns}))
            folders[name] = scratch / f"{name}-of-other-values"
            after[name].save(folders[name])
    written = {"train": _with_ids(after["train"], train, ids), "test": _with_ids(after["test"], test, ids)}
    for name, part in written.items():
        part.save(scratch / f"{name}-written")
    key = f"train-{after['train'].fingerprint()}"
    dropped = [f"{num_without_target:,} of {num_all:,} rows have no target and were left out"] * bool(
        num_without_target
    )
    return Prepared(
        source=found.fingerprint,
        num_read=found.rows,
        num_without_target=num_without_target,
        cut=rows.within(kept, num_all),
        schema=written["train"].schema,
        train=session.keep(key, folders["train"]),
        test=folders["test"],
        train_written=scratch / "train-written",
        test_written=scratch / "test-written",
        num_train=len(after["train"]),
        num_test=len(after["test"]),
        key=key,
        transforms=transforms,
        first_id={name: _first_free(data.frame[name]) for name in ids},
        notes=[*dropped, *notes, *rows.notes, *note_near_duplicates(data, rows, pipeline.seed)],
    )


def _declare(data: Dataset, declared: SchemaDeclaration) -> Schema:
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


def _outdated(train: Dataset, declared: Schema) -> list[str]:
    """The columns whose step or values were learned before transforms, and are not kept after them."""
    learned = [
        name
        for name, column in train.schema.columns.items()
        if name not in declared.columns or not (declared.columns[name].step or declared.columns[name].values)
    ]
    return [name for name in learned if not keeps_to_values(train.frame[name], train.schema.columns[name])]


def _with_own_vocabularies(train: Dataset, test: Dataset, declared: SchemaDeclaration) -> tuple[Dataset, Dataset]:
    """Both parts with the tokens that they have; where the pipeline names the vocabulary, with that."""
    for name, array in train.schema.arrays.items():
        if array.type != "tokens" or array.vocabulary is None:
            continue
        said = declared.arrays.get(name, ArrayDeclaration()).vocabulary
        if said is not None:
            most = max(int(part.arrays[name].max(initial=0)) for part in (train, test))
            if most >= len(said):
                raise DataError(
                    f"array {name!r} has tokens up to {most}, and its declared vocabulary names {len(said)}, from 0 "
                    "on; name all of them, or leave `vocabulary` out"
                )
        else:
            found = met_in_training(array, *((part.arrays[name], part.lengths(name)) for part in (train, test)))
            train, test = (
                Dataset(
                    part.frame,
                    {**part.arrays, name: values},
                    part.schema.model_copy(update={"arrays": {**part.schema.arrays, name: own}}),
                )
                for part, (own, values) in zip((train, test), found, strict=True)
            )
    return train, test


def _called(source: Bound) -> str:
    """What messages call the data: its file or folder, else its source."""
    path = getattr(source.params, "path", None)
    if isinstance(path, tuple) and path:
        return listed(path)
    return str(path) if isinstance(path, Path) else source.what


def _with_target(data: Dataset, target: str, scratch: Path) -> tuple[Dataset, np.ndarray]:
    """The rows that have a target, and their positions."""
    has_target = data.frame[target].notna().to_numpy()
    kept = np.flatnonzero(has_target)
    if has_target.all() or not has_target.any():
        return data, np.arange(len(data))
    data = data.gather(kept, scratch / "with-target")
    return Dataset.of(data.frame, data.arrays, data.schema), kept  # an integer without gaps has another pandas type


def _check_target(data: Dataset, called: str) -> None:
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
    if (values == values.iloc[0]).all():
        raise DataError(
            f"{called}: target {name!r} is {str(values.iloc[0])!r} in all {len(values)} rows; at least two values are "
            "needed to judge by: name another target, or none"
        )
    if data.schema.columns[name].type == "id":
        raise DataError(f"{called}: target {name!r} is of type id; declare what it is under schema.columns")


def _with_ids(changed: Dataset, original: Dataset, ids: list[str]) -> Dataset:
    """The rows with their id columns back in place; rows are numbered anew where a transform dropped some."""
    if not ids:
        return changed
    same = len(changed) == len(original)
    found = {name: original.frame[name] if same else _numbered(original.frame[name], len(changed)) for name in ids}
    order = [name for name in original.schema.columns if name in ids or name in changed.schema.columns]
    order += [name for name in changed.schema.columns if name not in order]
    columns = {name: (original if name in ids else changed).schema.columns[name] for name in order}
    frame = pd.DataFrame({name: found[name] if name in ids else changed.frame[name] for name in order})
    return Dataset.of(frame, changed.arrays, changed.schema.model_copy(update={"columns": columns}))


def _numbered(ids: pd.Series, num_rows: int) -> pd.Series:
    """New ids of the same type."""
    numbers = pd.Series(np.arange(num_rows))
    return numbers if pd.api.types.is_integer_dtype(ids.dtype) else numbers.astype("str")


def _first_free(ids: pd.Series) -> tuple[str, int]:
    """What stands before the number in synthetic ids, and the first number that makes new ones with it."""
    numbers, prefix = ids.dropna(), ""
    if not pd.api.types.is_integer_dtype(numbers.dtype):
        if not numbers.str.fullmatch(r"0|[1-9][0-9]{0,17}").all():
            prefix = SYNTHETIC_ID
            # what was augmented before may be augmented again
            numbers = numbers.str.extract(rf"^{SYNTHETIC_ID}([0-9]{{1,17}})$", expand=False).dropna()
        numbers = numbers.astype("int64")
    return prefix, int(numbers.max()) + 1 if len(numbers) else 0
