"""What people read about plugins and their components, as plain text made from the code."""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import BaseModel

from augment.plugin.accepts import EVERY_COLUMN, EVERY_MODALITY
from augment.plugin.contracts import Component, Generator, Source
from augment.toolkit.yaml_text import dump_flow

__all__ = [
    "abilities",
    "component",
    "example",
    "settings",
]


def modalities(cls: type[Component]) -> frozenset[str]:
    """The kinds of data that a component works on; of a source, those that it gives."""
    return frozenset(cls.yields) if issubclass(cls, Source) else frozenset(cls.accepts.modalities)


def component(cls: type[Component]) -> str:
    """What `augment show` says of one component: its work, the data it accepts, its settings, and an example."""
    lines = [f"{cls.name}: a {cls.kind} ({cls.__module__}.{cls.__qualname__})", ""]
    if documentation := inspect.cleandoc(cls.__doc__ or ""):
        lines += [documentation, ""]
    lines += abilities(cls)
    described = settings(cls.Params)
    lines += ["", "settings:" if described else "settings: none"]
    for name, kind, default, text in described:
        lines.append(f"  {name}: {kind}{f'  [default: {default}]' if default else '  [required]'}")
        lines += [f"      {line}".rstrip() for line in text.splitlines()]
    lines += ["", "example:", *(f"  {line}" for line in example(cls).splitlines())]
    return "\n".join(lines)


def abilities(cls: type[Component]) -> list[str]:
    """What data a component works on and what it can be asked for, one fact a line: `what: which`."""
    accepts = cls.accepts
    if issubclass(cls, Source):
        return [f"gives: {_data(cls.yields)}"]
    lines = [f"data: {_data(accepts.modalities)}"]
    if accepts.columns != EVERY_COLUMN:
        lines.append(f"columns: {', '.join(sorted(accepts.columns)) or 'none beside the target and the payload'}")
    if accepts.targets != type(accepts)().targets:
        lines.append(f"target: {' or '.join(sorted(accepts.targets))}")
    if issubclass(cls, Generator):
        asked = {"none": "no column", "target": "the target", "any": "any column"}
        start = {"noise": "noise", "rows": "training rows, perturbed", "copies": "copies of training rows"}
        lines += [f"can be conditioned on: {asked[accepts.conditional]}", f"starts from: {start[cls.origin]}"]
        tried = [f"{name} {' or '.join(map(dump_flow, values))}" for name, values in cls.tunes.items()]
        lines += [f"`tune: true` tries: {', '.join(tried)}"] if tried else []
    if cls.default_for:
        lines.append(f"default for: {_data(cls.default_for)}")
    if not accepts.missing:
        lines.append("missing values: not accepted")
    if accepts.min_rows > 1:
        lines.append(f"training rows: at least {accepts.min_rows}")
    return lines


def settings(model: type[BaseModel]) -> list[tuple[str, str, str, str]]:
    """Name, type in words, default as YAML (empty when it must be given) and documentation of each setting."""
    if not model.model_fields:
        return []
    declared = model.model_json_schema()
    definitions = declared.get("$defs", {})
    required = set(declared.get("required", ()))
    described = []
    for name, said in declared["properties"].items():
        default = "" if name in required else dump_flow(_default(model, name))
        described.append((name, _type_words(said, definitions), default, inspect.cleandoc(said.get("description", ""))))
    return described


def _default(model: type[BaseModel], name: str) -> Any:
    """The default of a setting, by the name it has in files, as plain data."""
    (field,) = [field for key, field in model.model_fields.items() if name == (field.alias or key)]
    value = field.get_default(call_default_factory=True, validated_data={})
    return json.loads(json.dumps(value, default=_plain))


def _plain(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json", by_alias=True)
    return sorted(value) if isinstance(value, frozenset) else str(value)


_BOUNDS = (("minimum", ">="), ("exclusiveMinimum", ">"), ("maximum", "<="), ("exclusiveMaximum", "<"))


def _type_words(said: Mapping[str, Any], definitions: Mapping[str, Any]) -> str:
    """A JSON Schema in words."""
    if "$ref" in said:
        return _type_words(definitions[said["$ref"].rsplit("/", 1)[-1]], definitions)
    if len(said.get("allOf", ())) == 1:
        return _type_words(said["allOf"][0], definitions)
    if "enum" in said:
        return " | ".join(dump_flow(value) for value in said["enum"])
    if "const" in said:
        return dump_flow(said["const"])
    if alternatives := said.get("anyOf") or said.get("oneOf"):
        return " | ".join(dict.fromkeys(_type_words(alternative, definitions) for alternative in alternatives))
    kind = said.get("type", "anything")
    if kind == "array":
        items = said.get("prefixItems")
        if items:
            return f"[{', '.join(_type_words(item, definitions) for item in items)}]"
        return f"list of {_type_words(said.get('items', {}), definitions)}"
    if kind == "object":
        if said.get("properties"):
            inside = [f"{name}: {_type_words(inner, definitions)}" for name, inner in said["properties"].items()]
            return f"{{{', '.join(inside)}}}"
        values = said.get("additionalProperties")
        return f"mapping to {_type_words(values, definitions)}" if isinstance(values, dict) else "mapping"
    if said.get("format") in ("path", "file-path", "directory-path"):
        return "path"
    bounds = [f"{sign} {said[key]:g}" for key, sign in _BOUNDS if key in said]
    return " ".join([{"string": "text"}.get(kind, kind), *bounds[:1], *(f"and {bound}" for bound in bounds[1:])])


def example(cls: type[Component]) -> str:
    """The component in a pipeline as YAML, with all its settings at their defaults, but for those of the example that
    its `Params` has as a whole (`examples` of its JSON schema)."""
    values = {}
    declared = cls.Params.model_json_schema()
    for name, said in declared.get("properties", {}).items():
        required = name in declared.get("required", ())
        values[name] = _sample_value(said, declared.get("$defs", {})) if required else _default(cls.Params, name)
    values |= next(iter(declared.get("examples", ())), {})
    inside = [f"use: {cls.name}"]
    if values:
        inside += ["with:", *(f"  {name}: {dump_flow(value)}" for name, value in values.items())]
    if cls.kind == "source":
        lines = ["source:", *(f"  {line}" for line in inside)]
    elif cls.kind == "probe":
        lines = ["trial:", "  probe:", *(f"    {line}" for line in inside)]
    else:
        lines = [f"{cls.kind}s:", f"  - {inside[0]}", *(f"    {line}" for line in inside[1:])]
    return "\n".join(lines)


def _sample_value(said: Mapping[str, Any], definitions: Mapping[str, Any]) -> Any:
    """Something that a setting without default could be."""
    if said.get("examples"):
        return said["examples"][0]
    if "$ref" in said:
        return _sample_value(definitions[said["$ref"].rsplit("/", 1)[-1]], definitions)
    if "enum" in said:
        return said["enum"][0]
    if alternatives := said.get("anyOf") or said.get("oneOf"):
        return _sample_value(alternatives[0], definitions)
    kind = said.get("type")
    if kind == "array":
        return [_sample_value(said.get("items", {}), definitions)]
    if kind == "object":
        needed = said.get("required", ())
        return {name: _sample_value(said["properties"][name], definitions) for name in needed}
    if kind in ("integer", "number"):
        return said.get("minimum", said.get("maximum", 1))
    if kind == "boolean":
        return True
    return "path/to/data" if "path" in said.get("format", "") else "text"


def _data(names: Iterable[str]) -> str:
    names = sorted(names)
    return "any" if set(names) == EVERY_MODALITY else ", ".join(names)
