"""Recordings in memory, whose rate somebody names: an array, or a list of them of any lengths.

Shapes: N rows, T samples in time.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from augment.errors import DataError
from augment.in_memory.features import LENGTH, Features
from augment.in_memory.form import Container
from augment.toolkit.audio.waves import pad

__all__ = ["recordings_of"]

ARRAY = "audio"


def recordings_of(data: Any, rate: float) -> Features:
    """Recordings as an array (N, T) float32; those of a list have a column of lengths.

    Args:
        data: an array or tensor (N, T), or a list of arrays or tensors (T,), float in [-1, 1].
        rate: in Hz.

    Raises:
        DataError: the data is something else, or beyond -1 or 1.
    """
    torch = sys.modules.get("torch")
    container: Container = "numpy"
    if torch is not None and isinstance(data, torch.Tensor):
        data, container = data.detach().cpu().numpy(), "torch"
    is_list = isinstance(data, Sequence) and not isinstance(data, str | bytes)
    if torch is not None and is_list:
        data = [row.detach().cpu().numpy() if isinstance(row, torch.Tensor) else row for row in data]
    rows = [np.asarray(row) for row in data] if is_list else data
    expected = "with rate=, data is recordings: an array (N, T), or a list of arrays (T,)"
    if not rate > 0:
        raise DataError(f"rate is in samples per second (Hz), above 0; got {rate}")
    if not is_list and not (isinstance(rows, np.ndarray) and rows.ndim == 2):
        got = f"shape {rows.shape}" if isinstance(rows, np.ndarray) else type(rows).__qualname__
        raise DataError(f"{expected}; got {got}")
    if not len(rows):
        raise DataError("the data has no rows")
    for place, row in enumerate(rows):
        if row.ndim != 1 or not len(row):
            raise DataError(
                f"{expected}; recording {place} has shape {row.shape}: mix channels to one, as in row.mean(0)"
            )
        if row.dtype.kind != "f" or not np.isfinite(row).all() or np.abs(row).max() > 1:
            raise DataError(
                f"recording {place}: samples are finite floats from -1 to 1; got {row.dtype} up to "
                f"{np.abs(row).max():g}: divide 16-bit integers by 32768, louder ones all by the same number"
            )
    audio, lengths = pad(rows)
    described: dict[str, Any] = {"type": "audio", "rate": float(rate), "range": [-1.0, 1.0]}
    form = {"x": "list" if is_list else container, "payload": ARRAY, "dtype": str(rows[0].dtype)}
    columns = pa.table({LENGTH: lengths}) if is_list else None
    described |= {"length_column": LENGTH} if is_list else {}
    return Features(columns, {ARRAY: audio}, {"arrays": {ARRAY: described}}, form)
