"""Generators that foretell some columns from others: `rnn` draws whole rows, `anchored` moves real ones."""

from __future__ import annotations

from augment.components import Component
from augment.hookspecs import hookimpl


@hookimpl
def augment_components() -> list[type[Component]]:
    """The components of this plugin."""
    from augment_rnn.anchored import AnchoredTable
    from augment_rnn.tables import TableRnn

    return [AnchoredTable, TableRnn]
