"""Where a run's folder goes. It is built beside its place under a hidden name, and renamed when it is whole.

What a user has put into the place is never lost.
"""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from augment.errors import DataError, DiskError, LockedError, SpecError
from augment.storage.atomic_files import clear, disk_errors, draft, lock_path, publish, remove, taken
from augment.storage.ownership import files_of_others
from augment.storage.run_folder import PRIVATE, RUN, Draft, Run
from augment.text import listing

__all__ = ["Place"]

LEFT = re.compile(r"\.(.+-[0-9a-f]{8})\.(draft|lock|link|replaced)")  # beside a run: it is being made, or was killed


class Place:
    """Where a run's folder goes.

    Args:
        base: folder of the pipeline file; runs lie in `runs/` below it.
        name: the pipeline's name.
        key: content key of the run.
        out: a folder named by the user instead.
        overwrite: whether this run may replace another one, or one whose files are missing.
        inputs: files and folders that the run reads, which it must not replace.
    """

    def __init__(self, base: Path, name: str, key: str, out: Path | None, overwrite: bool, inputs: Sequence[Path] = ()):
        self.name, self.key, self.overwrite, self.inputs = name, key, overwrite, inputs
        self.final = out.resolve() if out else base.absolute() / "runs" / f"{name}-{key[:8]}"
        self._latest = None if out else self.final.parent / name

    @staticmethod
    def check_writable(base: Path, out: Path | None, sources: Sequence[Path] = ()) -> None:
        """Refuse a place that cannot be written, or that holds somebody's files, before any work is done.

        Raises:
            SpecError: `out` is a file, holds files that are no run's, or lies in a folder that the source reads.
            LockedError: another process builds the same folder.
            DiskError: the place is not writable.
        """
        if out is not None:
            _refuse_strangers(out)
            if lock_path(out.resolve()).exists():  # else nothing is made beside it yet
                with taken(out.resolve(), patience=1.0):
                    pass
        place = out.absolute() if out else base.absolute() / "runs"
        for source in sources:
            folder = _whole_folder(source)
            if folder is not None and place.resolve().is_relative_to(folder.resolve()):
                raise SpecError(
                    f"{place}: it lies in {folder}, the folder of the source, where results can be taken for data the "
                    "next time; name a folder elsewhere with --out"
                )
        parent = place.parent if out else place
        while not parent.exists():
            parent = parent.parent
        if not parent.is_dir() or not os.access(parent, os.W_OK | os.X_OK):
            raise DiskError(f"{parent}: this folder cannot be written to; choose another place with --out")

    def finished(self) -> Run | None:
        """The run that stands there, when it is this very run; what killed runs left beside it is cleared away.

        Raises:
            SpecError: another run stands there, and overwriting was not asked for.
        """
        run = self._standing()
        if run is not None:
            run.already_done = True
            with suppress(DiskError, LockedError):  # the place may be read only by now
                with taken(self.final):
                    clear(self.final)
                    self._point_to_it()
                self._clear_neighbours()
        return run

    @contextmanager
    def building(self, pipeline: Mapping[str, Any]) -> Iterator[Draft]:
        """A draft to fill; it takes its place when the block ends well, and is gone when it does not.

        Raises:
            LockedError: another process builds the same folder.
            SpecError: the place holds files that are no run's, or, when it is to be taken, another run that came there
                meanwhile and that may not be overwritten.
        """
        _refuse_strangers(self.final)
        with draft(self.final) as hidden:
            self._clear_neighbours()
            with disk_errors(hidden, "making the run's folder"):
                filled = Draft(hidden, self.name, self.key, pipeline)
            yield filled
            with disk_errors(hidden, "finishing the run's folder"):
                _refuse_strangers(self.final)  # hours may have gone by
                if self._standing() is not None:
                    self._refuse_loss()
                publish(hidden, self.final, replace=(self.final / RUN).is_file())
                self._point_to_it()

    def _standing(self) -> Run | None:
        """This very run, if it stands there; another one that may not be overwritten is refused."""
        if not (self.final / RUN).is_file():
            return None
        try:
            run = Run(self.final)
        except DataError:  # damaged, or of another version
            if not self.overwrite:
                raise
        else:
            if run.key == self.key and (run.is_complete or not self.overwrite):
                return run
            if not self.overwrite:
                raise SpecError(
                    f"{self.final}: it holds another run ({run.name}, key {run.key[:8]}; this one is {self.key[:8]}); "
                    "name another folder with --out, or replace it with --overwrite"
                )
        self._refuse_loss()
        return None

    def _refuse_loss(self) -> None:
        """Never let a run replace what cannot be made again: the user's files in the old one, and its own inputs."""
        for path in self.inputs:
            if path.resolve().is_relative_to(self.final):
                what = f"this run reads {path}, which --overwrite would delete"
                raise SpecError(f"{self.final}: {what}; name another folder with --out")
        with disk_errors(self.final, "looking into the folder"):
            others = files_of_others(self.final, RUN, (RUN, PRIVATE))
        if others:
            raise SpecError(
                f"{self.final}: --overwrite would delete files that the run in it did not write, or that were changed "
                f"since: {listing(others, 5)}; move them away, or name another folder with --out"
            )

    def _point_to_it(self) -> None:
        """Let the link lead to the run that was asked for last. Some file systems know no links: the run is whole."""
        if self._latest is not None and (self._latest.is_symlink() or not self._latest.exists()):
            with suppress(OSError):
                if not (self._latest.is_symlink() and os.readlink(self._latest) == self.final.name):
                    remove(_link(self.final))
                    _link(self.final).symlink_to(self.final.name, target_is_directory=True)
                    os.replace(_link(self.final), self._latest)

    def _clear_neighbours(self) -> None:
        """Clear away what killed runs left in `runs/`; in a folder that the user named, everything else is theirs."""
        if self._latest is None:
            return
        for name in {match[1] for path in self.final.parent.iterdir() if (match := LEFT.fullmatch(path.name))}:
            place = self.final.with_name(name)
            if place != self.final:
                with suppress(DiskError, LockedError), taken(place):
                    clear(place)
                    remove(_link(place))


def _whole_folder(path: Path) -> Path | None:
    """The folder that a source's path stands for with what is below it: a folder, or a pattern with `**`."""
    if "**" in path.parts:
        magic = next(place for place, part in enumerate(path.parts) if glob.has_magic(part))
        return Path(*path.parts[:magic])
    return path if path.is_dir() else None


def _link(place: Path) -> Path:
    return place.with_name(f".{place.name}.link")


def _refuse_strangers(folder: Path) -> None:
    """Never let a run replace what is not a run."""
    with disk_errors(folder, "looking into the folder"):
        if folder.is_file() or (folder.is_dir() and any(folder.iterdir()) and not (folder / RUN).is_file()):
            raise SpecError(f"{folder}: it holds files that are not a run's; name a new or an empty folder with --out")
