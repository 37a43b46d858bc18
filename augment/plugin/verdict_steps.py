"""What to do about the verdict of a trial. The report and the end of `augment run` say the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from augment.plugin.trial_results import ArmResult, Interval, TrialResult

__all__ = ["NO_TRIAL", "next_steps"]

NO_TRIAL = "the pipeline asks for no trial"  # the reason that `trial: false` gives

NEXT_STEPS = {
    "helps": (
        "Train on the real and synthetic rows that this run has written.",
        "Judge the final model once more on real rows that no run has used.",
    ),
    "no measurable effect": (
        "Train on the real rows alone: that is simpler, and loses nothing that could be measured.",
        "If an effect inside the interval would matter to you, hold out more rows, judge over several splits "
        "(`trial: {cuts: 5}`), or repeat the training more often (`trial: {seeds: 10}`). Another generator will "
        "not make the interval narrower.",
    ),
    "hurts": (
        "Leave these synthetic rows out, and train on the real rows alone.",
        "To try further, add fewer rows (`mix: {rows: 0.5x}`) or another generator, or let the run choose with "
        "`mix: {rows: auto}`, which adds nothing where nothing helps.",
    ),
    "cannot tell": (
        "Do not decide by this run: it has too few held-out rows to see an effect of a size that you could expect.",
        "Hold out more rows, judge over several splits (`trial: {cuts: 5}`), or collect more real rows of the smallest "
        "class. Another generator will not help to tell.",
    ),
    "contaminated": (
        "Ignore the scores: they were measured on rows that the synthetic rows repeat.",
        "Find out how the held-out rows reached the generator. Where real rows repeat or belong together, split with "
        "`split: {dedupe: group}` or `split: {group: COLUMN}`, and run again.",
    ),
    "not assessable": (
        "Remove the obstacle that is named above, and run again.",
        "Until then, the sections below show only whether the synthetic rows resemble the real ones, not whether they "
        "are of use.",
    ),
}
# before the others, where one split is not enough to rely on
SPLITS = "Judge over several splits (`trial: {cuts: 5}`) before you rely on it."
FEW_ROWS = 30  # held-out rows of a class, of which a few other ones would give another score
NEAR_ZERO = 0.25  # of an interval's width: beyond that it would exclude 0 with twice the variance as well


def next_steps(found: TrialResult) -> list[str]:
    """What a reader can do about the verdict of a trial, the first step first: one sentence or a few for each."""
    steps = list(NEXT_STEPS[found.verdict])
    if found.verdict == "not assessable" and found.reason == NO_TRIAL:
        steps[0] = "To learn whether the synthetic rows are of use, remove `trial: false`, and run again."
    base = found.arm("none")
    if found.verdict == "no measurable effect" and base is not None and found.better == "higher" and base.mean > 0.9995:
        steps[1:] = ["To see an effect, judge by real rows that are harder: this model is right on all of these."]
    if found.cuts:
        steps = [
            step.replace("several splits (`trial: {cuts: 5}`)", "more splits (`trial: {cuts: 20}`)") for step in steps
        ]
    if not any(arm.classes for arm in found.arms):
        steps = [step.replace(" of the smallest class", "") for step in steps]
    if found.chosen == "none":
        steps = ["Train on the real rows alone. The search has found nothing that is worth adding."]
    chosen = found.arm(found.chosen)
    if chosen is not None and chosen.kind == "inexpensive" and found.verdict != "contaminated":
        steps = [f"Train on the real rows with {_plain(chosen.label)}: no synthetic rows are needed."]
    against = found.cuts.against if found.cuts else found.against
    best = found.arm(against.arm) if against is not None else None
    if best is not None and against is not None and found.assessable and against.verdict != "helps":
        clearly = _excludes_zero(found.difference_of(best)[1], found.better)
        if found.verdict == "helps":
            steps[0] = f"Prefer {_plain(best.label)}: it needs no synthetic rows, and these are not measurably better."
        elif clearly:
            if found.verdict == "cannot tell":
                steps.pop(0)  # of the alternative, one can decide
            steps.insert(
                0, f"Use {_plain(best.label)}: it is better than the real rows alone, and needs no synthetic rows."
            )
    if found.verdict == "helps" and chosen is not None and _depends_on_the_split(found, chosen):
        steps.insert(0 if steps[0] in NEXT_STEPS["helps"] else 1, SPLITS)
    return steps


def _depends_on_the_split(found: TrialResult, chosen: ArmResult) -> bool:
    """Whether another training part might well not have helped, which a single split cannot show."""
    if found.cuts is not None or found.chosen == "none":
        return False
    if found.rarest and found.rarest_rows < FEW_ROWS:
        return True
    if chosen.interval is None:
        return True
    low, high = chosen.interval
    return min(abs(low), abs(high)) < NEAR_ZERO * (high - low)


def _plain(label: str) -> str:
    """A label in a step, where backticks mark settings."""
    return label.replace("`", "'")


def _excludes_zero(interval: Interval, better: str) -> bool:
    """Whether the whole interval is on the better side."""
    if interval is None:
        return False
    return interval[0] > 0 if better == "higher" else interval[1] < 0
