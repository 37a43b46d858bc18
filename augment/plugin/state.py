"""Fitted state on disk: numpy arrays as safetensors, other values as JSON. Loading runs no code."""

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
        tensors: name to array of any shape, with a dtype that safetensors supports (no objects or strings).
        values: JSON values without infinities and NaN. The order of keys is preserved.
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
    """Read what `write_state` has written. The tensors are sorted by name.

    Raises:
        DiskError: a file is missing, truncated or invalid.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        tensors = dict(sorted(load((folder / "state.safetensors").read_bytes()).items()))  # that order is at random
        values = json.loads((folder / "state.json").read_text(encoding="utf-8"))
    except (OSError, SafetensorError, ValueError) as error:
        raise DiskError(f"{folder}: the fitted state cannot be read: {error}") from error
    return tensors, values
