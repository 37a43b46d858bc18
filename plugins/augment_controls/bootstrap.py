"""The generator `bootstrap`: training rows drawn with replacement."""

from __future__ import annotations

from pathlib import Path
from typing import Self

import numpy as np
import pandas as pd

from augment.data import Dataset, as_labels
from augment.errors import DataError
from augment.plugin import Accepts, Context, Generator, Suits, write_state

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
        labels = as_labels(train.frame[target])
        rows = np.empty(len(given), dtype=np.int64)
        for label in pd.unique(asked):
            # a label may be missing (None): then the rows without a label fit
            fitting = np.flatnonzero(pd.isna(labels) if label is None else labels == label)
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


def _pick(fitting: np.ndarray, place: np.ndarray) -> np.ndarray:
    # rounding can lift the product to len(fitting) for very many rows
    return fitting[np.minimum((place * len(fitting)).astype(np.int64), len(fitting) - 1)]
