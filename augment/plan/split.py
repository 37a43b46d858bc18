"""Where the hold-out is cut: pure functions of the data, the settings and the seed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import pandas as pd

from augment.data import Dataset, as_labels
from augment.errors import DataError
from augment.plugin.context import derive_seed

__all__ = ["Cut", "complete_values", "cut", "hash_rows", "note_near_duplicates"]

SIDE = 16  # pixels a side at which pictures are compared
NEARLY = 0.05  # of the standard deviation of all pixels: what compressing an image once more may change
MAX_TEST, MAX_TRAIN = 1_000, 20_000  # held-out images that are compared, and training images they are compared with


@dataclass(frozen=True)
class Cut:
    """Which source rows (numbered from 0, ascending) are for training, and which are held out.

    Attributes:
        train: (n_train,) int64.
        test: (n_test,) int64.
        dropped: rows left out of both, (n_dropped,) int64: duplicates, and rows without a target.
        notes: what a person should know.
    """

    train: np.ndarray
    test: np.ndarray
    dropped: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    notes: tuple[str, ...] = ()

    def within(self, cut: np.ndarray, num_rows: int) -> Cut:
        """The same cut with positions in `num_rows` rows, of which only those at (n,) were cut; the others are
        dropped."""
        is_left_out = np.ones(num_rows, dtype=bool)
        is_left_out[cut[self.train]] = is_left_out[cut[self.test]] = False
        return Cut(cut[self.train], cut[self.test], np.flatnonzero(is_left_out), self.notes)


def cut(
    data: Dataset,
    *,
    holdout: float,
    seed: int,
    stratify: str | None = None,
    group: str | None = None,
    time: str | None = None,
    dedupe: Literal["keep", "drop", "group"] = "keep",
) -> Cut:
    """Cut the hold-out.

    Args:
        data: N rows.
        holdout: share of the rows to hold out, between 0 and 1.
        seed: of the run.
        stratify: column whose proportions both parts keep. A label with a single row goes to the training part.
        group: column whose equal values stay on one side; `stratify` is then only approximated by chance.
        time: column by which the latest rows are held out, instead of random ones; rows of one moment stay together.
            It decides alone: `stratify`, `group` and a `dedupe` of `group` are ignored.
        dedupe: `keep` exact duplicates where they fall (and count those across the cut), `drop` all but the first, or
            keep each `group` of duplicates on one side. Ids do not count: rows that differ by them alone are equal.

    Raises:
        DataError: too few rows to hold any out, or a missing value where the cut needs one.
    """
    rows, notes = np.arange(len(data), dtype=np.int64), []
    dropped = rows[:0]
    hashes = hash_rows(data)
    if dedupe == "drop":
        first = ~pd.Series(hashes).duplicated().to_numpy()
        rows, dropped = rows[first], rows[~first]
        if len(dropped):
            notes.append(f"{len(dropped)} exact duplicates of earlier rows were dropped")
    num_test = round(holdout * len(rows))
    if num_test < 1 or num_test >= len(rows):
        raise DataError(
            f"{len(rows)} rows with `split.holdout: {holdout:g}` leave {len(rows) - num_test} training rows and "
            f"{num_test} held-out rows; at least one of each is needed: add rows or change split.holdout"
        )
    rng = np.random.default_rng(derive_seed(seed, "split"))
    if time is not None:
        test = _latest(complete_values(data, time)[rows], num_test)
    elif group is not None or dedupe == "group":
        groups = hashes[rows]
        if group is not None:
            groups = pd.factorize(complete_values(data, group)[rows])[0]
            if dedupe == "group":
                groups = _merged(groups, hashes[rows])
        test = _whole_groups(groups, num_test, rng)
    elif stratify is not None:
        test, note = _stratified(data.frame[stratify].iloc[rows], num_test, rng)
        notes += note
    else:
        test = rng.permutation(len(rows))[:num_test]
    held = np.zeros(len(rows), dtype=bool)
    held[test] = True
    if held.all() or not held.any():
        raise DataError(f"the hold-out cannot be split off: {_why_not(len(rows), stratify, group, time)}")
    train, test = rows[~held], rows[held]
    return Cut(train, test, dropped, (*notes, *_across(hashes, train, test)))


def hash_rows(data: Dataset) -> np.ndarray:
    """A hash of each row without its ids, (N,) uint64."""
    return data.row_hashes(without=data.schema.set_aside)


def _across(hashes: np.ndarray, train: np.ndarray, test: np.ndarray) -> list[str]:
    """A note on rows that lie on both sides of the cut."""
    num_across = int(pd.Series(hashes[test]).isin(hashes[train]).sum())
    if not num_across:
        return []
    return [
        f"{num_across} of {len(test)} held-out rows are exact duplicates of training rows, which makes every score too "
        "good; `split: {dedupe: drop}` or `{dedupe: group}` avoids this"
    ]


def note_near_duplicates(train: Dataset, test: Dataset, seed: int) -> list[str]:
    """Notes on held-out images that are nearly, but not exactly, equal to a training image.

    Equal but for a new compression, a faint noise or a change of size: smaller than `NEARLY` of the standard
    deviation of all pixels, at 16 pixels a side. Large parts are compared by a seeded sample.
    """
    notes = []
    rng = np.random.default_rng(derive_seed(seed, "split", "near"))
    for name, array in train.schema.arrays.items():
        if array.type != "image" or not len(train) or not len(test):
            continue
        held, learned = (
            _thumbnails(part.arrays[name][np.sort(rng.permutation(len(part))[:most])])
            for part, most in ((test, MAX_TEST), (train, MAX_TRAIN))
        )
        limit = (NEARLY * float(learned.std())) ** 2 * learned.shape[1]
        squares = np.einsum("rd,rd->r", learned, learned)
        num_near = 0
        for start in range(0, len(held), 256):
            block = held[start : start + 256]
            nearest = (squares - 2 * (block @ learned.T)).argmin(axis=1)
            distance = ((block - learned[nearest]) ** 2).sum(
                axis=1
            )  # products leave rounding noise; differences do not
            num_near += int(((distance > 0) & (distance < limit)).sum())
        if num_near:
            notes.append(
                f"{num_near} of {len(held)} held-out images that were compared are nearly equal to a training image, "
                "which makes every score too good; give images that belong together the same value in a column, and "
                "name it in `split: {group: ...}`"
            )
    return notes


def _thumbnails(images: np.ndarray) -> np.ndarray:
    """uint8 (N, H, W, C) to float32 (N, D): at most 16 pixels a side, each the mean of a square."""
    height, width = images.shape[1:3]
    step = -(-max(height, width) // SIDE)
    tops, lefts = np.arange(0, height, step), np.arange(0, width, step)
    area = np.diff([*tops, height])[:, None] * np.diff([*lefts, width])
    thumbnails = []
    for start in range(0, len(images), 256):  # few at a time: as floats they take four times their room
        block = images[start : start + 256].astype(np.float32).mean(axis=3)
        sums = np.add.reduceat(np.add.reduceat(block, tops, axis=1), lefts, axis=2)
        thumbnails.append((sums / area).reshape(len(block), -1).astype(np.float32))
    return np.concatenate(thumbnails)


def _why_not(num_rows: int, stratify: str | None, group: str | None, time: str | None) -> str:
    if time is not None:
        return f"all {num_rows} rows have the same {time!r}; leave split.time out, or name another column"
    if group is not None:
        return f"all {num_rows} rows belong to one group by {group!r}; leave split.group out, or name another column"
    if stratify is not None:
        return f"no value of {stratify!r} has two rows, one for each part; write `split: {{stratify: false}}`"
    return f"all {num_rows} rows are equal; use other data"


def complete_values(data: Dataset, name: str) -> np.ndarray:
    """The values of a column, (N,).

    Raises:
        DataError: one is missing.
    """
    values = data.frame[name]
    if values.hasnans:
        row = int(np.flatnonzero(values.isna().to_numpy())[0]) + 1
        raise DataError(f"column {name!r} decides the split and must not have missing values; data row {row} has none")
    return values.to_numpy()


def _latest(times: np.ndarray, num_test: int) -> np.ndarray:
    """The rows of the latest moments, each moment whole; of the two such cuts around `num_test`, the nearer."""
    first = np.sort(times)[len(times) - num_test]  # the earliest moment that the hold-out reaches into
    fewer, more = np.flatnonzero(times > first), np.flatnonzero(times >= first)
    if not len(fewer):
        return more
    return fewer if len(more) == len(times) or num_test - len(fewer) <= len(more) - num_test else more


def _whole_groups(groups: np.ndarray, num_test: int, rng: np.random.Generator) -> np.ndarray:
    """Whole groups in random order, each taken when it brings the hold-out nearer to its size."""
    codes, distinct = pd.factorize(groups)
    sizes = np.bincount(codes, minlength=len(distinct))
    chosen = np.zeros(len(distinct), dtype=bool)
    total = 0
    for candidate in rng.permutation(len(distinct)):
        grown = total + int(sizes[candidate])
        if grown < len(codes) and abs(grown - num_test) < abs(total - num_test):
            chosen[candidate] = True
            total = grown
    if not total and len(distinct) > 1:  # every group is more than twice as large as the hold-out should be
        chosen[np.argmin(sizes)] = True
    return np.flatnonzero(chosen[codes])


def _merged(groups: np.ndarray, hashes: np.ndarray) -> np.ndarray:
    """Groups that share a duplicate row become one (connected components)."""
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    left, right = pd.factorize(groups)[0], pd.factorize(hashes)[0]
    num_left, num_nodes = left.max() + 1, left.max() + right.max() + 2
    edges = coo_matrix((np.ones(len(left)), (left, right + num_left)), shape=(num_nodes, num_nodes))
    components: np.ndarray = connected_components(edges, directed=False)[1]
    return components[left]


def _stratified(values: pd.Series, num_test: int, rng: np.random.Generator) -> tuple[np.ndarray, list[str]]:
    codes, distinct = pd.factorize(values, use_na_sentinel=False)
    labels = as_labels(pd.Series(distinct))
    sizes = np.bincount(codes, minlength=len(distinct))
    most = np.maximum(sizes - 1, 0)  # every label keeps a training row
    wanted = np.minimum(num_test * sizes / len(codes), most)
    counts = np.floor(wanted).astype(int)
    for code in np.argsort(counts - wanted, kind="stable"):  # largest remainders first
        if counts.sum() < num_test and counts[code] < most[code]:
            counts[code] += 1
    order = rng.permutation(len(codes))
    # position of each row among the rows of its label, in random order
    by_label, rank = np.argsort(codes[order], kind="stable"), np.empty(len(codes), dtype=np.int64)
    rank[by_label] = np.arange(len(codes)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    test = order[rank < counts[codes[order]]]
    absent = ["a missing value" if label is None else repr(label) for label in labels[counts == 0]]
    shown = ", ".join(absent[:5]) + (f" and {len(absent) - 5} more" if len(absent) > 5 else "")
    note = f"the hold-out has no rows of {shown}, since there are too few; no score covers them"
    return test, [note] if absent else []
