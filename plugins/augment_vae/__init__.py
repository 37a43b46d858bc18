"""Generators that learn to compress and to restore: `vae` and `vae-anchored`."""

from __future__ import annotations

from augment.plugin import Component, hookimpl


@hookimpl
def augment_components() -> list[type[Component]]:
    """The components of this plugin."""
    from augment_vae.anchored_images import AnchoredImage
    from augment_vae.images import ImageVae
    from augment_vae.series import SeriesVae
    from augment_vae.tables import TableVae

    return [ImageVae, AnchoredImage, SeriesVae, TableVae]
