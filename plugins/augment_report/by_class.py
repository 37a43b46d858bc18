"""The trial class by class: recall, precision and F1, confusion matrices, and the curves of rankings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from augment.plugin import ArmResult, Confusion, TrialResult
from augment_report import charts
from augment_report.formatting import change, clip, count, fixed, number, span, split_rest

__all__ = ["by_class"]

MAX_OPEN = 6  # classes shown at once; the others are folded
MAX_SHORT = 3  # characters of a label that fits above a narrow column
NUM_SHADES = 8


def by_class(found: TrialResult) -> dict[str, Any] | None:
    """Results of the arms that have a confusion matrix, the real rows first; None without classes.

    Of more than six classes, those with the fewest held-out rows come first, because they are what rows are added for.
    """
    arms = [arm for arm in found.arms if arm.confusion is not None and arm.classes]
    if not arms:
        return None
    rows = {label: result.rows for label, result in arms[0].classes.items()}
    order = list(rows) if len(rows) <= MAX_OPEN else sorted(rows, key=lambda label: (rows[label], label))
    shown, rest = split_rest(order, MAX_OPEN)
    confusions = [_confusion(arm) for arm in arms]
    labels = confusions[0]["labels"]
    is_large = len(labels) > MAX_OPEN + 2
    return {
        "arms": [{"label": arm.label, "kind": arm.kind} for arm in arms],
        "open": [_class_rows(label, arms) for label in shown],
        "folded": [_class_rows(label, arms) for label in rest],
        "confusions": confusions,
        "many": is_large,
        # short labels, such as digits, head their columns themselves: a number beside them would be taken for one
        "numbered": is_large and max(map(len, labels)) > MAX_SHORT,
        "curves": _curves(arms),
        "seeds": found.seeds,
    }


def _class_rows(label: str, arms: Sequence[ArmResult]) -> dict[str, Any]:
    lines = []
    for arm in arms:
        result = arm.classes[label]
        alone = arms[0].classes[label].recall
        lines.append(
            {
                "arm": arm.label,
                "kind": arm.kind,
                "recall": fixed(result.recall, 3, sign=False),
                "change": "" if arm.id == "none" else change(result.recall, alone, 3),
                "interval": span(result.interval, 3) if result.interval else "",
                "precision": fixed(result.precision, 3, sign=False),
                "f1": fixed(result.f1, 3, sign=False),
            }
        )
    return {"label": label, "rows": arms[0].classes[label].rows, "lines": lines}


def _confusion(arm: ArmResult) -> dict[str, Any]:
    confusion = arm.confusion
    assert isinstance(confusion, Confusion)
    labels = list(confusion.labels)
    if confusion.num_others:
        labels.append(f"{count(confusion.num_others)} other classes")
    rows = []
    for position, (label, counts) in enumerate(zip(labels, confusion.counts, strict=True)):
        total = sum(counts)
        cells = [
            {
                "text": count(value) if float(value).is_integer() else f"{value:,.1f}",
                "shade": round(NUM_SHADES * value / total) if total else 0,
                "is_right": position == place,
            }
            for place, value in enumerate(counts)
        ]
        rows.append({"label": label, "cells": cells})
    return {"label": arm.label, "kind": arm.kind, "labels": labels, "rows": rows}


def _curves(arms: Sequence[ArmResult]) -> list[dict[str, Any]]:
    """For each class with curves, the ROC and the precision-recall plot of all arms that have them.

    An arm that predicts the same probabilities as another, such as a moved threshold, is drawn once.
    """
    drawn: list[ArmResult] = []
    same: dict[str, list[str]] = {}
    for arm in arms:
        twin = next((other for other in drawn if other.curves == arm.curves), None)
        if twin is None:
            drawn.append(arm)
        same.setdefault((twin or arm).id, []).append(arm.label)
    panels = []
    for position, first in enumerate(drawn[0].curves if drawn else []):
        both: dict[str, dict[str, Any]] = {}
        for name, key, across, up in (
            ("ROC curve", "sensitivity", "false positive rate", "recall"),
            ("precision-recall curve", "precision", "recall", "precision"),
        ):
            curves = [(arm.kind, getattr(arm.curves[position], key)) for arm in drawn]
            areas = [f"{', '.join(same[arm.id])} {number(_area(getattr(arm.curves[position], key)))}" for arm in drawn]
            text = f"{name} of {clip(first.label)}, area under the curve: {'; '.join(areas)}"
            chance = None if key == "sensitivity" else _share(first.rows, arms[0].classes)
            plot = charts.unit_curves(curves, chance, text)
            both[key] = {"name": name, "plot": plot, "across": across, "up": up, "areas": areas}
        panels.append({"label": first.label, "rows": first.rows, "plots": list(both.values())})
    return panels


def _area(values: Sequence[float]) -> float:
    """The area under a curve with even steps from 0 to 1, by trapezoids."""
    return (sum(values) - (values[0] + values[-1]) / 2) / (len(values) - 1)


def _share(rows: int, classes: Mapping[str, Any]) -> float:
    return rows / max(1, sum(int(result.rows) for result in classes.values()))
