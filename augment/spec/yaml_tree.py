"""A pipeline file as plain data that knows its lines: YAML 1.2 text, limits, overrides.

The tree is built straight from YAML's parse events, so a file can make nothing but dict, list, str, int, float, bool
and None, and nothing can grow: no tags, no anchors, no aliases, limits on size and depth. Plain scalars mean what
the core schema of YAML 1.2 says: `yes` and `on` are text, `2e-4` is a number. Keys are text, exactly as written.
"""

from __future__ import annotations

import io
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from augment.errors import Problem, SpecError, did_you_mean

__all__ = ["Document", "KeyPath", "dump", "from_mapping", "names_in", "parse", "read", "scalar", "show_value"]

KeyPath = tuple[str | int, ...]  # the keys and positions that lead to a value: ("generators", 0, "use")

MAX_BYTES = 1_000_000
MAX_DEPTH = 20
MAX_NODES = 50_000
MAX_DIGITS = 100
MAX_PROBLEMS = 100  # more tell nobody anything

_INTEGER = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_WORDS: dict[str, bool | None] = {"": None, "~": None, "null": None, "Null": None, "NULL": None}
_WORDS |= {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_IMPOSSIBLE = re.compile("[\0\ud800-\udfff]")


@dataclass
class Document:
    """A tree of plain data, and where each part of it was written.

    Attributes:
        tree: dict, list, str, int, float, bool and None, nested; all keys are text.
        file: how messages name the file; empty where there is none.
        text: the file as it was given.
        places: key_path to (file or override, line), for all that was written; line 0 means none.
    """

    tree: dict[str, Any]
    file: str = ""
    text: str = ""
    places: dict[KeyPath, tuple[str, int]] = field(default_factory=dict)

    def problem(self, key_path: KeyPath, message: str) -> Problem:
        """A problem at that place, or where the nearest part around it was written; that of a file is its line 1."""
        known = next((key_path[:end] for end in range(len(key_path), 0, -1) if key_path[:end] in self.places), ())
        file, line = self.places.get(known, (self.file, int(bool(self.text and self.file))))
        return Problem(message, ".".join(_show_key(key) for key in key_path), file, line)


def read(path: Path, name: str = "") -> Document:
    """Read a pipeline file.

    Args:
        path: the file.
        name: how messages call it; the path when not given.

    Raises:
        SpecError: it is missing, too large, not UTF-8, not YAML, or uses what pipeline files may not.
    """
    name = name or str(path)
    try:
        with path.open("rb") as file:
            blob = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        near = did_you_mean(path.name, names_in(path.parent))
        raise SpecError(Problem(f"there is no such file{near}", file=name)) from None
    except IsADirectoryError:
        raise SpecError(Problem("this is a folder; a pipeline is a YAML file", file=name)) from None
    except (OSError, ValueError) as error:
        raise SpecError(Problem(f"cannot be read: {getattr(error, 'strerror', None) or error}", file=name)) from error
    text = _decoded(blob, name)
    tree, places, problems = parse(text, name)
    if problems:
        raise SpecError(problems)
    if tree is None:
        raise SpecError(Problem("the file is empty; a pipeline has at least `source:` and `generators:`", file=name))
    if not isinstance(tree, dict):
        came = f"the file holds {show_value(tree)}"
        raise SpecError(Problem(f"{came}; expected keys such as `source:` and `generators:`", file=name, line=1))
    return Document(tree, name, text, places)


def from_mapping(mapping: Mapping[Any, Any]) -> Document:
    """A document from data made in Python: paths, tuples and numpy numbers become plain.

    Raises:
        SpecError: a value is of a type that YAML cannot hold.
    """
    problems: list[Problem] = []
    budget = iter(range(MAX_NODES))

    def plain(value: Any, key_path: KeyPath) -> Any:
        if next(budget, None) is None or len(key_path) > MAX_DEPTH:
            raise SpecError(f"the pipeline is larger than {MAX_NODES} values or nested deeper than {MAX_DEPTH}")
        if isinstance(value, np.generic):
            value = value.item()
        if isinstance(value, Mapping):
            return {str(key): plain(item, (*key_path, str(key))) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [plain(item, (*key_path, position)) for position, item in enumerate(value)]
        if isinstance(value, Path):
            value = str(value)
        if isinstance(value, float) and not math.isfinite(value):
            problems.append(document.problem(key_path, f"expected a finite number, got {value}"))
        elif isinstance(value, str) and _IMPOSSIBLE.search(value):
            problems.append(document.problem(key_path, f"expected text, got characters that no text holds: {value!r}"))
        elif not (value is None or isinstance(value, str | int | float | bool)):
            kind = type(value).__name__
            problems.append(document.problem(key_path, f"expected text, a number, a list or a mapping, got {kind}"))
        else:
            return value
        return None

    document = Document({})
    document.tree = plain(mapping, ())
    if problems:
        raise SpecError(problems)
    document.text = dump(document.tree)
    return document


def parse(text: str, file: str) -> tuple[Any, dict[KeyPath, tuple[str, int]], list[Problem]]:
    """The tree, the places and the problems of YAML text; the tree is worth nothing when there are problems."""
    from ruamel.yaml import YAML
    from ruamel.yaml.error import MarkedYAMLError, YAMLError
    from ruamel.yaml.reader import ReaderError

    builder = _Builder(file)
    tree = None
    try:
        tree = builder.stream(iter(YAML(typ="safe", pure=True).parse(text)))
    except _Stop:
        pass
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        builder.complain(f"not valid YAML: {_syntax(error)}", mark.line + 1 if mark else 0)
    except ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        builder.complain(f"the character {chr(error.character)!r} may not stand in YAML", line)
    except (YAMLError, ValueError, AttributeError, TypeError, LookupError, AssertionError, RecursionError) as error:
        # ruamel's scanner fails in these ways on some malformed directives and escapes
        builder.complain(f"not valid YAML: {type(error).__name__}", 0)
    return tree, builder.places, builder.problems


def names_in(folder: Path) -> list[str]:
    """The names in a folder, for hints; none where it cannot be read."""
    try:
        return [entry.name for entry in folder.iterdir()]
    except OSError:
        return []


def scalar(text: str) -> str | int | float | bool | None:
    """What a plain (unquoted) scalar means in the core schema of YAML 1.2.

    Raises:
        ValueError: it is a number, but not a finite one, or one of too many digits.

    >>> [scalar(text) for text in ("yes", "2e-4", "0x1F", "~", "2001-01-01", "true")]
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


def show_value(value: Any, most: int = 60) -> str:
    """A value as messages show it, in the words of YAML: printable, and not much longer than `most` characters.

    >>> [show_value(value) for value in (True, None, "ab", 1.5, [1], {})]
    ['true', 'nothing', "'ab'", '1.5', 'a list', 'a mapping']
    """
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    text = repr(value)
    return text if len(text) <= most else text[: most - 10] + "..." + text[-1]


def dump(tree: Mapping[str, Any]) -> str:
    """YAML text that reads back as the same tree; equal trees give equal text."""
    from ruamel.yaml import YAML
    from ruamel.yaml.representer import RoundTripRepresenter
    from ruamel.yaml.scalarstring import DoubleQuotedScalarString

    class Representer(RoundTripRepresenter):  # of its own, because representers are registered on the class
        def represent_nothing(self, data: None) -> Any:
            return self.represent_scalar("tag:yaml.org,2002:null", "null")

    Representer.add_representer(type(None), Representer.represent_nothing)

    def quoted(value: Any) -> Any:
        if isinstance(value, dict):
            return {quoted(key): quoted(item) for key, item in value.items()}
        if isinstance(value, list):
            return [quoted(item) for item in value]
        if isinstance(value, str) and not _plain(value):
            return DoubleQuotedScalarString(value)
        return value

    yaml = YAML(typ="rt", pure=True)
    yaml.Representer = Representer
    yaml.width = 100_000
    yaml.allow_unicode = True
    yaml.indent(mapping=2, sequence=4, offset=2)
    stream = io.StringIO()
    yaml.dump(quoted(dict(tree)), stream)
    return stream.getvalue()


def _plain(text: str) -> bool:
    """Whether text may stand without quotes: words that neither YAML 1.1 nor 1.2 takes for anything else."""
    safe = re.fullmatch(r"[A-Za-z_./][\w./ -]*[\w./-]|[A-Za-z_]", text, re.ASCII) is not None
    try:
        return safe and isinstance(scalar(text), str) and text.lower() not in ("yes", "no", "on", "off", "y", "n")
    except ValueError:
        return False


def _decoded(blob: bytes, name: str) -> str:
    if len(blob) > MAX_BYTES:
        raise SpecError(Problem(f"the file is larger than {MAX_BYTES // 1000:,} kB; is it a pipeline?", file=name))
    if blob.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise SpecError(Problem("the file is UTF-16; save it as UTF-8", file=name))
    if b"\0" in blob:
        raise SpecError(Problem("this is a binary file; a pipeline is a YAML file", file=name))
    try:
        return blob.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = blob.count(b"\n", 0, error.start) + 1
        what = f"byte {error.start} (0x{blob[error.start]:02x}) is not UTF-8; save the file as UTF-8"
        raise SpecError(Problem(what, file=name, line=line)) from None


def _syntax(error: Any) -> str:
    what = str(error.problem or error.context or "it cannot be parsed")
    if "'\\t'" in what:
        return "a tab stands where YAML wants spaces"
    if "mapping values are not allowed" in what:
        return "a second `: ` in one line; quote a value that holds one, and check the indentation"
    if error.problem and error.context and error.context_mark:
        what += f" ({error.context}, which begins in line {error.context_mark.line + 1})"
    return what.replace("<stream end>", "the end of the file").replace("<block end>", "less indentation")


class _Stop(Exception):
    """Nothing more can be learnt from this file."""


class _Builder:
    """Turns parse events into plain data, and collects what pipeline files may not hold."""

    def __init__(self, file: str):
        self.file = file
        self.places: dict[KeyPath, tuple[str, int]] = {}
        self.problems: list[Problem] = []
        self.num_nodes = 0

    def complain(self, message: str, line: int, key_path: KeyPath = ()) -> None:
        self.problems.append(Problem(message, ".".join(_show_key(key) for key in key_path), self.file, line))
        if len(self.problems) >= MAX_PROBLEMS:
            raise _Stop

    def stream(self, events: Iterator[Any]) -> Any:
        from ruamel.yaml.events import DocumentStartEvent, StreamEndEvent, StreamStartEvent

        tree, num_documents = None, 0
        for event in events:
            if isinstance(event, DocumentStartEvent):
                line = event.start_mark.line + 1
                num_documents += 1
                if num_documents > 1:
                    self.complain("a second document begins here (`---`); a pipeline file holds one", line)
                    raise _Stop
                if event.tags or (event.version and tuple(event.version) != (1, 2)):
                    self.complain("directives (`%...`) are not read; pipeline files are YAML 1.2", line)
                    raise _Stop
                tree = self.node(next(events), events, ())
                next(events)  # the document's end
            else:
                assert isinstance(event, StreamStartEvent | StreamEndEvent)
        return tree

    def node(self, event: Any, events: Iterator[Any], key_path: KeyPath) -> Any:
        from ruamel.yaml.events import AliasEvent, MappingStartEvent, ScalarEvent

        self.check(event, key_path)
        if isinstance(event, AliasEvent):
            return None
        if isinstance(event, ScalarEvent):
            return self.scalar(event, key_path)
        if isinstance(event, MappingStartEvent):
            return self.mapping(events, key_path)
        return self.sequence(events, key_path)

    def check(self, event: Any, key_path: KeyPath) -> None:
        """Complain of what no node may be; beyond the limits on size, stop."""
        line = event.start_mark.line + 1
        self.num_nodes += 1
        if self.num_nodes > MAX_NODES:
            self.complain(f"a file of more than {MAX_NODES:,} values is not a pipeline", line)
            raise _Stop
        if len(key_path) > MAX_DEPTH:
            self.complain(f"nothing in a pipeline is nested deeper than {MAX_DEPTH}", line, key_path[:3])
            raise _Stop
        if event.anchor:
            self.complain(
                "anchors and aliases (`&`, `*`) are not read; write the value out, or quote it", line, key_path
            )
        if tag := getattr(event, "tag", None):
            self.complain(f"tags ({str(tag)[:40]!r}) are not read; write the value without one", line, key_path)
        if _IMPOSSIBLE.search(text := getattr(event, "value", "")):
            self.complain(f"expected text, got characters that no text holds: {show_value(text)}", line, key_path)

    def scalar(self, event: Any, key_path: KeyPath) -> Any:
        if event.style:  # quoted or a block
            return str(event.value)
        try:
            return scalar(event.value)
        except ValueError as error:
            self.complain(str(error), event.start_mark.line + 1, key_path)
            return None

    def sequence(self, events: Iterator[Any], key_path: KeyPath) -> list[Any]:
        from ruamel.yaml.events import SequenceEndEvent

        items: list[Any] = []
        for event in events:
            if isinstance(event, SequenceEndEvent):
                break
            here = (*key_path, len(items))
            self.places[here] = (self.file, event.start_mark.line + 1)
            items.append(self.node(event, events, here))
        return items

    def mapping(self, events: Iterator[Any], key_path: KeyPath) -> dict[str, Any]:
        from ruamel.yaml.events import MappingEndEvent, ScalarEvent

        tree: dict[str, Any] = {}
        for event in events:
            if isinstance(event, MappingEndEvent):
                break
            line = event.start_mark.line + 1
            if not isinstance(event, ScalarEvent):
                self.complain("a key must be text", line, key_path)
                raise _Stop
            key = str(event.value)
            here = (*key_path, key)
            self.check(event, here)
            if key in tree:
                self.complain(f"this key was written already in line {self.places[here][1]}", line, here)
            self.places.setdefault(here, (self.file, line))
            tree[key] = self.node(next(events), events, here)
        return tree


def _show_key(key: str | int) -> str:
    text = str(key)
    text = text if text.isprintable() and text else repr(text)
    return text if len(text) <= 60 else text[:57] + "..."
