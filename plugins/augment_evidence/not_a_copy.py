"""The filter `not-a-copy`: throws out synthetic rows that are too near a single training row."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Self

import numpy as np
from pydantic import Field

from augment import components
from augment.components import Accepts, Context, Filter
from augment.dataset import Dataset
from augment.encoding import TableEncoder
from augment.state import read_state, write_state
from augment_evidence.rows import leave_one_out, nearest, pixels, row_hashes

__all__ = ["NotACopy"]

MOST_CALIBRATED = 4_000  # training rows that the threshold is read from: enough for a quantile of 0.01
SIDE = 16  # images are compared at no more pixels a side, which also sees through faint noise


class NotACopy(Filter):
    """Throws out rows that lie much nearer to one training row than training rows lie to each other.

    A row's score is its distance to the nearest training row, divided by the mean distance to the next ones (the
    ratio that Carlini et al. 2023, "Extracting training data from diffusion models", use): about 1 for a row among
    others, near 0 for one that sits on top of a single other. The threshold is the `quantile` of the scores that the
    training rows have among each other, so about that share of fresh real rows would be thrown out as well.

    A row equal to a training row scores -1 and is always thrown out, however few training rows the distances are
    measured to. The one exception: in a table, a row that occurs at least `common` times in the training part is
    nobody's in particular, scores 1 and is kept. Where equal rows are natural (few columns, few values), more than
    `quantile` of fresh real rows are lost, the rarer ones, and synthetic rows are drawn away from those; `common: 1`
    accepts equality altogether. Of images, an equal one is always a copy.

    The target and ids do not count. Of images, the array alone counts, averaged down to at most 16 pixels a side; in
    tables, numbers are standardised and damped beyond a standard deviation, and categories are equal or not.
    """

    name = "not-a-copy"
    skips = frozenset({"copies", "rows"})  # what starts from a real row is near it by design, and says so
    accepts = Accepts(modalities=frozenset({"table", "image"}), min_rows=10)

    class Params(components.Params):
        quantile: float = Field(0.01, gt=0, lt=1)
        """Share of fresh real rows that would be taken for copies. Higher is stricter."""
        neighbours: int = Field(10, ge=1)
        """How many further neighbours tell the usual distance around a row."""
        common: int = Field(5, ge=1)
        """From how many equal training rows on equality is natural, in tables. 5 is a usual smallest cell of published
        statistics."""
        max_reference: int = Field(20_000, ge=100)
        """Most training rows that distances are measured to, a seeded sample: near copies of the others are not seen.
        Equality is looked for in all. Judging takes time in proportion."""

    def fit(self, reference: Dataset, pilot: Dataset, context: Context) -> Self:
        hashes, row_group, counts = np.unique(row_hashes(reference), return_inverse=True, return_counts=True)
        is_table = reference.schema.modality == "table"
        common = counts >= self.params.common if is_table else np.zeros(len(counts), dtype=bool)
        self._common, self._rare = hashes[common], hashes[~common]
        self._encoder = TableEncoder.fit(reference) if is_table else None

        rows = np.arange(len(reference))
        if len(rows) > self.params.max_reference:
            rows = np.sort(context.rng.choice(rows, self.params.max_reference, replace=False))
        self._reference = self._points(reference.take(rows))
        self._count = 1 + min(self.params.neighbours, len(rows) - 2)
        # a row with a twin has a score of 0, which says nothing about how near is too near
        single = np.flatnonzero(counts[row_group[rows]] == 1)
        if len(single) > MOST_CALIBRATED:
            single = np.sort(context.rng.choice(single, MOST_CALIBRATED, replace=False))
        usual = _ratio(leave_one_out(self._reference, single, self._count))
        self.threshold = float(np.quantile(usual, self.params.quantile)) if len(usual) else 0.0
        return self

    def judge(self, candidates: Dataset, context: Context) -> np.ndarray:
        scores = _ratio(nearest(self._points(candidates), self._reference, self._count))
        hashes = row_hashes(candidates)
        scores[np.isin(hashes, self._common)] = 1.0
        scores[np.isin(hashes, self._rare)] = -1.0
        return scores

    def _points(self, data: Dataset) -> np.ndarray:
        """Rows as points whose distances mean something: float32 (N, D)."""
        if self._encoder is None:
            return pixels(data.arrays[data.schema.array_of("image")], SIDE).reshape(len(data), -1)
        # arcsinh: straight near the mean and logarithmic far out, so that no outlier outweighs all other columns
        matrix = np.arcsinh(self._encoder.encode(data.frame))
        matrix[:, self._encoder.categorical] /= np.arcsinh(1) * np.sqrt(2)  # two labels are at distance 1
        return matrix.astype(np.float32)

    def save(self, folder: Path) -> None:
        tensors = {"reference": self._reference, "common": self._common, "rare": self._rare}
        values: dict[str, Any] = {"threshold": self.threshold, "count": self._count, "encoder": None}
        if self._encoder is not None:
            encoded, values["encoder"] = self._encoder.to_state()
            tensors |= {f"encoder/{name}": tensor for name, tensor in encoded.items()}
        write_state(folder, tensors, values)

    @classmethod
    def load(cls, folder: Path, params: Any) -> Self:
        tensors, values = read_state(folder)
        made = cls(params)
        made.threshold, made._count = values["threshold"], values["count"]
        made._reference, made._common, made._rare = tensors["reference"], tensors["common"], tensors["rare"]
        made._encoder = None
        if values["encoder"] is not None:
            encoded = {name.removeprefix("encoder/"): t for name, t in tensors.items() if name.startswith("encoder/")}
            made._encoder = TableEncoder.from_state(encoded, values["encoder"])
        return made


def _ratio(distances: np.ndarray) -> np.ndarray:
    """Nearest distance over the mean of the others, (M, count) to float64 (M,); 1 where all are zero."""
    usual = distances[:, 1:].mean(axis=1, dtype=np.float64)
    return np.divide(distances[:, 0], usual, out=np.ones(len(distances)), where=usual > 0)
