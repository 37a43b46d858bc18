"""The source `npz`: a zip of numpy arrays, read without ever running code or trusting a size.

A file may come from a stranger, so every header is checked against the room its member really takes before anything is
loaded, and pickled objects are never loaded.

Shapes: N rows, H height, W width, C channels.
"""

from __future__ import annotations

import logging
import math
import zipfile
import zlib
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

import numpy as np
import pandas as pd
from numpy.lib import format as npy
from pydantic import Field

from augment import plugin
from augment.data import Dataset, infer
from augment.errors import DataError, did_you_mean
from augment.plugin import Context, Source

__all__ = ["NpzSource"]

KINDS = "biufUSM"  # numpy's letters for booleans, integers, floats, text, bytes and datetimes
BLOCK = 65_536  # rows looked at together, so that checks need little memory
INT32 = np.iinfo(np.int32)

log = logging.getLogger("augment")


class NpzSource(Source):
    """Reads a `.npz` file, as `numpy.savez` writes it: one member an array, their first axis the row.

    Members with one axis, or with a second one of length 1 that are no floats, become columns: numbers (NaN is a
    missing value), integers, booleans, datetimes, and text (an empty text is a missing value). Members with more axes
    become arrays: uint8 (N, H, W) or (N, H, W, C) images; floats (N, F) vectors or (N, T, F) series (there too NaN is
    a missing value), kept as float32; integers (N, T) tokens, kept as int32.
    """

    name = "npz"
    endings = (".npz",)
    reads_only_paths = True

    class Params(plugin.Params):
        path: Path
        """The file."""
        names: tuple[str, ...] | None = None
        """Which members to read; all of them when not given."""
        max_gigabytes: float = Field(8.0, gt=0)
        """Most room, in gigabytes (10⁹ bytes), that the arrays may take in memory. A small file can unpack to a huge
        one; it is refused before it does."""

    @classmethod
    def settings_for(cls, path: Path) -> dict[str, Any]:
        """`names` of those with most rows, where numbers of rows differ, as in files with training and test parts."""
        lengths = {}
        with suppress(DataError, OSError, ValueError, zipfile.BadZipFile), zipfile.ZipFile(path) as archive:
            for info in archive.infolist():
                name = info.filename.removesuffix(".npy")
                with archive.open(info) as member:
                    lengths[name] = _header(member, name)[0][0]
        if len(set(lengths.values())) < 2:
            return {}
        most = max(lengths.values())
        names = [name for name, length in lengths.items() if length == most]
        log.warning(
            "%s: only %s are read, which have %s rows; %s have another number",
            *(path.name, ", ".join(names), f"{most:,}", ", ".join(name for name in lengths if name not in names)),
        )
        return {"names": names}

    def read(self, context: Context) -> Dataset:
        """The whole file, members in the file's order.

        Raises:
            DataError: the file cannot be read, is too large, or its arrays do not make one dataset.
        """
        members = self._members()
        _check_lengths(self.params.path, members)
        num_rows = len(next(iter(members.values())))
        columns, arrays = {}, {}
        for name, values in members.items():
            where = f"{self.params.path}: array {name!r}"
            if values.ndim == 2 and values.shape[1] == 1 and values.dtype.kind != "f":
                values = values[:, 0]
            if values.ndim == 1:
                columns[name] = _column(values, where)
            else:
                _note_one_hot(values, where)
                arrays[name] = _payload(values, where)
        frame = pd.DataFrame(columns, index=pd.RangeIndex(num_rows))
        return Dataset.of(frame, arrays, infer(frame, arrays, context.declared))

    def _members(self) -> dict[str, np.ndarray]:
        path = self.params.path
        if not path.is_file():
            raise DataError(f"{path}: there is no such file; a .npz file was expected")
        try:
            with zipfile.ZipFile(path) as archive:
                infos = self._chosen({info.filename.removesuffix(".npy"): info for info in archive.infolist()})
                size = sum(info.file_size for info in infos.values())
                if size > self.params.max_gigabytes * 1e9:
                    raise DataError(
                        f"{path}: its arrays take {size / 1e9:.1f} GB unpacked; at most {self.params.max_gigabytes:g} "
                        "are allowed: raise max_gigabytes if the file is yours, or name fewer members under names"
                    )
                return {name: _load(archive, info, f"{path}: array {name!r}") for name, info in infos.items()}
        # RuntimeError: encrypted; NotImplementedError: an unknown way of packing
        except (zipfile.BadZipFile, zlib.error, OSError, EOFError, ValueError, RuntimeError) as error:
            said = str(error)[:200]  # which may quote the file
            raise DataError(f"{path}: not a readable .npz file ({said}); write it again with numpy.savez") from error

    def _chosen(self, infos: dict[str, zipfile.ZipInfo]) -> dict[str, zipfile.ZipInfo]:
        path, names = self.params.path, self.params.names
        for name in names or ():
            if name not in infos:
                raise DataError(
                    f"{path}: there is no array {name!r}; the file has {', '.join(infos) or 'none'}"
                    f"{did_you_mean(name, infos)}"
                )
        chosen = {name: info for name, info in infos.items() if names is None or name in names}
        if not chosen:
            raise DataError(f"{path}: the file holds no arrays")
        return chosen


def _load(archive: zipfile.ZipFile, info: zipfile.ZipInfo, where: str) -> np.ndarray:
    with archive.open(info) as member:
        shape, dtype = _header(member, where)
        size = math.prod(shape) * dtype.itemsize
        room = info.file_size - member.tell()
        if size != room:  # numpy would take memory for whatever the header claims
            raise DataError(f"{where}: its header says {size} bytes and {room} are there; the file is damaged")
    with archive.open(info) as member:
        return npy.read_array(member, allow_pickle=False)


def _header(member: IO[bytes], where: str) -> tuple[tuple[int, ...], np.dtype]:
    """Shape and type of a member, checked to be something a dataset can hold."""
    readers = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}
    reader = readers.get(npy.read_magic(member))
    if reader is None:
        raise DataError(f"{where}: structured arrays cannot be read; save each field as an array of its own")
    shape, _, dtype = reader(member)
    if dtype.hasobject:
        raise DataError(
            f"{where} holds pickled Python objects, which are never loaded, since loading could run code; save "
            "numbers, text (`values.astype(str)`) or datetimes instead"
        )
    if dtype.kind not in KINDS:
        raise DataError(f"{where} has type {dtype}; numbers, booleans, text or datetimes were expected")
    if not shape:
        raise DataError(f"{where} is a single value; arrays whose first axis is the row were expected")
    return shape, dtype


def _check_lengths(path: Path, members: dict[str, np.ndarray]) -> None:
    lengths = {name: len(values) for name, values in members.items()}
    if len(set(lengths.values())) > 1:
        listed = ", ".join(f"{name!r} has {length}" for name, length in lengths.items())
        raise DataError(
            f"{path}: the arrays differ in rows: {listed}; save them with equal first axes, or choose some under names"
        )


def _column(values: np.ndarray, where: str) -> pd.Series:
    if values.dtype.kind == "S":
        try:
            values = np.strings.decode(values, "utf-8")
        except UnicodeDecodeError as error:
            raise DataError(f"{where} holds bytes that are no UTF-8 text ({error}); save it as text") from error
    if values.dtype.kind == "U":
        text = pd.Series(values.astype(object), dtype="str")
        return text.mask(text == "")
    if values.dtype.kind == "f":
        _refuse(np.isinf(values), where, "an infinite number; finite numbers, or NaN for a missing one, were expected")
        return pd.Series(values.astype(np.float64))
    if values.dtype.kind == "u":
        _refuse(values > np.iinfo(np.int64).max, where, "an integer above 2⁶³ - 1; save it as text")
    return pd.Series(values.astype(np.int64) if values.dtype.kind in "iu" else values)


def _note_one_hot(values: np.ndarray, where: str) -> None:
    if values.ndim == 2 and np.isin(values, (0, 1)).all() and (values.sum(axis=1) == 1).all():
        log.warning("%s has one 1 in each row, as labels may have; for a target, save `values.argmax(axis=1)`", where)


def _payload(values: np.ndarray, where: str) -> np.ndarray:
    """The array in the layout and type that the schema knows: see the class."""
    if values.dtype == np.uint8 and values.ndim == 3:
        return np.ascontiguousarray(values[..., None])  # grey images
    if values.dtype == np.uint8 and values.ndim == 4 and values.shape[3] > 4 and values.shape[1] in (1, 3, 4):
        raise DataError(
            f"{where} has shape {values.shape}; images have their channels last, (N, H, W, C): save "
            "`values.transpose(0, 2, 3, 1)`"
        )
    if values.dtype.kind == "f":
        with np.errstate(over="ignore"):  # what does not fit becomes infinite, and is refused
            values = values.astype(np.float32, order="C")
        for start in range(0, len(values), BLOCK):
            block = values[start : start + BLOCK]
            bad: np.ndarray = (
                np.isinf(block) if block.ndim == 3 else ~np.isfinite(block)
            )  # of a series, values may be missing
            what = "a number that is infinite or too large for float32"
            what = what if block.ndim == 3 else what.replace("is ", "is missing, ", 1)
            _refuse(np.asarray(bad.any(axis=tuple(range(1, block.ndim)))), where, what, start)
    elif values.dtype.kind in "iu" and values.ndim == 2:
        outside = np.asarray(((values < INT32.min) | (values > INT32.max)).any(axis=1))
        _refuse(outside, where, "a token that does not fit into 32 bits")
        values = values.astype(np.int32, order="C")
    return np.ascontiguousarray(values)


def _refuse(bad: np.ndarray, where: str, what: str, start: int = 0) -> None:
    """Raise for the first bad row; `bad` is bool (N,), `start` the number of rows before it."""
    if bad.any():
        raise DataError(f"{where}, row {start + int(bad.argmax()) + 1}: {what}")
