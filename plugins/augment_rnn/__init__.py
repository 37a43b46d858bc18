"""Generators that predict a part from what is known: `rnn` draws rows from nothing, `anchored` moves real ones."""

from __future__ import annotations

from augment.plugin import Component, hookimpl


@hookimpl
def augment_components() -> list[type[Component]]:
    """The components of this plugin."""
    from augment_rnn.anchored import AnchoredTable
    from augment_rnn.histories import HistoryAnchored, HistoryRnn
    from augment_rnn.series import SeriesRnn
    from augment_rnn.tables import TableRnn
    from augment_rnn.text import TextAnchored, TextRnn

    return [AnchoredTable, HistoryAnchored, HistoryRnn, SeriesRnn, TableRnn, TextAnchored, TextRnn]
