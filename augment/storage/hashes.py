"""Content keys: what a result is made of, and so when it may be reused. Paths and times are never part of a key."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import platform
import re
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from augment.processor import has_bfloat16

__all__ = ["content_key", "file_sha256", "library_versions", "platform_class", "source_hash"]

AUGMENT = Path(__file__).parents[1]
IMPORT = re.compile(
    r"^[ \t]*(?:from[ \t]+(augment(?:\.\w+)*)[ \t]+import[ \t]*(\([^)]*\)|[^\n#]*)|import[ \t]+(augment[^\n#]*))", re.M
)

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
    versions = {"python": platform.python_version()}
    for name in ("augment-pipeline", *LIBRARIES):
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            continue
    return versions


@cache
def platform_class() -> str:
    """What kind of machine floating-point results are tied to, such as `Linux-x86_64` or `Linux-x86_64-bfloat16`."""
    return f"{platform.system()}-{platform.machine()}" + ("-bfloat16" if has_bfloat16() else "")


@cache
def source_hash(module: str) -> str:
    """SHA-256 of the Python sources that decide what a module does.

    These are the sources of the package that a plugin's module stands in, or of that one module where it belongs to
    `augment`, and with them every module of `augment` that they import, directly or through others. So a change of
    the toolkit changes the keys of the plugins that use it, and a change of the command line changes no key of a fit.
    """
    own = module.startswith("augment.")
    files = {} if own else _package_files(module.partition(".")[0])
    todo = [module] if own else sorted({name for path in files.values() for name in _imported(path)})
    while todo:
        name = todo.pop()
        path = _module_file(name)
        if path is not None and name not in files:
            files[name] = path
            todo += _imported(path)
    digest = hashlib.sha256()
    for name, path in sorted(files.items()):
        digest.update(name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def _package_files(package: str) -> dict[str, Path]:
    """Place below a top package to each of its Python files; a single module has only its own, a missing one none."""
    spec = importlib.util.find_spec(package)
    if spec is None:
        return {}
    # a package has folders, several where it is a namespace
    roots = [Path(folder) for folder in spec.submodule_search_locations or [str(spec.origin)]]
    return {
        path.relative_to(root).as_posix(): path
        for root in roots
        for path in (sorted(root.rglob("*.py")) if root.is_dir() else [root])
    }


@cache
def _module_file(module: str) -> Path | None:
    """The file of a module of `augment`, without importing anything; None where the name is no module."""
    stem = AUGMENT.joinpath(*module.split(".")[1:])
    return next((path for path in (stem / "__init__.py", stem.with_suffix(".py")) if path.is_file()), None)


@cache
def _imported(path: Path) -> list[str]:
    """The modules of `augment` that a file imports, for typing too. `augment` itself only passes names on."""
    imported = []
    for package, names, modules in IMPORT.findall(path.read_text(encoding="utf-8")):
        for name in re.findall(r"\w+(?=\s*(?:,|\)|$|\s+as\b))", names):
            inner = f"{package}.{name}"
            imported.append(inner if _module_file(inner) else package)
        imported += re.findall(r"augment(?:\.\w+)+", modules)
    return [name for name in imported if name != "augment"]


def file_sha256(path: Path) -> str:
    """SHA-256 of a file's bytes, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
