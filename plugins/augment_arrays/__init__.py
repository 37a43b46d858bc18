"""Datasets as numpy's `.npz` files, read and written."""

from augment.plugin import hookimpl


@hookimpl
def augment_components() -> list[type]:
    from augment_arrays.npz_sink import NpzSink
    from augment_arrays.npz_source import NpzSource

    return [NpzSource, NpzSink]
