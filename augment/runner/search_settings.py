"""The search for the settings of generators, by trials inside the training part.

It goes before the search for the mix, one generator at a time and alone, so that what is tried adds up instead of
multiplying. The fits of what it chooses are in the store, where the search for the mix finds them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from augment.data import Dataset
from augment.plan.amounts import training_counts
from augment.plan.candidates import label_settings, list_settings
from augment.plan.choose_winner import Entrant, describe_settings, enter
from augment.plan.folds import count_independent
from augment.plugin.trial_results import SearchResult
from augment.runner.prepare import Prepared
from augment.runner.search_rounds import Rounds, explain_skip, find_conditional, find_rule, search_once
from augment.runner.session import Session
from augment.spec.models import Pipeline
from augment.spec.stages import Bound, map_paths

__all__ = ["SettingsChoice", "choose_settings", "list_settings_entrants", "with_found_settings"]

NO_ROWS = "it would make no rows"


@dataclass(frozen=True)
class SettingsChoice:
    """Generators whose settings are all known.

    Attributes:
        generators: in the pipeline's order.
        results: id of each whose settings were searched for, to how they were chosen.
    """

    generators: list[Bound] = field(default_factory=list)
    results: dict[str, SearchResult] = field(default_factory=dict)


def choose_settings(
    session: Session,
    pipeline: Pipeline,
    generators: Sequence[Bound],
    filters: Sequence[Bound],
    probe: Bound | None,
    prepared: Prepared,
    started: float,
) -> SettingsChoice:
    """The generators with the settings that the pipeline says, or that a search finds, or has found before.

    The time of the search's budget began at `started`, on the clock `time.monotonic`.
    """
    choice = SettingsChoice()
    for bound in generators:
        if bound.searched is None:
            choice.generators.append(bound)
            continue
        train = Dataset.load(prepared.train)
        entrants, why = list_settings_entrants(pipeline, bound, probe, train)
        if why:
            kept = label_settings(_list_settings(bound)[0])
            sentence = (
                f"The search for settings of {bound.id} was skipped, since {why}; the first listed are kept: {kept}"
            )
            facts = {"asked": True, "sentence": sentence, "settings": _list_settings(bound)[0]}
            result = SearchResult.not_asked().model_copy(update=facts)
        else:
            assert probe is not None  # or the search is skipped
            variants = [[variant] for variant in bound.variants]
            rounds = Rounds(session, pipeline, bound.id, variants, filters, probe, train, entrants, started)
            result = search_once(rounds, prepared.key, {}, _describe)
        session.remark(result.sentence)
        chosen = next((one.candidate.variant for one in entrants if one.candidate.id == result.chosen), 0)
        choice.generators.append(bound.variants[chosen])
        choice.results[bound.id] = result
    return choice


def list_settings_entrants(
    pipeline: Pipeline, bound: Bound, probe: Bound | None, train: Dataset
) -> tuple[list[Entrant], str]:
    """The settings of a generator that a search would try, the first listed first; or none, and why.

    Args:
        pipeline: says how many rows are made.
        bound: the generator; some of its settings are searched for.
        probe: the model that judges.
        train: the training part.
    """
    if why := explain_skip(pipeline, probe, train):
        return [], why
    counts, rule = training_counts(train), find_rule(pipeline, train)
    conditional = find_conditional([bound], train)[bound.id]
    candidates = list_settings(bound.id, _list_settings(bound), pipeline.mix, conditional, counts, train.schema.task)
    if not candidates:
        return [], NO_ROWS
    names = {bound.id: bound.cls.name}
    return enter(candidates, (), names, rule, counts, count_independent(train, pipeline.split)), ""


def _list_settings(bound: Bound) -> list[dict[str, Any]]:
    """The settings that are searched for, in each variant; of a path the last name."""
    assert bound.searched is not None
    named = [map_paths(variant.params, lambda path, _: Path(path.name)) for variant in bound.variants]
    return [bound.searched.values(one.model_dump(mode="json", by_alias=True)) for one in named]


def with_found_settings(bound: Bound, results: Mapping[str, SearchResult]) -> Bound:
    """A generator of a finished run, with the settings that its search has found.

    Args:
        bound: from the run's pipeline.
        results: as `metrics.settings` has them.
    """
    if bound.searched is None:
        return bound
    found = results[bound.id].settings
    return next(one for one, settings in zip(bound.variants, _list_settings(bound), strict=True) if settings == found)


def _describe(rounds: Rounds, winner: Entrant) -> dict[str, Any]:
    assert rounds.of is not None
    sentence = describe_settings(rounds.of, rounds.entrants, winner, rounds.rule)
    return {"sentence": sentence, "mix": None, "settings": dict(winner.candidate.settings)}
