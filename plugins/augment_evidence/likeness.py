"""How near rows lie to real ones, also if somebody has changed a value, moved an image, or added noise.

Shapes: M queries, R reference rows, D dimensions, H and W at most 16, C channels.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np

from augment.data import Dataset
from augment_evidence.equal_rows import row_hashes
from augment_evidence.nearest_neighbors import nearest_rows
from augment_evidence.space import SIDE, Space, pixels

__all__ = ["Likeness", "likenesses_of"]

NUM_CANDIDATES = 15  # nearest rows by all columns, among which the nearest but for one column is looked for
MIN_COLUMNS = 4  # with fewer, rows that agree but for one column are many
BLOCK = 256


class Likeness(ABC):
    """One way to measure how near rows lie."""

    @abstractmethod
    def points(self, data: Dataset) -> np.ndarray:
        """One point a row: (N, D)."""

    @abstractmethod
    def nearest(
        self, queries: np.ndarray, reference: np.ndarray, own: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """The distance to the nearest reference row, float32 (M,), and which it is; arguments as `nearest_rows`."""


def likenesses_of(train: Dataset, holdout: Dataset) -> list[Likeness]:
    """The measures for this kind of data, learnt from both real parts alike."""
    schema = train.schema
    if schema.modality == "image":
        return [_Shifted()]
    space = Space.fit(Dataset.concat([train, holdout]))
    if schema.modality != "table":
        return [_Whole(space)]
    starts = space.column_starts
    if not len(starts):
        return [_Equal()]  # a table of texts alone
    return [_Whole(space), _ButOne(space, starts)] if len(starts) >= MIN_COLUMNS else [_Whole(space)]


class _Whole(Likeness):
    """The distance in `Space`."""

    def __init__(self, space: Space):
        self._space = space

    def points(self, data: Dataset) -> np.ndarray:
        points: np.ndarray = self._space.points(data)
        return points

    def nearest(
        self, queries: np.ndarray, reference: np.ndarray, own: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        distances, positions = nearest_rows(queries, reference, 1, own)
        return distances[:, 0], positions[:, 0]


class _ButOne(_Whole):
    """The same without the column that differs most: a copy of which one value was changed is at distance 0."""

    def __init__(self, space: Space, starts: np.ndarray):
        super().__init__(space)
        self._starts = starts

    def nearest(
        self, queries: np.ndarray, reference: np.ndarray, own: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        count = min(NUM_CANDIDATES, len(reference) - (own is not None))
        _, candidates = nearest_rows(queries, reference, count, own)
        distances, nearest = np.empty(len(queries), np.float32), np.empty(len(queries), np.int64)
        for start in range(0, len(queries), BLOCK):
            rows = slice(start, start + BLOCK)
            squares = (queries[rows, np.newaxis] - reference[candidates[rows]]) ** 2  # (M, candidates, D)
            by_column = np.add.reduceat(squares, self._starts, axis=2)
            rest = np.sort(by_column, axis=2)[..., :-1].sum(axis=2)
            best = rest.argmin(axis=1)[:, np.newaxis]
            distances[rows] = np.sqrt(np.take_along_axis(rest, best, axis=1)[:, 0])
            nearest[rows] = np.take_along_axis(candidates[rows], best, axis=1)[:, 0]
        return distances, nearest


class _Shifted(Likeness):
    """Images of at most 16 pixels a side, each at mean 0 and deviation 1, shifted by up to one to lie nearest."""

    def __init__(self) -> None:
        self._shape: tuple[int, ...] = ()

    def points(self, data: Dataset) -> np.ndarray:
        images = pixels(data.arrays[data.schema.find_array("image")], SIDE)
        self._shape = images.shape[1:]
        images = images - images.mean(axis=(1, 2, 3), keepdims=True)
        images /= np.maximum(images.std(axis=(1, 2, 3), keepdims=True), 1e-2)
        points: np.ndarray = images.reshape(len(images), -1)
        return points

    def nearest(
        self, queries: np.ndarray, reference: np.ndarray, own: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        height, width = self._shape[:2]
        padded = np.pad(queries.reshape(-1, *self._shape), ((0, 0), (1, 1), (1, 1), (0, 0)), mode="edge")
        distances, positions = np.full(len(queries), np.inf, np.float32), np.zeros(len(queries), np.int64)
        for down, across in np.ndindex(5, 5):  # in half pixels, the first two up and to the left
            images = _halved(padded, 1, down, height)
            shifted = _halved(images, 2, across, width).reshape(len(queries), -1)
            found, rows = (one[:, 0] for one in nearest_rows(shifted, reference, 1, own))
            nearer = found < distances
            distances[nearer], positions[nearer] = found[nearer], rows[nearer]
        return distances, positions


def _halved(padded: np.ndarray, axis: int, half_pixels: int, size: int) -> np.ndarray:
    """Images from so many half pixels on along an axis; between two pixels is their mean."""
    first, second = (
        np.take(padded, np.arange(start, start + size), axis=axis) for start in (half_pixels // 2, -(-half_pixels // 2))
    )
    halved: np.ndarray = (first + second) / 2
    return halved


class _Equal(Likeness):
    """0 for equal rows, 1 for others."""

    def points(self, data: Dataset) -> np.ndarray:
        return row_hashes(data)

    def nearest(
        self, queries: np.ndarray, reference: np.ndarray, own: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        values, first, counts = np.unique(reference, return_index=True, return_counts=True)
        place = np.minimum(np.searchsorted(values, queries), len(values) - 1)
        is_equal = (values[place] == queries) & (counts[place] > (0 if own is None else 1))
        return np.where(is_equal, 0, 1).astype(np.float32), first[place]
