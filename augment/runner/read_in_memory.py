"""Data in memory read in this process, by the source that reads it in a run."""

from __future__ import annotations

from pathlib import Path

from augment.data import Dataset, SchemaDeclaration
from augment.plugin.catalog import Catalog
from augment.plugin.context import Context
from augment.plugin.contracts import Source
from augment.runner.splitting import declare

__all__ = ["read_in_memory"]


def read_in_memory(file: Path, declared: SchemaDeclaration, catalog: Catalog, folder: Path) -> Dataset:
    """What `InMemory.write` has written, as a dataset of inferred types.

    Args:
        file: its path.
        declared: what is known of the data.
        catalog: the components there are.
        folder: scratch folder.

    Raises:
        DataError: it holds what no dataset can.
    """
    cls = catalog.candidates("source", catalog.default_names("source")[0])[0]
    assert issubclass(cls, Source)
    data = cls(cls.Params.model_validate({"path": file})).read(Context(0, folder, declared=declared))
    return Dataset.of(data.frame, data.arrays, declare(data, declared))
