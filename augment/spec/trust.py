"""Which modules of the user's own a pipeline may run.

Importing a module runs it, and pipelines come from other people. So a pipeline never decides this itself. The person
who runs it does, by a module's first name, with `--trust` or `trust=`, or once and for all in a file of their own,
`config.yaml` in the user's configuration folder (or the file in `AUGMENT_CONFIG`):

    trust:
    - mymodels          # an installed module
    - ~/projects/churn      # the modules whose files are in this folder, or below

There, a name means an installed module alone: in a folder that somebody sent, any file may have that name.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Collection
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from augment.errors import SpecError
from augment.spec.document import read
from augment.spec.model_errors import validate

__all__ = ["PYTHONS_OWN", "check_names", "configuration", "is_trusted", "outermost"]


PYTHONS_OWN = sys.stdlib_module_names | {"__main__"}


class _Configuration(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    trust: list[str] = []


def configuration() -> Path:
    """Where the user's configuration is, if there is one: `AUGMENT_CONFIG`, else in the user's configuration folder."""
    import platformdirs

    named = os.environ.get("AUGMENT_CONFIG")
    return Path(named).expanduser() if named else Path(platformdirs.user_config_path("augment")) / "config.yaml"


def check_names(trust: Collection[str]) -> frozenset[str]:
    """The names given with `--trust` or `trust=`.

    Raises:
        SpecError: one is not the first name of a module, or is Python's own.
    """
    names = frozenset([trust] if isinstance(trust, str) else trust)
    for name in sorted(names):
        if not name.isidentifier():
            first = name.partition(".")[0].partition(":")[0]
            hint = f"; write {first!r}" if first.isidentifier() else ""
            raise SpecError(f"trust: expected the first name of a module, such as `mymodels`, got {name!r}{hint}")
        if name in PYTHONS_OWN:
            raise SpecError(f"trust: {name!r} is a module of Python itself, which makes no model; name one of your own")
    return names


def is_trusted(module: str, file: Path | None, trust: Collection[str]) -> bool:
    """Whether a module may run.

    Args:
        module: its name, such as `mypackage.models`.
        file: its file, if it is not an installed one; absolute.
        trust: the names that the user gave for this pipeline.

    Raises:
        SpecError: the user's configuration cannot be read.
    """
    top = module.partition(".")[0]
    if top in trust:
        return True
    entries = _configured()
    if file is None:
        return top in entries
    # what it imports is looked for there first; as it is written, since a link in a folder that was sent leads anywhere
    folder = outermost(module, file)
    return any(folder.is_relative_to(entry) for entry in entries if os.path.isabs(entry))


def outermost(module: str, file: Path) -> Path:
    """The folder that holds the outermost package of a module, or the module itself."""
    depth = len(module.split(".")) + (file.name == "__init__.py")
    return file.parents[min(depth, len(file.parents)) - 1]


def _configured() -> list[str]:
    """The entries of `trust:` in the user's configuration, folders as absolute paths."""
    path = configuration()
    if not path.exists():
        return []
    document = read(path)
    settings, violations = validate(_Configuration, document.tree)
    entries = [os.path.expanduser(entry) for entry in settings.trust] if settings else []
    for position, entry in enumerate(entries):
        if not entry.isidentifier() and not os.path.isabs(entry):
            message = f"expected the first name of a module, or a folder such as `~/models`, got {entry!r}"
            violations.append((("trust", position), message))
    if violations:
        raise SpecError([document.problem(*violation) for violation in violations])
    return [os.path.abspath(entry) if os.path.isabs(entry) else entry for entry in entries]
