"""The little language of rules: text to a tree. Nothing of it is ever run as code.

    rule        = condition ["when" condition]
    condition   = all_of {"or" all_of}
    all_of      = negation {"and" negation}
    negation    = "not" negation | comparison
    comparison  = sum [("==" | "!=" | "<" | "<=" | ">" | ">=") sum
                      | ["not"] "in" "[" constant {"," constant} "]"
                      | "is" ["not"] "missing"]
    sum         = product {("+" | "-") product}
    product     = factor {("*" | "/") factor}
    factor      = "-" factor | constant | column | "(" condition ")"
    constant    = ["-"] number | text | "true" | "false"
    column      = a bare word, or any name in `backticks`
    text        = in double or single quotes

A backtick or quote inside its own kind is written twice. Where the grammar is wider than what makes sense, as in
`(a < b) + 1`, the parser refuses what came.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

from augment_rules.tree import (
    CONDITIONS,
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
    walk_columns,
)

__all__ = ["parse"]

MAX_CHARACTERS = 10_000
MAX_OPERATIONS = 100  # in one rule; they bound the tree's height, and with it how deep the walks over it go
MAX_DEPTH = 20  # parentheses, `not` and `-` inside each other
KEYWORDS = frozenset({"when", "and", "or", "not", "in", "is", "missing", "true", "false"})
COMPARISONS = frozenset({"==", "!=", "<", "<=", ">", ">="})
TOKEN = re.compile(
    r"""
      (?P<space> \s+ )
    | (?P<number> (?: [0-9]+ \.? [0-9]* | \.[0-9]+ ) (?: [eE] [+-]? [0-9]+ )? )
    | (?P<word> [^\W\d] \w* )
    | (?P<column> ` (?: [^`] | `` )* ` )
    | (?P<text> " (?: [^"] | "" )* " | ' (?: [^'] | '' )* ' )
    | (?P<symbol> [<>=!]= | [-+*/()<>,] | \[ | \] )
    """,
    re.VERBOSE,
)
HINTS = {
    "=": "; equality is written ==",
    "&": "; write `and`",
    "|": "; write `or`",
    "!": "; write `not`, or != between values",
    '"': "; this quote is never closed",
    "'": "; this quote is never closed",
    "`": "; this backtick is never closed",
}


def parse(rule: str) -> Node:
    """The tree of a rule. `a when b` becomes `not b or a`.

    Raises:
        ValueError: it is no rule, or too long; says at which character what came, and what was expected.

    >>> parse("a <= 3")
    Comparison(at=3, operator='<=', left=Column(at=1, name='a'), right=Number(at=6, value=3.0))
    """
    if len(rule) > MAX_CHARACTERS:
        raise ValueError(f"a rule has at most {MAX_CHARACTERS:,} characters, and this one has {len(rule):,}")
    tree = _Parser(rule).rule()
    if next(walk_columns(tree), None) is None:
        raise ValueError("the rule names no column; a column is a bare word or stands in `backticks`, text in quotes")
    return tree


class _Token(NamedTuple):
    kind: str  # number, text, column, keyword, symbol or end
    written: str
    at: int

    def __str__(self) -> str:
        return (
            "the end"
            if self.kind == "end"
            else repr(self.written if len(self.written) <= 40 else self.written[:37] + "...")
        )


def _tokens(rule: str) -> list[_Token]:
    tokens = []
    position = 0
    while position < len(rule):
        match = TOKEN.match(rule, position)
        if match is None or match.lastgroup is None:
            character = rule[position]
            hint = HINTS.get(character, "; a column name with such characters stands in `backticks`")
            raise ValueError(f"character {position + 1}: {character!r} is not part of the language of rules{hint}")
        kind, written = match.lastgroup, match.group()
        if kind == "word":
            kind = "keyword" if written in KEYWORDS else "column"
        if kind != "space":
            tokens.append(_Token(kind, written, position + 1))
        position = match.end()
    return [*tokens, _Token("end", "", len(rule) + 1)]


def _unquoted(written: str) -> str:
    quote = written[0]
    return written[1:-1].replace(quote * 2, quote)


class _Parser:
    """Recursive descent, a method for each line of the grammar."""

    def __init__(self, rule: str):
        self._tokens = _tokens(rule)
        self._position = 0
        self._num_operations = 0
        self._depth = 0

    def rule(self) -> Node:
        claim = _as_condition(self._any_of())
        if self._next.written == "when":
            at = self._operator()
            claim = AnyOf(at, (Not(at, _as_condition(self._any_of())), claim))
            self._expect_end("an operator or the end")
        self._expect_end("an operator, `when` or the end")
        return claim

    def _any_of(self) -> Node:
        return self._joined("or", AnyOf, self._all_of)

    def _all_of(self) -> Node:
        return self._joined("and", AllOf, self._negation)

    def _joined(self, word: str, kind: type[AllOf] | type[AnyOf], part: Callable[[], Node]) -> Node:
        first = part()
        if self._next.written != word:
            return first
        at, parts = self._next.at, [_as_condition(first)]
        while self._next.written == word:
            self._operator()
            parts.append(_as_condition(part()))
        return kind(at, tuple(parts))

    def _negation(self) -> Node:
        if self._next.written != "not":
            return self._comparison()
        at = self._operator()
        with self._deeper():
            return Not(at, _as_condition(self._negation()))

    def _comparison(self) -> Node:
        left = self._sum()
        operator = self._next
        if operator.written in COMPARISONS:
            self._operator()
            node: Node = Comparison(operator.at, operator.written, _as_value(left), _as_value(self._sum()))
            if self._next.written in COMPARISONS:
                raise ValueError(
                    f"character {self._next.at}: came {self._next} after a comparison; of three values, compare two "
                    f"by two: `a < b and b < c`"
                )
            return node
        if operator.written in ("in", "not"):
            self._operator()
            if operator.written == "not":
                self._expect("in")
            node = Membership(operator.at, _as_value(left), self._options())
        elif operator.written == "is":
            self._operator()
            if self._next.written == "not":
                operator = self._take()
            self._expect("missing")
            node = Missing(operator.at, _as_value(left))
        else:
            return left
        return Not(operator.at, node) if operator.written == "not" else node

    def _options(self) -> tuple[Node, ...]:
        self._expect("[")
        options = [self._constant()]
        while self._next.written == ",":
            self._take()
            options.append(self._constant())
        self._expect("]")
        return tuple(options)

    def _constant(self) -> Node:
        at, is_negative = self._next.at, self._next.written == "-"
        if is_negative:
            self._take()
        literal = self._atom()
        if isinstance(literal, Number):
            return Number(at, -literal.value) if is_negative else literal
        if is_negative or isinstance(literal, Column):
            name = f'; text stands in quotes: "{literal.name}"' if isinstance(literal, Column) else ""
            raise ValueError(f"character {literal.at}: a list holds numbers, text in quotes, `true` and `false`{name}")
        return literal

    def _sum(self) -> Node:
        return self._chain("+-", self._product)

    def _product(self) -> Node:
        return self._chain("*/", self._factor)

    def _chain(self, operators: str, part: Callable[[], Node]) -> Node:
        node = part()
        while self._next.kind == "symbol" and self._next.written in operators:
            operator = self._next
            self._operator()
            node = Arithmetic(operator.at, operator.written, _as_value(node), _as_value(part()))
        return node

    def _factor(self) -> Node:
        if self._next.written == "-":
            at = self._operator()
            with self._deeper():
                part = _as_value(self._factor())
            return Number(at, -part.value) if isinstance(part, Number) else Arithmetic(at, "-", Number(at, 0.0), part)
        if self._next.written == "(":
            self._take()
            with self._deeper():
                node = self._any_of()
            self._expect(")")
            return node
        return self._atom()

    def _atom(self) -> Node:
        token = self._next
        match token.kind:
            case "number":
                value = float(token.written)
                if not math.isfinite(value):
                    raise ValueError(f"character {token.at}: {token} is larger than a number can be")
                node: Node = Number(token.at, value)
            case "text":
                node = Text(token.at, _unquoted(token.written))
            case "column":
                name = _unquoted(token.written) if token.written.startswith("`") else token.written
                node = Column(token.at, name)
            case "keyword" if token.written in ("true", "false"):
                node = Truth(token.at, token.written == "true")
            case _:
                raise self._unexpected("a column, a number, text in quotes, `true`, `false`, `-` or `(`")
        self._take()
        return node

    @property
    def _next(self) -> _Token:
        return self._tokens[self._position]

    def _take(self) -> _Token:
        token = self._next
        self._position += 1
        return token

    def _operator(self) -> int:
        """Take an operator and return where it stands."""
        self._num_operations += 1
        if self._num_operations > MAX_OPERATIONS:
            raise ValueError(f"character {self._next.at}: a rule has at most {MAX_OPERATIONS} operators; write several")
        return self._take().at

    def _expect(self, written: str) -> None:
        if self._next.written != written:
            raise self._unexpected(f"`{written}`")
        self._take()

    def _expect_end(self, wanted: str) -> None:
        if self._next.kind != "end":
            raise self._unexpected(wanted)

    def _unexpected(self, wanted: str) -> ValueError:
        return ValueError(f"character {self._next.at}: came {self._next}, expected {wanted}")

    @contextmanager
    def _deeper(self) -> Iterator[None]:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise ValueError(
                f"character {self._next.at}: parentheses, `not` and `-` stand inside each other at most "
                f"{MAX_DEPTH} deep"
            )
        yield
        self._depth -= 1


def _as_condition(node: Node) -> Node:
    if not isinstance(node, (*CONDITIONS, Column)):
        raise ValueError(f"character {node.at}: a value came, expected a condition such as `a <= b`")
    return node


def _as_value(node: Node) -> Node:
    if isinstance(node, CONDITIONS):
        raise ValueError(f"character {node.at}: a condition came, expected a value: a column, a number, text or a sum")
    return node
