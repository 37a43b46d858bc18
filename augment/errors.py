"""Every error that `augment` raises on purpose.

    AugmentError          1   anything else that went wrong while running
    ├── SpecError         2   the pipeline file, an override or the usage is wrong; holds every Problem found
    ├── DataError         3   the data cannot be used as it is
    ├── PluginError       4   a component broke its contract, failed, hung or could not be imported
    ├── ShortfallError    1   the filters left fewer rows than were asked for
    ├── BelowMinimum      5   the run is written, but its trial is below the minimum that the pipeline requires
    ├── LockedError       6   another run holds what this one needs
    ├── DiskError         7   a file or folder could not be read or written
    └── Interrupted     130   stopped by the user (143 for SIGTERM); the run can be resumed

The number is the exit code of the command. A message says where, what was found, what was expected, and what to do
next.
"""

from __future__ import annotations

import difflib
import traceback
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = [
    "AugmentError",
    "BelowMinimum",
    "DataError",
    "DiskError",
    "Interrupted",
    "LockedError",
    "PluginError",
    "Problem",
    "ShortfallError",
    "SpecError",
    "did_you_mean",
    "out_of_memory",
    "place",
]


class AugmentError(Exception):
    """The root of the tree: catch this to catch every error that `augment` raises on purpose."""

    exit_code = 1


@dataclass(frozen=True)
class Problem:
    """One thing wrong in a pipeline file.

    `file` and `line` (counted from 1; 0 when there is none) say where, `where` is the path of keys inside the file.
    """

    message: str
    where: str = ""
    file: str = ""
    line: int = 0

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        return ": ".join(part for part in (place, self.where, self.message) if part)


class SpecError(AugmentError):
    """The pipeline is wrong. `problems` lists all that was found, not only the first."""

    exit_code = 2

    def __init__(self, problems: str | Problem | Sequence[Problem]):
        if isinstance(problems, str):
            problems = Problem(problems)
        self.problems = [problems] if isinstance(problems, Problem) else list(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


class DataError(AugmentError):
    """The data cannot be used as it is: unreadable, ragged, without the target, too few rows."""

    exit_code = 3


class PluginError(AugmentError):
    """A component broke its contract, failed, hung or could not be imported. Names the plugin and the stage.

    `remedy` says what to do, where one thing is known to help; the message ends with it.
    """

    exit_code = 4

    def __init__(self, message: str, remedy: str = ""):
        super().__init__(f"{message}; {remedy}" if remedy else message)
        self.remedy = remedy


class ShortfallError(AugmentError):
    """The filters dropped so many candidates that the rows asked for could not be made."""


class BelowMinimum(AugmentError):
    """The run is written, but its trial is below the pipeline's `trial.min`. `run` is that run."""

    exit_code = 5

    def __init__(self, message: str, run: Any = None):
        super().__init__(message)
        self.run = run


class LockedError(AugmentError):
    """Another run holds what this one needs; the message names its process id."""

    exit_code = 6


class DiskError(AugmentError):
    """A file or folder could not be read or written: no space, no permission, an I/O error."""

    exit_code = 7


class Interrupted(AugmentError):
    """The user stopped the run. What is finished is kept; the same command goes on."""

    def __init__(self, message: str, exit_code: int = 130):
        super().__init__(message)
        self.exit_code = exit_code


def out_of_memory(what: str, error: MemoryError) -> str:
    """The message of an error that often has none of its own.

    >>> out_of_memory("generator 'gan': fit", MemoryError())[:54]
    "generator 'gan': fit ran out of memory; run one task a"
    """
    detail = f" ({error})" if str(error) else ""
    return (
        f"{what} ran out of memory{detail}; run one task at a time with --workers 1, use fewer rows or columns, "
        "smaller settings, or a machine with more memory"
    )


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A hint such as `; did you mean 'vae'?`, or the empty string when nothing known is near.

    >>> did_you_mean("smoto", ["smote", "gan"])
    "; did you mean 'smote'?"
    >>> did_you_mean("xyz", ["smote", "gan"])
    ''
    """
    near = difflib.get_close_matches(str(word), sorted(known), n=1, cutoff=0.6)
    return f"; did you mean {near[0]!r}?" if near else ""


def place(error: BaseException, module: str) -> str:
    """The place in a component's own package where an error occurred, in brackets; empty if unknown.

    Args:
        error: was raised and caught.
        module: the dotted name of the module of the component.
    """
    package = module.partition(".")[0]
    frames = list(traceback.walk_tb(error.__traceback__))
    own = [at for at in frames if str(at[0].f_globals.get("__name__", "")).partition(".")[0] == package]
    if not own or package == "augment":
        return ""
    frame, line = own[-1]
    return f" ({Path(frame.f_code.co_filename).name}, line {line}, in {frame.f_code.co_name})"
