"""`augment check`: what a run would do, without fitting a generator."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from augment.data import Dataset
from augment.plan.candidates import Candidate
from augment.plan.chunks import PlanRow
from augment.plugin.catalog import Catalog
from augment.runner.check_result import CheckResult
from augment.runner.estimate_cost import estimate_cost
from augment.runner.in_memory_sources import as_pipeline, with_files
from augment.runner.prepare import prepare
from augment.runner.search import list_entrants
from augment.runner.search_settings import list_settings_entrants
from augment.runner.session import Events, opened
from augment.runner.synthesis import bind_components, plan_rows
from augment.spec.load import Spec, load
from augment.spec.stages import Bound
from augment.storage.store import Store

__all__ = ["check"]


def check(
    pipeline: Spec | Any,
    y: Any = None,
    *,
    target: str | int | None = None,
    rate: float | None = None,
    overrides: Sequence[str] = (),
    data: bool = True,
    workers: int | None = None,
    trust: Collection[str] = (),
    events: Events | None = None,
    **sections: Any,
) -> CheckResult:
    """Look for all that is wrong with a pipeline, and say what it would do.

    Args:
        pipeline: a pipeline or data in memory, as for `augment.run`.
        y: as for `augment.run`.
        target: as for `augment.run`.
        rate: as for `augment.run`.
        overrides: as for `augment.run`.
        data: read the data too, cut and transform it, but fit no generator.
        workers: as for `augment.run`.
        trust: as for `augment.run`.
        events: as for `augment.run`.
        sections: as for `augment.run`.
    """
    pipeline = as_pipeline(pipeline, y, target, sections, rate)
    if not data:
        catalog = Catalog()
        return CheckResult(load(with_files(pipeline, catalog, Store())[0], catalog, overrides=overrides, trust=trust))
    with opened(pipeline, overrides, workers, events, trust=trust) as (session, resolved):
        prepared = prepare(session, resolved)
        components = bind_components(resolved, prepared)
        train = Dataset.load(prepared.train)
        rows = {"read": prepared.num_read, "train": prepared.num_train, "test": prepared.num_test}
        totals: dict[tuple[str, str], int] = {}
        mix, generators = resolved.pipeline.mix, components["generator"]
        share = {bound.id: mix.weight(bound.id) for bound in generators}
        planned: list[PlanRow] = []
        probe = next(iter(components["probe"]), None)
        entrants = list_entrants(resolved.pipeline, generators, probe, train, rows["train"] + rows["test"])[1:]
        untried = [f"not tried: {one.candidate.label} ({one.reason})" for one in entrants if one.left is not None]
        searches: list[tuple[list[list[Bound]], list[Candidate]]] = []
        settings: dict[str, tuple[str, ...]] = {}
        for bound in generators:
            if bound.searched is not None:
                tries, why = list_settings_entrants(resolved.pipeline, bound, probe, train)
                untried += [f"settings of {bound.id} are not searched for, since {why}"] if why else []
                settings[bound.id] = tuple(one.candidate.label for one in tries)
                searches.append(([[one] for one in bound.variants], [one.candidate for one in tries]))
        if not mix.is_auto:
            planned, small = plan_rows(resolved, generators, train, mix.rows, share)
            prepared.notes.extend(small)
        for row in planned:
            for label, count in row.labels or (("", row.rows),):
                totals[row.generator, label] = totals.get((row.generator, label), 0) + count
        entries = tuple((generator, label, count) for (generator, label), count in totals.items())
        notes = (*session.remarks, *prepared.notes, *untried)
        tried = tuple(one.candidate.label for one in entrants if one.left is None)
        made: dict[str, int] = {}
        for generator, _, count in entries:
            made[generator] = made.get(generator, 0) + count
        searches.append(([generators], [one.candidate for one in entrants if one.left is None]))
        searches = [one for one in searches if one[1]]
        trial, search = resolved.pipeline.trial, mix.search
        cost = estimate_cost(trial, search, components, train, rows["test"], made, searches)
        return CheckResult(resolved, train.schema, rows, notes, entries, tried, settings, cost)
