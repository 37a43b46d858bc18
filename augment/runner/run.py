"""A run from the pipeline file to the finished folder: the only place that knows the order of the stages."""

from __future__ import annotations

import math
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from augment.engine.write_tasks import REAL, ReportTask, WriteTask, report, with_origin, write
from augment.errors import BelowMinimum
from augment.plugin.kinds import Kind
from augment.plugin.run_metrics import RunMetrics
from augment.plugin.trial_results import TrialResult
from augment.runner import finished_runs
from augment.runner.assess import assess
from augment.runner.fitting import component_content
from augment.runner.generate import Mixture
from augment.runner.in_memory_sources import as_pipeline
from augment.runner.notebook import CellProgress, in_a_kernel
from augment.runner.observers import Observers
from augment.runner.other_cuts import try_other_cuts
from augment.runner.prepare import Prepared, prepare
from augment.runner.session import Events, Session, opened
from augment.runner.synthesis import bind_components, synthesise
from augment.spec.load import Resolved, Spec, resolved_yaml
from augment.spec.models import Pipeline
from augment.spec.stages import Bound, map_paths, paths_in
from augment.statistics.priors import prior_offsets
from augment.storage.hashes import content_key, library_versions, platform_class, source_hash
from augment.storage.publish_run import Place
from augment.storage.run_folder import (
    DATA,
    FILTERS,
    LOG,
    METRICS,
    MODELS,
    PIPELINE,
    PRIOR_CORRECTION,
    RESOLVED,
    SCHEMA,
    SPLIT,
    Draft,
    Run,
)
from augment.storage.run_manifest import BELOW_MINIMUM, RunManifest, WrittenData, WrittenPart

__all__ = ["run"]

Parts = Mapping[WrittenPart, tuple[tuple[Path, str], ...]]


def run(
    pipeline: Spec | Any,
    y: Any = None,
    *,
    target: str | int | None = None,
    rate: float | None = None,
    overrides: Sequence[str] = (),
    seed: int | None = None,
    out: Path | str | None = None,
    overwrite: bool = False,
    device: str | None = None,
    workers: int | None = None,
    trust: Collection[str] = (),
    keep_data: bool = False,
    events: Events | None = None,
    **sections: Any,
) -> Run:
    """Run a pipeline, or give back the run that this very pipeline and data have had already.

    run = augment.run("pipeline.yaml")
    run = augment.run(frame, target="y", generators=["trees"], mix={"rows": "balance"})
    run = augment.run(X, y, generators=["smote"])
    run = augment.run(clips, y, rate=16_000, generators=["audio-edits"])

    Args:
        pipeline: the file's path, a mapping, or a Pipeline; or data in memory, see `augment.fit`, with the sections of
            a pipeline as arguments. In a mapping, data may be the `source`, and the hold-out `split: {test: ...}`.
        y: (N,) the target of data in memory, if it is not a column of it.
        target: the column that is the target of data in memory.
        rate: samples a second (Hz), if data in memory is recordings: an array (N, T), or a list of arrays (T,), float
            in [-1, 1].
        overrides: such as `generators.0.with.epochs=5`.
        seed: instead of the pipeline's.
        out: the run's folder, instead of one under `runs/` beside the file.
        overwrite: whether `out` may replace another run. One with files that it did not write is never replaced.
        device: instead of the pipeline's.
        workers: processes at the same time (by default one a processor, at most 4); 0 keeps all in this one. Results
            do not depend on it.
        trust: first names of modules of your own that the pipeline may run, such as `["models"]`; see
            `docs/explanation/trust.md`.
        keep_data: whether the run's folder holds a copy of data that was in memory, so that `resolved.yaml` runs
            elsewhere. Otherwise it is in the store alone, until that is cleared, and the run holds its fingerprint.
        events: called with a mapping for everything that happens; see `docs/reference/events.md`. In a notebook, the
            cell shows the progress if this is not given.
        sections: of the pipeline, with data in memory: `generators`, `mix`, `trial`, ...

    Raises:
        AugmentError: see `augment.errors`. BelowMinimum has the finished run as its attribute `run`.
    """
    pipeline = as_pipeline(pipeline, y, target, sections, rate)
    events = CellProgress() if events is None and in_a_kernel() else events
    overrides = list(overrides)
    overrides += [f"seed={seed}"] if seed is not None else []
    overrides += [f"device={device}"] if device is not None else []
    out = Path(out) if out is not None else None
    with opened(pipeline, overrides, workers, events, trust=trust) as (session, resolved):
        observers = Observers(resolved.pipeline.observers, session.catalog, session.note)
        read = [path for source in resolved.sources() for path in paths_in(source.params)]
        started = time.monotonic()
        kept = session.in_memory if keep_data else ()
        stamp = finished_runs.stamp(session, resolved, len(kept))
        if (finished := finished_runs.recognise(session, resolved, stamp, out, overwrite)) is not None:
            return finished  # also from a place that is read only by now
        Place.check_writable(resolved.base, out, read)
        prepared = prepare(session, resolved)
        components = bind_components(resolved, prepared)
        contents = [component_content(session, bound) for bounds in components.values() for bound in bounds]
        fingerprints = [source.fingerprint for source in prepared.sources]
        content: dict[str, Any] = {"settings": resolved.settings(components), "sources": fingerprints}
        content |= {"made of": contents, **({"kept": len(kept)} if kept else {})}
        key = content_key({**content, "host": source_hash(__name__)})
        inputs = [
            path
            for bounds in components.values()
            for b in bounds
            for one in b.variants
            for path in paths_in(one.params)
        ]
        place = Place(resolved.base, resolved.pipeline.name, key, out, overwrite, inputs)
        finished = place.finished()
        if finished is not None:
            session.store.remember(place.final, key, stamp)
            return finished
        session.expect(bound for bounds in components.values() for bound in bounds)
        with (
            place.building(resolved.display_settings(components)) as draft,
            observers.watching(draft, session.listeners),
        ):
            session.emit({"event": "run-started", "name": place.name, "key": key, "folder": str(place.final)})
            stages = _Stages(session, resolved, prepared, components, draft, kept)
            metrics, reports = stages.all()
            shortfall = _compare_to_minimum(resolved.pipeline, metrics.trial)
            versions = library_versions()
            manifest = RunManifest(
                status=BELOW_MINIMUM if shortfall else "done",
                exit_code=BelowMinimum.exit_code if shortfall else 0,
                reports=reports,
                seconds=round(time.monotonic() - started, 3),
                versions={"augment": versions["augment-pipeline"], **versions},
                code={"augment": source_hash(__name__)} | _code(session, components),
                platform=platform_class(),
                device=session.device,
                threads=session.threads,
                seed=session.seed,
                reproducible=stages.reproducible,
                plugins={
                    bound.use: str(session.catalog.offer(bound.use)) for bs in components.values() for bound in bs
                },
                source=prepared.sources[0],
                test_source=next(iter(prepared.sources[1:]), None),
                train=prepared.key,
                data=stages.written,
                stages=session.stages,
                name=place.name,
                key=key,
            )
            ending = {"status": manifest.status, "folder": str(place.final), "seconds": manifest.seconds}
            session.emit({"event": "run-finished", **ending})
            draft.write_text(LOG, "\n".join(session.lines) + "\n")
            draft.finish(manifest)
        done = Run(place.final)
        session.store.remember(place.final, done.key, stamp)
        if shortfall:
            raise BelowMinimum(shortfall, done)
        return done


def _code(session: Session, components: Mapping[Kind, Sequence[Bound]]) -> dict[str, str]:
    """Name of each component to the hash of the code that decides what it does."""
    names = sorted({bound.use for bounds in components.values() for bound in bounds})
    return {name: source_hash(session.catalog.offer(name).module) for name in names}


def _compare_to_minimum(pipeline: Pipeline, trial: TrialResult) -> str:
    """Why the trial is below `trial.min`, or the empty string."""
    if pipeline.trial is None or pipeline.trial.min is None:
        return ""
    minimum, chosen = pipeline.trial.min, trial.arm(trial.chosen)
    if trial.cuts is not None and chosen is not None:
        chosen = chosen.model_copy(update={"difference": trial.cuts.overall.mean})
    if not trial.assessable:
        return f"trial.min is {minimum:g}, but the trial could not be assessed: {trial.reason}"
    improvement = 0.0 if chosen is None else chosen.difference if trial.better == "higher" else -chosen.difference
    if chosen is None or improvement >= minimum:
        return ""
    return (
        f"the synthetic rows change {trial.score} by {chosen.difference:+.4f}; trial.min requires an improvement of at "
        f"least {minimum:g}. The run was written anyway"
    )


@dataclass
class _Stages:
    """The stages of one run, in the order in which they stand here.

    Attributes:
        kept: files of data in memory to copy into the run's folder.
        written: the files of the dataset.
        reproducible: whether no budget ended a search.
    """

    session: Session
    resolved: Resolved
    prepared: Prepared
    components: Mapping[Kind, list[Bound]]
    draft: Draft
    kept: Sequence[Path]
    written: WrittenData = field(init=False)
    reproducible: bool = field(init=False)

    def all(self) -> tuple[RunMetrics, list[str]]:
        """Do everything; returns what `metrics.json` holds, and the reporters' files."""
        for note in self.prepared.notes:
            self.session.remark(note)
        self._write_facts()
        synthesis = synthesise(self.session, self.resolved, self.prepared, self.components)
        mixture, searches = synthesis.mixture, [synthesis.choice.result, *synthesis.settings.values()]
        self.reproducible = all(search.complete for search in searches)
        for folder, fitted in ((MODELS, synthesis.generators), (FILTERS, synthesis.filters)):
            for bound, place in fitted:
                self.session.copy_fitted(place, self.draft.folder / folder / bound.id)
        metrics, private = assess(
            self.session,
            self.resolved.pipeline,
            self.components,
            self.prepared,
            mixture,
            draw=synthesis.draw,
            search=synthesis.choice.result,
            chosen=synthesis.choice.arm,
            filters=synthesis.filters,
            settings=synthesis.settings,
        )
        trial = try_other_cuts(self.session, self.resolved, self.prepared, metrics.trial)
        metrics = metrics.model_copy(update={"trial": trial, "notes": self.session.remarks})
        self.draft.write_json(METRICS, metrics.model_dump())
        if private:
            self.draft.write_private(private)
        if offsets := prior_offsets(metrics.classes.train, metrics.classes.synthetic):
            weights = {label: math.exp(offset) for label, offset in offsets.items()}
            self.draft.write_json(PRIOR_CORRECTION, {"log_offsets": offsets, "class_weights": weights})
        self._write_data(mixture)
        return metrics, self._report(mixture, metrics)

    def _write_facts(self) -> None:
        draft, prepared = self.draft, self.prepared
        draft.write_text(PIPELINE, self.resolved.text)
        draft.write_text(RESOLVED, resolved_yaml(self.resolved, self._components_with_copies(), draft.folder))
        draft.write_json(SCHEMA, prepared.schema.model_dump(mode="json", exclude_none=True))
        cut = prepared.cut
        draft.write_json(SPLIT, {name: getattr(cut, name).tolist() for name in ("train", "test", "dropped")})

    def _components_with_copies(self) -> Mapping[Kind, list[Bound]]:
        """The components, the sources reading the copies of data in memory."""
        if not self.kept:
            return self.components
        copies = {path: self.draft.copy_data(path, number) for number, path in enumerate(self.kept)}
        sources = [
            replace(bound, params=map_paths(bound.params, lambda path, _: copies.get(path, path)))
            for bound in self.components["source"]
        ]
        return {**self.components, "source": sources}

    def _write_data(self, mixture: Mixture) -> None:
        prepared, pipeline = self.prepared, self.resolved.pipeline
        num_synthetic = sum(counts.kept for counts in mixture.counts.values())
        self.written = WrittenData(
            origin_column=pipeline.origin_column,
            written={"train": {}, "test": {}},
            new_ids={name: ids.without(num_synthetic) for name, ids in prepared.new_ids.items()},
        )
        origins = [REAL, *(bound.id for bound in self.components["generator"])]
        schema = with_origin(prepared.schema, pipeline.origin_column, origins)
        real = ((prepared.train_written, REAL),)
        all_rows: Parts = {"train": (*real, *mixture.parts), "test": ((prepared.test_written, REAL),)}
        synthetic: Parts = {"synthetic": tuple(mixture.parts)}
        for bound in self.components["sink"]:
            chosen = getattr(bound.params, "rows", "all")  # plugins of earlier versions have no such setting
            with self.draft.lending(bound.what, DATA) as out:
                for name, folders in (synthetic if chosen == "synthetic" else all_rows).items():
                    task = WriteTask(
                        bound=bound,
                        name=name,
                        parts=folders,
                        schema=schema,
                        origin_column=pipeline.origin_column,
                        new_ids=prepared.new_ids,
                        fill=prepared.fill,
                        out=out,
                        real=prepared.train_written,
                    )
                    files = self.session.one(f"write {name}", bound, write, task).files
                    if len(files) == 1:  # several belong together in a way that only their reader knows
                        self.written.written.setdefault(name, {})[bound.use] = f"{DATA}/{files[0]}"
                        settings = bound.params.model_dump(mode="json", by_alias=True)
                        self.written.settings.setdefault(name, {})[bound.use] = settings

    def _report(self, mixture: Mixture, metrics: RunMetrics) -> list[str]:
        files = []
        for bound in self.components["reporter"]:
            with self.draft.lending(bound.what) as out:
                task = ReportTask(
                    bound=bound,
                    out=out,
                    folder=self.draft.folder,
                    name=self.draft.name,
                    key=self.draft.key,
                    pipeline=self.draft.pipeline,
                    metrics=metrics,
                    train=self.prepared.train,
                    test=self.prepared.test,
                    synthetic=tuple(mixture.parts),
                    rejects=mixture.rejects,
                    seed=self.session.seed,
                )
                files += self.session.one("report", bound, report, task).files
        return files
