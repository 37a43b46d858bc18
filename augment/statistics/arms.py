"""The arms of a trial that the host knows by name; any other name is one of real and synthetic rows."""

from __future__ import annotations

__all__ = ["CLASS_WEIGHTS", "NONE", "OVERSAMPLING", "SYNTHETIC"]

NONE, CLASS_WEIGHTS, OVERSAMPLING, SYNTHETIC = "none", "class-weights", "oversampling", "synthetic"
