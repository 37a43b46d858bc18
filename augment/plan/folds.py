"""Splits of the training part for a search: repeated cross-validation, so that seeds share as little as they can."""

from __future__ import annotations

import numpy as np

from augment.data import Dataset, as_labels
from augment.errors import DataError
from augment.plan.independent_units import cut_blocks, find_units
from augment.plan.split import complete_values
from augment.plugin.context import derive_seed
from augment.spec.models import Split
from augment.statistics.units import Units

__all__ = ["NUM_FOLDS", "count_independent", "explain_few_units", "inner_cut"]

NUM_FOLDS = 5  # of one repetition; a fifth of the rows validates


def inner_cut(train: Dataset, split: Split, seed: int, number: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows to learn from and rows to judge by, (n,) int64 each, ascending, for one seed of a search.

    Seeds 0 to 4 are the folds of a cross-validation, 5 to 9 those of another, and so on.

    * Folds hold the classes alike, and a class of one row is never judged by.
    * Groups are dealt whole, at random and so that folds have about as many rows, and each judges once in a repetition.
    * With time, the later half of the rows is cut into blocks. Each of them judges what was learnt from all earlier
      rows (rolling origins), so that no two folds judge by the same rows. All repetitions have the same blocks.

    Args:
        train: the training part.
        split: how the hold-out was cut; groups, equal rows and time are respected here too.
        seed: of the run.
        number: of the seed, from 0.

    Raises:
        DataError: such rows cannot be cut.
    """
    if split.time in train.schema.columns:  # a transform may have dropped it
        blocks = cut_blocks(complete_values(train, str(split.time)), 2 * NUM_FOLDS)
        num_blocks = int(blocks.max()) + 1
        if num_blocks < 2:
            raise DataError(f"all {len(train)} training rows have the same {split.time!r}")
        num_judging = num_blocks // 2
        judging = num_blocks - num_judging + number % num_judging
        return np.flatnonzero(blocks < judging), np.flatnonzero(blocks == judging)
    repetition, fold = divmod(number, NUM_FOLDS)
    rng = np.random.default_rng(derive_seed(seed, "search", "folds", repetition))
    if _has_groups(train, split):
        folds = _deal(find_units(train, split)[0], rng)
        if not folds.any():
            raise DataError(f"all {len(train)} training rows belong to one group")
        held = folds == fold % (int(folds.max()) + 1)
        return np.flatnonzero(~held), np.flatnonzero(held)
    order = rng.permutation(len(train))
    folds = np.arange(len(train))
    if train.schema.task == "classes":
        codes = np.unique(as_labels(train.frame[train.schema.target]).astype(str), return_inverse=True)[1]
        order = order[np.argsort(codes[order], kind="stable")]  # class by class, in random order within
        folds = np.where(np.bincount(codes)[codes[order]] > 1, folds, -NUM_FOLDS - 1)
    held = np.zeros(len(train), dtype=bool)
    held[order] = (folds >= 0) & (folds % NUM_FOLDS == fold)
    return np.flatnonzero(~held), np.flatnonzero(held)


def explain_few_units(train: Dataset, split: Split) -> str:
    """Why the folds of a search would say too little, because each has too few groups or moments; empty otherwise."""
    if split.time in train.schema.columns:
        num_blocks = int(cut_blocks(complete_values(train, str(split.time)), 2 * NUM_FOLDS).max()) + 1
        if num_blocks < 2 * NUM_FOLDS:
            return (
                f"the training rows have too few different values of {split.time!r} for {2 * NUM_FOLDS} blocks of time"
            )
    elif _has_groups(train, split):
        units = find_units(train, split)[0]
        if round(units.effective) < NUM_FOLDS:
            return (
                f"{units.count} {units.name} in the training part say as much as {units.effective:.1f} of equal size; "
                f"at least {NUM_FOLDS} are needed to tell candidates from chance"
            )
    return ""


def count_independent(train: Dataset, split: Split) -> int | None:
    """How many folds are independent of each other; None where rows are, so that each fold averages over many. A fold
    that is one stretch of time or a few groups says as much in each repetition."""
    return NUM_FOLDS if split.time in train.schema.columns or _has_groups(train, split) else None


def _has_groups(train: Dataset, split: Split) -> bool:
    return split.group in train.schema.columns or split.dedupe == "group"


def _deal(units: Units, rng: np.random.Generator) -> np.ndarray:
    """The fold of each row, (N,) int64: units in random order, each to the fold that has the fewest rows."""
    sizes = np.bincount(units.codes)
    rows, fold_of = np.zeros(min(NUM_FOLDS, len(sizes))), np.zeros(len(sizes), dtype=np.int64)
    for unit in rng.permutation(len(sizes)):
        fold_of[unit] = rows.argmin()
        rows[fold_of[unit]] += sizes[unit]
    return np.asarray(fold_of[units.codes])
