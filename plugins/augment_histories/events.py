"""Reading events: a file with a line each, and which of its columns is what.

Shapes: M events.
"""

from __future__ import annotations

import itertools
import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from augment.data import has_zone
from augment.errors import DataError, did_you_mean
from augment.toolkit.csv_delimiters import single, written_with_tabs
from augment.toolkit.csv_files import check_quotes, ending_like, unguarded, without_guards
from augment.toolkit.csv_numbers import read_numbers, warn_of_separators
from augment.toolkit.date_formats import infer_iso_format
from augment.toolkit.text_files import check_text, tolerating_mark
from augment_histories.event_files import EventFile, Form, read_rows
from augment_histories.sniffing import plain_name

__all__ = ["Events", "Names", "read_events", "written_like"]

USUAL = {
    "user": ("user", "customer", "client", "visitor", "reviewer", "member", "person", "session", "account"),
    "item": ("item", "product", "movie", "film", "track", "song", "book", "article", "page", "sku", "event", "artist"),
    "rating": ("rating", "stars", "score"),
    "time": ("time", "timestamp", "eventtime", "datetime", "date", "ts", "when"),
}

log = logging.getLogger("augment")


@dataclass(frozen=True)
class Names:
    """What the columns are called; None for one that is to be found, or is not there."""

    user: str | None
    item: str | None
    rating: str | None
    time: str | None


@dataclass(frozen=True)
class Events:
    """What a file holds, in its order.

    Attributes:
        user_column: the name of the column of users.
        users: (M,) text.
        items: (M,) text.
        ratings: (M,) float64, NaN where there is none; or None.
        times: (M,) datetime64[us], or float64 seconds; or None.
        date_format: how times are written, where they are dates and written alike.
        others: name to (M,) values.
    """

    user_column: str
    users: pd.Series
    items: pd.Series
    ratings: np.ndarray | None
    times: np.ndarray | None
    date_format: str | None
    others: dict[str, pd.Series]


def read_events(files: Sequence[EventFile], names: Names, guard: bool = False) -> Events:
    """Read all events; `guard` says that words were guarded against spreadsheets, as the sink does.

    Raises:
        DataError: a column is missing, or a cell is not what it must be; with its line.
    """
    path, form = files[0].path, files[0].form
    for file in files:
        if file.is_csv and check_text(file.path, form.encoding):
            with file.path.open(encoding=tolerating_mark(form.encoding), newline="") as lines:
                check_quotes(lines, single(form.delimiter), file.path)
    try:
        names = _found(path, files[0].header(), names)
    except pa.ArrowInvalid as error:
        raise DataError(f"{path}: the events cannot be read: {error}") from error
    table, place = read_rows(files, [name for name in astuple(names) if name is not None])
    if guard:
        plain = unguarded(pa.array(table.column_names, pa.string())).to_pylist()
        names = Names(*unguarded(pa.array(astuple(names), pa.string())).to_pylist())
        table = without_guards(table).rename_columns(plain)
    if not table.num_rows:
        raise DataError(f"{path}: has a header but no events; at least one was expected")
    ratings = times = date_format = None
    if names.rating is not None and pa.types.is_string(table.schema.field(names.rating).type):
        numbers = read_numbers(table[names.rating], form.decimal, form.thousands)
        if numbers is not None:
            table = table.set_column(table.column_names.index(names.rating), names.rating, numbers)
            grouped = [names.rating] if form.thousands else []
            warn_of_separators(table, grouped, form.decimal, form.thousands, form.delimiter, path.name)
    frame = table.to_pandas(types_mapper={pa.int64(): pd.Int64Dtype(), pa.bool_(): pd.BooleanDtype()}.get)
    texts: list[pd.Series] = []
    for what in ("user", "item"):
        values = frame.pop(getattr(names, what))
        missing = values.isna().to_numpy()
        if missing.any():
            raise DataError(f"{place(int(missing.argmax()))}: the {what} is missing; fill it in, or leave the line out")
        texts.append(values.astype("str"))
    if names.rating is not None:
        cells = frame.pop(names.rating)
        ratings = pd.to_numeric(cells.astype("object"), errors="coerce").to_numpy(np.float64, na_value=np.nan)
        wrong = ~np.isfinite(ratings) & cells.notna().to_numpy()
        if wrong.any():
            row = int(wrong.argmax())
            raise DataError(f"{place(row)}: the rating {cells.iloc[row]!r} is not a number; mend it, or leave it empty")
    if names.time is not None:
        cells = frame.pop(names.time)
        times = _times(cells)
        if times.dtype.kind == "M" and pd.api.types.is_string_dtype(cells.dtype):
            date_format = infer_iso_format(cells)
        if has_zone(cells):
            log.warning("%s: times with a zone have become UTC, and are written in UTC without one", path.name)
        wrong = np.isnat(times) if times.dtype.kind == "M" else ~np.isfinite(times)
        if wrong.any():
            row = int(wrong.argmax())
            what = "is missing" if pd.isna(cells.iloc[row]) else f"{cells.iloc[row]!r} cannot be read"
            raise DataError(
                f"{place(row)}: the time {what}; write times as 2024-12-31 or 2024-12-31T23:59:00, all as numbers of "
                "seconds, or leave the column out, and the order of the file counts"
            )
    users, items = texts
    assert names.user is not None  # it was found, or refused
    return Events(
        names.user, users, items, ratings, times, date_format, {str(name): frame[name] for name in frame.columns}
    )


def written_like(path: Path, settings: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of the sink `histories` that write files as a CSV file is written.

    Args:
        path: the file.
        settings: the settings that the source read it with.
    """
    form = Form(settings.get("delimiter", ","), settings.get("encoding", "utf-8"), names=settings.get("names"))
    with written_with_tabs(path, form.delimiter, form.encoding) as plain:
        file = EventFile(plain, form)
        header = file.header()
        first = next(itertools.islice(file.records() if file.is_csv else (), form.names is None, None), (0, []))[1]
    names = _found(path, header, Names(**{what: settings.get(what) for what in USUAL}))
    columns: dict[str, Any] = {what: name for what in USUAL if (name := getattr(names, what)) is not None}
    clock = first[header.index(names.time)] if names.time in header[: len(first)] else ""
    is_float = re.fullmatch(r"[0-9]+[.,][0-9]+", clock.strip()) is not None
    return {**columns, "order": header, **({"float_times": True} if is_float else {}), **ending_like(path, settings)}


def _times(cells: pd.Series) -> np.ndarray:
    """datetime64[us], NaT where a cell cannot be read; or float64 where all are numbers."""
    if not pd.api.types.is_datetime64_any_dtype(cells.dtype):
        numbers = pd.to_numeric(cells.astype("object"), errors="coerce")
        if numbers.notna().all():
            return numbers.to_numpy(np.float64)
        texts = cells.astype("str").str.replace(" (?:UTC|GMT)$", "Z", regex=True)
        cells = pd.to_datetime(texts, format="ISO8601", utc=True, errors="coerce")
    if cells.dt.tz is not None:
        cells = cells.dt.tz_convert(None)
    return cells.to_numpy("datetime64[us]")


def _found(path: Path, header: list[str], names: Names) -> Names:
    """The names, those that nobody said found among the header's."""
    taken = {name for name in (names.user, names.item, names.rating, names.time) if name is not None}
    for what, usual in USUAL.items():
        said = getattr(names, what)
        if said is not None and said not in header:
            raise DataError(f"{path}: has no column {said!r}{did_you_mean(said, header)}; it has {', '.join(header)}")
        if said is not None:
            continue
        fits = [name for name in header if name not in taken and _bare(name) in usual]
        fits.sort(key=lambda name: usual.index(_bare(name)))
        if not fits and what in ("user", "item"):
            raise DataError(
                f"{path}: none of the columns {', '.join(header)} is called as one of {what}s usually is; name it, as "
                f"in `{what}: {header[0]}`"
            )
        if fits:
            names = replace(names, **{what: fits[0]})
            taken.add(fits[0])
    return names


def _bare(name: str) -> str:
    """A column's name in small letters, without signs and an `id` at its end."""
    return re.sub(r"id$", "", plain_name(name))
