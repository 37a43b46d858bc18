"""The metric `fidelity` for tables: do columns, and pairs of columns, look as they do in the training part?

Shapes: N rows, P numeric columns, Q columns as codes.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from augment.data import Dataset, Schema, labels_of
from augment.plugin import Accepts, Context, Metric, Score
from augment_evidence.clouds import cloud_scores
from augment_evidence.rows import capped, copied_share, target_labels
from augment_evidence.similarity import correlations, label_similarity, number_similarity
from augment_evidence.space import Space

__all__ = ["ColumnJudge", "FidelityTables", "shares_of", "weights_for"]

MOST_ROWS = 10_000
MOST_PAIRS = 2_000
NUM_BINS = 10
NUM_WORST = 10  # pairs named in the detail

Pair = tuple[str, str]


class FidelityTables(Metric):
    """How far synthetic columns, and pairs of columns, agree with the training part's.

    * `column shapes`, mean over columns: for numbers, integers and datetimes 1 minus the Kolmogorov-Smirnov statistic
      (missing values count as lower than all others); for labels 1 minus the total variation distance.
    * `pair trends`, mean over pairs: for two numbers 1 - |difference of their correlations| / 2; else 1 minus the
      total variation distance of the two-way table, numbers cut at the training part's deciles.
    * `density` and `coverage` (Naeem et al. 2020, five neighbours), of rows as points (numbers standardised and damped,
      two labels at distance 1): about 1 and nearly 1 for real rows. A high density says that rows crowd where real ones
      are many, a low coverage that kinds of rows are left out.
    * `exact copies`, the share of rows that equal a training row in all features.

    What a perfect generator would reach is not 1, since samples differ; so each score comes with what the real hold-out
    and a bootstrap of the training rows (as many as the synthetic ones) reach. How many rows of each class there are
    was asked for, not learnt: the real rows are weighted to the synthetic rows' classes, and the shape of a classed
    target is not scored. Texts and ids are not looked at. Of each part at most 10,000 rows are used, of pairs 2,000.
    """

    name = "fidelity"
    accepts = Accepts(modalities=frozenset({"table"}))
    default_for = frozenset({"table"})

    def score(self, synthetic: Dataset, train: Dataset, holdout: Dataset, context: Context) -> list[Score]:
        if not (len(synthetic) and len(train)):
            return []
        copies = Score(
            "exact copies",
            copied_share(synthetic, train),
            better="lower",
            detail={"rows": len(synthetic), "reference": _copied(holdout, train)},
        )
        rng = context.rng
        real = capped(train, MOST_ROWS, rng)
        made = capped(synthetic, MOST_ROWS, rng)
        judge = ColumnJudge(real, rng)
        wanted = shares_of(target_labels(made), np.full(len(made), 1 / len(made)))
        parts = {"synthetic": (made, np.full(len(made), 1 / len(made)))}
        held = capped(holdout, MOST_ROWS, rng)
        if (weights := weights_for(target_labels(held), wanted)) is not None:
            parts["hold-out"] = (held, weights)
        if (weights := weights_for(target_labels(real), wanted)) is not None:
            drawn = real.take(rng.choice(len(real), len(made), p=weights))
            parts["bootstrap"] = (drawn, np.full(len(drawn), 1 / len(drawn)))
        found = {name: judge.compare(part, weights) for name, (part, weights) in parts.items()}

        rows = {"synthetic": len(made), "train": len(real), "hold-out": len(held)}
        shapes, pairs = found["synthetic"]
        scores = []
        if shapes:
            reference = {name: _mean(columns) for name, (columns, _) in found.items() if name != "synthetic"}
            detail = {"rows": rows, "reference": reference, "columns": shapes}
            scores.append(Score("column shapes", _mean(shapes), detail=detail))
        if pairs:
            reference = {name: _mean(trends) for name, (_, trends) in found.items() if name != "synthetic"}
            worst = sorted(pairs.items(), key=lambda item: (item[1], item[0]))[:NUM_WORST]
            named = {" × ".join(pair): value for pair, value in worst}
            scores.append(
                Score("pair trends", _mean(pairs), detail={"rows": rows, "reference": reference, "worst": named})
            )
        return [*scores, *_clouds({"synthetic": made, "train": real, "hold-out": held}, rng), copies]


def _clouds(parts: Mapping[str, Dataset], rng: np.random.Generator) -> list[Score]:
    """Whether the rows lie where real rows lie, and whether they lie everywhere there."""
    space = Space.fit(parts["train"])
    points = {name: space.points(part) for name, part in parts.items() if len(part)}
    if not points["train"].shape[1]:
        return []
    labels = {name: target_labels(part) for name, part in parts.items()}
    return cloud_scores(points, labels, rng, wanted=("density", "coverage"))


def _copied(holdout: Dataset, train: Dataset) -> dict[str, float]:
    return {"hold-out": copied_share(holdout, train)} if len(holdout) else {}


def _mean(values: Mapping[Any, float]) -> float:
    return float(np.mean(list(values.values())))


def shares_of(labels: np.ndarray, weights: np.ndarray) -> dict[Any, float]:
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


@dataclass(frozen=True)
class _Part:
    """One part of the data as numbers and codes."""

    numbers: np.ndarray  # (N, P) float64, NaN where missing
    codes: dict[str, np.ndarray]  # of every scored column, (N,) int64; those of numbers are bins


class ColumnJudge:
    """Compares any rows with the training rows."""

    def __init__(self, train: Dataset, rng: np.random.Generator):
        """Learn cut points and labels, and draw the pairs to look at where there are too many."""
        self._schema = train.schema
        scored = [name for name, column in self._schema.columns.items() if column.type not in ("text", "id")]
        self._numbers = [name for name in scored if _is_number(self._schema, name)]
        self._scales: dict[str, Any] = {name: self._scale(train.frame[name]) for name in scored}
        pairs = list(itertools.combinations(scored, 2))
        if len(pairs) > MOST_PAIRS:
            pairs = [pairs[i] for i in np.sort(rng.choice(len(pairs), MOST_PAIRS, replace=False))]
        self._pairs: list[Pair] = pairs
        self._train, self._labels = self._part(train), target_labels(train)

    def _scale(self, values: pd.Series) -> Any:
        """Where a number is cut into bins, or the labels in order."""
        if values.name not in self._numbers:
            return pd.Index(sorted({label for label in labels_of(values) if label is not None}), dtype="object")
        numbers = _floats(values)
        present = numbers[~np.isnan(numbers)]
        cuts = np.linspace(0, 1, NUM_BINS + 1)[1:-1]
        return np.unique(np.quantile(present, cuts)) if len(present) else np.empty(0)

    def compare(self, data: Dataset, weights: np.ndarray) -> tuple[dict[str, float], dict[Pair, float]]:
        """Similarity of each column and of each pair, the training rows weighted to the data's classes."""
        part = self._part(data)
        own = weights_for(self._labels, shares_of(target_labels(data), weights))
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
        expected, found = correlations(self._train.numbers, own), correlations(part.numbers, weights)
        trends = {}
        for pair in self._pairs:
            if pair[0] in self._numbers and pair[1] in self._numbers:
                at = tuple(self._numbers.index(name) for name in pair)
                if np.isfinite(expected[at]):  # where the real rows show no trend, there is none to miss
                    trends[pair] = float(1 - abs(np.nan_to_num(found[at]) - expected[at]) / 2)
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
                found = np.searchsorted(scale, values, side="right")
                codes[name] = np.where(np.isnan(values), self._size(name) - 1, found)
            else:
                labels = labels_of(data.frame[name])
                found = scale.get_indexer(pd.Index(labels, dtype="object"))
                missing = np.array([label is None for label in labels], dtype=bool)
                found[found < 0] = len(scale)  # a label that the training part does not have
                codes[name] = np.where(missing, len(scale) + 1, found)
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
