"""`rows: auto` and `share: auto`: the search that finds the mix, by trials inside the training part."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from augment.data import Dataset
from augment.engine.tasks import calling
from augment.plan.amounts import training_counts
from augment.plan.candidates import choose_amounts, list_candidates
from augment.plan.choose_winner import Entrant, describe_choice, enter
from augment.plan.folds import count_independent
from augment.plugin.contracts import Generator, Probe
from augment.plugin.suits import Suits
from augment.plugin.trial_results import MixChoice, SearchResult
from augment.runner.prepare import Prepared
from augment.runner.search_rounds import Rounds, explain_skip, find_conditional, find_rule, search_once
from augment.runner.session import Session
from augment.runner.tuning import list_variants
from augment.spec.models import Pipeline
from augment.spec.stages import Bound
from augment.statistics.arms import INEXPENSIVE, NONE, SYNTHETIC

__all__ = ["Choice", "choose", "list_entrants"]


@dataclass(frozen=True)
class Choice:
    """The mix of a run.

    Attributes:
        arm: what the trial on the hold-out is about: `synthetic`, or what was chosen instead of synthetic rows.
        rows: as `mix.rows`; 0 where real rows alone are written.
        share: generator id to weight.
        result: how it was chosen.
    """

    arm: str
    rows: Any
    share: Mapping[str, float]
    result: SearchResult


def choose(
    session: Session,
    pipeline: Pipeline,
    generators: Sequence[Bound],
    filters: Sequence[Bound],
    probe: Bound | None,
    prepared: Prepared,
    started: float,
) -> Choice:
    """The mix that the pipeline says, or that a search finds, or has found before under the same key.

    The time of the search's budget began at `started`, on the clock `time.monotonic`.
    """
    mix = pipeline.mix
    share = {bound.id: mix.weight(bound.id) for bound in generators}
    as_written = Choice(SYNTHETIC, mix.rows, share, SearchResult.not_asked())
    if not mix.is_auto:
        return as_written
    train = Dataset.load(prepared.train)
    if why := explain_skip(pipeline, probe, train):
        return _skip(session, as_written, f"The search for the mix was skipped, since {why}; the default mix is used")
    assert probe is not None  # or the search is skipped
    entrants = list_entrants(pipeline, generators, probe, train, prepared.num_train + prepared.num_test)
    content = {"tried": [{"id": one.candidate.id, "prior": one.prior and asdict(one.prior)} for one in entrants]}
    rounds = Rounds(session, pipeline, None, [generators], filters, probe, train, entrants, started)
    result = search_once(rounds, prepared.key, content, _describe)
    session.remark(result.sentence)
    arm = result.chosen if result.chosen in (NONE, *INEXPENSIVE) else SYNTHETIC
    assert result.mix is not None
    return Choice(arm, result.mix.rows, result.mix.share, result)


def list_entrants(
    pipeline: Pipeline, generators: Sequence[Bound], probe: Bound | None, train: Dataset, num_rows: int
) -> list[Entrant]:
    """Everything that a search would try, real rows alone first, and what it leaves out, with the reason; empty where
    there is no search.

    Args:
        pipeline: says how the mix is searched for.
        generators: that may make rows.
        probe: the model that judges.
        train: the training part.
        num_rows: rows of the dataset.

    Raises:
        PluginError: the probe does not accept the settings that it declares.
    """
    if not pipeline.mix.is_auto or probe is None or explain_skip(pipeline, probe, train):
        return []
    mix, rule, counts = pipeline.mix, find_rule(pipeline, train), training_counts(train)
    if mix.search.amounts is None:
        suits = [suits for bound in generators for suits in _suits(bound, train)]
        search = mix.search.model_copy(update={"amounts": choose_amounts(suits, num_rows)})
        mix = mix.model_copy(update={"search": search})
    candidates = list_candidates(mix, find_conditional(generators, train), counts, rule, bool(list_variants(probe)))
    assert issubclass(probe.cls, Probe)
    with calling(probe, "measured_gains"):
        gains = tuple(probe.cls.measured_gains(probe.params))
    names = {bound.id: bound.cls.name for bound in generators}
    return enter(candidates, gains, names, rule, counts, count_independent(train, pipeline.split))


def _suits(bound: Bound, train: Dataset) -> list[Suits]:
    assert issubclass(bound.cls, Generator)
    return [one for one in bound.cls.suits if one.modality == train.schema.modality]


def _skip(session: Session, choice: Choice, sentence: str) -> Choice:
    session.remark(sentence)
    rows = None if choice.rows == "auto" else choice.rows
    facts = {"asked": True, "sentence": sentence, "mix": MixChoice(rows=rows, share=dict(choice.share))}
    return Choice(choice.arm, rows, choice.share, choice.result.model_copy(update=facts))


def _describe(rounds: Rounds, winner: Entrant) -> dict[str, Any]:
    rows = winner.candidate.amount if winner.candidate.share else 0
    rows = dict(rows) if isinstance(rows, Mapping) else rows
    share = dict(winner.candidate.share) or {bound.id: 1.0 for bound in rounds.variants[0]}
    sentence = describe_choice(rounds.entrants, winner, rounds.rule)
    return {"sentence": sentence, "mix": MixChoice(rows=rows, share=share)}
