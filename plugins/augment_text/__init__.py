"""Texts: sources, edits of words, and a probe."""

from __future__ import annotations

from augment.plugin import Component, hookimpl


@hookimpl
def augment_components() -> list[type[Component]]:
    """The components of this plugin."""
    from augment_text.docstrings import Docstrings
    from augment_text.edits import TextEdits
    from augment_text.probe import Tfidf
    from augment_text.sinks import TextFolderSink, TextSink
    from augment_text.sources import TextFile, TextFolder

    return [Docstrings, TextEdits, TextFile, TextFolder, TextFolderSink, TextSink, Tfidf]
