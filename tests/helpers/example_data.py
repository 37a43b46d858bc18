"""Rows with the schema that a run would give them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from augment.data import Dataset, SchemaDeclaration, infer, observe


def dataset(frame: pd.DataFrame, arrays: dict[str, np.ndarray] | None = None, /, **declared: Any) -> Dataset:
    """Rows as a training part holds them: under the schema that is inferred from them and observed on all of them.

    `declared` is what a pipeline's `schema:` says: `target="label", columns={"age": {"type": "integer"}}`.
    """
    arrays = arrays or {}
    schema = infer(frame, arrays, SchemaDeclaration.model_validate(declared))
    data = Dataset.of(frame, arrays, schema)
    return Dataset.of(data.frame, arrays, observe(schema, data.frame, arrays)[0])


def typed(frame: pd.DataFrame, target: str | None = None, **types: str) -> Dataset:
    """The same, by the types of columns alone: `typed(frame, target="label", age="integer")`."""
    return dataset(frame, target=target, columns={name: {"type": type} for name, type in types.items()})


def images_of(images: np.ndarray, labels: Any = None) -> Dataset:
    """The same, of images (N, H, W, C) and a label for each."""
    frame = pd.DataFrame({} if labels is None else {"label": labels}, index=pd.RangeIndex(len(images)))
    return dataset(frame, {"image": images}, target=None if labels is None else "label")


def texts_of(texts: Any, labels: Any = None, **columns: Any) -> Dataset:
    """The same, of texts, other columns, and a label for each."""
    frame = pd.DataFrame({"text": pd.Series(texts, dtype="str"), **columns})
    if labels is not None:
        frame["label"] = labels
    return dataset(frame, payload="text", target=None if labels is None else "label")
