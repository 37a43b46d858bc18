"""One value of a pipeline changed from outside: `--set generators.0.with.epochs=5`."""

from __future__ import annotations

from typing import Any

from augment.errors import Problem, SpecError, did_you_mean
from augment.spec.document import Document
from augment.spec.messages import KeyPath, show_value
from augment.spec.yaml_reader import MAX_DEPTH, parse

__all__ = ["parse_override", "set_value"]


def set_value(document: Document, override: str) -> None:
    """Change one value of a document: `generators.0.with.epochs=5`, or by id: `generators.gan.with.epochs=5`.

    The value is read as YAML, so `[1, 2]` is a list and `{a: 1}` a mapping.

    Raises:
        SpecError: there is no `=`, the value is not YAML, or the path leads nowhere.
    """
    place = f"--set {override}"
    path, equals, text = override.partition("=")
    keys = path.strip().split(".")
    if not equals or not all(keys):
        raise SpecError(Problem("expected KEY=VALUE, such as generators.0.with.epochs=5", file=place))
    if len(keys) > MAX_DEPTH:
        raise SpecError(Problem(f"values are nested at most {MAX_DEPTH} levels deep", file=place))
    value = _value(text, place)
    node: Any = document.tree
    key_path: KeyPath = ()
    for key in keys[:-1]:
        inner = _key_in(node, key, key_path, place)
        key_path = (*key_path, inner)
        if isinstance(node, dict) and node.get(key) is None:
            node[key] = {}
            document.places[key_path] = (place, 0)
        node = node[inner]
    inner = _key_in(node, keys[-1], key_path, place)
    node[inner] = value
    key_path = (*key_path, inner)
    for old in [old for old in document.places if old[: len(key_path)] == key_path]:
        del document.places[old]
    document.places[key_path] = (place, 0)


def parse_override(override: str) -> Any:
    """The value of `KEY=VALUE` alone, read as YAML.

    Raises:
        SpecError: it is not YAML.
    """
    return _value(override.partition("=")[2], f"--set {override}")


def _value(text: str, place: str) -> Any:
    value, _, problems = parse(text, place)
    if problems:
        raise SpecError([Problem(problem.message, problem.where, place) for problem in problems])
    return value


def _key_in(node: Any, key: str, key_path: KeyPath, place: str) -> str | int:
    """The key or position that `key` means inside `node`."""
    around = ".".join(map(str, key_path))
    if isinstance(node, dict):
        return key
    if not isinstance(node, list):
        raise SpecError(Problem(f"{around!r} is {show_value(node)}; there is no {key!r} inside it", file=place))
    names = [str(item.get("id") or item.get("use")) if isinstance(item, dict) else str(item) for item in node]
    if key.isdecimal() and len(key) < 10:
        if int(key) < len(node):
            return int(key)
        held = f"{around!r} has {len(node)} entries, numbered from 0"
        raise SpecError(Problem(f"{held}; there is no {key}", file=place))
    if names.count(key) == 1:
        return names.index(key)
    if key in names:
        raise SpecError(Problem(f"{around!r} has several entries called {key!r}; give the number of one", file=place))
    known = f"expected a number, counted from 0, or one of {', '.join(map(repr, names)) or 'no entries'}"
    raise SpecError(Problem(f"{around!r} has no entry {key!r}; {known}{did_you_mean(key, names)}", file=place))
