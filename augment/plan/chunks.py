"""The plan of who makes which rows, cut into chunks: pure functions of the amounts and the schema."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd

from augment.data import Schema
from augment.data.conformity import categorical_dtype

__all__ = ["PlanRow", "chunk_size", "given_frame", "plan"]

MAX_CHUNK_ROWS = 4096
MAX_CHUNK_BYTES = 32 * 2**20


@dataclass(frozen=True)
class PlanRow:
    """One chunk of synthetic rows, made in one piece under a seed of its own.

    Attributes:
        generator: id.
        chunk: number of the chunk, counted from 0 for each generator.
        rows: how many rows.
        labels: (label, rows) pairs in order when the target is given; empty otherwise.
        first_round: what the rounds of redrawing are counted from; above 0 where a chunk replaces rows of another.
    """

    generator: str
    chunk: int
    rows: int
    labels: tuple[tuple[str, int], ...] = ()
    first_round: int = 0


def chunk_size(schema: Schema) -> int:
    """Rows in a full chunk: at most 4,096 rows and 32 MB of payload, at least 1. Follows from the schema alone.

    >>> chunk_size(Schema(columns={}))
    4096
    """
    row_bytes = sum(int(np.prod(a.shape, dtype=np.int64)) * np.dtype(a.dtype).itemsize for a in schema.arrays.values())
    return max(1, min(MAX_CHUNK_ROWS, MAX_CHUNK_BYTES // max(1, row_bytes)))


def plan(
    wanted: Mapping[str, int],
    share: Mapping[str, float],
    conditional: Mapping[str, bool],
    schema: Schema,
    too_small: Mapping[str, Collection[str]] = MappingProxyType({}),
) -> list[PlanRow]:
    """Who makes which rows, in order: generator by generator, class by class, cut into chunks.

    Args:
        wanted: synthetic rows of each class, as `amounts` gives them.
        share: generator id to weight.
        conditional: generator id to whether it is asked for classes.
        schema: of the training part.
        too_small: generator id to the classes that it cannot be asked for; the others make its rows of them, if any.
    """
    split = _split(wanted, share, too_small)
    size, chunks = chunk_size(schema), []
    for generator in share:
        per_label = [(label, split[label][generator]) for label in wanted]
        for number, piece in enumerate(_pieces(per_label, size)):
            labels = piece if conditional[generator] else ()
            chunks.append(PlanRow(generator, number, sum(count for _, count in piece), labels))
    return chunks


def _split(
    wanted: Mapping[str, int], share: Mapping[str, float], too_small: Mapping[str, Collection[str]]
) -> dict[str, dict[str, int]]:
    """Label to generator to rows: exact for each label, and near each generator's share of all rows.

    What rounding takes from a generator in one label it is owed in the next, so that many small labels do not all fall
    to the same one.
    """
    weights = np.array(list(share.values()), dtype=float)
    owed = np.zeros(len(weights))
    split = {}
    for label, rows in wanted.items():
        fitting = [label not in too_small.get(generator, ()) for generator in share]
        able = (weights > 0) & np.array(fitting, dtype=bool)
        if not able.any():
            split[label] = dict.fromkeys(share, 0)
            continue
        exact = rows * (np.where(able, weights, 0.0) / weights[able].sum())
        whole = np.floor(exact).astype(int)
        owed += exact - whole
        # who has no share gets no remainder
        most_owed = np.argsort(-np.where(able, owed, -np.inf), kind="stable")[: rows - int(whole.sum())]
        whole[most_owed] += 1
        owed[most_owed] -= 1
        split[label] = dict(zip(share, whole.tolist(), strict=True))
    return split


def _pieces(per_label: Sequence[tuple[str, int]], size: int) -> list[tuple[tuple[str, int], ...]]:
    pieces: list[list[tuple[str, int]]] = [[]]
    room = size
    for label, count in per_label:
        while count > 0:
            taken = min(count, room)
            pieces[-1].append((label, taken))
            count, room = count - taken, room - taken
            if room == 0:
                pieces.append([])
                room = size
    return [tuple(piece) for piece in pieces if piece]


def given_frame(row: PlanRow, schema: Schema) -> pd.DataFrame:
    """The conditions of a chunk: `rows` rows, with the target fixed where the plan says labels."""
    index = pd.RangeIndex(row.rows)
    if not row.labels:
        return pd.DataFrame(index=index)
    assert schema.target is not None
    column = schema.columns[schema.target]
    labels = np.repeat([label for label, _ in row.labels], [count for _, count in row.labels])
    values: Any
    if column.type == "category":
        values = pd.Categorical(labels, dtype=categorical_dtype(tuple(schema.classes)))
    elif column.type == "boolean":
        values = pd.array(labels == "True", dtype="boolean")
    else:
        values = labels.astype(np.int64)
    return pd.DataFrame({schema.target: values}, index=index)
