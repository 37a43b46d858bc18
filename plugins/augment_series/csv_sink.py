"""The sink `series-csv`: one CSV file a part, long or wide, as the source of the same name reads it.

Shapes: N series, T steps, F channels, R rows of the file.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pyarrow as pa
from pydantic import AfterValidator, Field

from augment.data import Array, Column, Dataset, Schema
from augment.errors import DataError
from augment.plugin import Accepts, Sink
from augment.toolkit.csv_files import CsvFile, CsvParams, choose_ending
from augment.toolkit.tables.arrow import arrow_values
from augment_series.reading import GAP

STEP = re.compile(r"\{step(?::0([1-9]))?\}")


def _with_a_step(template: str) -> str:
    if len(STEP.findall(template)) != 1 or re.search(r"[{}]", STEP.sub("", template).replace("{channel}", "")):
        raise ValueError("expected one `{step}`, as in `t{step}`, `{channel}_{step}` or `{channel}_{step:03}`")
    return template


class SeriesCsvSink(Sink):
    """Writes `train.csv` and `test.csv`: a row a step (long), or a row a series (wide).

    **Long**: the key of the series, the time of the step, the channels, and the columns beside the series, repeated in
    each of its rows. Padding is not written. Real series have their own key and times. A synthetic series has a key
    that no real one has; it starts when a real series of its class starts, and its steps are as far apart as the real
    ones, or as the channel `time gap` says. **Wide** files have columns for the steps, and hold neither times nor gaps.

    Missing values are empty. Words that a spreadsheet would run as a formula get a `'` in front.
    """

    name = "series-csv"
    accepts = Accepts(modalities=frozenset({"series"}))
    endings = (".csv", ".tsv")

    class Params(CsvParams):
        key: str = Field("series", min_length=1)
        """Long: the column that says which series a row belongs to: the values of the id of that name where the data
        has one, else the number of the series, from 0."""
        time: str = Field("step", min_length=1)
        """Long: the column that says when a step was: the time where the source has read the times from a column of
        that name, else the number of the step, from 0."""
        order: tuple[str, ...] = ()
        """The first columns, in order; the others stand behind them. In a wide file, a channel's name stands for all
        its steps."""
        wide: Annotated[str, AfterValidator(_with_a_step)] | None = None
        """Write wide files, with the columns of steps called as this says: `t{step}`, `{channel}_{step}`, or
        `{channel}_{step:03}` for numbers of three digits."""
        first_step: int = Field(0, ge=0)
        """The number of the first step in wide files."""

    @classmethod
    def settings_to_read(cls, params: Any) -> dict[str, Any]:
        return {"key": None, "time": None} if params.wide else {}

    def write(self, name: str, batches: Iterable[Dataset], schema: Schema, folder: Path) -> list[Path]:
        """Write `<name>.csv`.

        Raises:
            DataError: there are other arrays beside the series, names collide, or a series has no steps.
        """
        if len(schema.arrays) != 1:
            raise DataError(f"sink series-csv: it holds one series a row, and there are {', '.join(schema.arrays)}")
        array = schema.arrays[schema.find_array("series")]
        path = folder / f"{name}{choose_ending(self.params)}"
        layout = self._wide(schema, array) if self.params.wide else self._long(schema, array)
        if len(set(layout)) < len(layout):
            double = next(one for one in layout if layout.count(one) > 1)
            raise DataError(
                f"sink series-csv: two columns would be called {double!r}; set `key` or `time`, or rename it"
            )
        first = 0
        with CsvFile(path, layout, self.params) as file:
            for batch in batches:
                columns = self._row_a_series(batch) if self.params.wide else self._row_a_step(batch, first)
                file.write(pa.table({one: columns[one] for one in layout}))
                first += len(batch)
        return [path]

    def _long(self, schema: Schema, array: Array) -> list[str]:
        """The names of the columns of a long file, in order."""
        key, time = self.params.key, self.params.time
        channels = [name for name in array.channels or {} if name != GAP or array.start_column != time]
        beside = [name for name in schema.columns if name not in (key, array.start_column, array.length_column)]
        return self._ordered([key, time, *channels, *beside])

    def _wide(self, schema: Schema, array: Array) -> list[str]:
        """The names of the columns of a wide file, in order."""
        aside = (array.start_column, array.length_column)
        channels = list(array.channels or {})
        names = self._ordered([*channels, *(name for name in schema.columns if name not in aside)])
        steps = range(array.shape[0])
        return [one for name in names for one in ([self._step(name, k) for k in steps] if name in channels else [name])]

    def _ordered(self, names: list[str]) -> list[str]:
        first = [name for name in self.params.order if name in names]
        return [*first, *(name for name in names if name not in first)]

    def _step(self, channel: str, step: int) -> str:
        def number(found: re.Match[str]) -> str:
            return str(step + self.params.first_step).zfill(int(found[1] or 0))

        return STEP.sub(number, self.params.wide.replace("{channel}", channel))

    def _row_a_step(self, batch: Dataset, first: int) -> dict[str, pa.Array]:
        """Name to column, (R,); `first` series were written before."""
        schema = batch.schema
        name = schema.find_array("series")
        array = schema.arrays[name]
        lengths = batch.lengths(name)
        if (lengths == 0).any():
            row = first + int((lengths == 0).argmax())
            raise DataError(f"sink series-csv: series {row + 1} has no steps, which no row can say; use npz")
        rows = np.repeat(np.arange(len(batch)), lengths)
        steps = np.arange(len(rows)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        values = batch.arrays[name][rows, steps]
        key, time = self.params.key, self.params.time
        columns = {key: pa.array(first + rows), time: pa.array(steps)}
        if array.start_column == time:
            starts = pa.Array.from_pandas(batch.frame[time])
            times = _times(starts.take(pa.array(rows)), steps, values, array)
            columns[time] = arrow_values(times.to_pandas(), schema.columns[time], dates_as_text=True)
        for position, (channel, column) in enumerate((array.channels or {}).items()):
            columns[channel] = _channel(values[:, position], column)
        for beside, column in schema.columns.items():
            if beside != array.start_column:
                columns[beside] = arrow_values(batch.frame[beside], column, dates_as_text=True).take(pa.array(rows))
        return columns

    def _row_a_series(self, batch: Dataset) -> dict[str, pa.Array]:
        """Name to column, (N,)."""
        schema = batch.schema
        name = schema.find_array("series")
        is_there = batch.step_mask(name)
        columns = {
            one: arrow_values(batch.frame[one], column, dates_as_text=True) for one, column in schema.columns.items()
        }
        for position, (channel, column) in enumerate((schema.arrays[name].channels or {}).items()):
            for step in range(is_there.shape[1]):
                values = np.where(is_there[:, step], batch.arrays[name][:, step, position], np.nan)
                columns[self._step(channel, step)] = _channel(values, column)
        return columns


def _times(starts: pa.Array, steps: np.ndarray, values_RF: np.ndarray, array: Array) -> pa.Array:
    """When each step was, of the type of its series' start: dates to a microsecond, or numbers, (R,)."""
    passed = steps / (array.rate or 1.0)
    decimals = None
    if array.channels is not None and GAP in array.channels:
        decimals = array.channels[GAP].decimals
        gaps = values_RF[:, list(array.channels).index(GAP)].astype(np.float64)
        total = np.cumsum(gaps)
        first = np.flatnonzero(steps == 0)
        passed = total - np.repeat(total[first], np.diff([*first, len(steps)]))
    if decimals is not None:
        passed = np.round(passed, decimals)  # float32 has added digits
    if not pa.types.is_timestamp(starts.type):
        times = starts.to_numpy(zero_copy_only=False) + passed
        return pa.array(np.round(times).astype(np.int64)) if pa.types.is_integer(starts.type) else pa.array(times)
    begun = starts.cast(pa.int64()).to_numpy(zero_copy_only=False)
    return pa.array(begun + np.round(passed * 1e6).astype(np.int64)).cast(pa.timestamp("us"))


def _channel(values: np.ndarray, channel: Column) -> pa.Array:
    missing = np.isnan(values)
    if channel.type == "number":
        return pa.array(values, mask=missing)  # as float32, 0.1 is written as 0.1
    whole = np.where(missing, 0, values).astype(np.int64)
    if channel.type == "integer":
        return pa.array(whole, mask=missing)
    if channel.type == "boolean":
        return pa.array(whole > 0, mask=missing)
    labels = pa.array(channel.categories or (), pa.string())
    return pa.DictionaryArray.from_arrays(pa.array(whole.astype(np.int32), mask=missing), labels)
