"""Columns, and pairs of columns, of any rows compared with the training rows'.

Shapes: N rows, P numeric columns, Q columns as codes.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from augment.data import Dataset, Schema, as_labels
from augment_evidence.samples import label_shares, target_labels, weights_for
from augment_evidence.similarity import correlations, label_similarity, number_similarity

__all__ = ["ColumnComparison", "Pair"]

MAX_PAIRS = 2_000
NUM_BINS = 10

Pair = tuple[str, str]


@dataclass(frozen=True)
class _Part:
    """One part of the data as numbers and codes."""

    numbers: np.ndarray  # (N, P) float64, NaN where missing
    codes: dict[str, np.ndarray]  # of every scored column, (N,) int64; those of numbers are bins


class ColumnComparison:
    """Compares any rows with the training rows."""

    def __init__(self, train: Dataset, rng: np.random.Generator):
        """Learn cut points and labels, and draw the pairs to look at where there are too many."""
        self._schema = train.schema
        scored = [name for name, column in self._schema.columns.items() if column.type not in ("text", "id")]
        self._numbers = [name for name in scored if _is_number(self._schema, name)]
        self._scales: dict[str, Any] = {name: self._scale(train.frame[name]) for name in scored}
        pairs = list(itertools.combinations(scored, 2))
        if len(pairs) > MAX_PAIRS:
            pairs = [pairs[i] for i in np.sort(rng.choice(len(pairs), MAX_PAIRS, replace=False))]
        self._pairs: list[Pair] = pairs
        self._train, self._labels = self._part(train), target_labels(train)

    def _scale(self, values: pd.Series) -> Any:
        """Where a number is cut into bins, or the labels in order."""
        if values.name not in self._numbers:
            return pd.Index(sorted({label for label in as_labels(values) if label is not None}), dtype="object")
        numbers = _floats(values)
        present = numbers[~np.isnan(numbers)]
        cuts = np.linspace(0, 1, NUM_BINS + 1)[1:-1]
        return np.unique(np.quantile(present, cuts)) if len(present) else np.empty(0)

    def compare(self, data: Dataset, weights: np.ndarray) -> tuple[dict[str, float], dict[Pair, float]]:
        """Similarity of each column and of each pair, the training rows weighted to the data's classes."""
        part = self._part(data)
        own = weights_for(self._labels, label_shares(target_labels(data), weights))
        if own is None:  # classes that the training part does not have
            own = np.full(len(self._labels), 1 / len(self._labels))
        shapes = {}
        for name in self._scales:
            if name == self._schema.target and self._schema.task == "classes":
                continue
            if name in self._numbers:
                at = self._numbers.index(name)
                shapes[name] = number_similarity(part.numbers[:, at], weights, self._train.numbers[:, at], own)
            else:
                here, there = part.codes[name], self._train.codes[name]
                shapes[name] = label_similarity(here, weights, there, own, self._size(name))
        return shapes, self._trends(part, weights, own)

    def _trends(self, part: _Part, weights: np.ndarray, own: np.ndarray) -> dict[Pair, float]:
        expected, actual = correlations(self._train.numbers, own), correlations(part.numbers, weights)
        trends = {}
        for pair in self._pairs:
            if pair[0] in self._numbers and pair[1] in self._numbers:
                at = tuple(self._numbers.index(name) for name in pair)
                if np.isfinite(expected[at]):  # where the real rows show no trend, there is none to miss
                    trends[pair] = float(1 - abs(np.nan_to_num(actual[at]) - expected[at]) / 2)
                continue
            a, b = pair
            size = self._size(b)
            here, there = (codes[a] * size + codes[b] for codes in (part.codes, self._train.codes))
            trends[pair] = label_similarity(here, weights, there, own, self._size(a) * size)
        return trends

    def _part(self, data: Dataset) -> _Part:
        numbers = [_floats(data.frame[name]) for name in self._numbers]
        codes = {}
        for name, scale in self._scales.items():
            if name in self._numbers:
                values = numbers[self._numbers.index(name)]
                bins = np.searchsorted(scale, values, side="right")
                codes[name] = np.where(np.isnan(values), self._size(name) - 1, bins)
            else:
                labels = as_labels(data.frame[name])
                positions = scale.get_indexer(pd.Index(labels, dtype="object"))
                missing = np.array([label is None for label in labels], dtype=bool)
                positions[positions < 0] = len(scale)  # a label that the training part does not have
                codes[name] = np.where(missing, len(scale) + 1, positions)
        return _Part(np.stack(numbers, axis=1) if numbers else np.empty((len(data), 0)), codes)

    def _size(self, name: str) -> int:
        """Number of codes: the bins or labels, one for unknown labels, one for missing values."""
        return len(self._scales[name]) + 2


def _is_number(schema: Schema, name: str) -> bool:
    column = schema.columns[name]
    return column.type in ("number", "datetime") or (column.type == "integer" and not column.categories)


def _floats(values: pd.Series) -> np.ndarray:
    if pd.api.types.is_datetime64_any_dtype(values.dtype):
        days = values.to_numpy(dtype="datetime64[us]")
        return np.where(np.isnat(days), np.nan, days.view(np.int64).astype(np.float64))
    return values.to_numpy(dtype=np.float64, na_value=np.nan)
