"""The sink `series-csv`: one long CSV file a part, a row a step, as the source of the same name reads it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv
from pydantic import Field

from augment import plugin
from augment.data import Column, Dataset, Schema
from augment.errors import DataError
from augment.plugin import Accepts, Sink
from augment.toolkit.csv_files import header_line, with_words
from augment.toolkit.tables.arrow import arrow_values


class SeriesCsvSink(Sink):
    """Writes `train.csv` and `test.csv`: a row a step, the series' number and the step first, then the channels, then
    the columns beside the series, repeated in each of its rows.

    UTF-8, commas, missing values empty; padding is not written. Words that a spreadsheet would run as a formula get a
    `'` in front.
    """

    name = "series-csv"
    accepts = Accepts(modalities=frozenset({"series"}))
    endings = (".csv",)

    class Params(plugin.Params):
        key: str = Field("series", min_length=1)
        """The column that says which series a row belongs to: the values of the id of that name where the data has
        one, else the number of the series, from 0."""
        time: str = Field("step", min_length=1)
        """The column of the number of the step, from 0."""

    def write(self, name: str, batches: Iterable[Dataset], schema: Schema, folder: Path) -> list[Path]:
        """Write `<name>.csv`.

        Raises:
            DataError: there are other arrays beside the series, names collide, or a series has no steps.
        """
        if len(schema.arrays) != 1:
            raise DataError(f"sink series-csv: it holds one series a row, and there are {', '.join(schema.arrays)}")
        array = schema.arrays[schema.array_of("series")]
        beside = [column for column in schema.columns if column != self.params.key]
        if array.length_column is not None:
            beside.remove(array.length_column)
        names = [self.params.key, self.params.time, *(array.channels or {}), *beside]
        if len(set(names)) < len(names):
            double = next(one for one in names if names.count(one) > 1)
            raise DataError(
                f"sink series-csv: two columns would be called {double!r}; set `key` or `time`, or rename it"
            )
        path = folder / f"{name}.csv"
        with path.open("wb") as file:
            file.write(header_line(names))
            for table in self._tables(batches, schema, beside):
                pacsv.write_csv(table, file, pacsv.WriteOptions(include_header=False))
        return [path]

    def _tables(self, batches: Iterable[Dataset], schema: Schema, beside: list[str]) -> Iterator[pa.Table]:
        array = schema.array_of("series")
        first = 0
        for batch in batches:
            lengths = batch.lengths(array)
            if (lengths == 0).any():
                row = first + int((lengths == 0).argmax())
                raise DataError(f"sink series-csv: series {row + 1} has no steps, which no row can say; use npz")
            rows = np.repeat(np.arange(len(batch)), lengths)
            steps = np.arange(len(rows)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
            columns = {self.params.key: pa.array(first + rows), self.params.time: pa.array(steps)}
            if self.params.key in schema.columns:
                ids = batch.frame[self.params.key]
                columns[self.params.key] = arrow_values(ids, schema.columns[self.params.key]).take(pa.array(rows))
            values = batch.arrays[array][rows, steps]
            for position, (name, channel) in enumerate((schema.arrays[array].channels or {}).items()):
                columns[name] = _channel(values[:, position], channel)
            for name in beside:
                columns[name] = arrow_values(batch.frame[name], schema.columns[name]).take(pa.array(rows))
            first += len(batch)
            yield with_words(pa.table(columns))


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
