"""How many rows arms, metrics and reports see: a seeded sample, so that memory does not grow with the dataset."""

from __future__ import annotations

import numpy as np

from augment.plugin.context import derive_seed

__all__ = ["MAX_JUDGED_ROWS", "capped_rows"]

MAX_JUDGED_ROWS = 50_000


def capped_rows(num_rows: int, seed: int, most: int = MAX_JUDGED_ROWS) -> np.ndarray:
    """The positions that a seeded sample of at most `most` rows takes, ascending."""
    if num_rows <= most:
        return np.arange(num_rows)
    return np.sort(np.random.default_rng(derive_seed(seed, "cap")).permutation(num_rows)[:most])
