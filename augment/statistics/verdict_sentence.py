"""The verdict in a sentence that somebody who has not read the documentation paraphrases rightly."""

from __future__ import annotations

from collections.abc import Mapping

from augment.plugin.trial_results import ArmResult, Comparison, SearchResult, TrialResult, Verdict
from augment.statistics.arms import CLASS_WEIGHTS, NONE, OVERSAMPLING, PRIOR_CORRECTION, SYNTHETIC, THRESHOLD, TUNED
from augment.statistics.scores import SCORES, score_format, write_difference
from augment.statistics.verdict import CANNOT_TELL, HELPS, HURTS, LIKELY, NO_EFFECT, UNKNOWN, VOID, judge_interval

__all__ = ["add_verdict", "describe_comparison", "describe_losses", "name_alternative"]
__all__ += ["not_assessable", "void", "weigh_search"]

SHOWN_BY_WIDTH = 1.43  # (1.960 + 0.842) / 1.960: half an interval's width to what is seen in 80 of 100 cases
PERFECT = 0.9995
EXPENSES = {"ranking": "the ranking", "probability": "the probabilities"}
# how each thing that can be judged is called, whether it is several, and what it was scored with
SUBJECTS = {
    SYNTHETIC: ("augmentation", False, "with synthetic rows added"),
    CLASS_WEIGHTS: ("class weights", True, "with class weights"),
    OVERSAMPLING: ("oversampling", False, "with oversampling"),
    THRESHOLD: ("a moved threshold", False, "with the threshold at the prior"),
    TUNED: ("tuning the model", False, "with the tuned model"),
}
# what a name does not say by itself
PLAIN_WORDS = {
    THRESHOLD: ("the model of real rows alone, deciding for the class whose probability is highest against its share",),
}
# what to do instead of adding rows, where it is not in the name already
ADVICE = {
    THRESHOLD: " Move your threshold: divide the probabilities by the classes' shares before you take the largest one.",
    TUNED: " Tune your model: the report, and `settings` and `strength` of the arm `tuned`, say what did best.",
}


def not_assessable(reason: str) -> TrialResult:
    """The trial where there was nothing to judge by."""
    return TrialResult(
        assessable=False,
        reason=reason,
        probe="",
        score="",
        better="higher",
        seeds=0,
        rows=0,
        chosen="",
        against=None,
        arms=[],
        verdict=UNKNOWN,
        sentence=f"The effect of augmentation could not be assessed: {reason}.",
    )


def add_verdict(trial: TrialResult, label: str) -> TrialResult:
    """The trial with its verdict and its sentence.

    Args:
        trial: with everything but these two.
        label: of the score that decides.
    """
    chosen = trial.arm(trial.chosen)
    if trial.assessable and chosen is not None and chosen.interval is not None:
        low, high = chosen.interval
        trial = trial.model_copy(update={"detectable": SHOWN_BY_WIDTH * (high - low) / 2})
    verdict, sentence = _describe(trial, label)
    return trial.model_copy(update={"verdict": verdict, "sentence": sentence})


def weigh_search(trial: TrialResult, search: SearchResult) -> TrialResult:
    """The trial; where the search chose nothing, or the hold-out cannot tell, its sentence says what it measured."""
    sentence = ""
    if trial.chosen == NONE:
        tried = [one for one in search.candidates if one.id != NONE and None not in (one.difference, one.chance)]
        best = max(tried, key=lambda one: one.chance or 0.0, default=None)
        if best is not None and None not in (best.error, best.expected):
            sentence = (
                f" The best of {len(tried)} was {best.label}: on parts of the training rows it changed "
                f"{_label(search.score)} by {_write(best.difference, search.score, '+')} (standard error "
                f"{_write(best.error, search.score)}), which is a gain with a probability of {best.chance:.0%}."
            )
    winner = next((one for one in search.candidates if one.id == search.chosen), None)
    if trial.verdict == CANNOT_TELL and winner and None not in (winner.difference, winner.error, winner.expected):
        sentence = (
            f" The search, on parts of the training rows, measured {_write(winner.difference, search.score, '+')} over "
            f"{search.seeds} seeds (standard error {_write(winner.error, search.score)}). The best of several looks "
            f"better than it is: expect {_write(winner.expected, search.score, '+')}."
        )
    return trial.model_copy(update={"sentence": f"{trial.sentence}{sentence}"})


def _label(score: str) -> str:
    return SCORES[score].label if score in SCORES else score


def _write(value: float | None, score: str, sign: str = "") -> str:
    """A number in the units of a score."""
    return f"{value:{sign}{score_format(score, value or 0.0)}}"


def void(trial: TrialResult, reasons: Mapping[str, str]) -> TrialResult:
    """The trial without a verdict, because synthetic rows repeat what they are judged by; its figures stay.

    Args:
        trial: with or without a verdict.
        reasons: generator, or `all`, to what its rows have of the hold-out.
    """
    reason = "; ".join(f"{name}: {reason}" for name, reason in reasons.items())
    sentence = (
        f"Contaminated, so there is no verdict: the synthetic rows repeat the hold-out that judges them ({reason}). "
        "Removing the rows that match does not mend this. Either the generator has seen the hold-out: fit it on "
        "training rows alone, or judge on real rows that nothing has seen. Or real rows repeat: keep equal and related "
        "ones on one side with `split: {dedupe: group}` or `split: {group: COLUMN}`."
    )
    return trial.model_copy(update={"assessable": False, "reason": reason, "verdict": VOID, "sentence": sentence})


def _describe(trial: TrialResult, label: str) -> tuple[Verdict, str]:
    real, chosen = trial.arm(NONE), trial.arm(trial.chosen)
    assert real is not None
    style = score_format(trial.score, real.mean)
    if trial.better == "lower":
        label = f"{label} (lower is better)"
    if trial.chosen == NONE:
        return NO_EFFECT, (
            f"Do not augment: of all that the search tried, nothing is at least {LIKELY * 100:.0f} % sure to beat real "
            f"rows alone, so only these were written. They reach {label} {real.mean:{style}} on {trial.rows} held-out "
            "rows."
        )
    if chosen is None:
        return NO_EFFECT, "No synthetic rows were added, so there is nothing to judge."
    subject, several, scored_with = SUBJECTS[trial.chosen]
    scored = f"{label} {real.mean:{style}} with real rows alone, {chosen.mean:{style}} {scored_with}"
    if not trial.assessable:
        return UNKNOWN, (
            f"The effect of {subject} could not be assessed: {trial.reason}. The scores are therefore no "
            f"evidence: {scored}."
        )
    verdict = judge_interval(chosen.interval, trial.better, trial.margin)
    is_perfect = trial.better == "higher" and real.mean >= PERFECT and verdict in (NO_EFFECT, CANNOT_TELL)
    may_hurt = is_perfect and verdict == CANNOT_TELL
    if is_perfect:
        verdict = NO_EFFECT
    opening = {
        HELPS: f"{subject} {'help' if several else 'helps'}",
        HURTS: f"{subject} {'hurt' if several else 'hurts'}",
        NO_EFFECT: f"{subject} {'have' if several else 'has'} no measurable effect",
        CANNOT_TELL: f"the hold-out cannot tell whether {subject} {'help or hurt' if several else 'helps or hurts'}",
    }[verdict]
    if is_perfect:
        opening = f"nothing is left for {subject} to gain on this hold-out"
    certainty = "too few held-out rows for an interval"
    if chosen.interval is not None:
        low, high = chosen.interval
        certainty = f"95 % interval {low:+{style}} to {high:+{style}}"
    counts = [f"{trial.rows} held-out rows"]
    if trial.unit != "rows":
        counts[0] += f" in {trial.units} {trial.unit}"
    if trial.rarest:
        counts.append(f"{trial.rarest_rows} of the rarest class {trial.rarest!r}")
    if trial.seeds > 1:
        counts.append(f"{trial.seeds} seeds")
    difference = write_difference(chosen.mean, real.mean, style)
    sentence = f"{opening[0].upper()}{opening[1:]}: {scored} ({difference}, {certainty}; {', '.join(counts)})."
    if verdict == CANNOT_TELL and trial.detectable is not None and trial.better == "higher" and trial.detectable >= 1:
        sentence += (
            f" With so few rows, no difference is likely to be seen; one of {trial.margin:{style}} is worth having."
        )
    elif verdict == CANNOT_TELL and trial.detectable is not None:
        sentence += (
            f" With so few rows, only a difference above {trial.detectable:{style}} is likely to be seen (80 % power); "
            f"one of {trial.margin:{style}} would be worth having."
        )
    if may_hurt:
        sentence += f" Whether {'they hurt' if several else 'it hurts'} cannot be told."
    elif verdict == NO_EFFECT and trial.margin:
        sentence += f" Any effect is smaller than {trial.margin:{style}}, the least that is worth having."
    if trial.remark:
        sentence += f" {trial.remark}"
    if trial.chosen != SYNTHETIC:
        sentence += (
            f" The search preferred {'them' if several else 'it'} to synthetic rows, so only real rows were written."
            f"{ADVICE.get(trial.chosen, '')}"
        )
    if (against := trial.against) is not None:
        best = trial.arm(against.arm)
        assert best is not None
        num_compared = sum(arm.kind == "inexpensive" for arm in trial.arms)
        alternative = name_alternative(best, f"{best.mean:{style}}")
        sentence += describe_comparison(against, alternative, num_compared, trial.margin, style)
        if verdict == HELPS and against.verdict == HURTS:
            sentence += " Use that instead."
    changes = {
        name: f"goes from {real.scores[name].mean:{style}} to {chosen.scores[name].mean:{style}}"
        for name in trial.worse
    }
    sentence += describe_losses(trial.score, changes, verdict)
    sentence += _advise_correction(trial, style)
    if chosen.interval is not None:
        sentence += " Other training rows may give another result: the interval does not cover that."
    return verdict, sentence


def name_alternative(arm: ArmResult, figure: str) -> str:
    """An alternative with what it scores, and in plain words what it is where its name does not say so."""
    return f"{arm.label} ({'; '.join([figure, *PLAIN_WORDS.get(arm.id, ())])})"


def describe_comparison(against: Comparison, alternative: str, num_compared: int, margin: float, style: str) -> str:
    """How the best inexpensive alternative did, which was chosen by the same rows.

    Args:
        against: the comparison with it.
        alternative: what it is, with its score.
        num_compared: alternatives that it is the best of.
        margin: the smallest difference that is worth having.
        style: how scores are written.
    """
    named = (
        f"the best of {num_compared} inexpensive alternatives" if num_compared > 1 else "the inexpensive alternative"
    )
    if against.verdict == HELPS:
        return f" It beats {named}, {alternative}."
    if against.verdict == HURTS:
        return f" It is worse than {named}, {alternative}."
    if against.verdict == NO_EFFECT:
        return f" It is about as good as {named}, {alternative}: they differ by less than {margin:{style}}."
    return f" Whether it is better or worse than {named}, {alternative}, cannot be told."


def describe_losses(score: str, changes: Mapping[str, str], verdict: Verdict) -> str:
    """The other scores that are worse. One that is better is no finding, as it was not chosen beforehand.

    Args:
        score: that decides.
        changes: score to what happened to it, in words.
        verdict: by the deciding score.
    """
    if verdict == HURTS or not changes:
        return ""
    kinds = {SCORES[name].kind for name in changes}
    # decisions that gain while what they are made from loses: another threshold could have given as much
    is_divided = verdict == HELPS and SCORES[score].kind == "decision" and "decision" not in kinds
    expense = " and ".join(words for kind, words in EXPENSES.items() if kind in kinds)
    lead = f"Decisions gain at the expense of {expense}" if is_divided else "Other scores are worse"
    return f" {lead}: {', '.join(f'{SCORES[name].label} {change}' for name, change in changes.items())}."


def _advise_correction(trial: TrialResult, style: str) -> str:
    """What correcting for the prior changes, where synthetic rows have worsened probabilities; else nothing."""
    chosen, corrected = trial.arm(trial.chosen), trial.arm(PRIOR_CORRECTION)
    if chosen is None or corrected is None or trial.chosen != SYNTHETIC:
        return ""
    repaired = [
        f"{SCORES[name].label} is {corrected.scores[name].mean:{style}} instead of {score.mean:{style}}"
        for name, score in chosen.scores.items()
        if score.kind == "probability"
        and judge_interval(score.interval, score.better, 0.0) == HURTS
        and f"{corrected.scores[name].mean:{style}}" != f"{score.mean:{style}}"
        and (corrected.scores[name].mean < score.mean) == (score.better == "lower")
    ]
    if not repaired:
        return ""
    kept = SCORES["balanced_accuracy"]
    return (
        f" Correct the probabilities for the real shares of the classes: then "
        f"{', '.join(repaired)}. Take decisions from the uncorrected ones: {kept.label} stays "
        f"{corrected.scores[kept.name].mean:{style}}."
    )
