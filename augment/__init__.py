"""Plugin-based data augmentation: learn generators on the training part, mix samples in, see whether it helped."""

from __future__ import annotations

__all__ = ["__version__"]

__version__ = "0.1.0"
