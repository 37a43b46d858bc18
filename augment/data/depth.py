"""Images of 16 bits a value as images of 8 bits, and back: from the range of the training part.

Shapes: N rows, H height, W width, C channels.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from augment.data.dataset import Dataset
from augment.data.declarations import MAX_LEVEL, Levels

__all__ = ["MAX_LEVEL", "Levels", "narrowed", "notes_on_depth", "observe_levels", "to_8_bits", "widened"]

MIN_GREYS = 64  # fewer that are left are worth a note
BLOCK = 256  # images at once


def narrowed(values: np.ndarray, levels: Levels) -> np.ndarray:
    """Values of 16 bits as 8 bits, uint8: `levels` become 0 and 255, and those beyond become these as well.

    >>> narrowed(np.array([90, 100, 150, 200]), (100, 200)).tolist()
    [0, 0, 128, 255]
    """
    low, high = levels
    span = max(1, high - low)
    steps = ((np.clip(values.astype(np.int64), low, high) - low) * 510 + span) // (2 * span)
    return steps.astype(np.uint8)


def widened(pixels: np.ndarray, levels: Levels) -> np.ndarray:
    """The inverse of `narrowed`, uint16, as far as there are as many values.

    >>> widened(np.array([0, 128, 255], np.uint8), (100, 4095)).tolist()
    [100, 2105, 4095]
    """
    low, high = levels
    return (low + (pixels.astype(np.int64) * (high - low) * 2 + 255) // 510).astype(np.uint16)


def observe_levels(data: Dataset) -> dict[str, Levels]:
    """Name to the lowest and the highest value of each array of images with 16 bits."""
    return {
        name: (int(values.min()), max(int(values.max()), int(values.min()) + 1))
        for name, values in data.arrays.items()
        if data.schema.arrays[name].type == "image" and values.dtype == np.uint16 and values.size
    }


def to_8_bits(data: Dataset, levels: Mapping[str, Levels], folder: Path) -> Dataset:
    """The rows with these arrays of images in 8 bits; their schema says with which levels.

    Args:
        data: N rows, images (N, H, W, C) uint16.
        levels: name of array to its levels.
        folder: where the result may lie in files.
    """
    arrays, described = dict(data.arrays), dict(data.schema.arrays)
    for name, own in levels.items():
        deep, file = arrays[name], folder / f"{name}.npy"
        folder.mkdir(parents=True, exist_ok=True)
        images = np.lib.format.open_memmap(file, "w+", np.uint8, deep.shape) if deep.size else deep.astype(np.uint8)
        for start in range(0, len(deep), BLOCK):
            images[start : start + BLOCK] = narrowed(deep[start : start + BLOCK], own)
        arrays[name] = images
        described[name] = described[name].model_copy(update={"dtype": "uint8", "levels": own})
    return Dataset(data.frame, arrays, data.schema.model_copy(update={"arrays": described}))


def notes_on_depth(train: Dataset, levels: Mapping[str, Levels]) -> list[str]:
    """What a person should know of the change, from the training part with 16 bits."""
    notes = []
    for name, (low, high) in levels.items():
        values = np.zeros(MAX_LEVEL + 1, bool)
        for start in range(0, len(train), BLOCK):
            values[np.unique(train.arrays[name][start : start + BLOCK])] = True
        present = np.flatnonzero(values)
        num_greys = len(np.unique(narrowed(present, (low, high))))
        few = num_greys < min(MIN_GREYS, len(present))
        notes.append(
            f"images of 16 bits are learnt with 8: {low} becomes 0 and {high} becomes 255, the range of the training "
            f"part; {num_greys:,} of its {len(present):,} values are kept apart"
            + ("; set `levels` to the values that matter, such as `levels: [0, 4095]` for 12 bits" if few else "")
        )
    return notes
