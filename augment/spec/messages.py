"""How messages show parts of a pipeline: where a value stands, and what it is."""

from __future__ import annotations

from typing import Any

__all__ = ["MAX_PROBLEMS", "KeyPath", "show_key_path", "show_value"]

KeyPath = tuple[str | int, ...]  # the keys and positions that lead to a value: ("generators", 0, "use")

MAX_PROBLEMS = 100  # nobody reads more


def show_key_path(key_path: KeyPath) -> str:
    """A key path as one word.

    >>> show_key_path(("generators", 0, "with"))
    'generators.0.with'
    """
    return ".".join(_show_key(key) for key in key_path)


def show_value(value: Any, max_chars: int = 60) -> str:
    """A value in the words of YAML: printable, and not much longer than `max_chars` characters.

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
    return text if len(text) <= max_chars else text[: max_chars - 10] + "..." + text[-1]


def _show_key(key: str | int) -> str:
    text = str(key)
    text = text if text.isprintable() and text else repr(text)
    return text if len(text) <= 60 else text[:57] + "..."
