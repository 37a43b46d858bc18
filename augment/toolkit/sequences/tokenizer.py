"""Rows with a series or with items as sequences of tokens, and back: what recurrent generators of both share.

    tokenizer = StepTokenizer.fit(data)
    sequences = tokenizer.encode(data)
    shape = Shape(tokenizer.vocabulary_sizes, num_classes, tokenizer.auxiliary_sizes)
    inputs = tokenizer.auxiliary(PLACES)
    drawn = draw(shape, weights, classes, seed, max_length=tokenizer.max_length, min_length=0, auxiliary=inputs)
    frame, arrays = tokenizer.decode(drawn, draw_uniforms(seed, drawn.lengths))

The columns beside the arrays come first, each as a step of its own in the first field; the length is the last of them.
Then come the steps of the arrays, a field a channel. Token 0 of the first field ends a sequence; of the other fields it
says nothing, which is all they say beside a column. How many more steps there are is an auxiliary input at
every step, so a series ends where it should and not where chance has it.

What is unusual: where in their ranges the values of a step lie is one number for all channels, so that two that are
always equal stay so. A number that is the same in the first step of every row, such as the time since the step before,
says nothing of the other steps: bins are learnt without it, and it is put back.

Shapes: N rows, T steps, M steps of all rows together, L of these of the arrays, S columns, K fields, C tokens of a
field, B places.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, Self

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict

from augment.data import Array, Column, Dataset, Schema
from augment.errors import DataError
from augment.toolkit.sequences.training import Sequences
from augment.toolkit.tables.bins import BinTable
from augment.toolkit.tables.column_bins import Number

__all__ = ["StepInputs", "StepTokenizer"]

MAX_BINS = 64  # of a channel
MAX_FITTED = 200_000  # steps that the ranges of a channel follow from
COUNTED, PER_OCTAVE = (
    32,
    8,
)  # remaining steps: exact up to so many, and in so many parts an octave beyond


class _Field(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Places(_Field):
    """Items, and categories: a token for each place in the vocabulary, and a last one for missing."""

    kind: Literal["places"] = "places"
    num_values: int
    missing: bool

    @property
    def num_tokens(self) -> int:
        return self.num_values + self.missing

    def ranks(self) -> np.ndarray:
        """They have no order: NaN (C,)."""
        return np.full(self.num_tokens, np.nan)

    def encode(self, values: np.ndarray) -> np.ndarray:
        """(L,) values to (L,) tokens."""
        return np.where(np.isnan(values), self.num_values, np.nan_to_num(values)).astype(np.int64)

    def decode(self, tokens: np.ndarray, uniforms: np.ndarray) -> np.ndarray:
        """(L,) tokens to (L,) values; these have no ranges in which `uniforms` could place them."""
        return np.where(tokens < self.num_values, tokens, np.nan).astype(np.float64)


class Amounts(_Field):
    """Numbers: a token for each bin, and one for missing."""

    kind: Literal["amounts"] = "amounts"
    number: Number
    low: float
    high: float

    @classmethod
    def fit(cls, column: Column, values: np.ndarray) -> Self:
        """From the values of all steps, (L,) float64 with NaN where missing."""
        present = values[~np.isnan(values)]
        number = Column(type="number", decimals=0 if column.type == "integer" else column.decimals)
        missing = bool(column.nullable) or len(present) < len(values)
        return cls(
            number=Number.fit("", number, _some(present), missing, MAX_BINS),
            low=float(present.min(initial=np.inf)),
            high=float(present.max(initial=-np.inf)),
        )

    @property
    def num_tokens(self) -> int:
        return self.number.num_bins

    def ranks(self) -> np.ndarray:
        """Where each token is among the values, from 0 to 1; NaN for missing: (C,)."""
        ranks = np.full(self.num_tokens, np.nan)
        num_values = self.number.num_values
        ranks[:num_values] = (np.arange(num_values) + 0.5) / max(1, num_values)
        return ranks

    def encode(self, values: np.ndarray) -> np.ndarray:
        """(L,) values to (L,) tokens."""
        return self.number.encode(pd.Series(values)).astype(np.int64)

    def decode(self, tokens: np.ndarray, uniforms: np.ndarray) -> np.ndarray:
        """(L,) tokens, and where in their ranges the values lie, to (L,) values."""
        values = np.full(len(tokens), np.nan)
        is_value = tokens < self.number.num_values
        values[is_value] = self.number.values(tokens[is_value], uniforms[is_value])
        return np.clip(values, self.low, self.high) if self.low <= self.high else values


Field = Places | Amounts


def _some(values: np.ndarray) -> pd.Series:
    """Evenly chosen values, no more than are needed."""
    return pd.Series(values[:: max(1, -(-len(values) // MAX_FITTED))])


class StepTokenizer:
    """How the rows of a dataset become sequences, learnt from the training part.

    Attributes:
        vocabulary_sizes: how many tokens each field has, K of them.
        auxiliary_sizes: how many tokens each auxiliary input has, of which there is one: the steps that remain.
        num_columns: S; so many steps come before those of the arrays.
        max_length: steps of the longest sequence.
    """

    def __init__(
        self, schema: Schema, table: BinTable, fields: Sequence[Field], longest: int, firsts: Mapping[int, float]
    ):
        self._schema, self._table, self._fields, self._longest = schema, table, list(fields), longest
        self._same_first = dict(firsts)  # field to the value of every first step
        self._arrays = _stepped(schema)
        self._length_column = next(iter(self._arrays.values())).length_column
        self.num_columns = len(table.columns)
        self.max_length = self.num_columns + longest
        sizes = [field.num_tokens for field in self._fields]
        # the tokens of columns follow those of the first field
        self._firsts = np.cumsum([1 + sizes[0], *table.num_bins])
        self.vocabulary_sizes = (int(self._firsts[-1]), *(1 + size for size in sizes[1:]))
        self.auxiliary_sizes = (2 + int(_remaining(np.array(longest))),)

    @classmethod
    def fit(cls, data: Dataset) -> Self:
        """Learn tokens.

        Args:
            data: the training part. Its arrays are tokens, a series, or both with the same length column.

        Raises:
            DataError: the arrays have not the same steps, or there is no step.
        """
        arrays = _stepped(data.schema)
        lengths = data.lengths(next(iter(arrays)))
        longest = int(lengths.max(initial=0))
        if not longest:
            raise DataError(f"every row of array {next(iter(arrays))!r} has the length 0; there is nothing to learn")
        values_LK, begins = _count_steps(data, lengths), _numbers(lengths) == 0
        fields: list[Field] = []
        firsts: dict[int, float] = {}
        for array in arrays.values():
            if array.channels is None:
                most = int(values_LK[:, len(fields)].max())
                fields.append(Places(num_values=len(array.vocabulary or range(most + 1)), missing=False))
            for column in (array.channels or {}).values():
                values = values_LK[:, len(fields)]
                if column.type in ("category", "boolean"):
                    names = column.categories or ("False", "True")
                    fields.append(Places(num_values=len(names), missing=bool(column.nullable)))
                else:
                    if not begins.all() and len(np.unique(values[begins])) == 1:
                        firsts[len(fields)] = float(values[begins][0])
                        values = values[~begins]
                    fields.append(Amounts.fit(column, values))
        return cls(data.schema, BinTable.fit(data, _columns(data.schema)), fields, longest, firsts)

    def encode(self, data: Dataset) -> Sequences:
        """Rows as sequences of tokens (M, K + 1), auxiliary inputs included."""
        lengths = data.lengths(next(iter(self._arrays)))
        values_LK, begins = _count_steps(data, lengths), _numbers(lengths) == 0
        for k in self._same_first:
            values_LK[begins, k] = self._usual(k)
        fields = [field.encode(values_LK[:, k]) for k, field in enumerate(self._fields)]
        remaining = _remaining(np.repeat(lengths, lengths) - _numbers(lengths) - 1)
        num_steps = lengths + self.num_columns
        tokens = np.zeros((num_steps.sum(), len(self.vocabulary_sizes) + len(self.auxiliary_sizes)), np.int32)
        is_column = _numbers(num_steps) < self.num_columns
        tokens[~is_column] = 1 + np.stack([*fields, remaining], 1)
        columns = self._table.encode(data.frame) + self._firsts[:-1]
        tokens[is_column, 0] = columns.ravel()
        return Sequences(tokens, num_steps)

    def ranks(self) -> np.ndarray:
        """Where each token of the predicted fields is among those of its kind, from 0 to 1; NaN without an order."""
        by_field = [np.full(size, np.nan) for size in self.vocabulary_sizes]
        for ranks, field in zip(by_field, self._fields, strict=True):
            ranks[1 : 1 + field.num_tokens] = field.ranks()
        return np.concatenate(by_field)

    def decode(self, drawn: Sequences, uniforms: np.ndarray) -> tuple[pd.DataFrame, dict[str, np.ndarray]]:
        """The inverse of `encode`, of rows that a `StepInputs` watched over.

        Args:
            drawn: tokens (M, K), without auxiliary inputs.
            uniforms: (M,), where in their ranges the values of each step lie.

        Returns:
            The columns beside the target, in canonical types, and the arrays, padded with zeros.
        """
        is_column = _numbers(drawn.lengths) < self.num_columns
        columns = drawn.tokens[is_column, 0].reshape(len(drawn), self.num_columns) - self._firsts[:-1]
        frame = self._table.decode(columns, uniforms[is_column].reshape(columns.shape))
        lengths = drawn.lengths - self.num_columns
        if self._length_column is not None:
            frame[self._length_column] = lengths
        tokens, uniforms = drawn.tokens[~is_column] - 1, uniforms[~is_column]
        values_LK = np.stack([field.decode(tokens[:, k], uniforms) for k, field in enumerate(self._fields)], 1)
        for k, value in self._same_first.items():
            values_LK[_numbers(lengths) == 0, k] = value
        arrays: dict[str, np.ndarray] = {}
        is_there = np.arange(self._steps)[None] < lengths[:, None]
        place = 0
        for name, array in self._arrays.items():
            padded = np.zeros((len(lengths), *array.shape), array.dtype)
            width = len(array.channels) if array.channels is not None else 1
            values = values_LK[:, place : place + width]
            padded[is_there] = values if array.channels is not None else values[:, 0]
            arrays[name], place = padded, place + width
        return frame, arrays

    def auxiliary(self, num_places: int) -> StepInputs:
        """The auxiliary inputs of sequences that are drawn, so many side by side."""
        return StepInputs(self, num_places)

    def _usual(self, k: int) -> float:
        """A value that the field has a token for."""
        field = self._fields[k]
        return field.low if isinstance(field, Amounts) and field.low <= field.high else np.nan

    @property
    def _steps(self) -> int:
        return next(iter(self._arrays.values())).shape[0]

    def to_state(self) -> dict[str, Any]:
        """JSON values; the schema is kept beside them."""
        fields = [field.model_dump(mode="json") for field in self._fields]
        firsts = [[k, None if np.isnan(value) else value] for k, value in self._same_first.items()]
        return {"columns": self._table.to_state(), "fields": fields, "longest": self._longest, "firsts": firsts}

    @classmethod
    def from_state(cls, schema: Schema, values: Mapping[str, Any]) -> Self:
        """The inverse of `to_state`, with the schema of the data."""
        kinds: dict[str, type[Field]] = {"places": Places, "amounts": Amounts}
        fields = [kinds[field["kind"]].model_validate(field) for field in values["fields"]]
        firsts = {k: np.nan if value is None else value for k, value in values["firsts"]}
        return cls(schema, BinTable.from_state(values["columns"]), fields, values["longest"], firsts)


class StepInputs:
    """Keeps sequences that are drawn to the order of their steps, and computes their auxiliary inputs.

    One for each call of `augment.toolkit.sequences.sampling.draw`.
    """

    def __init__(self, tokenizer: StepTokenizer, num_places: int):
        self._tokenizer = tokenizer
        self._done = np.zeros(num_places, np.int64)
        self._lengths = np.zeros(num_places, np.int64)  # of the arrays, known from the last column on
        # which tokens may not come: at each column, at a step of the arrays, at the end
        num_columns = tokenizer.num_columns
        self._forbidden = [np.ones((num_columns + 2, size), bool) for size in tokenizer.vocabulary_sizes]
        for field, (forbidden, coding) in enumerate(zip(self._forbidden, tokenizer._fields, strict=True)):
            for column in range(num_columns if field == 0 else 0):
                forbidden[column, tokenizer._firsts[column] : tokenizer._firsts[column + 1]] = False
            forbidden[num_columns, 1 : 1 + coding.num_tokens] = False
            forbidden[-1, 0] = False
            if field:
                forbidden[:num_columns, 0] = False

    def begin(self, places: np.ndarray) -> None:
        """In these places new sequences begin."""
        self._done[places] = 0
        self._lengths[places] = self._tokenizer._longest

    def forbidden(self, field: int) -> np.ndarray:
        """Which tokens may not come next in each place, bool (B, C)."""
        num_columns = self._tokenizer.num_columns
        kind = np.minimum(self._done, num_columns)
        kind = np.where(self._done - num_columns >= self._lengths, num_columns + 1, kind)
        return self._forbidden[field][kind]

    def compute(self, tokens_BK: np.ndarray, uniforms_B: np.ndarray) -> np.ndarray:
        """These tokens came next: their auxiliary inputs, (B, 1) int64."""
        tokenizer = self._tokenizer
        is_column = self._done < tokenizer.num_columns
        inputs = np.zeros((len(tokens_BK), len(tokenizer.auxiliary_sizes)), np.int64)
        if tokenizer._length_column is not None:
            drawn = np.flatnonzero(self._done == tokenizer.num_columns - 1)
            of_length = tokens_BK[drawn, 0] - tokenizer._firsts[-2]
            self._lengths[drawn] = tokenizer._table.decode_column(
                tokenizer._length_column, of_length, uniforms_B[drawn]
            )
        goes_on = np.flatnonzero(~is_column & (tokens_BK[:, 0] > 0))
        if len(goes_on):
            remaining = self._lengths[goes_on] - (self._done[goes_on] - tokenizer.num_columns) - 1
            inputs[goes_on, 0] = 1 + _remaining(remaining)
        self._done += 1
        return inputs


def _stepped(schema: Schema) -> dict[str, Array]:
    """The arrays that go step by step, tokens first.

    Raises:
        DataError: there are none, or not all have the same steps.
    """
    arrays = {
        name: array for kind in ("tokens", "series") for name, array in schema.arrays.items() if array.type == kind
    }
    if len(arrays) != len(schema.arrays) or not arrays:
        other = next((name for name in schema.arrays if name not in arrays), "none")
        raise DataError(f"array {other!r}: only series and tokens go step by step; leave it out of the source")
    (first, one), *others = arrays.items()
    for name, array in others:
        if (array.shape[0], array.length_column) != (one.shape[0], one.length_column):
            raise DataError(
                f"arrays {first!r} and {name!r} have not the same steps: {one.shape[0]} and {array.shape[0]}, with the "
                f"length columns {one.length_column} and {array.length_column}; they must agree to be learnt together"
            )
    return arrays


def _columns(schema: Schema) -> list[str]:
    """The columns that are steps of their own: all but a target with classes; the length is the last."""
    length = next(iter(_stepped(schema).values())).length_column
    target = schema.target if schema.task == "classes" else None
    return [name for name in schema.columns if name not in (target, length)] + ([length] if length else [])


def _count_steps(data: Dataset, lengths: np.ndarray) -> np.ndarray:
    """What all rows hold step after step, without padding: (L, K) float64."""
    parts = []
    for name in _stepped(data.schema):
        values = data.arrays[name]
        parts.append(values[data.step_mask(name)].reshape(lengths.sum(), -1).astype(np.float64))
    return np.concatenate(parts, 1)


def _numbers(lengths: np.ndarray) -> np.ndarray:
    """Which step of its row each step is, (M,) from 0."""
    numbers: np.ndarray = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    return numbers


def _remaining(num_steps: np.ndarray) -> np.ndarray:
    """The token that says how many steps are left."""
    octaves = np.log2(np.maximum(num_steps, COUNTED) / COUNTED)
    token: np.ndarray = np.minimum(num_steps, COUNTED) + np.floor(PER_OCTAVE * octaves).astype(np.int64)
    return token
