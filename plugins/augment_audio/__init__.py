"""Recordings of sound: folders of audio files, read and written."""

from __future__ import annotations

from augment.plugin import Component, hookimpl


@hookimpl
def augment_components() -> list[type[Component]]:
    """Source and sink `audio-folder`."""
    from augment_audio.sink import AudioFolderSink
    from augment_audio.source import AudioFolderSource

    return [AudioFolderSource, AudioFolderSink]
