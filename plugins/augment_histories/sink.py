"""The sink `histories`: what the source of that name reads, an event a line.

Shapes: N users, M events of all of them, T places for the events of one, F channels.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
import pyarrow as pa
from pydantic import Field

from augment.data import Array, Column, Dataset, Schema
from augment.errors import DataError
from augment.plugin import Accepts, Sink
from augment.toolkit.csv_files import CsvFile, CsvParams, choose_ending
from augment.toolkit.tables.arrow import arrow_values
from augment_histories.rows import BEGAN, GAP, LENGTH, RATING
from augment_histories.sniffing import TYPE


class HistoriesSink(Sink):
    """Writes `train.csv` and `test.csv` with an event a line: user, item, what is known of it, and of the user.

    A user's own columns, and where the user came from, stand in each line. Times are made of when a history began and
    the gaps between its events. Real users and items have the ids that they came with; a synthetic user has one that no
    real one has. Words that a spreadsheet would run as a formula get a `'` in front.
    """

    name = "histories"
    accepts = Accepts(modalities=frozenset({"tokens"}))
    endings = (".csv", ".tsv", ".inter")

    class Params(CsvParams):
        """How the files are written, and what their columns are called."""

        user: str | None = Field(None, min_length=1)
        """The column of users. When not given, the name that it was read with, or `user`."""
        item: str | None = Field(None, min_length=1)
        """The column of items. When not given, `item`."""
        rating: str | None = Field(None, min_length=1)
        """The column of ratings. When not given, `rating`."""
        time: str | None = Field(None, min_length=1)
        """The column of times. When not given, `time`."""
        float_times: bool = False
        """Write times that are whole numbers with a decimal, `1700000000.0`."""
        order: tuple[str, ...] = ()
        """The first columns, in order; the others stand behind them."""
        ending: Literal[".csv", ".tsv", ".inter"] | None = None  # type: ignore[assignment]
        """The file extension. When not given, `.tsv` for cells between tabs, else `.csv`."""

    def write(self, name: str, batches: Iterable[Dataset], schema: Schema, folder: Path) -> list[Path]:
        items = schema.find_array("tokens")
        if not schema.arrays[items].vocabulary:
            raise DataError(f"sink histories: the array {items!r} has no vocabulary that says what its tokens are")
        path = folder / f"{name}{self.params.ending or choose_ending(self.params)}"
        called = self._called(schema)
        first = [one for one in self.params.order if one in called]
        layout = [*first, *(one for one in called if one not in first)]
        # in RecBole's files every name says its type
        is_typed = any(TYPE.search(one) for one in layout)
        header = [f"{one}:token" if is_typed and not TYPE.search(one) else one for one in layout]
        num_users = 0
        with CsvFile(path, header, self.params) as file:
            for batch in batches:
                columns = _events(batch, items, num_users)
                if self.params.float_times and TIME in columns and pa.types.is_integer(columns[TIME].type):
                    columns[TIME] = columns[TIME].cast(pa.float64())
                table = pa.table({one: columns[called[one]] for one in layout})
                file.write(table)
                num_users += len(batch)
        return [path]

    def _called(self, schema: Schema) -> dict[str, str]:
        """Name of a column to what it holds, as `_events` calls it, in the order of a file that nothing is said of.

        Raises:
            DataError: two columns would have one name.
        """
        params, user = self.params, next((one for one, column in schema.columns.items() if column.type == "id"), "user")
        channels = [
            channel
            for array in schema.arrays.values()
            for channel in array.channels or {}
            if channel != GAP or BEGAN not in schema.columns
        ]
        times = [TIME] if BEGAN in schema.columns and any(map(_has_gaps, schema.arrays.values())) else []
        aside = {LENGTH, user, *([BEGAN] if times else [])}
        names = {user: params.user, ITEM: params.item, RATING: params.rating, TIME: params.time}
        held = [user, ITEM, *channels, *times, *(one for one in schema.columns if one not in aside)]
        called = {names.get(one) or one: one for one in held}
        if len(called) < len(held):
            double = next(names.get(one) or one for one in held if called[names.get(one) or one] != one)
            raise DataError(f"sink histories: two columns would be called {double!r}; set another name")
        return called


ITEM, TIME = "item", "time"


def _has_gaps(array: Array) -> bool:
    return array.channels is not None and GAP in array.channels


def _events(batch: Dataset, items: str, num_before: int) -> dict[str, pa.Array]:
    """All events of these users, name to column, (M,)."""
    schema, frame = batch.schema, batch.frame
    lengths = batch.lengths(items)
    rows = np.repeat(np.arange(len(batch)), lengths)
    steps = np.arange(len(rows)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    columns: dict[str, pa.Array] = {"user": pa.array(num_before + rows)}
    for name, column in schema.columns.items():
        columns[name] = arrow_values(frame[name], column, dates_as_text=True).take(pa.array(rows))
    vocabulary = np.array(schema.arrays[items].vocabulary, object)
    columns[ITEM] = pa.array(vocabulary[batch.arrays[items][rows, steps]], pa.string()).dictionary_encode()
    for name, array in schema.arrays.items():
        for place, (channel, column) in enumerate((array.channels or {}).items()):
            values = np.asarray(batch.arrays[name][rows, steps, place])
            columns[channel] = _of_channel(values, column)
            if channel == GAP and BEGAN in frame:
                is_whole = column.decimals == 0 and schema.columns[BEGAN].decimals == 0
                times = _times(frame[BEGAN].to_numpy(), values, rows, lengths, is_whole)
                columns[TIME] = pa.array(times)
                if times.dtype.kind == "M":
                    columns[TIME] = _in_seconds(arrow_values(times, schema.columns[BEGAN], dates_as_text=True))
    return columns


def _in_seconds(times: pa.Array) -> pa.Array:
    """The same times without fractions of seconds, where none has any."""
    try:
        return times.cast(pa.timestamp("s")) if pa.types.is_timestamp(times.type) else times
    except pa.ArrowInvalid:
        return times


def _of_channel(values: np.ndarray, column: Column) -> pa.Array:
    if column.type == "category":
        labels = np.array([*(column.categories or ()), None], object)
        return pa.array(labels[np.where(np.isnan(values), -1, values).astype(int)], pa.string())
    if column.type == "integer":
        return pa.array(values, from_pandas=True).cast(pa.int64())
    return pa.array(values, from_pandas=True)  # 32 bits, so that 0.1 is written as such


def _times(began: np.ndarray, gaps: np.ndarray, rows: np.ndarray, lengths: np.ndarray, is_whole: bool) -> pd.Series:
    """When each event was: (M,) from the (N,) beginnings and the (M,) gaps of each user one after the other; whole
    numbers where times are such."""
    passed = np.cumsum(gaps, dtype=np.float64)
    firsts = np.cumsum(lengths) - lengths
    passed -= np.append(passed, 0.0)[firsts][rows]  # a user's first gap leads to the beginning itself
    if began.dtype.kind == "M":
        return pd.Series(began[rows] + np.round(passed * 1e6).astype("timedelta64[us]"))
    times = began[rows] + passed
    return pd.Series(np.round(times).astype(np.int64) if is_whole else times)
