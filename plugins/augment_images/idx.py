"""The source `idx`: the files in which MNIST and its relatives are handed out.

Format: http://yann.lecun.com/exdb/mnist, "FILE FORMATS": two zero bytes, a byte for the type (8: uint8), a byte for the
number of axes, each axis's length as a big-endian 32-bit integer, then the values, last axis fastest.

Shapes: N rows, H height, W width.
"""

from __future__ import annotations

import gzip
import math
import re
import struct
import zlib
from pathlib import Path
from typing import IO, Any, Literal

import numpy as np
import pandas as pd
from pydantic import Field

from augment import plugin
from augment.data import Dataset, infer
from augment.errors import DataError
from augment.plugin import Context, Source

GZIP_MAGIC = b"\x1f\x8b"
UINT8 = 8
PREFIXES = {"train": "train", "test": "t10k"}

FILE = re.compile(r"(train|t10k)-(?:images|labels)[-.]idx\d-ubyte")


class IdxSource(Source):
    """Images and labels from a pair of IDX files, as MNIST, Fashion-MNIST and KMNIST come, packed with gzip or not.

    The folder holds `train-images-idx3-ubyte` and `train-labels-idx1-ubyte`, or `t10k-...` for the test part, with or
    without `.gz`. Labels become the target.
    """

    name = "idx"
    yields = frozenset({"image"})
    endings = ("/",)
    reads_only_paths = True

    class Params(plugin.Params):
        """Settings of the source `idx`."""

        path: Path
        """The folder that holds the files."""
        part: Literal["train", "test"] = "train"
        """Which pair of files to read: `train-...` or `t10k-...`."""
        label: str = Field("label", min_length=1)
        """Name of the column of labels."""
        max_gigabytes: float = Field(8.0, gt=0)
        """Most room, in gigabytes (10⁹ bytes), that the images may take in memory."""

    @classmethod
    def sniff(cls, path: Path, head: bytes) -> float | None:
        if not path.is_dir() and FILE.match(path.name):
            raise DataError(f"{path}: images and labels lie in two such files; name the folder, {path.parent}")
        return 1.0 if _parts(path) else None

    @classmethod
    def settings_for(cls, path: Path) -> dict[str, Any]:
        return {"part": "test"} if _parts(path) == {"t10k"} else {}

    def read(self, context: Context) -> Dataset:
        """All images, (N, H, W, 1) uint8, and their labels, in the order of the files.

        Raises:
            DataError: a file is missing, twice there, damaged, too large, or the two do not belong together.
        """
        images_NHW = self._values("images", 3)
        labels_N = self._values("labels", 1)
        if len(images_NHW) != len(labels_N):
            raise DataError(
                f"{self.params.path}: {len(images_NHW)} images and {len(labels_N)} labels; files that belong together "
                "have as many of both"
            )
        label = self.params.label
        declared = context.declared
        if declared.target is None:
            declared = declared.model_copy(update={"target": label})
        frame = pd.DataFrame({label: labels_N.astype(np.int64)})
        arrays = {"image": images_NHW[..., np.newaxis]}
        return Dataset.of(frame, arrays, infer(frame, arrays, declared))

    def _values(self, what: str, num_axes: int) -> np.ndarray:
        path = self._file(what)
        try:
            with path.open("rb") as file:
                packed = file.read(2) == GZIP_MAGIC
                file.seek(0)
                if not packed:
                    return self._parsed(path, file, num_axes)
                with gzip.GzipFile(fileobj=file) as unpacked:
                    return self._parsed(path, unpacked, num_axes)
        except (OSError, EOFError, zlib.error) as error:
            raise DataError(f"{path} cannot be read: {error}") from error

    def _file(self, what: str) -> Path:
        folder, stem = self.params.path, f"{PREFIXES[self.params.part]}-{what}"
        if not folder.is_dir():
            raise DataError(f"{folder}: there is no such folder; `path` must name the one that holds the IDX files")
        files: list[Path] = sorted(path for path in folder.iterdir() if path.name.startswith(stem) and path.is_file())
        if not files:
            raise DataError(f"{folder}: there is no file whose name starts with {stem}, such as {stem}-idx3-ubyte.gz")
        if len(files) > 1:
            raise DataError(f"{folder}: {' and '.join(path.name for path in files)} are both there; keep one of them")
        return files[0]

    def _parsed(self, path: Path, file: IO[bytes] | gzip.GzipFile, num_axes: int) -> np.ndarray:
        header = file.read(4 * (1 + num_axes))
        if len(header) < 4 or header[:2] != b"\0\0":
            raise DataError(f"{path}: not an IDX file: it starts with {header[:4]!r}, two zero bytes were expected")
        if header[2] != UINT8 or header[3] != num_axes or len(header) < 4 * (1 + num_axes):
            raise DataError(
                f"{path}: values of type {header[2]} on {header[3]} axes; type {UINT8} (uint8) on {num_axes} axes was "
                "expected"
            )
        shape = struct.unpack(f">{num_axes}I", header[4:])
        size = math.prod(shape)
        if size > self.params.max_gigabytes * 1e9:
            raise DataError(
                f"{path}: its header says {' x '.join(map(str, shape))}, which takes {size / 1e9:.1f} GB; at most "
                f"{self.params.max_gigabytes:g} are allowed: raise max_gigabytes if the file is yours"
            )
        if not size:
            raise DataError(f"{path}: its header says {' x '.join(map(str, shape))}; there is nothing in it")
        content = file.read(size + 1)  # one more than there should be, to see whether there is more
        if len(content) != size:
            count = "more" if len(content) > size else f"only {len(content)}"
            raise DataError(f"{path}: its header says {size} values and there are {count}; the file is damaged")
        return np.frombuffer(content, np.uint8).reshape(shape)


def _parts(folder: Path) -> set[str]:
    """Which parts of a dataset like MNIST lie in the folder, `train` or `t10k`; empty for other folders."""
    try:
        names = [path.name for path in folder.iterdir()]
    except OSError:  # the source says so in words
        return set()
    return {match[1] for name in names if (match := FILE.match(name))}
