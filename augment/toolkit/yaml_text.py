"""Plain data as YAML: the one place that writes it."""

# Own code, because ruamel's emitter cannot write one value on one line without an end mark, does not escape characters
# that nobody can see (such as those that turn text around), and takes 18 times as long: 11 against 0.6 ms for a
# resolved pipeline.

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

__all__ = ["dump", "dump_flow"]

_PLAIN = re.compile(r"(\.{0,2}/)*[^\W\d][\w ./-]*(?<! )")  # text that nobody takes for anything else, but for these:
_WORDS = {"null", "true", "false", "yes", "no", "on", "off", "y", "n"}  # some only to older YAML and to many eyes
_ESCAPES = {"\n": "\\n", "\t": "\\t", "\r": "\\r", '"': '\\"', "\\": "\\\\"}
MAX_KEY = 1000  # YAML allows 1,024 characters where no `?` stands before a key


def dump(value: Any) -> str:
    """Plain data (text, numbers, booleans, None, lists, mappings with text as keys) as lines of YAML in block style.

    It reads back as the same data, and equal data gives equal text.

    >>> print(dump({"use": "gan", "with": {"sizes": [1, 2], "device": "cuda:1"}}), end="")
    use: gan
    with:
      sizes:
        - 1
        - 2
      device: "cuda:1"
    """
    return "".join(f"{line}\n" for line in _block(value))


def dump_flow(value: Any) -> str:
    """The same data on one line, in flow style.

    Text is quoted where YAML or the eye would take it for something else; characters that cannot be seen are escaped.

    >>> print(dump_flow({"a b": [1, 2.5, None, True]}), dump_flow("yes"), dump_flow("12"), dump_flow("a: b"))
    {a b: [1, 2.5, null, true]} "yes" "12" "a: b"
    """
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{_flow_key(key)}: {dump_flow(inner)}' for key, inner in value.items())}}}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(dump_flow, value))}]"
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return repr(value)
    text = str(value)
    if _PLAIN.fullmatch(text) and text.isprintable() and text.lower() not in _WORDS:
        return text
    return f'"{"".join(map(_escaped, text))}"'


def _block(value: Any) -> Iterator[str]:
    """The lines of a value, the first level not indented."""
    if isinstance(value, Mapping) and value and all(len(dump_flow(key)) <= MAX_KEY for key in value):
        for key, inner in value.items():
            if isinstance(inner, Mapping | list | tuple) and inner:
                yield f"{dump_flow(key)}:"
                yield from (f"  {line}" for line in _block(inner))
            else:
                yield f"{dump_flow(key)}: {dump_flow(inner)}"
    elif isinstance(value, list | tuple) and value:
        for inner in value:
            first, *others = _block(inner)
            yield f"- {first}"
            yield from (f"  {line}" for line in others)
    else:
        yield dump_flow(value)


def _flow_key(key: Any) -> str:
    text = dump_flow(key)
    return text if len(text) <= MAX_KEY else f"? {text} "


def _escaped(char: str) -> str:
    """One character inside double quotes."""
    code = ord(char)
    if char in _ESCAPES:
        return _ESCAPES[char]
    if char.isprintable():
        return char
    return f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}" if code < 65536 else f"\\U{code:08x}"
