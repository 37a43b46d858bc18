"""Rows as things to compare: equal or not, near or far, and alike in their mix of classes.

Shapes: N rows, M queries, R reference rows, D dimensions, H height, W width, C channels.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from augment.data import Dataset, labels_of
from augment_evidence.histories import items_of

__all__ = [
    "capped",
    "copied_share",
    "distance_ratio",
    "leave_one_out",
    "nearest",
    "pixels",
    "row_hashes",
    "sampled",
    "target_labels",
    "texts_of",
]

BLOCK = 256  # queries compared at once, to bound the memory
SPARE = 4  # so many more neighbours are found by products than are needed, for those can confuse nearly equal distances


def row_hashes(data: Dataset) -> np.ndarray:
    """A hash of what each row is, the target and ids left out: uint64 (N,). Equal rows have equal hashes.

    Where there are arrays they alone count; of histories, the items in their order. Numbers count to 14 digits: that a
    number was scaled and scaled back makes no other row.
    """
    if data.schema.modality == "tokens":
        items, lengths = items_of(data)
        firsts = np.cumsum(lengths) - lengths
        return _hashes((items[first : first + length],) for first, length in zip(firsts, lengths, strict=True))
    if data.arrays:
        return _hashes(zip(*(data.arrays[name] for name in sorted(data.arrays)), strict=True))
    columns = {}
    for name in data.schema.features:
        values = data.frame[name]
        if data.schema.columns[name].type in ("number", "integer"):
            mantissa, exponent = np.frexp(values.to_numpy(dtype=np.float64, na_value=np.nan))
            # adding 0.0 makes one zero of 0.0 and -0.0
            columns[name] = np.ldexp(np.rint(mantissa * 2.0**46) + 0.0, exponent)
        elif data.schema.columns[name].type == "datetime":
            columns[name] = values.to_numpy().view(np.int64)
        else:
            columns[name] = pd.Categorical(labels_of(values))
    if not columns:
        return np.zeros(len(data), dtype=np.uint64)
    return pd.util.hash_pandas_object(pd.DataFrame(columns), index=False).to_numpy()


def _hashes(rows: Iterable[Iterable[np.ndarray]]) -> np.ndarray:
    """A hash of each row's numbers, uint64 (N,)."""
    found = []
    for row in rows:
        digest = hashlib.blake2b(digest_size=8)
        for values in row:
            digest.update(np.ascontiguousarray(values))
        found.append(int.from_bytes(digest.digest(), "little"))
    return np.array(found, dtype=np.uint64)


def copied_share(data: Dataset, train: Dataset) -> float:
    """The share of rows that equal a training row."""
    return float(np.isin(row_hashes(data), row_hashes(train)).mean())


def capped(data: Dataset, most: int, rng: np.random.Generator) -> Dataset:
    """All rows, or a seeded sample of `most` of them in their order."""
    return data if len(data) <= most else data.take(sampled(len(data), most, rng))


def sampled(num_rows: int, most: int, rng: np.random.Generator) -> np.ndarray:
    """Positions of all rows, or of a seeded sample of `most` of them, ascending."""
    return np.arange(num_rows) if num_rows <= most else np.sort(rng.choice(num_rows, most, replace=False))


def target_labels(data: Dataset) -> np.ndarray:
    """The class of each row as text, (N,) object; the same empty text for all where the target has no classes."""
    if data.schema.task != "classes":
        return np.full(len(data), "", dtype=object)
    return labels_of(data.frame[data.schema.target])


def common_counts(parts: Sequence[np.ndarray], most: int) -> dict[Any, int]:
    """How many rows of each label all parts have, cut in proportion to at most `most` in all.

    Args:
        parts: the label of each row, (N,), of each part; a None is no label.
        most: rows.
    """
    labels = sorted({label for label in parts[0] if label is not None})
    counts = {label: min(int((part == label).sum()) for part in parts) for label in labels}
    factor = min(1.0, most / max(1, sum(counts.values())))
    return {label: int(count * factor) for label, count in counts.items()}


def rows_of_each(
    labels: np.ndarray, counts: Mapping[Any, int], rng: np.random.Generator, replace: bool = False
) -> np.ndarray:
    """Positions of so many rows of each label, drawn at random."""
    drawn = [rng.choice(np.flatnonzero(labels == label), count, replace) for label, count in counts.items() if count]
    return np.concatenate([np.empty(0, np.int64), *drawn])


def rows_in_shares(labels: np.ndarray, counts: Mapping[Any, int], most: int, rng: np.random.Generator) -> np.ndarray:
    """Positions of as many rows as there are with labels in the shares of these counts, at most about `most`.

    Labels that no row has are left out.
    """
    there = {label: int((labels == label).sum()) for label, count in counts.items() if count}
    wanted = {label: counts[label] for label, num in there.items() if num}
    factor = min((there[label] / count for label, count in wanted.items()), default=0.0)
    factor = min(factor, most / max(1, sum(wanted.values())))
    return rows_of_each(labels, {label: max(1, int(count * factor + 1e-9)) for label, count in wanted.items()}, rng)


def texts_of(data: Dataset) -> list[str]:
    """The text of each row, N of them; a missing one is empty."""
    texts: list[str] = data.frame[str(data.schema.text_payload)].fillna("").astype(object).tolist()
    return texts


def pixels(images: np.ndarray, side: int) -> np.ndarray:
    """uint8 (N, H, W, C) to float32 in [0, 1], averaged over squares so that H and W are at most `side`."""
    _, height, width, _ = images.shape
    step = -(-max(height, width) // side)
    if step == 1:
        return images.astype(np.float32) / 255
    down, across = np.arange(0, height, step), np.arange(0, width, step)
    area = np.diff([*down, height])[:, None, None] * np.diff([*across, width])[:, None]  # (H', W', 1)
    small = np.empty((len(images), len(down), len(across), images.shape[3]), dtype=np.float32)
    for start in range(0, len(images), 64):  # few at a time: as floats they take four times their room
        block = images[start : start + 64].astype(np.float32)
        small[start : start + 64] = np.add.reduceat(np.add.reduceat(block, down, axis=1), across, axis=2) / area
    return small / 255


def nearest(queries: np.ndarray, reference: np.ndarray, count: int, own: np.ndarray | None = None) -> np.ndarray:
    """Distances to the nearest reference rows, ascending: float32 (M, count).

    Args:
        queries: float32 (M, D).
        reference: float32 (R, D), with R > count.
        count: how many neighbours.
        own: the position of each query in the reference, (M,), which is not its neighbour.
    """
    squares = np.einsum("rd,rd->r", reference, reference)
    num_near = min(count + SPARE, len(reference))
    found = np.empty((len(queries), count), dtype=np.float32)
    for start in range(0, len(queries), BLOCK):
        block = queries[start : start + BLOCK]
        rank = squares - 2 * (block @ reference.T)  # squared distances, but for each query's own square
        if own is not None:
            rank[np.arange(len(block)), own[start : start + BLOCK]] = np.inf
        near = np.argpartition(rank, num_near - 1, axis=1)[:, :num_near]
        # Products leave rounding noise that depends on a row's place in the block. Differences do not.
        distance = ((block[:, None] - reference[near]) ** 2).sum(axis=2)
        if own is not None:
            distance[near == own[start : start + BLOCK, None]] = np.inf
        found[start : start + BLOCK] = np.sqrt(np.sort(distance, axis=1)[:, :count])
    return found


def leave_one_out(reference: np.ndarray, rows: np.ndarray, count: int) -> np.ndarray:
    """As `nearest`, of some of the reference's own rows to all the others."""
    return nearest(reference[rows], reference, count, own=rows)


def distance_ratio(distances: np.ndarray) -> np.ndarray:
    """Nearest distance over the mean of the others, (M, count) to float64 (M,); 1 where all are zero.

    About 1 for a row among others and near 0 for one on top of a single other, however dense the rows lie there
    (Carlini et al. 2023, "Extracting training data from diffusion models").
    """
    usual = distances[:, 1:].mean(axis=1, dtype=np.float64)
    return np.divide(distances[:, 0], usual, out=np.ones(len(distances)), where=usual > 0)
