"""Training rows of the requested class, with noise added to their numbers."""

from __future__ import annotations

from pathlib import Path
from typing import Self

import numpy as np
import pandas as pd
from pydantic import Field

from augment import plugin
from augment.data import Dataset, as_labels
from augment.plugin import Accepts, Context, Generator, read_state, write_state


class Jitter(Generator):
    """Training rows of the requested class, with noise added to their numbers."""

    name = "jitter"
    origin = "rows"  # it starts from training rows, not from noise
    accepts = Accepts(  # other data is refused with a message; widen it as far as your code goes
        modalities=frozenset({"table"}),
        columns=frozenset({"number", "integer", "category"}),
        conditional="target",
        missing=False,
    )

    class Params(plugin.Params):
        """The settings that users write under `with:` in a pipeline."""

        strength: float = Field(0.1, ge=0, le=1)
        """Standard deviation of the noise, in standard deviations of the column."""

    def fit(self, data: Dataset, context: Context) -> Self:
        """Learn from the training part."""
        numbers = [name for name in data.schema.features if data.schema.columns[name].type == "number"]
        self.spread = {name: float(data.frame[name].std(ddof=0)) for name in numbers}
        return self

    def sample(self, given: pd.DataFrame, context: Context) -> Dataset:
        """Exactly `len(given)` rows that match the columns of `given`."""
        train = context.train  # provided by the host: a fitted state must not contain training rows
        assert train is not None
        choice, noise = context.rng.spawn(2)  # separate streams, drawn row by row, so k rows are the first k of n
        rows = train.take(_places(given, train, choice))
        shifts = noise.standard_normal((len(given), len(self.spread)))
        moved = {}
        for (name, spread), shift in zip(self.spread.items(), shifts.T, strict=True):
            values = rows.frame[name] + self.params.strength * spread * shift
            decimals = train.schema.columns[name].decimals
            moved[name] = values if decimals is None else values.round(decimals)
        return Dataset.of(rows.frame.assign(**moved), rows.arrays, train.schema)

    def save(self, folder: Path) -> None:
        """Write the fitted state as safetensors and JSON."""
        write_state(folder, {}, {"spread": self.spread})

    @classmethod
    def load(cls, folder: Path, params: Params) -> Self:
        """Read the state that `save` has written."""
        made = cls(params)
        made.spread = read_state(folder)[1]["spread"]
        return made


def _places(given: pd.DataFrame, train: Dataset, rng: np.random.Generator) -> np.ndarray:
    """The position of a training row for each requested row, (N,), of the requested class if there is one."""
    target = train.schema.target
    place_N = rng.random(len(given))
    if target not in given:
        return (place_N * len(train)).astype(int)
    labels = as_labels(train.frame[target]).astype(str)
    order = np.argsort(labels, kind="stable")
    wanted = as_labels(given[target]).astype(str)
    start = np.searchsorted(labels[order], wanted, "left")
    stop = np.searchsorted(labels[order], wanted, "right")
    return order[start + (place_N * (stop - start)).astype(int)]
