"""What `augment plugins` lists. Built-in components are listed from an index, without importing one of them."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import augment.plugin
from augment.plugin.catalog import OWN_DISTRIBUTION, Catalog, Offer
from augment.plugin.kinds import KINDS
from augment.text import printable, table

__all__ = ["INDEX", "build_index", "list_kinds", "offered", "plugins"]


INDEX = Path(augment.plugin.__path__[0]) / "built_in.json"  # docs/generate.py writes it


def offered(catalog: Catalog) -> list[dict[str, Any]]:
    """Everything that installed plugins offer, by kind and name; `error` says what is wrong with a broken one."""
    index = json.loads(INDEX.read_text(encoding="utf-8"))
    count = Counter(offer.name for offer in catalog.offers)
    known = {
        offer: index["components"][offer.name]
        for offer in catalog.offers
        if offer.distribution == OWN_DISTRIBUTION and offer.name in index["components"] and count[offer.name] == 1
    }
    entries: list[dict[str, Any]] = []
    for offer, kinds in known.items():
        for kind, data in kinds:
            entries.append({"name": offer.name, "kind": kind, "data": data, **_origin(offer), "error": ""})
    for report in catalog.reports(offers=[offer for offer in catalog.offers if offer not in known]):
        offer = report.offer
        kinds = [] if report.error else list_kinds(catalog, offer.name, bool(report.components))
        for kind, data in kinds or [("", [])]:
            entries.append({"name": offer.name, "kind": kind, "data": data, **_origin(offer), "error": report.error})
    order = {kind: place for place, kind in enumerate(KINDS)}
    return sorted(entries, key=lambda entry: (order.get(entry["kind"], len(order)), entry["name"]))


def build_index(catalog: Catalog) -> str:
    """The text of the index: all kinds of data, and of each built-in name its kinds and the data that these work on."""
    from augment.plugin.accepts import EVERY_MODALITY

    own = [offer for offer in catalog.offers if offer.distribution == OWN_DISTRIBUTION]
    components = {
        report.offer.name: list_kinds(catalog, report.offer.name, bool(report.components))
        for report in catalog.reports(offers=own)
    }
    return json.dumps({"data": sorted(EVERY_MODALITY), "components": components}, indent=1) + "\n"


def list_kinds(catalog: Catalog, name: str, has_components: bool) -> list[tuple[str, list[str]]]:
    """The kinds of component of an installed name, each with the kinds of data that it works on."""
    from augment.cli.describe import modalities

    if not has_components:
        return [("observer", [])]
    by_kind: dict[str, set[str]] = {}
    for cls in catalog.components(name):
        by_kind.setdefault(cls.kind, set()).update(modalities(cls))
    return [(kind, sorted(data)) for kind, data in by_kind.items()]


def _origin(offer: Offer) -> dict[str, str]:
    return {"distribution": f"{offer.distribution} {offer.version}", "module": offer.module}


def plugins(entries: Sequence[Mapping[str, Any]]) -> str:
    """The table of `augment plugins`, and below it what is broken."""
    working = [entry for entry in entries if not entry["error"]]
    broken = [entry for entry in entries if entry["error"]]
    rows: list[Sequence[object]] = [("NAME", "KIND", "DATA", "FROM")]
    rows += [(entry["name"], entry["kind"], _data(entry["data"]), entry["distribution"]) for entry in working]
    lines = table(rows)
    if broken:
        lines += ["", "broken:"]
        lines += [f"  {entry['name']} ({entry['distribution']}): {printable(entry['error'])}" for entry in broken]
    return "\n".join(lines)


def _data(names: Sequence[str]) -> str:
    every = json.loads(INDEX.read_text(encoding="utf-8"))["data"]
    return "any" if list(names) == every else ", ".join(names)
