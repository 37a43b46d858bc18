"""The verdict over several splits of the data: what another training part would have given is in its interval.

The trial on one hold-out is conditional on one training part and on generators that were fitted once. With more splits,
in each of which everything is learned anew, the differences of the splits show what that leaves out. Training parts
share most of their rows, so the plain standard error of the mean is too small: the variance of a difference is
multiplied by 1 / J + n_test / n_train, for J splits (the corrected resampled t-test of C. Nadeau and Y. Bengio,
"Inference for the Generalization Error", Machine Learning 52, 2003). Where nothing differs, on 120 and 300 rows, it
finds an effect in 0 to 2 % of cases instead of the nominal 5 %. Where several differences are looked at together, each
has its share of the 5 % (Bonferroni).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from augment.plugin.trial_results import Comparison, CutDifferences, CutsResult, TrialResult
from augment.statistics.arms import NONE, SYNTHETIC
from augment.statistics.scores import SCORES, score_format
from augment.statistics.verdict import CANNOT_TELL, HELPS, HURTS, NO_EFFECT, judge_interval
from augment.statistics.verdict_sentence import describe_comparison, describe_losses, name_alternative

__all__ = ["over_cuts", "resampled_interval"]


def resampled_interval(
    differences: Sequence[float], test_share: float, num_compared: int = 1
) -> tuple[float, float] | None:
    """The 95 % interval of the mean of the splits' differences; None of fewer than two.

    Args:
        differences: one a split.
        test_share: held-out rows for each training row.
        num_compared: intervals that are to hold at once.
    """
    from scipy.special import stdtrit

    num_cuts = len(differences)
    if num_cuts < 2:
        return None
    mean, variance = float(np.mean(differences)), float(np.var(differences, ddof=1))
    quantile = float(stdtrit(num_cuts - 1, 1 - 0.025 / num_compared))
    reach = quantile * (variance * (1 / num_cuts + test_share)) ** 0.5
    return mean - reach, mean + reach


def over_cuts(trial: TrialResult, others: Sequence[TrialResult], num_asked: int, test_share: float) -> TrialResult:
    """The trial with what the other splits gave, and the verdict of all of them together.

    Args:
        trial: of the split that is written.
        others: of the other splits, where they could be tried.
        num_asked: splits that were asked for.
        test_share: held-out rows for each training row.
    """
    trials = [one for one in (trial, *others) if one.arms and one.score == trial.score]
    if not trial.assessable or len(trials) < 2:
        return trial

    def collect(differences: list[float]) -> CutDifferences:
        interval = resampled_interval(differences, test_share)
        return CutDifferences(values=differences, mean=float(np.mean(differences)), interval=interval)

    common = [arm.id for arm in trial.arms if arm.id != NONE and all(one.arm(arm.id) for one in trials)]
    losses = _find_losses(trials, test_share)
    cuts = CutsResult(
        asked=num_asked,
        chosen=[one.chosen for one in trials],
        arms={arm: collect([_difference(one, arm) for one in trials]) for arm in common},
        overall=collect([_difference(one, one.chosen) for one in trials]),
        against=_compare_to_inexpensive(trials, common, test_share),
        worse=list(losses),
    )
    verdict = judge_interval(cuts.overall.interval, trial.better, trial.margin)
    update = {"cuts": cuts, "verdict": verdict, "sentence": _describe(trial, cuts, losses)}
    return trial.model_copy(update=update)


def _difference(trial: TrialResult, arm: str, score: str = "") -> float:
    """Of an arm to real rows alone, in a score or in the deciding one."""
    found = trial.arm(arm)
    if found is None:
        return 0.0
    return found.scores[score].difference if score else found.difference


def _compare_to_inexpensive(
    trials: Sequence[TrialResult], common: Sequence[str], test_share: float
) -> Comparison | None:
    """What was chosen in each split, if that was synthetic rows, against the alternative that is the best over all."""
    first = trials[0]
    alternatives = [arm.id for arm in first.arms if arm.id in common and arm.kind == "inexpensive"]
    if not alternatives or SYNTHETIC not in [one.chosen for one in trials]:
        return None
    differences = {
        arm: [_difference(one, one.chosen) - _difference(one, arm) for one in trials] for arm in alternatives
    }
    sign = 1 if first.better == "higher" else -1
    best = min(alternatives, key=lambda arm: sign * float(np.mean(differences[arm])))
    interval = resampled_interval(differences[best], test_share, len(alternatives))
    verdict = judge_interval(interval, first.better, first.margin)
    return Comparison(arm=best, difference=float(np.mean(differences[best])), interval=interval, verdict=verdict)


def _find_losses(trials: Sequence[TrialResult], test_share: float) -> dict[str, float]:
    """The scores, but for the deciding one, that what was chosen in each split makes worse, and their mean changes."""
    first = trials[0]
    arms = [arm for one in trials for arm in (one.arm(NONE), one.arm(one.chosen)) if arm is not None]
    rules = [SCORES[name] for name in arms[0].scores if name != first.score and all(name in arm.scores for arm in arms)]
    losses = {}
    for rule in rules:
        differences = [_difference(one, one.chosen, rule.name) for one in trials]
        interval = resampled_interval(differences, test_share, len(rules))
        if judge_interval(interval, rule.better, 0.0) == HURTS:
            losses[rule.name] = float(np.mean(differences))
    return losses


def _describe(trial: TrialResult, cuts: CutsResult, losses: Mapping[str, float]) -> str:
    label = SCORES[trial.score].label if trial.score in SCORES else trial.score
    real, chosen = trial.arm(NONE), trial.arm(trial.chosen)
    if trial.better == "lower":
        label = f"{label} (lower is better)"
    style = score_format(trial.score, real.mean if real else 0.0)
    num_cuts = len(cuts.chosen)
    assert cuts.overall.interval is not None
    low, high = cuts.overall.interval
    varied = set(cuts.chosen) != {SYNTHETIC}
    subject = "what the search chose" if varied else "augmentation"
    verdict = judge_interval(cuts.overall.interval, trial.better, trial.margin)
    opening = {
        HELPS: f"{subject} helps",
        HURTS: f"{subject} hurts",
        NO_EFFECT: f"{subject} has no measurable effect",
        CANNOT_TELL: f"it is not clear whether {subject} helps or hurts",
    }[verdict]
    opening = opening[0].upper() + opening[1:]
    rarest = f", {trial.rarest_rows} of the rarest class {trial.rarest!r}" if trial.rarest else ""
    sentence = (
        f"{opening}: over {num_cuts} splits of the data, with everything learned anew in each, {label} changes by "
        f"{cuts.overall.mean:+{style}} on average (95 % interval {low:+{style}} to {high:+{style}}, which covers other "
        f"training rows as well; {trial.rows} held-out rows in each split{rarest})."
    )
    if verdict == CANNOT_TELL:
        sentence += f" A difference of {trial.margin:{style}} would be worth having."
    elif verdict == NO_EFFECT and trial.margin:
        sentence += f" Any effect is smaller than {trial.margin:{style}}, the least that is worth having."
    if real is not None and chosen is not None and chosen is not real:
        sentence += f" On the split that was written, the score goes from {real.mean:{style}} to {chosen.mean:{style}}."
    if trial.remark:
        sentence += f" {trial.remark}"
    if varied:
        counts = {arm: cuts.chosen.count(arm) for arm in dict.fromkeys(cuts.chosen)}
        named = ", ".join(
            f"{'real rows alone' if arm == NONE else arm} {'once' if count == 1 else f'{count} times'}"
            for arm, count in counts.items()
        )
        sentence += f" The search chose {named}."
    if cuts.against is not None:
        best = trial.arm(cuts.against.arm)
        assert best is not None
        change = cuts.arms[best.id].mean
        num_compared = sum(arm.kind == "inexpensive" and arm.id in cuts.arms for arm in trial.arms)
        alternative = name_alternative(best, f"{change:+{style}} on average")
        sentence += describe_comparison(cuts.against, alternative, num_compared, trial.margin, style)
        if verdict == HELPS and cuts.against.verdict == HURTS:
            sentence += " Use that instead."
    changes = {name: f"changes by {change:+{style}} on average" for name, change in losses.items()}
    sentence += describe_losses(trial.score, changes, verdict)
    if num_cuts < cuts.asked:
        sentence += f" {cuts.asked - num_cuts} of the {cuts.asked} splits could not be tried."
    return sentence
