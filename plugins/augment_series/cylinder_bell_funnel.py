"""The source `cylinder-bell-funnel`: series made by code, to try things on without a download."""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
import pandas as pd
from pydantic import Field

from augment import plugin
from augment.data import ColumnDeclaration, Dataset
from augment.plugin import Context, Source
from augment_series.reading import dataset_of

Shape = Literal["cylinder", "bell", "funnel"]


class CylinderBellFunnel(Source):
    """Makes the series on which classifiers have been compared since Saito (1994): a shape somewhere in noise.

    A cylinder is a plateau, a bell rises slowly and falls at once, a funnel rises at once and falls slowly; where the
    shape begins, how long and how high it is, is left to chance. Noise has a standard deviation of 1, the shapes a
    height of about 6. The class is the column `shape`. Equal settings make equal series, whatever the run's seed.
    """

    name = "cylinder-bell-funnel"
    yields = frozenset({"series"})
    reads_only_paths = True

    class Params(plugin.Params):
        rows: dict[Shape, Annotated[int, Field(ge=1)]] = Field(
            {"cylinder": 60, "bell": 60, "funnel": 60},
            min_length=1,
            examples=[{"cylinder": 60, "bell": 60, "funnel": 9}],
        )
        """Class to how many series of it are made."""
        steps: int = Field(128, ge=16)
        """Steps of each series."""
        seed: int = Field(0, ge=0)
        """Another number makes other series of the same kind."""

    def read(self, context: Context) -> Dataset:
        rng = np.random.default_rng(self.params.seed)
        shapes = np.repeat(list(self.params.rows), list(self.params.rows.values()))
        time, num_steps = np.arange(self.params.steps), self.params.steps
        # Saito's numbers, which are of 128 steps
        begin = rng.integers(num_steps // 8, num_steps // 4, size=(len(shapes), 1), endpoint=True)
        size = rng.integers(num_steps // 4, num_steps * 3 // 4, size=(len(shapes), 1), endpoint=True)
        height = 6 + rng.normal(size=(len(shapes), 1))
        inside = (time >= begin) & (time <= begin + size)
        across = (time - begin) / size
        form = np.select([shapes[:, None] == "bell", shapes[:, None] == "funnel"], [across, 1 - across], 1.0)
        values = np.where(inside, height * form, 0.0) + rng.normal(size=(len(shapes), num_steps))
        frame = pd.DataFrame({"shape": pd.Categorical(shapes, categories=list(self.params.rows))})
        lengths = np.full(len(shapes), num_steps)
        channels = {"value": ColumnDeclaration(type="number", decimals=3)}
        rounded = np.round(values, 3).astype(np.float32)[..., None]
        return dataset_of(rounded, lengths, channels, frame, context, context.folder, target="shape")
