"""Fitted state on disk: named numpy arrays as safetensors, everything else as JSON. Loading runs no code."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from augment.errors import DiskError

__all__ = ["read_state", "write_state"]


def write_state(folder: Path, tensors: Mapping[str, np.ndarray], values: Mapping[str, Any]) -> None:
    """Write `state.safetensors` and `state.json` into an existing folder; equal state gives equal bytes.

    Args:
        folder: where to write.
        tensors: name to array of any shape; dtypes that safetensors knows (no objects, no strings).
        values: anything JSON can hold, without infinities and NaN. The order of keys is kept.
    """
    from safetensors.numpy import save

    # no safetensors metadata: version 0.8 writes several keys in random order
    blob = save({name: np.asarray(tensors[name], order="C") for name in sorted(tensors)})
    (folder / "state.safetensors").write_bytes(blob)
    text = json.dumps(
        values, indent=1, allow_nan=False, ensure_ascii=False
    )  # unsorted: a schema's columns have an order
    (folder / "state.json").write_text(text + "\n", encoding="utf-8")


def read_state(folder: Path) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """The inverse of `write_state`. The tensors come in the order of their names, in every process.

    Raises:
        DiskError: a file is missing, cut short or not what it should be.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        tensors = dict(sorted(load((folder / "state.safetensors").read_bytes()).items()))  # that order is at random
        values = json.loads((folder / "state.json").read_text(encoding="utf-8"))
    except (OSError, SafetensorError, ValueError) as error:
        raise DiskError(f"{folder}: the fitted state cannot be read: {error}") from error
    return tensors, values
