"""The verdict of the trial: what was compared with what, and what to do next."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

from augment.plugin import ArmResult, TrialResult
from augment_report import charts
from augment_report.formatting import change, clip, decimals_for, fixed, span

__all__ = ["next_steps", "trial"]

VERDICTS = {
    "helps": ("helps", "▲"),
    "no measurable effect": ("none", "●"),
    "hurts": ("hurts", "▼"),
    "cannot tell": ("unknown", "○"),
    "not assessable": ("unknown", "○"),
    "contaminated": ("hurts", "✕"),
}
KINDS = ("synthetic", "inexpensive")  # of arms, in the order in which they are shown
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


def next_steps(found: TrialResult) -> list[str]:
    """What a reader can do about the verdict, the first step first."""
    steps = list(NEXT_STEPS[found.verdict])
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
        clearly = _excludes_zero(best, found.better)
        if found.verdict == "helps":
            steps[0] = f"Prefer {_plain(best.label)}: it needs no synthetic rows, and these are not measurably better."
        elif clearly:
            steps.insert(
                0, f"Use {_plain(best.label)}: it is better than the real rows alone, and needs no synthetic rows."
            )
    return steps


def _plain(label: str) -> str:
    """A label in a step, where backticks mark settings."""
    return clip(label.replace("`", "'"))


def _excludes_zero(arm: ArmResult, better: str) -> bool:
    """Whether the whole interval is on the better side."""
    if arm.interval is None:
        return False
    return arm.interval[0] > 0 if better == "higher" else arm.interval[1] < 0


class _Line(NamedTuple):
    """One line of the forest plot: its dots are differences of single seeds, or of single splits of the data."""

    label: str
    kind: str
    rows: int | None
    mean: float | None
    difference: float
    interval: Sequence[float] | None
    dots: Sequence[float]


def trial(found: TrialResult) -> dict[str, Any]:
    """The verdict and the forest plot of each arm's difference from real rows alone."""
    css, mark = VERDICTS[found.verdict]
    shown: dict[str, Any] = {"css": css, "mark": mark, "verdict": found.verdict, "rows": []}
    shown |= {"is_void": not found.assessable, "steps": next_steps(found)}
    legend = found.legend.get(found.score)
    shown["score"] = legend.label if legend else found.score
    shown["meaning"] = legend.meaning if legend else ""
    base = found.arm("none")
    arms = sorted((arm for arm in found.arms if arm is not base), key=lambda arm: _rank(arm, found.chosen))
    lines = _lines(found, [arm for arm in arms if not _repeats(arm, found.arm(found.chosen))], base)
    if not lines:
        return shown
    values = [0.0]
    for line in lines:
        values += [value for value in [line.difference, *(line.interval or ())] if _finite(value)]
    # seeds widen the axis no further than to three times what the intervals need
    needed = charts.Scale.around(values)
    room = charts.Scale.around([needed.low, needed.high], 1.0)
    values += [dot for line in lines for dot in line.dots if room.low <= dot <= room.high]
    scale = charts.Scale.around(values)
    mean_decimals = _mean_decimals([arm.mean for arm in (base, *arms) if arm is not None])
    # differences are those of the scores beside them, to the digit; over several splits they are of other scores
    decimals = mean_decimals
    if found.cuts is not None:
        decimals = decimals_for([e for line in lines for e in (line.difference, *(line.interval or ()))])
    shown["base"] = (
        None
        if base is None
        else {"label": base.label, "mean": fixed(base.mean, mean_decimals, sign=False), "rows": base.rows}
    )
    for line in lines:
        difference, interval = fixed(line.difference, decimals), span(line.interval, decimals)
        if found.cuts is None and base is not None:
            difference = change(line.mean, base.mean, decimals)
        row = {**line._asdict(), "difference": difference, "interval": interval}
        row["mean"] = fixed(line.mean, mean_decimals, sign=False)
        row["plot"] = None
        if _finite(line.difference):
            dots = [dot for dot in line.dots if scale.low <= dot <= scale.high]
            text = f"{clip(line.label)}: difference {difference}, 95 % interval {interval}"
            row["plot"] = charts.forest_row(scale, line.difference, line.interval, dots, line.kind, text)
        shown["rows"].append(row)
    shown["axis"] = charts.forest_axis(scale)
    shown["left"], shown["right"] = ("worse", "better") if found.better == "higher" else ("better", "worse")
    shown["kinds"] = [kind for kind in KINDS if any(line.kind == kind for line in lines)]
    shown["has_dots"] = any(line.dots for line in lines)
    shown["num_cuts"] = len(found.cuts.chosen) if found.cuts else 0
    shown["meanings"] = [
        (arm.label, f"{arm.meaning} {_describe_tuning(arm)}".strip())
        for arm in [base, *arms]
        if arm is not None and arm.meaning
    ]
    shown["scores"] = _all_scores([arm for arm in [base, *arms] if arm is not None], found)
    return shown


def _describe_tuning(arm: ArmResult) -> str:
    """What was found for the tuned model; nothing for all others."""
    if arm.id != "tuned":
        return ""
    settings = ", ".join(f"{name} {value}" for name, value in arm.settings.items())
    best = f"Best were {settings}." if settings else "The settings of the pipeline were the best."
    if arm.strength:
        return f"{best} Its threshold was moved by {arm.strength:.0%} of the way to the shares of the classes."
    return f"{best} It decides for the most probable class." if arm.classes else best


def _lines(found: TrialResult, arms: Sequence[ArmResult], base: ArmResult | None) -> list[_Line]:
    cuts = found.cuts
    if cuts is None:
        return [
            _Line(arm.label, arm.kind, arm.rows, arm.mean, arm.difference, arm.interval, _seed_differences(arm, base))
            for arm in arms
        ]
    lines = []
    if len(set(cuts.chosen)) > 1:
        overall = cuts.overall
        lines.append(
            _Line(
                "what the search chose in each split",
                "synthetic",
                None,
                None,
                overall.mean,
                overall.interval,
                overall.values,
            )
        )
    for arm in arms:
        if arm.id in cuts.arms:
            over = cuts.arms[arm.id]
            lines.append(_Line(arm.label, arm.kind, arm.rows, arm.mean, over.mean, over.interval, over.values))
    return lines


def _repeats(arm: ArmResult, chosen: ArmResult | None) -> bool:
    """Whether it is the chosen arm's model once more, whose corrected probabilities change only other scores."""
    if chosen is None or arm is chosen or arm.kind != chosen.kind:
        return False
    return (arm.rows, arm.values) == (chosen.rows, chosen.values)


def _rank(arm: ArmResult, chosen: str) -> tuple[bool, bool, bool]:
    """Sorts the chosen arm before all others, then all synthetic rows, each generator, and what is inexpensive."""
    return arm.id != chosen, arm.kind == "inexpensive", arm.id != "synthetic"


def _seed_differences(arm: ArmResult, base: ArmResult | None) -> list[float]:
    if base is None or len(arm.values) != len(base.values):
        return []
    if len(arm.values) < 2:
        return []
    pairs = zip(arm.values, base.values, strict=True)
    return [a - b for a, b in pairs if _finite(a) and _finite(b)]


def _all_scores(arms: Sequence[ArmResult], found: TrialResult) -> dict[str, Any] | None:
    """A row for each score with what it measures, and a column for each arm."""
    rows = []
    for name in dict.fromkeys(name for arm in arms for name in arm.scores):
        known = [arm.scores.get(name) for arm in arms]
        decimals = _mean_decimals([one.mean for one in known if one is not None])
        alone = known[0].mean if known[0] is not None and arms[0].id == "none" else None
        cells = []
        for arm, score in zip(arms, known, strict=True):
            if score is None:
                cells.append(("–", "", ""))
                continue
            cells.append(
                (
                    fixed(score.mean, decimals, sign=False),
                    "" if arm.id == "none" else change(score.mean, alone, decimals),
                    span(score.interval, decimals) if score.interval else "",
                )
            )
        legend = found.legend.get(name)
        better = next(score.better for score in known if score is not None)
        meaning = legend.meaning if legend else ""
        rows.append({"name": legend.label if legend else name, "better": better, "meaning": meaning, "cells": cells})
    return {"arms": [arm.label for arm in arms], "rows": rows} if rows else None


def _mean_decimals(means: Sequence[float | None]) -> int:
    """The decimals of a row of scores: three significant digits of each, but no more than five decimals."""
    return max((min(decimals_for([mean]), 5) for mean in means if _finite(mean)), default=3)


def _finite(value: Any) -> bool:
    return value is not None and math.isfinite(value)
