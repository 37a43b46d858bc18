"""Pictures of one size laid one after the other: in memory, or in a file where they take much room.

Shapes: N pictures, H height, W width, C channels.
"""

from __future__ import annotations

import io
import math
import tempfile
from pathlib import Path
from typing import IO

import numpy as np

from augment_images.decoding import widen

IN_MEMORY = 256 * 1024 * 1024  # bytes; more goes to a file, which the system keeps in memory as far as there is room
BLOCK = 16 * 1024 * 1024  # bytes read at once where what is in the file has to be changed


class Stack:
    """Takes pictures (H, W, C) of one height, width and type, and gives all of them as one array.

    Args:
        most: how many pictures there may be.
        folder: where a file is made if need be. It has no name, and is gone when nothing uses it any more.
    """

    def __init__(self, most: int, folder: Path):
        self._most, self._folder = most, folder
        self._shape: tuple[int, ...] = (0, 0, 0)
        self._file: IO[bytes] = io.BytesIO()
        self._count = 0
        self._type = np.dtype(np.uint8)

    def add(self, pixels: np.ndarray) -> None:
        """Put one picture behind the others. All get as many channels as the one that has most."""
        self._type = pixels.dtype
        if pixels.shape[2] > self._shape[2]:
            self._widen(pixels.shape)
        self._file.write(np.ascontiguousarray(widen(pixels, self._shape[2])).data)
        self._count += 1

    def array(self) -> np.ndarray:
        """All of them, (N, H, W, C); a read-only memory map where they are in a file. Nothing is added after."""
        shape = (self._count, *self._shape)
        if isinstance(self._file, io.BytesIO):
            return np.frombuffer(self._file.getbuffer(), self._type).reshape(shape)
        with self._file as file:
            file.flush()
            return np.memmap(file, self._type, "r", shape=shape)

    def _widen(self, shape: tuple[int, ...]) -> None:
        before, size = self._file, math.prod(self._shape) * self._type.itemsize
        large = self._most * math.prod(shape) * self._type.itemsize > IN_MEMORY
        self._file = tempfile.TemporaryFile(dir=self._folder) if large else io.BytesIO()  # noqa: SIM115
        if self._count:
            before.seek(0)
            while content := before.read(max(1, BLOCK // size) * size):
                pictures = np.frombuffer(content, self._type).reshape(-1, *self._shape)
                self._file.write(np.ascontiguousarray(widen(pictures, shape[2])).data)
        before.close()
        self._shape = shape
