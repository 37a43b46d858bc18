"""From values to a schema.

Types are inferred from all rows, because the target must be known before the hold-out is cut. What is *learned* from
values (categories, decimals, whether values may be missing) is observed on the training part only: see `observe`.

Shapes: N rows.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from augment.data.arrays import count_decimals, describe_array, observe_array, true_lengths
from augment.data.conformity import are_integers_with_gaps
from augment.data.dates import FORMAT_OF_TIMES, infer_date_format, infer_epoch, is_numeric
from augment.data.declarations import ArrayDeclaration, Column, ColumnDeclaration, ColumnType, SchemaDeclaration
from augment.data.schema import Schema
from augment.data.snapping import learn_step, learn_values
from augment.errors import DataError, did_you_mean
from augment.text import listing

__all__ = ["MAX_INTEGER_CLASSES", "are_few_whole_numbers", "infer", "observe", "repeats_words"]

MAX_ORDINARY_LABELS, MIN_ROWS_OF_A_LABEL = 50, 10  # beyond both, labels may be names, addresses or remarks
MAX_INTEGER_CLASSES = 20  # an integer target with at most this many values counts as classes
ID_NAME = re.compile(r"(^|[_\W])(id|uuid|guid|index|rowid)$|^unnamed: ?\d+$", re.IGNORECASE)


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
                    f"schema: {what} {name!r} is not in the data, which has {listing(present)}"
                    f"{did_you_mean(name, map(str, present))}"
                )
    columns = {}
    for name in frame.columns:
        said = declared.columns.get(name, ColumnDeclaration())
        kind, date_format = _infer_type(str(name), frame[name], said, name == declared.target)
        if name == declared.payload and said.type is None:
            kind = "text"
        columns[name] = Column(**{**said.model_dump(exclude_none=True), "type": kind, "date_format": date_format})
        _refuse_bad_values(str(name), columns[name])
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


def _refuse_bad_values(name: str, column: Column) -> None:
    what = f"schema: column {name!r} has"
    said = "step" if column.step is not None else "values" if column.values is not None else None
    if said and column.type not in ("number", "integer"):
        raise DataError(f"{what} `{said}`, and its type is {column.type}; a number or an integer can have it")
    if isinstance(column.step, float) and column.values not in (None, "any"):
        raise DataError(f"{what} both `step` and `values`; leave one of them out")
    if column.date_format is not None and column.type != "datetime":
        raise DataError(f"{what} a `date_format`, and its type is {column.type}; only a datetime can have it")
    if column.values == ():
        raise DataError(f"{what} no `values`; name one or more, or write `values: any`")
    listed = column.values if isinstance(column.values, tuple) else ()
    fractions = [number for number in (column.step, *listed) if isinstance(number, float) and number % 1]
    if column.type == "integer" and fractions:
        raise DataError(f"{what} {fractions[0]:g} in `step` or `values`, which is not an integer as its values are")


def _infer_type(
    name: str, values: pd.Series, said: ColumnDeclaration, is_target: bool
) -> tuple[ColumnType, str | None]:
    """The type of a column, and how its dates are written where that is not as usual."""
    kind = said.type or ("datetime" if said.date_format else _type_of_values(name, values, is_target))
    if said.date_format is None and kind == "datetime" and not pd.api.types.is_datetime64_any_dtype(values.dtype):
        return kind, infer_date_format(values, name, is_declared=True)
    if said.type is None and kind == "integer" and not is_target and (date_format := infer_date_format(values, name)):
        return "datetime", date_format
    return kind, said.date_format


def _type_of_values(name: str, values: pd.Series, is_target: bool) -> ColumnType:
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
    may_be_id = ID_NAME.search(name) is not None and not is_target
    looks_like_id = may_be_id and len(present) == len(values) >= 20 and bool(present.is_unique)
    if pd.api.types.is_integer_dtype(dtype):
        return "id" if looks_like_id else "integer"
    if pd.api.types.is_float_dtype(dtype):
        labels = is_target and are_few_whole_numbers(present)
        return "integer" if labels or are_integers_with_gaps(values) else "number"
    if isinstance(dtype, pd.CategoricalDtype) or is_target:
        return "category"
    if looks_like_id:
        return "id"
    num_distinct = present.nunique()
    return "category" if num_distinct <= max(1, len(present) // 2) else "text"


def are_few_whole_numbers(present: pd.Series) -> bool:
    """Whether floats are labels such as 0.0 and 1.0, which a table writes that once had gaps."""
    whole = bool((present % 1 == 0).all()) and bool(present.abs().le(2**53).all())
    return whole and 0 < present.nunique() <= MAX_INTEGER_CLASSES


def _refuse_containers(name: str, values: pd.Series) -> None:
    for row, value in enumerate(values):
        if not isinstance(value, Hashable):
            raise DataError(
                f"column {name!r}, data row {row + 1}: {value!r} is a {type(value).__name__}; a cell holds one number, "
                f"date or text: spread it over columns, or put it into an array"
            )


def observe(
    schema: Schema, frame: pd.DataFrame, arrays: Mapping[str, np.ndarray] | None = None
) -> tuple[Schema, list[str]]:
    """Fill in what is learned from the values of the training part, and collect notes.

    Args:
        schema: types known.
        frame: the training rows, (N,) of them.
        arrays: their arrays; if given, the channels of series are observed too.

    Returns:
        The schema with categories, decimals, step, values and nullable filled in, and notes for the log and the report.
    """
    columns, notes = {}, []
    of_steps = {name for array in schema.arrays.values() for name in (array.length_column, array.start_column)}
    for name, column in schema.columns.items():
        values = frame[name]
        present = values.dropna()
        learned: dict[str, Any] = {}
        if column.nullable is None:
            learned["nullable"] = len(present) < len(values)
        if column.categories is None and column.type == "category":
            learned["categories"] = tuple(sorted({str(value) for value in _distinct(present)}))
            notes += _note_on_spelling(name, learned["categories"])
        if column.categories is None and column.type == "integer" and name == schema.target:
            distinct = sorted(present.unique())
            if len(distinct) <= MAX_INTEGER_CLASSES:
                learned["categories"] = tuple(str(value) for value in distinct)
                notes.append(f"target {name!r} is an integer with {len(distinct)} values: they count as classes")
        if column.decimals is None and column.type == "number":
            decimals = count_decimals(present.to_numpy(dtype=float))
            if decimals is not None:
                learned["decimals"] = decimals
        columns[name] = column.model_copy(update=learned)
        if name not in of_steps:
            columns[name], note = _observe_values(name, columns[name], present, name == schema.target)
            notes += note
            notes += _worth_a_look(name, column, present, name == schema.target)
            if schema.modality == "table" and name != schema.target and repeats_words(column, present):
                notes.append(_warning_of_words(name, column, present))
    seen = {
        name: observe_array(array, arrays[name], true_lengths(array, frame)) if arrays else array
        for name, array in schema.arrays.items()
    }
    return schema.model_copy(update={"columns": columns, "arrays": seen}), notes


def _distinct(values: pd.Series) -> Iterable[Any]:
    """Each value at least once; among Python objects 1 and True, which are equal, are two."""
    return values if values.dtype == object else values.unique()


def _note_on_spelling(name: str, labels: Sequence[str]) -> list[str]:
    """A note on labels that are one but for case, spaces and a point behind, which are learned as different."""
    spellings: dict[str, list[str]] = {}
    for label in labels:
        spellings.setdefault(" ".join(label.split()).removesuffix(".").casefold() or label, []).append(label)
    alike = next((group for group in spellings.values() if len(group) > 1), None)
    if alike is None:
        return []
    listed = " and ".join(map(repr, alike[:3]))
    how = "a point behind" if len({label.strip().endswith(".") for label in alike}) > 1 else "case or spaces"
    return [f"column {name!r}: {listed} differ only in {how}; if they are one label, write them alike"]


def _observe_values(name: str, column: Column, present: pd.Series, is_target: bool) -> tuple[Column, list[str]]:
    """The column with its step and its list of values, where it has them, and a note on what was learned."""
    listed: tuple[int | float, ...] | None
    if column.values == "seen":
        listed = tuple(np.unique(present.to_numpy(np.int64 if column.type == "integer" else np.float64)).tolist())
        return column.model_copy(update={"values": listed or None}), []
    is_free = column.categories is None and not isinstance(column.values, tuple)
    if column.step is None and is_free and (step := learn_step(column, present)) is not None:
        note = (
            f"column {name!r}: all {len(present):,} training values are multiples of {step:g}, and generated values "
            f"are rounded to such; if others are possible, say `{name}: {{step: any}}` under schema.columns"
        )
        return column.model_copy(update={"step": step}), [note]
    if column.values is None and column.step is None and is_free and not is_target:
        listed = learn_values(column, present)
        if listed is not None:
            note = (
                f"column {name!r} looks like one of codes: {len(listed):,} different values with gaps, and "
                f"generated rows have only these; if others are possible, say `{name}: {{values: any}}` under "
                "schema.columns"
            )
            return column.model_copy(update={"values": listed}), [note]
    return column, []


def repeats_words(column: Column, present: pd.Series) -> bool:
    """Whether synthetic rows would repeat text of a few real rows: free text, or labels that few rows have.

    Args:
        column: of a table.
        present: its values, without missing ones.
    """
    if column.type != "category":
        return column.type == "text"
    return int(present.nunique()) > max(MAX_ORDINARY_LABELS, len(present) / MIN_ROWS_OF_A_LABEL)


def _warning_of_words(name: str, column: Column, present: pd.Series) -> str:
    kind = "free text" if column.type == "text" else f"a category of {present.nunique():,} labels, few rows each"
    return (
        f"column {name!r} is taken for {kind}; whatever a generator writes there stood in a real row, word for word: "
        f"if these are names or remarks, leave the column out with the source's `columns`, or say "
        f"`{name}: {{type: id}}` under schema.columns"
    )


def _worth_a_look(name: str, column: Column, present: pd.Series, is_target: bool) -> list[str]:
    if not len(present):
        return [f"column {name!r} has no values at all"]
    if (present == present.iloc[0]).all():
        return [f"column {name!r} is constant: {str(present.iloc[0])!r} in every row"]
    if column.date_format is not None and is_numeric(column.date_format):
        what = "times of day" if column.date_format == FORMAT_OF_TIMES else "dates"
        return [
            f"column {name!r} holds integers that are read and written as {what}, {column.date_format}; if they are "
            f"quantities or codes, say `{name}: {{type: integer}}` under schema.columns"
        ]
    if column.type in ("number", "integer") and not is_target and (unit := infer_epoch(present, name)):
        return [
            f"column {name!r} looks like {unit} since 1970, and is learnt as a number; for dates, write them in the "
            "source as 2024-12-31T23:59:00"
        ]
    if column.type == "id":
        return [f"column {name!r} is taken for an id: nothing learns from it, and synthetic rows get new ones"]
    if column.type != "integer" or is_target:
        return []
    num_distinct = int(present.nunique())
    if num_distinct == len(present) >= 20:
        return [
            f"column {name!r} differs in every row; if it is an id, say `{name}: {{type: id}}` under schema.columns"
        ]
    if num_distinct <= MAX_INTEGER_CLASSES:
        return [
            f"column {name!r} is an integer with only {num_distinct} values; if they are labels, say "
            f"`{name}: {{type: category}}` under schema.columns"
        ]
    return []
