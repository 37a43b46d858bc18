"""The sink `npz`: a zip of numpy arrays that `numpy.load` reads, with equal bytes for equal data.

`numpy.savez` wants all rows at once and writes the time of day. Here each member is first spooled to a file of its own,
batch by batch, and the zip is put together from those once the number of rows and the widths of texts are known.
"""

from __future__ import annotations

import os
import tempfile
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.lib import format as npy

from augment.data import Dataset, Schema, as_labels, as_written, conform
from augment.errors import DataError
from augment.plugin import Sink

__all__ = ["NpzSink"]


class NpzSink(Sink):
    """Writes `train.npz` and `test.npz`: every array and every column under its own name.

    Read them with `numpy.load(path)`; nothing is pickled. Labels and texts are fixed-width Unicode, empty where
    missing; numbers are NaN where missing, which turns an integer column into floats; a boolean column with missing
    values becomes text. Not for long texts: each takes as much room as the longest.
    """

    name = "npz"
    endings = (".npz",)

    def write(self, name: str, batches: Iterable[Dataset], schema: Schema, folder: Path) -> list[Path]:
        """Write `<name>.npz`.

        Raises:
            DataError: an array and a column share a name, or an integer beside missing values is too large for a float.
        """
        if both := set(schema.columns) & set(schema.arrays):
            raise DataError(f"npz: {sorted(both)} name both a column and an array; rename one in the source")
        path = folder / f"{name}.npz"
        with tempfile.TemporaryDirectory(prefix=f".{name}-npz-", dir=folder) as scratch:
            spools = [_Spool(member, Path(scratch) / str(i)) for i, member in enumerate(_names(schema))]
            num_batches = 0
            for batch in batches:
                num_batches += 1
                for spool in spools:
                    spool.append(_values(batch, spool.name))
            if not num_batches:
                for spool in spools:
                    spool.append(_values(_empty(schema), spool.name))
            partial = Path(scratch) / "whole.npz"
            with zipfile.ZipFile(partial, "w", zipfile.ZIP_STORED) as archive:
                for spool in spools:
                    spool.write_into(archive)
            os.replace(partial, path)
        return [path]


class _Spool:
    """One member on its way: raw rows in a file, and the type and shape of each batch of them."""

    def __init__(self, name: str, path: Path):
        self.name = name
        self.path = path
        self.parts: list[tuple[np.dtype, tuple[int, ...]]] = []

    def append(self, values: np.ndarray) -> None:
        with self.path.open("ab") as file:
            np.ascontiguousarray(values).tofile(file)
        self.parts.append((values.dtype, values.shape))

    def write_into(self, archive: zipfile.ZipFile) -> None:
        # numpy finds the type that holds all: the widest text, floats once an integer was missing
        dtype = np.result_type(*(dtype for dtype, _ in self.parts))
        num_rows = sum(shape[0] for _, shape in self.parts)
        header = {"descr": npy.dtype_to_descr(dtype), "fortran_order": False}
        info = zipfile.ZipInfo(f"{self.name}.npy", date_time=(1980, 1, 1, 0, 0, 0))
        info.create_system = 3  # the same bytes on every system
        info.external_attr = 0o644 << 16
        with archive.open(info, "w", force_zip64=True) as member:
            npy.write_array_header_1_0(member, {**header, "shape": (num_rows, *self.parts[0][1][1:])})
            for values in self._read():
                member.write(self._as(values, dtype).data.cast("B") if values.size else b"")

    def _read(self) -> Iterator[np.ndarray]:
        with self.path.open("rb") as file:
            for dtype, shape in self.parts:
                yield np.fromfile(file, dtype, count=int(np.prod(shape))).reshape(shape)

    def _as(self, values: np.ndarray, dtype: np.dtype) -> np.ndarray:
        changed = values.astype(dtype)
        if values.dtype.kind == "i" and dtype.kind == "f":
            _check_exact(values, changed, self.name)
        # the buffer protocol knows no datetimes and no texts
        return changed.view(np.uint8) if dtype.kind in "UM" else changed


def _names(schema: Schema) -> list[str]:
    return [*schema.arrays, *schema.columns]


def _empty(schema: Schema) -> Dataset:
    frame = conform(pd.DataFrame(columns=list(schema.columns)), schema)
    arrays = {name: np.empty((0, *array.shape), array.dtype) for name, array in schema.arrays.items()}
    return Dataset(frame, arrays, schema)


def _values(batch: Dataset, name: str) -> np.ndarray:
    if name in batch.arrays:
        return batch.arrays[name]
    values = as_written(batch.frame[name], batch.schema.columns[name])
    missing = values.isna().to_numpy()
    if pd.api.types.is_bool_dtype(values.dtype) and not missing.any():
        return values.to_numpy(dtype=bool)
    if pd.api.types.is_integer_dtype(values.dtype):
        if not missing.any():
            return values.to_numpy(dtype=np.int64)
        numbers = values.to_numpy(dtype=np.float64, na_value=np.nan)
        _check_exact(values.dropna().to_numpy(dtype=np.int64), numbers[~missing], name)
        return numbers
    if values.dtype.kind in "fM":
        return values.to_numpy()
    return np.where(missing, "", as_labels(values)).astype("U")


def _check_exact(integers: np.ndarray, floats: np.ndarray, name: str) -> None:
    # beyond 2**53 neighbouring integers become the same float
    large = np.abs(floats) > 2.0**53
    if large.any():
        raise DataError(
            f"npz: column {name!r} has missing values and holds {integers[large][0]}, which a float cannot hold; "
            "declare it as category or id, fill the gaps with `- use: impute`, or choose another sink"
        )
