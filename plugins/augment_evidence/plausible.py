"""The filter `plausible`: rejects rows that a classifier easily tells from real ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Self

import numpy as np
from pydantic import Field

from augment import plugin
from augment.data import Dataset
from augment.plugin import Accepts, Context, Filter, read_state, write_state
from augment_evidence.samples import target_labels
from augment_evidence.space import POINTS_OF

__all__ = ["Plausible"]

MIN_ROWS = 10  # of each side, to train classifiers


class Plausible(Filter):
    """Rejects rows that classifiers, trained to tell a first sample from real rows, take for synthetic.

    Three classifiers are trained, each on two thirds of equally many training and pilot rows of each class. A row's
    score is the probability that it is real, the mean of all three. The threshold is the `quantile` of the
    probabilities of real rows, each from the classifier that has not seen it: about that share of fresh real rows
    would be rejected as well. It is lowered where it would reject more than `max_rejected` of the pilot: no filter
    mends a generator whose rows can all be told from real ones.

    Classifiers see rows as in `label-agreement`. The target is not among what they see.
    """

    name = "plausible"
    imports = ("torch",)
    skips = frozenset({"copies"})  # real rows are plausible
    accepts = Accepts(modalities=POINTS_OF, min_rows=20)

    class Params(plugin.Params):
        renamed = {"most": "max_rejected"}

        quantile: float = Field(0.02, gt=0, lt=0.5)
        """Share of fresh real rows that would be rejected. Higher is stricter."""
        max_rejected: float = Field(0.5, gt=0, lt=1)
        """Maximum share of the synthetic rows that is rejected."""
        steps: int = Field(500, ge=1)
        """Training steps of each of the three networks, of 64 rows each."""

    def fit(self, reference: Dataset, pilot: Dataset, context: Context) -> Self:
        from augment_evidence.classifiers import Ensemble

        self._ensemble, self.threshold = None, 0.0
        real, synthetic = _same_classes(target_labels(reference), target_labels(pilot), context.rng)
        if len(real) < MIN_ROWS:
            return self
        both = Dataset.concat([reference.take(real), pilot.take(synthetic)])
        is_real = np.arange(len(both)) < len(real)
        self._ensemble, unseen = Ensemble.train(both, is_real.astype(np.int64), 2, context, self.params.steps)
        lowest = np.quantile(unseen[is_real, 1], self.params.quantile)
        self.threshold = float(min(lowest, np.quantile(unseen[~is_real, 1], self.params.max_rejected)))
        return self

    def judge(self, candidates: Dataset, context: Context) -> np.ndarray:
        return np.ones(len(candidates)) if self._ensemble is None else self._ensemble.probabilities(candidates)[:, 1]

    def save(self, folder: Path) -> None:
        tensors, ensemble = ({}, None) if self._ensemble is None else self._ensemble.to_state()
        write_state(folder, tensors, {"threshold": self.threshold, "ensemble": ensemble})

    @classmethod
    def load(cls, folder: Path, params: Any) -> Self:
        from augment_evidence.classifiers import Ensemble

        tensors, values = read_state(folder)
        loaded = cls(params)
        loaded.threshold = values["threshold"]
        loaded._ensemble = None if values["ensemble"] is None else Ensemble.from_state(tensors, values["ensemble"])
        return loaded


def _same_classes(real: np.ndarray, synthetic: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Positions of equally many rows of each label on both sides, drawn at random."""
    chosen: tuple[list[np.ndarray], list[np.ndarray]] = ([], [])
    for label in sorted({label for label in synthetic if label is not None}):
        rows = [np.flatnonzero(labels == label) for labels in (real, synthetic)]
        count = min(map(len, rows))
        for side, positions in zip(chosen, rows, strict=True):
            side.append(rng.choice(positions, count, replace=False))
    real_rows, synthetic_rows = (np.sort(np.concatenate([np.zeros(0, dtype=np.int64), *side])) for side in chosen)
    return real_rows, synthetic_rows
