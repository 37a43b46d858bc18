"""Propose sinks that write the data in the form in which it came."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from augment.data import Dataset
from augment.detect.formats import Data, settings_to_write
from augment.plugin.catalog import Catalog
from augment.plugin.contracts import Sink, Source

__all__ = ["choose_sinks"]


def choose_sinks(
    source: type[Source], data: Data, settings: Mapping[str, Any], dataset: Dataset, catalog: Catalog
) -> list[tuple[type[Sink], dict[str, Any]]]:
    """The sinks of a pipeline and their settings; none where the default ones are to write the data.

    The sink that has the name of the source writes what the source reads. Where its files do not say where each row
    came from, the default ones are written too.

    Args:
        source: what reads the data.
        data: the file or folder, or several files.
        settings: the settings beside `path` that the source needed.
        dataset: the result.
        catalog: the components.
    """
    named = [cls for cls in catalog.components(source.name) if issubclass(cls, Sink)]
    sink = next((cls for cls in named if cls.accepts.refusal(dataset.schema) is None), None)
    if sink is None:
        return []
    shared = {name: value for name, value in settings.items() if name in sink.Params.model_fields}
    sinks = [(sink, {**shared, **settings_to_write(source, data, settings, dataset)})]
    if not sink.holds_origin:
        names = catalog.defaults("sink", [dataset.schema.modality])
        classes = [cls for name in names for cls in catalog.candidates("sink", name) if issubclass(cls, Sink)]
        sinks += [(cls, {}) for cls in classes if cls.accepts.refusal(dataset.schema) is None and cls is not sink]
    return sinks
