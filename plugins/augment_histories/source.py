"""The source `histories`: a file of events becomes one row a user.

Shapes: M events, N users, T places for the events of one.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
from pydantic import Field

from augment import plugin
from augment.data import ArrayDeclaration, Dataset
from augment.errors import DataError
from augment.plugin import Context, Source
from augment.toolkit.csv_delimiters import Delimiter, written_with_tabs
from augment.toolkit.csv_dialect import infer_dialect
from augment.toolkit.csv_numbers import Thousands
from augment.toolkit.data_files import Files, list_files, listed, unpacked
from augment.toolkit.text_files import Encoding, check_file
from augment_histories.event_files import EventFile, Form
from augment_histories.events import Events, Names, read_events, written_like
from augment_histories.rows import ABOUT, BEGAN, GAP, ITEMS, LENGTH, RATING, group_by_user
from augment_histories.sniffing import RATINGS, TYPE, holds_events, holds_ratings, separators

MIN_EVENTS = 20  # from which it is no accident that no user has two
OTHER_ENDINGS = (".dat", ".data", ".txt")  # of files that may hold ratings without a header

log = logging.getLogger("augment")


class HistoriesSource(Source):
    """Reads a CSV or Parquet file with an event a line: `user, item[, rating][, time]` and other columns.

    Each user becomes one row: the items in the order of their times, or of the file where there are no times, in the
    array `items`; their number in `num_items`; ratings, and the time since the event before in seconds, in the array
    `about`; the time of the first event in `began`. Other columns are kept where they are the same in all events of
    a user, and left out where they are not. Times are written as ISO 8601, or are numbers of seconds; events of one
    moment stay in the order of the file, and of events that agree in user, item and time the first one counts.
    Headers as RecBole writes them, such as `user_id:token`, are understood.
    """

    name = "histories"
    yields = frozenset({"tokens"})
    endings = (".csv", ".tsv", ".inter")
    reads_only_paths = True

    class Params(plugin.Params):
        """Where the file is, and what its columns are called."""

        path: Files
        """The file to read, or several of the same columns: a list, or a pattern such as `parts/*.csv`. Parquet where
        a name ends in `.parquet`, else CSV. A file that ends in `.gz`, `.bz2`, `.xz` or `.zst` is unpacked."""
        user: str | None = None
        """The column of users. Found by its name where that is usual, such as `user_id`, `customer` or `session`."""
        item: str | None = None
        """The column of items. Found likewise, such as `item`, `movieId`, `product` or `track`."""
        rating: str | None = None
        """The column of ratings, if there is one. Found likewise, such as `rating` or `stars`."""
        time: str | None = None
        """The column of times, if there is one. Found likewise, such as `timestamp` or `date`."""
        delimiter: Delimiter = ","
        r"""What stands between two cells of a CSV file: a character, or several such as `::`; `\s+` is any number of
        spaces and tabs."""
        encoding: Encoding = "utf-8"
        """How characters are stored; a byte order mark is accepted."""
        decimal: Literal[".", ","] = "."
        """The character before the decimals of a number."""
        thousands: Thousands | None = None
        """The character between groups of three digits."""
        names: tuple[str, ...] | None = None
        """The names of all columns, in order, for a file without a header such as MovieLens' `u.data`."""
        guard_formulas: bool = False
        """Take away the `'` that the sink `histories` puts before words and names that a spreadsheet would run as
        formulas. Say `true` for files that were written with the sink's setting of this name, which is its default."""
        max_length: int = Field(default=200, ge=1)
        """Most events of a user; of longer histories the latest are kept."""
        min_length: int = Field(default=1, ge=1)
        """Users with fewer events are left out."""

    @classmethod
    def sniff(cls, path: Path, head: bytes) -> float | None:
        if not path.is_file() or not path.name.lower().endswith((*cls.endings, *OTHER_ENDINGS)):
            return None
        dialect = infer_dialect(path)
        if super().sniff(path, head) is None:
            return 1.0 if holds_ratings(path, dialect) else None
        return 1.0 if holds_events(path, dialect) or holds_ratings(path, dialect) else None

    @classmethod
    def settings_for(cls, path: Path) -> dict[str, Any]:
        if not path.is_file():
            return {}
        dialect = infer_dialect(path)
        form = {name: value for name, value in dialect.items() if name != "decimal"} | separators(path, dialect)
        return {**form, **({"names": list(RATINGS)} if holds_ratings(path, dialect) else {})}

    @classmethod
    def settings_to_write(cls, path: Path, settings: Mapping[str, Any], data: Dataset) -> dict[str, Any]:
        return written_like(path, settings)

    def read(self, context: Context) -> Dataset:
        params = self.params
        form = Form(params.delimiter, params.encoding, params.decimal, params.thousands or "", params.names)
        names = Names(params.user, params.item, params.rating, params.time)
        with ExitStack() as stack:
            files = []
            for file in self._files:
                check_file(file)
                plain = stack.enter_context(unpacked(file, context.folder))
                tabbed = written_with_tabs(plain, params.delimiter, params.encoding, context.folder)
                files.append(EventFile(stack.enter_context(tabbed), form))
            events = read_events(files, names, params.guard_formulas)
        return self._dataset_of(events, context)

    @property
    def _files(self) -> list[Path]:
        return list_files(self.params.path, self.endings)

    @property
    def _name(self) -> str:
        """What notes call the files."""
        return listed([Path(file.name) for file in self._files])

    def _dataset_of(self, events: Events, context: Context) -> Dataset:
        params = self.params
        said = context.declared.arrays.get(ITEMS, ArrayDeclaration())
        vocabulary, tokens = _numbered(events.items, said.vocabulary)
        users, user_names = pd.factorize(events.users)
        order = np.argsort(users, kind="stable")
        if events.times is not None:
            order = np.lexsort((events.times, users))  # stable: events of one moment stay as in the file
            order = self._without_doubles(events, tokens, users, order)
        order = self._within_limits(users, order)
        if not len(order):
            raise DataError(
                f"{listed(self._files)}: no user has {params.min_length} events or more; lower `min_length`, or see "
                f"whether {events.user_column!r} is the column of users"
            )
        if len(np.unique(users[order])) == len(order) >= MIN_EVENTS:
            raise DataError(
                f"{listed(self._files)}: every user in {events.user_column!r} has one event, and nothing can be "
                "learned from one; name the column of what has several, such as a session, as in `user: session`, or "
                "read the file as a table with `use: csv`"
            )
        return self._dataset(context, events, vocabulary, tokens, users, np.asarray(user_names, object), order)

    def _without_doubles(self, events: Events, tokens: np.ndarray, users: np.ndarray, order: np.ndarray) -> np.ndarray:
        rows = pd.DataFrame({"user": users, "time": events.times, "item": tokens}).iloc[order]
        doubled: np.ndarray = rows.duplicated().to_numpy()
        if doubled.any():
            log.warning(
                "%s: %d events have the user, item and time of an earlier one; the first of each counts",
                self._name,
                doubled.sum(),
            )
        distinct: np.ndarray = order[~doubled]
        return distinct

    def _within_limits(self, users: np.ndarray, order: np.ndarray) -> np.ndarray:
        """The events in order, without those of users with too few, and without the earliest of users with many."""
        params = self.params
        lengths = np.bincount(users[order], minlength=users.max() + 1)
        own = lengths[users[order]]
        from_last = np.cumsum(lengths)[users[order]] - np.arange(len(order))
        if num_short := int((lengths[lengths > 0] < params.min_length).sum()):
            log.warning("%s: %d users with fewer than %d events are left out",
                        self._name, num_short, params.min_length)  # fmt: skip
        if num_long := int((lengths > params.max_length).sum()):
            log.warning("%s: of %d users with more than %d events the latest are kept; `max_length` says how many",
                        self._name, num_long, params.max_length)  # fmt: skip
        within: np.ndarray = order[(own >= params.min_length) & (from_last <= params.max_length)]
        return within

    def _dataset(
        self,
        context: Context,
        events: Events,
        vocabulary: tuple[str, ...],
        tokens: np.ndarray,
        users: np.ndarray,
        user_names: np.ndarray,
        order: np.ndarray,
    ) -> Dataset:
        row_users, lengths = np.unique(users[order], return_counts=True)  # users are numbered as they come in the file
        firsts = np.cumsum(lengths) - lengths
        rows = np.repeat(np.arange(len(row_users)), lengths)
        steps = np.arange(len(order)) - firsts[rows]
        arrays = {ITEMS: np.zeros((len(row_users), lengths.max()), np.int32)}
        arrays[ITEMS][rows, steps] = tokens[order]
        about: dict[str, np.ndarray] = {}
        channels: dict[str, Any] = {}
        frame = pd.DataFrame({events.user_column: user_names[row_users]})
        frame = frame.assign(**self._user_columns(events, order, firsts, context.declared.columns))
        if events.ratings is not None:
            about[RATING] = events.ratings[order]
            whole = np.isnan(about[RATING]) | (about[RATING] % 1 == 0)
            channels[RATING] = {"type": "integer" if whole.all() else "number"}
        if events.times is not None:
            times = events.times[order]
            is_date = times.dtype.kind == "M"
            frame[BEGAN] = times[firsts]
            gaps = np.diff(times, prepend=times[:1])
            about[GAP] = np.where(steps == 0, 0.0, gaps.astype(np.float64) / (1e6 if is_date else 1.0))
            channels[GAP] = {"type": "number", "min": 0, "unit": "s" if is_date else _infer_unit(times)}
        frame[LENGTH] = lengths
        if about:
            arrays[ABOUT] = np.zeros((*arrays[ITEMS].shape, len(about)), np.float32)
            for place, values in enumerate(about.values()):
                arrays[ABOUT][rows, steps, place] = values
        try:
            said, date_format = context.declared, events.date_format
            return group_by_user(frame, events.user_column, arrays, vocabulary, channels, said, date_format)
        except DataError as error:
            raise DataError(f"{listed(self._files)}: {error}") from error

    def _user_columns(
        self, events: Events, order: np.ndarray, firsts: np.ndarray, declared: Collection[str]
    ) -> dict[str, pd.Series]:
        """The other columns that say something of a user, (N,) each."""
        columns = {}
        for name, values in events.others.items():
            bare = TYPE.sub("", name)
            name = bare if bare in declared else name  # a run's `origin` has a type in such files
            if name in (LENGTH, BEGAN):
                raise DataError(
                    f"{listed(self._files)}: a column is called {name!r}, as one that is made here; rename it"
                )
            codes = pd.factorize(values)[0][order]
            if (codes == np.repeat(codes[firsts], np.diff([*firsts, len(order)]))).all():
                columns[name] = values.iloc[order[firsts]].reset_index(drop=True)
            else:
                log.warning("%s: column %r changes within users and is left out", self._name, name)
        return columns


def _infer_unit(times: np.ndarray) -> str:
    """What numbers count since 1970, as far as their size tells: seconds have 12 digits only from the year 5138 on."""
    largest = float(np.abs(times).max())
    return next(unit for unit, end in (("s", 1e11), ("ms", 1e14), ("us", 1e17), ("ns", np.inf)) if largest < end)


def _numbered(items: pd.Series, known: tuple[str, ...] | None) -> tuple[tuple[str, ...], np.ndarray]:
    """The vocabulary, its first name the padding's, and the place of each item in it, (M,) int32."""
    codes, names = pd.factorize(items)
    first = list(known or ("",))
    vocabulary = (*first, *sorted(set(map(str, names)) - set(first)))
    places = {name: place for place, name in enumerate(vocabulary)}
    return vocabulary, np.array([places[str(name)] for name in names], np.int32)[codes]
