"""What the sources of series share: numbers out of text, and padded arrays as a dataset.

Shapes: N rows, T steps, F channels.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from augment.data import ArrayDeclaration, ColumnDeclaration, Dataset, SchemaDeclaration, infer
from augment.errors import DataError
from augment.plugin import Context

__all__ = ["ARRAY", "GAP", "LENGTH", "dataset_of", "parsed"]

ARRAY = "series"
LENGTH = "length"
GAP = "time gap"  # a channel: time since the step before, 0 for the first


def parsed(bodies: Sequence[str], lines: Sequence[int], path: Path, between: str) -> tuple[np.ndarray, np.ndarray]:
    """Series written as `1,2,?:3,4,5`: a channel after the other, a number for each step, `?` where one is missing.

    Args:
        bodies: the text of each of N series.
        lines: where each stands in the file, for messages.
        path: of the file.
        between: what stands between two channels.

    Returns:
        The values (N, T, F) float32, NaN where missing and padded with zeros, and the lengths (N,) int64.

    Raises:
        DataError: a cell is not a number, or the channels do not fit together; names file and line.
    """
    channels = pc.split_pattern(pa.array(bodies, pa.large_string()), between)
    counts = pc.list_value_length(channels).to_numpy()
    if (odd := counts != counts[0]).any():
        row = int(odd.argmax())
        raise DataError(
            f"{path}, line {lines[row]}: the series has {counts[row]} channel{'s' * int(counts[row] != 1)}, and the "
            f"first one, in line {lines[0]}, has {counts[0]}"
        )
    num_channels = int(counts[0])
    cells = pc.split_pattern(channels.flatten(), ",")
    steps_NF = pc.list_value_length(cells).to_numpy().reshape(len(bodies), num_channels).astype(np.int64)
    if (odd := (steps_NF != steps_NF[:, :1]).any(axis=1)).any():
        row = int(odd.argmax())
        raise DataError(
            f"{path}, line {lines[row]}: the channels have {', '.join(map(str, steps_NF[row]))} steps; all channels of "
            "one series have equally many: write `?` where a value is missing"
        )
    numbers = _numbers(cells.flatten(), steps_NF.sum(axis=1), lines, path)
    lengths = steps_NF[:, 0]
    values_NFT = np.zeros((len(bodies), num_channels, int(lengths.max())), np.float32)
    is_there = np.arange(values_NFT.shape[2]) < lengths[:, np.newaxis]
    values_NFT[np.broadcast_to(is_there[:, np.newaxis], values_NFT.shape)] = numbers
    return np.ascontiguousarray(values_NFT.transpose(0, 2, 1)), lengths


def _numbers(cells: pa.Array, per_row: np.ndarray, lines: Sequence[int], path: Path) -> np.ndarray:
    cells = pc.utf8_trim_whitespace(cells)
    known = pc.if_else(pc.equal(cells, "?"), "nan", cells)
    try:
        numbers = pc.cast(known, pa.float64()).to_numpy()
    except pa.ArrowInvalid:
        numbers = np.empty(len(known))
        for place, cell in enumerate(
            known.to_pylist()
        ):  # to name the place; or Python knows more ways to write numbers
            try:
                numbers[place] = float(cell)
            except ValueError:
                raise DataError(
                    f"{path}, line {_line(place, per_row, lines)}: {cell[:40]!r} is not a number; `?` stands for a "
                    "missing value"
                ) from None
    with np.errstate(over="ignore"):  # what does not fit becomes infinite, and is refused
        small = numbers.astype(np.float32)
    if (infinite := np.isinf(small)).any():
        place = int(infinite.argmax())
        raise DataError(
            f"{path}, line {_line(place, per_row, lines)}: {numbers[place]:g} is infinite or too large for float32; "
            "write a finite number, or `?` for a missing value"
        )
    return np.asarray(small)


def _line(place: int, per_row: np.ndarray, lines: Sequence[int]) -> int:
    return int(lines[int(np.searchsorted(np.cumsum(per_row), place, side="right"))])


def dataset_of(
    values: np.ndarray,
    lengths: np.ndarray,
    channels: Mapping[str, ColumnDeclaration],
    frame: pd.DataFrame,
    context: Context,
    path: object,
    *,
    target: str | None = None,
    rate: float | None = None,
    length_column: str | None = None,
    start_column: str | None = None,
) -> Dataset:
    """Series and the columns beside them as a dataset; what the pipeline says of them wins.

    Args:
        values: (N, T, F) float32, padded with zeros.
        lengths: how many steps of each row are true, (N,). Where they differ they become a column, `length`.
        channels: what each of the F channels is.
        frame: the columns beside the array, N rows.
        context: with what the pipeline says.
        path: what messages call the data.
        target: the target where the pipeline names none.
        rate: samples a second, where that is known.
        length_column: the column of the frame that holds the lengths already, if one does.
        start_column: the column of the frame that says when each series began, if one does.
    """
    said = context.declared
    if length_column is None and (lengths != values.shape[1]).any():
        length_column = LENGTH
        if LENGTH in frame.columns:
            raise DataError(f"{path}: the column {LENGTH!r} is not the number of steps; rename it")
        frame = frame.assign(**{LENGTH: lengths})
    columns = dict(said.columns)
    if length_column is not None:
        ours = ColumnDeclaration(type="integer", min=1, max=values.shape[1])
        columns[length_column] = _merged(ours, columns.get(length_column))
    ours_array = ArrayDeclaration(
        type="series", length_column=length_column, start_column=start_column, rate=rate, channels=channels
    )
    array = said.arrays.get(ARRAY)
    if array is not None:
        update = array.model_dump(exclude_none=True, exclude={"channels"})
        if array.channels is not None and set(array.channels) == set(channels):
            update["channels"] = {name: _merged(channels[name], array.channels[name]) for name in channels}
        elif array.channels is not None:
            raise DataError(
                f"{path}: its channels are {', '.join(map(repr, channels))}; schema.arrays.{ARRAY} names "
                f"{', '.join(map(repr, array.channels))}: name the same"
            )
        ours_array = ours_array.model_copy(update=update)
    declared = said.model_copy(
        update={
            "target": said.target or target,
            "columns": columns,
            "arrays": {**said.arrays, ARRAY: ours_array},
        }
    )
    return checked(frame, {ARRAY: values}, declared, path)


def checked(
    frame: pd.DataFrame, arrays: Mapping[str, np.ndarray], declared: SchemaDeclaration, path: object
) -> Dataset:
    """The dataset; what is wrong with it names the file."""
    try:
        return Dataset.of(frame, arrays, infer(frame, arrays, declared))
    except DataError as error:
        raise DataError(f"{path}: {error}") from error


def _merged(ours: ColumnDeclaration, said: ColumnDeclaration | None) -> ColumnDeclaration:
    return ours if said is None else ours.model_copy(update=said.model_dump(exclude_none=True))
