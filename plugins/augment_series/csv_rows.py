"""Rows of a long file put in the order of series and time.

Shapes: N series, R rows of the file.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from augment.errors import DataError

__all__ = ["Rows"]

log = logging.getLogger("augment")


@dataclass
class Rows:
    """Rows of a long file in the order of series and time.

    Attributes:
        names: of the series, (N,).
        order: positions in the file, (R,).
        codes: which series each belongs to, (R,).
        steps: and which step of it is, (R,).
        starts: where each series starts in that order, (N,).
        lengths: (N,).
        gaps: time since the step before, 0 for the first, (R,); None without times.
        is_dated: whether the times are dates; then gaps are in seconds.
    """

    names: np.ndarray
    order: np.ndarray
    codes: np.ndarray
    steps: np.ndarray
    starts: np.ndarray
    lengths: np.ndarray
    gaps: np.ndarray | None
    is_dated: bool

    @classmethod
    def of(cls, table: pa.Table, key: str, time: str | None, path: Path) -> Rows:
        keys = table[key].to_pandas()
        _refuse_missing(keys, key, path)
        codes, names = pd.factorize(keys)
        moments, is_dated = None, False
        if time is not None:
            moments, is_dated = _moments(table[time], time, path)
        order = np.argsort(codes, kind="stable") if moments is None else np.lexsort((moments, codes))
        codes = codes[order]
        lengths = np.bincount(codes)
        starts = np.concatenate([[0], np.cumsum(lengths)[:-1]])
        steps = np.arange(len(order)) - np.repeat(starts, lengths)
        gaps = None
        if moments is not None:
            moments = moments[order]
            gaps = np.diff(moments, prepend=moments[0])
            gaps[starts] = 0
            doubled = (gaps == 0) & (steps > 0)
            if doubled.any():
                place = int(doubled.argmax())
                one, other = sorted(int(row) + 2 for row in order[place - 1 : place + 1])
                raise DataError(
                    f"{path}, line {other}: series {str(names[codes[place]])!r} has two rows with {time} = "
                    f"{table[time][int(order[place])].as_py()} (the other is line {one}); leave one of them out"
                )
            if (shuffled := (np.diff(order, prepend=order[0]) < 0) & (steps > 0)).any():
                log.warning(
                    "%s: %d steps do not stand in the order of their times; they were sorted", path.name, shuffled.sum()
                )
        return cls(names, order, codes, steps, starts, lengths, gaps, is_dated)

    @property
    def is_even(self) -> bool:
        """Whether all steps take equally long."""
        assert self.gaps is not None
        between = self.gaps[self.steps > 0]
        return not len(between) or bool(np.ptp(between) <= 1e-6 * np.abs(between).max())

    @property
    def rate(self) -> float | None:
        """Samples a second, of evenly spaced dates."""
        if self.gaps is None or not self.is_dated or not self.is_even or not (self.steps > 0).any():
            return None
        return float(1 / np.median(self.gaps[self.steps > 0]))

    def is_constant(self, column: pa.ChunkedArray) -> bool:
        """Whether each series has one value in a column."""
        return not self._changes(column).any()

    def changes_in(self, column: pa.ChunkedArray) -> str:
        """The name of the first series within which a column changes."""
        return str(self.names[int(self._changes(column).argmax())])

    def _changes(self, column: pa.ChunkedArray) -> np.ndarray:
        codes = pd.factorize(column.to_pandas())[0][self.order]  # missing is -1, a value like others
        changes: np.ndarray = np.maximum.reduceat(codes, self.starts) != np.minimum.reduceat(codes, self.starts)
        return changes


def _moments(column: pa.ChunkedArray, name: str, path: Path) -> tuple[np.ndarray, bool]:
    """Times as float64 (R,), and whether they are dates, in seconds."""
    if pa.types.is_date(column.type):
        column = column.cast(pa.timestamp("s") if pa.types.is_date32(column.type) else pa.timestamp("ms"))
    is_dated = pa.types.is_timestamp(column.type)
    if not (is_dated or pa.types.is_integer(column.type) or pa.types.is_floating(column.type)):
        odd = next((cell for cell in column.to_pylist() if cell), None)
        raise DataError(
            f"{path}: column {name!r} is the time, and holds values such as {odd!r}; numbers, or times such as "
            "2024-12-31T23:59:00, are expected"
        )
    values = column.to_pandas()
    _refuse_missing(values, name, path)
    if is_dated:
        return values.to_numpy("datetime64[us]").astype(np.int64) / 1e6, True
    return values.to_numpy(np.float64), False


def _refuse_missing(values: pd.Series, name: str, path: Path) -> None:
    gaps = values.isna().to_numpy()
    if gaps.any():
        raise DataError(f"{path}, line {int(gaps.argmax()) + 2}: no value in {name!r}, which every row needs")
