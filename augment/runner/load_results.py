"""What augment has written, read back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from augment.runner.fitted_generator import FITTED, FittedGenerator
from augment.storage.run_folder import Run

__all__ = ["load"]


def load(folder: Path | str) -> Any:
    """What augment has written into a folder: a finished run as a `Run`, or a saved generator as a `FittedGenerator`.

    For type checkers, `augment.Run(folder)` and `augment.FittedGenerator.load(folder)` say which.

    Args:
        folder: of a run, the link `runs/<name>` to the latest, or what `FittedGenerator.save` was given.

    Raises:
        DataError: it is neither.
        DiskError: a file is missing or was changed.
    """
    return FittedGenerator.load(folder) if (Path(folder) / FITTED).is_file() else Run(folder)
