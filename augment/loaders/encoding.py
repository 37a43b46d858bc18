"""Rows as tensors, by `tensors` or a function of the user's.

Shapes: N rows, F features, H height, W width, C channels, T time steps.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils.data import Dataset as TorchDataset
from torch.utils.data import default_collate

from augment.data import Dataset
from augment.storage.written_rows import Part, feature_array, target_array

__all__ = ["Encode", "EncodedRows", "Items", "Rows", "apply_each", "form_of", "tensors"]

Encode = Callable[[Dataset], Any]  # rows in human units to a tuple or mapping of tensors


def tensors(data: Dataset) -> tuple[torch.Tensor, ...]:
    """Rows as tensors (x, y), or (x,) without a target.

    x is float32, except for tokens. Images are (N, C, H, W) in [0, 1]. Series (N, T, F), audio (N, T) and vectors
    (N, F) are unchanged. Tokens are (N, T) int64. Tables are (N, F), with categories as their position in the schema
    (see `augment.storage.written_rows.feature_array`). y is the position of the class in `schema.classes`, (N,) int64,
    or a number, (N,) float32.
    """
    return _features(data, feature_array(data)), *_target(data)


def _features(data: Dataset, values: np.ndarray) -> torch.Tensor:
    """The tensor x for the output of `feature_array`."""
    kind = next((array.type for array in data.schema.arrays.values()), "vector")
    x = torch.tensor(np.asarray(values))  # a copy: memory maps cannot be written to
    if kind == "image":
        return x.permute(0, 3, 1, 2).to(torch.float32, memory_format=torch.contiguous_format).div_(255)
    return x.long() if kind == "tokens" else x.float()


def _target(data: Dataset) -> tuple[torch.Tensor, ...]:
    """The tensor y, or nothing without a target."""
    y = target_array(data)
    return () if y is None else (torch.tensor(y, dtype=torch.int64 if y.dtype == np.int64 else torch.float32),)


class Rows(TorchDataset[Any]):
    """Rows of a run as a torch dataset, for `torch.utils.data.DataLoader`.

    A table is encoded once. Payloads such as images stay memory-mapped and are encoded on access.

    Args:
        part: a part of a run, such as `run.train` or `run.test`.
        encode: a function from rows in human units to a tuple or mapping of tensors with N rows. It must encode each
            row independently.

    Attributes:
        origin: the origin of each row, (N,) object.
    """

    def __init__(self, part: Part, encode: Encode = tensors):
        self.origin = part.origin
        ids = part.schema.set_aside
        self._rows = EncodedRows(part.data.drop_columns(ids), encode)

    def __len__(self) -> int:
        return len(self.origin)

    def __getitem__(self, row: int) -> Any:
        return self.__getitems__([range(len(self))[row]])[0]

    def __getitems__(self, rows: list[int]) -> list[Any]:
        """Several rows at once, as torch's loader requests them."""
        encoded = self._rows.take(np.asarray(rows))
        if isinstance(encoded, Mapping):
            return [{name: values[i] for name, values in encoded.items()} for i in range(len(rows))]
        return list(zip(*encoded, strict=True))


class EncodedRows:
    """Rows as tensors: a table is encoded at once, payloads on access."""

    def __init__(self, data: Dataset | Path, encode: Encode):
        self._place, self._encode = data, encode

    def __getstate__(self) -> dict[str, Any]:  # what was encoded is encoded again in a loader's worker
        return {"_place": self._place, "_encode": self._encode}

    @cached_property
    def _data(self) -> Dataset:
        return self._place if isinstance(self._place, Dataset) else Dataset.load(self._place)

    @cached_property
    def _all(self) -> Any:
        return self._encode(self._data)

    @cached_property
    def _payload(self) -> tuple[np.ndarray, tuple[torch.Tensor, ...]]:
        return feature_array(self._data), _target(self._data)

    def take(self, rows: np.ndarray) -> Any:
        """The encoded rows at these positions, (M,) int64."""
        if not self._data.arrays:
            return apply_each(lambda values: values[torch.from_numpy(rows)], self._all)
        if self._encode is not tensors:
            return self._encode(self._data.take(rows))
        values, target = self._payload  # the same as above, without a frame for each batch
        return _features(self._data, values[rows]), *(labels[torch.from_numpy(rows)] for labels in target)


class Items:
    """Items of a torch Dataset of the user's, as tensors."""

    def __init__(self, dataset: TorchDataset[Any]):
        self._dataset = dataset

    def take(self, rows: np.ndarray) -> Any:
        """The items at these positions, (M,) int64, collated as torch's loader does."""
        several: Any = getattr(self._dataset, "__getitems__", None)
        places = rows.tolist()
        items = several(places) if several is not None else [self._dataset[place] for place in places]
        batch = default_collate(items)
        return batch if isinstance(batch, Mapping) else tuple(batch) if isinstance(batch, list) else (batch,)


def form_of(batch: Any) -> str:
    """The types and shapes of a batch's tensors in words, without the number of rows; of texts, `tuple`."""
    named = batch if isinstance(batch, Mapping) else {str(place): values for place, values in enumerate(batch)}
    words = [
        f"{name}: {str(values.dtype).removeprefix('torch.')} {tuple(values.shape[1:])}"
        if isinstance(values, torch.Tensor)
        else f"{name}: {type(values).__name__}"
        for name, values in named.items()
    ]
    return f"({', '.join(words)})"


def apply_each(change: Callable[..., Any], *batches: Any) -> Any:
    """Apply a function to the tensors of batches of the same form, tuples or mappings."""
    first = batches[0]
    if isinstance(first, Mapping):
        return {name: change(*(batch[name] for batch in batches)) for name in first}
    return tuple(change(*values) for values in zip(*batches, strict=True))
