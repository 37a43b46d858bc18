"""Rows of a long file put in the order of series and time.

Shapes: N series, R rows of the file.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
import pyarrow as pa

from augment.errors import DataError
from augment_series.csv_table import Places

__all__ = ["Duplicates", "Rows"]

Duplicates = Literal["error", "first", "mean"]

log = logging.getLogger("augment")

IN_UTC = "%s: times with a zone in column %r have become UTC, and are written in UTC without one"


@dataclass
class Rows:
    """Rows of a long file in the order of series and time.

    Attributes:
        names: of the series, (N,).
        order: positions in the file, (R,). Of rows of one series and time only the first, here and below.
        codes: which series each belongs to, (R,).
        steps: and which step of it is, (R,).
        starts: where each series starts in that order, (N,).
        lengths: (N,).
        began: when each series began, (N,); None without times.
        gaps: time since the step before, 0 for the first, (R,); None without times.
        is_dated: whether the times are dates; then gaps are in seconds.
        averaged: all rows of the file in order, and the place in `order` that each belongs to, where rows of one
            series and time are averaged; else None.
    """

    names: np.ndarray
    order: np.ndarray
    codes: np.ndarray
    steps: np.ndarray
    starts: np.ndarray
    lengths: np.ndarray
    began: np.ndarray | None
    gaps: np.ndarray | None
    is_dated: bool
    averaged: tuple[np.ndarray, np.ndarray] | None = None

    @classmethod
    def of(
        cls,
        table: pa.Table,
        key: str,
        time: str | None,
        places: Places,
        duplicates: Duplicates = "error",
        date_format: str | None = None,
    ) -> Rows:
        keys = table[key].to_pandas()
        _refuse_missing(keys, key, places)
        codes, names = pd.factorize(keys)
        moments, is_dated = None, False
        if time is not None:
            moments, is_dated = _moments(table[time], time, places, date_format)
        order = np.argsort(codes, kind="stable") if moments is None else np.lexsort((moments, codes))
        averaged = None
        if moments is not None and time is not None:
            same = _duplicated(codes, moments, order)
            if same.any():
                where = _two_rows(table[time], time, names, codes, order, int(same.argmax()), places)
                if duplicates == "error":
                    raise DataError(f"{where}; leave one of them out, or set `duplicates: first` or `duplicates: mean`")
                which = "the first of each counts" if duplicates == "first" else "each such group is averaged"
                log.warning("%s; %d rows repeat an earlier one: %s", where, same.sum(), which)
                averaged = (order, np.cumsum(~same) - 1) if duplicates == "mean" else None
                order = order[~same]
        codes = codes[order]
        lengths = np.bincount(codes)
        starts = np.concatenate([[0], np.cumsum(lengths)[:-1]])
        steps = np.arange(len(order)) - np.repeat(starts, lengths)
        began = gaps = None
        if moments is not None:
            moments = moments[order]
            began = moments[starts]
            gaps = np.diff(moments, prepend=moments[0])
            gaps[starts] = 0
            if (shuffled := (np.diff(order, prepend=order[0]) < 0) & (steps > 0)).any():
                log.warning(
                    "%s: %d steps do not stand in the order of their times; they were sorted",
                    places.name,
                    shuffled.sum(),
                )
        return cls(names, order, codes, steps, starts, lengths, began, gaps, is_dated, averaged)

    @property
    def is_even(self) -> bool:
        """Whether all steps take equally long."""
        assert self.gaps is not None
        between = self.gaps[self.steps > 0]
        return not len(between) or bool(np.ptp(between) <= 1e-6 * np.abs(between).max())

    @property
    def rate(self) -> float | None:
        """Steps a second, or a unit of the numbers, where they are evenly spaced."""
        if self.gaps is None or not self.is_even or not (self.steps > 0).any():
            return None
        return float(1 / np.median(self.gaps[self.steps > 0]))

    def starts_of(self, column: pa.ChunkedArray) -> pd.Series | None:
        """When each series began, (N,): dates, or numbers of the type of the column of times. None without times, and
        where all series begin at 0 and count their steps."""
        if self.began is None:
            return None
        if self.is_dated:
            return pd.Series(np.round(self.began * 1e6).astype("datetime64[us]"))
        if not pa.types.is_integer(column.type):
            return pd.Series(self.began)
        counted = not self.began.any() and self.is_even and self.rate in (None, 1.0)
        return None if counted else pd.Series(self.began.astype(np.int64))

    def values_of(self, column: np.ndarray, is_number: bool) -> np.ndarray:
        """The values of a channel in this order, (R,): of numbers, the mean where rows are averaged."""
        if self.averaged is None or not is_number:
            kept: np.ndarray = column[self.order]
            return kept
        order, places = self.averaged
        known = ~np.isnan(column[order])
        count = np.bincount(places, weights=known)
        total = np.bincount(places, weights=np.where(known, column[order], 0))
        mean: np.ndarray = np.where(count > 0, total / np.maximum(count, 1), np.nan)
        return mean

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


def _duplicated(codes: np.ndarray, moments: np.ndarray, order: np.ndarray) -> np.ndarray:
    """Which rows, in order, have the series and the time of the row before, (R,)."""
    same = (np.diff(codes[order]) == 0) & (np.diff(moments[order]) == 0)
    return np.concatenate([[False], same])


def _two_rows(
    times: pa.ChunkedArray,
    name: str,
    names: np.ndarray,
    codes: np.ndarray,
    order: np.ndarray,
    place: int,
    places: Places,
) -> str:
    """Which two rows have one series and time, the second one at this place of the order."""
    one, other = sorted(int(row) for row in order[place - 1 : place + 1])
    where = places.line(one).removeprefix(f"{places.line(other).rpartition(',')[0]}, ")  # in the same file, the line
    return (
        f"{places.line(other)}: series {str(names[codes[order[place]]])!r} has two rows with {name} = "
        f"{times[int(order[place])].as_py()} (the other is {where})"
    )


def _moments(column: pa.ChunkedArray, name: str, places: Places, date_format: str | None) -> tuple[np.ndarray, bool]:
    """Times as float64 (R,), and whether they are dates, in seconds."""
    if date_format is not None:
        cells = column.to_pandas()
        _refuse_missing(cells, name, places)
        dates = pd.to_datetime(cells.str.strip(), format=date_format, errors="coerce", utc="%z" in date_format)
        if (odd := dates.isna().to_numpy()).any():
            row = int(odd.argmax())
            raise DataError(
                f"{places.line(row)}: {cells.iloc[row]!r} in {name!r} is not written as {date_format!r}; mend the "
                "cell, or correct `date_format`"
            )
        if dates.dt.tz is not None:
            log.warning(IN_UTC, places.name, name)
            dates = dates.dt.tz_convert(None)
        return dates.to_numpy("datetime64[us]").astype(np.int64) / 1e6, True
    if pa.types.is_date(column.type):
        column = column.cast(pa.timestamp("s") if pa.types.is_date32(column.type) else pa.timestamp("ms"))
    is_dated = pa.types.is_timestamp(column.type)
    if not (is_dated or pa.types.is_integer(column.type) or pa.types.is_floating(column.type)):
        odd = next((cell for cell in column.to_pylist() if cell), None)
        raise DataError(
            f"{places}: column {name!r} is the time, and holds values such as {odd!r}; numbers, or times such as "
            "2024-12-31T23:59:00, are expected; for dates in another form say it as in `date_format: '%d.%m.%Y'`"
        )
    values = column.to_pandas()
    _refuse_missing(values, name, places)
    if is_dated:
        if column.type.tz is not None:
            log.warning(IN_UTC, places.name, name)
        return values.to_numpy("datetime64[us]").astype(np.int64) / 1e6, True
    return values.to_numpy(np.float64), False


def _refuse_missing(values: pd.Series, name: str, places: Places) -> None:
    gaps = values.isna().to_numpy()
    if gaps.any():
        raise DataError(f"{places.line(int(gaps.argmax()))}: no value in {name!r}, which every row needs")
