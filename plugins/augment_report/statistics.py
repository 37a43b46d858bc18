"""Statistics of each column, and how columns go together, in real and in synthetic rows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from augment.data import Column, Dataset, Schema, as_labels
from augment_report.columns import class_weights, numbers_of, spread, value_text
from augment_report.formatting import clip, count, fixed, number, percent

__all__ = ["associations", "column_statistics"]

MAX_LISTED = 100  # columns
MAX_COMPARED = 30  # columns whose pairs are looked at
MAX_DRAWN = 10  # columns of a matrix
MAX_ROWS = 5_000  # of either part, for pairs
MIN_PAIRS = 3  # rows with both values
NUM_SHADES = 4  # of either sign
NUM_LISTED_PAIRS = 6


def column_statistics(parts: Mapping[str, Dataset], schema: Schema) -> dict[str, Any] | None:
    """What can be counted in each column, for each part that has rows; None where there are no columns.

    Args:
        parts: name to rows, the real ones first.
        schema: of all of them.
    """
    parts = {name: spread(part) for name, part in parts.items() if len(part)}
    columns = {name: column for name, column in schema.columns.items() if column.type != "id"}
    with_numbers, with_labels = [], []
    for name, column in list(columns.items())[:MAX_LISTED]:
        known = [(part, data.frame[name]) for part, data in parts.items() if name in data.frame]
        if column.type in ("category", "boolean"):
            with_labels.append({"name": name, "parts": [(part, *_label_facts(values)) for part, values in known]})
        else:
            lines = [(part, *_number_facts(values, column)) for part, values in known]
            unit = "length in characters" if column.type == "text" else column.unit or ""
            with_numbers.append({"name": name, "unit": unit, "parts": lines})
    if not with_numbers and not with_labels:
        return None
    return {"numbers": with_numbers, "labels": with_labels, "hidden": max(0, len(columns) - MAX_LISTED)}


def _number_facts(values: pd.Series, column: Column) -> tuple[str, ...]:
    """Mean, standard deviation, minimum, median, maximum, number of distinct values, and the share that is missing."""
    numbers = numbers_of(values, column)
    known = numbers[np.isfinite(numbers)]
    missing = percent(1 - len(known) / len(numbers))
    if not len(known):
        return ("–",) * 6 + (missing,)
    mean, low, median, high = (
        value_text(float(value), column) for value in (known.mean(), known.min(), np.median(known), known.max())
    )
    # of dates it is a number of days, and no date
    is_date = column.type == "datetime"
    deviation = f"{number(float(known.std()))} days" if is_date else value_text(float(known.std()), column)
    return mean, deviation, low, median, high, count(len(np.unique(known))), missing


def _label_facts(values: pd.Series) -> tuple[str, ...]:
    """Number of distinct values, the most frequent one, its share, and the share that is missing."""
    labels = pd.Series(as_labels(values)).dropna()
    missing = percent(1 - len(labels) / len(values))
    if labels.empty:
        return "0", "–", "–", missing
    counts = labels.value_counts()
    most = min(counts.index[counts == counts.iloc[0]])
    return count(len(counts)), clip(most, 40), percent(float(counts[most]) / len(values)), missing


def associations(train: Dataset, synthetic: Dataset, schema: Schema) -> dict[str, Any] | None:
    """How strongly pairs of columns go together, in real and in synthetic rows; None for fewer than two columns.

    For two numbers, Spearman's rank correlation; for a number and a category, the correlation ratio of the ranks; for
    two categories, Cramér's V. Real rows are weighted to the classes of the synthetic ones, as in the columns' gaps.
    """
    train, synthetic = spread(train, MAX_ROWS), spread(synthetic, MAX_ROWS)
    names = [
        name
        for name, column in schema.columns.items()
        if column.type not in ("id", "text") and name in train.frame and name in synthetic.frame
    ]
    compared = [name for name in names if _varies(train.frame[name]) and _varies(synthetic.frame[name])]
    compared = compared[:MAX_COMPARED]
    if len(compared) < 2:
        return None
    weights = class_weights(train, synthetic, schema)
    even = np.full(len(synthetic), 1 / len(synthetic))
    real, made = (
        _matrix([_values(part.frame[name], schema.columns[name]) for name in compared], weight)
        for part, weight in ((train, weights), (synthetic, even))
    )
    gaps = np.nan_to_num(np.abs(real - made))
    first, second = np.triu_indices(len(compared), 1)
    order = np.argsort(-gaps[first, second].round(9), kind="stable")[:NUM_LISTED_PAIRS]
    pairs = [
        (compared[a], compared[b], _text(real[a, b]), _text(made[a, b]), fixed(float(gaps[a, b]), 2, sign=False))
        for a, b in zip(first[order], second[order], strict=True)
    ]
    largest = np.sort(np.argsort(-gaps.max(axis=1).round(9), kind="stable")[:MAX_DRAWN])
    matrices = [
        {"name": name, "rows": [(compared[a], [_cell(table[a, b]) for b in largest]) for a in largest]}
        for name, table in (("real", real), ("synthetic", made))
    ]
    return {
        "matrices": matrices,
        "pairs": pairs,
        "mean_gap": fixed(float(gaps[first, second].mean()), 2, sign=False),
        "largest": pairs[0],
        "num_drawn": len(largest),
        "num_compared": len(compared),
        "num_columns": len(names),
    }


def _varies(values: pd.Series) -> bool:
    return len(values.dropna().unique()) > 1


def _values(values: pd.Series, column: Column) -> tuple[bool, np.ndarray]:
    """Whether a column has numbers, and its ranks or the numbers of its categories, (N,), NaN where missing."""
    if column.type == "category":
        codes, _ = pd.factorize(as_labels(values), use_na_sentinel=True)
        return False, np.where(codes < 0, np.nan, codes)
    numbers = values.astype("float64").to_numpy() if column.type == "boolean" else numbers_of(values, column)
    return True, pd.Series(numbers).rank().to_numpy(dtype=float)


def _matrix(columns: list[tuple[bool, np.ndarray]], weights: np.ndarray) -> np.ndarray:
    """(K, K), NaN where too few rows have both values."""
    table = np.eye(len(columns))
    for a in range(len(columns)):
        for b in range(a):
            table[a, b] = table[b, a] = _association(columns[a], columns[b], weights)
    return table


def _association(one: tuple[bool, np.ndarray], other: tuple[bool, np.ndarray], weights: np.ndarray) -> float:
    present = np.isfinite(one[1]) & np.isfinite(other[1]) & (weights > 0)
    if present.sum() < MIN_PAIRS:
        return np.nan
    weight = weights[present] / weights[present].sum()
    (is_number, x), (other_is_number, y) = (one[0], one[1][present]), (other[0], other[1][present])
    if is_number and other_is_number:
        x, y = x - weight @ x, y - weight @ y
        scale = np.sqrt((weight @ x**2) * (weight @ y**2))
        return float(weight @ (x * y) / scale) if scale > 0 else np.nan
    if is_number != other_is_number:
        ranks, codes = (x, y.astype(int)) if is_number else (y, x.astype(int))
        ranks = ranks - weight @ ranks
        total = np.bincount(codes, weight)
        means = np.bincount(codes, weight * ranks) / np.where(total > 0, total, 1)
        variance = weight @ ranks**2
        return float(np.sqrt(total @ means**2 / variance)) if variance > 0 else np.nan
    width = int(y.max()) + 1
    joint = np.bincount(x.astype(int) * width + y.astype(int), weight, minlength=(int(x.max()) + 1) * width)
    joint = joint.reshape(-1, width)
    expected = joint.sum(axis=1, keepdims=True) * joint.sum(axis=0)
    smaller = min((joint.sum(axis=1) > 0).sum(), (joint.sum(axis=0) > 0).sum()) - 1
    if smaller < 1:
        return np.nan
    squares = np.divide((joint - expected) ** 2, expected, out=np.zeros_like(joint), where=expected > 0)
    return float(np.sqrt(squares.sum() / smaller))


def _text(value: float) -> str:
    return "–" if np.isnan(value) else f"{value + 0.0:.2f}".replace("-0.00", "0.00").replace("-", "−")


def _cell(value: float) -> dict[str, Any]:
    if np.isnan(value):
        return {"text": "–", "css": "shade-0"}
    shade = round(NUM_SHADES * abs(value))
    return {"text": _text(value), "css": f"{'minus' if value < 0 else 'plus'}-{shade}" if shade else "shade-0"}
