"""The words of the trial: they follow from intervals, never from a mean alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from augment.statistics.arms import CLASS_WEIGHTS, NONE, OVERSAMPLING, SYNTHETIC
from augment.statistics.scores import SCORES

__all__ = ["direction", "not_assessable", "sentence_of", "why_not_assessable"]

LEAST_ROWS = 10  # held out; below, a verdict would be one of single rows
LEAST_SEEDS = 2  # one says nothing of the chance that lies in training
NO_EFFECT, UNKNOWN = "no measurable effect", "not assessable"
# how each thing that can be judged is called, whether it is several, and what it was scored with
SUBJECTS = {
    SYNTHETIC: ("Augmentation", False, "with synthetic rows"),
    CLASS_WEIGHTS: ("Class weights", True, "with class weights"),
    OVERSAMPLING: ("Oversampling", False, "with oversampling"),
}


def not_assessable(reason: str) -> dict[str, Any]:
    """The trial's part of `metrics.json` where there was nothing to judge by."""
    return {
        "assessable": False,
        "reason": reason,
        "verdict": UNKNOWN,
        "sentence": f"Whether augmentation helps could not be assessed: {reason}.",
        "probe": "",
        "score": "",
        "better": "higher",
        "seeds": 0,
        "rows": 0,
        "chosen": "",
        "against": None,
        "arms": [],
    }


def why_not_assessable(truth: np.ndarray, task: str, num_seeds: int) -> str:
    """Why so few rows or seeds allow no verdict; empty where they do. Limits by simulation.

    Args:
        truth: (N,) class numbers or values of the held-out rows.
        task: `classes` or `number`.
        num_seeds: how often each arm was trained.
    """
    if task == "classes" and len(np.unique(truth)) < 2:
        return "the hold-out has rows of one class only"
    if len(truth) < LEAST_ROWS:
        return f"{len(truth)} held-out rows are too few to tell an effect from chance; {LEAST_ROWS} are the least"
    if num_seeds < LEAST_SEEDS:
        return "one seed does not show how much of a difference is chance in training; ask for `trial: {seeds: 5}`"
    return ""


def direction(interval: Sequence[float] | None, better: str) -> str:
    """What an interval of a difference says: `helps`, `hurts` or `no measurable effect`."""
    low, high = interval or (0.0, 0.0)
    if low > 0:
        return "helps" if better == "higher" else "hurts"
    if high < 0:
        return "hurts" if better == "higher" else "helps"
    return NO_EFFECT


def sentence_of(trial: Mapping[str, Any], label: str, style: str) -> tuple[str, str]:
    """The verdict and its sentence.

    Args:
        trial: as `metrics.json` holds it, with everything but these two.
        label: of the score that decides.
        style: how its values are written, as `format` takes it.
    """
    by_id = {arm["id"]: arm for arm in trial["arms"]}
    real, chosen = by_id[NONE], by_id.get(trial["chosen"])
    if trial["chosen"] == NONE:
        return NO_EFFECT, (
            "Do not augment: no candidate was better than real rows alone by more than its standard error, so only "
            f"real rows were written ({label} {real['mean']:{style}} on {trial['rows']} held-out rows)."
        )
    if chosen is None:
        return NO_EFFECT, "Nothing was mixed in, so there is nothing to judge."
    subject, several, scored_with = SUBJECTS[trial["chosen"]]
    scored = f"{label} {real['mean']:{style}} with real rows alone, {chosen['mean']:{style}} {scored_with}"
    if not trial["assessable"]:
        return UNKNOWN, (
            f"Whether {subject[0].lower()}{subject[1:]} {'help' if several else 'helps'} could not be assessed: "
            f"{trial['reason']} ({scored})."
        )
    verdict = direction(chosen["interval"], trial["better"])
    verb = {
        "helps": "help" if several else "helps",
        "hurts": "hurt" if several else "hurts",
        NO_EFFECT: f"{'have' if several else 'has'} no measurable effect",
    }[verdict]
    certainty = "too few held-out rows for an interval"
    if chosen["interval"] is not None:
        low, high = chosen["interval"]
        certainty = f"95 % interval {low:+{style}} to {high:+{style}}"
    seeds = f", {trial['seeds']} seeds" if trial["seeds"] > 1 else ""
    sentence = (
        f"{subject} {verb}: {scored} ({chosen['difference']:+{style}}, {certainty}; {trial['rows']} held-out rows"
        f"{seeds})."
    )
    if trial["chosen"] != SYNTHETIC:
        sentence += (
            f" The search preferred {'them' if several else 'it'} to synthetic rows: only real rows were written."
        )
    if (against := trial["against"]) is not None:
        words = {"helps": "It beats", "hurts": "It is worse than", NO_EFFECT: "It cannot be told apart from"}
        best = by_id[against["arm"]]
        sentence += (
            f" {words[against['verdict']]} the best cheap alternative, {best['label']} ({best['mean']:{style}})."
        )
    # a score that went up is no finding where another decides; one that went down is a warning
    worse = [
        f"{SCORES[name].label} {real['scores'][name]['mean']:{style}} to {score['mean']:{style}}"
        for name, score in chosen["scores"].items()
        if name != trial["score"] and direction(score["interval"], score["better"]) == "hurts"
    ]
    if worse and verdict != "hurts":
        sentence += f" Worse by other scores: {', '.join(worse)}."
    return verdict, sentence
