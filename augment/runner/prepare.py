"""From the split data to a training part that components may see: observe, hide ids, transform."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from augment.data import ArrayDeclaration, Dataset, Schema, SchemaDeclaration, observe
from augment.data.arrays import met_in_training
from augment.data.snapping import keeps_to_values
from augment.engine.judge_tasks import encode_truth
from augment.engine.tasks import ApplyTask, apply
from augment.engine.write_tasks import filled
from augment.errors import DataError
from augment.plan.independent_units import find_units
from augment.plan.new_ids import NewIds
from augment.plan.split import Cut
from augment.plugin.kinds import Kind
from augment.runner.fitting import fit_components
from augment.runner.session import Session
from augment.runner.splitting import read_and_split
from augment.spec.bind import bind
from augment.spec.load import Resolved
from augment.spec.models import Pipeline
from augment.spec.stages import Bound
from augment.statistics.power import describe_power
from augment.statistics.scores import SCORES, default_score
from augment.statistics.units import Units
from augment.storage.run_manifest import SourceRecord

__all__ = ["Prepared", "prepare"]

TRANSFORM: tuple[Kind, ...] = ("transform",)


@dataclass(frozen=True)
class Prepared:
    """The data of a run, ready to be learnt from.

    Attributes:
        sources: what was read: the source, then that of the hold-out if it has one.
        cut: which source rows are held out.
        schema: of the real rows after transforms, ids included: what is written.
        train: dataset folder of the training part without ids, after transforms: what components see.
        test: the hold-out likewise.
        train_written: the real training rows with their ids.
        test_written: the hold-out with its ids.
        num_train: training rows.
        num_test: held-out rows.
        units: what is independent among the held-out rows.
        key: content key of the training part.
        transforms: as they were bound, in order.
        new_ids: id column to the ids of synthetic rows.
        fill: column that no component sees, and that is no id, to its value in synthetic rows.
        notes: what a person should look at.
    """

    sources: tuple[SourceRecord, ...]
    cut: Cut
    schema: Schema
    train: Path
    test: Path
    train_written: Path
    test_written: Path
    num_train: int
    num_test: int
    units: Units
    key: str
    transforms: list[Bound]
    new_ids: dict[str, NewIds]
    fill: dict[str, str | None]
    notes: list[str]

    @property
    def num_read(self) -> int:
        """Rows read, from all sources."""
        return sum(source.rows for source in self.sources)

    @property
    def num_without_target(self) -> int:
        """Rows of these that were left out because they have no target."""
        return sum(source.without_target for source in self.sources)


def prepare(session: Session, resolved: Resolved) -> Prepared:
    """Read and split the data, fit the transforms on the training part and apply them to both parts.

    Raises:
        DataError: the data cannot be read, split or used.
        SpecError: the pipeline does not fit the data.
    """
    scratch, declared = session.scratch, resolved.pipeline.schema_
    parts = read_and_split(session, resolved)
    types, of_split = parts.train.schema, resolved.pipeline.split.column
    units, unit_notes = find_units(parts.test, resolved.pipeline.split)
    train, test = _with_own_vocabularies(parts.train, parts.test, declared)
    seen_columns = {name: column for name, column in train.schema.columns.items() if name != of_split}
    schema, notes = observe(train.schema.model_copy(update={"columns": seen_columns}), train.frame, train.arrays)
    schema = schema.model_copy(
        update={"columns": {name: schema.columns.get(name, types.columns[name]) for name in types.columns}}
    )
    train = Dataset.of(train.frame, train.arrays, schema)
    named = {name: array.vocabulary for name, array in test.schema.arrays.items()}
    arrays = {name: array.model_copy(update={"vocabulary": named[name]}) for name, array in schema.arrays.items()}
    test = Dataset.of(test.frame, test.arrays, schema.model_copy(update={"arrays": arrays}))

    aside = schema.set_aside
    seen = {"train": train.drop_columns(aside), "test": test.drop_columns(aside)}
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
    after = {name: Dataset.load(folder) for name, folder in folders.items()} if transforms else seen
    if outdated := _outdated(after["train"], types):
        for name, part in after.items():
            columns = dict(part.schema.columns)
            columns |= {one: columns[one].model_copy(update={"step": None, "values": None}) for one in outdated}
            after[name] = Dataset(part.frame, part.arrays, part.schema.model_copy(update={"columns": columns}))
            folders[name] = scratch / f"{name}-of-other-values"
            after[name].save(folders[name])
    fill = {} if of_split is None else {of_split: _only_value(train.frame[of_split])}
    written = {name: _with_columns(after[name], part, aside, fill) for name, part in (("train", train), ("test", test))}
    key = f"train-{after['train'].fingerprint()}"
    folders["train"] = session.keep(key, folders["train"])
    written_folders = {name: scratch / f"{name}-written" if aside else folders[name] for name in written}
    if aside:
        for name, part in written.items():
            part.save(written_folders[name])
    return Prepared(
        sources=parts.sources,
        cut=parts.cut,
        schema=written["train"].schema,
        train=folders["train"],
        test=folders["test"],
        train_written=written_folders["train"],
        test_written=written_folders["test"],
        num_train=len(after["train"]),
        num_test=len(after["test"]),
        units=units,
        key=key,
        transforms=transforms,
        new_ids={
            name: NewIds.after(pd.concat([part.frame[name] for part in (parts.train, parts.test)]))
            for name in aside
            if schema.columns[name].type == "id" and name not in fill
        },
        fill=fill,
        notes=[*notes, *parts.notes, *unit_notes, *_foresee(resolved.pipeline, after["test"], units)],
    )


def _foresee(pipeline: Pipeline, test: Dataset, units: Units) -> list[str]:
    """A note where the hold-out will not show differences that are worth having."""
    schema = test.schema
    if pipeline.trial is None or schema.task == "none":
        return []
    rule = default_score(schema.task) if pipeline.trial.score is None else SCORES.get(pipeline.trial.score)
    if rule is None or rule.task != schema.task:
        return []  # refused where the trial is bound
    truth, known = encode_truth(test, schema)
    sentence = describe_power(rule, truth, units.take(known), tuple(schema.classes))
    return [sentence] if sentence else []


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
            recoded = met_in_training(array, *((part.arrays[name], part.lengths(name)) for part in (train, test)))
            train, test = (
                Dataset(
                    part.frame,
                    {**part.arrays, name: values},
                    part.schema.model_copy(update={"arrays": {**part.schema.arrays, name: own}}),
                )
                for part, (own, values) in zip((train, test), recoded, strict=True)
            )
    return train, test


def _with_columns(changed: Dataset, original: Dataset, aside: list[str], fill: Mapping[str, str | None]) -> Dataset:
    """The rows with the columns back in place that no component sees.

    Where a transform dropped rows, ids are numbered anew, series begin as the first real ones do, and others have the
    value that all rows have, if any.
    """
    if not aside:
        return changed
    types = original.schema.columns
    restored = {name: original.frame[name] for name in aside}
    if len(changed) != len(original):
        for name, values in restored.items():
            if name in fill:
                restored[name] = filled(fill[name], len(changed), values.dtype)
            elif types[name].type == "id":
                restored[name] = _numbered(values, len(changed))
            else:
                restored[name] = values[: len(changed)]
    order = [name for name in types if name in aside or name in changed.schema.columns]
    order += [name for name in changed.schema.columns if name not in order]
    columns = {name: (original if name in aside else changed).schema.columns[name] for name in order}
    frame = pd.DataFrame({name: restored[name] if name in aside else changed.frame[name] for name in order})
    starts = {name: {"start_column": array.start_column} for name, array in original.schema.arrays.items()}
    arrays = {name: array.model_copy(update=starts.get(name, {})) for name, array in changed.schema.arrays.items()}
    return Dataset.of(frame, changed.arrays, changed.schema.model_copy(update={"columns": columns, "arrays": arrays}))


def _numbered(ids: pd.Series, num_rows: int) -> pd.Series:
    """New ids of the same type."""
    numbers = pd.Series(np.arange(num_rows))
    return numbers if pd.api.types.is_integer_dtype(ids.dtype) else numbers.astype("str")


def _only_value(values: pd.Series) -> str | None:
    """The value that all rows have, as text."""
    return str(values.iloc[0]) if (values == values.iloc[0]).all() else None
