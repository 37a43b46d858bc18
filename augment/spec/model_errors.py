"""Plain data checked against a pydantic model, with problems in plain words.

Checked as JSON in strict mode: a number is not taken for text, nor `yes` for true, while a list does for a tuple and
text for a path.
"""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Iterator, Mapping
from types import UnionType
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError

from augment.errors import did_you_mean
from augment.spec.messages import MAX_PROBLEMS, KeyPath, show_value

__all__ = ["Violation", "validate"]

Model = TypeVar("Model", bound=BaseModel)
Violation = tuple[KeyPath, str]

MAX_ERRORS = 10 * MAX_PROBLEMS  # several of them may be one problem

_EXPECTED = {
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "finite_number": "a finite number",
    "string_type": "text",
    "bool_type": "true or false",
    "list_type": "a list",
    "tuple_type": "a list",
    "set_type": "a list",
    "frozen_set_type": "a list",
    "dict_type": "a mapping (`key: value`)",
    "model_type": "a mapping (`key: value`)",
    "path_type": "a path",
    "none_required": "nothing",
    "greater_than": "more than {gt}",
    "greater_than_equal": "at least {ge}",
    "less_than": "less than {lt}",
    "less_than_equal": "at most {le}",
    "multiple_of": "a multiple of {multiple_of}",
    "literal_error": "{expected}",
    "enum": "{expected}",
    "too_short": "at least {min_length} entries",
    "too_long": "at most {max_length} entries",
    "string_too_short": "text of at least {min_length} characters",
    "string_too_long": "text of at most {max_length} characters",
    "string_pattern_mismatch": "text that matches {pattern}",
}


def validate(model: type[Model], tree: Mapping[str, Any]) -> tuple[Model | None, list[Violation]]:
    """The model made of the tree, or None and everything that is wrong, each with the key_path that leads to it."""
    try:
        return model.model_validate_json(json.dumps(tree), strict=True), []
    except ValidationError as error:
        return None, _violations(error, model, tree)


def _violations(error: ValidationError, model: type[BaseModel], tree: Mapping[str, Any]) -> list[Violation]:
    errors = [
        (_key_path(details["loc"], tree, details["type"] == "missing"), details)
        for details in error.errors(include_url=False)[:MAX_ERRORS]
    ]
    key_paths = {key_path for key_path, _ in errors}
    wanted: dict[KeyPath, list[str]] = {}
    came: dict[KeyPath, Any] = {}
    violations: list[Violation] = []
    for key_path, details in errors:
        from_union = len(key_path) < len(details["loc"])
        if from_union and any(len(other) > len(key_path) and other[: len(key_path)] == key_path for other in key_paths):
            continue  # another member of the union fits better, and says what is wrong further inside
        expected = _expected(details)
        if expected is None:
            violations.append((key_path, _message(details, model, key_path)))
        elif expected not in wanted.setdefault(key_path, []):
            wanted[key_path].append(expected)
            came[key_path] = details["input"]
    for key_path, words in wanted.items():
        got = came[key_path]
        violations.append((key_path, f"expected {' or '.join(words)}, got {show_value(got)}{_hint(words, got)}"))
    return list(dict.fromkeys(violations))


def _key_path(loc: tuple[int | str, ...], tree: Any, is_missing: bool) -> KeyPath:
    """Where in the tree that is: pydantic's `loc` without the names of union members and validators."""
    key_path: list[int | str] = []
    node = tree
    for part in loc[:-1] if is_missing else loc:
        inside = isinstance(node, dict) and part in node
        inside = inside or (isinstance(node, list) and isinstance(part, int) and 0 <= part < len(node))
        if inside:
            key_path.append(part)
            node = node[part]
    return (*key_path, loc[-1]) if is_missing else tuple(key_path)


def _expected(details: Any) -> str | None:
    template = _EXPECTED.get(details["type"])
    if template is None:
        return None
    context = {
        name: f"{value:g}" if isinstance(value, float) else value for name, value in details.get("ctx", {}).items()
    }
    return template.format(**context)


def _message(details: Any, model: type[BaseModel], key_path: KeyPath) -> str:
    match details["type"]:
        case "missing" if isinstance(key_path[-1], int):
            return f"expected at least {key_path[-1] + 1} entries"
        case "missing":
            return "is required"
        case "extra_forbidden":
            if elsewhere := [path for path in _paths(model) if path[-1] == key_path[-1]]:
                return f"unknown key; did you mean `{'.'.join(elsewhere[0])}`?"
            models = list(_models_at(model, key_path[:-1]))
            for inner in models:
                if new := getattr(inner, "renamed", {}).get(key_path[-1]):
                    return f"unknown key; did you mean {new!r}?"
            known = sorted({key for inner in models for key in _keys(inner)})
            near = did_you_mean(str(key_path[-1]), known)
            return "unknown key" + (
                near or (f"; the keys here are {', '.join(known)}" if known else "; expected no keys")
            )
        case "value_error" | "assertion_error":
            return str(details["ctx"]["error"])
        case _:
            return str(details["msg"]).replace("Input should be", "expected").replace("Value error, ", "")


def _hint(words: list[str], got: Any) -> str:
    is_number = isinstance(got, int | float) and not isinstance(got, bool)
    if words == ["text"] and (is_number or isinstance(got, bool)):
        return f'; write it in quotes: "{show_value(got)}"'
    if "true or false" in words and str(got).lower() in ("yes", "on", "no", "off"):
        return f"; did you mean {'true' if str(got).lower() in ('yes', 'on') else 'false'}?"
    if "a whole number" in words and isinstance(got, float) and got.is_integer() and abs(got) < 1e15:
        return f"; write {int(got)}"
    if isinstance(got, str):
        return did_you_mean(got, re.findall(r"'([^']*)'", " ".join(words)))
    return ""


def _keys(model: type[BaseModel]) -> list[str]:
    return [field.alias or name for name, field in model.model_fields.items()]


def _paths(model: type[BaseModel]) -> Iterator[tuple[str, ...]]:
    """The keys that lead to every setting of a model, without those inside lists."""
    for name, field in model.model_fields.items():
        key = field.alias or name
        yield (key,)
        for inner in _models_at(field.annotation, ()):
            yield from ((key, *path) for path in _paths(inner))


def _models_at(annotation: Any, key_path: KeyPath) -> Iterator[type[BaseModel]]:
    """The models that may stand at the end of a key_path, from an annotation on."""
    if inspect.isclass(annotation) and issubclass(annotation, BaseModel):
        if not key_path:
            yield annotation
            return
        for name, field in annotation.model_fields.items():
            if (field.alias or name) == key_path[0]:
                yield from _models_at(field.annotation, key_path[1:])
        return
    is_choice = get_origin(annotation) in (Union, UnionType, Annotated)
    if is_choice or key_path:
        for inner in get_args(annotation):
            yield from _models_at(inner, key_path if is_choice else key_path[1:])
