"""The schema of a dataset: its columns, arrays and target.

Types are inferred from all rows, because the target must be known before the split. What is *learned* from values
(categories, decimals, whether values can be missing) comes from the training part only: see `observe`.

Shapes: N rows, H height, W width, C channels, T time steps, F fields.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Mapping, Sequence
from functools import lru_cache
from typing import Any, Literal

import numpy as np
import pandas as pd

from augment.data.arrays import (
    decimals_of,
    describe_array,
    observe_array,
    problems_of_array,
    true_lengths,
    valid_array_rows,
)
from augment.data.declarations import (
    Array,
    ArrayDeclaration,
    ArrayType,
    Column,
    ColumnDeclaration,
    ColumnType,
    Modality,
    Plain,
    SchemaDeclaration,
)
from augment.errors import DataError, did_you_mean

__all__ = [
    "Array",
    "ArrayDeclaration",
    "ArrayType",
    "Column",
    "ColumnDeclaration",
    "ColumnType",
    "Modality",
    "Schema",
    "SchemaDeclaration",
    "categorical_dtype",
    "check",
    "class_positions",
    "conform",
    "infer",
    "labels_of",
    "observe",
    "repeats_words",
    "valid_rows",
]

MOST_ORDINARY_LABELS, FEWEST_ROWS_OF_A_LABEL = 50, 10  # beyond both, labels may be names, addresses or remarks
MAX_INTEGER_CLASSES = 20  # an integer target with at most this many values counts as classes
ID_NAME = re.compile(r"(^|[_\W])(id|uuid|guid|index|rowid)$|^unnamed: ?\d+$", re.IGNORECASE)


class Schema(Plain):
    """The type of every column and array of a dataset, and which column is the target."""

    columns: dict[str, Column]
    arrays: dict[str, Array] = {}
    target: str | None = None
    payload: str | None = None

    @property
    def modality(self) -> Modality:
        """The kind of data: that of its array if there is one (tokens first), `text` if there is a payload text column,
        and `table` otherwise."""
        held = {array.type for array in self.arrays.values()}
        kinds: tuple[Modality, ...] = ("tokens", "image", "audio", "series")
        for kind in kinds:
            if kind in held:
                return kind
        if self.text_payload:
            return "text"
        return "table"

    @property
    def text_payload(self) -> str | None:
        """The text payload: the declared column, or the only feature if it is text."""
        if self.payload:
            return self.payload
        features = self.features
        return features[0] if len(features) == 1 and self.columns[features[0]].type == "text" else None

    @property
    def features(self) -> list[str]:
        """The columns that a model can learn from: all except the target and ids."""
        return [name for name, column in self.columns.items() if name != self.target and column.type != "id"]

    @property
    def task(self) -> Literal["classes", "number", "none"]:
        """The prediction task: `classes`, `number`, or `none` without a usable target."""
        if self.target is None:
            return "none"
        column = self.columns[self.target]
        if column.type in ("category", "boolean") or (column.type == "integer" and column.categories):
            return "classes"
        return "number" if column.type in ("number", "integer") else "none"

    @property
    def classes(self) -> tuple[str, ...]:
        """The class labels as strings, in the order of probabilities; empty if the target has no classes."""
        if self.target is None or self.task != "classes":
            return ()
        column = self.columns[self.target]
        return ("False", "True") if column.type == "boolean" else (column.categories or ())

    def array_of(self, kind: ArrayType) -> str:
        """The name of the only array of that type.

        Raises:
            DataError: there is none, or there are several.
        """
        names = [name for name, array in self.arrays.items() if array.type == kind]
        if len(names) != 1:
            raise DataError(
                f"the dataset has {len(names)} arrays of type {kind!r} ({', '.join(names) or 'none'}); exactly one is "
                f"expected: leave the others out of the source, or declare another type under schema.arrays"
            )
        return names[0]


def labels_of(values: pd.Series) -> np.ndarray:
    """Labels as strings, (N,) object, the form in which classes are compared. Missing values become None.

    >>> labels_of(pd.Series([3, 1])).tolist()
    ['3', '1']
    """
    codes, found = pd.factorize(values, use_na_sentinel=True)
    return np.array([*map(str, found), None], dtype=object)[codes]  # code -1, missing, is the last


def class_positions(values: pd.Series, classes: Sequence[str]) -> np.ndarray:
    """The position of each label in `classes`, (N,) int64; -1 where it is missing or not among them.

    >>> class_positions(pd.Series(["b", None, "x", "a"]), ["a", "b"]).tolist()
    [1, -1, -1, 0]
    """
    labels = pd.Index(labels_of(values), dtype="object")
    return pd.Index(list(classes), dtype="object").get_indexer(labels).astype(np.int64)


def infer(
    frame: pd.DataFrame,
    arrays: Mapping[str, np.ndarray] | None = None,
    declared: SchemaDeclaration | None = None,
) -> Schema:
    """Infer the type of every column and array; what is declared wins.

    Args:
        frame: N rows.
        arrays: name to array, first axis N.
        declared: the pipeline's `schema:` section.

    Raises:
        DataError: a declared column, array or target is not in the data; a column name is duplicated or not a string;
            a cell contains a list or a similar object; or an array fits no type.
    """
    declared = declared or SchemaDeclaration()
    arrays = arrays or {}
    _refuse_bad_names(frame.columns)
    for what, named, present in (
        ("column", declared.columns, list(frame.columns)),
        ("array", declared.arrays, list(arrays)),
        ("target", [declared.target] if declared.target else [], list(frame.columns)),
        ("payload", [declared.payload] if declared.payload else [], list(frame.columns)),
    ):
        for name in named:
            if name not in present:
                raise DataError(
                    f"schema: {what} {name!r} is not in the data, which has {_listing(present)}"
                    f"{did_you_mean(name, map(str, present))}"
                )
    columns = {}
    for name in frame.columns:
        said = declared.columns.get(name, ColumnDeclaration())
        kind = said.type or _infer_type(str(name), frame[name], is_target=name == declared.target)
        if name == declared.payload and said.type is None:
            kind = "text"
        columns[name] = Column(**{**said.model_dump(exclude_none=True), "type": kind})
    described = {
        name: describe_array(name, values, declared.arrays.get(name, ArrayDeclaration()), columns)
        for name, values in arrays.items()
    }
    return Schema(columns=columns, arrays=described, target=declared.target, payload=declared.payload)


def _refuse_bad_names(names: pd.Index) -> None:
    doubled = names[names.duplicated()]
    if len(doubled):
        raise DataError(f"the column name {doubled[0]!r} stands over several columns; rename all but one of them")
    for name in names:
        if not isinstance(name, str):
            raise DataError(f"the column name {name!r} is not text; name the columns, as in `frame.columns = [...]`")


def _infer_type(name: str, values: pd.Series, is_target: bool) -> ColumnType:
    present = values.dropna()
    if present.dtype == object:
        held = pd.api.types.infer_dtype(present)
        if held in ("date", "decimal"):
            return "datetime" if held == "date" else "number"
        if held == "mixed":
            _refuse_containers(name, values)
        present = present.infer_objects()  # True beside None is an object column
    dtype = present.dtype
    if pd.api.types.is_bool_dtype(dtype):
        return "boolean"
    if pd.api.types.is_datetime64_any_dtype(dtype):
        return "datetime"
    all_different = len(present) == len(values) >= 20 and bool(present.is_unique)
    looks_like_id = all_different and ID_NAME.search(name) is not None and not is_target
    if pd.api.types.is_integer_dtype(dtype):
        return "id" if looks_like_id else "integer"
    if pd.api.types.is_float_dtype(dtype):
        return "integer" if _are_integers_with_gaps(values) else "number"
    if isinstance(dtype, pd.CategoricalDtype) or is_target:
        return "category"
    if looks_like_id:
        return "id"
    num_distinct = present.nunique()
    return "category" if num_distinct <= max(1, len(present) // 2) else "text"


def _refuse_containers(name: str, values: pd.Series) -> None:
    for row, value in enumerate(values):
        if not isinstance(value, Hashable):
            raise DataError(
                f"column {name!r}, data row {row + 1}: {value!r} is a {type(value).__name__}; a cell holds one number, "
                f"date or text: spread it over columns, or put it into an array"
            )


def _are_integers_with_gaps(values: pd.Series) -> bool:
    """Whether these are integers that pandas stores as floats only because some are missing."""
    if not pd.api.types.is_float_dtype(values.dtype):
        return False
    present = values.dropna()
    whole = (present % 1 == 0) & (present.abs() <= 2**53)  # beyond, neighbouring integers are the same float
    return 0 < len(present) < len(values) and bool(whole.all())


def observe(
    schema: Schema, frame: pd.DataFrame, arrays: Mapping[str, np.ndarray] | None = None
) -> tuple[Schema, list[str]]:
    """Fill in what is learned from the values of the training part, and collect notes.

    Args:
        schema: types known.
        frame: the training rows, (N,) of them.
        arrays: their arrays; if given, the channels of series are observed too.

    Returns:
        The schema with categories, decimals and nullable filled in, and notes for the log and the report.
    """
    columns, notes = {}, []
    lengths = {array.length_column for array in schema.arrays.values()}
    for name, column in schema.columns.items():
        values = frame[name]
        present = values.dropna()
        found: dict[str, Any] = {}
        if column.nullable is None:
            found["nullable"] = len(present) < len(values)
        if column.categories is None and column.type == "category":
            found["categories"] = tuple(sorted({str(value) for value in present}))
        if column.categories is None and column.type == "integer" and name == schema.target:
            distinct = sorted(present.unique())
            if len(distinct) <= MAX_INTEGER_CLASSES:
                found["categories"] = tuple(str(value) for value in distinct)
                notes.append(f"target {name!r} is an integer with {len(distinct)} values: they count as classes")
        if column.decimals is None and column.type == "number":
            decimals = decimals_of(present.to_numpy(dtype=float))
            if decimals is not None:
                found["decimals"] = decimals
        columns[name] = column.model_copy(update=found)
        if name not in lengths:
            notes += _worth_a_look(name, column, present, name == schema.target)
            if schema.modality == "table" and name != schema.target and repeats_words(column, present):
                notes.append(_warning_of_words(name, column, present))
    seen = {
        name: observe_array(array, arrays[name], true_lengths(array, frame)) if arrays else array
        for name, array in schema.arrays.items()
    }
    return schema.model_copy(update={"columns": columns, "arrays": seen}), notes


def repeats_words(column: Column, present: pd.Series) -> bool:
    """Whether synthetic rows would repeat text of a few real rows: free text, or labels that few rows have.

    Args:
        column: of a table.
        present: its values, without missing ones.
    """
    num_labels = int(present.nunique())
    of_few_rows = num_labels > max(MOST_ORDINARY_LABELS, len(present) / FEWEST_ROWS_OF_A_LABEL)
    return column.type == "text" or (column.type == "category" and of_few_rows)


def _warning_of_words(name: str, column: Column, present: pd.Series) -> str:
    found = "free text" if column.type == "text" else f"a category of {present.nunique():,} labels, few rows each"
    return (
        f"column {name!r} is taken for {found}; whatever a generator writes there stood in a real row, word for word: "
        f"if these are names or remarks, leave the column out with the source's `columns`, or say "
        f"`{name}: {{type: id}}` under schema.columns"
    )


def _worth_a_look(name: str, column: Column, present: pd.Series, is_target: bool) -> list[str]:
    num_distinct = int(present.nunique())
    if not len(present):
        return [f"column {name!r} has no values at all"]
    if num_distinct == 1:
        return [f"column {name!r} is constant: {str(present.iloc[0])!r} in every row"]
    if column.type == "id":
        return [f"column {name!r} is taken for an id: nothing learns from it, and synthetic rows get new ones"]
    if column.type == "integer" and num_distinct == len(present) >= 20 and not is_target:
        return [
            f"column {name!r} differs in every row; if it is an id, say `{name}: {{type: id}}` under schema.columns"
        ]
    if column.type == "integer" and num_distinct <= MAX_INTEGER_CLASSES and not is_target:
        return [
            f"column {name!r} is an integer with only {num_distinct} values; if they are labels, say "
            f"`{name}: {{type: category}}` under schema.columns"
        ]
    return []


def conform(frame: pd.DataFrame, schema: Schema) -> pd.DataFrame:
    """The same rows in canonical types, with a new RangeIndex and the columns in the schema's order.

    number float64; integer int64 (Int64 where values are missing); boolean `boolean`; category Categorical of str
    (labels unknown to the schema are kept, after the known ones); datetime datetime64[us], text being read as ISO 8601
    and times with a zone turned into UTC; text and id `str` (integer ids stay integers).

    Raises:
        DataError: a column is missing or contains a value of another type; the message names the first such row.
    """
    columns = {}
    for name, column in schema.columns.items():
        if name not in frame.columns:
            raise DataError(f"column {name!r} is missing; the data has {_listing(frame.columns)}")
        try:
            columns[name] = _cast(frame[name], column).reset_index(drop=True)
        except (ValueError, TypeError, KeyError, OverflowError) as error:
            raise DataError(_bad_value(name, column, frame[name], error)) from error
    return pd.DataFrame(columns, index=pd.RangeIndex(len(frame)), columns=list(schema.columns))


def _cast(values: pd.Series, column: Column) -> pd.Series:
    match column.type:
        case "number":
            return values if values.dtype == "float64" else pd.to_numeric(values).astype("float64")
        case "integer":
            return _integers(values)
        case "boolean":
            if not pd.api.types.is_bool_dtype(values.dtype):
                values = values.map(_BOOLEANS.__getitem__, na_action="ignore")
            return values.astype("boolean")
        case "category":
            return _categorical(values, column.categories)
        case "datetime":
            return _datetimes(values)
        case "id" if pd.api.types.is_integer_dtype(values.dtype):
            return _integers(values)
        case _:
            return (_integers(values) if _are_integers_with_gaps(values) else values).astype("str")


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


def _datetimes(values: pd.Series) -> pd.Series:
    held = pd.api.types.infer_dtype(values.dropna())
    if held in ("boolean", "decimal", "floating", "integer", "mixed-integer-float"):
        raise TypeError("a number says no date without its unit and origin")
    if not pd.api.types.is_datetime64_any_dtype(values.dtype):
        values = pd.to_datetime(values, format="ISO8601", utc=True)  # 02/03/2024 is two dates: never guessed
    if values.dt.tz is not None:
        values = values.dt.tz_convert(None)
    return values.astype("datetime64[us]")


_BOOLEANS = {True: True, False: False, "True": True, "False": False, "true": True, "false": False}  # 1 and 0 are equal


@lru_cache(maxsize=256)
def categorical_dtype(labels: tuple[str, ...]) -> pd.CategoricalDtype:
    """The canonical type of a category column with these labels, in this order."""
    return pd.CategoricalDtype(pd.Index(labels, dtype="str"))


def _categorical(values: pd.Series, known: tuple[str, ...] | None) -> pd.Series:
    if known is not None and _is_categorical_of(values, known):
        return values
    if _are_integers_with_gaps(values):
        values = _integers(values)
    if isinstance(values.dtype, pd.CategoricalDtype):
        labels = values.cat.categories.map(str)
        codes = values.cat.codes.to_numpy()
    else:
        codes, found = pd.factorize(values, use_na_sentinel=True)
        labels = pd.Index([str(label) for label in found], dtype="str")
    used = sorted({str(labels[code]) for code in np.unique(codes) if code >= 0})
    wanted = list(known) + [label for label in used if label not in set(known)] if known is not None else used
    position = {label: i for i, label in enumerate(wanted)}
    table = np.array([position.get(str(label), -1) for label in labels] + [-1], dtype=np.int64)  # code -1 is last
    canonical = pd.Categorical.from_codes(table[codes], dtype=categorical_dtype(tuple(wanted)))
    return pd.Series(canonical, index=values.index, name=values.name)


def _is_categorical_of(values: pd.Series, labels: tuple[str, ...]) -> bool:
    if not isinstance(values.dtype, pd.CategoricalDtype) or values.dtype.ordered:
        return False
    return bool(values.dtype.categories.identical(categorical_dtype(labels).categories))


def _bad_value(name: str, column: Column, values: pd.Series, error: Exception) -> str:
    one_row = ColumnDeclaration(type=column.type)
    for row, value in enumerate(values):
        try:
            _cast(pd.Series([value], dtype="object"), Column(**one_row.model_dump()))
        except (ValueError, TypeError, KeyError, OverflowError):
            hint = "; write dates as 2024-12-31 or 2024-12-31T23:59:00" if column.type == "datetime" else ""
            return f"column {name!r}, data row {row + 1}: {value!r} is not of type {column.type}{hint}"
    return f"column {name!r} cannot be read as {column.type}: {error}"


def check(frame: pd.DataFrame, arrays: Mapping[str, np.ndarray], schema: Schema) -> list[str]:
    """Structural problems of these rows, one sentence each; empty if they fit the schema.

    Checks columns and their types, array names, shapes and types, equal row counts, infinite numbers, and forbidden
    missing values. Bounds and unknown categories are not structural: see `valid_rows`.
    """
    problems = []
    if list(frame.columns) != list(schema.columns):
        problems.append(f"columns are {_listing(frame.columns)}; expected {_listing(schema.columns)}")
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
        problems.append(f"arrays are {_listing(arrays)}; expected {_listing(schema.arrays)}")
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
        if column.categories is not None:
            labels = pd.Series(labels_of(values), dtype=object)
            valid &= (labels.isin(column.categories) | labels.isna()).to_numpy()
    for name, array in schema.arrays.items():
        valid &= valid_array_rows(array, arrays[name], frame)
    return valid


def _listing(names: Any, most: int = 12) -> str:
    names = [repr(str(name)) for name in names]
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return (", ".join(names[:most]) + more) or "none"
