"""SMOTE: new rows on the lines between a training row and its nearest neighbors of the same class."""

from __future__ import annotations

from augment.plugin import Component, hookimpl


@hookimpl
def augment_components() -> list[type[Component]]:
    """The components of this plugin."""
    from augment_smote.smote import Smote

    return [Smote]
