"""The base of sources that read one file, or several of the same columns, as one table."""

from __future__ import annotations

import logging
from abc import abstractmethod
from collections.abc import Collection, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import numpy as np
import pyarrow as pa

from augment import plugin
from augment.data import Dataset
from augment.errors import DataError, did_you_mean
from augment.plugin import Context, Source
from augment.toolkit.data_files import Files, list_files, listed, unpacked
from augment.toolkit.tables.stored_types import learned_of
from augment.toolkit.text_files import check_file
from augment_tables.audio_columns import Recordings, joined, with_recordings
from augment_tables.partitions import partitions_of, with_partitions
from augment_tables.reading import KEPT_AS_TEXT, chosen_columns, dataset_of, plain_table

log = logging.getLogger("augment")


class Part(NamedTuple):
    """What a file holds.

    Attributes:
        table: its columns.
        arrays: name to array, first axis the row.
        learned: column to what else was found out about it, such as its unit, or the type that the file stores it in
            (`stored_as`). What is declared wins.
        recordings: name to column of recordings.
    """

    table: pa.Table
    arrays: dict[str, np.ndarray] = {}
    learned: dict[str, dict[str, Any]] = {}
    recordings: dict[str, Recordings] = {}


class TableFiles(Source):
    """Reads files into Arrow tables and joins them.

    A subclass has a `Params` with `path: Files`, and reads one file, unpacked if it was compressed, in `_part`.

    Attributes:
        reads_text: whether `_part` can read any column as text. Then columns that are numbers in one file and words in
            another are text, as they would be in one file. Otherwise they are refused.
        absent_is_missing: whether a column that a file lacks is missing in its rows, as a key that an object leaves out
            is. Otherwise it is refused.
    """

    reads_text: ClassVar[bool] = False
    absent_is_missing: ClassVar[bool] = False

    class Params(plugin.Params):
        """Where the data is."""

        path: Files
        """The file to read, or several of the same columns: a list, or a pattern such as `parts/*.csv`. Files that end
        in `.gz`, `.bz2`, `.xz` or `.zst` are unpacked."""
        columns: tuple[str, ...] | None = None
        """The columns to read; all when not given. Others need no name in the file. Of several files, what names of
        folders say is a column, too, as in `year=2024/part.parquet`."""

    def read(self, context: Context) -> Dataset:
        files = self._files()
        as_text = {
            name
            for name, said in context.declared.columns.items()
            if said.type in (*KEPT_AS_TEXT, "datetime") or said.date_format
        }
        as_text -= ids_of(context)  # which stay integers where they are
        partitions = partitions_of(files)
        in_files = self.params.columns and tuple(name for name in self.params.columns if name not in partitions[0])
        of_files = type(self)(self.params.model_copy(update={"columns": in_files}))
        with ExitStack() as stack:
            readers = [stack.enter_context(of_files._opened(file, context.folder)) for file in files]

            def attempt(texts: Collection[str]) -> list[Part]:
                parts = [reader._checked_part(texts, context) for reader in readers]
                tables = with_partitions([part.table for part in parts], partitions)
                parts = [part._replace(table=table) for part, table in zip(parts, tables, strict=True)]
                if self.absent_is_missing:
                    parts = _with_absent_columns(files, parts)
                _check_same_columns(files, parts)
                return _without_types_of_gaps(parts)

            parts = attempt(as_text)
            mixed = _mixed(parts)
            if mixed and self.reads_text:
                parts = attempt(as_text | set(mixed))
                mixed = _mixed(parts)
        if mixed:
            raise _differs(files, parts, mixed[0])
        names = chosen_columns(listed(files), _columns(parts[0]), self.params.columns)
        first = [name for name in names if name in parts[0].table.column_names]
        table = pa.concat_tables([part.table.select(first) for part in parts], promote_options="permissive")
        arrays = {
            name: np.concatenate([part.arrays[name] for part in parts]) if len(parts) > 1 else values
            for name, values in parts[0].arrays.items()
        }
        said = context.declared
        for name in parts[0].recordings:
            recordings = joined([part.recordings[name] for part in parts])
            table, arrays[name], said = with_recordings(table, name, recordings, said)
        data = dataset_of(table.unify_dictionaries(), arrays, replace(context, declared=said), listed(files))
        columns = dict(data.schema.columns)
        for name in first:
            column = columns[name]
            found = _learned(name, parts)
            if "stored_as" in found:
                found |= learned_of(column, data.frame[name], found.pop("stored_as"))
            unsaid = {key: value for key, value in found.items() if getattr(column, key) is None}
            columns[name] = column.model_copy(update=unsaid)
        return Dataset.of(data.frame, data.arrays, data.schema.model_copy(update={"columns": columns}))

    def _files(self) -> list[Path]:
        """The files that `params.path` names."""
        return list_files(self.params.path, self.endings)

    @contextmanager
    def _opened(self, file: Path, folder: Path) -> Iterator[TableFiles]:
        """A reader of one file, unpacked if it is compressed.

        Args:
            file: the file.
            folder: where copies may lie.
        """
        check_file(file)
        with unpacked(file, folder) as plain:
            yield type(self)(self.params.model_copy(update={"path": plain}))

    @abstractmethod
    def _part(self, as_text: Collection[str], context: Context) -> Part:
        """The content of the one file that `params.path` names, columns in `as_text` as they are written."""

    def _checked_part(self, as_text: Collection[str], context: Context) -> Part:
        path = self.params.path
        part = self._part(as_text, context)
        if not part.table.num_rows:
            raise DataError(f"{path}: has a header but no rows; at least one row was expected")
        return part._replace(table=plain_table(path, part.table))


def ids_of(context: Context) -> set[str]:
    """The columns that are declared as ids. A part gives them as integers or as texts, and as nothing else."""
    return {name for name, said in context.declared.columns.items() if said.type == "id"}


def not_integers(table: pa.Table, ids: Collection[str]) -> set[str]:
    """The ids that were read as something else than integers or texts, such as dates."""
    fields = [field for field in table.schema if field.name in ids]
    return {
        field.name for field in fields if not pa.types.is_integer(field.type) and not pa.types.is_string(field.type)
    }


def _learned(name: str, parts: Sequence[Part]) -> dict[str, Any]:
    """What all files that have values in a column agree about; all of them where none has any."""
    with_values = [part for part in parts if name in part.arrays or part.table[name].null_count < part.table.num_rows]
    first, *others = [part.learned.get(name, {}) for part in with_values or parts]
    return {key: value for key, value in first.items() if all(one.get(key) == value for one in others)}


def _columns(part: Part) -> list[str]:
    return [*part.table.column_names, *part.arrays, *part.recordings]


def _with_absent_columns(files: Sequence[Path], parts: Sequence[Part]) -> list[Part]:
    """The parts, each with all columns of all of them; what a file lacks is missing in its rows, and noted."""
    names = dict.fromkeys(name for part in parts for name in part.table.column_names)
    filled = []
    for file, part in zip(files, parts, strict=True):
        table = part.table
        if absent := [name for name in names if name not in table.column_names]:
            log.warning("%s: no object has %s, which is missing in all its rows", file.name, " or ".join(absent))
        for name in absent:
            table = table.append_column(name, pa.nulls(table.num_rows))
        filled.append(part._replace(table=table))
    return filled


def _check_same_columns(files: Sequence[Path], parts: Sequence[Part]) -> None:
    first = _columns(parts[0])
    for file, part in zip(files, parts, strict=True):
        names = _columns(part)
        for has, lacks, where, other in ((first, names, file, files[0]), (names, first, files[0], file)):
            if absent := [name for name in has if name not in lacks]:
                raise DataError(
                    f"{where}: has no column {absent[0]!r}, which {other} has{did_you_mean(absent[0], lacks)}; files "
                    "that are read as one need the same columns: name those that all have under `columns`"
                )


def _without_types_of_gaps(parts: Sequence[Part]) -> list[Part]:
    """The parts; a column without any value in one of them has the type that it has in another."""
    typed = {
        field.name: field.type
        for table in [part.table for part in parts]
        for field in table.schema
        if table[field.name].null_count < table.num_rows
    }
    aligned = []
    for part in parts:
        table = part.table
        for position, field in enumerate(table.schema):
            kind = typed.get(field.name, field.type)
            if kind != field.type and table[field.name].null_count == table.num_rows:
                table = table.set_column(position, field.name, pa.nulls(table.num_rows, kind))
        aligned.append(part._replace(table=table))
    return aligned


def _mixed(parts: Sequence[Part]) -> list[str]:
    """Columns whose types in the files have none in common, and arrays of different shapes."""
    if len(parts) == 1:
        return []
    found = []
    for name in parts[0].table.column_names:
        schemas = [pa.schema([part.table.schema.field(name)]) for part in parts]
        try:
            whole = pa.unify_schemas(schemas, promote_options="permissive").field(0).type
            for part in parts:
                part.table[name].cast(whole)  # refuses integers that no float holds
        except pa.ArrowException:
            found.append(name)
    for name in (*parts[0].arrays, *parts[0].recordings):
        kinds = {_kind(part, name) for part in parts}
        if len(kinds) > 1:
            found.append(name)
    return found


def _kind(part: Part, name: str) -> str:
    if name in part.recordings:
        return f"recordings at {part.recordings[name].rate:,} Hz"
    if name in part.arrays:
        return f"{part.arrays[name].dtype} of shape {part.arrays[name].shape[1:]}"
    return str(part.table.schema.field(name).type)


def _differs(files: Sequence[Path], parts: Sequence[Part], name: str) -> DataError:
    first = _kind(parts[0], name)
    file, kind = next(
        ((file, _kind(part, name)) for file, part in zip(files, parts, strict=True) if _kind(part, name) != first),
        (files[-1], first),
    )
    return DataError(
        f"{file}: column {name!r} holds {kind}, and in {files[0]} it holds {first}; write it alike in all files, or "
        "leave it out under `columns`"
    )
