"""Small audio files, made by code: good ones, and such as users have that are not."""

from __future__ import annotations

import struct

import numpy as np

RATE = 8000


def tone(seconds=0.1, hertz=440.0, level=0.5, rate=RATE):
    """A sine (T,) float32."""
    return (level * np.sin(2 * np.pi * hertz * np.arange(int(seconds * rate)) / rate)).astype(np.float32)


def wav(samples, rate=RATE, *, coding=1, bits=16, claimed=None, channels=None, extensible=False, head=b"RIFF"):
    """The bytes of a wav file.

    Args:
        samples: (T,) or (T, C) float.
        rate: in Hz, as it is claimed.
        coding: 1 for PCM, 3 for floating point, others as they are called.
        bits: of a sample.
        claimed: the size of the samples that the header claims, in bytes; by default their size.
        channels: the number of them that it claims.
        extensible: whether the coding stands in an extension.
        head: the first four bytes.
    """
    samples = np.asarray(samples, dtype=np.float64)
    samples = samples[:, None] if samples.ndim == 1 else samples
    if coding == 3:
        content = samples.astype(f"<f{bits // 8}").tobytes()
    elif bits == 8:
        content = np.clip(np.rint(samples * 128 + 128), 0, 255).astype(np.uint8).tobytes()
    else:
        full = 2 ** (bits - 1)
        whole = np.clip(np.rint(samples * full), -full, full - 1).astype("<i4")
        content = whole.reshape(-1, 1).view(np.uint8).reshape(-1, 4)[:, : bits // 8].tobytes()
    num_channels = samples.shape[1] if channels is None else channels
    frame = num_channels * bits // 8
    said = 0xFFFE if extensible else coding
    form = struct.pack("<HHIIHH", said, num_channels, rate, (rate * frame) & 0xFFFFFFFF, frame & 0xFFFF, bits)
    if extensible:
        form += struct.pack("<HHIH", 22, bits, 0, coding) + bytes(14)
    size = len(content) if claimed is None else claimed
    chunks = b"WAVE" + struct.pack("<4sI", b"fmt ", len(form)) + form + struct.pack("<4sI", b"data", size) + content
    return head + struct.pack("<I", (len(chunks)) & 0xFFFFFFFF) + chunks


def put(path, content):
    """Write a file, or a tone of that many seconds, and the folders that it lies in."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(wav(tone(content)) if isinstance(content, float) else content)
    return path
