"""The sink `histories`: what the source of that name reads, an event a line.

Shapes: N users, M events of all of them, T places for the events of one, F channels.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv

from augment.data import Column, Dataset, Schema
from augment.errors import DataError
from augment.plugin import Accepts, Sink
from augment.toolkit.csv_files import guarded, with_words
from augment.toolkit.tables.arrow import arrow_values
from augment_histories.rows import BEGAN, GAP, LENGTH


class HistoriesSink(Sink):
    """Writes `train.csv` and `test.csv` with an event a line: user, item, what is known of it, and of the user.

    A user's own columns, and where the user came from, stand in each line. Times are made of when a history began and
    the gaps between its events. Words that a spreadsheet would run as a formula get a `'` in front.
    """

    name = "histories"
    accepts = Accepts(modalities=frozenset({"tokens"}))
    endings = (".csv",)

    def write(self, name: str, batches: Iterable[Dataset], schema: Schema, folder: Path) -> list[Path]:
        items = schema.array_of("tokens")
        if not schema.arrays[items].vocabulary:
            raise DataError(f"sink histories: the array {items!r} has no vocabulary that says what its tokens are")
        path = folder / f"{name}.csv"
        writer, num_users = None, 0
        with path.open("wb") as file:
            for batch in batches:
                table = _events(batch, items, num_users)
                num_users += len(batch)
                writer = writer or pacsv.CSVWriter(file, table.schema)
                writer.write_table(table)
            if writer is not None:
                writer.close()
        return [path]


def _events(batch: Dataset, items: str, num_before: int) -> pa.Table:
    """All events of these users, one a row."""
    schema, frame = batch.schema, batch.frame
    lengths = batch.lengths(items)
    rows = np.repeat(np.arange(len(batch)), lengths)
    steps = np.arange(len(rows)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    users = [name for name, column in schema.columns.items() if column.type == "id"]
    columns: dict[str, pa.Array] = {} if users else {"user": pa.array(num_before + rows)}
    for name in users[:1]:
        columns[name] = arrow_values(frame[name], schema.columns[name]).take(pa.array(rows))
    vocabulary = np.array(schema.arrays[items].vocabulary, object)
    columns["item"] = pa.array(vocabulary[batch.arrays[items][rows, steps]], pa.string())
    for name, array in schema.arrays.items():
        for place, (channel, column) in enumerate((array.channels or {}).items()):
            values = np.asarray(batch.arrays[name][rows, steps, place])
            if channel == GAP and BEGAN in frame:
                columns["time"] = _times(frame[BEGAN].to_numpy(), values, rows, lengths)
            else:
                columns[channel] = _of_channel(values, column)
    left_out = {LENGTH, *users[:1], *([BEGAN] if "time" in columns else [])}
    for name in frame.columns:
        if name not in left_out:
            columns[name] = arrow_values(frame[name], schema.columns[name]).take(pa.array(rows))
    names = guarded(pa.array(list(columns), pa.string())).to_pylist()
    return with_words(pa.table(columns)).rename_columns(names)


def _of_channel(values: np.ndarray, column: Column) -> pa.Array:
    if column.type == "category":
        labels = np.array([*(column.categories or ()), None], object)
        return pa.array(labels[np.where(np.isnan(values), -1, values).astype(int)], pa.string())
    return pa.array(values, from_pandas=True)  # 32 bits, so that 0.1 is written as such


def _times(began: np.ndarray, gaps: np.ndarray, rows: np.ndarray, lengths: np.ndarray) -> pa.Array:
    """When each event was: (M,) from the (N,) beginnings and the (M,) gaps of each user one after the other."""
    passed = np.cumsum(gaps, dtype=np.float64)
    firsts = np.cumsum(lengths) - lengths
    passed -= np.append(passed, 0.0)[firsts][rows]  # a user's first gap leads to the beginning itself
    if began.dtype.kind == "M":
        times = pa.array(began[rows] + np.round(passed * 1e6).astype("timedelta64[us]")).cast(pa.string())
        return pc.replace_substring_regex(times, r"\.0+$", "")  # seconds mostly are whole
    return pa.array(began[rows] + passed)
