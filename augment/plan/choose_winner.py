"""How the candidates of a search for the mix fare, who stays, and who wins: pure functions.

A search is a trial inside the training part. Its seeds are the folds of a repeated cross-validation. After 5, 10, 20,
... of them the worse half of the candidates leaves (successive halving: K. Jamieson, A. Talwalkar, "Non-stochastic Best
Arm Identification and Hyperparameter Optimization", AISTATS 2016), and so does who promises no gain. Not before all
five folds have judged: what two of them say of few rows is mostly chance.

The best of many measured differences looks better than it is. Each is therefore weighed against what was to be expected
before, both as normal distributions: what was measured on other data like this, where the probe knows that, and
otherwise that a gain is as likely as a loss, and seldom larger than a few differences worth having. What is then
expected needs no correction for the choice of the largest (B. Efron, "Tweedie's Formula and Selection Bias", Journal of
the American Statistical Association 106, 2011). The winner has the largest expected gain of those that gain with a
probability of 95 %.

How far a mean difference may be off is read from the rows. Each has an influence on the score of every seed that judges
by it; the mean over the seeds is its influence on the mean difference, and the sum of the squares is the variance that
chance in rows makes. Half as much is added for what another training part would have changed, and the error is widened
by Student's factor: few rows on which two models disagree say little, however many there are. A standard deviation over
five or ten seeds is less certain than that, and was by chance so small at times that nothing looked like a gain.

Rows that depend on each other do not show their chance. There, and where a class has a single row in a fold, the error
is that of the seeds, corrected for training parts that share rows after C. Nadeau and Y. Bengio, "Inference for the
Generalization Error", Machine Learning 52, 2003. A fold that is one stretch of time or a few groups counts once,
however often it is repeated.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from augment.plan.candidates import Candidate
from augment.plan.folds import NUM_FOLDS
from augment.plugin.measured_gains import MeasuredGain
from augment.plugin.trial_results import CandidateResult
from augment.statistics.arms import INEXPENSIVE, THRESHOLD
from augment.statistics.scores import ScoreRule, score_format
from augment.statistics.units import degrees_of_freedom
from augment.statistics.verdict import LIKELY, worth_having

__all__ = [
    "Entrant",
    "add_seed",
    "choose_winner",
    "describe_choice",
    "describe_settings",
    "drop_unpromising",
    "enter",
    "is_settled",
    "plan_rounds",
]

SETTLED = 0.99  # probability of a gain that ends the search
WORTH_TRYING = 0.01  # a gain that somebody left out is unlikely to exceed
UNLIKELY = 0.1
TRAINING_PART = 0.5  # variance by another training part, to that by chance in rows: 0 to 0.8 in simulations
UNKNOWN = 4.0  # standard deviation of gains of which nothing is known, in differences worth having


class Standing(NamedTuple):
    """The mean score of a candidate; its difference to real rows alone and the standard error of that; the difference
    to expect after all that is known, and the probability that it is a gain."""

    mean: float | None
    difference: float | None
    error: float | None
    expected: float | None
    chance: float | None


@dataclass
class Entrant:
    """How a candidate fares.

    Attributes:
        candidate: which.
        values: its score in each seed that it saw.
        synthetic: rows added in the first seed.
        left: number of seeds after which it left, None while it is in.
        reason: why it left, where that was not its score.
        prior: what was measured on other data like this, where that is known.
        num_folds: how many folds are independent of each other; None where rows are.
        influence: (N,), of each training row on the sum of its differences to real rows alone; None before it judged.
    """

    candidate: Candidate
    values: list[float] = field(default_factory=list)
    synthetic: int = 0
    left: int | None = None
    reason: str = ""
    prior: MeasuredGain | None = None
    num_folds: int | None = None
    influence: np.ndarray | None = None

    def leave(self, reason: str = "") -> None:
        """It takes no further part."""
        self.left, self.reason = len(self.values), reason

    def standing(self, none: Entrant, rule: ScoreRule) -> Standing:
        """How it stands against real rows alone, over the seeds it saw."""
        from scipy.special import ndtr

        seen = np.array(self.values) - np.array(none.values[: len(self.values)])
        seen = seen[np.isfinite(seen)]
        if not len(seen):
            return Standing(None, None, None, None, None)
        mean, difference = float(np.nanmean(self.values)), float(seen.mean())
        if self is none:
            return Standing(mean, 0.0, 0.0, 0.0, 0.0)
        if len(seen) < 2:  # one seed has no standard error, and decides nothing
            return Standing(mean, difference, 0.0, 0.0, 0.0)
        error, freedom = self._error(seen)
        sign = 1 if rule.better == "higher" else -1
        alone = float(np.nanmean(none.values))
        expected, spread = self._weigh(sign * difference, error, freedom, worth_having(rule.better, alone))
        chance = float(ndtr(expected / spread)) if spread else float(expected > 0)
        return Standing(mean, difference, error, sign * expected, chance)

    def _error(self, seen: np.ndarray) -> tuple[float, float]:
        """The standard error of the mean of these differences, and its degrees of freedom."""
        num_folds = min(len(seen), self.num_folds or len(seen))
        if self.num_folds is None and self.influence is not None:
            influence = self.influence / len(seen)
            by_rows = float((influence**2).sum()) * (1 + TRAINING_PART)
            if np.isfinite(by_rows):
                return float(np.sqrt(max(by_rows, seen.var() / (num_folds - 1)))), degrees_of_freedom(influence)
        overlap = 1 / (NUM_FOLDS - 1)  # validation rows for each training row of a fold
        variance = float(seen.var()) * num_folds / (num_folds - 1)
        return float(np.sqrt(variance * (1 / num_folds + overlap))), num_folds - 1

    def _weigh(self, gain: float, error: float, freedom: float, worth: float) -> tuple[float, float]:
        """The gain to expect and its standard deviation, from what was expected before and what was measured."""
        from scipy.special import ndtri, stdtrit

        error *= float(stdtrit(freedom, LIKELY) / ndtri(LIKELY))
        before, spread = (self.prior.mean, self.prior.spread) if self.prior else (0.0, UNKNOWN * worth)
        if not error or not spread:
            return (gain, 0.0) if not error else (0.0, 0.0)
        trust = spread**2 / (spread**2 + error**2)
        return before + trust * (gain - before), spread * float(np.sqrt(1 - trust))

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
            settings=dict(candidate.settings),
        )


def enter(
    candidates: Sequence[Candidate],
    gains: Sequence[MeasuredGain],
    names: Mapping[str, str],
    rule: ScoreRule,
    counts: Mapping[str, int],
    num_folds: int | None = None,
) -> list[Entrant]:
    """The candidates as entrants; those that other data like this says will hardly gain have left, with the reason.

    Of each generator the first candidate stays in: whoever names it wants to know.

    Args:
        candidates: real rows alone first.
        gains: what the probe knows of other data.
        names: generator id to the name of the component.
        rule: the score that decides.
        counts: training rows of each class.
        num_folds: how many folds are independent of each other; None where rows are.
    """
    known = {gain.candidate: gain for gain in gains if gain.concerns(rule.name, counts)}
    entrants, tried = [], set[str]()
    for candidate in candidates:
        ids = [maker for maker, weight in candidate.share.items() if weight]
        makers = [names[maker] for maker in ids]
        one = Entrant(candidate, prior=known.get(candidate.kind), num_folds=num_folds)
        reasons = [_doubt(known[maker]) for maker in makers if maker in known]
        if len(ids) == 1:
            one.prior = known.get(makers[0])
            reasons = reasons if ids[0] in tried else []
            tried.add(ids[0])
        if candidate.kind in INEXPENSIVE and one.prior is not None:
            reasons = [_doubt(one.prior), _needless(one.prior, known.get(THRESHOLD))]
        if reason := next(filter(None, reasons), ""):
            one.leave(reason)
        entrants.append(one)
    return entrants


def _doubt(prior: MeasuredGain) -> str:
    """Why a gain is unlikely; empty where it is not."""
    from scipy.special import ndtr

    if ndtr((prior.mean - WORTH_TRYING) / prior.spread) >= UNLIKELY:
        return ""
    return f"{prior.candidate} gained {prior.mean:+.3f} on {prior.tables} tables like this, so a gain is unlikely"


def _needless(prior: MeasuredGain, threshold: MeasuredGain | None) -> str:
    """Why a moved threshold, which trains nothing, is tried instead; empty where it is not."""
    if threshold is None or prior.candidate == THRESHOLD or prior.mean > threshold.mean + 2 * WORTH_TRYING:
        return ""
    return f"a moved threshold gained as much on {prior.tables} tables like this, and trains nothing"


def add_seed(
    inside: Sequence[Entrant],
    predictions: Iterable[np.ndarray],
    truth: np.ndarray,
    held: np.ndarray,
    num_rows: int,
    rule: ScoreRule,
) -> None:
    """Score everybody who is in with one seed.

    Args:
        inside: real rows alone first.
        predictions: of each, for the n rows that judge.
        truth: (n,) class numbers or values.
        held: (n,) the positions of these rows in the training part.
        num_rows: of the training part.
        rule: the score that decides.
    """
    alike = np.bincount(truth)[truth] if rule.task == "classes" else np.full(len(truth), len(truth))
    with np.errstate(divide="ignore"):
        unbiased = np.sqrt(alike / (alike - 1))  # infinite for a class of one row, of which the chance is not known
    alone: np.ndarray | None = None
    for one, predicted in zip(inside, predictions, strict=True):
        one.values.append(float(rule.score(truth, predicted, np.ones((1, len(truth))))[0]))
        influence = rule.linear(truth, predicted)[1]
        alone = influence if alone is None else alone
        if one.influence is None:
            one.influence = np.zeros(num_rows)
        if np.isfinite(one.values[-1]):
            with np.errstate(invalid="ignore"):
                one.influence[held] += (influence - alone) * unbiased


def plan_rounds(num_seeds: int) -> list[range]:
    """The seeds between one barrier and the next.

    >>> plan_rounds(10)
    [range(0, 5), range(5, 10)]
    """
    ends = [0, min(NUM_FOLDS, num_seeds)]
    while ends[-1] < num_seeds:
        ends.append(min(2 * ends[-1], num_seeds))
    return [range(start, end) for start, end in pairwise(ends)]


def drop_unpromising(entrants: Sequence[Entrant], rule: ScoreRule) -> None:
    """Let the worse half leave, by the gain to expect, and whoever promises none. Of equals the first stay."""
    none, *others = entrants
    inside = [one for one in others if one.left is None]
    gains = {id(one): _expected_gain(one, none, rule) for one in inside}
    ranked = sorted(inside, key=lambda one: -gains[id(one)])
    for position, one in enumerate(ranked):
        if position >= -(-len(inside) // 2) or gains[id(one)] <= 0:
            one.leave()


def is_settled(entrants: Sequence[Entrant], rule: ScoreRule) -> bool:
    """Whether more seeds would hardly change the choice: one gains almost certainly, or nobody is left."""
    none, *others = entrants
    chances = [one.standing(none, rule).chance or 0.0 for one in others if one.left is None]
    return max(chances, default=SETTLED) >= SETTLED


def choose_winner(entrants: Sequence[Entrant], rule: ScoreRule) -> Entrant:
    """The largest expected gain of those that gain with a probability of 95 %; real rows alone, where nobody does. Of
    equals the first."""
    none, *others = entrants
    likely = [one for one in others if one.left is None and (one.standing(none, rule).chance or 0.0) >= LIKELY]
    return max(likely, key=lambda one: _expected_gain(one, none, rule), default=none)


def _expected_gain(one: Entrant, none: Entrant, rule: ScoreRule) -> float:
    expected = one.standing(none, rule).expected
    return -np.inf if expected is None else expected if rule.better == "higher" else -expected


def describe_choice(entrants: Sequence[Entrant], winner: Entrant, rule: ScoreRule) -> str:
    """What was chosen, and by how much, for people."""
    none, *others = entrants
    num_tried = sum(bool(one.values) for one in others)
    num_untried = len(others) - num_tried
    tried = f"of {num_tried} candidate{'s' * (num_tried != 1)}"
    untried = f" {num_untried} more {'were' if num_untried > 1 else 'was'} not tried." if num_untried else ""
    if winner is none:
        return (
            f"The search, on parts of the training rows, chose real rows alone: {tried}, none is at least "
            f"{LIKELY * 100:.0f} % sure to gain.{untried}"
        )
    standing, prior = winner.standing(none, rule), winner.prior
    assert standing.mean is not None  # whoever wins was tried
    style = score_format(rule.name, standing.mean)
    others_say = f"given what {prior.tables} other tables say" if prior else "most changes gain little"
    return (
        f"The search, on parts of the training rows, chose {winner.candidate.label} {tried}: {rule.label} "
        f"{standing.mean:{style}}, {standing.difference:+{style}} against real rows alone (standard error "
        f"{standing.error:{style}}, {len(winner.values)} seeds). As it is the best of several, and {others_say}, "
        f"expect {standing.expected:+{style}}; it is a gain with a probability of {standing.chance:.0%}.{untried}"
    )


def describe_settings(generator: str, entrants: Sequence[Entrant], winner: Entrant, rule: ScoreRule) -> str:
    """Which settings of a generator were chosen, and by how much they are better than the first listed, for people."""
    first, *others = entrants
    num_tried = sum(bool(one.values) for one in others)
    head = f"The search for settings of {generator}, on parts of the training rows,"
    tried = f"of {num_tried} other{'s' * (num_tried != 1)} that {'were' if num_tried != 1 else 'was'} tried"
    if winner is first:
        kept = f"kept the first listed, {first.candidate.label}: {tried}, none is at least"
        return f"{head} {kept} {LIKELY * 100:.0f} % sure to do better."
    standing = winner.standing(first, rule)
    assert standing.mean is not None  # whoever wins was tried
    style = score_format(rule.name, standing.mean)
    return (
        f"{head} chose {winner.candidate.label} {tried}: {rule.label} {standing.mean:{style}}, "
        f"{standing.difference:+{style}} against {first.candidate.label}, the first listed (standard error "
        f"{standing.error:{style}}, {len(winner.values)} seeds). As it is the best of several, and most changes gain "
        f"little, expect {standing.expected:+{style}}; it does better with a probability of {standing.chance:.0%}."
    )
