"""What a search for the mix tries, and how it chooses: pure functions.

A search is a trial inside the training part. Its seeds are the folds of a repeated cross-validation; after 5, 10, 20,
... of them the worse half of the candidates leaves (successive halving: K. Jamieson, A. Talwalkar, "Non-stochastic Best
Arm Identification and Hyperparameter Optimization", AISTATS 2016). Not before all five folds have judged: what two of
them say of few rows is mostly chance. Of those that stay the winner has the best difference to real rows alone less one
standard error. Training parts of different folds share rows, so the plain standard error is too small; it is corrected
after C. Nadeau and Y. Bengio, "Inference for the Generalization Error", Machine Learning 52, 2003.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Literal, NamedTuple

import numpy as np

from augment.plan.amounts import amounts, apportion
from augment.plan.caps import MAX_JUDGED_ROWS
from augment.plan.folds import NUM_FOLDS
from augment.plugin.trial_results import CandidateResult
from augment.spec.models import Mix
from augment.statistics.arms import CLASS_WEIGHTS, INEXPENSIVE, NONE, OVERSAMPLING, THRESHOLD, TUNED
from augment.statistics.scores import ScoreRule

__all__ = [
    "Candidate",
    "Entrant",
    "choose_winner",
    "describe_choice",
    "drop_worse_half",
    "list_candidates",
    "plan_rounds",
]

Kind = Literal["none", "threshold", "class-weights", "oversampling", "tuned", "generator", "blend"]

BLEND: Kind = "blend"
MIN_GAIN = 1e-12  # less is rounding


@dataclass(frozen=True)
class Candidate:
    """One way to train: with real rows alone, with an inexpensive alternative, or with synthetic rows.

    Attributes:
        id: unique among the candidates.
        label: as people read it.
        kind: `none`, an inexpensive alternative such as `threshold`, `generator` or `blend`.
        share: generator id to weight; empty where no rows are made.
        amount: what `mix.rows` would say.
    """

    id: str
    label: str
    kind: Kind
    share: Mapping[str, float] = field(default_factory=dict)
    amount: str | int | Mapping[str, int] = 0

    def wanted(self, counts: Mapping[str, int]) -> dict[str, int]:
        """Synthetic rows of each class for these training rows; at most as many as an arm of a trial looks at."""
        if not self.share:
            return dict.fromkeys(counts, 0)
        wanted = amounts(self.amount, counts)
        if sum(wanted.values()) > MAX_JUDGED_ROWS:
            wanted = dict(zip(wanted, apportion(MAX_JUDGED_ROWS, list(wanted.values())), strict=True))
        return wanted


class Standing(NamedTuple):
    """The mean score of a candidate; its difference to real rows alone, with the standard error, and that less it."""

    mean: float | None
    difference: float | None
    error: float | None
    worst: float | None


@dataclass
class Entrant:
    """How a candidate fares.

    Attributes:
        candidate: which.
        values: its score in each seed that it saw.
        synthetic: rows added in the first seed.
        left: number of seeds after which it left, None while it is in.
        reason: why it left, where that was not its score.
        caution: how many standard errors count against it.
    """

    candidate: Candidate
    values: list[float] = field(default_factory=list)
    synthetic: int = 0
    left: int | None = None
    reason: str = ""
    caution: float = 1.0

    def leave(self, reason: str = "") -> None:
        """It takes no further part."""
        self.left, self.reason = len(self.values), reason

    def standing(self, none: Entrant, rule: ScoreRule) -> Standing:
        """Its mean score, and the difference to real rows alone with its standard error, over the seeds it saw."""
        seen = np.array(self.values) - np.array(none.values[: len(self.values)])
        seen = seen[np.isfinite(seen)]
        if not len(seen):
            return Standing(None, None, None, None)
        difference, error = float(seen.mean()), 0.0
        if len(seen) > 1:
            overlap = 1 / (NUM_FOLDS - 1)  # validation rows for each training row of a fold
            error = float(np.sqrt(seen.var(ddof=1) * (1 / len(seen) + overlap)))
        worst = difference - self.caution * error if rule.better == "higher" else difference + self.caution * error
        return Standing(float(np.nanmean(self.values)), difference, error, worst)

    def result(self, none: Entrant, rule: ScoreRule) -> CandidateResult:
        """What it scored so far, as `metrics.json` holds it."""
        candidate = self.candidate
        return CandidateResult(
            id=candidate.id,
            label=candidate.label,
            kind=candidate.kind,
            share=dict(candidate.share),
            amount=(dict(candidate.amount) if isinstance(candidate.amount, Mapping) else candidate.amount)
            if candidate.share
            else "",
            synthetic=self.synthetic,
            values=[value if np.isfinite(value) else None for value in self.values],
            **self.standing(none, rule)._asdict(),
            left=self.left,
            reason=self.reason,
        )


def list_candidates(
    mix: Mix, conditional: Mapping[str, bool], counts: Mapping[str, int], rule: ScoreRule, tunable: bool = False
) -> list[Candidate]:
    """Everything that is tried, in order: real rows alone, the inexpensive alternatives, then small amounts first.

    Args:
        mix: with `auto` for the rows, the share, or both.
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
    tried: Sequence[Any] = mix.search.amounts if mix.rows == "auto" else [_amount(mix, conditional, rule.task)]
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


def plan_rounds(num_seeds: int) -> list[range]:
    """The seeds between one barrier and the next.

    >>> plan_rounds(10)
    [range(0, 5), range(5, 10)]
    """
    ends = [0, min(NUM_FOLDS, num_seeds)]
    while ends[-1] < num_seeds:
        ends.append(min(2 * ends[-1], num_seeds))
    return [range(start, end) for start, end in pairwise(ends)]


def drop_worse_half(entrants: Sequence[Entrant], rule: ScoreRule) -> None:
    """Let the worse half leave, by the mean difference to real rows alone, which stay. Of equals the first stay."""
    none, *others = entrants
    inside = [one for one in others if one.left is None]
    sign = 1 if rule.better == "higher" else -1
    differences = {id(one): one.standing(none, rule).difference for one in inside}
    ranked = sorted(inside, key=lambda one: -sign * (differences[id(one)] or 0.0))
    for one in ranked[-(-len(inside) // 2) :]:
        one.leave()


def choose_winner(entrants: Sequence[Entrant], rule: ScoreRule) -> Entrant:
    """The best difference less one standard error; real rows alone, where none is above 0. Of equals the first."""
    none = best = entrants[0]
    most = MIN_GAIN
    sign = 1 if rule.better == "higher" else -1
    for one in entrants[1:]:
        worst = one.standing(none, rule).worst
        # two values at least: one has no standard error
        if one.left is None and worst is not None and len(one.values) > 1 and sign * worst > most:
            best, most = one, sign * worst
    return best


def describe_choice(entrants: Sequence[Entrant], winner: Entrant, rule: ScoreRule) -> str:
    """What was chosen, and by how much, for people."""
    style = ".3f" if rule.task == "classes" else ".4g"
    none, num = entrants[0], len(entrants) - 1
    tried = f"of {num} candidate{'s' * (num != 1)}"
    if winner is none:
        return (
            f"The search inside the training part chose real rows alone: {tried} none was better by more than "
            f"{'its standard error' if none.caution == 1 else f'{none.caution:g} standard errors'}."
        )
    standing = winner.standing(none, rule)
    return (
        f"The search inside the training part chose {winner.candidate.label} {tried}: {rule.label} "
        f"{standing.mean:{style}}, {standing.difference:+{style}} to real rows alone (standard error "
        f"{standing.error:{style}}, {len(winner.values)} seeds)."
    )
