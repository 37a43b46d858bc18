"""The source `sql`: a table of a database, or what a query gives."""

from __future__ import annotations

import logging
import os
import re
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, NamedTuple
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import pyarrow as pa
import pyarrow.compute as pc
from pydantic import AfterValidator, ConfigDict, Field, model_validator

from augment import plugin
from augment.data import Dataset
from augment.errors import DataError, did_you_mean
from augment.plugin import Context, Source
from augment.toolkit.data_files import unpacked
from augment.toolkit.text_files import check_file
from augment_tables import duckdb_files
from augment_tables.arrow_files import values_of
from augment_tables.reading import check_names, chosen_columns, dataset_of, plain_table

MAGIC = b"SQLite format 3\0"
ISO_TIME = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}([ T][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?)?$"

POSTGRESQL = ("postgresql", "postgresql+psycopg", "postgresql+psycopg2")
DATABASES = ("postgresql", "postgres", "mysql", "mariadb", "mssql", "oracle", "snowflake", "redshift", "clickhouse")
CONNECT_SECONDS = 15
MAX_LISTED = 30  # tables in a message

log = logging.getLogger("augment")


class Rows(NamedTuple):
    """What a query gave: the names of the columns, and the rows."""

    names: list[str]
    rows: list[tuple[Any, ...]]


def _without_password(url: str) -> str:
    try:
        parts = urlsplit(url)
        # a password may hold a `/` that is not escaped, and parsers then take it for something else
        secret = re.search("://[^@]*:[^@]*@", url) is not None or any(
            re.search("pass|pwd|secret|token", key, re.IGNORECASE) and key.casefold() != "passfile"
            for key in parse_qs(parts.query, keep_blank_values=True)
        )
    except ValueError:
        raise ValueError("is not the address of a database, such as postgresql://user@host/name") from None
    if secret:
        raise ValueError(
            "holds a password, which would be copied into every run. Leave it out: PostgreSQL takes it from PGPASSWORD "
            "or from the file ~/.pgpass. Or put the whole address into an environment variable, and name that under "
            "`url_from`"
        )
    if not parts.scheme or "://" not in url:
        raise ValueError("is not the address of a database, such as postgresql://user@host/name")
    if parts.scheme.startswith("sqlite"):
        raise ValueError("is an SQLite file, which is named under `path`, and only read")
    if parts.scheme not in POSTGRESQL:  # drivers of others load libraries and files that an address names
        raise ValueError(
            "is not the address of a PostgreSQL database. Put that of another into an environment variable, and "
            "name it under `url_from`: a pipeline that somebody sent must not choose its driver"
        )
    return url


def _one_question(query: str) -> str:
    """A query that only asks: a pipeline that somebody sent must not change a database."""
    if not re.match(r"[\s(]*(--[^\n]*\n[\s(]*)*(select|with|values)\b", query, re.IGNORECASE):
        raise ValueError("is not a query that reads rows; it begins with `select`, `with` or `values`")
    if ";" in query.rstrip().removesuffix(";"):
        raise ValueError("holds a `;`, which divides statements; a query is one statement")
    return query


class SqlSource(Source):
    """Reads a table of a database, or the result of a query: an SQLite or DuckDB file, or what SQLAlchemy reaches.

    DuckDB files need the extra `duckdb`. Servers need the extra `sql`: `pip install "augment-pipeline[sql]"`, which
    brings SQLAlchemy and a driver for PostgreSQL. The database is only read. Rows of a table come in the order of its
    primary key; rows that have no order in a server are sorted by their values, so that the same data gives the same
    hold-out.
    """

    name = "sql"
    yields = frozenset({"table", "text"})
    endings = (".db", ".sqlite", ".sqlite3", ".duckdb")
    way_back = 'pandas loads it: `read_parquet("data/train.parquet").to_sql("name", connection, if_exists="append")`.'

    class Params(plugin.Params):
        """Which database, and what to read there: name one of `path`, `url` and `url_from`, and `table` or `query`."""

        model_config = ConfigDict(json_schema_extra={"examples": [{"path": "shop.sqlite", "table": "customers"}]})

        path: Path | None = None
        """The file of an SQLite or DuckDB database."""
        url: Annotated[str, AfterValidator(_without_password)] | None = None
        """The address of a PostgreSQL database, without a password: `postgresql://user@host:5432/name`.
        PostgreSQL takes the password from the environment variable `PGPASSWORD`, or from the file `~/.pgpass`."""
        url_from: str | None = None
        """The environment variable that holds the address of any database, as SQLAlchemy writes it. It may have a
        password, which is written nowhere."""
        table: str | None = Field(default=None, min_length=1)
        """The table or view to read, possibly with its schema: `sales.orders`."""
        query: Annotated[str, AfterValidator(_one_question)] | None = None
        """The query to run: one statement that reads rows. End it with `order by`, so that rows come in the same
        order every time."""
        columns: tuple[str, ...] | None = None
        """The columns to read; all when not given."""

        @model_validator(mode="after")
        def _one_of_each(self) -> SqlSource.Params:
            for names in (("path", "url", "url_from"), ("table", "query")):
                if sum(getattr(self, name) is not None for name in names) != 1:
                    raise ValueError(f"name one of {', '.join(f'`{name}`' for name in names)}")
            return self

    @classmethod
    def sniff(cls, path: Path, head: bytes) -> float | None:
        return 1.0 if head.startswith(MAGIC) or head[duckdb_files.PLACE] == duckdb_files.MAGIC else None

    @classmethod
    def settings_for(cls, path: Path) -> dict[str, Any]:
        if _is_duckdb(path):
            with duckdb_files.opened(path, str(path)) as connection:
                return {"table": _only_table(str(path), duckdb_files.tables(connection, views=False))}
        with _sqlite(path, str(path)) as connection:
            return {"table": _only_table(str(path), _tables(connection, views=False))}

    @classmethod
    def settings_for_address(cls, address: str, given: Mapping[str, Any]) -> dict[str, Any] | None:
        scheme = urlsplit(address).scheme
        if scheme in ("sqlite", "duckdb"):
            return {"path": Path(address.removeprefix(f"{scheme}:///")), **given}
        try:
            url = _without_password(address)
        except ValueError as error:
            if scheme.partition("+")[0] not in DATABASES:
                return None
            raise DataError(f"the address {error}") from None
        source = cls(cls.Params.model_validate({"url": url, "table": "-", **given}))
        return {"url": url, "table": given.get("table") or source._only_table_of_server()}

    def read(self, context: Context) -> Dataset:
        params = self.params
        if params.path is None:
            called, (names, rows) = self._from_server()
        else:
            check_file(params.path)
            called = str(params.path)
            with unpacked(params.path, context.folder) as path:
                names, rows = (self._from_duckdb if _is_duckdb(path) else self._from_sqlite)(path, called)
        check_names(called, names)
        chosen = chosen_columns(called, names, params.columns)
        if not rows:
            raise DataError(f"{called}: {self._what} holds no rows; at least one was expected")
        values = {name: self._values(called, name, [row[names.index(name)] for row in rows]) for name in chosen}
        arrays = {name: array for name, array in values.items() if not isinstance(array, pa.ChunkedArray)}
        table = pa.table({name: column for name, column in values.items() if name not in arrays})
        return dataset_of(plain_table(called, table), arrays, context, called)

    @property
    def _what(self) -> str:
        return f"the table {self.params.table!r}" if self.params.table is not None else "the result of the query"

    def _from_sqlite(self, path: Path, called: str) -> Rows:
        with _sqlite(path, called) as connection:
            if self.params.table is None:
                return _fetched(connection.execute(self.params.query))
            tables = _tables(connection)
            if self.params.table not in tables:
                raise _no_table(called, self.params.table, tables)
            everything = f"select * from {_quoted(self.params.table)}"
            try:
                return _fetched(connection.execute(f"{everything} order by rowid"))
            except sqlite3.OperationalError:  # views, and tables without such numbers
                return _fetched(connection.execute(everything))

    def _from_duckdb(self, path: Path, called: str) -> Rows:
        with duckdb_files.opened(path, called) as connection:
            if self.params.table is None:
                return _fetched(connection.execute(self.params.query))
            names = duckdb_files.tables(connection)
            if self.params.table not in names:
                raise _no_table(called, self.params.table, names)
            return _fetched(duckdb_files.rows_of_table(connection, self.params.table))

    def _from_server(self) -> tuple[str, Rows]:
        with self._server() as (sa, connection, called):
            query, is_ordered = self._query(sa, connection, called)
            result = connection.execution_options(no_parameters=True).exec_driver_sql(query)
            names, rows = list(result.keys()), [tuple(row) for row in result]
        if not is_ordered:
            rows.sort(key=lambda row: [(value is None, str(value)) for value in row])
        return called, Rows(names, rows)

    def _only_table_of_server(self) -> str:
        with self._server() as (sa, connection, called):
            inspector = sa.inspect(connection)
            usual = inspector.default_schema_name
            names = [
                name if schema == usual else f"{schema}.{name}"
                for schema in inspector.get_schema_names()
                if schema != "information_schema"
                for name in inspector.get_table_names(schema=schema)
            ]
        return _only_table(called, names)

    @contextmanager
    def _server(self) -> Iterator[tuple[Any, Any, str]]:
        """SQLAlchemy, a connection, and what messages call the database; errors come out without any password."""
        try:
            import sqlalchemy as sa
        except ImportError:
            raise DataError(
                'source sql: SQLAlchemy is not installed; pip install "augment-pipeline[sql]" brings it and a driver '
                "for PostgreSQL"
            ) from None
        params = self.params
        address = params.url if params.url_from is None else os.environ.get(params.url_from)
        if not address:
            raise DataError(f"source sql: the environment variable {params.url_from} is not set; `url_from` names it")
        try:
            url = sa.make_url(address)
        except sa.exc.ArgumentError:
            raise DataError(f"source sql: {params.url_from} does not hold the address of a database") from None
        if url.drivername == "postgresql":
            url = url.set(drivername="postgresql+psycopg")
        called = url.set(password=None, query={}).render_as_string(hide_password=True)
        try:
            limit = {"connect_timeout": CONNECT_SECONDS} if url.get_backend_name() == "postgresql" else {}
            engine = sa.create_engine(url, poolclass=sa.pool.NullPool, connect_args=limit)
            with engine.connect() as connection:
                if engine.dialect.name == "postgresql":
                    connection = connection.execution_options(postgresql_readonly=True)
                yield sa, connection, called
        except ImportError as error:
            raise DataError(f"{called}: the driver of this database is not installed ({error.name})") from None
        except sa.exc.SQLAlchemyError as error:
            said = str(getattr(error, "orig", None) or error)
            for secret in (address if params.url is None else None, url.password):
                said = said.replace(str(secret), "***") if secret else said
            raise DataError(f"{called}: {said.strip()[:400]}") from None

    def _query(self, sa: Any, connection: Any, called: str) -> tuple[str, bool]:
        """The query, and whether it orders its rows."""
        if self.params.query is not None:
            return self.params.query, re.search(r"\border\s+by\b", self.params.query, re.IGNORECASE) is not None
        *schema, name = self.params.table.split(".", 1)
        where = {"schema": schema[0]} if schema else {}
        key: list[str] = []
        try:
            inspector = sa.inspect(connection)
            tables = inspector.get_table_names(**where)
            views = inspector.get_view_names(**where)
            key = inspector.get_pk_constraint(name, **where)["constrained_columns"] if name in tables else []
        except sa.exc.SQLAlchemyError:  # drivers such as DuckDB's do not tell; the query does whether there is a table
            connection.rollback()
        else:
            if name not in (*tables, *views):
                raise _no_table(called, name, [*tables, *views])
        quote = connection.dialect.identifier_preparer.quote_identifier
        ordered = f" order by {', '.join(map(quote, key))}" if key else ""
        return f"select * from {'.'.join(map(quote, [*schema, name]))}{ordered}", bool(key)

    def _values(self, called: str, name: str, cells: Sequence[Any]) -> Any:
        cells = [
            float(cell) if isinstance(cell, Decimal) else str(cell) if isinstance(cell, UUID) else cell
            for cell in cells
        ]
        try:
            values = pa.chunked_array([pa.array(cells)])
        except (pa.ArrowException, OverflowError) as error:
            kinds = sorted({type(cell).__name__ for cell in cells if cell is not None})
            raise DataError(
                f"{called}: column {name!r} of {self._what} holds values of {', '.join(kinds)}, which are not of one "
                f"kind; convert them in `query`, as in `cast({name} as text)`"
            ) from error
        if self.params.path is not None and pa.types.is_string(values.type):
            values = _times(values)
        return values_of(called, name, values)


def _times(values: pa.ChunkedArray) -> pa.ChunkedArray:
    """Texts that are all dates or times, as such; SQLite has no type for them."""
    if values.null_count == len(values) or not pc.all(pc.match_substring_regex(values, ISO_TIME)).as_py():
        return values
    try:
        return values.cast(pa.timestamp("us"))
    except pa.ArrowInvalid:
        return values


@contextmanager
def _sqlite(path: Path, called: str) -> Iterator[sqlite3.Connection]:
    """A connection that only reads, and does not trust what a file says of views and functions."""
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as connection:
            connection.execute("pragma trusted_schema = off")
            connection.execute("pragma cell_size_check = on")
            connection.execute("pragma query_only = on")
            connection.set_authorizer(_may)  # last: no pragma, and no second file to attach or to copy into
            yield connection
    except sqlite3.Error as error:
        raise DataError(
            f"{called}: {error}; a whole SQLite database, and a query that it knows, were expected"
        ) from error


def _may(action: int, *_: object) -> int:
    """What a query may do in SQLite: look at rows."""
    looking = (sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_RECURSIVE)
    return sqlite3.SQLITE_OK if action in looking else sqlite3.SQLITE_DENY


def _is_duckdb(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(duckdb_files.PLACE.stop)[duckdb_files.PLACE] == duckdb_files.MAGIC


def _only_table(called: str, names: Sequence[str]) -> str:
    """The table of a database that has one."""
    if len(names) == 1:
        return names[0]
    if not names:
        raise DataError(f"{called}: holds no table")
    listed = ", ".join(names[:MAX_LISTED]) + (f" and {len(names) - MAX_LISTED} more" if len(names) > MAX_LISTED else "")
    raise DataError(f"{called}: holds the tables {listed}; say which one is meant, as in `--table {names[0]}`")


def _fetched(cursor: Any) -> Rows:
    if cursor.description is None:
        raise sqlite3.OperationalError("the query gives no rows")
    return Rows([column[0] for column in cursor.description], cursor.fetchall())


def _tables(connection: sqlite3.Connection, views: bool = True) -> list[str]:
    kinds = "('table', 'view')" if views else "('table')"
    found = connection.execute(
        f"select name from sqlite_master where type in {kinds} and name not like 'sqlite~_%' escape '~' order by name"
    )
    return [name for (name,) in found]


def _quoted(name: str) -> str:
    doubled = name.replace('"', '""')
    return f'"{doubled}"'


def _no_table(called: str, name: str, tables: Sequence[str]) -> DataError:
    return DataError(
        f"{called}: has no table {name!r}; it has {', '.join(tables)[:300] or 'none'}{did_you_mean(name, tables)}"
    )
