"""What a pipeline may say of columns and arrays, and what is known of them at last.

Shapes: N rows, H height, W width, C channels, T steps, F fields.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from pydantic import BaseModel, ConfigDict

__all__ = [
    "Array",
    "ArrayDeclaration",
    "ArrayType",
    "Column",
    "ColumnDeclaration",
    "ColumnType",
    "Modality",
    "Plain",
    "SchemaDeclaration",
]

ColumnType = Literal["number", "integer", "category", "boolean", "datetime", "text", "id"]
ArrayType = Literal["image", "series", "audio", "tokens", "vector"]
Modality = Literal["table", "image", "text", "series", "audio", "tokens"]


class Plain(BaseModel):
    """A value that cannot be changed, without fields of other names."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class ColumnDeclaration(Plain):
    """What a pipeline says of one column. Everything is optional: what is not said is inferred."""

    type: ColumnType | None = None
    """`number` (float64), `integer`, `category`, `boolean`, `datetime`, `text`, or `id` (dropped before anything
    learns, written anew and unique)."""
    unit: str | None = None
    """The unit of the values, for people: `EUR/year`, `mm`."""
    min: float | None = None
    """Smallest value allowed. A synthetic row below it is rejected."""
    max: float | None = None
    """Largest value allowed. A synthetic row above it is rejected."""
    categories: tuple[str, ...] | None = None
    """All labels the column may hold, in order. Inferred from the training part when not given."""
    decimals: int | None = None
    """Digits after the decimal point that synthetic numbers are rounded to."""
    nullable: bool | None = None
    """Whether values may be missing. Inferred from the training part when not given."""


class Column(ColumnDeclaration):
    """What one column is. See `ColumnDeclaration` for the fields; here the type is always known."""

    type: ColumnType


class ArrayDeclaration(Plain):
    """What a pipeline says of one array. Everything is optional: what is not said is inferred."""

    type: ArrayType | None = None
    """`image` (N, H, W, C) uint8; `series` (N, T, F) float32; `audio` (N, T) float32 in [-1, 1]; `tokens` (N, T)
    int32; `vector` (N, F) float32."""
    shape: tuple[int, ...] | None = None
    """Shape of one row: the array's shape without its first axis."""
    dtype: str | None = None
    """numpy dtype name."""
    unit: str | None = None
    """The unit of the values, for people."""
    range: tuple[float, float] | None = None
    """Smallest and largest value allowed. A synthetic row outside is rejected."""
    rate: float | None = None
    """Samples per second (Hz), for audio and evenly sampled series."""
    vocabulary: tuple[str, ...] | None = None
    """The name of each token, for `tokens`."""
    length_column: str | None = None
    """The integer column that holds each row's true length, where rows are padded (with zeros)."""
    channels: Mapping[str, ColumnDeclaration] | None = None
    """What each of the F numbers of a step of a `series` is, in order: name to `type` (`number`, `integer`, `category`
    or `boolean`), `unit` and the like. A category stands in the array as its place among `categories`, a boolean as 0
    or 1, and a missing value as NaN."""


class Array(ArrayDeclaration):
    """What one array is. See `ArrayDeclaration` for the fields; here type, shape and dtype are always known."""

    type: ArrayType
    shape: tuple[int, ...]
    dtype: str
    channels: Mapping[str, Column] | None = None
    """Of a `series`, and of no other array."""


class SchemaDeclaration(Plain):
    """The pipeline's `schema:` section: what its author knows better than inference."""

    target: str | None = None
    """The column that a downstream model predicts. Without one nothing can be judged by use."""
    payload: str | None = None
    """The text column that is what the dataset is about, where other columns stand beside it."""
    columns: dict[str, ColumnDeclaration] = {}
    """Column name to what is known of it."""
    arrays: dict[str, ArrayDeclaration] = {}
    """Array name to what is known of it."""
