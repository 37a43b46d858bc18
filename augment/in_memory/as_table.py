"""Data in memory as one table, with a column for the target.

Shapes: N rows, H height, W width, C channels, T time steps, F features.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from augment.errors import DataError
from augment.in_memory.features import arrow_of, features_of, from_torch_dataset
from augment.in_memory.form import Container, Form
from augment.in_memory.recordings import recordings_of
from augment.text import listing

__all__ = ["FILE", "InMemory", "check_labels", "hold"]

TARGET = "target"
FILE = "in-memory.parquet"


@dataclass(frozen=True)
class InMemory:
    """Data that was in memory, as a table of one row a sample.

    Attributes:
        table: columns, and arrays as nested lists of fixed length, as the sink of such files writes them.
        target: the column that y became.
        declared: what a pipeline's `schema:` section has to say of it.
        form: in which it came.
    """

    table: pa.Table
    target: str | None
    declared: dict[str, Any]
    form: Form

    def write(self, folder: Path) -> Path:
        """Write the table as a Parquet file into a folder, equal bytes for equal data. Returns its path."""
        import pyarrow.parquet as pq

        path = folder / FILE
        pq.write_table(self.table, path, compression="zstd")
        return path


def hold(data: Any, y: Any = None, target: str | int | None = None, rate: float | None = None) -> InMemory:
    """Data in memory as one table.

    Args:
        data: a frame (pandas, or anything with the Arrow PyCapsule interface or the dataframe protocol, such as
            polars), a torch or Hugging Face Dataset; or features alone: an array or tensor (N, F), images (N, H, W),
            (N, H, W, C) or (N, C, H, W), series (N, T, F), a list of texts, or a list of series (T,) or (T, F), of any
            lengths.
        y: (N,) the target, where it is not a column of the data.
        target: the column of a frame that is the target.
        rate: in Hz, of recordings: an array or tensor (N, T), or a list of them (T,).

    Raises:
        DataError: the data is of another kind, or holds what no column or array can.
    """
    target = None if target is None else str(target)
    if y is None and isinstance(data, tuple) and len(data) == 2:
        data, y = data
    torch = sys.modules.get("torch")
    if rate is not None:
        found = recordings_of(data, rate)
    elif torch is not None and isinstance(data, torch.utils.data.Dataset) and y is None:
        found, y = from_torch_dataset(data)
    else:
        found = features_of(data)
    name = None
    if y is not None:
        if target is not None:
            raise DataError("give the target as y, or name a column of the data with target=, but not both")
        taken = [*(found.columns.column_names if found.columns is not None else ()), *found.arrays]
        name = _target_name(y, taken)
        values, found.form["y"], found.form["y_dtype"] = _labels(y)
        if len(values) != found.num_rows:
            raise DataError(f"the data has {found.num_rows:,} rows, and y has {len(values):,}")
        column = arrow_of(values, "y")
        found.columns = pa.table({name: column}) if found.columns is None else found.columns.append_column(name, column)
    elif target is not None and (found.columns is None or target not in found.columns.column_names):
        there = "no columns" if found.columns is None else listing(found.columns.column_names)
        raise DataError(f"target={target!r} is not a column of the data, which has {there}; give labels apart as y")
    table = found.columns
    for array, rows in found.arrays.items():
        nested = _nested(rows)
        table = pa.table({array: nested}) if table is None else table.append_column(array, nested)
    assert table is not None
    if not table.num_rows:
        raise DataError("the data has no rows")
    return InMemory(table, name or target, found.declared, Form(**found.form))


def _nested(values: np.ndarray) -> pa.Array:
    array = pa.array(np.ascontiguousarray(values).reshape(-1))
    for length in reversed(values.shape[1:]):
        array = pa.FixedSizeListArray.from_arrays(array, length)
    return array


def _labels(y: Any) -> tuple[Any, Container, str]:
    """The target as one column, its container, and its numpy or pandas type."""
    values: Any
    container: Container
    torch = sys.modules.get("torch")
    if isinstance(y, pd.DataFrame) and y.shape[1] == 1:
        y = y.iloc[:, 0]
    if isinstance(y, pd.Series):
        values, container, dtype = y.reset_index(drop=True), "series", str(y.dtype)
        dtype = "object" if dtype.startswith("category") else dtype
    elif torch is not None and isinstance(y, torch.Tensor):
        values = y.detach().cpu().numpy()
        container, dtype = "torch", str(values.dtype)
    else:
        container = "list" if isinstance(y, list | tuple) else "numpy"
        values = pd.Series(list(y)).to_numpy() if container == "list" else np.asarray(y)
        dtype = str(values.dtype)
    if values.ndim == 2 and values.shape[1] == 1:
        values = values.ravel()
    _refuse_several(values)
    _refuse_mixed(values)
    return values, container, dtype


def check_labels(y: Any) -> Any:
    """The labels of a call, tensors as arrays: one a row, or one column for each class, with a 1 in that of the row.

    Raises:
        DataError: a row has several, or they are of several types.
    """
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(y, torch.Tensor):
        y = y.detach().cpu().numpy()
    values = y if hasattr(y, "ndim") else pd.Series(list(y), dtype=object) if isinstance(y, Sequence) else None
    if values is not None and not _is_one_of_each(np.asarray(values)):
        _refuse_several(values)
    if isinstance(y, list | tuple) and not any(np.ndim(value) for value in y):
        _refuse_mixed(pd.Series(list(y), dtype=object))
    elif isinstance(y, np.ndarray | pd.Series) and y.ndim == 1:
        _refuse_mixed(y)
    return y


def _is_one_of_each(values: np.ndarray) -> bool:
    """Whether these are columns of 0 and 1 of which each row has one 1: a column alone, or one for each class."""
    if values.ndim != 2 or values.shape[1] == 1:
        return values.ndim == 2
    return values.dtype.kind in "biu" and bool(np.isin(values, (0, 1)).all() and (values.sum(axis=1) == 1).all())


def _refuse_several(values: Any) -> None:
    """Refuse several labels or numbers a row: as columns, or as lists or sets."""
    got, row = f"shape {values.shape}", "map(str, row)) for row in np.asarray(y)"
    if values.ndim == 1:
        of_cells = (type(value) for value in values) if values.dtype == object else ()
        kinds = sorted({kind.__name__ for kind in of_cells if issubclass(kind, list | tuple | set | np.ndarray)})
        if not kinds:
            return
        got, row = f"rows of type {' and '.join(kinds)}", "sorted(map(str, row))) for row in y"
    raise DataError(
        f"y holds one label or number a row, (N,); got {got}. For several labels a row, give each combination a name "
        f"of its own, as in ['+'.join({row}]; for several numbers, put all but one among the features"
    )


def _refuse_mixed(values: Any) -> None:
    """Refuse text beside numbers, of which `1` and `"1"` may be two labels or one."""
    if values.dtype != object:
        return
    kinds = {type(value) for value in pd.Series(values).dropna()}
    if len({issubclass(kind, str) for kind in kinds}) > 1:
        named = listing(sorted(kind.__name__ for kind in kinds))
        raise DataError(f"y holds values of the types {named}; convert all to one type: 1 and '1' are one label")


def _target_name(y: Any, taken: Sequence[str]) -> str:
    name = getattr(y, "name", None)
    if isinstance(y, pd.DataFrame) and y.shape[1] == 1:
        name = y.columns[0]
    name = name if isinstance(name, str) and name else TARGET
    while name in taken:
        name += "_"
    return name
