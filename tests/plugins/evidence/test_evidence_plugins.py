from __future__ import annotations

import pytest

from augment.plugin.catalog import Catalog, Offer

OFFERED = {
    "augment_arrays": {("source", "npz"), ("sink", "npz")},
    "augment_controls": {("generator", "bootstrap")},
    "augment_datasets": {("source", "sklearn")},
    "augment_evidence": {
        ("metric", "fidelity"),
        ("metric", "privacy"),
        ("filter", "not-a-copy"),
        ("filter", "label-agreement"),
        ("filter", "plausible"),
    },
}


@pytest.mark.parametrize("module", OFFERED)
def test_the_catalog_finds_every_component_by_its_name(module):
    names = {name for _, name in OFFERED[module]}
    catalog = Catalog([Offer(name, module, "augment-pipeline", "0") for name in names])
    found = {(cls.kind, cls.name) for name in catalog.names for cls in catalog.components(name)}
    assert found == OFFERED[module]
