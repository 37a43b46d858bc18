"""`trial: {cuts: N}`: the whole experiment again on other cuts of the same data."""

from __future__ import annotations

from dataclasses import replace

from augment.errors import DataError, ShortfallError, SpecError
from augment.plugin.context import derive_seed
from augment.plugin.trial_results import TrialResult
from augment.runner.prepare import Prepared, prepare
from augment.runner.session import Session
from augment.runner.synthesis import bind_components, synthesise
from augment.runner.trial import run_trial
from augment.spec.load import Resolved
from augment.statistics.cuts import over_cuts

__all__ = ["try_other_cuts"]


def try_other_cuts(session: Session, resolved: Resolved, first: Prepared, trial: TrialResult) -> TrialResult:
    """The trial with the verdict over all cuts that the pipeline asks for.

    In each further cut everything is learned anew: transforms, the mix where it is `auto`, generators and filters. One
    that cannot be tried, for example because its training part lacks a class, is left out, and the report says so.

    Args:
        session: does the work.
        resolved: the pipeline.
        first: the cut that is written.
        trial: on that cut.
    """
    settings = resolved.pipeline.trial
    if settings is None or settings.cuts == 1 or not trial.assessable:
        return trial
    others = []
    for number in range(1, settings.cuts):
        with session.stage("cut", f"{number + 1} of {settings.cuts}") as report:
            try:
                other = _try(session, resolved, number)
            except (DataError, SpecError, ShortfallError) as error:
                reason = str(error)
            else:
                report["rows"] = other.rows
                others.append(other)
                reason = other.reason if not other.arms else ""
                if other.arms and other.score != trial.score:
                    reason = f"it was judged by {other.score}, not by {trial.score}"
            if reason:
                session.remark(f"cut {number + 1} of {settings.cuts} could not be tried: {reason}")
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
    return run_trial(session, pipeline, probe, prepared, synthesis.draw, synthesis.choice.arm)
