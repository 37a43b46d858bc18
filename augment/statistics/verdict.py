"""The verdict of the trial and its sentence: they follow from intervals, never from a mean alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from augment.plugin.trial_results import SearchResult, TrialResult, Verdict
from augment.statistics.arms import CLASS_WEIGHTS, NONE, OVERSAMPLING, PRIOR_CORRECTION, SYNTHETIC, THRESHOLD, TUNED
from augment.statistics.scores import SCORES
from augment.statistics.units import Units

__all__ = [
    "MIN_CARRIERS",
    "MIN_ROWS",
    "MIN_SQUARE_CARRIERS",
    "add_verdict",
    "explain_obstacle",
    "judge_interval",
    "not_assessable",
    "void",
    "weigh_search",
    "worth_having",
]

MIN_ROWS = 10  # held out; with fewer, single rows would decide a verdict
MIN_UNITS = 5  # such as groups; fewer cannot show a difference that is worth having
MIN_SQUARE_CARRIERS = 4.0  # rows that carry a difference in squared errors; fewer are a few large errors
MIN_CARRIERS = 2.0  # likewise in absolute errors
WORTH_HAVING = 0.05  # of scores where more is better: all of them are at most 1
WORTH_HAVING_OF_ERROR = 0.1  # of errors, of what real rows alone have
SHOWN_BY_WIDTH = 1.43  # (1.960 + 0.842) / 1.960: half an interval's width to what is seen in 80 of 100 cases
PERFECT = 0.9995
MIN_SEEDS = 2  # one seed does not show how much of a difference is chance in training
HELPS: Verdict = "helps"
HURTS: Verdict = "hurts"
NO_EFFECT: Verdict = "no measurable effect"
CANNOT_TELL: Verdict = "cannot tell"
UNKNOWN: Verdict = "not assessable"
VOID: Verdict = "contaminated"
EXPENSES = {"ranking": "the ranking", "probability": "the probabilities"}
# how each thing that can be judged is called, whether it is several, and what it was scored with
SUBJECTS = {
    SYNTHETIC: ("augmentation", False, "with synthetic rows"),
    CLASS_WEIGHTS: ("class weights", True, "with class weights"),
    OVERSAMPLING: ("oversampling", False, "with oversampling"),
    THRESHOLD: ("a moved threshold", False, "with the threshold at the prior"),
    TUNED: ("tuning the model", False, "with the tuned model"),
}
# what to do instead of adding rows, where it is not in the name already
ADVICE = {
    THRESHOLD: " Move your threshold: divide probabilities by the classes' shares before you take the largest.",
    TUNED: " Tune your model: `settings` and `strength` of the arm `tuned` say what did best.",
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


def explain_obstacle(truth: np.ndarray, task: str, num_seeds: int, units: Units) -> str:
    """Why so few rows or seeds allow no verdict; empty where they do. Limits by simulation.

    Args:
        truth: (N,) class numbers or values of the held-out rows.
        task: `classes` or `number`.
        num_seeds: how often each arm was trained.
        units: what is independent among the rows.
    """
    if task == "classes" and len(np.unique(truth)) < 2:
        return "the hold-out has rows of one class only"
    if len(truth) < MIN_ROWS:
        return f"{len(truth)} held-out rows are too few to tell an effect from chance; at least {MIN_ROWS} are needed"
    if units.name != "rows" and round(units.effective) < MIN_UNITS:
        few = f"{units.count} {units.name}"
        if round(units.effective) < units.count:
            few += f" of very different sizes, which say as much as {units.effective:.1f} equal ones,"
        return f"{few} in the hold-out are too few to tell an effect from chance; at least {MIN_UNITS} are needed"
    if num_seeds < MIN_SEEDS:
        return "one seed does not show how much of a difference is chance in training; use `trial: {seeds: 5}`"
    return ""


def worth_having(better: str, alone: float) -> float:
    """The smallest difference that is taken to be worth having: 0.05, or of an error a tenth.

    Args:
        better: `higher`, as of scores that are at most 1, or `lower`, as of errors.
        alone: the score of real rows alone.
    """
    return WORTH_HAVING if better == "higher" else WORTH_HAVING_OF_ERROR * abs(alone)


def judge_interval(interval: Sequence[float] | None, better: str, margin: float) -> Verdict:
    """What an interval of a difference says.

    Args:
        interval: of 95 %, or None.
        better: `higher` or `lower`.
        margin: the smallest difference that is worth having.

    Returns:
        `helps` or `hurts` where zero is outside; `no measurable effect` where no difference inside is larger than the
        margin, in either direction; otherwise `cannot tell`.
    """
    if interval is None:
        return CANNOT_TELL
    low, high = interval
    if low > 0:
        return HELPS if better == "higher" else HURTS
    if high < 0:
        return HURTS if better == "higher" else HELPS
    return NO_EFFECT if max(-low, high) <= margin else CANNOT_TELL


def add_verdict(trial: TrialResult, label: str, style: str) -> TrialResult:
    """The trial with its verdict and its sentence.

    Args:
        trial: with everything but these two.
        label: of the score that decides.
        style: how its values are written, as `format` takes it.
    """
    chosen = trial.arm(trial.chosen)
    if trial.assessable and chosen is not None and chosen.interval is not None:
        low, high = chosen.interval
        trial = trial.model_copy(update={"detectable": SHOWN_BY_WIDTH * (high - low) / 2})
    verdict, sentence = _describe(trial, label, style)
    return trial.model_copy(update={"verdict": verdict, "sentence": sentence})


def weigh_search(trial: TrialResult, search: SearchResult) -> TrialResult:
    """The trial; where the hold-out cannot tell, its sentence says what the search, which chose the arm, measured."""
    winner = next((one for one in search.candidates if one.id == search.chosen), None)
    if trial.verdict != CANNOT_TELL or winner is None or None in (winner.difference, winner.error, winner.expected):
        return trial
    sentence = (
        f"{trial.sentence} The search inside the training part measured {winner.difference:+.4g} over {search.seeds} "
        f"seeds (standard error {winner.error:.4g}); since it is the best of several, {winner.expected:+.4g} is to be "
        "expected."
    )
    return trial.model_copy(update={"sentence": sentence})


def void(trial: TrialResult, reasons: Mapping[str, str]) -> TrialResult:
    """The trial without a verdict, because synthetic rows repeat what they are judged by; its figures stay.

    Args:
        trial: with or without a verdict.
        reasons: generator, or `all`, to what its rows have of the hold-out.
    """
    reason = "; ".join(f"{name}: {reason}" for name, reason in reasons.items())
    sentence = (
        f"Contaminated, so there is no verdict: the synthetic rows repeat the hold-out that judges them ({reason}). "
        "To leave out the rows that match would not mend this. Either what made them has seen the hold-out: fit it on "
        "training rows alone, or judge on real rows that nothing has seen. Or real rows repeat: keep equal and related "
        "ones on one side with `split: {dedupe: group}` or `split: {group: COLUMN}`."
    )
    return trial.model_copy(update={"assessable": False, "reason": reason, "verdict": VOID, "sentence": sentence})


def _describe(trial: TrialResult, label: str, style: str) -> tuple[Verdict, str]:
    real, chosen = trial.arm(NONE), trial.arm(trial.chosen)
    assert real is not None
    if trial.chosen == NONE:
        return NO_EFFECT, (
            "Do not augment: no candidate gains over real rows alone with a probability of 93 %, so only real rows "
            f"were written ({label} {real.mean:{style}} on {trial.rows} held-out rows)."
        )
    if chosen is None:
        return NO_EFFECT, "No synthetic rows were added, so there is nothing to judge."
    subject, several, scored_with = SUBJECTS[trial.chosen]
    scored = f"{label} {real.mean:{style}} with real rows alone, {chosen.mean:{style}} {scored_with}"
    if not trial.assessable:
        return UNKNOWN, f"The effect of {subject} could not be assessed: {trial.reason} ({scored})."
    verdict = judge_interval(chosen.interval, trial.better, trial.margin)
    is_perfect = trial.better == "higher" and real.mean >= PERFECT
    if verdict == CANNOT_TELL and is_perfect:
        verdict = NO_EFFECT
    opening = {
        HELPS: f"{subject} {'help' if several else 'helps'}",
        HURTS: f"{subject} {'hurt' if several else 'hurts'}",
        NO_EFFECT: f"{subject} {'have' if several else 'has'} no measurable effect",
        CANNOT_TELL: f"the hold-out cannot tell whether {subject} {'help or hurt' if several else 'helps or hurts'}",
    }[verdict]
    certainty = "too few held-out rows for an interval"
    if chosen.interval is not None:
        low, high = chosen.interval
        certainty = f"95 % interval {low:+{style}} to {high:+{style}} for this training part"
    counts = [f"{trial.rows} held-out rows"]
    if trial.unit != "rows":
        counts[0] += f" in {trial.units} {trial.unit}"
    if trial.rarest:
        counts.append(f"{trial.rarest_rows} of class {trial.rarest!r}")
    if trial.seeds > 1:
        counts.append(f"{trial.seeds} seeds")
    sentence = (
        f"{opening[0].upper()}{opening[1:]}: {scored} ({chosen.difference:+{style}}, {certainty}; {', '.join(counts)})."
    )
    if verdict == CANNOT_TELL and trial.detectable is not None:
        sentence += (
            f" With so few, only a difference above {trial.detectable:{style}} is likely to be seen (80 % power); one "
            f"of {trial.margin:{style}} counts as worth having."
        )
    if is_perfect and verdict == NO_EFFECT:
        sentence += f" Nothing is left to gain on this hold-out: real rows alone reach {real.mean:{style}}."
    elif verdict == NO_EFFECT and trial.margin:
        sentence += f" Any effect is smaller than {trial.margin:{style}}, which would be worth having."
    if trial.remark:
        sentence += f" {trial.remark}"
    if trial.chosen != SYNTHETIC:
        sentence += (
            f" The search preferred {'them' if several else 'it'} to synthetic rows: only real rows were written."
            f"{ADVICE.get(trial.chosen, '')}"
        )
    if (against := trial.against) is not None:
        words = {
            HELPS: "It beats",
            HURTS: "It is worse than",
            NO_EFFECT: "It does not differ measurably from",
            CANNOT_TELL: "It cannot be distinguished from",
        }
        best = trial.arm(against.arm)
        assert best is not None
        num_compared = sum(arm.kind == "inexpensive" for arm in trial.arms)
        sentence += f" {words[against.verdict]} the best inexpensive alternative, {best.label} ({best.mean:{style}})"
        sentence += f", in an interval widened for comparing {num_compared}." if num_compared > 1 else "."
        if verdict == HELPS and against.verdict == HURTS:
            sentence += " Use that instead."
    # another score that went up is no finding; one that went down is a warning
    worse = {
        name: f"{SCORES[name].label} {real.scores[name].mean:{style}} to {chosen.scores[name].mean:{style}}"
        for name in trial.worse
    }
    if worse and verdict != HURTS:
        kinds = {chosen.scores[name].kind for name in worse}
        # decisions that gain while what they are made from loses: another threshold could have given as much
        is_divided = verdict == HELPS and chosen.scores[trial.score].kind == "decision" and "decision" not in kinds
        expense = " and ".join(words for kind, words in EXPENSES.items() if kind in kinds)
        lead = f"Decisions gain at the expense of {expense}" if is_divided else "Other scores are worse"
        num_others = len(chosen.scores) - 1
        sentence += f" {lead}, in intervals widened for comparing {num_others} scores: {', '.join(worse.values())}."
    sentence += _advise_correction(trial, style)
    return verdict, sentence


def _advise_correction(trial: TrialResult, style: str) -> str:
    """What correcting for the prior changes, where synthetic rows have worsened probabilities; else nothing."""
    chosen, corrected = trial.arm(trial.chosen), trial.arm(PRIOR_CORRECTION)
    if chosen is None or corrected is None or trial.chosen != SYNTHETIC:
        return ""
    repaired = [
        f"{SCORES[name].label} is {corrected.scores[name].mean:{style}}"
        for name, score in chosen.scores.items()
        if score.kind == "probability" and judge_interval(score.interval, score.better, 0.0) == HURTS
    ]
    return f" Correct the probabilities for the prior: then {', '.join(repaired)}." if repaired else ""
