"""The generator `bootstrap`: training rows drawn with replacement."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd

from augment.data import Dataset, Schema, as_labels
from augment.errors import DataError
from augment.plugin import Accepts, Context, Cost, Generator, Suits, write_state

__all__ = ["Bootstrap"]

BLOCK = 4096  # draws are made in whole blocks, so that fewer rows are a prefix of more


class Bootstrap(Generator):
    """Draws training rows with replacement (Efron 1979), of any kind of data.

    It makes nothing new, so it is the control that every claim is held against: a generator that helps no more than
    `bootstrap` only changed the balance or the number of rows. With classes asked for, it draws from the rows of each
    class: plain oversampling.
    """

    name = "bootstrap"
    suits = tuple(Suits(modality, rank=60) for modality in sorted(Generator.accepts.modalities))
    origin = "copies"
    accepts = Accepts(conditional="target")

    _rows_by_label: tuple[Dataset, dict[str | None, np.ndarray]] | None = None  # chunks share a training part

    @classmethod
    def cost(cls, params: Any, schema: Schema, num_rows: int) -> Cost:
        """Next to nothing."""
        return Cost(fit=0.0, row=3e-6)

    def fit(self, data: Dataset, context: Context) -> Self:
        return self

    def sample(self, given: pd.DataFrame, context: Context) -> Dataset:
        """Rows of `context.train`, equally likely within what is asked.

        Raises:
            DataError: the training part has no row of a class asked for.
        """
        train = context.train
        assert train is not None  # the host lends it to every generator
        num_blocks = -(-len(given) // BLOCK)
        place = context.rng.random(num_blocks * BLOCK)[: len(given)]  # in [0, 1): where in the list of fitting rows
        target = train.schema.target
        if target is None or target not in given.columns:
            return train.take(_pick(np.arange(len(train)), place))
        asked = as_labels(given[target])
        if self._rows_by_label is None or self._rows_by_label[0] is not train:
            self._rows_by_label = train, _find_rows_by_label(train.frame[target])
        rows = np.empty(len(given), dtype=np.int64)
        for label in pd.unique(asked):
            fitting = self._rows_by_label[1].get(label, np.zeros(0, dtype=np.int64))
            if not len(fitting):
                raise DataError(
                    f"bootstrap: {(asked == label).sum()} rows with {target} {label!r} are asked for, and the training "
                    "part has none to draw from; ask for none of that class under mix.rows, or add real rows of it"
                )
            wanted = pd.isna(asked) if label is None else asked == label
            rows[wanted] = _pick(fitting, place[wanted])
        return train.take(rows)

    def save(self, folder: Path) -> None:
        write_state(folder, {}, {})

    @classmethod
    def load(cls, folder: Path, params: object) -> Self:
        return cls(params)


def _find_rows_by_label(target: pd.Series) -> dict[str | None, np.ndarray]:
    """Label to the rows that have it; those without any label are under None."""
    codes, labels = pd.factorize(as_labels(target), use_na_sentinel=True)
    rows = np.argsort(codes, kind="stable")
    ends = np.cumsum(np.bincount(codes + 1, minlength=len(labels) + 1))  # code -1 is that of no label
    return dict(zip([None, *labels.tolist()], np.split(rows, ends[:-1]), strict=True))


def _pick(fitting: np.ndarray, place: np.ndarray) -> np.ndarray:
    # rounding can lift the product to len(fitting) for very many rows
    return fitting[np.minimum((place * len(fitting)).astype(np.int64), len(fitting) - 1)]
