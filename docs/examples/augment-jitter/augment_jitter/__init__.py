"""A generator for augment: jitter."""

from __future__ import annotations

from augment.plugin import Component, hookimpl

API = 1  # version of the contracts that it was written for


@hookimpl
def augment_components() -> list[type[Component]]:
    """The components of this plugin."""
    from augment_jitter.generator import Jitter

    return [Jitter]
