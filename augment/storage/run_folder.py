"""A run's folder: the only place that knows a file name inside it.

run.json  log.txt  pipeline.yaml      may differ between equal runs
resolved.yaml  schema.json  split.json  metrics.json  report.html  models/<id>/  filters/<id>/  data/
sources/                              only of data in memory that was to be kept
private.json                          only where there is something to keep private, for its owner's eyes
"""

from __future__ import annotations

import json
import shutil
import textwrap
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from html import escape
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pandas as pd
from pydantic import BaseModel, ValidationError

from augment.data import Schema
from augment.errors import DataError, DiskError, PluginError
from augment.plugin.run_metrics import RunMetrics
from augment.plugin.trial_results import TrialResult
from augment.storage.atomic_files import DRAFT, disk_errors
from augment.storage.hashes import content_key, file_sha256
from augment.storage.ownership import json_text
from augment.storage.run_manifest import RunManifest, WrittenPart
from augment.storage.written_rows import REAL, Part, WrittenFile, read_part
from augment.text import printable

__all__ = ["Draft", "Run"]

RUN, LOG, PIPELINE, RESOLVED = "run.json", "log.txt", "pipeline.yaml", "resolved.yaml"
SCHEMA, SPLIT, METRICS, LOSSES = "schema.json", "split.json", "metrics.json", "losses.csv"
MODELS, FILTERS, DATA = "models", "filters", "data"
PRIVATE = "private.json"
SOURCES = "sources"  # copies of data that was in memory
PRIOR_CORRECTION = f"{DATA}/prior_correction.json"
SHOWN_NOTES, NOTE_WIDTH = 5, 200  # in a listing of a run; a notebook wraps lines by itself
WRITTEN_LAST = {RUN, LOG, PRIVATE}

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

    @property
    def trial(self) -> TrialResult:
        """The experiment on the hold-out, `run.metrics.trial`: `run.trial.to_frame()` has its arms."""
        return self.metrics.trial

    @property
    def verdict(self) -> str:
        """What the trial found, such as `helps`; `run.trial.sentence` is the same in words, with figures."""
        return self.trial.verdict

    @property
    def notes(self) -> list[str]:
        """What the run noted, as sentences: columns taken for ids, or a hold-out too small for a verdict."""
        return self.metrics.notes

    def __repr__(self) -> str:
        facts = f"Run({self.name!r}, verdict={self.verdict!r}, folder={str(self.folder)!r})"
        notes = [textwrap.shorten(printable(note), NOTE_WIDTH) for note in self._first_notes()]
        return "\n".join([facts, *(f"  note: {note}" for note in notes)])

    def _first_notes(self) -> list[str]:
        more = len(self.notes) - SHOWN_NOTES
        return self.notes[:SHOWN_NOTES] + ([f"{more} more are in run.notes"] if more > 0 else [])

    def _repr_html_(self) -> str:
        """What a notebook shows: the verdict with its figures, the arms, where the report is, and the notes."""
        rows = self.metrics.rows
        arms = self.trial.to_frame().to_html(float_format="{:.3f}".format, na_rep="") if self.trial.arms else ""
        if arms and self.trial.cuts is not None:
            arms += (
                "<p>Differences and their intervals are over all splits; scores are of the one that was written.</p>"
            )
        report = f"; report: <code>{escape(str(self.report))}</code>" if self.report else ""
        notes = "".join(f"<li>{escape(note)}</li>" for note in self._first_notes())
        return (
            f"<p><b>{escape(self.name)}: {escape(self.verdict)}</b></p><p>{escape(self.trial.sentence)}</p>{arms}"
            f"<p>{rows.train:,} real training rows, {rows.synthetic:,} synthetic rows, {rows.test:,} held-out rows"
            f"{report}</p>{f'<ul>{notes}</ul>' if notes else ''}"
        )

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
        """The synthetic rows of `train`, or those that were written alone."""
        if not self.manifest.data.written["train"] and "synthetic" in self.manifest.data.written:
            return self._part("synthetic")
        return self.train.only(*sorted(set(self.train.origin) - {REAL}))

    @cached_property
    def prior_correction(self) -> dict[str, dict[str, float]] | None:
        """What corrects probabilities of a model of `train` for the real shares of the classes; None if nothing must.

        `log_offsets`: label to what is added to its log probability, in nats, before probabilities are normalised.
        `class_weights`: instead of that, label to the weight of its rows in training.

        Raises:
            DiskError: the file is missing or was changed.
        """
        if PRIOR_CORRECTION not in self.manifest.files:
            return None
        self._check(PRIOR_CORRECTION)
        return _read_json(self.folder / PRIOR_CORRECTION)

    def _part(self, name: WrittenPart) -> Part:
        data = self.manifest.data
        written = [
            WrittenFile(sink, data.settings.get(name, {}).get(sink, {}), self.folder / path, self._check(path))
            for sink, path in data.written[name].items()
        ]
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

    def copy_data(self, path: Path, number: int) -> Path:
        """Copy a file of data into the run's folder. Returns the copy."""
        copy = self.folder / SOURCES / f"{number}{path.suffix}"
        with disk_errors(copy, "keeping the data"):
            copy.parent.mkdir(exist_ok=True)
            shutil.copyfile(path, copy)
        return copy

    def write_private(self, content: Any) -> None:
        """Write what may point at single rows into a file that nobody but its owner can read."""
        (self.folder / PRIVATE).touch(mode=0o600)  # first, so that it is at no time open to others
        self.write_json(PRIVATE, content)

    def write_text(self, name: str, text: str) -> None:
        """Write one of the text files."""
        with disk_errors(self.folder / name, "writing"):
            (self.folder / name).write_text(text, encoding="utf-8", newline="\n")

    @contextmanager
    def lending(self, what: str, place: str = "") -> Iterator[Path]:
        """An empty folder for a component to write to. What it then holds moves to `place` in the run's folder.

        Args:
            what: the component, for messages.
            place: `data`, or the run's folder itself.

        Raises:
            PluginError: the component wrote a name that is taken, or that differs from one only by case.
        """
        # errors show such a name without its dot and ending
        lent, target = self.folder / f".{place or 'reports'}{DRAFT}", self.folder / place
        with disk_errors(target, "making a folder to write to"):
            lent.mkdir()
        yield lent
        with disk_errors(target, "keeping what was written"):
            present = {path.name.casefold() for path in target.iterdir()} | (set() if place else WRITTEN_LAST)
            for path in sorted(lent.iterdir()):
                if path.name.casefold() in present:
                    raise PluginError(f"{what} wrote {path.name!r}, but the run has such a file or folder already")
                path.rename(target / path.name)
            lent.rmdir()

    def finish(self, manifest: RunManifest) -> None:
        """Write `run.json`, last, with a SHA-256 of every other file but the private one, which could be guessed."""
        hashes = {
            path.relative_to(self.folder).as_posix(): file_sha256(path)
            for path in sorted(self.folder.rglob("*"))
            if path.is_file() and path not in (self.folder / RUN, self.folder / PRIVATE)
        }
        self.write_json(RUN, manifest.model_copy(update={"files": hashes}).model_dump())


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
