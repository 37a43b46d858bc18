"""How users' histories stand in a dataset: what its columns and arrays are called, and what they are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from augment.data import ArrayDeclaration, ColumnDeclaration, Dataset, SchemaDeclaration, infer

__all__ = ["ABOUT", "BEGAN", "GAP", "ITEMS", "LENGTH", "RATING", "group_by_user"]

ITEMS, ABOUT, LENGTH, BEGAN, GAP, RATING = "items", "about", "num_items", "began", "gap", "rating"


def group_by_user(
    frame: pd.DataFrame,
    user: str,
    arrays: Mapping[str, np.ndarray],
    vocabulary: tuple[str, ...],
    channels: Mapping[str, Any],
    said: SchemaDeclaration,
    date_format: str | None = None,
) -> Dataset:
    """The dataset of N users.

    Args:
        frame: N rows: the user, the length of the history, and what else is known.
        user: the column of users.
        arrays: the items (N, T), and what is known of each event (N, T, F) where there are channels.
        vocabulary: the name of each token; the first is the padding's.
        channels: what the F numbers are.
        said: what the pipeline says of the schema, which wins but for the vocabulary.
        date_format: how the dates in `began` are written, where they are dates and written alike.

    Raises:
        DataError: what is said does not fit the data.
    """
    columns: dict[str, Any] = {user: {"type": "id"}, LENGTH: {"type": "integer", "min": 1}}
    if date_format is not None:
        columns[BEGAN] = {"type": "datetime", "date_format": date_format}
    described: dict[str, Any] = {ITEMS: {"type": "tokens", "length_column": LENGTH}}
    if channels:
        described[ABOUT] = {"type": "series", "channels": channels, "length_column": LENGTH}
    for name, column in said.columns.items():
        columns[name] = {**columns.get(name, {}), **column.model_dump(exclude_none=True)}
    for name, array in said.arrays.items():
        described[name] = {**described.get(name, {}), **array.model_dump(exclude_none=True)}
    described[ITEMS]["vocabulary"] = vocabulary
    declared = SchemaDeclaration(
        target=said.target,
        columns={name: ColumnDeclaration(**column) for name, column in columns.items()},
        arrays={name: ArrayDeclaration(**array) for name, array in described.items()},
    )
    return Dataset.of(frame, arrays, infer(frame, arrays, declared))
