"""The recordings of a dataset as numbers. Shapes: N recordings, T samples."""

from __future__ import annotations

import numpy as np

from augment.data import Dataset, Schema

__all__ = ["rate_of", "recordings_of", "seconds_of"]

USUAL_RATE = 16_000.0  # Hz, of an array in memory whose rate nobody said


def recordings_of(data: Dataset) -> tuple[np.ndarray, np.ndarray, float]:
    """float (N, T) in [-1, 1], the samples of each recording without padding (N,), and the rate in Hz."""
    name = data.schema.find_array("audio")
    return data.arrays[name], data.lengths(name), rate_of(data.schema)


def rate_of(schema: Schema) -> float:
    """Samples per second."""
    return schema.arrays[schema.find_array("audio")].rate or USUAL_RATE


def seconds_of(schema: Schema) -> float:
    """How long the longest recording is."""
    return schema.arrays[schema.find_array("audio")].shape[0] / rate_of(schema)
