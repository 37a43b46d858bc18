"""Small datasets of every kind on disk, and the pipelines' `source` and `schema` that read them back as they were."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from augment.data import Dataset
from augment.plugin.contracts import Component
from augment.testing import example
from augment_tables.parquet_sink import ParquetSink

# kinds of data with the generators, quick to fit, whose runs are compared; the second is learnt by gradient steps
KINDS: dict[str, tuple[str, str]] = {
    "table": ("smote", "vae"),
    "image": ("albumentations", "vae"),
}


def small(kind: str, component: type[Component] | None = None, rows: int = 120) -> Dataset:
    """Data of that kind with three classes, in columns that the component can hold and with no value missing."""
    columns = {} if component is None else {"columns": component.accepts.columns}
    task = "classes" if component is None or "classes" in component.accepts.targets else "none"
    made = example(kind, task, rows, **columns)
    if payload := made.schema.payload:  # short texts repeat, and a run says how many do so across the cut
        texts = [f"{text} {number}" for number, text in enumerate(made.frame[payload])]
        made = Dataset.of(made.frame.assign(**{payload: texts}), made.arrays, made.schema)
    return made


def written(data: Dataset, folder: Path) -> dict[str, Any]:
    """The data as a Parquet file in that folder, and the sections of a pipeline beside it."""
    (path,) = ParquetSink().write("data", [data], data.schema, folder)
    schema = {"target": data.schema.target, "payload": data.schema.payload}
    told = {name: {"type": column.type} for name, column in data.schema.columns.items()}
    arrays = {
        name: _told(array.model_dump(mode="json", exclude_none=True)) for name, array in data.schema.arrays.items()
    }
    schema = {name: value for name, value in schema.items() if value}
    return {
        "source": {"use": "parquet", "with": {"path": path.name}},
        "schema": {**schema, "columns": told, **({"arrays": arrays} if arrays else {})},
    }


def _told(array: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in array.items() if name not in ("shape", "dtype")}
