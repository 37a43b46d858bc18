"""Files that run code when they are loaded carelessly: each would write the file that it is told."""

from __future__ import annotations

import io
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np


class _Writes:
    """What is unpickled from it has written a file."""

    def __init__(self, canary: Path):
        self.canary = canary

    def __reduce__(self):
        return Path.write_text, (self.canary, "ran")


def pickled(canary: Path) -> bytes:
    return pickle.dumps(_Writes(canary))


def torch_file(canary: Path) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:  # as torch.save lays it out
        archive.writestr("archive/data.pkl", pickled(canary))
        archive.writestr("archive/version", "3\n")
    return file.getvalue()


def numpy_objects(canary: Path) -> bytes:
    file = io.BytesIO()
    np.save(file, np.array([_Writes(canary)], dtype=object), allow_pickle=True)
    return file.getvalue()


def npz_objects(canary: Path) -> bytes:
    file = io.BytesIO()
    np.savez(file, x=np.array([_Writes(canary)] * 3, dtype=object), allow_pickle=True)
    return file.getvalue()


def joblib_file(canary: Path) -> bytes:
    import joblib

    file = io.BytesIO()
    joblib.dump(_Writes(canary), file)
    return file.getvalue()


PAYLOADS: dict[str, Callable[[Path], bytes]] = {
    "pickle": pickled,
    "torch": torch_file,
    "npy": numpy_objects,
    "npz": npz_objects,
    "joblib": joblib_file,
}
