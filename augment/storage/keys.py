"""Content keys: what a result is made of, and so when it may be reused. Paths and times are never part of a key."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import platform
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from augment.processor import has_bfloat16

__all__ = ["content_key", "file_sha256", "library_versions", "platform_class", "source_hash"]

# the libraries whose releases can change a result
LIBRARIES = (
    "albumentations",
    "imbalanced-learn",
    "numpy",
    "opencv-python-headless",
    "pandas",
    "pillow",
    "pyarrow",
    "scikit-learn",
    "scipy",
    "torch",
)


def content_key(content: Any) -> str:
    """SHA-256, in hexadecimal, of anything JSON can hold; the order of mapping keys does not matter.

    >>> content_key({"a": 1, "b": 2}) == content_key({"b": 2, "a": 1})
    True
    """
    text = json.dumps(content, sort_keys=True, ensure_ascii=False, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


@cache
def library_versions() -> dict[str, str]:
    """Name to version of the libraries whose releases can change a result; those not installed are left out."""
    found = {"python": platform.python_version()}
    for name in ("augment-pipeline", *LIBRARIES):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


@cache
def platform_class() -> str:
    """What kind of machine floating-point results are tied to, such as `Linux-x86_64` or `Linux-x86_64-bfloat16`."""
    return f"{platform.system()}-{platform.machine()}" + ("-bfloat16" if has_bfloat16() else "")


@cache
def source_hash(module: str) -> str:
    """SHA-256 of the Python sources of a module's top package: a changed plugin has other keys."""
    digest = hashlib.sha256()
    spec = importlib.util.find_spec(module.partition(".")[0])
    assert spec is not None, module
    # a package has folders, several where it is a namespace; a single module has but its file
    roots = [Path(folder) for folder in spec.submodule_search_locations or [str(spec.origin)]]
    for root in roots:
        for path in sorted(root.rglob("*.py")) if root.is_dir() else [root]:
            digest.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def file_sha256(path: Path) -> str:
    """SHA-256 of a file's bytes, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
