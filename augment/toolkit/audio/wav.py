"""Wav files without a library: PCM of 8 to 32 bits and floating point. No size that a header claims is trusted.

The format: Microsoft and IBM, "Multimedia Programming Interface and Data Specifications 1.0", 1991.

Shapes: T samples in time, C channels.
"""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np

__all__ = ["Layout", "encode_wav", "find_layout", "read_samples", "to_16_bits"]

PCM, FLOAT, EXTENSIBLE = 1, 3, 0xFFFE
UNKNOWN_SIZE = 0x7FFFF000  # bytes: programs that write into a pipe claim this or more
MAX_CHUNKS = 1_000  # before the samples
FULL_SCALE = 32_768  # of 16 bits


class BadRecordingError(Exception):
    """A file cannot be read as one recording; the message says why."""

    def __init__(self, why: str):
        super().__init__(why)


@dataclass(frozen=True)
class Layout:
    """Where the samples of a wav file are, and how they are stored.

    Attributes:
        rate: in Hz, as claimed.
        num_channels: C, as claimed.
        start: position of the first byte of the samples.
        num_bytes: of the samples; never more than the file has.
        dtype: numpy's name of a stored sample; `u3` for 24 bits, empty for a coding that is not PCM or floating point.
    """

    rate: int
    num_channels: int
    start: int
    num_bytes: int
    dtype: str

    @property
    def num_samples(self) -> int:
        """T; only where there is a `dtype`."""
        return self.num_bytes // (self.num_channels * int(self.dtype[-1]))

    @property
    def coding(self) -> str:
        """What the samples are, in words."""
        width = int(self.dtype[-1:] or 0) * 8
        return f"{width}-bit {'float' if 'f' in self.dtype else 'PCM'}" if width else "compressed wav"


def find_layout(file: BinaryIO) -> Layout | None:
    """The layout of an open wav file; None if it is not one.

    Samples of unknown size (0, or nearly the most that the field holds) last until the end of the file.

    Raises:
        BadRecordingError: it has no description or no samples, or fewer than its header claims.
    """
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    head = file.read(12)
    if head[:4] != b"RIFF" or head[8:] != b"WAVE":
        return None
    described: bytes | None = None
    for _ in range(MAX_CHUNKS):
        chunk = file.read(8)
        if len(chunk) < 8:
            break
        name, claimed = chunk[:4], int.from_bytes(chunk[4:], "little")
        start = file.tell()
        if name == b"data" and described is not None:
            return _layout(described, start, _checked_size(file, start, claimed, size))
        if name == b"fmt ":
            described = file.read(min(claimed, 40))
        file.seek(start + claimed + claimed % 2)
    raise BadRecordingError("its header is broken or cut short: it describes no samples")


def _checked_size(file: BinaryIO, start: int, claimed: int, size: int) -> int:
    there = size - start
    if claimed >= UNKNOWN_SIZE:
        return min(claimed, there)
    if claimed == 0 and there:
        # a writer that was stopped has not come to say the size; one that wrote no samples may have written remarks
        following = file.read(8)
        is_chunk = following[:4].isalpha() and int.from_bytes(following[4:], "little") <= there - 8
        return 0 if is_chunk else there
    if claimed > there:
        raise BadRecordingError(
            f"is cut short: its header claims {claimed:,} bytes of samples, and {there:,} are there"
        )
    return claimed


def _layout(described: bytes, start: int, num_bytes: int) -> Layout:
    if len(described) < 16:
        raise BadRecordingError("its header is broken: the description is too short")
    coding, num_channels, rate, _, frame_bytes, bits = struct.unpack("<HHIIHH", described[:16])
    if coding == EXTENSIBLE and len(described) >= 26:
        coding = int.from_bytes(described[24:26], "little")
    # 12 bits stand in 16, or in what the frame has room for
    width = frame_bytes // num_channels if num_channels and frame_bytes % num_channels == 0 else 0
    width = width if width >= (bits + 7) // 8 > 0 else (bits + 7) // 8
    known = {(PCM, 1): "u1", (PCM, 2): "<i2", (PCM, 3): "u3", (PCM, 4): "<i4", (FLOAT, 4): "<f4", (FLOAT, 8): "<f8"}
    return Layout(rate, num_channels, start, num_bytes, known.get((coding, width), ""))


def read_samples(file: BinaryIO, layout: Layout, max_samples: int) -> np.ndarray:
    """The first samples of a wav file whose layout has a `dtype`, (T, C) float32; PCM is in [-1, 1].

    Args:
        file: open for reading.
        layout: of it.
        max_samples: the largest T.
    """
    frame = layout.num_channels * int(layout.dtype[-1])
    file.seek(layout.start)
    content = file.read(min(layout.num_bytes // frame, max_samples) * frame)
    content = content[: len(content) // frame * frame]
    if layout.dtype == "u3":
        padded = np.zeros((len(content) // 3, 4), dtype=np.uint8)  # 24 bits as the upper ones of 32
        padded[:, 1:] = np.frombuffer(content, dtype=np.uint8).reshape(-1, 3)
        stored = padded.reshape(-1).view("<i4")
    else:
        stored = np.frombuffer(content, dtype=layout.dtype)
    with np.errstate(over="ignore"):  # what does not fit becomes infinite, and is refused as such
        samples = stored.astype(np.float32)
    if layout.dtype == "u1":
        samples -= 128
    if stored.dtype.kind != "f":
        samples /= {"u1": 2**7, "<i2": 2**15, "u3": 2**31, "<i4": 2**31}[layout.dtype]
    return samples.reshape(-1, layout.num_channels)


def to_16_bits(samples: np.ndarray) -> np.ndarray:
    """Samples in [-1, 1] as 16-bit integers of the same shape. Those that came from 16 bits are the same again."""
    whole: np.ndarray = np.clip(np.rint(samples * np.float32(FULL_SCALE)), -FULL_SCALE, FULL_SCALE - 1).astype("<i2")
    return whole


def encode_wav(samples: np.ndarray, rate: int) -> bytes:
    """The bytes of a 16-bit PCM wav file with one channel; equal bytes for equal samples.

    Args:
        samples: (T,) float in [-1, 1].
        rate: in Hz.
    """
    content = to_16_bits(samples).tobytes()
    description = struct.pack("<4sIHHIIHH", b"fmt ", 16, PCM, 1, rate, 2 * rate, 2, 16)
    return b"".join(
        [
            struct.pack("<4sI4s", b"RIFF", 4 + len(description) + 8 + len(content), b"WAVE"),
            description,
            struct.pack("<4sI", b"data", len(content)),
            content,
        ]
    )
