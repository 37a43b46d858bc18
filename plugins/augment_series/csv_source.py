"""The source `series-csv`: series from CSV files, a row a step (long) or a row a series (wide).

Shapes: N series, T steps, F channels, R rows of the file.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
import pyarrow as pa
from pydantic import Field

from augment import plugin
from augment.data import ColumnDeclaration, Dataset, SchemaDeclaration
from augment.errors import DataError, did_you_mean
from augment.plugin import Context, Source
from augment.toolkit.csv_delimiters import Delimiter
from augment.toolkit.csv_files import unguarded, without_guards
from augment.toolkit.csv_numbers import Thousands
from augment.toolkit.data_files import Files, list_files
from augment.toolkit.date_formats import infer_iso_format
from augment.toolkit.text_files import Encoding
from augment_series.csv_channels import channel_values, end_to_end, refuse_infinite
from augment_series.csv_rows import Duplicates, Rows
from augment_series.csv_sniffing import infer_date_format, infer_form, series_settings
from augment_series.csv_table import Form, Places, read_tables
from augment_series.csv_writing import NUMBERED, written_like
from augment_series.reading import ARRAY, GAP, LENGTH, dataset_of

KEY, TIME = "series", "step"  # `series` and `step` are what the sink writes
KEPT_AS_TEXT = ("category", "text", "id")


class SeriesCsvSource(Source):
    """Reads series from a CSV file whose first line names the columns.

    **Long**: a row a step. `key` says which series it belongs to, and `time` when; rows are put in the order of their
    times, and two rows of one series and time are refused, or resolved by `duplicates`. Columns with one value for the
    whole series stand beside it as columns; the others are its channels. The key itself is an id: nothing learns from
    it, and synthetic series get new ones. Nor does anything learn from when a series began, which the column `time`
    says; a synthetic series gets the start of a real one of its class. Where times are not evenly spaced, a channel
    `time gap` says how long each step took (in seconds, or the unit of the numbers).

    **Wide**: a row a series, without a `key`. Columns whose names end in a number, such as `t0` to `t95`, are the steps
    of the channel that the rest of the name says; all others stand beside it. Empty cells at the end of a row are the
    end of the series.

    Numbers, whole numbers, booleans and words can be channels; an empty cell is a missing value. Series of unequal
    length are padded, and a column `length` says how long each is.
    """

    name = "series-csv"
    yields = frozenset({"series"})
    endings = (".csv", ".tsv")
    reads_only_paths = True

    class Params(plugin.Params):
        path: Files
        """The file to read, or several of the same columns: a list, or a pattern such as `parts/*.csv`. A series may go
        on in the next one."""
        key: str | None = None
        """Long files: the column that says which series a row belongs to. When not given: `series` where the file has
        such a column and one named `step`, as the sink `series-csv` writes them; else the file is wide."""
        time: str | None = None
        """Long files: the column that says when a step was, numbers or times as ISO 8601 has them. When not given,
        `step` where the key is `series`; else the steps are in the order of the rows."""
        channels: tuple[str, ...] | None = None
        """What changes from step to step. Long files: names of columns; when not given, all that change within a
        series. Wide files: what stands before the numbers in names of columns; when not given, all such."""
        gaps: bool | None = None
        """Whether the time between steps becomes a channel; when not given, where times are not evenly spaced."""
        columns: tuple[str, ...] | None = None
        """The columns to read; all when not given."""
        delimiter: Delimiter = ","
        r"""What stands between two cells: a character or several; `\s+` is any number of spaces and tabs."""
        decimal: Literal[".", ","] = "."
        """The character before the decimals of a number."""
        thousands: Thousands | None = None
        """The character between groups of three digits: `.` where 1234567.5 is written `1.234.567,5`."""
        date_format: str | None = Field(default=None, min_length=1, examples=["%d.%m.%Y"])
        """How the dates in `time` are written, where that is not ISO 8601: `%d` day, `%m` month, `%Y` or `%y` year,
        `%H:%M:%S` time of day, `%z` offset."""
        duplicates: Duplicates = "error"
        """What to do about rows of one series and time, such as an hour that comes twice when clocks change: `error`
        refuses them, `first` keeps the first in the file, `mean` averages their numbers and keeps the first of all
        else. The two lines of the first such pair are in the message or the warning."""
        encoding: Encoding = "utf-8"
        """How characters are stored; a byte order mark is accepted."""
        guard_formulas: bool = False
        """Take away the `'` that the sink `series-csv` puts before words and names that a spreadsheet would run as
        formulas. Say `true` for files that were written with the sink's setting of this name, which is its default."""

    @classmethod
    def sniff(cls, path: Path, head: bytes) -> float | None:
        if super().sniff(path, head) is None or not path.is_file():
            return None
        return None if series_settings(path, infer_form(path)) is None else 0.8

    @classmethod
    def settings_for(cls, path: Path) -> dict[str, Any]:
        form = infer_form(path) if path.is_file() else {}
        return {**(series_settings(path, form) or {}), **form}

    @classmethod
    def further_settings(cls, path: Path, settings: Mapping[str, Any], data: Dataset | None) -> dict[str, Any]:
        if data is not None or "time" not in settings:
            return {}
        if "date_format" not in settings and (date_format := infer_date_format(path, settings)):
            return {"date_format": date_format}
        return {} if "duplicates" in settings else {"duplicates": "first"}

    @classmethod
    def settings_to_write(cls, path: Path, settings: Mapping[str, Any], data: Dataset) -> dict[str, Any]:
        return written_like(path, settings, data)

    def read(self, context: Context) -> Dataset:
        params, said = self.params, context.declared
        array = said.arrays.get(ARRAY)
        declared = {**said.columns, **(array.channels or {} if array else {})}
        words = [name for name, column in declared.items() if column.type in KEPT_AS_TEXT]
        if params.time and self._date_format(context):
            words.append(params.time)
        table, places = read_tables(self._files, self._form, as_text=words, columns=params.columns)
        if self.params.guard_formulas:
            names = unguarded(pa.array(table.column_names, pa.string())).to_pylist()
            table = without_guards(table).rename_columns(names)
        names = table.column_names
        key = self.params.key or (KEY if {KEY, TIME} <= set(names) else None)
        time = self.params.time or (TIME if key == KEY and TIME in names else None)
        for name in filter(None, (key, time)):
            if name not in names:
                raise DataError(
                    f"{places}: has no column {name!r}{did_you_mean(name, names)}; it has {', '.join(names)}"
                )
        if key is None:
            if time is not None:
                raise DataError(f"{places}: a `time` needs a `key`, the column that says which series a row belongs to")
            return _wide(table, self.params.channels, context, places)
        return self._long(table, places, key, time, declared, context)

    def _long(
        self,
        table: pa.Table,
        places: Places,
        key: str,
        time: str | None,
        declared: dict[str, ColumnDeclaration],
        context: Context,
    ) -> Dataset:
        said = context.declared
        rows = Rows.of(table, key, time, places, self.params.duplicates, self._date_format(context))
        others = [name for name in table.column_names if name not in (key, time)]
        target = [said.target] if said.target else []
        changing = self.params.channels
        if changing is None:
            changing = tuple(name for name in others if name not in target and not rows.is_constant(table[name]))
        for name in changing:
            if name not in others:
                raise DataError(
                    f"{places}: has no channel {name!r}{did_you_mean(name, others)}; it has {', '.join(others)}"
                )
        beside = [name for name in others if name not in changing]
        for name in beside:
            if not rows.is_constant(table[name]):
                raise DataError(
                    f"{places}: column {name!r} changes within series {rows.changes_in(table[name])!r}; one value for "
                    "the whole series is expected" + (" of a target" if name in target else ", or name it a channel")
                )
        values, channels = [], {}
        for name in changing:
            column, channels[name] = channel_values(table[name], name, declared.get(name), places, table.num_rows)
            values.append(rows.values_of(column, channels[name].type in ("number", "integer")))
            if rows.averaged is not None and channels[name].type == "integer" and (np.nan_to_num(values[-1]) % 1).any():
                channels[name] = ColumnDeclaration(type="number")
        if self.params.gaps or (self.params.gaps is None and rows.gaps is not None and not rows.is_even):
            if rows.gaps is None:
                raise DataError(f"{places}: `gaps` need a `time`, the column that says when a step was")
            if GAP in others:
                raise DataError(f"{places}: has a column {GAP!r} and uneven times; rename it, or say `gaps: false`")
            values.append(rows.gaps)
            channels[GAP] = ColumnDeclaration(type="number", min=0, unit="s" if rows.is_dated else None)
        if not values:
            raise DataError(
                f"{places}: every column has one value for the whole of each series; name those that are measured "
                "step by step with `channels: [...]`, or read the file as a table with `use: csv`"
            )
        padded = np.zeros((len(rows.lengths), int(rows.lengths.max()), len(values)), np.float32)
        with np.errstate(over="ignore"):  # what does not fit becomes infinite, and is refused
            for position, column in enumerate(values):
                padded[rows.codes, rows.steps, position] = column
        refuse_infinite(padded, list(channels), places)
        first = table.take(pa.array(rows.order[rows.starts]))
        is_counted = key == KEY and list(rows.names) == list(range(len(rows.names)))
        frame = _frame(first.select(beside if is_counted else [key, *beside]))
        columns = dict(said.columns)
        # without the gaps, uneven times cannot be told again
        starts = rows.starts_of(table[time]) if time is not None and (GAP in channels or rows.is_even) else None
        if time is not None and starts is not None:
            frame[time] = starts
            columns[time] = self._start(time, starts, declared.get(time))
        if key in frame.columns:
            columns.setdefault(key, ColumnDeclaration(type="id"))
        context = _saying(context, columns)
        array = said.arrays.get(ARRAY)
        length = _length_column(first, beside, rows.lengths, array.length_column if array else None)
        return dataset_of(
            padded,
            rows.lengths,
            channels,
            frame,
            context,
            places,
            rate=rows.rate,
            length_column=length,
            start_column=time if starts is not None else None,
        )

    @property
    def _files(self) -> list[Path]:
        return list_files(self.params.path, self.endings)

    @property
    def _form(self) -> Form:
        params = self.params
        return Form(params.delimiter, params.decimal, params.thousands or "", params.encoding)

    def _date_format(self, context: Context) -> str | None:
        """How the times are written, where that is not as ISO 8601 has it."""
        said = context.declared.columns.get(self.params.time or TIME)
        return self.params.date_format or (said.date_format if said is not None else None)

    def _start(self, time: str, starts: pd.Series, said: ColumnDeclaration | None) -> ColumnDeclaration:
        """What the column with the starts of the series is, with the form in which the file has its times."""
        params = self.params
        if starts.dtype.kind != "M":
            ours = ColumnDeclaration(type="integer" if starts.dtype.kind == "i" else "number")
        else:
            text, _ = read_tables(self._files, self._form, as_text=[time], columns=[time])
            ours = ColumnDeclaration(
                type="datetime", date_format=params.date_format or infer_iso_format(text[time].to_pandas())
            )
        return ours if said is None else ours.model_copy(update=said.model_dump(exclude_none=True))


def _length_column(first: pa.Table, beside: list[str], lengths: np.ndarray, said: str | None) -> str | None:
    """The column that holds the number of steps already: the one that is said to, or one that does."""
    if said is not None:
        return said

    def does(name: str) -> bool:
        column = first[name]
        return pa.types.is_integer(column.type) and not column.null_count and bool((column.to_numpy() == lengths).all())

    found = [name for name in beside if does(name)]
    # where all series are equally long, the same number in a column may be chance
    return LENGTH if LENGTH in found else found[0] if found and np.ptp(lengths) else None


def _frame(table: pa.Table) -> pd.DataFrame:
    for place, field in enumerate(table.schema):
        if pa.types.is_date(field.type):
            table = table.set_column(place, field.name, table.column(place).cast(pa.timestamp("s")))
        elif pa.types.is_time(field.type):
            table = table.set_column(place, field.name, table.column(place).cast(pa.string()))
    frame = table.to_pandas(types_mapper={pa.int64(): pd.Int64Dtype(), pa.bool_(): pd.BooleanDtype()}.get)
    return frame if table.num_columns else pd.DataFrame(index=pd.RangeIndex(table.num_rows))


def _saying(context: Context, columns: dict[str, ColumnDeclaration]) -> Context:
    declared: SchemaDeclaration = context.declared.model_copy(update={"columns": columns})
    return Context(context.seed, context.folder, declared=declared)


def _wide(table: pa.Table, wanted: tuple[str, ...] | None, context: Context, places: Places) -> Dataset:
    steps: dict[str, dict[int, str]] = {}
    for name in table.column_names:
        if found := NUMBERED.match(name):
            steps.setdefault(found[1], {})[int(found[3])] = name
    if wanted is None:
        beside = {context.declared.target} - {None}
        wanted = tuple(
            prefix for prefix, columns in steps.items() if len(columns) > 1 and not beside & {*columns.values()}
        )
    for prefix in wanted:
        if prefix not in steps:
            raise DataError(f"{places}: no names of columns are {prefix!r} and a number{did_you_mean(prefix, steps)}")
    if not wanted:
        raise DataError(
            f"{places}: holds no series: columns named such as `t0` to `t95` are expected in a wide file; for a long "
            "one say `key`, the column that says which series a row belongs to"
        )
    values, channels = [], {}
    numbers = sorted(steps[wanted[0]])
    for prefix in wanted:
        own = sorted(steps[prefix])
        if own != list(range(own[0], own[0] + len(own))):
            absent = sorted(set(range(own[0], own[-1])) - set(own))
            raise DataError(f"{places}: there is no column for step {absent[0]} of {prefix!r}; every step needs one")
        if len(own) != len(numbers):
            raise DataError(
                f"{places}: {prefix!r} has {len(own)} steps and {wanted[0]!r} has {len(numbers)}; if one is no series, "
                "name the others with `channels: [...]`"
            )
        title = prefix or "value"
        column = end_to_end([table[steps[prefix][step]] for step in own])
        flat, channels[title] = channel_values(column, title, None, places, table.num_rows)
        values.append(flat.reshape(len(own), table.num_rows).T)
    with np.errstate(over="ignore"):
        padded = np.stack(values, axis=2).astype(np.float32)
    refuse_infinite(padded, list(channels), places)
    is_there = np.asarray((~np.isnan(padded)).any(axis=2))
    lengths = padded.shape[1] - is_there[:, ::-1].argmax(axis=1)
    if not (some := np.asarray(is_there.any(axis=1))).all():
        raise DataError(f"{places.line(int(some.argmin()))}: the series has no values at all")
    padded[np.arange(padded.shape[1]) >= lengths[:, np.newaxis]] = 0
    used = {name for prefix in wanted for name in steps[prefix].values()}
    frame = _frame(table.select([name for name in table.column_names if name not in used]))
    return dataset_of(padded, lengths, channels, frame, context, places)
