"""Propose less work for small data where the whole proposal would take more than a few minutes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from augment.onboarding.choose_target import Look
from augment.plan.amounts import amounts
from augment.plugin.catalog import Catalog
from augment.plugin.contracts import Generator
from augment.plugin.kinds import Kind
from augment.runner.estimate_cost import estimate_cost
from augment.spec.models import Search, Trial
from augment.spec.stages import Bound

__all__ = ["Effort", "choose_effort"]

SMALL = 500  # rows up to which a first run is to be short
BUDGET = 150.0  # CPU-seconds by the estimate, which may be short of the truth
SEEDS = (Trial().seeds, 3, 2)
CUTS = (3, 2, 1)
FEWER = ("5x", "1x")  # than twenty rows for each real one


@dataclass(frozen=True)
class Effort:
    """How much is proposed.

    Attributes:
        generators: those that are kept of the proposed ones.
        rows: what `mix.rows` says.
        seeds: of the trial.
        cuts: splits that judge.
        why: why it is less than usual; empty where it is not.
        why_seeds: what the usual number of seeds would take with all else as it is proposed.
    """

    generators: Sequence[type[Generator]]
    rows: str
    seeds: int
    cuts: int
    why: str = ""
    why_seeds: str = ""


def choose_effort(
    look: Look, generators: Sequence[type[Generator]], rows: str, cuts: int, holdout: float, catalog: Catalog
) -> Effort:
    """The proposal, or the first lesser one that is estimated to stay within the budget: with fewer repetitions of the
    trial, then without the generators that come last, then with fewer rows, then with fewer splits.

    What a step saves goes into repetitions first.

    Args:
        look: what was found in the data.
        generators: as they are proposed.
        rows: the amount that is proposed.
        cuts: splits of the trial.
        holdout: share of the rows that is held out.
        catalog: the components.
    """
    usual = Effort(generators, rows, SEEDS[0], cuts)
    if len(look.dataset) > SMALL:
        return usual
    before = _estimate(look, usual, holdout, catalog)
    if before <= BUDGET:
        return usual
    effort = usual
    for effort in _lesser(usual):
        if _estimate(look, effort, holdout, catalog) <= BUDGET:
            break
    effort = replace(effort, why=f"the whole would take about {_minutes(before)}")
    with_usual_seeds = _estimate(look, replace(effort, seeds=usual.seeds), holdout, catalog)
    return replace(effort, why_seeds=f"which would take about {_minutes(with_usual_seeds)}")


def _minutes(seconds: float) -> str:
    return f"{float(f'{seconds / 60:.1g}'):g} CPU-minutes"


def _lesser(usual: Effort) -> Iterator[Effort]:
    """What is proposed instead, the nearest first: each lesser proposal with as many seeds as it affords."""
    fewer = [replace(usual, generators=usual.generators[:kept]) for kept in range(len(usual.generators), 0, -1)]
    if usual.rows.endswith("x"):
        steps = FEWER[FEWER.index(usual.rows) + 1 :] if usual.rows in FEWER else FEWER
        fewer += [replace(fewer[-1], rows=rows) for rows in steps]
    fewer += [replace(fewer[-1], cuts=cuts) for cuts in CUTS if cuts < usual.cuts]
    for effort in fewer:
        yield from (replace(effort, seeds=seeds) for seeds in SEEDS)


def _estimate(look: Look, effort: Effort, holdout: float, catalog: Catalog) -> float:
    """CPU-seconds of what says how much it takes."""
    schema, num_train = look.schema, round(len(look.dataset) * (1 - holdout))
    train = look.dataset.take(slice(num_train))
    counts = {label: round(count * (1 - holdout)) for label, count in look.counts.items()} or {"": num_train}
    share = sum(amounts(effort.rows, counts).values()) // len(effort.generators)
    bound: dict[Kind, list[Bound]] = {"generator": [], "probe": []}
    for cls in effort.generators:
        settings: dict[str, Any] = {key: value for key, (value, _) in cls.settings_for(look.dataset).items()}
        params = cls.Params.model_validate(settings)
        bound["generator"].append(Bound("generator", cls.name, cls.name, None, cls, params))
    for name in catalog.defaults("probe", [schema.modality]):
        for probe in catalog.candidates("probe", name):
            if probe.accepts.refusal(schema) is None and not bound["probe"]:
                bound["probe"].append(Bound("probe", name, name, None, probe, probe.Params()))
    made = dict.fromkeys((cls.name for cls in effort.generators), share)
    trial = Trial(seeds=effort.seeds, cuts=effort.cuts)
    return estimate_cost(trial, Search(), bound, train, len(look.dataset) - num_train, made, ()).total
