"""The parts that a parsed rule is made of."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

__all__ = [
    "CONDITIONS",
    "AllOf",
    "AnyOf",
    "Arithmetic",
    "Column",
    "Comparison",
    "Membership",
    "Missing",
    "Node",
    "Not",
    "Number",
    "Text",
    "Truth",
    "children",
    "walk_columns",
]


@dataclass(frozen=True)
class Node:
    """A part of a rule; `at` is the character, counted from 1, that it begins or its operator stands at."""

    at: int


@dataclass(frozen=True)
class Column(Node):
    """The values of a column. Of type boolean it is also a condition."""

    name: str


@dataclass(frozen=True)
class Number(Node):
    """A finite number."""

    value: float


@dataclass(frozen=True)
class Text(Node):
    """A label, or a date in ISO 8601 where it meets a column of dates."""

    value: str


@dataclass(frozen=True)
class Truth(Node):
    """`true` or `false`."""

    value: bool


@dataclass(frozen=True)
class Arithmetic(Node):
    """`left operator right`, one of + - * /."""

    operator: str
    left: Node
    right: Node


@dataclass(frozen=True)
class Comparison(Node):
    """`left operator right`, one of == != < <= > >=."""

    operator: str
    left: Node
    right: Node


@dataclass(frozen=True)
class Membership(Node):
    """The value is one of the options."""

    value: Node
    options: tuple[Node, ...]


@dataclass(frozen=True)
class Missing(Node):
    """The value is missing."""

    value: Node


@dataclass(frozen=True)
class Not(Node):
    """The part does not hold."""

    part: Node


@dataclass(frozen=True)
class AllOf(Node):
    """Every part holds."""

    parts: tuple[Node, ...]


@dataclass(frozen=True)
class AnyOf(Node):
    """At least one part holds."""

    parts: tuple[Node, ...]


CONDITIONS = (Comparison, Membership, Missing, Not, AllOf, AnyOf)


def children(node: Node) -> tuple[Node, ...]:
    """The parts that a node is made of; options of a membership come last."""
    match node:
        case Arithmetic(left=left, right=right) | Comparison(left=left, right=right):
            return left, right
        case Membership(value=value, options=options):
            return value, *options
        case Missing(value=part) | Not(part=part):
            return (part,)
        case AllOf(parts=parts) | AnyOf(parts=parts):
            return parts
    return ()


def walk_columns(node: Node) -> Iterator[Column]:
    """Every mention of a column, from left to right."""
    if isinstance(node, Column):
        yield node
    for part in children(node):
        yield from walk_columns(part)
