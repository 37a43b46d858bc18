"""The verdict of the trial: what was compared with what, and what to do next."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

from augment.plugin import ArmResult, TrialResult, next_steps
from augment_report import charts
from augment_report.formatting import change, clip, decimals_for, fixed, span

__all__ = ["trial"]

VERDICTS = {
    "helps": ("helps", "▲"),
    "no measurable effect": ("none", "●"),
    "hurts": ("hurts", "▼"),
    "cannot tell": ("unknown", "○"),
    "not assessable": ("unknown", "○"),
    "contaminated": ("hurts", "✕"),
}
KINDS = ("synthetic", "inexpensive")  # of arms, in the order in which they are shown


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
