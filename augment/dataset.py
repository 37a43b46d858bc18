"""The one container that travels between stages: a frame, payload arrays aligned with it, and a schema."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pandas as pd
import pyarrow as pa

from augment.errors import DataError
from augment.schema import Schema, conform

__all__ = ["Dataset"]


@dataclass(frozen=True, eq=False)
class Dataset:
    """N samples, one a row, in human units.

    Attributes:
        frame: N rows with a RangeIndex, in the types that `augment.schema.conform` gives.
        arrays: name to array with N rows; a memory map is fine. Read only by agreement.
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
        """A dataset with the frame brought into the canonical types."""
        return cls(conform(frame, schema), arrays or {}, schema)

    def __len__(self) -> int:
        return len(self.frame)

    def take(self, rows: np.ndarray | slice) -> Dataset:
        """The rows at these positions (integers (M,), a bool mask (N,) or a slice), in that order, renumbered."""
        return Dataset(
            self.frame.iloc[rows].reset_index(drop=True),
            {name: values[rows] for name, values in self.arrays.items()},
            self.schema,
        )

    def drop_columns(self, names: Sequence[str]) -> Dataset:
        """The same rows without these columns, in frame and schema; the target may be among them."""
        columns = {name: column for name, column in self.schema.columns.items() if name not in names}
        target = self.schema.target if self.schema.target in columns else None
        schema = self.schema.model_copy(update={"columns": columns, "target": target})
        return Dataset(self.frame[list(columns)], self.arrays, schema)

    def batches(self, size: int) -> Iterator[Dataset]:
        """Consecutive slices of at most `size` rows."""
        for start in range(0, len(self), size):
            yield self.take(slice(start, start + size))

    @staticmethod
    def concat(parts: Sequence[Dataset]) -> Dataset:
        """The rows of all parts, one after the other, under the schema of the first.

        Raises:
            DataError: there are no parts, or their columns or arrays differ.
        """
        if not parts:
            raise DataError("no rows to put together")
        first = parts[0]
        for part in parts[1:]:
            if list(part.frame.columns) != list(first.frame.columns) or set(part.arrays) != set(first.arrays):
                raise DataError("datasets with different columns or arrays cannot be put together")
        if len(parts) == 1:
            return first
        # pandas merges unequal categories into object columns; conform makes them categories again
        frame = pd.concat([_plain_categories(part.frame) for part in parts], ignore_index=True)
        arrays = {name: np.concatenate([part.arrays[name] for part in parts]) for name in first.arrays}
        return Dataset.of(frame, arrays, first.schema)

    def equals(self, other: Dataset) -> bool:
        """Whether both hold the same rows, to the bit, under the same schema."""
        return self.schema == other.schema and self.fingerprint() == other.fingerprint()

    def fingerprint(self) -> str:
        """SHA-256 of the content: column names, types, values, arrays. The same for equal rows wherever they lie."""
        digest = hashlib.sha256()
        for name, column in self.schema.columns.items():
            values = self.frame[name]
            hashed = pd.util.hash_pandas_object(values, index=False, categorize=True).to_numpy()
            digest.update(f"{name}\0{column.type}\0".encode())
            digest.update(values.isna().to_numpy().tobytes())
            digest.update(hashed.tobytes())
        for name in sorted(self.arrays):
            values_array = self.arrays[name]
            digest.update(f"{name}\0{values_array.dtype}\0{values_array.shape}\0".encode())
            for start in range(0, len(values_array), 4096):
                digest.update(np.ascontiguousarray(values_array[start : start + 4096]).tobytes())
        return digest.hexdigest()

    def to_arrow(self) -> pa.Table:
        """The frame as an Arrow table: categories as dictionaries, no pandas metadata."""
        table = pa.Table.from_pandas(self.frame, preserve_index=False)
        return table.replace_schema_metadata(None)

    @classmethod
    def from_arrow(cls, table: pa.Table, schema: Schema, arrays: Mapping[str, np.ndarray] | None = None) -> Dataset:
        """The inverse of `to_arrow`."""
        return cls.of(table.to_pandas(), arrays, schema)

    def save(self, folder: Path) -> None:
        """Write `frame.arrow`, one `.npy` an array, and `schema.json` into a folder that is made here."""
        folder.mkdir(parents=True)
        table = self.to_arrow()
        with pa.OSFile(str(folder / "frame.arrow"), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
            writer.write_table(table)
        for position, name in enumerate(self.schema.arrays):  # numbered: an array's name may be no file name
            np.save(folder / f"array-{position}.npy", self.arrays[name])
        (folder / "schema.json").write_text(self.schema.model_dump_json(exclude_none=True), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> Dataset:
        """The inverse of `save`. Arrays are memory maps: opening a large dataset is quick and takes no memory."""
        schema = Schema.model_validate_json((folder / "schema.json").read_text(encoding="utf-8"))
        with pa.memory_map(str(folder / "frame.arrow")) as source:
            table = pa.ipc.open_file(source).read_all()
            arrays = {
                name: np.load(folder / f"array-{position}.npy", mmap_mode="r" if len(table) else None)
                for position, name in enumerate(schema.arrays)
            }
            return cls.from_arrow(table, schema, arrays)


def _plain_categories(frame: pd.DataFrame) -> pd.DataFrame:
    categorical = [name for name in frame.columns if isinstance(frame[name].dtype, pd.CategoricalDtype)]
    return frame.astype(dict.fromkeys(categorical, "object")) if categorical else frame
