"""From a training part to synthetic rows: the mix is chosen, generators and filters are fitted, rows are drawn."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from augment.data import Dataset
from augment.errors import SpecError
from augment.plan.amounts import amounts, training_counts
from augment.plan.chunks import PlanRow, plan
from augment.plan.repeats import Repeats
from augment.plan.small_classes import explain, find_too_small
from augment.plugin.contracts import Filter, Generator
from augment.plugin.kinds import Kind
from augment.plugin.trial_results import SearchResult
from augment.runner.fitting import fit_components
from augment.runner.generate import Counts, Mixture, fit_filters, make_rows
from augment.runner.prepare import Prepared
from augment.runner.search import Choice, choose
from augment.runner.search_settings import choose_settings
from augment.runner.session import Session
from augment.spec.bind import bind
from augment.spec.load import Resolved
from augment.spec.stages import Bound
from augment.statistics.arms import SYNTHETIC

__all__ = ["Synthesis", "bind_components", "plan_rows", "synthesise"]


@dataclass(frozen=True)
class Synthesis:
    """Synthetic rows, and what made them.

    Attributes:
        choice: the mix.
        settings: id of each generator whose settings were searched for, to how they were chosen.
        generators: those that have a part in it, with the folders of their fitted state.
        filters: likewise.
        mixture: the rows that are written.
        draw: gives the synthetic rows of a trial seed: those that are written for seed 0, fresh ones for the others.
    """

    choice: Choice
    settings: Mapping[str, SearchResult]
    generators: list[tuple[Bound, Path]]
    filters: list[tuple[Bound, Path]]
    mixture: Mixture
    draw: Callable[[int], Mixture]


def synthesise(
    session: Session, resolved: Resolved, prepared: Prepared, components: Mapping[Kind, Sequence[Bound]]
) -> Synthesis:
    """Choose the settings and the mix, fit the generators and filters on the training part, and draw the rows.

    Raises:
        SpecError: no rows can be made, or none of a class that the pipeline names.
        ShortfallError: rows are missing after `max_rounds`.
    """
    train, pipeline = Dataset.load(prepared.train), resolved.pipeline
    probe, started = next(iter(components["probe"]), None), time.monotonic()
    settings = choose_settings(
        session, pipeline, components["generator"], components["filter"], probe, prepared, started
    )
    bounds = settings.generators
    choice = choose(session, pipeline, bounds, components["filter"], probe, prepared, started)
    rows, notes = plan_rows(resolved, bounds, train, choice.rows, choice.share)
    for note in notes:
        session.remark(note)
    generators = _fit_generators(session, prepared, bounds, choice)
    filters = _fit_filters(session, prepared, components["filter"], generators, rows)
    repeats = Repeats(train)

    def make(purpose: str, **options: Any) -> Mixture:
        options = {"filters": filters, "repeats": repeats, "max_rounds": pipeline.max_rounds, **options}
        place = session.scratch / purpose
        return make_rows(session, rows, generators, prepared.train, place, purpose=purpose, **options)

    with session.stage("sample", "mix") as stage:
        mixture = make("mix", shortfall=pipeline.shortfall)
        stage["rows"] = sum(counts.kept for counts in mixture.counts.values())
    # some generators may have no part in the mix
    mixture.counts = {bound.id: mixture.counts.get(bound.id, Counts()) for bound in bounds}

    def draw(number: int) -> Mixture:
        return make(f"trial-{number}", shortfall="ignore") if number else mixture

    return Synthesis(choice, settings.results, generators, filters, mixture, draw)


def bind_components(resolved: Resolved, prepared: Prepared) -> dict[Kind, list[Bound]]:
    """All components of a pipeline, one class each for this training part."""
    schema = Dataset.load(prepared.train).schema
    after: tuple[Kind, ...] = ("generator", "filter", "probe", "metric", "reporter", "sink")
    bound = bind(resolved, schema, prepared.num_train, after)
    return {"source": resolved.sources(), "transform": prepared.transforms, **bound}


def plan_rows(
    resolved: Resolved, generators: Sequence[Bound], train: Dataset, rows: Any, share: Mapping[str, float]
) -> tuple[list[PlanRow], list[str]]:
    """Who makes which rows, and notes on classes that are too small; `rows` and `share` as the pipeline has them, or a
    search found them.

    Raises:
        SpecError: no rows can be made, or none of a class that the pipeline names.
    """
    classed = train.schema.task == "classes"
    conditional = {bound.id: classed and bound.cls.accepts.conditional != "none" for bound in generators}
    if rows is None:
        rows = "balance" if classed and all(conditional.values()) else "1x"
    counts = training_counts(train)
    wanted = amounts(rows, counts)
    least = {bound.id: bound.cls.accepts.min_class_rows for bound in generators if conditional[bound.id]}
    reasons, left_out = explain(wanted, share, least, counts)
    named = rows if isinstance(rows, Mapping) else {}
    refused = [label for label in left_out if label in named]
    if left_out and not any(rows for label, rows in wanted.items() if label not in left_out):
        refused = list(left_out)
    if refused:
        ways_out = "add training rows of it, request none of it, or use a generator that needs fewer"
        problems = [f"no rows can be made of it: {reasons[label]}; {ways_out}" for label in refused]
        raise SpecError([resolved.document.problem(("mix", "rows"), problem) for problem in problems])
    notes = [
        f"{why}: {'no rows of it are made' if label in left_out else 'the other generators make its rows'}"
        for label, why in reasons.items()
    ]
    return plan(wanted, share, conditional, train.schema, find_too_small(least, counts)), notes


def _fit_generators(
    session: Session, prepared: Prepared, bounds: Sequence[Bound], choice: Choice
) -> list[tuple[Bound, Path]]:
    if choice.result.asked:  # who has no part in the mix need not learn
        bounds = [bound for bound in bounds if choice.arm == SYNTHETIC and choice.share[bound.id]]
    fitted = fit_components(session, bounds, prepared.train, prepared.key)
    return [(bound, fitted[bound.id]) for bound in bounds]


def _fit_filters(
    session: Session,
    prepared: Prepared,
    bounds: Sequence[Bound],
    generators: Sequence[tuple[Bound, Path]],
    rows: Sequence[PlanRow],
) -> list[tuple[Bound, Path]]:
    folder = session.scratch / "pilot"
    filters = fit_filters(session, bounds, generators, rows, prepared.train, prepared.key, folder)
    for bound in bounds if rows else ():
        assert issubclass(bound.cls, Filter)
        skipped = [g.id for g, _ in generators if issubclass(g.cls, Generator) and g.cls.origin in bound.cls.skips]
        if skipped:
            start = "start from real rows by design"
            session.remark(f"filter {bound.id!r} does not judge {', '.join(skipped)}: their rows {start}")
    return filters
