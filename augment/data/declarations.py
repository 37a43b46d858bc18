"""Declarations of columns and arrays in a pipeline, and their final schema.

Shapes: N rows, H height, W width, C channels, T time steps, F fields.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Literal

import pandas as pd
import pyarrow as pa
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

__all__ = [
    "MAX_LEVEL",
    "Array",
    "ArrayDeclaration",
    "ArrayType",
    "Column",
    "ColumnDeclaration",
    "ColumnType",
    "DateFormat",
    "Levels",
    "Modality",
    "Plain",
    "SchemaDeclaration",
    "StoredType",
    "arrow_type",
]

MAX_LEVEL = 65_535  # of images with 16 bits


def _rising(levels: tuple[int, int]) -> tuple[int, int]:
    low, high = levels
    if not 0 <= low < high <= MAX_LEVEL:
        raise ValueError(f"two rising whole numbers from 0 to {MAX_LEVEL} are expected")
    return levels


Levels = Annotated[tuple[int, int], AfterValidator(_rising)]

ColumnType = Literal["number", "integer", "category", "boolean", "datetime", "text", "id"]
ArrayType = Literal["image", "series", "audio", "tokens", "vector"]
Modality = Literal["table", "image", "text", "series", "audio", "tokens"]


def _known_format(text: str) -> str:
    """How dates are written, in the signs of `strftime`: `%d.%m.%Y` for 31.12.2024."""
    try:
        pd.to_datetime(pd.Series(["1"]), format=text, errors="coerce")
    except (ValueError, re.error) as error:
        raise ValueError(
            f"{text!r} is not a way of writing dates ({error}); `%d.%m.%Y` is one, for 31.12.2024"
        ) from None
    if "%" not in text:
        raise ValueError(f"{text!r} is not a way of writing dates: `%d.%m.%Y` is one, for 31.12.2024")
    return text


DateFormat = Annotated[str, AfterValidator(_known_format)]


class Plain(BaseModel):
    """A value that cannot be changed, without fields of other names."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


def arrow_type(name: str) -> pa.DataType:
    """The type of that name, as `str` of a type gives it.

    >>> arrow_type("timestamp[ms, tz=UTC]")
    TimestampType(timestamp[ms, tz=UTC])

    Raises:
        ValueError: no type of single values is called so.
    """
    if match := re.fullmatch(r"timestamp\[(s|ms|us|ns), tz=(.+)\]", name):
        return pa.timestamp(match[1], match[2])
    if match := re.fullmatch(r"decimal(128|256)\((\d+), (-?\d+)\)", name):
        make = pa.decimal128 if match[1] == "128" else pa.decimal256
        return make(int(match[2]), int(match[3]))
    if match := re.fullmatch(r"dictionary<values=(.+), indices=(u?int\d+), ordered=([01])>", name):
        return pa.dictionary(arrow_type(match[2]), arrow_type(match[1]), ordered=match[3] == "1")
    return pa.type_for_alias(name)


def _known_type(name: str) -> str:
    try:
        arrow_type(name)
    except ValueError:
        raise ValueError(f"{name!r} is not a type of Arrow, such as int32, float or timestamp[ms, tz=UTC]") from None
    return name


class StoredType(Plain):
    """How a file stores the values of a column, beyond what its `type` says."""

    arrow: Annotated[str, AfterValidator(_known_type)]
    """Arrow's name of the type: `int32`, `float`, `decimal128(10, 2)`, `date32[day]`, `timestamp[ms, tz=UTC]`,
    `dictionary<values=string, indices=int8, ordered=1>`."""
    labels: tuple[str, ...] | None = None
    """The values of a dictionary, in order, whether or not a row has them."""
    pandas: str | None = None
    """What pandas makes of it where that is not what Arrow's type says: `Int32`, `boolean`, `string`; or `index`."""


class ColumnDeclaration(Plain):
    """A pipeline's declaration of one column. All fields are optional and inferred if not given."""

    type: ColumnType | None = None
    """`number` (float64), `integer`, `category`, `boolean`, `datetime`, `text`, or `id` (dropped before anything
    is fitted; synthetic rows get new unique ids, integers, texts or UUIDs as the real ones are)."""
    unit: str | None = None
    """Unit of the values, for documentation: `EUR/year`, `mm`."""
    min: float | None = None
    """Smallest value allowed. A synthetic row below it is rejected."""
    max: float | None = None
    """Largest value allowed. A synthetic row above it is rejected."""
    categories: tuple[str, ...] | None = None
    """All labels that the column can contain, in order. Inferred from the training part if not given."""
    decimals: int | None = None
    """Digits after the decimal point that synthetic numbers are rounded to."""
    step: Annotated[float, Field(gt=0, allow_inf_nan=False)] | Literal["any"] | None = None
    """Synthetic numbers and integers are rounded to multiples of this: `0.5`, `100`. `any` for no rounding. Inferred
    from the training part if not given and all values are multiples: at least 100 that are not 0, 10 of them
    different."""
    values: Literal["any", "seen"] | tuple[float | int, ...] | None = None
    """The numbers that a column can contain. Synthetic ones are replaced by the nearest. `seen` for those of the
    training part, `any` for no limit. Inferred as `seen` if not given, for integers that look like codes: with gaps,
    and hardly any that occurs once."""
    date_format: DateFormat | None = None
    """How the dates of a `datetime` are written, in the signs of `strftime`: `"%Y%m%d"` for 20241231. They are read and
    written so. Inferred for integers that are all dates, or all times of day such as 2359."""
    nullable: bool | None = None
    """Whether values can be missing. Inferred from the training part if not given."""
    stored_as: StoredType | None = None
    """The type that the values have in files with types, such as Parquet. They are written in it. Learned from the file
    if not given."""


class Column(ColumnDeclaration):
    """The schema of one column. See `ColumnDeclaration` for the fields; here the type is always known."""

    type: ColumnType


class ArrayDeclaration(Plain):
    """A pipeline's declaration of one array. All fields are optional and inferred if not given."""

    type: ArrayType | None = None
    """`image` (N, H, W, C) uint8; `series` (N, T, F) float32; `audio` (N, T) float32 in [-1, 1]; `tokens` (N, T)
    int32; `vector` (N, F) float32."""
    shape: tuple[int, ...] | None = None
    """Shape of one row: the array's shape without its first axis."""
    dtype: str | None = None
    """numpy dtype name."""
    unit: str | None = None
    """Unit of the values, for documentation."""
    range: tuple[float, float] | None = None
    """Smallest and largest value allowed. A synthetic row outside is rejected."""
    rate: float | None = None
    """Samples per second (Hz), for audio and evenly sampled series; per unit of the `start_column` where that holds
    numbers."""
    vocabulary: tuple[str, ...] | None = None
    """The name of each token, for `tokens`."""
    levels: Levels | None = None
    """For images that had 16 bits a value: which of their values 0 and 255 stand for. Learned from the training part if
    not given. Sinks that can write 16 bits write them so."""
    length_column: str | None = None
    """The integer column with each row's true length, if rows are padded with zeros."""
    group_column: str | None = None
    """The column with what rows were cut from, such as the recording of a window. `split.group` must then say what
    stays together, if rows are held out at random."""
    start_column: str | None = None
    """The column with the time of each row's first step, dates or numbers. Nothing learns from it. A synthetic row gets
    the start of a real row, of its class where the target has classes."""
    channels: Mapping[str, ColumnDeclaration] | None = None
    """The F channels of a `series`, in order: name to `type` (`number`, `integer`, `category` or `boolean`), `unit` and
    so on. The array contains a category as its position in `categories`, a boolean as 0 or 1, and a missing value as
    NaN."""


class Array(ArrayDeclaration):
    """The schema of one array. See `ArrayDeclaration` for the fields; here type, shape and dtype are always known."""

    type: ArrayType
    shape: tuple[int, ...]
    dtype: str
    channels: Mapping[str, Column] | None = None
    """The channels of a `series`; other arrays have none."""


class SchemaDeclaration(Plain):
    """The pipeline's `schema:` section, which overrides what is inferred."""

    target: str | None = None
    """The column that a downstream model predicts. The trial needs one."""
    payload: str | None = None
    """The text column that makes this a text dataset, if there are other columns beside it."""
    columns: dict[str, ColumnDeclaration] = {}
    """Column name to its declaration."""
    arrays: dict[str, ArrayDeclaration] = {}
    """Array name to its declaration."""
