"""Recordings laid one after the other, then as rows of one length: in memory, or in files where they take much room.

Shapes: N recordings, T samples in time.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Self

import numpy as np

IN_MEMORY = 256 * 1024 * 1024  # bytes; more goes to a file, which the system keeps in memory as far as there is room
ITEM = np.dtype(np.float32).itemsize


class Stack:
    """Takes recordings (T_i,) float32 and gives all of them as one array.

    Args:
        folder: where files are made if need be. They have no names, and are gone when nothing uses them any more.
    """

    def __init__(self, folder: Path):
        self._folder = folder
        self._file = tempfile.SpooledTemporaryFile(max_size=IN_MEMORY, dir=str(folder))  # noqa: SIM115
        self._lengths: list[int] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._file.close()

    def add(self, samples: np.ndarray) -> None:
        """Put one recording behind the others."""
        self._file.write(np.ascontiguousarray(samples, dtype=np.float32).tobytes())
        self._lengths.append(len(samples))

    @property
    def lengths(self) -> np.ndarray:
        """T_i of each, (N,) int64."""
        return np.array(self._lengths, dtype=np.int64)

    def array(self, factor: float, room: int = 0) -> np.ndarray:
        """All of them times a factor, (N, T) float32, zeros at their ends, T at least `room`; a read-only memory map
        where they are in a file. Nothing is added after."""
        shape = (len(self._lengths), max([room, *self._lengths]))
        self._file.seek(0)
        if shape[0] * shape[1] * ITEM <= IN_MEMORY:
            rows = np.zeros(shape, dtype=np.float32)
            for row, length in zip(rows, self._lengths, strict=True):
                row[:length] = self._next(length, factor)
            return rows
        with tempfile.TemporaryFile(dir=self._folder) as file:
            padded = np.zeros(shape[1], dtype=np.float32)
            for length in self._lengths:
                padded[:length] = self._next(length, factor)
                padded[length:] = 0
                file.write(padded.data)
            file.flush()
            return np.memmap(file, np.float32, "r", shape=shape)

    def _next(self, length: int, factor: float) -> np.ndarray:
        samples = np.frombuffer(self._file.read(length * ITEM), dtype=np.float32)
        return samples if factor == 1 else samples * np.float32(factor)
