"""What is independent among the held-out rows: pure functions of the hold-out and the settings of the split."""

from __future__ import annotations

import numpy as np
import pandas as pd

from augment.data import Dataset
from augment.plan.split import complete_values, hash_rows
from augment.spec.models import Split
from augment.statistics.units import Units

__all__ = ["NUM_BLOCKS", "cut_blocks", "find_units"]

NUM_BLOCKS = 10  # of time: what lasts longer than a tenth of the hold-out's time is not seen
SHARED_STEPS = 16  # time steps in a row that two series have in common by no chance
SHARED_SAMPLES = 256  # of recordings, whose quiet parts have few levels and so shorter stretches in common by chance
BITS = 6  # one in 2**6 stretches of a recording counts
MIN_LEVELS = 1000  # different values of a series from which that holds
MAX_STEPS = 20_000_000  # of all series together that are looked at; of longer ones, the beginnings
MOSTLY = 0.5  # share of different values from which equal rows are no chance


def find_units(test: Dataset, split: Split) -> tuple[Units, list[str]]:
    """The independent units of the hold-out, and notes on what was found in it.

    They are blocks of time with `split: {time: ...}`, groups with `{group: ...}`, and single rows otherwise. Equal rows
    are one unit, unless all columns have few values, so that rows are equal by chance; so are series that share a
    stretch of values, as overlapping windows of one recording do.

    Args:
        test: the hold-out as it was read, before transforms.
        split: how it was cut.

    Raises:
        DataError: a value of the column that says it is missing.
    """
    if split.time is not None and split.time in test.frame:
        return Units(cut_blocks(complete_values(test, split.time), NUM_BLOCKS), "blocks of time"), []
    codes, name, notes = np.arange(len(test)), "rows", list[str]()
    if split.group is not None and split.group in test.frame:
        codes, name = pd.factorize(complete_values(test, split.group))[0], f"groups by {split.group!r}"
    hashes = hash_rows(test)
    first = ~pd.Series(hashes).duplicated().to_numpy()
    if not first.all() and (split.dedupe == "group" or _are_unlike(test, first)):
        codes = _connect(codes, np.arange(len(test)), np.unique(hashes, return_inverse=True)[1])
        notes.append(f"{int((~first).sum())} of {len(test)} held-out rows equal others; equal rows count as one")
        name = "different rows" if name == "rows" else name
    rows, snippets = _shared_snippets(test)
    if len(rows):
        codes = _connect(codes, rows, snippets)
        notes.append(
            f"{len(np.unique(rows))} of {len(test)} held-out series share a stretch of values with others, as "
            "overlapping windows do; such series count as one: `split: {group: ...}` by recording keeps them apart "
            "from the training part too"
        )
        name = "sets of overlapping windows" if name == "rows" else name
    return Units.of(codes, name), notes


def cut_blocks(times: np.ndarray, num_blocks: int) -> np.ndarray:
    """The block of time of each row, (N,) int64 from 0: of about as many rows each, and every moment in one."""
    order = np.sort(times)
    before = np.searchsorted(order, times, "left")
    return np.unique(before * num_blocks // len(times), return_inverse=True)[1].astype(np.int64)


def _are_unlike(test: Dataset, first: np.ndarray) -> bool:
    """Whether different rows, (N,) bool, mostly differ in one column already, so that equal ones are no chance."""
    if test.arrays:
        return True
    kinds = ("number", "integer", "datetime", "text")
    columns = [name for name in test.schema.features if test.schema.columns[name].type in kinds]
    return any(test.frame[name][first].nunique() >= MOSTLY * first.sum() for name in columns)


def _connect(codes: np.ndarray, rows: np.ndarray, marks: np.ndarray) -> np.ndarray:
    """Units (N,) that share a mark become one: row `rows[i]` has the mark `marks[i]`, a number from 0."""
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    num_units = int(codes.max()) + 1
    num_nodes = num_units + int(marks.max()) + 1
    edges = coo_matrix((np.ones(len(rows)), (codes[rows], num_units + marks)), shape=(num_nodes, num_nodes))
    component = connected_components(edges, directed=False)[1]
    return np.asarray(component[codes])


def _shared_snippets(test: Dataset) -> tuple[np.ndarray, np.ndarray]:
    """Rows and numbers of the stretches of time steps that they share with other rows, (E,) each."""
    found: list[np.ndarray] = []
    for name, array in test.schema.arrays.items():
        if array.type not in ("series", "audio") or len(test) < 2:
            continue
        row, mark = (_audio_stretches if array.type == "audio" else _stretches)(np.asarray(test.arrays[name]))
        pairs = np.unique(np.stack([row.astype(np.uint64), mark], axis=1), axis=0)
        _, number, count = np.unique(pairs[:, 1], return_inverse=True, return_counts=True)
        shared = count[number] > 1
        offset = sum(int(part[1].max(initial=-1)) + 1 for part in found)
        found.append(np.stack([pairs[shared, 0].astype(np.int64), number[shared] + offset]))
    if not found:
        return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
    rows, marks = np.concatenate(found, axis=1)
    return rows, marks


def _stretches(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Row and hash of each stretch of `SHARED_STEPS` steps in which values change mostly, (E,) each.

    Args:
        values: series (N, T, F).
    """
    if values.shape[1] < SHARED_STEPS:
        return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.uint64)
    values = values[:, : max(SHARED_STEPS, MAX_STEPS // len(values))]
    values = np.nan_to_num(values.reshape(*values.shape[:2], -1).astype(np.float32))
    if len(np.unique(values)) < min(MIN_LEVELS, values.size // 4):
        return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.uint64)
    rng = np.random.default_rng(0)
    odd = rng.integers(0, 2**63, values.shape[2] + SHARED_STEPS, dtype=np.uint64) * np.uint64(2) + np.uint64(1)
    step = (values.view(np.uint32).astype(np.uint64) * odd[SHARED_STEPS:]).sum(axis=2, dtype=np.uint64)  # (N, T)
    num_starts = step.shape[1] - SHARED_STEPS + 1
    stretch = np.zeros((len(step), num_starts), dtype=np.uint64)
    changes = np.zeros(stretch.shape, dtype=np.int64)
    for offset in range(SHARED_STEPS):
        stretch += step[:, offset : offset + num_starts] * odd[offset]
        if offset:
            before = step[:, offset - 1 : offset - 1 + num_starts]
            changes += step[:, offset : offset + num_starts] != before
    moving = changes > SHARED_STEPS // 2  # padding, and a sensor that stands still, are alike by chance
    return np.nonzero(moving)[0], stretch[moving]


def _audio_stretches(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Row and hash of some stretches of `SHARED_SAMPLES` samples in which values change mostly, (E,) each.

    The hash is a polynomial modulo 2**64, from sums over the samples before. Its own bits choose the stretches that
    count, so those of a stretch that two rows share are the same in both, wherever it begins (winnowing: Schleimer,
    Wilkerson and Aiken 2003).

    Args:
        values: recordings (N, T).
    """
    length = min(values.shape[1], max(SHARED_SAMPLES, MAX_STEPS // len(values)))
    base = 0x9E3779B97F4A7C15
    powers = np.cumprod(np.full(length + 1, base, dtype=np.uint64))
    inverse = np.cumprod(np.full(length, pow(base, -1, 2**64), dtype=np.uint64))
    rows, marks = [np.zeros(0, dtype=np.int64)], [np.zeros(0, dtype=np.uint64)]
    for row in range(len(values) if length > SHARED_SAMPLES else 0):
        samples = np.ascontiguousarray(values[row, :length], dtype=np.float32)
        sums = np.zeros(length + 1, dtype=np.uint64)
        np.cumsum(samples.view(np.uint32).astype(np.uint64) * inverse, out=sums[1:])
        num_starts = length - SHARED_SAMPLES + 1
        mark = (sums[SHARED_SAMPLES:] - sums[:num_starts]) * powers[:num_starts]
        mark = (mark ^ (mark >> np.uint64(32))) * np.uint64(base)
        changes = np.concatenate([[0], np.cumsum(samples[1:] != samples[:-1])])
        chosen = mark >> np.uint64(64 - BITS) == 0
        chosen &= changes[SHARED_SAMPLES - 1 :] - changes[:num_starts] > SHARED_SAMPLES // 2
        marks.append(mark[chosen])
        rows.append(np.full(len(marks[-1]), row))
    return np.concatenate(rows), np.concatenate(marks)
