"""What the sources `parquet` and `arrow` share: typed columns, nested ones becoming arrays."""

from __future__ import annotations

import logging
import re
from abc import abstractmethod
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from augment.data import Dataset
from augment.errors import DataError
from augment.plugin import Context
from augment.toolkit.tables.stored_types import stored_types, warn_of_loss
from augment_tables.audio_columns import Recordings
from augment_tables.nested_columns import array_of, is_nested
from augment_tables.partitions import partitions_of
from augment_tables.reading import KEPT_AS_TEXT, plain_values
from augment_tables.table_files import Part, TableFiles

SECOND, MINUTE = 10**6, 60 * 10**6  # in microseconds
DAY_OF_TIMES = -2_208_988_800 * SECOND  # 1900-01-01, which a time of day without a date is read as elsewhere, too

log = logging.getLogger("augment")


def is_index(name: str) -> bool:
    """Whether a column is the nameless index that pandas writes beside a frame."""
    return re.fullmatch(r"__index_level_\d+__", name) is not None


class ArrowFiles(TableFiles):
    """Reads files of typed columns. `augment init` leaves out the columns whose values no dataset can hold."""

    yields = frozenset({"table", "text", "image", "series", "tokens", "audio"})
    reads_only_paths = True

    @abstractmethod
    def _table(self) -> pa.Table:
        """The chosen columns of the one file that `params.path` names."""

    @classmethod
    def further_settings(cls, path: Path, settings: Mapping[str, Any], data: Dataset | None) -> dict[str, Any]:
        if data is not None or "columns" in settings:
            return {}
        reader = cls(cls.Params.model_validate({"path": path, **settings}))
        try:
            files = reader._files()
            reader = cls(reader.params.model_copy(update={"path": files[0]}))
            table = reader._table()
        except DataError:  # which reading raises too
            return {}
        kept, left_out = [], []
        for name in table.column_names:
            try:
                _values(reader.params.path, name, table)
                kept.append(name)
            except DataError:
                left_out.append(name)
        if not kept or not left_out:
            return {}
        for name in left_out:
            kind = table.schema.field(name).type
            log.warning("column %r is left out: no dataset can hold its values, which are of type %s", name, kind)
        return {"columns": [*kept, *(name for name in partitions_of(files)[0] if name not in kept)]}

    def _part(self, as_text: Collection[str], context: Context) -> Part:
        path, table = self.params.path, self._table()
        if not table.num_rows:
            raise DataError(f"{path}: holds no rows; at least one was expected")
        values = {name: _values(path, name, table) for name in table.column_names}
        recordings = {name: column for name, column in values.items() if isinstance(column, Recordings)}
        arrays = {name: column for name, column in values.items() if isinstance(column, np.ndarray)}
        table = table.drop_columns([*arrays, *recordings])
        for name in table.column_names:
            warn_of_loss(path, name, table[name])
        learned: dict[str, dict[str, Any]]
        learned = {name: {"stored_as": stored} for name, stored in stored_types(table).items()}
        declared = context.declared.columns
        words = {name for name, said in declared.items() if said.type in KEPT_AS_TEXT}
        for place, field in enumerate(table.schema):
            if pa.types.is_time(field.type) and field.name not in words:
                moments, date_format = times_of_day(table.column(place))
                table = table.set_column(place, field.name, moments)
                learned[field.name] = {**learned.get(field.name, {}), "date_format": date_format}
        return Part(_in_utc(path, table), arrays, learned, recordings)


def times_of_day(values: pa.ChunkedArray) -> tuple[pa.ChunkedArray, str]:
    """Times of day as moments of one day, and how they are written, in the signs of `strftime`."""
    moments = values.cast(pa.time64("us"), safe=False).cast(pa.int64())
    has_fractions = pc.any(pc.not_equal(moments, pc.multiply(pc.divide(moments, SECOND), SECOND))).as_py()
    has_seconds = pc.any(pc.not_equal(moments, pc.multiply(pc.divide(moments, MINUTE), MINUTE))).as_py()
    date_format = "%H:%M:%S.%f" if has_fractions else "%H:%M:%S" if has_seconds else "%H:%M"
    return pc.add(moments, DAY_OF_TIMES).cast(pa.timestamp("us")), date_format


def _in_utc(path: Path | str, table: pa.Table) -> pa.Table:
    """The table with times of all zones as those of UTC."""
    for place, field in enumerate(table.schema):
        if pa.types.is_timestamp(field.type) and field.type.tz is not None:
            log.warning(
                "%s: column %r: times of the zone %s are read as UTC; the sinks parquet and arrow write them in their "
                "zone again, others in UTC without one",
                *(Path(path).name, field.name, field.type.tz),
            )
            table = table.set_column(place, field.name, table.column(place).cast(pa.timestamp(field.type.unit)))
    return table


def _values(path: Path, name: str, table: pa.Table) -> Any:
    field = table.schema.field(name)
    extension = getattr(field.type, "extension_name", (field.metadata or {}).get(b"ARROW:extension:name", b"").decode())
    if extension == "pandas.period":
        raise DataError(
            f"{path}: column {name!r} holds periods of pandas, stored as numbers of them since 1970; write it as dates "
            "with `to_timestamp()`, as text, or leave it out"
        )
    return values_of(path, name, table[name])


def values_of(path: Path | str, name: str, values: pa.ChunkedArray) -> Any:
    """The values of a column as an array, or in one of the types that the schema knows.

    Raises:
        DataError: there are values that neither can hold.
    """
    if isinstance(values.type, pa.BaseExtensionType):
        values = values.cast(values.type.storage_type)
    return array_of(path, name, values) if is_nested(values.type) else plain_values(path, name, values)
