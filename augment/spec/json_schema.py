"""The JSON Schema of pipeline files, for editors: the models' own, with the settings of every installed component."""

from __future__ import annotations

from typing import Any

from pydantic.errors import PydanticInvalidForJsonSchema

from augment.plugin.catalog import Catalog
from augment.plugin.contracts import Component
from augment.plugin.kinds import Kind
from augment.spec.models import SECTIONS, Pipeline
from augment.spec.searched_settings import SEARCH

__all__ = ["json_schema"]

FACTORY = r"^[A-Za-z_][\w.]*:[A-Za-z_]\w*$"  # a probe of the user's own: package.module:factory


def json_schema(catalog: Catalog) -> dict[str, Any]:
    """A JSON Schema (2020-12) of pipeline files. Imports every plugin; broken ones are left out."""
    schema = Pipeline.model_json_schema(by_alias=True)
    definitions = schema["$defs"]
    names: dict[Kind, set[str]] = {}
    for report in catalog.reports():
        for kind, name in report.components:
            if name == report.offer.name:
                names.setdefault(kind, set()).add(name)  # type: ignore[arg-type]
    use = definitions.pop("Use")
    for kind in (*SECTIONS.values(), "probe"):
        definitions[kind] = _entry(catalog, kind, sorted(names.get(kind, ())), use, definitions)
    for section, kind in SECTIONS.items():
        place = schema["properties"][section]
        place.pop("default", None)
        place.pop("$ref", None)
        alternatives = place.pop("anyOf", [])  # a list, or nothing: a section that is left out
        place |= alternatives[0] if alternatives else {}
        reference = {"$ref": f"#/$defs/{kind}"}
        if section == "source":
            place |= reference
        else:
            place["items"] = reference
    definitions["Trial"]["properties"]["probe"]["anyOf"][0] = {"$ref": "#/$defs/probe"}
    definitions["Split"]["properties"]["test"]["anyOf"][0] = {"$ref": "#/$defs/source"}
    definitions["Split"]["properties"]["test"]["anyOf"].append({"type": ["string", "number", "boolean"]})
    schema["properties"]["trial"]["anyOf"].append({"const": False})
    schema["required"] = [key for key in schema["required"] if key != "name"]
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def _entry(
    catalog: Catalog, kind: Kind, names: list[str], use: dict[str, Any], definitions: dict[str, Any]
) -> dict[str, Any]:
    """What may stand for one component of a kind: its name, or a mapping whose `with:` depends on its `use:`."""
    settings = []
    for name in names:
        offered = catalog.candidates(kind, name)
        references = [{"$ref": f"#/$defs/{_define(cls, definitions)}"} for cls in offered]
        then: dict[str, Any] = {
            "properties": {"with": references[0] if len(references) == 1 else {"anyOf": references}}
        }
        if all(field.get("required") for field in (definitions[ref["$ref"].split("/")[-1]] for ref in references)):
            then["required"] = ["with"]
        settings.append({"if": {"properties": {"use": {"const": name}}}, "then": then})
    shared = {key: value for key, value in use["properties"].items() if key != "tune" or kind == "generator"}
    spelled: dict[str, Any] = {**use, "title": kind.capitalize()}
    known: dict[str, Any] = {"type": "string", "enum": names}
    if kind == "probe":
        known = {"anyOf": [known, {"type": "string", "pattern": FACTORY}]}
    spelled["properties"] = {**shared, "use": {**shared["use"], **known}}
    if settings:
        spelled["allOf"] = settings
    return {"anyOf": [known, spelled]}


def _define(cls: type[Component], definitions: dict[str, Any]) -> str:
    """Add the settings of a component to the definitions; returns under which name."""
    prefix = f"{cls.__module__}.{cls.__qualname__}"
    try:
        schema = cls.Params.model_json_schema(by_alias=True, ref_template=f"#/$defs/{prefix}.{{model}}")
    except PydanticInvalidForJsonSchema:  # a plugin's own type that JSON Schema has no word for
        schema = {"type": "object"}
    inside = schema.pop("$defs", {})
    if cls.kind == "generator":
        for model in (schema, *inside.values()):
            model |= {"properties": {name: _or_search(one) for name, one in model.get("properties", {}).items()}}
    for name, inner in inside.items():
        definitions[f"{prefix}.{name}"] = inner
    definitions[prefix] = {**schema, "title": f"{cls.name} ({cls.kind})"}
    return prefix


def _or_search(setting: dict[str, Any]) -> dict[str, Any]:
    """A setting that may be searched for: a value, or `{search: [...]}` with several."""
    said: dict[str, Any] = {}
    said |= {key: setting[key] for key in ("title", "description", "default", "examples") if key in setting}
    value = {key: inner for key, inner in setting.items() if key not in said}
    values = {"type": "array", "items": value, "minItems": 2}
    search = {"type": "object", "properties": {SEARCH: values}, "required": [SEARCH], "additionalProperties": False}
    return {**said, "anyOf": [value, search]}
