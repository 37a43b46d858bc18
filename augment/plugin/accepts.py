"""Which data a component accepts, and why it refuses other data."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, get_args

from augment.data import ColumnType, Modality, Schema

__all__ = ["EVERY_COLUMN", "EVERY_MODALITY", "Accepts"]

IN_PIPELINE = {
    "target": "name one with `schema: {target: ...}`",
    "column": "leave it out with the source's `columns`, or keep it away from what learns with "
    "`{name}: {{type: id}}` under schema.columns",
    "missing": "fill them in with one of the `transforms:`, or use a component that takes them",
}
IN_CALL = {
    "target": "name its column, or give y",
    "column": "leave it out of the data, or turn it into a category or numbers",
    "missing": "fill them in before, or use a generator that takes them",
}
EVERY_MODALITY: frozenset[Modality] = frozenset(get_args(Modality))
EVERY_COLUMN: frozenset[ColumnType] = frozenset(get_args(ColumnType))


@dataclass(frozen=True)
class Accepts:
    """The data that a component accepts. The host refuses other data with a message before anything is trained.

    Attributes:
        modalities: kinds of data.
        columns: types that feature columns can have, also beside a payload array.
        targets: the accepted kinds of target: `classes`, `number`, `none`.
        conditional: the columns that `given` can contain: `none`, the `target`, or `any`.
        missing: whether features and channels of series can have missing values.
        min_rows: the minimum number of training rows.
        min_class_rows: the minimum number of training rows of a class. A generator is not asked for smaller classes.
    """

    modalities: frozenset[Modality] = EVERY_MODALITY
    columns: frozenset[ColumnType] = EVERY_COLUMN
    targets: frozenset[str] = frozenset({"classes", "number", "none"})
    conditional: Literal["none", "target", "any"] = "none"
    missing: bool = True
    min_rows: int = 1
    min_class_rows: int = 0

    def refusal(self, schema: Schema, num_rows: int | None = None, *, in_call: bool = False) -> str | None:
        """Why data with this schema and size is refused, or None if it is accepted.

        Args:
            schema: of the data.
            num_rows: training rows, if known.
            in_call: say what to do in the words of a call with data in memory, where there is no pipeline.
        """
        ways_out = IN_CALL if in_call else IN_PIPELINE
        if schema.modality not in self.modalities:
            why = f"it works on {_either(self.modalities)}, and this dataset is of kind {schema.modality}"
            lacks_rate = in_call and schema.modality == "series" and "audio" in self.modalities
            return f"{why}; if these are recordings, give their rate, as in `rate=16_000`" if lacks_rate else why
        if schema.task not in self.targets:
            wanted = {"classes": "a target with classes", "number": "a numeric target", "none": "no target"}
            named = f" ({schema.target!r})" if schema.target and not in_call else ""
            named = named if schema.target else f"; {ways_out['target']}"
            needed = _either(wanted[target] for target in self.targets)
            return f"it needs {needed}, and this dataset has {wanted[schema.task]}{named}"
        for name in schema.features:
            column = schema.columns[name]
            if column.type not in self.columns and name in {array.length_column for array in schema.arrays.values()}:
                return (
                    f"it takes rows of one length only, and column {name!r} says that theirs are not; cut them to one "
                    "length, or use a component that takes any"
                )
            if column.type not in self.columns:
                what = f"it cannot hold columns of type {column.type}, and column {name!r} is one"
                return f"{what}; {ways_out['column'].format(name=name)}"
            if column.nullable and not self.missing:
                return f"it cannot take missing values, and column {name!r} has some; {ways_out['missing']}"
        for name, array in schema.arrays.items():
            for channel, column in (array.channels or {}).items():
                if column.nullable and not self.missing:
                    return (
                        f"it cannot take missing values, and channel {channel!r} of array {name!r} has some; fill them "
                        "in before, or use a component that takes them"
                    )
        if num_rows is not None and num_rows < self.min_rows:
            return f"it needs at least {self.min_rows} training rows, and there are {num_rows}"
        return None


def _either(words: Iterable[str]) -> str:
    return " or ".join(sorted(words))
