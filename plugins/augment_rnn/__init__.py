"""Generators that predict one value after the other: `rnn`."""

from __future__ import annotations

from augment.components import Component
from augment.hookspecs import hookimpl


@hookimpl
def augment_components() -> list[type[Component]]:
    """The components of this plugin."""
    from augment_rnn.tables import TableRnn

    return [TableRnn]
