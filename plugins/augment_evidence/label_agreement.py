"""The filter `label-agreement`: rejects rows that do not look like what their label says."""

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

__all__ = ["LabelAgreement"]


class LabelAgreement(Filter):
    """Rejects rows that small classifiers of real rows take for another class than their label says.

    Three classifiers are trained, each on two thirds of the training part, all classes alike often. A real row's
    probability of its own label comes from the one that has not seen it. A synthetic row's is the mean of all three,
    and its score is the share of real rows of that class that look less like it. So rows under `quantile`, the
    threshold, look less like their class than all but that share of real rows do, and about that share of fresh real
    rows would be rejected as well, of every class alike.

    A label that no training row has scores 0. Images are classified by a small convolutional network, recordings by
    one over the time of their log-mel spectra, all else, as points (see `not-a-copy`), by a network with one hidden
    layer.
    """

    name = "label-agreement"
    imports = ("torch",)
    accepts = Accepts(modalities=POINTS_OF, targets=frozenset({"classes"}), min_rows=10)

    class Params(plugin.Params):
        quantile: float = Field(0.02, gt=0, lt=0.5)
        """Share of fresh real rows of each class that would be rejected. Higher is stricter."""
        steps: int = Field(500, ge=1)
        """Training steps of each of the three networks, of 64 rows each."""

    def fit(self, reference: Dataset, pilot: Dataset, context: Context) -> Self:
        from augment_evidence.classifiers import Ensemble

        labels = target_labels(reference)
        self._known, codes = np.unique(labels.astype(str), return_inverse=True)
        self._ensemble, unseen = Ensemble.train(reference, codes, len(self._known), context, self.params.steps)
        own = unseen[np.arange(len(codes)), codes]
        self._usual = [np.sort(own[codes == code]) for code in range(len(self._known))]
        self.threshold = self.params.quantile
        return self

    def judge(self, candidates: Dataset, context: Context) -> np.ndarray:
        labels = target_labels(candidates)
        likely = self._ensemble.probabilities(candidates)
        scores = np.zeros(len(candidates))
        for code, label in enumerate(self._known):
            rows = np.flatnonzero(labels == label)
            scores[rows] = np.searchsorted(self._usual[code], likely[rows, code], "right") / len(self._usual[code])
        return scores

    def save(self, folder: Path) -> None:
        tensors, ensemble = self._ensemble.to_state()
        tensors |= {f"usual-{code}": usual for code, usual in enumerate(self._usual)}
        write_state(folder, tensors, {"threshold": self.threshold, "known": self._known.tolist(), "ensemble": ensemble})

    @classmethod
    def load(cls, folder: Path, params: Any) -> Self:
        from augment_evidence.classifiers import Ensemble

        tensors, values = read_state(folder)
        loaded = cls(params)
        loaded.threshold, loaded._known = values["threshold"], np.array(values["known"])
        loaded._usual = [tensors[f"usual-{code}"] for code in range(len(loaded._known))]
        loaded._ensemble = Ensemble.from_state(tensors, values["ensemble"])
        return loaded
