"""`trial: {cuts: N}`: the whole experiment again on other splits of the same data."""

from __future__ import annotations

from dataclasses import replace

from augment.errors import DataError, ShortfallError, SpecError
from augment.plugin.context import derive_seed
from augment.plugin.contracts import Metric
from augment.plugin.trial_results import TrialResult
from augment.runner.assess import list_origins, score_rows
from augment.runner.prepare import Prepared, prepare
from augment.runner.session import Session
from augment.runner.synthesis import bind_components, synthesise
from augment.runner.trial import run_trial, void_if_contaminated
from augment.spec.load import Resolved
from augment.statistics.cuts import over_cuts
from augment.statistics.verdict import VOID
from augment.statistics.verdict_sentence import void

__all__ = ["try_other_cuts"]


def try_other_cuts(session: Session, resolved: Resolved, first: Prepared, trial: TrialResult) -> TrialResult:
    """The trial with the verdict over all splits that the pipeline asks for.

    In each further split everything is learned anew: transforms, the mix where it is `auto`, generators and filters.
    One that cannot be tried, for example because its training part lacks a class, is left out, and the report says so.
    One whose synthetic rows repeat its hold-out voids the verdict, as the first one would, and ends the trial.

    Args:
        session: does the work.
        resolved: the pipeline.
        first: the split that is written.
        trial: on that split.
    """
    settings = resolved.pipeline.trial
    if settings is None or settings.cuts == 1 or not trial.assessable:
        return trial
    others = []
    for number in range(1, settings.cuts):
        place = f"split {number + 1} of {settings.cuts}"
        with session.stage("split", f"{number + 1} of {settings.cuts}") as report:
            try:
                other = _try(session, resolved, number)
            except (DataError, SpecError, ShortfallError) as error:
                reason = str(error)
            else:
                if other.verdict == VOID:
                    return void(trial, {place: other.reason})
                report["rows"] = other.rows
                others.append(other)
                reason = other.reason if not other.arms else ""
                if other.arms and other.score != trial.score:
                    reason = f"it was judged by {other.score}, not by {trial.score}"
            if reason:
                session.remark(f"{place} could not be tried: {reason}")
    return over_cuts(trial, others, settings.cuts, first.num_test / first.num_train)


def _try(session: Session, resolved: Resolved, number: int) -> TrialResult:
    pipeline = resolved.pipeline
    # the seed of the split alone: what is read, and all else that draws, keeps the session's
    seed = derive_seed(pipeline.seed, "cut", number)
    resolved = replace(resolved, pipeline=pipeline.model_copy(update={"seed": seed}))
    scratch = session.scratch / f"cut-{number}"
    scratch.mkdir()
    session = replace(session, scratch=scratch, listeners=[], lines=[], remarks=[], stages=[])
    prepared = prepare(session, resolved)
    components = bind_components(resolved, prepared)
    synthesis = synthesise(session, resolved, prepared, components)
    probe = next(iter(components["probe"]), None)
    trial = run_trial(session, pipeline, probe, prepared, synthesis.draw, synthesis.choice.arm)
    metrics = [bound for bound in components["metric"] if issubclass(bound.cls, Metric) and bound.cls.can_void]
    scores, _ = score_rows(session, metrics, prepared, synthesis.mixture, list_origins(components))
    return void_if_contaminated(trial, scores)
