"""The form in which data in memory came, and rows back in it.

Shapes: N rows, H height, W width, C channels, T time steps, F features.
"""

from __future__ import annotations

import sys
from typing import Any, Literal

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict

from augment.data import Dataset, as_written
from augment.storage.written_rows import to_huggingface
from augment.toolkit.tables.arrow import arrow_table
from augment.toolkit.tables.stored_types import pandas_metadata, stored_table

__all__ = ["Container", "Form"]

Container = Literal["pandas", "table", "polars", "huggingface", "series", "numpy", "torch", "torch-dataset", "list"]


class Form(BaseModel):
    """The form in which data came: what `restore` needs to give other rows in it.

    Attributes:
        x: the container of the data, or of the features where y came apart.
        y: likewise of the target; None where it did not come apart.
        names: labels of the columns of a frame; None where they are names.
        payload: the array or text that the features are; None for a table.
        dtype: numpy type of the features, where they came as one array.
        y_dtype: likewise of the target.
        layout: `NHWC`, `NCHW` or `NHW` for images; `T` for series of one channel in a list.
        scale: what pixels were multiplied by, to become 0 to 255.
    """

    model_config = ConfigDict(frozen=True)

    x: Container
    y: Container | None = None
    names: list[str | int] | None = None
    payload: str | None = None
    dtype: str | None = None
    y_dtype: str | None = None
    layout: str | None = None
    scale: float = 1.0

    def restore(self, data: Dataset) -> Any:
        """Rows in this form: a frame, the features, or features and target (X, y)."""
        target = data.schema.target
        if self.y is None:
            return self._features(data)
        assert target is not None
        features, labels = self._features(data.drop_columns([target])), self._target(data)
        if self.x == "torch-dataset":
            return sys.modules["torch"].utils.data.TensorDataset(features, labels)
        return features, labels

    def _features(self, data: Dataset) -> Any:
        if self.x == "huggingface":
            columns = data.schema.columns
            return to_huggingface(
                data, data.frame.assign(**{n: as_written(data.frame[n], columns[n]) for n in columns})
            )
        if self.payload is not None and self.payload in data.arrays:
            return self._payload(data)
        frame = data.frame
        if self.payload is not None:
            texts = frame[self.payload].astype(object)
            return texts.rename(None) if self.x == "series" else _in_container(texts.to_numpy(), self.x, self.dtype)
        if self.dtype is not None:
            columns = data.schema.columns
            values = [as_written(frame[name], columns[name]).to_numpy() for name in columns]
            return _in_container(np.column_stack(values).astype(self.dtype), self.x, self.dtype)
        table = stored_table(arrow_table(data, data.schema), data.schema, "memory")
        table = table.replace_schema_metadata(dict(pandas_metadata(table, data.schema)) or None)
        if self.x == "polars":
            return sys.modules["polars"].from_arrow(table)
        if self.x == "table":
            return table
        restored = table.to_pandas()
        return restored if self.names is None else restored.set_axis(self.names, axis=1)

    def _payload(self, data: Dataset) -> Any:
        assert self.payload is not None
        values = np.asarray(data.arrays[self.payload])
        if self.layout not in (None, "T"):
            values = values[..., 0] if self.layout == "NHW" else values
            values = values.transpose(0, 3, 1, 2) if self.layout == "NCHW" else values
            values = (values / self.scale if self.scale != 1 else values).astype(self.dtype)
        elif self.x == "list":  # of series, each in its own length
            lengths = data.lengths(self.payload)
            rows = [row[:length] for row, length in zip(values, lengths, strict=True)]
            return [(row[:, 0] if self.layout == "T" else row).astype(self.dtype) for row in rows]
        return _in_container(np.ascontiguousarray(values.astype(self.dtype)), self.x, self.dtype)

    def _target(self, data: Dataset) -> Any:
        assert data.schema.target is not None
        name = data.schema.target
        column = data.schema.columns[name]
        values = as_written(data.frame[name], column)
        if isinstance(values.dtype, pd.CategoricalDtype):
            values = values.astype(object)
        if self.y == "series":
            return values.astype(pd.api.types.pandas_dtype(self.y_dtype)).rename(name)
        return _in_container(values.to_numpy(), self.y, self.y_dtype)


def _in_container(values: np.ndarray, container: str | None, dtype: str | None) -> Any:
    if container == "list":
        return values.tolist()
    values = values if dtype is None else values.astype("str" if np.dtype(dtype).kind == "U" else dtype)
    if container in ("torch", "torch-dataset"):
        return sys.modules["torch"].from_numpy(np.ascontiguousarray(values))
    return values
