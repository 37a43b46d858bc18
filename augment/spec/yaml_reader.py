"""YAML 1.2 text to plain data that knows its lines.

ruamel composes the nodes; values are made of them here, so that a file can make nothing but dict, list, str, int,
float, bool and None. Nothing can grow: no tags, no anchors, no aliases, and limits that hold before the work is done.
Plain scalars mean what the core schema of YAML 1.2 says: `yes` and `on` are text, `2e-4` is a number. Keys are text,
exactly as written.
"""

from __future__ import annotations

import math
import re
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.composer import Composer
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import AliasEvent
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode
from ruamel.yaml.reader import ReaderError

from augment.errors import Problem
from augment.spec.messages import MAX_PROBLEMS, KeyPath, show_key_path, show_value

__all__ = ["IMPOSSIBLE", "MAX_DEPTH", "MAX_VALUES", "parse", "read_scalar"]

MAX_VALUES = 20_000  # keys too
MAX_DEPTH = 20
MAX_DIGITS = 100

IMPOSSIBLE = re.compile("[\0\ud800-\udfff]")  # characters that no text holds
_INTEGER = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_WORDS: dict[str, bool | None] = {"": None, "~": None, "null": None, "Null": None, "NULL": None}
_WORDS |= {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}


def parse(text: str, file: str) -> tuple[Any, dict[KeyPath, tuple[str, int]], list[Problem]]:
    """The tree, the places and the problems of YAML text; the tree means nothing when there are problems."""
    yaml = YAML(typ="safe", pure=True)
    yaml.Composer = _LimitedComposer
    builder = _Builder(file)
    tree = None
    try:
        root = yaml.compose(text)
        tree = None if root is None else builder.build(root, ())
    except _TooManyProblems:
        pass
    except _LimitError as error:
        builder.report(error.problem, error.problem_mark.line)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        builder.report(_syntax_message(error), mark.line if mark else -1)
    except ReaderError as error:
        line = text.count("\n", 0, error.position)
        builder.report(f"the character {chr(error.character)!r} is not allowed in YAML", line)
    except (YAMLError, ValueError, AttributeError, TypeError, LookupError, AssertionError, RecursionError) as error:
        # ruamel's scanner fails in these ways on some malformed directives and escapes
        builder.report(f"not valid YAML: {type(error).__name__}", -1)
    return tree, builder.places, builder.problems


def read_scalar(text: str) -> str | int | float | bool | None:
    """What a plain (unquoted) scalar means in the core schema of YAML 1.2.

    Raises:
        ValueError: it is a number, but not a finite one, or one of too many digits.

    >>> [read_scalar(text) for text in ("yes", "2e-4", "0x1F", "~", "2001-01-01", "true")]
    ['yes', 0.0002, 31, None, '2001-01-01', True]
    """
    if text in _WORDS:
        return _WORDS[text]
    if _NOT_FINITE.fullmatch(text):
        raise ValueError(f"expected a finite number, got {text}")
    if _INTEGER.fullmatch(text):
        if len(text) > MAX_DIGITS:
            raise ValueError(f"expected a number of at most {MAX_DIGITS} digits, got {len(text)}")
        return int(text, 0) if text[:2] in ("0o", "0x") else int(text)
    if _FLOAT.fullmatch(text):
        number = float(text)
        if not math.isfinite(number):
            raise ValueError(f"expected a finite number, got {show_value(text)}")
        return number
    return text


class _LimitError(MarkedYAMLError):
    """A file that cannot be a pipeline, whatever else it holds."""


class _TooManyProblems(Exception):
    """Nobody reads more of them."""


class _LimitedComposer(Composer):
    """Stops at the limits on size and depth, and keeps tags and aliases as they were written."""

    def __init__(self, loader: Any = None) -> None:
        super().__init__(loader)
        self.warn_double_anchors = False
        self.num_values = 0
        self.num_parents = 0

    def compose_document(self) -> Any:
        event = self.parser.peek_event()
        if event.tags or (event.version and tuple(event.version) != (1, 2)):
            problem = "directives (`%...`) are not supported; pipeline files are YAML 1.2"
            raise _LimitError(problem=problem, problem_mark=event.start_mark)
        return super().compose_document()

    def compose_node(self, parent: Node | None, index: Any) -> Any:
        event = self.parser.peek_event()
        self.num_values += 1
        if self.num_values > MAX_VALUES:
            problem = f"the file has more than {MAX_VALUES:,} values; is it a pipeline?"
            raise _LimitError(problem=problem, problem_mark=event.start_mark)
        if self.num_parents > MAX_DEPTH:
            problem = f"values are nested deeper than {MAX_DEPTH} levels; is it a pipeline?"
            raise _LimitError(problem=problem, problem_mark=event.start_mark)
        if isinstance(event, AliasEvent):
            self.parser.get_event()
            node = ScalarNode(None, "", event.start_mark, event.end_mark, anchor=event.anchor)
            node.ctag = None  # type: ignore[assignment]
            return node
        self.num_parents += 1
        node = super().compose_node(parent, index)
        self.num_parents -= 1
        node.ctag = event.ctag  # the tag as it was written, in place of the one that ruamel infers
        return node


class _Builder:
    """Makes plain data of nodes, and collects the places of all values and what pipeline files may not hold."""

    def __init__(self, file: str):
        self.file = file
        self.places: dict[KeyPath, tuple[str, int]] = {}
        self.problems: list[Problem] = []

    def report(self, message: str, line: int, key_path: KeyPath = ()) -> None:
        """Add a problem; lines count from 0 as ruamel's do, and -1 is no line."""
        self.problems.append(Problem(message, show_key_path(key_path), self.file, line + 1))
        if len(self.problems) >= MAX_PROBLEMS:
            raise _TooManyProblems

    def build(self, node: Node, key_path: KeyPath) -> Any:
        self._check(node, key_path)
        if isinstance(node, ScalarNode):
            if node.style:  # quoted or a block
                return str(node.value)
            try:
                return read_scalar(node.value)
            except ValueError as error:
                self.report(str(error), node.start_mark.line, key_path)
                return None
        if isinstance(node, MappingNode):
            return self._mapping(node, key_path)
        for position, item in enumerate(node.value):
            self.places[(*key_path, position)] = (self.file, item.start_mark.line + 1)
        return [self.build(item, (*key_path, position)) for position, item in enumerate(node.value)]

    def _mapping(self, node: MappingNode, key_path: KeyPath) -> dict[str, Any]:
        tree: dict[str, Any] = {}
        for key_node, item in node.value:
            line = key_node.start_mark.line
            if not isinstance(key_node, ScalarNode):
                self.report("a key must be text", line, key_path)
                continue
            key = str(key_node.value)
            inner = (*key_path, key)
            self._check(key_node, inner)
            if key in tree:
                self.report(f"this key is already in line {self.places[inner][1]}", line, inner)
            self.places.setdefault(inner, (self.file, line + 1))
            tree[key] = self.build(item, inner)
        return tree

    def _check(self, node: Node, key_path: KeyPath) -> None:
        line = node.start_mark.line
        if node.anchor:
            message = "anchors and aliases (`&`, `*`) are not supported; write the value out, or quote it"
            self.report(message, line, key_path)
        if node.ctag:
            message = f"tags ({str(node.ctag)[:40]!r}) are not supported; write the value without one"
            self.report(message, line, key_path)
        if isinstance(node, ScalarNode) and IMPOSSIBLE.search(node.value):
            message = f"expected text, got characters that text cannot hold: {show_value(node.value)}"
            self.report(message, line, key_path)


def _syntax_message(error: MarkedYAMLError) -> str:
    problem = str(error.problem or error.context or "it cannot be parsed")
    if "found another document" in problem:
        return "a second document begins here (`---`); a pipeline file holds one"
    if "'\\t'" in problem:
        return "not valid YAML: this line is indented with a tab; use spaces"
    if "mapping values are not allowed" in problem:
        return "not valid YAML: a second `: ` in one line; quote a value that holds one, and check the indentation"
    if error.problem and error.context and error.context_mark:
        problem += f" ({error.context}, which begins in line {error.context_mark.line + 1})"
    problem = problem.replace("<stream end>", "the end of the file").replace("<block end>", "less indentation")
    return f"not valid YAML: {problem}"
