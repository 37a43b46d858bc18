"""Columns of recordings, as Hugging Face stores them: `struct<bytes, path>` with an audio file in each row.

Shapes: N rows, T samples in time.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from augment.data import ArrayDeclaration, ColumnDeclaration, SchemaDeclaration
from augment.errors import DataError
from augment.toolkit.audio.decoding import BadRecordingError, TooLongError, decode, is_audio
from augment.toolkit.audio.wav import encode_wav
from augment.toolkit.audio.waves import factor_for, pad, to_mono

__all__ = ["AUDIO", "Recordings", "encoded", "holds_recordings", "joined", "recordings_of", "with_recordings"]

AUDIO = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
LENGTH = "length"
MAX_SECONDS = 300.0  # a row has room for the longest one

log = logging.getLogger("augment")


class Recordings(NamedTuple):
    """A column of recordings.

    Attributes:
        audio: (N, T) float32 in [-1, 1], zeros behind each row's samples.
        lengths: the number of samples of each row, (N,) int64.
        rate: in Hz.
    """

    audio: np.ndarray
    lengths: np.ndarray
    rate: int


def holds_recordings(values: pa.ChunkedArray) -> bool:
    """Whether the files in a column of `struct<bytes, path>` are recordings, as its first one is."""
    for chunk in values.chunks:
        blobs = chunk.field("bytes").drop_null()
        if len(blobs):
            return is_audio(blobs[0].as_py())
    return False


def recordings_of(path: Path | str, name: str, values: pa.ChunkedArray) -> Recordings:
    """A column of files, decoded.

    Raises:
        DataError: a row has no file, or a bad one, or another rate or number of channels than the first.
    """
    rows: list[np.ndarray] = []
    rates: Counter[int] = Counter()
    channels: Counter[int] = Counter()
    peak = 0.0
    for row, blob in enumerate(blob for chunk in values.chunks for blob in chunk.field("bytes").to_pylist()):
        where = f"{path}: column {name!r}, data row {row + 1}"
        if blob is None:
            raise DataError(f"{where}: has no bytes; every row needs a recording")
        try:
            recording = decode(blob, MAX_SECONDS)
        except TooLongError as error:
            raise DataError(
                f"{where}: lasts {error.seconds:,.0f} s, and every row has room for the longest one; cut recordings to "
                f"{MAX_SECONDS:g} s or less, or read them from files with `audio-folder` and `cut: windows`"
            ) from error
        except BadRecordingError as error:
            raise DataError(f"{where}: the recording {error}") from error
        if not len(recording.samples):
            raise DataError(f"{where}: the recording has no samples")
        rates[recording.rate] += 1
        channels[recording.samples.shape[1]] += 1
        rows.append(to_mono(recording.samples, "auto"))
        peak = max(peak, float(np.abs(rows[-1]).max()))
    for counts, what in ((rates, "rates (Hz)"), (channels, "numbers of channels")):
        if len(counts) > 1:
            counted = ", ".join(f"{value:,} ({count:,} rows)" for value, count in counts.most_common(5))
            raise DataError(
                f"{path}: column {name!r}: recordings have different {what}: {counted}; convert them, or read them "
                "from files with `audio-folder`, which has the settings `rate` and `channels`"
            )
    if max(channels) > 1:
        log.info("%s: column %r: the mean of the %d channels is read", Path(path).name, name, max(channels))
    if peak > 1:
        log.warning(
            "%s: column %r: samples reach %.4g, and may be from -1 to 1: all recordings are made quieter by the same "
            "factor, %.4g",
            *(Path(path).name, name, peak, 1 / peak),
        )
        rows = [row * np.float32(factor_for(peak)) for row in rows]
    return Recordings(*pad(rows), next(iter(rates)))


def joined(parts: Sequence[Recordings]) -> Recordings:
    """The recordings of several files of one rate, one after the other."""
    if len(parts) == 1:
        return parts[0]
    room = max(part.audio.shape[1] for part in parts)
    audio = [np.pad(part.audio, ((0, 0), (0, room - part.audio.shape[1]))) for part in parts]
    return Recordings(np.concatenate(audio), np.concatenate([part.lengths for part in parts]), parts[0].rate)


def with_recordings(
    table: pa.Table, name: str, recordings: Recordings, said: SchemaDeclaration
) -> tuple[pa.Table, np.ndarray, SchemaDeclaration]:
    """The table with a column of lengths where they differ, the array, and what is known of both.

    A column that holds the lengths already is that column.

    Args:
        table: the other columns, N rows.
        name: of the array.
        recordings: what it holds.
        said: the pipeline's `schema:` section.

    Raises:
        DataError: the section gives another rate.
    """
    array = said.arrays.get(name, ArrayDeclaration())
    if array.rate is not None and array.rate != recordings.rate:
        raise DataError(
            f"schema.arrays.{name}.rate is {array.rate:g}, and the recordings have {recordings.rate:,} Hz: leave it out"
        )
    room = max(recordings.audio.shape[1], array.shape[0] if array.shape else 0)
    audio = np.pad(recordings.audio, ((0, 0), (0, room - recordings.audio.shape[1])))
    described: dict[str, object] = {"type": "audio", "rate": float(recordings.rate), "range": (-1.0, 1.0)}
    columns = dict(said.columns)
    if array.length_column is not None or (recordings.lengths != room).any():
        column = array.length_column or LENGTH
        if column in table.column_names and table[column].to_pylist() != recordings.lengths.tolist():
            column = f"{name}_{LENGTH}"
        if column not in table.column_names:
            lengths = pa.array(recordings.lengths)
            table = table.append_column(column, lengths) if table.num_columns else pa.table({column: lengths})
        ours = ColumnDeclaration(type="integer", unit="samples", min=1, max=room)
        theirs = columns.get(column, ColumnDeclaration())
        columns[column] = ours.model_copy(update=theirs.model_dump(exclude_none=True))
        described["length_column"] = column
    elif LENGTH in table.column_names and table[LENGTH].to_pylist() == recordings.lengths.tolist():
        described["length_column"] = LENGTH
    described |= array.model_dump(exclude_none=True, exclude={"shape", "length_column"})
    arrays = {**said.arrays, name: ArrayDeclaration.model_validate(described)}
    return table, audio, said.model_copy(update={"columns": columns, "arrays": arrays})


def encoded(audio: np.ndarray, lengths: np.ndarray, rate: int) -> pa.Array:
    """Recordings as a column of 16-bit wav files, each as long as its row says.

    Args:
        audio: (N, T) in [-1, 1].
        lengths: (N,).
        rate: in Hz.
    """
    blobs = [encode_wav(row[:length], rate) for row, length in zip(audio, lengths, strict=True)]
    return pa.StructArray.from_arrays(
        [pa.array(blobs, pa.binary()), pa.nulls(len(blobs), pa.string())], fields=list(AUDIO)
    )
