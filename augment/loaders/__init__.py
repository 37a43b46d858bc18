"""Torch: rows as tensors, loaders that mix real rows with new synthetic ones during training, and soft labels."""

from __future__ import annotations

from augment.loaders.encoding import Rows, tensors
from augment.loaders.mixing import Mixed, mixed
from augment.loaders.mixup_cutmix import cutmix, mixup

__all__ = ["Mixed", "Rows", "cutmix", "mixed", "mixup", "tensors"]
