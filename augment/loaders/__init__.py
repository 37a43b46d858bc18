"""Torch: the rows of a run as tensors, and loaders that mix real rows with new synthetic ones during training."""

from __future__ import annotations

from augment.loaders.encoding import Rows, tensors
from augment.loaders.mixing import Mixed, mixed

__all__ = ["Mixed", "Rows", "mixed", "tensors"]
