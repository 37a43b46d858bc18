"""Plain data checked against a pydantic model, with what is wrong said in plain words.

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
from augment.spec.yaml_tree import MAX_PROBLEMS, Trail, shown

__all__ = ["Complaint", "validate"]

Model = TypeVar("Model", bound=BaseModel)
Complaint = tuple[Trail, str]

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


def validate(model: type[Model], tree: Mapping[str, Any]) -> tuple[Model | None, list[Complaint]]:
    """The model made of the tree, or None and everything that is wrong, each with the trail that leads to it."""
    try:
        return model.model_validate_json(json.dumps(tree), strict=True), []
    except ValidationError as error:
        return None, _complaints(error, model, tree)


def _complaints(error: ValidationError, model: type[BaseModel], tree: Mapping[str, Any]) -> list[Complaint]:
    found = [
        (_trail(details["loc"], tree, details["type"] == "missing"), details)
        for details in error.errors(include_url=False)[:MAX_ERRORS]
    ]
    trails = {trail for trail, _ in found}
    wanted: dict[Trail, list[str]] = {}
    came: dict[Trail, Any] = {}
    complaints: list[Complaint] = []
    for trail, details in found:
        from_union = len(trail) < len(details["loc"])
        if from_union and any(len(other) > len(trail) and other[: len(trail)] == trail for other in trails):
            continue  # another member of the union fits better, and says what is wrong further inside
        expected = _expected(details)
        if expected is None:
            complaints.append((trail, _said(details, model, trail)))
        elif expected not in wanted.setdefault(trail, []):
            wanted[trail].append(expected)
            came[trail] = details["input"]
    for trail, words in wanted.items():
        got = came[trail]
        complaints.append((trail, f"expected {' or '.join(words)}, got {shown(got)}{_hint(words, got)}"))
    return list(dict.fromkeys(complaints))


def _trail(loc: tuple[int | str, ...], tree: Any, is_missing: bool) -> Trail:
    """Where in the tree that is: pydantic's `loc` without the names of union members and validators."""
    trail: list[int | str] = []
    node = tree
    for part in loc[:-1] if is_missing else loc:
        inside = isinstance(node, dict) and part in node
        inside = inside or (isinstance(node, list) and isinstance(part, int) and 0 <= part < len(node))
        if inside:
            trail.append(part)
            node = node[part]
    return (*trail, loc[-1]) if is_missing else tuple(trail)


def _expected(details: Any) -> str | None:
    template = _EXPECTED.get(details["type"])
    if template is None:
        return None
    context = {
        name: f"{value:g}" if isinstance(value, float) else value for name, value in details.get("ctx", {}).items()
    }
    return template.format(**context)


def _said(details: Any, model: type[BaseModel], trail: Trail) -> str:
    match details["type"]:
        case "missing" if isinstance(trail[-1], int):
            return f"expected at least {trail[-1] + 1} entries"
        case "missing":
            return "is needed, and missing"
        case "extra_forbidden":
            if elsewhere := [path for path in _paths(model) if path[-1] == trail[-1]]:
                return f"this key is not known here; did you mean `{'.'.join(elsewhere[0])}`?"
            models = list(_models_at(model, trail[:-1]))
            for found in models:
                if new := getattr(found, "renamed", {}).get(trail[-1]):
                    return f"this key is not known; did you mean {new!r}?"
            known = sorted({key for found in models for key in _keys(found)})
            near = did_you_mean(str(trail[-1]), known)
            return "this key is not known" + (near or (f"; known are {', '.join(known)}" if known else "; none is"))
        case "value_error" | "assertion_error":
            return str(details["ctx"]["error"])
        case _:
            return str(details["msg"]).replace("Input should be", "expected").replace("Value error, ", "")


def _hint(words: list[str], got: Any) -> str:
    is_number = isinstance(got, int | float) and not isinstance(got, bool)
    if words == ["text"] and (is_number or isinstance(got, bool)):
        return f'; write it in quotes: "{shown(got)}"'
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


def _models_at(annotation: Any, trail: Trail) -> Iterator[type[BaseModel]]:
    """The models that may stand at the end of a trail, from an annotation on."""
    if inspect.isclass(annotation) and issubclass(annotation, BaseModel):
        if not trail:
            yield annotation
            return
        for name, field in annotation.model_fields.items():
            if (field.alias or name) == trail[0]:
                yield from _models_at(field.annotation, trail[1:])
        return
    is_choice = get_origin(annotation) in (Union, UnionType, Annotated)
    if is_choice or trail:
        for inner in get_args(annotation):
            yield from _models_at(inner, trail if is_choice else trail[1:])
