"""The evidence of a run for rows that any other tool has made: trial, metrics and report."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from augment.data import ArrayDeclaration, ColumnDeclaration, Dataset, SchemaDeclaration
from augment.data.conformity import valid_rows
from augment.detect import formats
from augment.engine.draw_and_filter import IN_SCHEMA, MAX_REJECTS
from augment.engine.tasks import ReadTask, read
from augment.engine.write_tasks import ReportTask, report
from augment.errors import DataError, SpecError
from augment.plugin.catalog import Catalog
from augment.plugin.contracts import Source
from augment.plugin.kinds import Kind
from augment.plugin.run_metrics import RunMetrics
from augment.plugin.trial_results import SearchResult
from augment.runner.assess import assess
from augment.runner.generate import Counts, Mixture
from augment.runner.prepare import Prepared, prepare
from augment.runner.session import Events, Session, opened
from augment.spec.bind import bind
from augment.spec.load import load
from augment.spec.stages import Bound
from augment.storage.atomic_files import disk_errors, draft, publish
from augment.storage.hashes import content_key, library_versions

__all__ = ["Evaluation", "evaluate"]

NAME = "synthetic"  # what stands where a run has a generator's id
JUDGES: tuple[Kind, ...] = ("probe", "metric", "reporter")


@dataclass(frozen=True)
class Evaluation:
    """What was found out.

    Attributes:
        metrics: as `metrics.json` of a run holds it; private findings are left out.
        report: the page that was written, if one was asked for.
    """

    metrics: RunMetrics
    report: Path | None


def evaluate(
    real: Path | str,
    synthetic: Path | str,
    *,
    holdout: Path | str | None = None,
    target: str | None = None,
    share: float = 0.2,
    seeds: int = 5,
    seed: int = 0,
    out: Path | str | None = None,
    overwrite: bool = False,
    workers: int | None = None,
    events: Events | None = None,
) -> Evaluation:
    """Judge synthetic rows made elsewhere, by what they are worth beside the real ones.

    Args:
        real: the rows that the synthetic ones were learnt from: a file, or a folder of images.
        synthetic: the rows to judge, with the same columns.
        holdout: real rows that nothing has learnt from. Without it, some of `real` are held out; if the generator has
            seen them, the results flatter it, and a note says so.
        target: the column that a model predicts.
        share: of `real`, held out where there is no `holdout`.
        seeds: of the trial.
        seed: where all randomness starts.
        out: HTML file to write the report to.
        overwrite: whether `out` may be replaced.
        workers: as for `augment.runner.run.run`.
        events: as for `augment.runner.run.run`.

    Raises:
        DataError: a file cannot be read, or the columns do not agree.
        SpecError: `out` exists, or is no HTML file.
    """
    real, synthetic = Path(real), Path(synthetic)
    out = Path(out) if out is not None else None
    if out is not None and out.suffix.lower() not in (".html", ".htm"):
        raise SpecError(f"{out}: a report is a page; name a file that ends in .html")
    if out is not None and out.exists() and not overwrite:
        raise SpecError(f"{out} exists; name another file, or replace it with --overwrite")
    catalog = Catalog()
    spec = {
        "name": "evaluation",
        "seed": seed,
        "source": _source(real, catalog),
        "schema": {"target": target} if target else {},
        "split": {
            **({"holdout": share} if holdout is None else {"test": _source(Path(holdout), catalog)}),
            "missing_target": "drop",
        },
        "generators": catalog.default_names("generator"),  # a pipeline has one; here it is not used
        "trial": {"seeds": seeds},
        "filters": [],
        **({} if out else {"reporters": []}),
    }
    with opened(spec, workers=workers, events=events) as (session, resolved):
        prepared = prepare(session, resolved)
        for note in prepared.notes:
            session.remark(note)
        if holdout is None:
            session.remark(
                f"{prepared.num_test:,} of the real rows were held out here; if the synthetic rows were learnt from "
                "them, all results flatter them: give rows that nothing has seen with --holdout"
            )
        session.remark("the trial had the same synthetic rows in every seed, so its interval leaves their draw out")
        mixture = _mixture(session, prepared, synthetic)
        components = bind(resolved, Dataset.load(prepared.train).schema, prepared.num_train, JUDGES)
        # there is no folder to keep private findings in
        metrics, _ = assess(
            session,
            resolved.pipeline,
            components,
            prepared,
            mixture,
            draw=lambda number: mixture,
            search=SearchResult.not_asked(),
        )
        own_version = library_versions()["augment-pipeline"]
        key = content_key({"metrics": metrics.model_dump(mode="json"), "augment": own_version})
        if out is not None:
            inputs: dict[str, Any] = {"real": real.name, "synthetic": synthetic.name, "target": target}
            inputs |= {"seed": seed, "seeds": seeds}
            inputs |= {"holdout": Path(holdout).name} if holdout is not None else {"share": share}
            _report(session, components["reporter"][0], prepared, mixture, metrics, key, inputs, out)
        return Evaluation(metrics, out)


def _source(path: Path, catalog: Catalog) -> dict[str, Any]:
    """The source of a file, with the settings that `augment init` would find. No column is left out."""
    source = formats.find_source(path, catalog)
    settings = formats.infer_settings(source, path)
    if source.further_settings.__func__ is not Source.further_settings.__func__:  # type: ignore[attr-defined]
        _, found, left_out = formats.read(source, path)
        settings = {name: value for name, value in found.items() if not (left_out and name == "columns")}
    return {"use": source.name, "with": {"path": str(path.absolute()), **settings}}


def _read(session: Session, path: Path, declared: SchemaDeclaration, what: str) -> Dataset:
    """What a file or folder holds, under these declarations."""
    catalog = session.catalog
    spec = {
        "name": "evaluation",
        "source": _source(path, catalog),
        "generators": catalog.default_names("generator"),
        "trial": False,
        **{section: [] for section in ("filters", "metrics", "reporters", "sinks")},
    }
    (bound,) = load(spec, catalog).sources()
    place = session.scratch / what
    session.one("read", bound, read, ReadTask(bound, declared, session.seed, place))
    return Dataset.load(place)


def _mixture(session: Session, prepared: Prepared, path: Path) -> Mixture:
    """The synthetic rows as if a generator had made them; those outside the schema are rejected."""
    train = Dataset.load(prepared.train)
    said = {name: ColumnDeclaration(**column.model_dump()) for name, column in train.schema.columns.items()}
    # tokens are numbered, images scaled and recordings padded as in the real rows
    named = {
        name: ArrayDeclaration(
            vocabulary=array.vocabulary,
            levels=array.levels,
            **(array.model_dump(include={"shape", "rate", "length_column"}) if array.type == "audio" else {}),
        )
        for name, array in train.schema.arrays.items()
        if array.vocabulary or array.levels or array.type == "audio"
    }
    declared = SchemaDeclaration(target=train.schema.target, payload=train.schema.payload, columns=said, arrays=named)
    found = _read(session, path, declared, "synthetic")
    extra = [name for name in found.frame.columns if name not in train.schema.columns]
    if extra:
        session.remark(f"columns that only the synthetic rows have were left out: {', '.join(extra[:12])}")
    if set(found.arrays) != set(train.arrays):
        raise DataError(f"{path}: it has the arrays {sorted(found.arrays)}; {sorted(train.arrays)} are expected")
    found_arrays = dict(found.arrays)
    for name, array in train.schema.arrays.items():
        if array.type == "audio" and array.length_column is not None:  # by their lengths, longer ones are rejected
            found_arrays[name] = found_arrays[name][:, : array.shape[0]]
    for name, values in found_arrays.items():
        if values.shape[1:] != train.schema.arrays[name].shape:
            raise DataError(
                f"{path}: each row of array {name!r} has shape {values.shape[1:]}; the real rows have "
                f"{train.schema.arrays[name].shape}"
            )
    arrays = {name: values.astype(train.schema.arrays[name].dtype) for name, values in found_arrays.items()}
    made = Dataset.of(found.frame[list(train.schema.columns)], arrays, train.schema)
    valid = valid_rows(made.frame, made.arrays, made.schema)
    place = session.scratch / "mixture"
    made.take(valid).save(place / "kept")
    counts = Counts(len(made), kept=int(valid.sum()), rounds=1, rejected={IN_SCHEMA: int((~valid).sum())})
    mixture = Mixture(counts={NAME: counts}, judged={IN_SCHEMA: len(made)})
    if valid.any():
        mixture.parts.append((place / "kept", NAME))
    if not valid.all():
        made.take(np.flatnonzero(~valid)[:MAX_REJECTS]).save(place / "rejects")
        mixture.rejects[IN_SCHEMA] = [place / "rejects"]
    return mixture


def _report(
    session: Session,
    reporter: Bound,
    prepared: Prepared,
    mixture: Mixture,
    metrics: RunMetrics,
    key: str,
    inputs: dict[str, Any],
    out: Path,
) -> None:
    folder = session.scratch / "report"
    folder.mkdir()
    task = ReportTask(
        bound=reporter,
        out=folder,
        folder=folder,
        name="evaluation",
        key=key,
        pipeline={"evaluate": inputs},
        metrics=metrics,
        train=prepared.train,
        test=prepared.test,
        synthetic=tuple(mixture.parts),
        rejects=mixture.rejects,
        seed=session.seed,
    )
    (page,) = session.one("report", reporter, report, task).files
    with draft(out.absolute()) as hidden, disk_errors(out, "writing the report"):
        shutil.copyfile(folder / page, hidden / out.name)
        publish(hidden / out.name, out.absolute())
