"""The sections of the page as plain data: what `metrics.json` says, in the form that the template shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from augment.plugin import (
    CandidateResult,
    ClassCounts,
    FilterCounts,
    GeneratorCounts,
    MetricScore,
    SearchResult,
)
from augment_report import charts
from augment_report.formatting import clip, count, decimals_for, fixed, listing, number, percent, split_rest

__all__ = ["class_counts", "generators", "losses", "privacy", "rejected", "scores", "search"]

MAX_CLASSES = 30
MAX_POINTS = 300  # of a loss curve
MAX_REFERENCES = 4
ORIGINS = {
    "noise": "random numbers",
    "rows": "modified real rows",
    "copies": "copies of real rows",
    "unknown": "another tool",
}
# of an attack: how it is drawn, and in words
FINDINGS = {
    "no leak found": ("clear", "no leak found by this attack"),
    "natural likeness": ("clear", "cannot tell copies from natural likeness"),
    "near by design": ("design", "near real rows by design"),
    "leak found": ("leak", "more than chance and likeness explain"),
}


def search(found: SearchResult) -> dict[str, Any] | None:
    """The candidates of a search, the best first and those dropped early last; None without a search. They are compared
    with the first, which is left out: real rows alone, or the first settings listed."""
    # one that was trained has all its numbers; the `or` is for the type checker
    trained = [(one, one.difference, one.error or 0.0) for one in found.candidates[1:] if one.difference is not None]
    if not trained:
        return None
    sign = 1 if found.better == "higher" else -1
    ends = [difference + side * error for _, difference, error in trained for side in (-1, 0, 1)]
    scale = charts.Scale.around([0.0, *ends])
    decimals = decimals_for([difference for _, difference, _ in trained] + [error for _, _, error in trained])
    last = len(found.candidates) + found.seeds
    rows = []
    for one, difference, error in sorted(trained, key=lambda entry: (-(entry[0].left or last), -sign * entry[1])):
        said = fixed(difference, decimals), fixed(error, decimals, sign=False)
        kind = _kind(one)
        text = f"{clip(one.label)}: difference {said[0]}, standard error {said[1]}"
        fate = f"dropped after {count(len(one.values))}" if one.left else "all seeds"
        rows.append(
            {
                "label": one.label,
                "synthetic": one.synthetic,
                "difference": said[0],
                "error": said[1],
                "plot": charts.forest_row(scale, difference, [difference - error, difference + error], [], kind, text),
                "fate": "chosen" if one.id == found.chosen else fate,
                "is_chosen": one.id == found.chosen,
            }
        )
    untried = [(one.label, one.reason) for one in found.candidates if one.mean is None]
    left, right = ("worse", "better") if sign == 1 else ("better", "worse")
    shown = {"rows": rows, "axis": charts.forest_axis(scale), "left": left, "right": right, "untried": untried}
    alone = found.candidates[0]
    first: dict[str, Any] = {"first": alone.label, "mean": fixed(alone.mean or 0.0, decimals, sign=False)}
    first |= {"score": found.score, "sentence": found.sentence, "complete": found.complete}
    return {**shown, **first, "kinds": {_kind(one) for one, _, _ in trained}}


def _kind(candidate: CandidateResult) -> str:
    return "synthetic" if candidate.share else "inexpensive"


def privacy(found: Sequence[MetricScore]) -> list[dict[str, Any]]:
    """One row per attack and generator, with its result and limit."""
    rows: list[dict[str, Any]] = []
    for one, attack in ((one, one.attack) for one in found if one.attack is not None):
        css, finding = FINDINGS[attack.finding]
        text = f"{clip(one.name)}, {clip(one.of, 40)}: {percent(one.value)}, limit {percent(attack.limit)}"
        rows.append(
            {
                "name": one.name,
                "meaning": "" if any(row["name"] == one.name for row in rows) else one.meaning,
                "of": one.of,
                "value": percent(one.value),
                "limit": percent(attack.limit),
                "plot": charts.bullet(one.value, attack.limit, css, text),
                "css": css,
                "references": [f"{clip(name, 30)} {percent(value)}" for name, value in one.reference.items()],
                "finding": finding,
            }
        )
    return rows


def class_counts(classes: ClassCounts, order: Sequence[str]) -> dict[str, Any] | None:
    """Rows of each class, real and synthetic, as bars; None without classes."""
    real, test, made = classes.train, classes.test, classes.synthetic
    known = {*real, *test, *made}
    names = [name for name in order if name in known] + sorted(known - set(order))
    if not names:
        return None
    total = {name: real.get(name, 0) + made.get(name, 0) for name in names}
    top = max(total.values()) or 1
    shown = set(split_rest(sorted(names, key=lambda name: -made.get(name, 0)), MAX_CLASSES)[0])
    rows = []
    for name in (name for name in names if name in shown):
        a, b = real.get(name, 0), made.get(name, 0)
        plot = charts.bars([[("real", a / top), ("synthetic", b / top)]], f"{clip(name)}: {a} real, {b} synthetic", 14)
        rows.append({"name": name, "real": a, "synthetic": b, "test": test.get(name, 0), "plot": plot})
    hidden = [name for name in names if name not in shown]
    return {
        "rows": rows,
        "num_hidden": len(hidden),
        "hidden_real": sum(real.get(name, 0) for name in hidden),
        "hidden_synthetic": sum(made.get(name, 0) for name in hidden),
        "ratio": (_ratio([real.get(name, 0) for name in names]), _ratio(list(total.values()))),
    }


def _ratio(counts: Sequence[int]) -> str:
    present = [n for n in counts if n > 0]
    return f"{number(max(present) / min(present))} : 1" if present else "–"


def generators(found: Mapping[str, GeneratorCounts]) -> list[dict[str, Any]]:
    """One row per generator: rows requested, kept and rejected, and the filters that rejected them."""
    return [
        {
            "id": name,
            "use": one.use,
            "origin": ORIGINS[one.origin],
            "asked": one.asked,
            "kept": one.kept,
            "rejected": sum(one.rejected.values()),
            "by": listing([f"{filter_id} {count(n)}" for filter_id, n in one.rejected.items() if n]),
            "rounds": one.rounds,
        }
        for name, one in found.items()
    ]


def rejected(found: Mapping[str, FilterCounts]) -> list[dict[str, Any]]:
    """One row per filter: rows checked and rejected."""
    return [
        {
            "id": name,
            "use": one.use,
            "threshold": number(one.threshold),
            "what": one.what,
            "judged": one.judged,
            "rejected": one.rejected,
            "share": percent(one.rejected / one.judged) if one.judged else "–",
        }
        for name, one in found.items()
    ]


def scores(found: Sequence[MetricScore]) -> dict[str, Any]:
    """All scores except attacks, by metric and generator, with their references."""
    found = [one for one in found if one.attack is None]
    references = list(dict.fromkeys(name for one in found for name in one.reference))[:MAX_REFERENCES]
    groups: dict[str, dict[str, dict[str, Any]]] = {}
    for one in found:
        better = {"higher": "higher is better", "lower": "lower is better"}.get(one.better, "")
        empty: dict[str, Any] = {"better": better, "meaning": one.meaning, "rows": []}
        score = groups.setdefault(one.metric, {}).setdefault(one.name, empty)
        score["rows"].append(
            {
                "of": one.of,
                "value": number(one.value) + (f" {clip(one.unit, 20)}" if one.unit else ""),
                "interval": "–" if one.interval is None else " to ".join(number(end) for end in one.interval),
                "references": [number(one.reference.get(name)) for name in references],
            }
        )
    return {
        "references": references,
        "intervals": any(one.interval is not None for one in found),
        "groups": [(metric, list(named.items())) for metric, named in groups.items()],
        "num_scores": sum(len(named) for named in groups.values()),
    }


def losses(curves: Mapping[str, pd.DataFrame]) -> list[dict[str, Any]]:
    """One panel per generator and scale: losses of similar size share their axes."""
    panels = []
    for name, table in curves.items():
        usable = []
        for loss in (column for column in table.columns if column != "step"):
            points = table[["step", loss]].astype("float64").to_numpy()
            points = points[np.isfinite(points).all(axis=1)]
            if len(points):
                usable.append((str(loss), *_thin(points)))
        for group in _alike(usable):
            text = f"{clip(name)}: {listing([loss for loss, _, _ in group])} over {count(group[0][1][-1])} steps"
            plot = charts.lines([(x, y) for _, x, y in group], text)
            last = [(loss, number(float(y[-1])), position % 6) for position, (loss, _, y) in enumerate(group)]
            panels.append({"generator": name, "plot": plot, "losses": last})
    return panels


def _thin(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Training steps and losses (P, 2), averaged over neighbours. The first and last step are kept."""
    size = -(-len(points) // MAX_POINTS)  # equal sizes: a mean of fewer would look noisier
    means = np.array([points[start : start + size].mean(axis=0) for start in range(0, len(points), size)])
    means[[0, -1], 0] = points[[0, -1], 0]
    return means[:, 0], means[:, 1]


def _alike(found: Sequence[tuple[str, np.ndarray, np.ndarray]]) -> list[list[tuple[str, np.ndarray, np.ndarray]]]:
    groups: list[list[tuple[str, np.ndarray, np.ndarray]]] = []
    for one in found:
        low, high = float(one[2].min()), float(one[2].max())
        for group in groups:
            group_low = min(float(y.min()) for _, _, y in group)
            group_high = max(float(y.max()) for _, _, y in group)
            common = min(high, group_high) - max(low, group_low)
            spans = sorted([high - low, group_high - group_low])
            if common >= 0 and spans[1] <= 10 * spans[0]:
                group.append(one)
                break
        else:
            groups.append([one])
    return groups
