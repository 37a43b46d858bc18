"""The filter `plausible`: throws out rows that a classifier of real and synthetic rows spots at once."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Self

import numpy as np
from pydantic import Field

from augment import plugin
from augment.data import Dataset
from augment.plugin import Accepts, Context, Filter, read_state, write_state
from augment_evidence.rows import target_labels
from augment_evidence.space import POINTS_OF

__all__ = ["Plausible"]

FEWEST = 10  # rows of each side without which nothing can be told apart


class Plausible(Filter):
    """Throws out rows that look synthetic at once, to classifiers trained to tell a first sample from real rows.

    Three classifiers are trained, each on two thirds of equally many training and pilot rows of each class. A row's
    score is the probability that it is real, the mean of all three. The threshold is the `quantile` of the
    probabilities of real rows, each from the classifier that has not seen it: about that share of fresh real rows
    would be thrown out as well. It is lowered where it would throw out more than `most` of the pilot: a generator that
    can be told from real rows everywhere is not mended by a filter.

    Classifiers see rows as in `label-agreement`. The target is not among what they see.
    """

    name = "plausible"
    skips = frozenset({"copies"})  # real rows are plausible
    accepts = Accepts(modalities=POINTS_OF, min_rows=20)

    class Params(plugin.Params):
        quantile: float = Field(0.02, gt=0, lt=0.5)
        """Share of fresh real rows that would be thrown out. Higher is stricter."""
        most: float = Field(0.5, gt=0, lt=1)
        """Share of the generators' rows that is thrown out at most."""
        steps: int = Field(500, ge=1)
        """Training steps of each of the three networks, of 64 rows each."""

    def fit(self, reference: Dataset, pilot: Dataset, context: Context) -> Self:
        from augment_evidence.judges import Jury

        self._jury, self.threshold = None, 0.0
        real, made = _alike(target_labels(reference), target_labels(pilot), context.rng)
        if len(real) < FEWEST:
            return self
        both = Dataset.concat([reference.take(real), pilot.take(made)])
        is_real = np.arange(len(both)) < len(real)
        self._jury, unseen = Jury.train(both, is_real.astype(np.int64), 2, context, self.params.steps)
        lowest = np.quantile(unseen[is_real, 1], self.params.quantile)
        self.threshold = float(min(lowest, np.quantile(unseen[~is_real, 1], self.params.most)))
        return self

    def judge(self, candidates: Dataset, context: Context) -> np.ndarray:
        return np.ones(len(candidates)) if self._jury is None else self._jury.probabilities(candidates)[:, 1]

    def save(self, folder: Path) -> None:
        tensors, jury = ({}, None) if self._jury is None else self._jury.to_state()
        write_state(folder, tensors, {"threshold": self.threshold, "jury": jury})

    @classmethod
    def load(cls, folder: Path, params: Any) -> Self:
        from augment_evidence.judges import Jury

        tensors, values = read_state(folder)
        made = cls(params)
        made.threshold = values["threshold"]
        made._jury = None if values["jury"] is None else Jury.from_state(tensors, values["jury"])
        return made


def _alike(real: np.ndarray, made: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Positions of equally many rows of each label on both sides, drawn at random."""
    chosen: tuple[list[np.ndarray], list[np.ndarray]] = ([], [])
    for label in sorted({label for label in made if label is not None}):
        rows = [np.flatnonzero(labels == label) for labels in (real, made)]
        count = min(map(len, rows))
        for side, found in zip(chosen, rows, strict=True):
            side.append(rng.choice(found, count, replace=False))
    real_rows, made_rows = (np.sort(np.concatenate([np.zeros(0, dtype=np.int64), *side])) for side in chosen)
    return real_rows, made_rows
