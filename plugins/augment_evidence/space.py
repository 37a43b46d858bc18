"""Rows as points: what likeness means for each kind of data.

Shapes: N rows, D dimensions.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import numpy as np

from augment.data import Dataset, Modality
from augment.toolkit.audio.descriptor import describe
from augment.toolkit.audio.recordings import recordings_of
from augment.toolkit.tables.matrix import TableEncoder
from augment_evidence.history_points import history_points
from augment_evidence.series_points import series_points, series_scale

__all__ = ["POINTS_OF", "SIDE", "Space", "pixels"]

POINTS_OF: frozenset[Modality] = frozenset({"table", "image", "text", "series", "audio", "tokens"})
SIDE = 16  # images are compared at no more pixels a side, which also sees through faint noise
NUM_GRAMS = 512  # dimensions that runs of letters are hashed into


class Space:
    """Where rows lie, learnt from the training part; the target and ids do not count.

    * tables: numbers standardised and damped beyond a standard deviation, two labels at distance 1; texts are left out;
    * images: the array alone, averaged down to at most 16 pixels a side;
    * texts: how often each run of three or four letters stands in them, hashed, at length 1;
    * series: each channel standardised, labels of a channel at distance 1; the means of at most 32 stretches of the
      time, and the standard deviations within them, over what is there; and how long a series is, where that differs;
    * recordings: the array alone, as what rises above silence in each mel band, wherever in time it comes; louder,
      shifted and mildly noisy copies stay near (see `augment.toolkit.audio.descriptor`);
    * histories: which items, and which pairs of items in a row, a user met, hashed, at length 1.
    """

    def __init__(self, modality: Modality, encoder: TableEncoder | None, scale: np.ndarray):
        self._modality, self._encoder, self._scale = modality, encoder, scale

    @classmethod
    def fit(cls, train: Dataset) -> Self:
        """Learn the scale of each column or channel."""
        modality = train.schema.modality
        scale = series_scale(train) if modality == "series" else np.zeros((0, 2))
        return cls(modality, TableEncoder.fit(train) if modality == "table" else None, scale)

    def points(self, data: Dataset) -> np.ndarray:
        """float32 (N, D)."""
        schema = data.schema
        if self._modality == "image":
            return pixels(data.arrays[schema.find_array("image")], SIDE).reshape(len(data), -1)
        if self._modality == "text":
            return _grams(data.texts())
        if self._modality == "series":
            return series_points(data, self._scale)
        if self._modality == "audio":
            return describe(*recordings_of(data))
        if self._modality == "tokens":
            return history_points(data)
        assert self._encoder is not None
        # arcsinh: straight near the mean and logarithmic far out, so that no outlier outweighs all other columns
        matrix = np.arcsinh(self._encoder.encode(data.frame))
        matrix[:, self._encoder.categorical] /= np.arcsinh(1) * np.sqrt(2)  # two labels are at distance 1
        points: np.ndarray = matrix.astype(np.float32)
        return points

    @property
    def column_starts(self) -> np.ndarray:
        """Where each column of a table begins among the D dimensions; empty for other kinds of data."""
        slices = {} if self._encoder is None else self._encoder.slices
        return np.array([one.start for one in slices.values() if one.stop > one.start], dtype=np.int64)

    def to_state(self) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        """Tensors and JSON values, for `augment.plugin.write_state` among others of the caller's."""
        tensors, values = self._encoder.to_state() if self._encoder is not None else ({}, None)
        encoder = {f"space/{name}": tensor for name, tensor in tensors.items()}
        return {"space-scale": self._scale, **encoder}, {"modality": self._modality, "encoder": values}

    @classmethod
    def from_state(cls, tensors: Mapping[str, np.ndarray], values: Mapping[str, Any]) -> Self:
        """The inverse of `to_state`; `tensors` may hold others too."""
        encoder = None
        if values["encoder"] is not None:
            own = {name.removeprefix("space/"): tensor for name, tensor in tensors.items() if name.startswith("space/")}
            encoder = TableEncoder.from_state(own, values["encoder"])
        return cls(values["modality"], encoder, tensors["space-scale"])


def _grams(texts: list[str]) -> np.ndarray:
    from sklearn.feature_extraction.text import HashingVectorizer

    hashed = HashingVectorizer(analyzer="char_wb", ngram_range=(3, 4), n_features=NUM_GRAMS, dtype=np.float32)
    points: np.ndarray = hashed.transform(texts).toarray()
    return points


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
