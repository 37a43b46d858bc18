"""The container that stages pass on: a frame, payload arrays aligned with it, and a schema."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from html import escape
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pandas as pd
import pyarrow as pa

from augment.data.arrays import true_lengths
from augment.data.conformity import conform
from augment.data.schema import Schema
from augment.errors import DataError, DiskError

__all__ = ["Dataset"]

GATHERED = 1_024  # rows copied at once


@dataclass(frozen=True, eq=False, repr=False)
class Dataset:
    """N samples, one per row, in human units.

    Attributes:
        frame: N rows with a RangeIndex, in canonical types (see `augment.data.schema.conform`).
        arrays: name to array with N rows, possibly a memory map. Treat them as read-only.
        schema: what every column and array is.
    """

    frame: pd.DataFrame
    arrays: Mapping[str, np.ndarray] = field(default_factory=dict)
    schema: Schema = field(default_factory=lambda: Schema(columns={}))

    def __post_init__(self) -> None:
        object.__setattr__(self, "arrays", MappingProxyType(dict(self.arrays)))
        for name, values in self.arrays.items():
            if len(values) != len(self.frame):
                raise DataError(f"array {name!r} has {len(values)} rows; the frame has {len(self.frame)}")

    @classmethod
    def of(cls, frame: pd.DataFrame, arrays: Mapping[str, np.ndarray] | None, schema: Schema) -> Dataset:
        """A dataset whose frame is converted to the canonical types."""
        return cls(conform(frame, schema), arrays or {}, schema)

    def __len__(self) -> int:
        return len(self.frame)

    def __repr__(self) -> str:
        parts = [f"{len(self):,} rows", self.schema.modality, f"{len(self.schema.columns)} columns"]
        parts += [f"{name} {values.dtype} {values.shape}" for name, values in self.arrays.items()]
        parts += [f"target {self.schema.target!r}"] if self.schema.target else []
        return f"Dataset({', '.join(parts)})"

    def _repr_html_(self) -> str:
        """What a notebook shows: the first rows of the columns."""
        return f"<p>{escape(repr(self))}</p>{self.frame.head().to_html()}"

    def take(self, rows: np.ndarray | slice) -> Dataset:
        """The rows at these positions (integers (M,), a bool mask (N,) or a slice), in that order, renumbered."""
        return Dataset(
            self.frame.iloc[rows].reset_index(drop=True),
            {name: values[rows] for name, values in self.arrays.items()},
            self.schema,
        )

    def gather(self, rows: np.ndarray, folder: Path) -> Dataset:
        """As `take` with positions (integers (M,)), but with arrays as memory-mapped files in a new folder.

        Arrays are copied in parts, so memory use does not grow with their size.
        """
        folder.mkdir(parents=True)
        arrays = {}
        for position, (name, values) in enumerate(self.arrays.items()):
            place, shape = folder / f"array-{position}.npy", (len(rows), *values.shape[1:])
            header = {"descr": np.lib.format.dtype_to_descr(values.dtype), "fortran_order": False, "shape": shape}
            with place.open("wb") as file:
                np.lib.format.write_array_header_1_0(file, header)
                for start in range(0, len(rows), GATHERED):
                    file.write(values[rows[start : start + GATHERED]].tobytes())
            arrays[name] = np.load(place, mmap_mode="r" if len(rows) else None)
        return Dataset(self.frame.iloc[rows].reset_index(drop=True), arrays, self.schema)

    def lengths(self, name: str) -> np.ndarray:
        """The number of time steps without padding of each row of an array, (N,) int64."""
        return true_lengths(self.schema.arrays[name], self.frame)

    def step_mask(self, name: str) -> np.ndarray:
        """Which steps of each row of an array are no padding, bool (N, T)."""
        return np.arange(self.arrays[name].shape[1]) < self.lengths(name)[:, np.newaxis]

    def texts(self) -> list[str]:
        """The text of each row, N of them; a missing one is empty."""
        assert self.schema.text_payload is not None, "the data holds no texts"
        texts: list[str] = self.frame[self.schema.text_payload].fillna("").astype(object).tolist()
        return texts

    def drop_columns(self, names: Sequence[str]) -> Dataset:
        """The same rows without these columns, in frame and schema; the target may be among them."""
        columns = {name: column for name, column in self.schema.columns.items() if name not in names}
        target = self.schema.target if self.schema.target in columns else None
        payload = self.schema.payload if self.schema.payload in columns else None
        arrays = {
            name: array.model_copy(
                update={key: None for key in ("start_column", "group_column") if getattr(array, key) in names}
            )
            for name, array in self.schema.arrays.items()
        }
        update = {"columns": columns, "target": target, "payload": payload, "arrays": arrays}
        schema = self.schema.model_copy(update=update)
        return Dataset(self.frame[list(columns)], self.arrays, schema)

    def batches(self, size: int) -> Iterator[Dataset]:
        """Consecutive slices of at most `size` rows."""
        for start in range(0, len(self), size):
            yield self.take(slice(start, start + size))

    @staticmethod
    def concat(parts: Sequence[Dataset]) -> Dataset:
        """Concatenate the rows of all parts, with the schema of the first.

        Raises:
            DataError: there are no parts, or their columns or arrays differ.
        """
        if not parts:
            raise DataError("no rows to put together")
        first = parts[0]
        for part in parts[1:]:
            if list(part.frame.columns) != list(first.frame.columns) or set(part.arrays) != set(first.arrays):
                raise DataError("datasets with different columns or arrays cannot be put together")
            for name, values in part.arrays.items():
                here, there = (data.schema.arrays[name].vocabulary or () for data in (first, part))
                if values.shape[1:] != first.arrays[name].shape[1:] or here[: len(there)] != there[: len(here)]:
                    raise DataError(
                        f"array {name!r} has rows of another shape, or tokens with other names, in one part than in "
                        f"another; they cannot be put together"
                    )
        if len(parts) == 1:
            return first
        # pandas merges unequal categories into object columns; conform makes them categories again
        frame = pd.concat([part.frame for part in parts], ignore_index=True)
        arrays = {name: np.concatenate([part.arrays[name] for part in parts]) for name in first.arrays}
        return Dataset.of(frame, arrays, first.schema)

    def equals(self, other: Dataset) -> bool:
        """Whether both have bit-identical rows and the same schema."""
        return self.schema == other.schema and self.fingerprint() == other.fingerprint()

    def row_hashes(self, without: Sequence[str] = ()) -> np.ndarray:
        """A 64-bit hash of each row, (N,) uint64; equal rows have equal hashes. Columns in `without` are ignored."""
        columns = [name for name in self.schema.columns if name not in without]
        hashes = np.zeros(len(self), dtype=np.uint64)
        if columns:
            hashes += pd.util.hash_pandas_object(self.frame[columns], index=False, categorize=True).to_numpy()
        for position, name in enumerate(sorted(self.arrays)):
            values = self.arrays[name]
            for start in range(0, len(values), 4096):
                rows = np.ascontiguousarray(values[start : start + 4096])
                octets = rows.reshape(len(rows), -1).view(np.uint8)
                words = np.pad(octets, ((0, 0), (0, -octets.shape[1] % 8))).view(np.uint64)
                # multiply-add hashing modulo 2**64; multipliers of its own keep equal arrays from cancelling out
                odd = np.random.default_rng(position).integers(0, 2**63, words.shape[1], dtype=np.uint64) * 2 + 1
                hashes[start : start + 4096] ^= (words * odd).sum(axis=1, dtype=np.uint64)
        return hashes

    def fingerprint(self) -> str:
        """SHA-256 of the schema, values and arrays: equal rows under an equal schema have equal fingerprints."""
        digest = hashlib.sha256(self.schema.model_dump_json(exclude_none=True).encode())
        for name, column in self.schema.columns.items():
            values = self.frame[name]
            digest.update(f"{name}\0{column.type}\0{len(values)}\0".encode())
            digest.update(values.isna().to_numpy().tobytes())
            if column.type == "number":
                numbers = np.ascontiguousarray(values.to_numpy(dtype=float))
                if values.hasnans:
                    numbers = np.where(np.isnan(numbers), np.nan, numbers)
                digest.update(numbers.view(np.uint8).data)  # tells 0.0 from -0.0
            else:
                digest.update(pd.util.hash_pandas_object(values, index=False, categorize=True).to_numpy().tobytes())
        for name in sorted(self.arrays):
            values_array = self.arrays[name]
            digest.update(f"{name}\0{values_array.dtype}\0{values_array.shape}\0".encode())
            for start in range(0, len(values_array), 4096):
                digest.update(np.ascontiguousarray(values_array[start : start + 4096]).tobytes())
        return digest.hexdigest()

    def to_arrow(self) -> pa.Table:
        """The frame as an Arrow table: categories as dictionaries, no pandas metadata."""
        table = pa.Table.from_pandas(self.frame, preserve_index=False, nthreads=1)  # chunks are too small for threads
        return table.replace_schema_metadata(None)

    @classmethod
    def from_arrow(cls, table: pa.Table, schema: Schema, arrays: Mapping[str, np.ndarray] | None = None) -> Dataset:
        """The inverse of `to_arrow`."""
        if not table.num_columns:  # such a table has lost its number of rows
            num_rows = len(next(iter(arrays.values()))) if arrays else 0
            return cls(pd.DataFrame(index=pd.RangeIndex(num_rows)), arrays or {}, schema)
        # by way of pandas' default, float64, large integers beside missing values would lose their last digits
        return cls.of(table.to_pandas(types_mapper={pa.int64(): pd.Int64Dtype()}.get), arrays, schema)

    def save(self, folder: Path) -> None:
        """Write `frame.arrow`, one `.npy` file per array, and `schema.json` into a new folder."""
        folder.mkdir(parents=True)
        table = self.to_arrow()
        with pa.OSFile(str(folder / "frame.arrow"), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
            writer.write_table(table)
        for position, name in enumerate(self.schema.arrays):  # numbered: an array's name may be no file name
            np.save(folder / f"array-{position}.npy", self.arrays[name], allow_pickle=False)
        (folder / "schema.json").write_text(self.schema.model_dump_json(exclude_none=True), encoding="utf-8")

    @classmethod
    def load_column(cls, folder: Path, name: str) -> pd.Series:
        """Read one column of what `save` has written, (N,) values.

        Raises:
            DiskError: a file is missing, truncated or invalid.
        """
        try:
            schema = _schema_from_json((folder / "schema.json").read_text(encoding="utf-8"))
            with pa.memory_map(str(folder / "frame.arrow")) as source:
                place = list(schema.columns).index(name)
                options = pa.ipc.IpcReadOptions(included_fields=[place])
                table = pa.ipc.open_file(source, options=options).read_all()
                return cls.from_arrow(table, Schema(columns={name: schema.columns[name]})).frame[name]
        except (OSError, ValueError, pa.ArrowException) as error:
            raise DiskError(f"{folder}: a dataset that was kept cannot be read: {error}") from error

    @classmethod
    def load(cls, folder: Path) -> Dataset:
        """Read what `save` has written. Arrays are memory-mapped, so large datasets open quickly.

        Raises:
            DiskError: a file is missing, truncated or invalid.
        """
        try:
            schema = _schema_from_json((folder / "schema.json").read_text(encoding="utf-8"))
            with pa.memory_map(str(folder / "frame.arrow")) as source:
                table = pa.ipc.open_file(source).read_all()
                arrays = {
                    name: np.load(folder / f"array-{position}.npy", mmap_mode="r" if len(table) else None)
                    for position, name in enumerate(schema.arrays)
                }
                return cls.from_arrow(table, schema, arrays)
        except (OSError, ValueError, pa.ArrowException) as error:
            raise DiskError(f"{folder}: a dataset that was kept cannot be read: {error}") from error


@lru_cache(maxsize=8)
def _schema_from_json(text: str) -> Schema:
    """The schema that `save` wrote; many parts of a run have the same one."""
    return Schema.model_validate_json(text)
