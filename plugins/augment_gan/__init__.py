"""Generators learnt by an adversarial game: `gan`."""

from __future__ import annotations

from augment.plugin import Component, hookimpl


@hookimpl
def augment_components() -> list[type[Component]]:
    """The components of this plugin."""
    from augment_gan.images import ImageGan
    from augment_gan.series import SeriesGan
    from augment_gan.tables import TableGan

    return [ImageGan, SeriesGan, TableGan]
