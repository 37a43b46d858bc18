"""The arms of a trial that the host knows by name; any other name is one of real and synthetic rows."""

from __future__ import annotations

from typing import Final

__all__ = ["CLASS_WEIGHTS", "NONE", "OVERSAMPLING", "SYNTHETIC"]

NONE: Final = "none"
CLASS_WEIGHTS: Final = "class-weights"
OVERSAMPLING: Final = "oversampling"
SYNTHETIC: Final = "synthetic"
