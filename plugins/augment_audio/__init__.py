"""Recordings of sound: folders of audio files, edits, and probes."""

from __future__ import annotations

from augment.plugin import Component, hookimpl


@hookimpl
def augment_components() -> list[type[Component]]:
    """The components of this plugin."""
    from augment_audio.bird_calls import BirdCalls
    from augment_audio.edits import AudioEdits
    from augment_audio.mixture import SpectralMixture
    from augment_audio.probes import Mfcc, Spectral
    from augment_audio.sink import AudioFolderSink
    from augment_audio.source import AudioFolderSource

    return [AudioFolderSource, AudioFolderSink, BirdCalls, AudioEdits, SpectralMixture, Spectral, Mfcc]
