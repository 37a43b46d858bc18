"""The verdict of the trial and its sentence: they follow from intervals, never from a mean alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from augment.plugin.run_metrics import TrialResult, Verdict
from augment.statistics.arms import CLASS_WEIGHTS, NONE, OVERSAMPLING, PRIOR_CORRECTION, SYNTHETIC, THRESHOLD, TUNED
from augment.statistics.scores import SCORES

__all__ = ["MIN_ROWS", "add_verdict", "explain_obstacle", "judge_interval", "not_assessable", "void"]

MIN_ROWS = 10  # held out; with fewer, single rows would decide a verdict
MIN_SEEDS = 2  # one seed does not show how much of a difference is chance in training
HELPS: Verdict = "helps"
HURTS: Verdict = "hurts"
NO_EFFECT: Verdict = "no measurable effect"
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


def explain_obstacle(truth: np.ndarray, task: str, num_seeds: int) -> str:
    """Why so few rows or seeds allow no verdict; empty where they do. Limits by simulation.

    Args:
        truth: (N,) class numbers or values of the held-out rows.
        task: `classes` or `number`.
        num_seeds: how often each arm was trained.
    """
    if task == "classes" and len(np.unique(truth)) < 2:
        return "the hold-out has rows of one class only"
    if len(truth) < MIN_ROWS:
        return f"{len(truth)} held-out rows are too few to tell an effect from chance; at least {MIN_ROWS} are needed"
    if num_seeds < MIN_SEEDS:
        return "one seed does not show how much of a difference is chance in training; use `trial: {seeds: 5}`"
    return ""


def judge_interval(interval: Sequence[float] | None, better: str) -> Verdict:
    """What an interval of a difference says: `helps`, `hurts` or `no measurable effect`."""
    low, high = interval or (0.0, 0.0)
    if low > 0:
        return HELPS if better == "higher" else HURTS
    if high < 0:
        return HURTS if better == "higher" else HELPS
    return NO_EFFECT


def add_verdict(trial: TrialResult, label: str, style: str) -> TrialResult:
    """The trial with its verdict and its sentence.

    Args:
        trial: with everything but these two.
        label: of the score that decides.
        style: how its values are written, as `format` takes it.
    """
    verdict, sentence = _describe(trial, label, style)
    return trial.model_copy(update={"verdict": verdict, "sentence": sentence})


def void(trial: TrialResult, reasons: Mapping[str, str]) -> TrialResult:
    """The trial without a verdict, because synthetic rows repeat what they are judged by; its figures stay.

    Args:
        trial: with or without a verdict.
        reasons: generator, or `all`, to what its rows have of the hold-out.
    """
    reason = "; ".join(f"{name}: {reason}" for name, reason in reasons.items())
    sentence = (
        f"Contaminated, so there is no verdict: the synthetic rows repeat the hold-out that judges them ({reason}). "
        "Make them without these rows, or judge them on real rows that nothing has seen. Where real rows repeat, keep "
        "equal and related ones together with `split: {dedupe: group}` or `split: {group: COLUMN}`."
    )
    return trial.model_copy(update={"assessable": False, "reason": reason, "verdict": VOID, "sentence": sentence})


def _describe(trial: TrialResult, label: str, style: str) -> tuple[Verdict, str]:
    real, chosen = trial.arm(NONE), trial.arm(trial.chosen)
    assert real is not None
    if trial.chosen == NONE:
        return NO_EFFECT, (
            "Do not augment: no candidate was better than real rows alone by more than its standard error, so only "
            f"real rows were written ({label} {real.mean:{style}} on {trial.rows} held-out rows)."
        )
    if chosen is None:
        return NO_EFFECT, "No synthetic rows were added, so there is nothing to judge."
    subject, several, scored_with = SUBJECTS[trial.chosen]
    scored = f"{label} {real.mean:{style}} with real rows alone, {chosen.mean:{style}} {scored_with}"
    if not trial.assessable:
        return UNKNOWN, f"The effect of {subject} could not be assessed: {trial.reason} ({scored})."
    verdict = judge_interval(chosen.interval, trial.better)
    verb = {
        HELPS: "help" if several else "helps",
        HURTS: "hurt" if several else "hurts",
        NO_EFFECT: f"{'have' if several else 'has'} no measurable effect",
    }[verdict]
    certainty = "too few held-out rows for an interval"
    if chosen.interval is not None:
        low, high = chosen.interval
        certainty = f"95 % interval {low:+{style}} to {high:+{style}}"
    seeds = f", {trial.seeds} seeds" if trial.seeds > 1 else ""
    sentence = (
        f"{subject.capitalize()} {verb}: {scored} ({chosen.difference:+{style}}, {certainty}; {trial.rows} held-out "
        f"rows{seeds})."
    )
    if trial.chosen != SYNTHETIC:
        sentence += (
            f" The search preferred {'them' if several else 'it'} to synthetic rows: only real rows were written."
            f"{ADVICE.get(trial.chosen, '')}"
        )
    if (against := trial.against) is not None:
        words = {HELPS: "It beats", HURTS: "It is worse than", NO_EFFECT: "It does not differ measurably from"}
        best = trial.arm(against.arm)
        assert best is not None
        sentence += f" {words[against.verdict]} the best inexpensive alternative, {best.label} ({best.mean:{style}})."
    # another score that went up is no finding; one that went down is a warning
    worse = {
        name: f"{SCORES[name].label} {real.scores[name].mean:{style}} to {score.mean:{style}}"
        for name, score in chosen.scores.items()
        if name != trial.score and judge_interval(score.interval, score.better) == HURTS
    }
    if worse and verdict != HURTS:
        kinds = {chosen.scores[name].kind for name in worse}
        # decisions that gain while what they are made from loses: another threshold could have given as much
        is_divided = verdict == HELPS and chosen.scores[trial.score].kind == "decision" and "decision" not in kinds
        expense = " and ".join(words for kind, words in EXPENSES.items() if kind in kinds)
        lead = f"Decisions gain at the expense of {expense}" if is_divided else "Other scores are worse"
        sentence += f" {lead}: {', '.join(worse.values())}."
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
        if score.kind == "probability" and judge_interval(score.interval, score.better) == HURTS
    ]
    return f" Correct the probabilities for the prior: then {', '.join(repaired)}." if repaired else ""
