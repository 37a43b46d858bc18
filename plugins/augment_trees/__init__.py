"""Sequential decision trees: each column drawn from the leaf of a tree on the columns before it."""

from __future__ import annotations

from augment.plugin import Component, hookimpl


@hookimpl
def augment_components() -> list[type[Component]]:
    """The components of this plugin."""
    from augment_trees.trees import Trees

    return [Trees]
