"""Histories: what users met, in order. A source and a sink, simple edits, a probe, and users to try things on."""

from __future__ import annotations

from augment.plugin import Component, hookimpl


@hookimpl
def augment_components() -> list[type[Component]]:
    """The components of this plugin."""
    from augment_histories.edits import HistoryEdits
    from augment_histories.probe import Items
    from augment_histories.shoppers import Shoppers
    from augment_histories.sink import HistoriesSink
    from augment_histories.source import HistoriesSource

    return [HistoryEdits, HistoriesSink, HistoriesSource, Items, Shoppers]
