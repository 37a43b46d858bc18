"""Splits of the training part for a search: repeated cross-validation, so that seeds share as little as they can."""

from __future__ import annotations

import numpy as np

from augment.data import Dataset, as_labels
from augment.plan.split import cut
from augment.plugin.context import derive_seed
from augment.spec.models import Split

__all__ = ["NUM_FOLDS", "inner_cut"]

NUM_FOLDS = 5  # of one repetition; a fifth of the rows validates


def inner_cut(train: Dataset, split: Split, seed: int, number: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows to learn from and rows to judge by, (n,) int64 each, ascending, for one seed of a search.

    Args:
        train: the training part.
        split: how the hold-out was cut; groups, equal rows and time are respected here too. Where none of them rules,
            seeds 0 to 4 are the folds of a cross-validation, 5 to 9 those of another, and so on; folds hold the
            classes alike, and a class of one row is never judged by.
        seed: of the run.
        number: of the seed, from 0.

    Raises:
        DataError: such rows cannot be cut.
    """
    group = split.group if split.group in train.schema.columns else None  # a transform may have dropped it
    time = split.time if split.time in train.schema.columns else None
    if group or time or split.dedupe == "group":
        parts = cut(
            train,
            holdout=1 / NUM_FOLDS,
            seed=derive_seed(seed, "search", "cut", number),
            group=group,
            time=time,
            dedupe="group" if split.dedupe == "group" and not time else "keep",
        )
        return parts.train, parts.test
    repetition, fold = divmod(number, NUM_FOLDS)
    order = np.random.default_rng(derive_seed(seed, "search", "folds", repetition)).permutation(len(train))
    folds = np.arange(len(train))
    if train.schema.task == "classes":
        codes = np.unique(as_labels(train.frame[train.schema.target]).astype(str), return_inverse=True)[1]
        order = order[np.argsort(codes[order], kind="stable")]  # class by class, in random order within
        folds = np.where(np.bincount(codes)[codes[order]] > 1, folds, -NUM_FOLDS - 1)
    held = np.zeros(len(train), dtype=bool)
    held[order] = (folds >= 0) & (folds % NUM_FOLDS == fold)
    return np.flatnonzero(~held), np.flatnonzero(held)
