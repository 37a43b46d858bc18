"""Names that a package exports, each imported when somebody first asks for it: `augment --help` waits for no pandas."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

__all__ = ["exporting"]


def exporting(package: str, names: Mapping[str, str]) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """`__getattr__` and `__dir__` for a package (PEP 562).

    Args:
        package: its `__name__`.
        names: each exported name to where it stands below the package, `module:attribute`, or `module` for a module.
    """

    def get(name: str) -> Any:
        if name not in names:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        module, _, attribute = names[name].partition(":")
        exported: Any = import_module(f"{package}.{module}")
        if attribute:
            exported = getattr(exported, attribute)
        setattr(sys.modules[package], name, exported)
        return exported

    def listed() -> list[str]:
        return sorted(names)

    return get, listed
