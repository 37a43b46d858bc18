"""DuckDB files, read by the package `duckdb`, which may do nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from augment.errors import DataError

__all__ = ["MAGIC", "PLACE", "opened", "rows_of_table", "tables"]

MAGIC, PLACE = b"DUCK", slice(8, 12)  # where it stands in a file
LOCKED: dict[str, Any] = {  # a query that somebody sent reads no other file, loads no library, and cannot lift that
    "enable_external_access": False,
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
    "lock_configuration": True,
}


@contextmanager
def opened(path: Path, called: str) -> Iterator[Any]:
    """A connection that only reads this file.

    Args:
        path: the file.
        called: what messages call it.

    Raises:
        DataError: the package is not installed, or the file or a query is not what DuckDB can read.
    """
    try:
        import duckdb
    except ImportError:
        raise DataError(
            f'{called}: the package that reads DuckDB files is not installed: pip install "augment-pipeline[duckdb]"'
        ) from None
    try:
        with duckdb.connect(str(path), read_only=True, config=LOCKED) as connection:
            yield connection
    except duckdb.Error as error:
        said = str(error).strip().split("\n\n")[0][:400]
        raise DataError(f"{called}: {said}; a whole DuckDB file, and a query that it knows, were expected") from error


def tables(connection: Any, views: bool = True) -> list[str]:
    """The names of tables, and of views; with the schema before them where that is not the usual one."""
    found = connection.execute(
        "select table_schema, table_name, table_type from information_schema.tables order by all"
    ).fetchall()
    return [name if schema == "main" else f"{schema}.{name}" for schema, name, kind in found if views or kind != "VIEW"]


def rows_of_table(connection: Any, name: str) -> Any:
    """The rows of a table in their order, or of a view."""
    import duckdb

    quoted = ".".join('"' + part.replace('"', '""') + '"' for part in name.split(".", 1))
    try:
        return connection.execute(f"select * from {quoted} order by rowid")
    except duckdb.BinderException:  # a view
        return connection.execute(f"select * from {quoted}")
