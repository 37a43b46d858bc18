"""Rows that keep to a schema: brought into its types, checked for structure, judged by its bounds.

Shapes: N rows.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache

import numpy as np
import pandas as pd

from augment.data.arrays import problems_of_array, valid_array_rows
from augment.data.dates import has_zone, read_dates
from augment.data.declarations import Column, ColumnDeclaration
from augment.data.schema import Schema, as_labels
from augment.errors import DataError, PluginError
from augment.text import listing

__all__ = [
    "are_integers_with_gaps",
    "categorical_dtype",
    "check",
    "conform",
    "made_by",
    "unknown_labels",
    "valid_rows",
]

log = logging.getLogger("augment")

CANONICAL = {
    "number": np.dtype("float64"),
    "integer": np.dtype("int64"),
    "boolean": pd.BooleanDtype(),
    "datetime": np.dtype("datetime64[us]"),
}
# what values of a component may be, in the words of pandas.api.types.infer_dtype; text is read where data is, and
# `True` and `False` are labels too
NUMBERS = {"boolean", "decimal", "empty", "floating", "integer", "mixed-integer-float"}
TYPED = {
    "number": NUMBERS,
    "integer": NUMBERS,
    "datetime": {"date", "datetime", "datetime64", "empty"},
}
_author: ContextVar[str] = ContextVar("author", default="")


@contextmanager
def made_by(author: str) -> Iterator[None]:
    """Inside, rows given to `conform` come from a component: what does not fit is its mistake, and not the data's.

    `conform` then raises a PluginError that begins with the author, also for two mistakes that it passes over in data:
    columns that the schema lacks, and text where numbers or times belong.
    """
    token = _author.set(author)
    try:
        yield
    finally:
        _author.reset(token)


def conform(frame: pd.DataFrame, schema: Schema) -> pd.DataFrame:
    """The same rows in canonical types, with a new RangeIndex and the columns in the schema's order.

    number float64; integer int64 (Int64 where values are missing); boolean `boolean`; category Categorical of str
    (labels unknown to the schema are kept, after the known ones); datetime datetime64[us], text being read as ISO 8601
    or in the column's `date_format`, and times with a zone turned into UTC; text and id `str` (integer ids stay
    integers).

    Raises:
        DataError: a column is missing or contains a value of another type; the message names the first such row.
        PluginError: likewise, for rows that a component makes; see `made_by`.
    """
    if author := _author.get():
        _refuse_untyped(frame, schema, author)
    columns: dict[str, pd.Series] = {}
    changed = []
    has_names = list(frame.columns) == list(schema.columns) and frame.index.equals(pd.RangeIndex(len(frame)))
    for name, column in schema.columns.items():
        if name not in frame.columns:
            problem = f"column {name!r} is missing; the data has {listing(frame.columns)}"
            raise PluginError(f"{author}: {problem}") if author else DataError(problem)
        values = frame[name]
        try:
            columns[name] = _cast(values, column)
            if column.type == "datetime" and has_zone(values):
                log.warning("column %r: times with a zone have become UTC, and are written in UTC without one", name)
        except (ValueError, TypeError, KeyError, OverflowError) as error:
            problem = _bad_value(name, column, values, error)
            raise (PluginError(f"{author}: {problem}") if author else DataError(problem)) from error
        if columns[name] is not values:
            changed.append(name)
    if has_names and isinstance(frame.index, pd.RangeIndex):  # rows pass through here several times, most as they are
        return frame.assign(**{name: columns[name] for name in changed})
    columns = {name: values.reset_index(drop=True) for name, values in columns.items()}
    return pd.DataFrame(columns, index=pd.RangeIndex(len(frame)), columns=list(schema.columns))


def _refuse_untyped(frame: pd.DataFrame, schema: Schema, author: str) -> None:
    extra = [name for name in frame.columns if name not in schema.columns]
    if extra:
        raise PluginError(f"{author}: made columns that the schema lacks: {listing(extra)}; leave them out")
    for name in frame.columns:
        values, column = frame[name], schema.columns[name]
        if column.categories is not None or column.type not in TYPED:  # labels are text, also where they are integers
            continue
        if pd.api.types.infer_dtype(values, skipna=True) not in TYPED[column.type]:
            row, value = next((row, value) for row, value in enumerate(values) if not pd.isna(value))
            raise PluginError(
                f"{author}: column {name!r}, data row {row + 1}: {value!r} is {type(value).__name__}, and the column "
                f"has type {column.type}"
            )


def _cast(values: pd.Series, column: Column) -> pd.Series:
    """The values in the column's canonical type; the same object if they have it."""
    if column.type in CANONICAL and values.dtype == CANONICAL[column.type]:
        return values
    match column.type:
        case "number":
            return pd.to_numeric(values).astype("float64")
        case "integer":
            return _integers(values)
        case "boolean":
            if not pd.api.types.is_bool_dtype(values.dtype):
                values = values.map(_BOOLEANS.__getitem__, na_action="ignore")
            return values.astype("boolean")
        case "category":
            return _categorical(values, column.categories)
        case "datetime":
            return read_dates(values, column.date_format)
        case "id" if pd.api.types.is_integer_dtype(values.dtype):
            return _integers(values)
        case _:
            return (_integers(values) if are_integers_with_gaps(values) else values).astype("str")


def _integers(values: pd.Series) -> pd.Series:
    if values.dtype == "int64":
        return values
    if not pd.api.types.is_float_dtype(values.dtype):
        values = pd.to_numeric(values, dtype_backend="numpy_nullable")  # by way of floats, digits would be lost
    # pandas would wrap what is too large round to negative numbers
    if pd.api.types.is_unsigned_integer_dtype(values.dtype) and values.gt(np.iinfo(np.int64).max).any():
        raise OverflowError("larger than 64-bit integers can be")
    if pd.api.types.is_float_dtype(values.dtype) and not values.dropna().between(-(2.0**63), 2.0**63, "left").all():
        raise OverflowError("larger than 64-bit integers can be")
    if str(values.dtype) == "Float64":
        values = values.astype("float64")  # whose fractions are refused below; Float64's would be cut off
    integers = values.astype("Int64")
    return integers if integers.hasnans else integers.astype("int64")


_BOOLEANS = {True: True, False: False, "True": True, "False": False, "true": True, "false": False}  # 1 and 0 are equal


@lru_cache(maxsize=256)
def categorical_dtype(labels: tuple[str, ...]) -> pd.CategoricalDtype:
    """The canonical type of a category column with these labels, in this order."""
    return pd.CategoricalDtype(pd.Index(labels, dtype="str"))


def _categorical(values: pd.Series, known: tuple[str, ...] | None) -> pd.Series:
    if known is not None and _has_categories(values, known):
        return values
    if are_integers_with_gaps(values):
        values = _integers(values)
    if isinstance(values.dtype, pd.CategoricalDtype):
        labels = values.cat.categories.map(str)
        codes = values.cat.codes.to_numpy()
    else:
        codes, distinct = pd.factorize(values, use_na_sentinel=True)
        labels = pd.Index([str(label) for label in distinct], dtype="str")
    used = sorted({*map(str, labels[np.flatnonzero(np.bincount(codes[codes >= 0]))])})
    wanted = list(known) + [label for label in used if label not in set(known)] if known is not None else used
    if _has_categories(values, tuple(wanted)):
        return values
    position = {label: i for i, label in enumerate(wanted)}
    table = np.array([position.get(str(label), -1) for label in labels] + [-1], dtype=np.int64)  # code -1 is last
    canonical = pd.Categorical.from_codes(table[codes], dtype=categorical_dtype(tuple(wanted)))
    return pd.Series(canonical, index=values.index, name=values.name)


def _has_categories(values: pd.Series, labels: tuple[str, ...]) -> bool:
    if not isinstance(values.dtype, pd.CategoricalDtype) or values.dtype.ordered:
        return False
    return bool(values.dtype.categories.identical(categorical_dtype(labels).categories))


def _bad_value(name: str, column: Column, values: pd.Series, error: Exception) -> str:
    one_row = ColumnDeclaration(type=column.type, date_format=column.date_format)
    example = pd.Timestamp(2024, 12, 31, 23, 59).strftime(column.date_format) if column.date_format else None
    for row, value in enumerate(values):
        try:
            _cast(pd.Series([value], dtype="object"), Column(**one_row.model_dump()))
        except (ValueError, TypeError, KeyError, OverflowError):
            hint = f"; write dates as {example or '2024-12-31 or 2024-12-31T23:59:00'}"
            hint = hint if column.type == "datetime" else ""
            return f"column {name!r}, data row {row + 1}: {value!r} is not of type {column.type}{hint}"
    return f"column {name!r} cannot be read as {column.type}: {error}"


def are_integers_with_gaps(values: pd.Series) -> bool:
    """Whether these are integers that pandas stores as floats only because some are missing."""
    if not pd.api.types.is_float_dtype(values.dtype):
        return False
    present = values.dropna()
    if not 0 < len(present) < len(values):
        return False
    whole = (present % 1 == 0) & (present.abs() <= 2**53)  # beyond, neighbouring integers are the same float
    return bool(whole.all())


def check(frame: pd.DataFrame, arrays: Mapping[str, np.ndarray], schema: Schema) -> list[str]:
    """Structural problems of these rows, one sentence each; empty if they fit the schema.

    Checks columns and their types, array names, shapes and types, equal row counts, infinite numbers, and forbidden
    missing values. Bounds and unknown categories are not structural: see `valid_rows`.
    """
    problems = []
    if list(frame.columns) != list(schema.columns):
        problems.append(f"columns are {listing(frame.columns)}; expected {listing(schema.columns)}")
        return problems
    for name, column in schema.columns.items():
        values = frame[name]
        if not _type_fits(values, column):
            problems.append(f"column {name!r} has pandas type {values.dtype}; type {column.type} was expected")
            continue
        if column.type == "number" and np.isinf(values.to_numpy(dtype=float)).any():
            problems.append(f"column {name!r} holds infinite numbers")
        if column.nullable is False and values.hasnans:
            problems.append(f"column {name!r} has missing values in {int(values.isna().sum())} rows; it may have none")
    if set(arrays) != set(schema.arrays):
        problems.append(f"arrays are {listing(arrays)}; expected {listing(schema.arrays)}")
        return problems
    for name, array in schema.arrays.items():
        problems += problems_of_array(name, array, arrays[name], frame)
    return problems


def _type_fits(values: pd.Series, column: Column) -> bool:
    dtype = values.dtype
    match column.type:
        case "number":
            return dtype == np.float64
        case "integer":
            return str(dtype) in ("int64", "Int64")
        case "boolean":
            return str(dtype) == "boolean"
        case "category":
            return isinstance(dtype, pd.CategoricalDtype)
        case "datetime":
            return pd.api.types.is_datetime64_dtype(dtype)
        case _:
            return pd.api.types.is_string_dtype(dtype) or pd.api.types.is_integer_dtype(dtype)


def valid_rows(frame: pd.DataFrame, arrays: Mapping[str, np.ndarray], schema: Schema) -> np.ndarray:
    """Which rows respect bounds and known categories: bool (N,). The rows must have passed `check`."""
    valid = np.ones(len(frame), dtype=bool)
    for name, column in schema.columns.items():
        values = frame[name]
        if column.type in ("number", "integer"):
            numbers = values.astype("Float64") if str(values.dtype) == "Int64" else values
            for bound, outside in ((column.min, numbers.lt), (column.max, numbers.gt)):
                if bound is not None:
                    valid &= ~outside(bound).fillna(False).to_numpy(dtype=bool)
        if column.categories is not None and not _has_categories(values, column.categories):
            labels = pd.Series(as_labels(values), dtype=object)
            valid &= (labels.isin(column.categories) | labels.isna()).to_numpy()
    for name, array in schema.arrays.items():
        valid &= valid_array_rows(array, arrays[name], frame)
    return valid


def unknown_labels(frame: pd.DataFrame, schema: Schema) -> dict[str, tuple[list[str], bool]]:
    """Columns with labels that the schema does not list: these labels, sorted, and whether no row has a listed one."""
    unknown_by_column = {}
    for name, column in schema.columns.items():
        if column.categories is None or _has_categories(frame[name], column.categories):
            continue
        labels = {label for label in as_labels(frame[name]) if label is not None}
        unknown = labels - set(column.categories)
        if unknown:
            unknown_by_column[name] = (sorted(unknown), unknown == labels)
    return unknown_by_column
