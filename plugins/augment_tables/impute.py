"""The transform `impute`: fills in missing values with what is usual in the training part."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any, Literal, Self

import pandas as pd

from augment import plugin
from augment.data import Column, Dataset, snap
from augment.plugin import Context, Transform, read_state, write_state

LABEL = "missing"

log = logging.getLogger("augment")


class Impute(Transform):
    """Fills in missing values of all columns but the target, ids and text; these stay as they are.

    A column without any value in the training part is left out, with a note, unless what fills it needs none.

    Booleans take their most frequent value, datetimes their median. Integers stay integers, declared bounds are kept.
    """

    name = "impute"
    fills_missing = True

    class Params(plugin.Params):
        """What to fill in."""

        numbers: Literal["median", "mean", "constant"] = "median"
        """What missing numbers and integers become."""
        constant: float = 0.0
        """The number for `numbers: constant`."""
        categories: Literal["most-frequent", "missing"] = "most-frequent"
        """What missing categories become: the most frequent label, or one of their own named `missing`."""

    fills: dict[str, Any]
    empty: list[str]

    def fit(self, data: Dataset, context: Context) -> Self:
        self.fills, self.empty = {}, []
        for name in data.schema.features:
            column = data.schema.columns[name]
            if column.type == "text":
                continue
            fill = self._usual(column, data.frame[name].dropna())
            if fill is not None:
                self.fills[name] = fill
                continue
            self.empty.append(name)
        return self

    def _usual(self, column: Column, present: pd.Series) -> Any:
        """What fills the gaps, as JSON can hold it; None where no value is there to learn from."""
        if column.type in ("number", "integer") and self.params.numbers == "constant":
            return _within(column, self.params.constant)
        if column.type == "category" and self.params.categories == "missing":
            return LABEL
        if not len(present):
            return None
        if column.type == "datetime":
            return present.sort_values().iloc[(len(present) - 1) // 2].isoformat()  # a day that was there, not between
        if column.type in ("number", "integer"):
            middle = present.median() if self.params.numbers == "median" else present.mean()
            fill = pd.Series([_within(column, float(middle))], dtype=present.dtype)
            snapped = snap(fill, column).iloc[0]
            return int(snapped) if column.type == "integer" else float(snapped)
        counts = present.value_counts(sort=False)  # in the order of the schema's categories: the first wins ties
        return str(counts.idxmax()) if column.type == "category" else bool(counts.sort_index().idxmax())

    def apply(self, data: Dataset) -> Dataset:
        for name in self.empty:
            log.warning("impute: column %r has no value in any training row, and is left out", name)
        data = data.drop_columns(self.empty)
        frame = data.frame.copy()
        columns = dict(data.schema.columns)
        for name, fill in self.fills.items():
            column = columns[name]
            if column.type == "datetime":
                fill = pd.Timestamp(fill)
            if column.type == "category":
                if fill not in frame[name].cat.categories:
                    frame[name] = frame[name].cat.add_categories([fill])
                if column.categories is not None and fill not in column.categories:
                    column = column.model_copy(update={"categories": (*column.categories, fill)})
            frame[name] = frame[name].fillna(fill)
            columns[name] = column.model_copy(update={"nullable": False})
        return Dataset.of(frame, data.arrays, data.schema.model_copy(update={"columns": columns}))

    def save(self, folder: Path) -> None:
        write_state(folder, {}, {"fills": self.fills, "empty": self.empty})

    @classmethod
    def load(cls, folder: Path, params: Any) -> Self:
        impute = cls(params)
        state = read_state(folder)[1]
        impute.fills, impute.empty = state["fills"], state["empty"]
        return impute


def _within(column: Column, value: float) -> float | int:
    """The value as the column can hold it: whole, with its decimals, between its bounds."""
    value = round(value) if column.type == "integer" else value
    if column.type == "number" and column.decimals is not None:
        value = round(value, column.decimals)
    if column.min is not None:
        value = max(value, column.min)
    if column.max is not None:
        value = min(value, column.max)
    return int(value) if column.type == "integer" else float(value)
