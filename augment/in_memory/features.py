"""What data in memory is, and its features as columns and arrays.

Nothing is imported for its sake: frames are recognised by the Arrow PyCapsule interface or the dataframe protocol, and
torch and Hugging Face `datasets` only where somebody has imported them.

Shapes: N rows, H height, W width, C channels, T time steps, F features.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from augment.errors import DataError
from augment.in_memory.form import Container
from augment.text import listing

__all__ = ["Features", "arrow_of", "features_of", "from_torch_dataset"]

log = logging.getLogger("augment")

KINDS = (
    "a DataFrame of pandas or polars, an Arrow table, a numpy array or torch tensor, a list of texts or arrays, "
    "a torch Dataset, or a Hugging Face Dataset"
)
CHANNELS = (1, 3, 4)
MAX_PIXEL = 255
TEXT, LENGTH = "text", "length"


@dataclass
class Features:
    """What became of the features."""

    columns: pa.Table | None = None
    arrays: dict[str, np.ndarray] = field(default_factory=dict)
    declared: dict[str, Any] = field(default_factory=dict)
    form: dict[str, Any] = field(default_factory=dict)

    @property
    def num_rows(self) -> int:
        """N."""
        return int(self.columns.num_rows) if self.columns is not None else len(next(iter(self.arrays.values())))


def features_of(data: Any) -> Features:
    """What data without a target of its own holds.

    Raises:
        DataError: it is of another kind, or holds what no column or array can.
    """
    torch, datasets = sys.modules.get("torch"), sys.modules.get("datasets")
    if isinstance(data, pd.DataFrame):
        return _from_frame(data)
    if isinstance(data, pd.Series):
        return _texts(data.tolist(), "series") if _are_texts(data) else _from_frame(data.to_frame())
    if datasets is not None and isinstance(data, datasets.Dataset):
        return Features(_from_huggingface(data), form={"x": "huggingface"})
    if datasets is not None and isinstance(data, datasets.DatasetDict | datasets.IterableDataset):
        raise DataError(
            "this holds several splits, or rows that are streamed; give one datasets.Dataset, such as ds['train']"
        )
    if torch is not None and isinstance(data, torch.Tensor):
        return _from_array(data.detach().cpu().numpy(), "torch")
    if isinstance(data, np.ndarray):
        return _texts(data.tolist(), "numpy", str(data.dtype)) if _are_texts(data) else _from_array(data, "numpy")
    if isinstance(data, pa.Table) or hasattr(data, "__arrow_c_stream__"):
        is_polars = type(data).__module__.partition(".")[0] == "polars"
        return Features(_decoded(pa.table(data)), form={"x": "polars" if is_polars else "table"})
    if hasattr(data, "__dataframe__"):
        from pyarrow.interchange import from_dataframe

        return Features(_decoded(from_dataframe(data)), form={"x": "table"})
    if isinstance(data, Sequence) and not isinstance(data, str | bytes) and len(data):
        return _from_list(list(data))
    is_empty = isinstance(data, Sequence) and not len(data)
    what = "an empty one" if is_empty else f"{type(data).__module__}.{type(data).__qualname__}"
    raise DataError(f"data in memory is {KINDS}; got {what}")


def _from_frame(frame: pd.DataFrame) -> Features:
    form: dict[str, Any] = {"x": "pandas"}
    if not all(isinstance(name, str) for name in frame.columns):
        names = [
            name if isinstance(name, str) else int(name) if isinstance(name, int | np.integer) else None
            for name in frame
        ]
        if None in names:
            raise DataError(f"columns need names; the frame has the column {frame.columns[names.index(None)]!r}")
        form["names"], frame = names, frame.set_axis([str(name) for name in names], axis=1)
    if not frame.columns.is_unique:
        raise DataError(f"the frame has the column {frame.columns[frame.columns.duplicated()][0]!r} twice")
    if not len(frame.columns):
        raise DataError("the frame has no columns")
    try:
        return Features(pa.Table.from_pandas(frame), form=form)
    except (pa.ArrowException, TypeError, ValueError) as error:
        for name in frame:
            arrow_of(frame[name], f"column {name!r}")
        raise DataError(f"the frame cannot be held as a table: {error}") from error


def arrow_of(values: Any, what: str) -> pa.Array:
    """(N,) values of one type.

    Raises:
        DataError: they have several; `what` names them.
    """
    try:
        return pa.Array.from_pandas(values)
    except (pa.ArrowException, TypeError, ValueError, OverflowError) as error:
        kinds = listing(sorted({type(value).__name__ for value in pd.Series(values).dropna()}))
        raise DataError(f"{what} holds values of the types {kinds}; convert them to one type, such as str") from error


def _decoded(table: pa.Table) -> pa.Table:
    """The table without columns of views, for which Parquet has no types of its own."""
    kinds = {pa.string_view(): pa.large_string(), pa.binary_view(): pa.large_binary()}
    for place, column in enumerate(table.schema):
        if column.type in kinds:
            table = table.set_column(place, column.name, table.column(place).cast(kinds[column.type]))
    return table


def _from_huggingface(dataset: Any) -> pa.Table:
    """Classes by their names, images with their bytes."""
    import datasets
    from datasets.table import embed_table_storage

    dataset = dataset.with_format(None)
    table = embed_table_storage((dataset.flatten_indices() if dataset._indices is not None else dataset).data.table)
    for place, (name, feature) in enumerate(dataset.features.items()):
        if isinstance(feature, datasets.ClassLabel):
            codes = table[name].to_numpy()
            labels = pd.Categorical.from_codes(np.where(np.isnan(codes), -1, codes).astype(int), feature.names)
            table = table.set_column(place, name, pa.array(labels))
    return table.replace_schema_metadata(None)


def from_torch_dataset(dataset: Any) -> tuple[Features, Any]:
    """The items of a map-style dataset, (x, y) or x each."""
    import torch

    if not hasattr(dataset, "__len__"):
        raise DataError("the torch Dataset has no length; give one that can be indexed, or its rows as tensors")
    items = [dataset[row] for row in range(len(dataset))]
    if not items:
        raise DataError("the torch Dataset has no rows")
    if isinstance(items[0], Mapping):
        raise DataError(
            f"items of the torch Dataset are x or (x, y); got {type(items[0]).__name__}: let it return a tuple, as in "
            '`return item["image"], item["label"]`'
        )
    pairs = [item if isinstance(item, tuple | list) else (item,) for item in items]
    if not all(len(pair) == len(pairs[0]) in (1, 2) for pair in pairs):
        raise DataError(f"items of the torch Dataset are x or (x, y); got {type(items[0]).__name__} of {len(pairs[0])}")
    rows = [np.asarray(pair[0]) for pair in pairs]  # tensors, arrays and pictures
    found = _from_array(_stacked(rows), "torch") if rows[0].ndim else _from_list([row.item() for row in rows])
    found.form["x"] = "torch-dataset"
    if len(pairs[0]) == 1:
        return found, None
    try:
        return found, torch.stack([torch.as_tensor(label) for _, label in pairs])
    except (TypeError, ValueError, RuntimeError) as error:
        raise DataError(f"labels of the torch Dataset are numbers or tensors of one shape: {error}") from error


def _from_list(rows: list[Any]) -> Features:
    if all(isinstance(row, str) for row in rows):
        return _texts(rows, "list")
    if all(isinstance(row, Mapping) for row in rows):
        return _from_frame(pd.DataFrame(rows))
    torch = sys.modules.get("torch")
    if torch is not None:
        rows = [row.detach().cpu().numpy() if isinstance(row, torch.Tensor) else row for row in rows]
    if not all(isinstance(row, np.ndarray) or hasattr(row, "__array_interface__") for row in rows):
        values = (
            np.asarray(rows)
            if all(isinstance(row, Sequence) and not isinstance(row, str) and len(row) == len(rows[0]) for row in rows)
            else None
        )
        if values is None or values.ndim != 2:
            kinds = listing(sorted({type(row).__name__ for row in rows}))
            raise DataError(f"a list holds texts, arrays, or rows of equal length; this one holds {kinds}")
        return _from_array(values, "numpy")
    arrays = [np.asarray(row) for row in rows]
    dims = {array.ndim for array in arrays}
    if dims == {3} or (dims == {2} and arrays[0].dtype == np.uint8):
        return _from_array(_stacked(arrays), "numpy")
    if dims not in ({1}, {2}):
        raise DataError(
            f"arrays of a list have one or two axes, (T,) or (T, F), or are images; these have {sorted(dims)}"
        )
    series = [array[:, np.newaxis] if array.ndim == 1 else array for array in arrays]
    widths = {array.shape[1] for array in series}
    if len(widths) > 1 or any(array.dtype.kind not in "fiub" for array in series):
        raise DataError(f"series of a list hold numbers, (T,) or (T, F) of one F; these have F of {sorted(widths)}")
    lengths = np.array([len(array) for array in series])
    if not lengths.all():
        raise DataError(f"series {int((lengths == 0).argmax())} of the list is empty; leave it out")
    padded = np.zeros((len(series), int(lengths.max()), widths.pop()), np.float32)
    for row, array in enumerate(series):
        padded[row, : len(array)] = array
    form = {"x": "list", "payload": "series", "dtype": str(arrays[0].dtype), "layout": "T" if dims == {1} else None}
    if (lengths == lengths[0]).all():
        return Features(None, {"series": padded}, {}, form)
    columns = pa.table({LENGTH: lengths})
    return Features(columns, {"series": padded}, {"arrays": {"series": {"length_column": LENGTH}}}, form)


def _stacked(rows: list[np.ndarray]) -> np.ndarray:
    if shapes := {row.shape for row in rows} - {rows[0].shape}:
        raise DataError(
            f"all rows need one shape; the first is {rows[0].shape}, and one is {shapes.pop()}: resize or pad"
        )
    return np.stack(rows)


def _texts(texts: list[Any], container: Container, dtype: str = "object") -> Features:
    declared = {"payload": TEXT, "columns": {TEXT: {"type": "text"}}}
    return Features(
        pa.table({TEXT: arrow_of(texts, "the list of texts")}),
        {},
        declared,
        {"x": container, "payload": TEXT, "dtype": dtype},
    )


def _are_texts(values: Any) -> bool:
    flat = pd.Series(values) if values.ndim == 1 else None
    return flat is not None and pd.api.types.infer_dtype(flat, skipna=True) == "string"


def _from_array(values: np.ndarray, container: Container) -> Features:
    form: dict[str, Any] = {"x": container, "dtype": str(values.dtype)}
    if values.ndim == 4 or (values.ndim == 3 and values.dtype == np.uint8):
        pixels, form["layout"], form["scale"] = _pixels(values, channels_first=container != "numpy")
        return Features(None, {"image": pixels}, {}, {**form, "payload": "image"})
    if values.ndim == 3:
        if _look_like_pixels(values):
            log.warning(
                "an array of shape %s and type %s is taken for series, %d steps of %d channels; for images, give them "
                "as uint8, or with an axis for their channels: x[..., np.newaxis]",
                *(values.shape, values.dtype, *values.shape[1:]),
            )
        return Features(None, {"series": values.astype(np.float32)}, {}, {**form, "payload": "series"})
    if values.ndim != 2:
        raise DataError(
            f"an array has shape {values.shape}; (N, F) for a table, (N, T, F) for series, or (N, H, W) uint8, "
            "(N, H, W, C) or (N, C, H, W) for images was expected"
        )
    frame = pd.DataFrame(values, columns=[f"x{number}" for number in range(values.shape[1])])
    found = _from_frame(frame.infer_objects())
    return Features(found.columns, form=form)


def _look_like_pixels(values_NTF: np.ndarray) -> bool:
    """Whether series could be grey images: whole numbers from 0 to 255, about as high as wide."""
    height, width = values_NTF.shape[1:]
    first = np.asarray(values_NTF[:100], np.float64)
    square = min(height, width) >= 8 and max(height, width) <= 2 * min(height, width)
    return bool(square and ((first >= 0) & (first <= 255) & (first == np.round(first))).all())


def _pixels(images: np.ndarray, channels_first: bool) -> tuple[np.ndarray, str, float]:
    """Images as (N, H, W, C) uint8, their layout, and what they were multiplied by."""
    if images.ndim == 3:
        return images[..., np.newaxis], "NHW", 1.0
    layouts = [name for name, axis in (("NHWC", 3), ("NCHW", 1)) if images.shape[axis] in CHANNELS]
    if not layouts:
        raise DataError(f"images have 1, 3 or 4 channels, (N, H, W, C) or (N, C, H, W); got shape {images.shape}")
    layout = layouts[-1 if channels_first else 0]
    images = images.transpose(0, 2, 3, 1) if layout == "NCHW" else images
    if images.dtype == np.uint8:
        return images, layout, 1.0
    low, high = (float(images.min()), float(images.max())) if images.size else (0.0, 0.0)
    scale = MAX_PIXEL if high <= 1 else 1
    scaled = images.astype(np.float64) * scale
    whole = np.round(scaled)
    rounded = bool(np.abs(scaled - whole).max(initial=0) > 1e-3)
    if not (low >= 0 and high <= MAX_PIXEL) or (rounded and high > 1):
        raise DataError(
            f"pixels are whole numbers from 0 to 255, or numbers from 0 to 1; these are {images.dtype} from {low:g} to "
            f"{high:g}: undo what normalised them, and bring them to 256 levels, as in (x * 255).round() / 255 for "
            "numbers from 0 to 1"
        )
    if rounded:
        log.warning("pixels are held in 8 bits: the numbers from %g to %g are rounded to 256 levels", low, high)
    return whole.astype(np.uint8), layout, float(scale)
