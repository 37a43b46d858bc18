"""The device that a pipeline's `device:` means on this machine."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable

from augment.errors import SpecError

__all__ = ["choose_device"]


def choose_device(wanted: str, count_devices: Callable[[], int]) -> str:
    """The name of a torch device.

    Args:
        wanted: `auto`, `cpu`, `cuda` or `cuda:N`.
        count_devices: gives the number of CUDA devices. It is expensive, and only called where there is a driver, or
            where a device is asked for.

    Raises:
        SpecError: there is no such device.
    """
    if wanted == "cpu" or (wanted == "auto" and not _has_cuda_driver()):
        return "cpu"
    count = count_devices()
    if wanted == "auto":
        return "cuda" if count else "cpu"
    if int(wanted.partition(":")[2] or 0) >= count:
        raise SpecError(f"device: {wanted!r} is not there: torch finds {count} CUDA devices; write `auto` or `cpu`")
    return wanted


def _has_cuda_driver() -> bool:
    """Whether there is a driver. Loading it starts nothing; `find_library` would start compilers to look for it."""
    try:
        ctypes.CDLL("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1")
    except OSError:
        return False
    return True
