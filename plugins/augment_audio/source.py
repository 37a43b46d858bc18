"""The source `audio-folder`: recordings in a folder for each class, with a CSV file, or with names that say what they
are."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import pandas as pd
from pydantic import AfterValidator, Field, PositiveFloat

from augment import plugin
from augment.data import ArrayDeclaration, ColumnDeclaration, Dataset, SchemaDeclaration, infer
from augment.errors import DataError, did_you_mean
from augment.plugin import Context, Source
from augment.toolkit.audio.decoding import read_claims
from augment.toolkit.audio.waves import Channels
from augment.toolkit.folders import metadata
from augment.toolkit.folders.class_folders import Listing, find_table, is_silent
from augment.toolkit.folders.listing import check_folder, list_files
from augment_audio.file_names import check_pattern, columns_of, fields_of, guess_pattern, recurs
from augment_audio.reading import RECORDINGS, Policy, read_recordings

ARRAY, LENGTH, RECORDING = "audio", "length", "recording"
MIN_SECONDS = 0.032  # a window of 256 samples at 8 kHz, of which features are made
MAX_LOOKED_AT = 1_000  # files that say what a folder holds
MAX_LONG = 0.05  # share of recordings that are too long, up to which they are left out and not cut
WINDOW = 10.0  # seconds
WHO = re.compile(
    r"(.+_)?(speaker|subject|person|patient|participant|singer|actor|animal|device|microphone|session|client|fsid"
    r"|src_file|source_file)s?(_?(id|name|no|number))?",
    re.IGNORECASE,
)
FOLD = re.compile(r"(cv_?|k_?)?folds?", re.IGNORECASE)
LABELS = ("label", "class", "category", "target", "species", "word", "emotion")


class AudioFolderSource(Source):
    """Recordings in a folder: one sub-folder for each class; a CSV file that names them, such as `metadata.csv` with a
    `file_name` column (`table`, `file_name`); or names that say what they are (`pattern`).

    With sub-folders, their names are the labels, and rows are sorted by file name. With a CSV file, its columns are the
    data's, and rows keep the order of its lines. The folder may be one that the sink `audio-folder` wrote
    (`data/train`), or Hugging Face's layout.

    Wav files of PCM or floating point are read as they are. Wav files of other kinds, FLAC, Ogg, Opus, MP3 and AIFF
    need the extra `audio`: `pip install "augment-pipeline[audio]"`. What a file is called does not matter.

    All recordings must have one rate, or `rate` makes it so. Rows have room for the longest one; where lengths differ,
    the column `length` says how many samples of a row are its own. If samples are beyond -1 or 1, all recordings are
    scaled by one factor.
    """

    name = "audio-folder"
    yields = frozenset({"audio"})
    endings = ("/",)
    reads_only_paths = True

    class Params(plugin.Params):
        """Settings of the source `audio-folder`."""

        path: Path
        """The folder that holds the recordings."""
        label: Annotated[str, Field(min_length=1)] = "label"
        """Name of the target column made from the class folders; with a CSV file or a pattern, the column that is taken
        as the target where `schema: {target: ...}` names none."""
        table: Annotated[str, Field(pattern=r"^[^/\\]+(/[^/\\]+)*$", examples=["meta/esc50.csv"])] | None = None
        """The CSV file below the folder with a line for each recording, cells divided by commas, semicolons or tabs.
        When not given, `metadata.csv` where there is one."""
        file_name: Annotated[str, Field(min_length=1)] = metadata.FILE_NAME
        """Its column with the names of the recordings: paths below the folder, which may leave out folders and the
        ending and differ in case where only one recording is called so."""
        columns: tuple[str, ...] | None = None
        """The columns to read of the CSV file; all when not given."""
        pattern: Annotated[str, AfterValidator(check_pattern), Field(examples=["{label}_{speaker}_{take}"])] | None = (
            None
        )
        """What the names of the files say, ending left out: `{label}_{speaker}_{take}` makes three columns of
        `7_jackson_32.wav`. `{}` is a part that is not read. With a `/` in it, it is about folders and names:
        `{label}/{speaker}_nohash_{}`."""
        rate: Annotated[int, Field(ge=1_000, le=768_000)] | None = None
        """Samples a second (Hz) that recordings are resampled to: with the extra `audio` by soxr in high quality,
        otherwise by a polyphase filter of scipy. Not resampled when not given."""
        channels: Channels = "auto"
        """What to read of several channels: their `mean`, or the `left` or `first` one. `auto` is the mean where all
        recordings have as many channels, and refuses others."""
        min_seconds: Annotated[float, Field(ge=0)] = MIN_SECONDS
        """Shorter recordings are bad ones."""
        max_seconds: PositiveFloat = 30.0
        """Longer recordings are refused or, with `on_bad_audio: skip`, left out; no more than this of them is ever
        decoded. With `cut: windows`, the length of a window."""
        cut: Literal["windows"] | None = None
        """`windows` cuts recordings longer than `max_seconds` into windows of that length, each of which is a row; a
        rest of less than half a window is left out. The column `recording` says which ones belong together:
        `split: {group: recording}` keeps them on one side."""
        on_bad_audio: Literal["fail", "skip"] = "fail"
        """What to do about files that cannot be read: `fail` lists them all; `skip` goes on without them."""

    @classmethod
    def sniff(cls, path: Path, head: bytes) -> float | None:
        """Sure where most files are recordings."""
        if not path.is_dir():
            return None
        files = _first_files(path)
        num_recordings = sum(map(RECORDINGS.is_one, files))
        return None if not num_recordings else 0.9 if 2 * num_recordings > len(files) else 0.3

    @classmethod
    def settings_for(cls, path: Path) -> dict[str, Any]:
        if not path.is_dir() or (path / metadata.NAME).is_file():
            return {}
        if found := find_table(path, RECORDINGS, depth=1):
            return {**found, **_label_and_columns(path, found)}
        names = _all_files(path)
        folders = {name.partition("/")[0] if "/" in name else "" for name in names}
        pattern = guess_pattern(names, "label", has_labels=len(folders) > 1)
        return {"pattern": pattern} if pattern else {}

    @classmethod
    def further_settings(cls, path: Path, settings: Mapping[str, Any], data: Dataset | None) -> dict[str, Any]:
        """What brings recordings of several rates, numbers of channels or very unequal lengths together."""
        if data is not None or not path.is_dir():
            return {}
        claims = [found for name in _all_files(path)[:MAX_LOOKED_AT] if (found := read_claims(path / name)) is not None]
        rates = Counter(found.rate for found in claims)
        num_long = sum(found.seconds > cls.Params.model_fields["max_seconds"].default for found in claims)
        further: dict[str, Any] = {"rate": rates.most_common(1)[0][0]} if len(rates) > 1 else {}
        if len({found.num_channels for found in claims}) > 1:
            further["channels"] = "mean"
        if num_long > MAX_LONG * len(claims):
            further |= {"cut": "windows", "max_seconds": WINDOW}
        elif num_long:
            further["on_bad_audio"] = "skip"
        return further

    @classmethod
    def group_for(cls, settings: Mapping[str, Any], data: Dataset) -> tuple[str, str] | None:
        """Who or what was recorded; a fold that was made to keep such together; the recording of windows."""
        schema, frame = data.schema, data.frame
        target, array = schema.target, schema.arrays[ARRAY]
        others = [name for name in schema.columns if name not in (target, array.length_column)]
        usable = [name for name in others if 2 <= frame[name].nunique() < len(data) and not frame[name].hasnans]
        if (name := next((name for name in usable if WHO.fullmatch(name)), None)) is not None:
            recurring = target is not None and recurs(frame[name].tolist(), frame[target].tolist())
            why = "recordings with one value here are in the same part, so that held-out ones are of others"
            return name, f"its values recur in most classes, as voices do: {why}" if recurring else why
        if (name := next((name for name in usable if FOLD.fullmatch(name)), None)) is not None:
            return name, "such folds are made to keep recordings of one origin together"
        if array.group_column is not None:
            return array.group_column, "windows of one recording are in the same part"
        return None

    def read(self, context: Context) -> Dataset:
        params = self.params
        listing = self._listing(context.declared)
        policy = Policy(
            *(params.rate, params.channels, params.min_seconds, params.max_seconds, params.cut, params.on_bad_audio)
        )
        said = context.declared
        array = said.arrays.get(ARRAY, ArrayDeclaration())
        room = array.shape[0] if array.shape else 0
        rows = read_recordings(params.path, listing.names, policy, context, room)
        frame = listing.frame.iloc[rows.files].reset_index(drop=True)
        columns: dict[str, ColumnDeclaration] = {}
        described: dict[str, Any] = {"type": "audio", "rate": float(rows.rate), "range": (-1.0, 1.0)}
        length = array.length_column or LENGTH
        if array.length_column is not None or (rows.lengths != rows.audio.shape[1]).any():
            described["length_column"] = self._new(frame, length)
            frame[length] = rows.lengths
            columns[length] = ColumnDeclaration(type="integer", unit="samples", min=1, max=rows.audio.shape[1])
        if params.cut:
            described["group_column"] = self._new(frame, RECORDING)
            frame[RECORDING] = pd.Series([listing.names[place] for place in rows.files], dtype="str")
            columns[RECORDING] = ColumnDeclaration(type="id")
        if array.rate is not None and array.rate != rows.rate:
            raise DataError(
                f"{params.path}: schema.arrays.{ARRAY}.rate is {array.rate:g}, and recordings have {rows.rate:,} Hz; "
                "leave it out there; `rate` under `with:` resamples them"
            )
        described |= array.model_dump(exclude_none=True, exclude={"shape"})
        merged = {
            name: column.model_copy(update=said.columns[name].model_dump(exclude_none=True))
            if name in said.columns
            else column
            for name, column in columns.items()
        }
        update = {
            "target": said.target or (params.label if params.label in frame else None),
            "columns": {**said.columns, **merged},
            "arrays": {**said.arrays, ARRAY: ArrayDeclaration(**described)},
        }
        arrays = {ARRAY: rows.audio}
        return Dataset.of(frame, arrays, infer(frame, arrays, said.model_copy(update=update)))

    def _new(self, frame: pd.DataFrame, name: str) -> str:
        if name in frame:
            raise DataError(
                f"{self.params.path}: there is a column {name!r}, the name that the source gives a column of its own; "
                "rename it, or leave it out with `columns`"
            )
        return name

    def _listing(self, declared: SchemaDeclaration) -> Listing:
        """The files and the columns beside them."""
        params, root = self.params, self.params.path
        check_folder(root, RECORDINGS)
        has_table = params.table is not None or (root / metadata.NAME).is_file()
        if params.pattern and not has_table and params.label in fields_of(params.pattern):
            names = _all_files(root)
            if not names:
                raise DataError(f"{root}: no recordings found; they end in {', '.join(sorted(RECORDINGS.suffixes))}")
            listing = Listing(names, pd.DataFrame(index=pd.RangeIndex(len(names))))
        else:
            listing = list_files(root, params.label, params.table, params.file_name, declared, RECORDINGS)
        if params.columns is not None:
            for name in params.columns:
                if name not in listing.frame:
                    known = list(listing.frame.columns)
                    hint = did_you_mean(name, known)
                    raise DataError(f"{root}: has no column {name!r}; it has {', '.join(known)}{hint}")
            listing.frame = listing.frame[list(params.columns)]
        if params.pattern:
            named = columns_of(root, listing.names, params.pattern, params.label, declared)
            if clash := next((name for name in named if name in listing.frame), None):
                raise DataError(
                    f"{root}: the column {clash!r} is there already; call it otherwise in `pattern`, or {{}}"
                )
            listing.frame = pd.concat([listing.frame, named], axis=1)
        return listing


def _first_files(folder: Path) -> list[str]:
    """Names of files below a folder, without those that systems leave behind; not all of very many."""
    found: list[str] = []
    for _, folders, files in os.walk(folder):
        folders.sort()
        found += [name for name in sorted(files) if not is_silent(name)]
        if len(found) >= MAX_LOOKED_AT:
            break
    return found


def _all_files(root: Path) -> list[str]:
    """The recordings below a folder, sorted, as paths relative to it; without links that lead out of it."""
    top, found = root.resolve(), []
    for parent, folders, files in os.walk(root):
        folders[:] = [name for name in folders if name[0] != "." and not is_silent(name)]
        for name in files:
            path = Path(parent, name)
            if RECORDINGS.is_one(name) and not is_silent(name):
                if path.is_symlink() and not path.resolve().is_relative_to(top):
                    continue
                found.append(path.relative_to(root).as_posix())
    return sorted(found)


def _label_and_columns(root: Path, found: Mapping[str, str]) -> dict[str, Any]:
    """The column of labels in a CSV file, and the columns to read where some only say the same again."""
    (header, *rows), _ = metadata.records(root / found["table"], RECORDINGS)
    cells = {name: [row[place] for row in rows] for place, name in enumerate(header) if name != found["file_name"]}
    named = [name for wanted in LABELS for name in cells if name.casefold() == wanted]
    named = [name for name in named if 2 <= len(set(cells[name])) <= len(rows) // 2]
    label = found.get("label") or next((name for name in named if not all(map(str.isdigit, cells[name]))), None)
    label = label or next(iter(named), None)
    if label is None:
        return {}
    same = [name for name in cells if name != label and _say_the_same(cells[name], cells[label])]
    return {"label": label, **({"columns": [name for name in cells if name not in same]} if same else {})}


def _say_the_same(one: list[str], other: list[str]) -> bool:
    return len(set(zip(one, other, strict=True))) == len(set(one)) == len(set(other))
