"""Samples of rows that can be compared: not too large, and with the same shares of the classes.

Shapes: N rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from augment.data import Dataset, as_labels

__all__ = [
    "capped",
    "class_weights",
    "common_counts",
    "draw_rows",
    "label_shares",
    "rows_in_shares",
    "sampled",
    "target_labels",
    "uniform",
    "weights_for",
]


def capped(data: Dataset, most: int, rng: np.random.Generator) -> Dataset:
    """All rows, or a seeded sample of `most` of them in their order."""
    return data if len(data) <= most else data.take(sampled(len(data), most, rng))


def sampled(num_rows: int, most: int, rng: np.random.Generator) -> np.ndarray:
    """Positions of all rows, or of a seeded sample of `most` of them, ascending."""
    return np.arange(num_rows) if num_rows <= most else np.sort(rng.choice(num_rows, most, replace=False))


def target_labels(data: Dataset) -> np.ndarray:
    """The class of each row as text, (N,) object; the same empty text for all where the target has no classes."""
    if data.schema.task != "classes":
        return np.full(len(data), "", dtype=object)
    return as_labels(data.frame[data.schema.target])


def common_counts(parts: Sequence[np.ndarray], most: int) -> dict[Any, int]:
    """How many rows of each label all parts have, cut in proportion to at most `most` in all.

    Args:
        parts: the label of each row, (N,), of each part; a None is no label.
        most: rows.
    """
    labels = sorted({label for label in parts[0] if label is not None})
    counts = {label: min(int((part == label).sum()) for part in parts) for label in labels}
    factor = min(1.0, most / max(1, sum(counts.values())))
    return {label: int(count * factor) for label, count in counts.items()}


def draw_rows(
    labels: np.ndarray, counts: Mapping[Any, int], rng: np.random.Generator, replace: bool = False
) -> np.ndarray:
    """Positions of so many rows of each label, drawn at random."""
    drawn = [rng.choice(np.flatnonzero(labels == label), count, replace) for label, count in counts.items() if count]
    return np.concatenate([np.empty(0, np.int64), *drawn])


def rows_in_shares(labels: np.ndarray, counts: Mapping[Any, int], most: int, rng: np.random.Generator) -> np.ndarray:
    """Positions of as many rows as there are with labels in the shares of these counts, at most about `most`.

    Labels that no row has are left out.
    """
    there = {label: int((labels == label).sum()) for label, count in counts.items() if count}
    wanted = {label: counts[label] for label, num in there.items() if num}
    factor = min((there[label] / count for label, count in wanted.items()), default=0.0)
    factor = min(factor, most / max(1, sum(wanted.values())))
    return draw_rows(labels, {label: max(1, int(count * factor + 1e-9)) for label, count in wanted.items()}, rng)


def class_weights(wanted: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Weights, (N,) of mean 1, that give these labels the shares of the wanted ones; all 1 where that cannot be."""
    weights = weights_for(labels, label_shares(wanted, np.full(len(wanted), 1 / len(wanted))))
    return np.ones(len(labels)) if weights is None else weights * len(labels)


def uniform(data: Dataset) -> np.ndarray:
    """Equal weights of all rows, (N,) summing to 1."""
    return np.full(len(data), 1 / max(1, len(data)))


def label_shares(labels: np.ndarray, weights: np.ndarray) -> dict[Any, float]:
    """Each label's share of the weight."""
    codes, distinct = pd.factorize(labels, use_na_sentinel=False)
    return dict(zip(distinct, np.bincount(codes, weights, len(distinct)), strict=True))


def weights_for(labels: np.ndarray, wanted: Mapping[Any, float]) -> np.ndarray | None:
    """Weights of rows, (N,) summing to 1, that give the labels the wanted shares; None where no label is wanted."""
    codes, distinct = pd.factorize(labels, use_na_sentinel=False)
    share = np.array([wanted.get(label, 0.0) for label in distinct])
    weights = (share / np.bincount(codes, minlength=len(distinct)))[codes] if len(labels) else np.empty(0)
    total = weights.sum()
    return weights / total if total > 0 else None
