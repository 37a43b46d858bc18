"""The sink `audio-folder`: audio files in class folders, and a `metadata.csv` that says everything else."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

import numpy as np

from augment.data import Dataset, Schema, as_written
from augment.errors import DataError
from augment.plugin import Accepts, Sink, SinkParams
from augment.toolkit.audio.decoding import check_library
from augment.toolkit.audio.wav import encode_wav, to_16_bits
from augment.toolkit.folders import metadata
from augment.toolkit.folders.names import file_names


class AudioFolderSink(Sink):
    """Audio files: `train/<class>/<number>.wav`, and `train/metadata.csv` with every column, `origin` included.

    Files have one channel and 16 bits: recordings that were read from 16 bits are the same, sample by sample. Each is
    as long as its recording, so the column of lengths is not written.

    It is the layout of `load_dataset("audiofolder", data_dir=...)` of Hugging Face `datasets`, splits and columns
    included, and the source `audio-folder` reads one split back. Labels are exact in `metadata.csv`; class folders are
    named so that any label is a safe name on every system. Numbers count the rows from 0. Without a classed target all
    files lie beside `metadata.csv`.
    """

    name = "audio-folder"
    accepts = Accepts(modalities=frozenset({"audio"}))
    endings = ("/",)

    class Params(SinkParams):
        """The form of the files."""

        ending: Literal[".wav", ".flac"] = ".wav"
        """The file extension, which says the form. Both are lossless; `.flac` needs the extra `audio`."""

    def write(self, name: str, batches: Iterable[Dataset], schema: Schema, folder: Path) -> list[Path]:
        array = schema.find_array("audio")
        rate = _checked_rate(schema, array)
        if self.params.ending == ".flac":
            check_library("sink audio-folder: `ending: .flac`")
        columns = {
            name: column for name, column in schema.columns.items() if name != schema.arrays[array].length_column
        }
        top = folder / name
        top.mkdir(parents=True, exist_ok=True)
        with (top / metadata.NAME).open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)  # ends lines with \r\n, and so quotes labels that hold either
            writer.writerow([metadata.FILE_NAME, *columns])
            start = 0
            folders: dict[str | None, str] = {}
            for batch in batches:
                names = file_names(batch, schema, folders, start, self.params.ending)
                for file_name, samples, length in zip(names, batch.arrays[array], batch.lengths(array), strict=True):
                    path = top / file_name
                    path.parent.mkdir(exist_ok=True)
                    self._write_audio(path, samples[:length], rate)
                cells = [
                    metadata.cells(as_written(batch.frame[name], column, words=True))
                    for name, column in columns.items()
                ]
                writer.writerows(zip(names, *cells, strict=True))
                start += len(batch)
        return [top]

    def _write_audio(self, path: Path, samples: np.ndarray, rate: int) -> None:
        if path.suffix == ".wav":
            path.write_bytes(encode_wav(samples, rate))
            return
        import soundfile

        soundfile.write(path, to_16_bits(samples).astype(np.int16), rate, subtype="PCM_16")


def _checked_rate(schema: Schema, array: str) -> int:
    others = [name for name in schema.arrays if name != array]
    if others:
        raise DataError(
            f"sink audio-folder: audio files cannot hold the array {others[0]!r} beside the recordings; use another "
            "sink"
        )
    if metadata.FILE_NAME in schema.columns:
        raise DataError(
            f"sink audio-folder: the data has a column `{metadata.FILE_NAME}`, the name that {metadata.NAME} uses for "
            "paths; rename it"
        )
    rate = schema.arrays[array].rate
    if rate is None or rate != int(rate) or rate < 1:
        raise DataError(
            f"sink audio-folder: the rate of {array!r} is {rate}; audio files need a whole number of Hz: say it with "
            f"`schema: {{arrays: {{{array}: {{rate: 16000}}}}}}`"
        )
    return int(rate)
