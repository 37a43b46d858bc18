"""What a search for the mix tries: pure functions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from augment.plan.amounts import amounts, apportion
from augment.plan.caps import MAX_JUDGED_ROWS
from augment.plugin.suits import Suits
from augment.spec.models import Mix
from augment.statistics.arms import CLASS_WEIGHTS, INEXPENSIVE, NONE, OVERSAMPLING, THRESHOLD, TUNED
from augment.statistics.scores import ScoreRule
from augment.toolkit.yaml_text import dump_flow

__all__ = ["BLEND", "Candidate", "choose_amounts", "label_settings", "list_candidates", "list_settings"]

Kind = Literal["none", "threshold", "class-weights", "oversampling", "tuned", "generator", "blend"]

BLEND: Kind = "blend"
AMOUNTS = ("balance", "1x", "5x")
ENOUGH = 0.5  # synthetic rows for each training row, with which settings are compared where the amount is searched for


@dataclass(frozen=True)
class Candidate:
    """One way to train: with real rows alone, with an inexpensive alternative, or with synthetic rows.

    Attributes:
        id: unique among the candidates.
        label: as people read it.
        kind: `none`, an inexpensive alternative such as `threshold`, `generator` or `blend`.
        share: generator id to weight; empty where no rows are made.
        amount: what `mix.rows` would say.
        variant: which of the variants of the generators make the rows.
        settings: of that variant, those that are searched for.
    """

    id: str
    label: str
    kind: Kind
    share: Mapping[str, float] = field(default_factory=dict)
    amount: str | int | Mapping[str, int] = 0
    variant: int = 0
    settings: Mapping[str, Any] = field(default_factory=dict)

    def wanted(self, counts: Mapping[str, int]) -> dict[str, int]:
        """Synthetic rows of each class for these training rows; at most as many as an arm of a trial looks at."""
        if not self.share:
            return dict.fromkeys(counts, 0)
        wanted = amounts(self.amount, counts)
        if sum(wanted.values()) > MAX_JUDGED_ROWS:
            wanted = dict(zip(wanted, apportion(MAX_JUDGED_ROWS, list(wanted.values())), strict=True))
        return wanted


def choose_amounts(suits: Iterable[Suits], num_rows: int) -> list[str]:
    """The amounts that `rows: auto` tries where the pipeline names none: a few that differ much, and those that the
    generators declare to suit so many rows.

    Args:
        suits: what the generators declare of this kind of data.
        num_rows: rows of the dataset.
    """
    suited = (one.suited_amount(num_rows) for one in suits)
    return list(dict.fromkeys((*AMOUNTS, *filter(None, suited))))


def list_candidates(
    mix: Mix, conditional: Mapping[str, bool], counts: Mapping[str, int], rule: ScoreRule, tunable: bool = False
) -> list[Candidate]:
    """Everything that is tried, in order: real rows alone, the inexpensive alternatives, then small amounts first.

    Args:
        mix: with `auto` for the rows, the share, or both, and with the amounts to try.
        conditional: generator id to whether it is asked for classes, in the pipeline's order.
        counts: training rows of each class.
        rule: the score that decides; a moved threshold is tried where it scores decisions.
        tunable: whether the probe declares settings to try.
    """
    candidates = [Candidate(NONE, "real rows alone", NONE)]
    kinds: list[Kind] = [THRESHOLD] if rule.kind == "decision" else []
    kinds += [CLASS_WEIGHTS, OVERSAMPLING] if rule.task == "classes" else []
    kinds += [TUNED] if tunable else []
    candidates += [Candidate(kind, INEXPENSIVE[kind], kind) for kind in kinds]
    tried: Sequence[Any] = (
        (mix.search.amounts or AMOUNTS) if mix.rows == "auto" else [_amount(mix, conditional, rule.task)]
    )
    for amount in tried:
        for name, share in _shares(mix, list(conditional)).items():
            makers = [generator for generator, weight in share.items() if weight]
            if (amount == "balance" or isinstance(amount, Mapping)) and not all(conditional[one] for one in makers):
                continue
            label = " + ".join(makers)
            candidate = Candidate(f"{name}-{_text(amount)}", f"{label}, {_text(amount)}", _kind(makers), share, amount)
            wanted = candidate.wanted(counts)
            twin = any(dict(one.share) == share and one.wanted(counts) == wanted for one in candidates)
            if any(wanted.values()) and not twin:
                candidates.append(candidate)
    return candidates


def list_settings(
    generator: str,
    settings: Sequence[Mapping[str, Any]],
    mix: Mix,
    conditional: bool,
    counts: Mapping[str, int],
    task: str,
) -> list[Candidate]:
    """One generator with each combination of the settings that are searched for, the first listed first; empty where it
    would make no rows.

    All make the amount of the mix, as if no other generator were there. Where that is searched for, it is `balance` if
    this adds half as many rows as there are, and `1x` otherwise: few rows would tell little.

    Args:
        generator: its id.
        settings: the combinations.
        mix: says how many rows are made.
        conditional: whether it is asked for classes.
        counts: training rows of each class.
        task: what the target is.
    """
    written = mix.model_copy(update={"rows": None}) if mix.rows == "auto" else mix
    amount = _amount(written, {generator: conditional}, task)
    if mix.rows == "auto" and sum(amounts(amount, counts).values()) < ENOUGH * sum(counts.values()):
        amount = "1x"
    candidates = [
        Candidate(
            f"settings-{number + 1}",
            label_settings(one),
            "generator",
            {generator: 1.0},
            amount,
            number,
            one,
        )
        for number, one in enumerate(settings)
    ]
    return candidates if mix.weight(generator) and any(candidates[0].wanted(counts).values()) else []


def label_settings(settings: Mapping[str, Any]) -> str:
    """Settings as people read them.

    >>> label_settings({"steps": 100, "beta": 0.5})
    'steps: 100, beta: 0.5'
    """
    return ", ".join(f"{name}: {dump_flow(value)}" for name, value in settings.items())


def _amount(mix: Mix, conditional: Mapping[str, bool], task: str) -> str | int | Mapping[str, int]:
    if mix.rows is not None:
        return mix.rows
    return "balance" if task == "classes" and all(conditional.values()) else "1x"


def _shares(mix: Mix, generators: Sequence[str]) -> dict[str, dict[str, float]]:
    """Who may make the rows: name to generator to weight. Shares that the pipeline writes down stay as they are."""
    if isinstance(mix.share, Mapping) and mix.share:
        makers = [generator for generator in generators if mix.share.get(generator, 1.0)]
        return {makers[0] if len(makers) == 1 else BLEND: {one: mix.share.get(one, 1.0) for one in generators}}
    alone = {one: {other: float(other == one) for other in generators} for one in generators}
    return alone | ({BLEND: dict.fromkeys(generators, 1.0)} if len(generators) > 1 else {})


def _kind(makers: Sequence[str]) -> Kind:
    return "generator" if len(makers) == 1 else BLEND


def _text(amount: Any) -> str:
    return "as-given" if isinstance(amount, Mapping) else str(amount)
