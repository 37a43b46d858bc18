"""`rnn` for tables."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd
from pydantic import Field

from augment import plugin
from augment.data import Dataset, Schema
from augment.errors import DataError
from augment.plugin import Accepts, Context, read_state, write_state
from augment.toolkit.lossless import ENCODED_TYPES
from augment.toolkit.tables.bins import CodeTable


class TableRnn(plugin.Generator):
    """Draws rows column by column, each given those before it, with a recurrent network.

    The closest to the training rows' distribution of the generators for tables: numbers with many modes, repeated
    values, rare labels and missing values are all choices among codes. Any columns may be given. A class is fed in
    first and costs nothing; for other columns each row is chosen among `candidates`, which takes so many times longer.
    """

    name = "rnn"
    origin = "noise"
    accepts = Accepts(
        modalities=frozenset({"table"}),
        columns=ENCODED_TYPES,
        conditional="any",
        min_rows=2,
    )

    class Params(plugin.Params):
        """Settings of the table RNN."""

        steps: int | None = Field(None, ge=1)
        """Training steps at most; training ends before when rows held back say so. By default eighteen times through
        the data, but 300 to 8,000."""
        batch_size: int | None = Field(None, ge=1)
        """Rows per training step. By default a thirty-second of the rows, but 16 to 256."""
        width: int = Field(64, ge=1)
        """Hidden units."""
        dropout: float = Field(0.1, ge=0, lt=1)
        """Share of the inputs and hidden units that each training step leaves out."""
        rate: float = Field(4e-3, gt=0)
        """Learning rate at the start; it falls to zero."""
        decay: float = Field(1e-3, ge=0)
        """Weight decay."""
        candidates: int = Field(32, ge=2, le=1024)
        """Among how many candidates a row is chosen where columns other than a class are given. More follow what is
        given more closely, and take longer."""

    _schema: Schema
    _table: CodeTable
    _weights: dict[str, np.ndarray]

    def fit(self, data: Dataset, context: Context) -> Self:
        from augment_rnn.columns import fit

        refuse_arrays(self.name, data)
        self._schema = data.schema
        self._table = CodeTable.fit(data, sequence(data.schema))
        self._weights = fit(self._table, self._table.encode(data.frame), self.params, context)
        return self

    def sample(self, given: pd.DataFrame, context: Context) -> Dataset:
        from augment_rnn.columns import draw

        names = [name for name in self._table.columns if name in given]
        asked = self._table.encode(given, names).astype(np.int64)
        places = {self._table.columns.index(name): asked[:, place] for place, name in enumerate(names)}
        within = context.rng.spawn(1)[0]  # a stream of its own: `draw` takes whole batches from the other
        codes = draw(self._table, self._weights, places, len(given), self.params, context)
        frame = self._table.decode(codes, within.random(codes.shape))
        for name in names:
            frame[name] = given[name].reset_index(drop=True)
        return Dataset.of(frame, {}, self._schema)

    def save(self, folder: Path) -> None:
        tensors, coding = self._table.to_state()
        tensors |= {f"network/{name}": value for name, value in self._weights.items()}
        schema = self._schema.model_dump(mode="json", exclude_none=True)
        write_state(folder, tensors, {"schema": schema, "codes": coding})

    @classmethod
    def load(cls, folder: Path, params: Any) -> Self:
        tensors, values = read_state(folder)
        rnn = cls(params)
        rnn._schema = Schema.model_validate(values["schema"])
        rnn._table = CodeTable.from_state(tensors, values["codes"])
        rnn._weights = {name.removeprefix("network/"): tensors[name] for name in tensors if name.startswith("network/")}
        return rnn


def sequence(schema: Schema) -> list[str]:
    """The order in which columns are drawn: a class first, since it is what is given most often; a number last."""
    features = [name for name in schema.columns if name != schema.target]
    if schema.target is None:
        return features
    return [schema.target, *features] if schema.task == "classes" else [*features, schema.target]


def refuse_arrays(generator: str, data: Dataset) -> None:
    """Refuse what is not made of columns alone.

    Raises:
        DataError: the data has an array, or no column.
    """
    if data.schema.arrays:
        name = next(iter(data.schema.arrays))
        raise DataError(f"{generator}: cannot make the array {name!r}; it works on columns only: leave the array out")
    if not data.schema.columns:
        raise DataError(f"{generator}: the data has no columns; there is nothing to learn")
