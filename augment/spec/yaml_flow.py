"""Values as YAML on one line, however odd they are: for files that are written with comments, and for examples."""

from __future__ import annotations

import re
from typing import Any

__all__ = ["flow"]

_PLAIN = re.compile(r"[^\W\d_][\w ./-]*(?<! )")  # text that nobody takes for anything else, but for the words below
_WORDS = {"null", "true", "false", "yes", "no", "on", "off", "y", "n"}  # some only to older YAML and to many eyes


def flow(value: Any) -> str:
    """Plain data (text, numbers, booleans, None, lists, mappings) as one line of YAML in flow style.

    Text is quoted where YAML or the eye would take it for something else; what cannot be seen is written out.

    >>> print(flow({"a b": [1, 2.5, None, True]}), flow("yes"), flow("12"), flow("a: b"))
    {a b: [1, 2.5, null, true]} "yes" "12" "a: b"
    """
    if isinstance(value, dict):
        return f"{{{', '.join(f'{flow(key)}: {flow(inner)}' for key, inner in value.items())}}}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(flow, value))}]"
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


def _escaped(char: str) -> str:
    """One character inside double quotes."""
    if char in '"\\':
        return f"\\{char}"
    if char.isprintable():
        return char
    code = ord(char)
    known = {"\n": "\\n", "\t": "\\t", "\r": "\\r"}
    return known.get(char) or (
        f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}" if code < 65536 else f"\\U{code:08x}"
    )
