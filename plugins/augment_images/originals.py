"""The files that images came from, so that what was not changed is written as it was, byte by byte."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from augment.data import Levels
from augment_images.decoding import JPEG, SUFFIXES, BadImageError, decode, pixel_limit, widen

__all__ = ["Originals"]

MAX_PIXELS = 64_000_000  # as sources have it by default
ALIKE = (JPEG, (".tif", ".tiff"))  # endings of one form

log = logging.getLogger("augment")


class Originals:
    """Image files by what they show.

    Args:
        folders: where they lie, in folders at any depth.
        ending: of the files that are wanted.
        levels: which values of 16 bits images were scaled with.
        num_channels: of the images.
    """

    def __init__(self, folders: Sequence[Path], ending: str, levels: Levels | None, num_channels: int):
        endings = next((own for own in ALIKE if ending in own), (ending,))
        self._files: dict[bytes, Path] = {}
        for folder in folders:
            if not folder.is_dir():
                log.warning("sink image-folder: %s is no folder any more; its images are encoded anew", folder.name)
            for file in sorted(folder.rglob("*")):
                suffix = file.suffix.lower()
                if suffix in SUFFIXES and suffix in endings and file.is_file():
                    self._add(file, levels, num_channels)

    def _add(self, file: Path, levels: Levels | None, num_channels: int) -> None:
        try:
            with pixel_limit(MAX_PIXELS):
                pixels = decode(file, "auto", None, levels).pixels
        except BadImageError:
            return
        if pixels.dtype == np.uint8 and pixels.shape[2] <= num_channels:
            self._files.setdefault(_digest(widen(pixels, num_channels)), file)

    def find(self, pixels: np.ndarray) -> bytes | None:
        """The content of a file that shows these pixels (H, W, C) uint8; None if there is none."""
        file = self._files.get(_digest(pixels))
        return None if file is None else file.read_bytes()


def _digest(pixels: np.ndarray) -> bytes:
    return hashlib.sha256(repr(pixels.shape).encode() + np.ascontiguousarray(pixels).tobytes()).digest()
