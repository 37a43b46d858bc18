"""What a rule means: the types of its parts, and which rows of a frame keep it or break it.

Logic has three values, as in SQL: a comparison with a missing value neither holds nor fails, `not` leaves it so,
`and` fails where any part fails, `or` holds where any part holds. Shapes: N rows; constants have shape ().
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from augment.data import Dataset, Schema, as_labels
from augment.errors import did_you_mean
from augment_rules.tree import (
    AllOf,
    AnyOf,
    Arithmetic,
    Column,
    Comparison,
    Membership,
    Missing,
    Node,
    Not,
    Number,
    Text,
    Truth,
    children,
)

__all__ = ["broken_by", "type_problems", "unknown_labels"]

Kind = Literal["numbers", "text", "dates", "booleans"]
KINDS: dict[str, Kind] = {"number": "numbers", "integer": "numbers", "datetime": "dates", "boolean": "booleans"}
TOLERANCE = 1e-12  # of the largest number added or subtracted: far above what rounding does, far below what data tells
DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?![0-9])")  # pandas alone would take "now" and "2024" as well


@dataclass(frozen=True)
class _Values:
    """The values of a part of a rule: of shape (N,), or () for a constant."""

    data: np.ndarray  # float64, str objects, datetime64[us] or bool
    present: np.ndarray  # bool
    slack: np.ndarray | float = 0.0  # how far arithmetic may have been off


@dataclass(frozen=True)
class _Outcome:
    """Where a condition holds and where it fails, bool of shape (N,) or (); where neither, nobody knows."""

    holds: np.ndarray
    fails: np.ndarray


def type_problems(tree: Node, schema: Schema) -> list[str]:
    """What is wrong with a rule over columns of these types, a sentence each; empty when it can be evaluated."""
    problems: list[str] = []
    _check(tree, schema, problems, is_condition=True)
    return problems


def _check(node: Node, schema: Schema, problems: list[str], is_condition: bool = False) -> Kind | None:
    """The kind of a value, None for a condition or where a problem was found."""
    if isinstance(node, Comparison | Membership):
        first, *others = children(node)
        kind = _check(first, schema, problems)
        for other in others:
            _check_pair(node, (first, kind), (other, _check(other, schema, problems)), problems)
        return None
    if isinstance(node, Arithmetic):
        for part in children(node):
            kind = _check(part, schema, problems)
            if kind not in (None, "numbers"):
                problems.append(f"character {part.at}: {node.operator} works on numbers, and {_described(part, kind)}")
        return "numbers"
    if isinstance(node, Missing | Not | AllOf | AnyOf):
        for part in children(node):
            _check(part, schema, problems, is_condition=not isinstance(node, Missing))
        return None
    kind = _kind(node, schema)
    if kind is None and isinstance(node, Column):
        names = ", ".join(map(repr, list(schema.columns)[:20])) or "none"
        hint = did_you_mean(node.name, schema.columns)
        problems.append(f"character {node.at}: there is no column {node.name!r}; the columns are {names}{hint}")
    elif is_condition and kind != "booleans":
        problems.append(
            f"character {node.at}: a column by itself is a condition where it is boolean, and {_described(node, kind)}"
        )
    return kind


def _check_pair(
    node: Comparison | Membership, one: tuple[Node, Kind | None], other: tuple[Node, Kind | None], problems: list[str]
) -> None:
    (left, kind), (right, other_kind) = one, other
    if kind is None or other_kind is None:
        return
    place = f"character {node.at}: "
    for literal, against in ((left, other_kind), (right, kind)):
        if against == "dates" and isinstance(literal, Text):
            if _date(literal.value) is None:
                problems.append(
                    f"character {literal.at}: {literal.value!r} is no date; write dates as 2024-12-31 or "
                    f"2024-12-31T23:59:00"
                )
            return
    if kind != other_kind:
        problems.append(
            f"{place}{_described(left, kind)}, and {_described(right, other_kind)}: they cannot be compared"
            + _quoting(left, other_kind)
            + _quoting(right, kind)
        )
    elif isinstance(node, Comparison) and node.operator not in ("==", "!=") and kind in ("text", "booleans"):
        problems.append(f"{place}{node.operator} needs numbers or dates, and {_described(left, kind)}")


def _described(node: Node, kind: Kind | None) -> str:
    match node:
        case Column(name=name):
            return f"column {name!r} holds {kind}"
        case Text(value=value):
            return f"{value!r} is text"
        case Number(value=value):
            return f"{value:g} is a number"
        case Truth(value=value):
            return f"{str(value).lower()} is a boolean"
    return f"what begins at character {node.at} is {kind}"


def _quoting(literal: Node, against: Kind) -> str:
    match literal, against:
        case Number(value=value), "text":
            return f'; labels stand in quotes: "{value:g}"'
        case Truth(value=value), "text":
            return f'; labels stand in quotes: "{value}"'
        case Text(), "booleans":
            return "; write true or false without quotes"
        case Text(), "numbers":
            return "; write numbers without quotes, and a column's name bare or in `backticks`"
    return ""


def unknown_labels(node: Node, schema: Schema) -> list[str]:
    """Labels in a rule that the categories of the column beside them do not have, a sentence each."""
    problems = [sentence for part in children(node) for sentence in unknown_labels(part, schema)]
    if not isinstance(node, Comparison | Membership):
        return problems
    for column in children(node):
        if not isinstance(column, Column) or schema.columns[column.name].type != "category":
            continue
        known = schema.columns[column.name].categories
        for literal in children(node) if known else ():
            if isinstance(literal, Text) and literal.value not in (known or ()):
                hint = did_you_mean(literal.value, known or ())
                problems.append(f"column {column.name!r} has no label {literal.value!r}{hint}")
    return problems


def _kind(node: Node, schema: Schema) -> Kind | None:
    match node:
        case Column(name=name):
            return KINDS.get(schema.columns[name].type, "text") if name in schema.columns else None
        case Text():
            return "text"
        case Truth():
            return "booleans"
    return "numbers"


def _date(written: str) -> np.datetime64 | None:
    """A date or time as the schema reads it, in UTC where it names a zone; None where it is none."""
    if not DATE.match(written):
        return None
    try:
        moments = pd.to_datetime([written], format="ISO8601", utc=True).tz_convert(None)
    except (ValueError, OverflowError):
        return None
    return moments.to_numpy(dtype="datetime64[us]")[0]  # type: ignore[no-any-return]


def broken_by(tree: Node, data: Dataset) -> np.ndarray:
    """Which rows break a rule without type problems: bool (N,)."""
    with np.errstate(all="ignore"):  # what overflows or is divided by zero counts as missing
        return np.broadcast_to(_outcome(tree, data).fails, len(data)).copy()


def _outcome(node: Node, data: Dataset) -> _Outcome:
    match node:
        case Not(part=part):
            inner = _outcome(part, data)
            return _Outcome(inner.fails, inner.holds)
        case AllOf(parts=parts) | AnyOf(parts=parts):
            outcomes = [_outcome(part, data) for part in parts]
            if isinstance(node, AnyOf):
                return _any_of(outcomes)
            opposite = _any_of([_Outcome(one.fails, one.holds) for one in outcomes])
            return _Outcome(opposite.fails, opposite.holds)
        case Missing(value=value):
            present = _values(value, data).present
            return _Outcome(~present, present)
        case Comparison(operator=operator, left=left, right=right):
            return _compare(operator, *_both(left, right, data))
        case Membership(value=value, options=options):
            outcomes = [_compare("==", *_both(value, option, data)) for option in options]
            return _any_of(outcomes)
    assert isinstance(node, Column)
    values = _values(node, data)
    return _Outcome(values.present & values.data, values.present & ~values.data)


def _any_of(outcomes: Sequence[_Outcome]) -> _Outcome:
    holds, fails = outcomes[0].holds, outcomes[0].fails
    for one in outcomes[1:]:
        holds, fails = holds | one.holds, fails & one.fails
    return _Outcome(holds, fails)


def _both(left: Node, right: Node, data: Dataset) -> tuple[_Values, _Values]:
    kinds = _kind(left, data.schema), _kind(right, data.schema)
    return _values(left, data, "dates" in kinds), _values(right, data, "dates" in kinds)


def _compare(operator: str, left: _Values, right: _Values) -> _Outcome:
    present = left.present & right.present
    equal = left.data == right.data
    if left.data.dtype.kind == "f":
        equal = equal | (np.abs(left.data - right.data) <= left.slack + right.slack)
    match operator:
        case "==":
            holds = equal
        case "!=":
            holds = ~equal
        case "<":
            holds = (left.data < right.data) & ~equal
        case "<=":
            holds = (left.data < right.data) | equal
        case ">":
            holds = (left.data > right.data) & ~equal
        case _:
            holds = (left.data > right.data) | equal
    return _Outcome(present & holds, present & ~holds)


def _values(node: Node, data: Dataset, as_date: bool = False) -> _Values:
    match node:
        case Column(name=name):
            return _column(data.frame[name], KINDS.get(data.schema.columns[name].type, "text"))
        case Text(value=value) if as_date:
            return _Values(np.array(_date(value)), np.array(True))
        case Text(value=value):
            return _Values(np.array(value, dtype=object), np.array(True))
        case Number(value=number):
            return _Values(np.array(number), np.array(True))
        case Truth(value=truth):
            return _Values(np.array(truth), np.array(True))
    assert isinstance(node, Arithmetic)
    left, right = _values(node.left, data), _values(node.right, data)
    match node.operator:
        case "+" | "-":
            result = left.data + right.data if node.operator == "+" else left.data - right.data
            slack = left.slack + right.slack + TOLERANCE * np.maximum(np.abs(left.data), np.abs(right.data))
        case "*":
            result = left.data * right.data
            slack = left.slack * np.abs(right.data) + right.slack * np.abs(left.data) + TOLERANCE * np.abs(result)
        case _:
            result = left.data / right.data
            slack = (left.slack + np.abs(result) * right.slack) / np.abs(right.data) + TOLERANCE * np.abs(result)
    finite = np.isfinite(result)
    return _Values(result, left.present & right.present & finite, np.where(finite, slack, 0.0))


def _column(values: pd.Series, kind: Kind) -> _Values:
    present = values.notna().to_numpy()
    match kind:
        case "numbers":
            data = values.to_numpy(dtype=float, na_value=np.nan)
        case "booleans":
            data = values.to_numpy(dtype=bool, na_value=False)
        case "dates":
            data = values.to_numpy(dtype="datetime64[us]")
        case _:
            data = as_labels(values)
    return _Values(data, present)
