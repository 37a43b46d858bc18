"""More rows from a generator of a finished run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import pandas as pd

from augment.data import Dataset, Schema, conform
from augment.engine.write_tasks import WriteTask, with_origin, write
from augment.errors import DataError, DiskError, SpecError, did_you_mean
from augment.plan.amounts import amounts, training_counts
from augment.plan.chunks import plan
from augment.plan.new_ids import NewIds
from augment.plan.small_classes import explain, find_too_small
from augment.plugin.catalog import Catalog
from augment.plugin.contracts import Sink
from augment.plugin.kinds import Kind
from augment.runner.generate import make_rows
from augment.runner.prepare import prepare
from augment.runner.search_settings import with_found_settings
from augment.runner.session import Session, opened
from augment.spec.bind import bind
from augment.spec.load import Resolved, load
from augment.spec.stages import Bound
from augment.storage.atomic_files import disk_errors, draft, publish
from augment.storage.run_folder import Run

__all__ = ["sample", "training_part"]

GENERATOR: tuple[Kind, ...] = ("generator",)


def sample(
    run_folder: Path | str,
    *,
    rows: int,
    out: Path | str,
    generator: str | None = None,
    where: Mapping[str, str] | None = None,
    seed: int | None = None,
    overwrite: bool = False,
    workers: int | None = None,
) -> Path:
    """Make more rows with a fitted generator of a finished run. Rows outside the schema are drawn again.

    Args:
        run_folder: the run's folder.
        rows: how many.
        out: file to write; its ending says how: `.csv` (as sinks for such data write it), `.parquet`, `.npz`, or
            none for a folder of images.
        generator: id; not needed where the run has one only.
        where: column to the value that every row is to have.
        seed: instead of the run's; another seed gives other rows.
        overwrite: whether `out` may be replaced, unless it is a folder with something in it.
        workers: as for `augment.runner.run.run`.

    Returns:
        What was written.

    Raises:
        SpecError: no such generator, a column that it cannot be asked for, an unknown ending, or `out` exists.
        DataError: the folder is not a finished run, or its source is gone or changed.
    """
    run, out = Run(run_folder), Path(out)
    ending = out.suffix or "/"
    sinks = [cls for cls in Catalog().classes("sink") if issubclass(cls, Sink)]
    if not any(ending in sink.endings for sink in sinks):
        known = ", ".join(sorted({one for sink in sinks for one in sink.endings} - {"/"}))
        expected = f"expected {known}, or no ending for a folder of images"
        raise SpecError(f"{out}: {out.suffix!r} is not a known format; {expected}")
    if out.exists() and not overwrite:
        raise SpecError(f"{out} exists; name another file, or replace it with --overwrite")
    if out.is_dir() and any(out.iterdir()):  # nothing says whose files those are
        raise SpecError(f"{out}: --overwrite replaces files, not folders; remove this folder, or name another one")
    # without the trial, and so without a model of the user's that would have to be trusted again
    with opened(run.resolved, ["trial=false"], workers, source_needed=False) as (session, resolved):
        folder = training_part(run, session, resolved)
        train = Dataset.load(folder)
        fitting = [sink for sink in sinks if train.schema.modality in sink.accepts.modalities]
        own = [entry.use for entry in resolved.pipeline.sinks or ()]
        fitting.sort(key=lambda sink: sink.name not in own)  # as the run has written its rows, where that is possible
        use = next((sink.name for sink in fitting if ending in sink.endings), None)
        if use is None:
            what = f"a {ending} file" if out.suffix else "a folder"
            others = " or ".join(
                sorted({one if one != "/" else "a folder" for sink in fitting for one in sink.endings})
            )
            raise SpecError(f"{out}: {what} cannot hold data of kind {train.schema.modality}; {others} can")
        bound = _chosen(bind(resolved, train.schema, None, GENERATOR)["generator"], generator)
        bound = with_found_settings(bound, run.metrics.settings)
        where = _checked(bound, train.schema, where or {})
        session.seed = session.seed if seed is None else seed
        classed = train.schema.task == "classes" and bound.cls.accepts.conditional != "none"
        counts = training_counts(train)
        asked = {where[train.schema.target]: rows} if classed and train.schema.target in where else {}
        least = {bound.id: bound.cls.accepts.min_class_rows if classed else 0}
        too_small = find_too_small(least, counts)[bound.id]
        reasons, refused = explain(asked, {bound.id: 1.0}, least, counts)
        if refused:
            raise SpecError("; ".join(f"no rows can be made of it: {reasons[label]}" for label in refused))
        able = {label: count for label, count in counts.items() if label not in too_small}
        wanted = asked or {label: amounts(rows, able).get(label, 0) for label in counts}
        mixture = make_rows(
            session,
            plan(wanted, {bound.id: 1.0}, {bound.id: classed}, train.schema),
            [(bound, run.model(bound.id))],
            folder,
            session.scratch / "sample",
            purpose="sample",
            filters=[],
            max_rounds=resolved.pipeline.max_rounds,
            repeats=None,
            shortfall="fail",
            ways_out="request fewer rows, or run the pipeline again with a larger `max_rounds`",
            where={name: value for name, value in where.items() if not (classed and name == train.schema.target)},
        )
        new_ids = run.manifest.data.new_ids
        starts, real = _starts(run, session)
        described = {
            **train.schema.columns,
            **{name: run.schema.columns[name] for name in (*new_ids, *starts.values())},
        }
        columns = {name: described[name] for name in run.schema.columns if name in described}
        arrays = {
            name: array.model_copy(update={"start_column": starts.get(name)})
            for name, array in train.schema.arrays.items()
        }
        schema = train.schema.model_copy(update={"columns": columns, "arrays": arrays})
        (kind,) = [sink for sink in fitting if sink.name == use][:1]
        settings = _settings(kind, resolved, out)
        return _written(session, resolved, schema, new_ids, mixture.parts, out, {"use": use, "with": settings}, real)


def _starts(run: Run, session: Session) -> tuple[dict[str, str], Path | None]:
    """Array to the column that says when its rows begin, and the dataset folder of the real rows; nothing where these
    cannot be read any more."""
    starts = {name: array.start_column for name, array in run.schema.arrays.items() if array.start_column is not None}
    if starts:
        with suppress(DataError, DiskError):
            run.real.data.save(session.scratch / "real")
            return starts, session.scratch / "real"
    return {}, None


def _settings(sink: type[Sink], resolved: Resolved, out: Path) -> dict[str, Any]:
    """The settings that the run has given the sink, for a file of that extension."""
    settings = next((dict(entry.with_) for entry in resolved.pipeline.sinks or () if entry.use == sink.name), {})
    settings.pop("rows", None)
    return {**settings, "ending": out.suffix} if out.suffix and "ending" in sink.Params.model_fields else settings


def training_part(run: Run, session: Session, resolved: Resolved) -> Path:
    """The dataset folder of a run's training part: from the store, from what the run has written, or from the source.

    Raises:
        DataError: it is in none of them any more.
    """
    with session.store.making(run.manifest.train, "the training part"):  # nobody removes it meanwhile
        stored = session.store.get(run.manifest.train, Dataset.load)
    if stored is not None:
        return stored
    with suppress(DataError, DiskError):  # a sink that cannot be read back, or files that somebody took away
        real = run.real.data
        part = real.drop_columns(real.schema.set_aside)
        if f"train-{part.fingerprint()}" == run.manifest.train:
            part.save(session.scratch / "train")
            return session.keep(run.manifest.train, session.scratch / "train")
    try:
        prepared = prepare(session, resolved)
    except DataError as error:
        lost = f"{run.folder}: its training part is no longer in the store, and cannot be made again from its source"
        raise DataError(f"{lost}: {error}") from error
    if prepared.key != run.manifest.train:
        raise DataError(
            f"{run.folder}: its source has changed since; run the pipeline again to sample from the new data"
        )
    return prepared.train


def _chosen(generators: Sequence[Bound], name: str | None) -> Bound:
    known = [bound.id for bound in generators]
    if name is None and len(known) > 1:
        raise SpecError(f"the run has several generators, {', '.join(known)}; choose one with --generator")
    for bound in generators:
        if name in (None, bound.id):
            return bound
    hint = did_you_mean(str(name), known) or f"; it has {', '.join(known)}"
    raise SpecError(f"--generator {name}: the run has no such generator{hint}")


def _checked(bound: Bound, schema: Schema, where: Mapping[str, str]) -> dict[str, str]:
    """The conditions, when the generator can be asked for them and the data knows their values."""
    conditional = bound.cls.accepts.conditional
    for name, value in where.items():
        if name not in schema.columns:
            hint = did_you_mean(name, schema.columns) or f"; there are {', '.join(list(schema.columns)[:12])}"
            raise SpecError(f"--where {name}={value}: there is no such column{hint}")
        by_target = conditional == "target" and schema.task == "classes"
        if conditional != "any" and not (by_target and name == schema.target):
            able = f"the target, {schema.target!r}, alone" if by_target else "no column"
            raise SpecError(f"--where {name}={value}: generator {bound.id!r} can be asked for {able}")
        labels = schema.classes if name == schema.target else schema.columns[name].categories
        if labels and value not in labels:
            hint = did_you_mean(value, labels) or f"; the training part has {', '.join(labels[:12])}"
            raise SpecError(f"--where {name}={value}: no training row has this value{hint}")
        conform(pd.DataFrame({name: [value]}), Schema(columns={name: schema.columns[name]}))  # raises on a wrong type
    return dict(where)


def _written(
    session: Session,
    resolved: Resolved,
    schema: Schema,
    new_ids: Mapping[str, NewIds],
    parts: list[tuple[Path, str]],
    out: Path,
    use: Mapping[str, Any],
    real: Path | None,
) -> Path:
    """Write the parts beside `out`, and give the result its place when it is whole."""
    kind: tuple[Kind, ...] = ("sink",)
    spec = {**resolved.pipeline.model_dump(mode="json", by_alias=True), "sinks": [use]}
    (sink,) = bind(load(spec, session.catalog, base=resolved.base, source_needed=False), schema, None, kind)["sink"]
    origin_column = resolved.pipeline.origin_column
    described = with_origin(schema, origin_column, sorted({origin for _, origin in parts}))
    with draft(out.absolute()) as hidden:
        task = WriteTask(sink, out.stem, tuple(parts), described, origin_column, new_ids, out=hidden, real=real)
        (file,) = session.one(f"write {out.stem}", sink, write, task).files
        with disk_errors(out, "writing"):
            publish(hidden / file, out.absolute())
    return out
