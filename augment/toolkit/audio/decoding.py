"""Audio files turned into samples. No file is trusted: what it is decides its content, and no size in its header.

Wav files of PCM and floating point are read without a library; everything else by libsndfile (the extra `audio`).

Shapes: T samples in time, C channels.
"""

from __future__ import annotations

import io
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from augment.errors import DataError
from augment.toolkit.audio.wav import BadRecordingError, Layout, find_layout, read_samples

__all__ = [
    "SUFFIXES",
    "BadRecordingError",
    "Claims",
    "Recording",
    "TooLongError",
    "check_library",
    "decode",
    "is_audio",
    "read_claims",
]

EXTRA = "pip install 'augment-pipeline[audio]'"
OF_LIBRARY = frozenset(
    {".flac", ".ogg", ".oga", ".opus", ".mp3", ".aif", ".aiff", ".aifc", ".au", ".caf", ".w64", ".rf64"}
)
UNREADABLE = frozenset({".m4a", ".aac", ".wma", ".amr"})  # found, and refused in words
SUFFIXES = frozenset({".wav", ".wave"}) | OF_LIBRARY | UNREADABLE
KINDS = {
    b"fLaC": "a FLAC file",
    b"OggS": "an Ogg file",
    b"FORM": "an AIFF file",
    b"ID3": "an MP3 file",
    b"RIFF": "a compressed wav file",
    b"RF64": "an RF64 file",
    b".snd": "an AU file",
    b"caff": "a CAF file",
}  # by the first bytes
MIN_RATE, MAX_RATE = 1_000, 768_000  # Hz
MAX_CHANNELS = 64
BLOCK = 1 << 18  # samples in time that are decoded at once
UNKNOWN_LENGTH = 1 << 60  # what libsndfile says of a stream that does not know its length is more

_quieting = threading.Lock()


class TooLongError(BadRecordingError):
    """A recording is longer than it may be.

    Attributes:
        seconds: how long it says that it is, or the limit if that is not known.
    """

    def __init__(self, seconds: float, limit: float):
        super().__init__(f"lasts {seconds:,.1f} s, longer than `max_seconds: {limit:g}`")
        self.seconds = seconds


@dataclass(frozen=True)
class Recording:
    """What a file holds.

    Attributes:
        samples: (T, C) float32, finite; in [-1, 1] unless it is stored as floating point.
        rate: in Hz.
        coding: how it is stored, such as `16-bit PCM`.
    """

    samples: np.ndarray
    rate: int
    coding: str


@dataclass(frozen=True)
class Claims:
    """What a file says of itself, which need not be true.

    Attributes:
        rate: in Hz.
        num_channels: C.
        seconds: how long it lasts.
    """

    rate: int
    num_channels: int
    seconds: float


def read_claims(path: Path) -> Claims | None:
    """What a file's header says, without decoding; None if it cannot be read."""
    try:
        with path.open("rb") as file:
            kind = _kind_of(file.read(64) or b" ", path)
            layout = find_layout(file)
        if layout is not None and layout.dtype:
            _check_claims(layout.rate, layout.num_channels)
            return Claims(layout.rate, layout.num_channels, layout.num_samples / layout.rate)
        soundfile = check_library(kind)
        with _quiet(kind in ("an MP3 file", "")):
            found = soundfile.info(str(path))
        _check_claims(found.samplerate, found.channels)
        return Claims(found.samplerate, found.channels, found.frames / found.samplerate)
    except (BadRecordingError, DataError, OSError, RuntimeError, TypeError, ValueError):
        return None


def is_audio(head: bytes) -> bool:
    """Whether content that begins like this is a recording of a kind that can be read."""
    if head.startswith(b"RIFF"):
        return head[8:12] == b"WAVE"  # images begin so, too
    return head.startswith(tuple(KINDS)) or (head[:1] == b"\xff" and head[1:2] >= b"\xe0" and not _is_aac(head))


def check_library(what: str) -> Any:
    """The module soundfile.

    Raises:
        DataError: it is not installed; `what` needs it.
    """
    try:
        import soundfile
    except (ModuleNotFoundError, OSError) as error:  # OSError: without libsndfile
        raise DataError(f"{what} needs the extra `audio`, which is not installed: {EXTRA}") from error
    return soundfile


def decode(source: Path | bytes, max_seconds: float) -> Recording:
    """The one recording that a file or its content holds.

    Args:
        source: the file's path, or its bytes.
        max_seconds: the longest that it may last. No more than that is decoded.

    Raises:
        BadRecordingError: it is empty, cut short, not audio, or has an impossible rate or number of channels.
        TooLongError: it is longer than `max_seconds`.
        DataError: it needs the extra `audio`, which is not installed.
    """
    try:
        with io.BytesIO(source) if isinstance(source, bytes) else source.open("rb") as file:
            head = file.read(64)
            if not head:
                raise BadRecordingError("empty file")
            kind = _kind_of(head, source)
            layout = find_layout(file)
            if layout is not None:
                _check_claims(layout.rate, layout.num_channels)
            if layout is not None and layout.dtype:
                recording = _from_wav(file, layout, max_seconds)
            else:
                if kind == "an AIFF file":
                    _check_aiff(file)
                recording = _by_library(source, kind, max_seconds)
    except OSError as error:
        raise BadRecordingError(f"cannot be read: {error.strerror or error}") from error
    if not np.isfinite(recording.samples).all():
        raise BadRecordingError("holds samples that are not finite numbers (NaN or infinite)")
    return recording


def _kind_of(head: bytes, source: Path | bytes) -> str:
    """What a file is by its first bytes, in words; empty if they say nothing.

    Raises:
        BadRecordingError: it is text, or of a kind that cannot be read.
    """
    if head[4:8] == b"ftyp" or head.startswith((b"0&\xb2u\x8ef\xcf\x11", b"#!AMR")) or _is_aac(head):
        name = source.name if isinstance(source, Path) else "recording.m4a"
        plain = Path(name).with_suffix(".wav").name
        raise BadRecordingError(
            f'is M4A, AAC, WMA or AMR, which cannot be read; convert it: ffmpeg -i "{name}" "{plain}"'
        )
    for begin, kind in KINDS.items():
        if head.startswith(begin):
            return kind
    if head[0] == 0xFF and head[1:2] and head[1] & 0xE0 == 0xE0:
        return "an MP3 file"
    if head.isascii() and all(byte >= 32 or byte in b"\t\r\n" for byte in head):
        raise BadRecordingError("holds text, not audio")
    return ""


def _is_aac(head: bytes) -> bool:
    return head[0] == 0xFF and len(head) > 1 and head[1] & 0xF6 == 0xF0


def _check_claims(rate: int, num_channels: int) -> None:
    if not MIN_RATE <= rate <= MAX_RATE:
        raise BadRecordingError(f"claims a rate of {rate:,} Hz; {MIN_RATE:,} to {MAX_RATE:,} Hz are possible")
    if not 1 <= num_channels <= MAX_CHANNELS:
        raise BadRecordingError(f"claims {num_channels:,} channels; 1 to {MAX_CHANNELS} are possible")


def _from_wav(file: BinaryIO, layout: Layout, max_seconds: float) -> Recording:
    most = int(max_seconds * layout.rate)
    samples = read_samples(file, layout, most + 1)
    if len(samples) > most:
        raise TooLongError(layout.num_samples / layout.rate, max_seconds)
    return Recording(samples, layout.rate, layout.coding)


def _check_aiff(file: BinaryIO) -> None:
    """libsndfile reads what is left of a file that was cut short, without a word."""
    size = file.seek(0, os.SEEK_END)
    file.seek(12)
    while len(chunk := file.read(8)) == 8:
        claimed = int.from_bytes(chunk[4:], "big")
        end = file.tell() + claimed
        if end > size:
            raise BadRecordingError(f"is cut short: its header claims {end:,} bytes, and {size:,} are there")
        file.seek(end + claimed % 2)


def _by_library(source: Path | bytes, kind: str, max_seconds: float) -> Recording:
    try:
        soundfile = check_library(kind)
    except DataError as error:
        if not kind:
            raise BadRecordingError("is not audio that can be read without the extra `audio`") from error
        raise
    with _quiet(kind in ("an MP3 file", "")):
        try:
            with soundfile.SoundFile(io.BytesIO(source) if isinstance(source, bytes) else str(source)) as file:
                return _in_blocks(file, max_seconds)
        except (soundfile.SoundFileError, TypeError, ValueError) as error:
            what = f"is {kind} that is damaged or cut short" if kind else "is not audio that can be read"
            raise BadRecordingError(what) from error


def _in_blocks(file: Any, max_seconds: float) -> Recording:
    rate, num_channels, claimed = file.samplerate, file.channels, file.frames
    _check_claims(rate, num_channels)
    most = int(max_seconds * rate)
    blocks: list[np.ndarray] = [np.empty((0, num_channels), dtype=np.float32)]
    count = 0
    while count <= most and len(block := file.read(min(BLOCK, most + 1 - count), dtype="float32", always_2d=True)):
        blocks.append(block)
        count += len(block)
    if count > most:
        raise TooLongError(claimed / rate if count < claimed < UNKNOWN_LENGTH else max_seconds, max_seconds)
    if count < claimed < UNKNOWN_LENGTH:
        raise BadRecordingError(f"is cut short: its header claims {claimed:,} samples, and {count:,} are there")
    return Recording(np.concatenate(blocks), rate, f"{file.format} {file.subtype}")


@contextmanager
def _quiet(needed: bool) -> Iterator[None]:
    """Keep what libmpg123 prints off the terminal: it writes to file descriptor 2, past Python's `sys.stderr`."""
    if not needed:
        yield
        return
    with _quieting:
        try:
            terminal = os.dup(2)
        except OSError:  # closed: nothing to keep off
            yield
            return
        nothing = os.open(os.devnull, os.O_WRONLY)
        try:
            os.dup2(nothing, 2)
            yield
        finally:
            os.dup2(terminal, 2)
            os.close(terminal)
            os.close(nothing)
