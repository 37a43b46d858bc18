"""Series whose second channel is the time since the step before, none at the first step."""

from __future__ import annotations

import numpy as np
import pandas as pd
from example_data import dataset

from augment.data import Dataset

DAY = 86_400.0
CHANNELS = {"value": {"type": "number"}, "time gap": {"type": "number", "min": 0, "unit": "s"}}


def series_with_gaps(equal: bool = False) -> Dataset:
    """120 series of 8 steps, a day apart, or as often six."""
    rng = np.random.default_rng(0)
    gaps = np.where(rng.random((120, 8)) < (1.0 if equal else 0.5), DAY, 6 * DAY)
    gaps[:, 0] = 0
    values = np.stack([rng.normal(size=(120, 8)).cumsum(1), gaps], axis=2).astype(np.float32)
    return dataset(
        pd.DataFrame(index=range(120)), {"x": values}, arrays={"x": {"type": "series", "channels": CHANNELS}}
    )


def check_gaps(made: Dataset, equal: bool) -> None:
    """The first gap is none, all others are real ones, and each is about as frequent as in the real series."""
    gaps = made.arrays["x"][..., 1]
    assert (gaps[:, 0] == 0).all()
    assert set(np.unique(gaps[:, 1:])) == ({DAY} if equal else {DAY, 6 * DAY})
    if not equal:
        assert 0.2 < (gaps[:, 1:] == DAY).mean() < 0.8
