"""How many synthetic rows of each class: pure functions of the settings and the training labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from augment.data import Dataset
from augment.data.schema import count_labels

__all__ = ["amounts", "apportion", "training_counts"]


def amounts(rows: str | int | Mapping[str, int], counts: Mapping[str, int]) -> dict[str, int]:
    """How many synthetic rows of each class.

    Args:
        rows: `balance`, `2x`, a number, `{per_class: n}`, or a mapping from label to number.
        counts: training rows of each class; one entry with an empty label where the target has no classes.

    >>> amounts("balance", {"a": 5, "b": 2})
    {'a': 0, 'b': 3}
    >>> amounts("2x", {"a": 5, "b": 2})
    {'a': 10, 'b': 4}
    >>> amounts(10, {"a": 5, "b": 2})
    {'a': 7, 'b': 3}
    """
    if rows == "balance":
        largest = max(counts.values())
        return {label: largest - count for label, count in counts.items()}
    if isinstance(rows, str):
        rows = round(float(rows.removesuffix("x")) * sum(counts.values()))
    if isinstance(rows, int):
        return dict(zip(counts, apportion(rows, list(counts.values())), strict=True))
    if "per_class" in rows and "per_class" not in counts:
        return dict.fromkeys(counts, int(rows["per_class"]))
    return {label: int(rows.get(label, 0)) for label in counts}


def training_counts(train: Dataset) -> dict[str, int]:
    """Training rows of each class, in the schema's order; all of them under an empty label without classes."""
    if train.schema.task != "classes":
        return {"": len(train)}
    counts = count_labels(train.frame[train.schema.target])
    return {label: counts.get(label, 0) for label in train.schema.classes}


def apportion(total: int, weights: Sequence[float]) -> list[int]:
    """Whole numbers in proportion to the weights that add up to `total` (largest remainders; ties to the first).

    >>> apportion(10, [1, 1, 1])
    [4, 3, 3]
    """
    share = np.asarray(weights, dtype=float) / sum(weights) * total
    whole = np.floor(share).astype(int)
    order = np.argsort(whole - share, kind="stable")
    whole[order[: total - int(whole.sum())]] += 1
    return [int(count) for count in whole]
