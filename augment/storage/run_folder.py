"""A run's folder: the only place that knows a file name inside it.

    run.json  log.txt  pipeline.yaml      may differ between equal runs
    resolved.yaml  schema.json  split.json  metrics.json  report.html  models/<id>/  filters/<id>/  data/
    private.json                          only where there is something to keep private, for its owner's eyes

A folder is built beside its place under a hidden name, and renamed when it is whole.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, TypeVar

import numpy as np
import pandas as pd
from pydantic import BaseModel, ValidationError

from augment.data import Schema
from augment.errors import DataError, DiskError, LockedError, SpecError
from augment.plugin.run_metrics import RunMetrics
from augment.storage.atomic_files import clear, disk_errors, draft, lock_of, publish, remove, taken
from augment.storage.keys import content_key, file_sha256
from augment.storage.ownership import files_of_others, json_text
from augment.storage.run_manifest import RunManifest
from augment.storage.written_rows import REAL, Part, read_part
from augment.text import listing

__all__ = ["Draft", "Place", "Run"]

RUN, LOG, PIPELINE, RESOLVED = "run.json", "log.txt", "pipeline.yaml", "resolved.yaml"
SCHEMA, SPLIT, METRICS, LOSSES = "schema.json", "split.json", "metrics.json", "losses.csv"
MODELS, FILTERS, DATA = "models", "filters", "data"
LEFT = re.compile(r"\.(.+-[0-9a-f]{8})\.(draft|lock|link|replaced)")  # beside a run: it is being made, or was killed
PRIVATE = "private.json"

Model = TypeVar("Model", bound=BaseModel)


class Run:
    """A finished run, read from its folder.

    Args:
        folder: the run's folder, or the link `runs/<name>` to the latest.

    Raises:
        DataError: the folder is not a finished run.
    """

    def __init__(self, folder: Path | str):
        self.folder = Path(folder).resolve()
        self.already_done = False
        try:
            self.manifest = _read_model(self.folder / RUN, RunManifest)
        except DiskError as error:
            raise DataError(f"{folder} is not the folder of a finished run: {error}") from error
        self.name, self.key = self.manifest.name, self.manifest.key

    @property
    def status(self) -> str:
        """`done`; or `below the required minimum` where the trial did not reach `trial.min`."""
        return self.manifest.status

    @property
    def exit_code(self) -> int:
        """The exit code that the run ended with."""
        return self.manifest.exit_code

    @cached_property
    def metrics(self) -> RunMetrics:
        """What `metrics.json` holds, key by key as attributes: `run.metrics.trial.verdict`.

        Raises:
            DiskError: the file is missing, damaged, or not what a run writes.
        """
        return _read_model(self.folder / METRICS, RunMetrics)

    @cached_property
    def schema(self) -> Schema:
        """The schema of the written data, without the origin column."""
        return _read_model(self.folder / SCHEMA, Schema)

    @property
    def split(self) -> dict[str, Any]:
        """Source row numbers, counted from 0, of `train`, `test` and `dropped`."""
        return _read_json(self.folder / SPLIT)

    @property
    def resolved(self) -> Path:
        """The pipeline file with every default filled in."""
        return self.folder / RESOLVED

    @property
    def report(self) -> Path | None:
        """The first file that a reporter wrote, if any."""
        return self.folder / self.manifest.reports[0] if self.manifest.reports else None

    @cached_property
    def train(self) -> Part:
        """The training data as written: real rows, then synthetic ones."""
        return self._part("train")

    @cached_property
    def test(self) -> Part:
        """The hold-out."""
        return self._part("test")

    @property
    def real(self) -> Part:
        """The real rows of `train`."""
        return self.train.only(REAL)

    @property
    def synthetic(self) -> Part:
        """The synthetic rows of `train`."""
        return self.train.only(*sorted(set(self.train.origin) - {REAL}))

    def _part(self, name: Literal["train", "test"]) -> Part:
        data = self.manifest.data
        written = [(sink, self.folder / path, self._check(path)) for sink, path in data.written[name].items()]
        return read_part(written, self.schema, data.origin_column)

    def model(self, generator: str) -> Path:
        """The folder of a fitted generator, its files checked against the hashes written with it.

        Raises:
            DataError: there is no such generator.
            DiskError: a file is missing or was changed.
        """
        return self._fitted(MODELS, "generator", generator)

    def filter(self, name: str) -> Path:
        """The folder of a fitted filter, checked likewise.

        Raises:
            DataError: there is no such filter.
            DiskError: a file is missing or was changed.
        """
        return self._fitted(FILTERS, "filter", name)

    @property
    def generators(self) -> list[str]:
        """The ids of the fitted generators, sorted."""
        return self._known(MODELS)

    @property
    def filters(self) -> list[str]:
        """The ids of the fitted filters, sorted. Who judges none of the run's generators was not fitted."""
        return self._known(FILTERS)

    def _known(self, place: str) -> list[str]:
        return sorted({Path(file).parts[1] for file in self.manifest.files if file.startswith(f"{place}/")})

    def _fitted(self, place: str, what: str, name: str) -> Path:
        known = self._known(place)
        if name not in known:
            raise DataError(f"run {self.folder.name} has no {what} {name!r}; it has {', '.join(known) or 'none'}")
        self._check(f"{place}/{name}")
        return self.folder / place / name

    def _check(self, place: str) -> str:
        """A digest of a file, or of all files in a folder, that are as the run has written them.

        Raises:
            DiskError: a file is missing or was changed.
        """
        hashes = {name: sha for name, sha in self.manifest.files.items() if Path(name).is_relative_to(place)}
        for name, expected in hashes.items():
            path = self.folder / name
            if not path.is_file() or file_sha256(path) != expected:
                raise DiskError(
                    f"{path} is missing or is not what the run wrote; move it away if it is there, and run the "
                    "pipeline again with --overwrite"
                )
        return content_key(hashes)

    @property
    def is_complete(self) -> bool:
        """Whether every file that the run wrote is there, whatever it holds by now."""
        return all((self.folder / name).is_file() for name in self.manifest.files)


class Draft:
    """A run's folder while it is built."""

    def __init__(self, folder: Path, name: str, key: str, pipeline: Mapping[str, Any]):
        self.folder, self.name, self.key, self.pipeline = folder, name, key, pipeline
        for sub in (MODELS, FILTERS, DATA):
            (folder / sub).mkdir()

    def write_json(self, name: str, content: Any) -> None:
        """Write one of the JSON files."""
        self.write_text(name, json_text(content, default=_plain))

    def write_private(self, content: Any) -> None:
        """Write what may point at single rows into a file that nobody but its owner can read."""
        (self.folder / PRIVATE).touch(mode=0o600)  # first, so that it is at no time open to others
        self.write_json(PRIVATE, content)

    def write_text(self, name: str, text: str) -> None:
        """Write one of the text files."""
        with disk_errors(self.folder / name, "writing"):
            (self.folder / name).write_text(text, encoding="utf-8", newline="\n")

    def finish(self, manifest: RunManifest) -> None:
        """Write `run.json`, last, with a SHA-256 of every other file but the private one, which could be guessed."""
        hashes = {
            path.relative_to(self.folder).as_posix(): file_sha256(path)
            for path in sorted(self.folder.rglob("*"))
            if path.is_file() and path not in (self.folder / RUN, self.folder / PRIVATE)
        }
        self.write_json(RUN, manifest.model_copy(update={"files": hashes}).model_dump())


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
            if lock_of(out.resolve()).exists():  # else nothing is made beside it yet
                with taken(out.resolve(), patience=1.0):
                    pass
        place = out.absolute() if out else base.absolute() / "runs"
        for source in sources:
            if source.is_dir() and place.resolve().is_relative_to(source.resolve()):
                raise SpecError(
                    f"{place}: it lies in {source}, which the source reads, so results would be read as data the next "
                    "time; name a folder elsewhere with --out"
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
                made = Draft(hidden, self.name, self.key, pipeline)
            yield made
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
        for name in {found[1] for path in self.final.parent.iterdir() if (found := LEFT.fullmatch(path.name))}:
            place = self.final.with_name(name)
            if place != self.final:
                with suppress(DiskError, LockedError), taken(place):
                    clear(place)
                    remove(_link(place))


def _link(place: Path) -> Path:
    return place.with_name(f".{place.name}.link")


def _refuse_strangers(folder: Path) -> None:
    """Never let a run replace what is not a run."""
    with disk_errors(folder, "looking into the folder"):
        if folder.is_file() or (folder.is_dir() and any(folder.iterdir()) and not (folder / RUN).is_file()):
            raise SpecError(f"{folder}: it holds files that are not a run's; name a new or an empty folder with --out")


def _read_json(path: Path) -> dict[str, Any]:
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise DiskError(f"{path} cannot be read: {error}") from error


def _read_model(path: Path, model: type[Model]) -> Model:
    try:
        return model.model_validate(_read_json(path))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise DiskError(
            f"{path} is damaged, or another version of augment wrote it: {where}: {first['msg'].lower()}"
        ) from error


def _plain(value: Any) -> Any:
    """numpy scalars and arrays as JSON numbers and lists."""
    if isinstance(value, (np.generic, np.ndarray)):
        return value.tolist()
    if isinstance(value, pd.Timestamp):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} is no JSON value")
