"""Databases: SQLite files, and a PostgreSQL server that is started here where its programs are installed."""

from __future__ import annotations

import gzip
import os
import pwd
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from pydantic import ValidationError

from augment.data import Dataset
from augment.detect.formats import find_address, find_source
from augment.detect.formats import read as look_at
from augment.errors import DataError, SpecError
from augment.onboarding import write_pipeline
from augment.plugin.catalog import Catalog
from augment.plugin.context import Context
from augment.spec.load import load
from augment.spec.yaml_reader import parse
from augment_tables import sql_source
from augment_tables.sql_source import SqlSource

PASSWORD = "s3cret/word"  # a `/` must be escaped in an address


def read(**params: Any) -> Dataset:
    with tempfile.TemporaryDirectory() as folder:
        return SqlSource(SqlSource.Params(**params)).read(Context(seed=0, folder=Path(folder)))


@pytest.fixture
def database(tmp_path: Path) -> Path:
    with sqlite3.connect(tmp_path / "shop.db") as connection:
        connection.execute('create table orders (day text, "unit price" real, number integer, state text)')
        rows = [("2024-01-03", 2.5, 2, "open"), ("2024-01-01", 1, None, "open"), (None, 0.5, 7, "open")]
        connection.executemany("insert into orders values (?, ?, ?, ?)", rows)
        connection.execute("create table people (name text)")
        connection.execute('create view cheap as select number from orders where "unit price" < 2')
    connection.close()
    return tmp_path / "shop.db"


def test_a_table_of_sqlite_has_types_and_the_order_of_its_rows(database: Path) -> None:
    data = read(path=database, table="orders")
    assert {name: column.type for name, column in data.schema.columns.items()} == {
        "day": "datetime",
        "unit price": "number",
        "number": "integer",
        "state": "category",
    }
    assert data.frame["unit price"].tolist() == [2.5, 1, 0.5]
    assert data.frame.day[1] == pd.Timestamp("2024-01-01")
    assert data.frame.isna().sum().tolist() == [1, 0, 1, 0]


def test_a_query_and_a_view_are_read(database: Path) -> None:
    query = "select state, count(*) as number from orders group by state order by state"
    assert read(path=database, query=query).frame.to_dict("list") == {"state": ["open"], "number": [3]}
    assert len(read(path=database, table="cheap")) == 2
    assert list(read(path=database, table="orders", columns=["state"]).frame) == ["state"]


def test_init_takes_the_only_table_and_asks_which_of_several_is_meant(database: Path) -> None:
    packed = database.with_name("shop.sqlite.gz")
    packed.write_bytes(gzip.compress(database.read_bytes()))
    for path in (database, packed):
        assert find_source(path, Catalog()) is SqlSource
        with pytest.raises(DataError, match=r"holds the tables orders, people; say which one .* `--table orders`"):
            look_at(SqlSource, path)
        dataset, settings, _ = look_at(SqlSource, path, given={"table": "orders"})
        assert (settings, len(dataset)) == ({"table": "orders"}, 3)
    with sqlite3.connect(database) as connection:
        connection.execute("drop table people")
    assert look_at(SqlSource, database)[1] == {"table": "orders"}  # beside a view


@pytest.mark.parametrize("scheme", ["sqlite", "duckdb"])
def test_addresses_of_files_are_paths(scheme: str) -> None:
    said = find_address(f"{scheme}:////data/shop.db", Catalog(), {})
    assert said == (SqlSource, Path("/data/shop.db"), {})
    assert find_address(f"{scheme}:///shop.db", Catalog(), {"table": "t"})[1:] == (Path("shop.db"), {"table": "t"})


def test_addresses_that_no_pipeline_may_hold_are_refused_without_the_password() -> None:
    with pytest.raises(DataError, match=r"the address holds a password, .*PGPASSWORD") as error:
        find_address(f"postgresql://analyst:{PASSWORD}@host/shop", Catalog(), {"table": "t"})
    assert "s3cret" not in str(error.value)
    with pytest.raises(DataError, match=r"is not the address of a PostgreSQL .* `url_from`") as error:
        find_address("mysql://analyst@host/shop", Catalog(), {})
    with pytest.raises(DataError, match="nothing is known of addresses that begin with s3://") as error:
        find_address(f"s3://analyst:{PASSWORD}@bucket/shop.csv", Catalog(), {})
    assert "s3cret" not in str(error.value)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"table": "order"}, r"shop\.db: has no table 'order'; it has cheap, orders, people; did you mean 'orders'"),
        ({"table": "people"}, r"shop\.db: the table 'people' holds no rows"),
        ({"query": "select from"}, r"shop\.db: .*syntax error"),
        ({"query": "with a as (select 1) delete from orders"}, r"shop\.db: not authorized"),
        ({"query": "select load_extension('x')"}, r"shop\.db: not authorized"),
        ({"query": "select * from pragma_table_info('orders')"}, r"shop\.db: not authorized"),
        ({"query": "select 1 as a, 2 as a"}, r"names twice: 'a'"),
        (
            {"query": "select 'x' as a union all select 1"},
            r"column 'a' .* holds values of int, str, .*cast\(a as text\)",
        ),
        ({"query": "select x'00ff' as a"}, r"column 'a' holds values of type binary"),
    ],
)
def test_what_cannot_be_read_is_refused(params: dict, message: str, database: Path) -> None:
    before = database.read_bytes()
    with pytest.raises(DataError, match=message):
        read(path=database, **params)
    assert database.read_bytes() == before


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "data.db"
    path.write_bytes(b"SQLite format 3\0" + bytes(range(256)) * 20)
    with pytest.raises(DataError, match=r"data\.db: "):
        read(path=path, table="x")


@pytest.mark.parametrize(
    "params",
    [
        {"path": "a.db"},
        {"table": "x"},
        {"path": "a.db", "table": "x", "query": "select 1"},
        {"path": "a.db", "url": "postgresql://host/db", "table": "x"},
    ],
)
def test_one_database_and_one_table_or_query_are_named(params: dict) -> None:
    with pytest.raises(ValidationError, match="name one of"):
        SqlSource.Params(**params)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"query": "vacuum into '/tmp/x.db'"}, "is not a query that reads rows"),
        ({"query": "attach database '/tmp/x.db' as x"}, "is not a query that reads rows"),
        ({"query": "copy (select 1) to program 'touch x'"}, "is not a query that reads rows"),
        ({"query": "-- select\ndelete from orders"}, "is not a query that reads rows"),
        ({"query": "select 1; commit; drop table orders"}, "one statement"),
        ({"url": "sqlite:////home/me/shop.db"}, "named under `path`"),
        ({"url": "mssql+pyodbc:///?odbc_connect=Driver%3D/tmp/evil.so"}, "must not choose its driver"),
        ({"url": "duckdb:///x"}, "must not choose its driver"),
    ],
)
def test_a_pipeline_neither_changes_a_database_nor_chooses_a_driver(settings: dict, message: str) -> None:
    place = {} if "url" in settings else {"path": "shop.db"}
    with pytest.raises(ValidationError, match=message):
        SqlSource.Params(**place, **settings, **({} if "query" in settings else {"table": "x"}))


@pytest.mark.parametrize("query", ["select 1;", " -- one\n(select 1)", "with a as (select 1) select * from a"])
def test_a_query_may_end_with_a_semicolon_and_begin_with_a_comment(query: str) -> None:
    assert SqlSource.Params(path=Path("shop.db"), query=query).query == query


def test_a_query_of_sqlite_looks_at_rows_and_does_nothing_else(database: Path, tmp_path: Path) -> None:
    with sql_source._sqlite(database, "shop.db") as connection:
        for statement in (f"vacuum into '{tmp_path / 'x.db'}'", f"attach database '{tmp_path / 'x.db'}' as x"):
            with pytest.raises(sqlite3.DatabaseError, match=r"authorization denied|not authorized"):
                connection.execute(statement)
        assert connection.execute("select count(*) from orders").fetchone() == (3,)
    assert not (tmp_path / "x.db").exists()


@pytest.mark.parametrize(
    "url",
    [f"postgresql://user:{PASSWORD}@host/db", f"postgresql://host/db?password={PASSWORD}", f"mysql://u:{PASSWORD}@h"],
)
def test_an_address_with_a_password_is_refused_without_repeating_it(url: str) -> None:
    spec = {"source": {"use": "sql", "with": {"url": url, "table": "x"}}, "generators": ["bootstrap"]}
    with pytest.raises(SpecError, match=r"holds a password, .* PGPASSWORD .* `url_from`") as error:
        load(spec, Catalog())
    assert "s3cret" not in str(error.value)


def test_an_address_comes_from_the_environment(database: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("sqlalchemy")
    with pytest.raises(DataError, match="the environment variable SHOP is not set"):
        read(url_from="SHOP", table="orders")
    monkeypatch.setenv("SHOP", f"sqlite:///{database}")
    assert len(read(url_from="SHOP", table="orders")) == 3
    monkeypatch.setenv("SHOP", PASSWORD)
    with pytest.raises(DataError, match="SHOP does not hold the address") as error:
        read(url_from="SHOP", table="orders")
    assert "s3cret" not in str(error.value)


@pytest.fixture
def duck(tmp_path: Path) -> Path:
    duckdb = pytest.importorskip("duckdb", reason="an extra of the tests")
    with duckdb.connect(str(tmp_path / "shop.db")) as connection:
        connection.execute("create table t as select i as id, i / 2 as x, date '2024-01-31' as d from range(3) r(i)")
        connection.execute("create view v as select id from t where id > 0")
    return tmp_path / "shop.db"


def test_duckdb_files_are_read_as_they_are(duck: Path) -> None:
    assert find_source(duck, Catalog()) is SqlSource
    dataset, settings, _ = look_at(SqlSource, duck)
    assert settings == {"table": "t"}
    assert dataset.frame.id.tolist() == [0, 1, 2]
    assert dataset.frame.x.tolist() == [0, 0.5, 1]
    assert dataset.frame.d[0] == pd.Timestamp("2024-01-31")
    assert read(path=duck, table="v").frame.id.tolist() == [1, 2]
    assert read(path=duck, query="select sum(id) as s from t").frame.s.tolist() == [3]


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"table": "u"}, "has no table 'u'; it has t, v"),
        ({"query": "select from from"}, "syntax error"),
        ({"query": "select * from read_text('/etc/hostname')"}, "disabled by configuration"),
        ({"query": "with a as (select 1) insert into t select 1, 1, null"}, "read-only|Cannot execute"),
    ],
)
def test_a_query_of_a_duckdb_file_reads_nothing_else(params: dict, message: str, duck: Path) -> None:
    with pytest.raises(DataError, match=rf"shop\.db: (?s:.*)(?:{message})"):
        read(path=duck, **params)


def test_a_duckdb_file_without_its_package_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "shop.duckdb").write_bytes(b"0" * 8 + b"DUCK" + b"0" * 40)
    monkeypatch.setitem(sys.modules, "duckdb", None)
    with pytest.raises(DataError, match=r"is not installed: pip install \"augment-pipeline\[duckdb\]\""):
        read(path=tmp_path / "shop.duckdb", table="t")


POSTGRES = next(iter([*sorted(Path("/usr/lib/postgresql").glob("*/bin")), Path(shutil.which("initdb") or "").parent]))


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """A server with a password, which listens on a socket in a folder of its own; the address without the password."""
    pytest.importorskip("sqlalchemy")
    pytest.importorskip("psycopg")
    if not (POSTGRES / "initdb").is_file() or not (POSTGRES / "postgres").is_file():
        pytest.skip("PostgreSQL is not installed")
    user: dict[str, Any] = {}
    if os.getuid() == 0:  # as whom the server does not run
        try:
            user = {"user": pwd.getpwnam("postgres").pw_uid}
        except KeyError:
            pytest.skip("PostgreSQL does not run as root")
    with tempfile.TemporaryDirectory(prefix="pg-", dir="/tmp") as name:
        folder = Path(name)
        (folder / "password").write_text(PASSWORD)
        if user:
            for path in (folder, folder / "password"):
                os.chown(path, user["user"], -1)
        data = str(folder / "data")
        made = [POSTGRES / "initdb", "-D", data, "-U", "analyst", "--auth=scram-sha-256", "--no-sync"]
        subprocess.run([*made, f"--pwfile={folder / 'password'}"], check=True, capture_output=True, cwd=name, **user)
        command = [POSTGRES / "postgres", "-D", data, "-k", name, "-c", "listen_addresses=", "-c", "fsync=off"]
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(command, stdout=log, stderr=log, cwd=name, **user)
        try:
            for _ in range(200):
                if (folder / ".s.PGSQL.5432").exists() and b"ready to accept" in (folder / "log").read_bytes():
                    break
                time.sleep(0.05)
            yield f"postgresql://analyst@/postgres?host={name}"
        finally:
            process.terminate()
            process.wait(20)


@pytest.fixture
def url(server: str, monkeypatch: pytest.MonkeyPatch) -> str:
    import psycopg

    monkeypatch.setenv("PGPASSWORD", PASSWORD)
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute("drop schema if exists sales cascade")
        connection.execute("create schema sales")
        connection.execute(
            "create table sales.orders (id int primary key, day date, seen timestamptz, price numeric(8,2), paid bool, "
            "code uuid, v float8[], state text)"
        )
        for number in (3, 1, 2):
            connection.execute(
                "insert into sales.orders values (%s, '2024-01-31', '2024-01-31 12:00+01', 9.5, true, "
                "'00000000-0000-0000-0000-000000000001', '{1,2}', '100%%')",
                (number,),
            )
        connection.execute("create view sales.prices as select price * id as p from sales.orders order by id desc")
    return server


def test_a_table_of_postgresql_has_its_types_and_comes_in_the_order_of_its_key(url: str) -> None:
    data = read(url=url, table="sales.orders")
    assert data.frame.id.tolist() == [1, 2, 3]
    assert {name: column.type for name, column in data.schema.columns.items()} == {
        "id": "integer",
        "day": "datetime",
        "seen": "datetime",
        "price": "number",
        "paid": "boolean",
        "code": "category",
        "state": "category",
    }
    assert data.frame.price.tolist() == [9.5] * 3
    assert data.frame.seen[0] == pd.Timestamp("2024-01-31 11:00")
    assert data.arrays["v"].tolist() == [[1, 2]] * 3


def test_rows_without_an_order_are_sorted(url: str) -> None:
    assert read(url=url, table="sales.prices").frame.p.tolist() == [19.0, 28.5, 9.5]  # as text
    ordered = "select id, state from sales.orders where state like '%\\%' and ':x' = ':x' order by id desc"
    assert read(url=url, query=ordered).frame.id.tolist() == [3, 2, 1]


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"table": "sales.order"}, r"has no table 'order'; it has orders, prices; did you mean 'orders'"),
        ({"query": "select from from"}, r"syntax error"),
        (
            {"query": "with gone as (delete from sales.orders returning id) select * from gone"},
            r"read-only transaction",
        ),
        ({"query": "select '{}'::json as a"}, r"column 'a'"),
    ],
)
def test_what_postgresql_refuses_is_said_without_the_password(params: dict, message: str, url: str) -> None:
    with pytest.raises(DataError, match=rf"^postgresql\+psycopg://analyst@/postgres: .*{message}") as error:
        read(url=url, **params)
    assert "s3cret" not in str(error.value)
    assert len(read(url=url, table="sales.orders")) == 3


def test_a_wrong_password_and_a_server_that_is_not_there_are_errors(
    url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PGPASSWORD", "wrong")
    with pytest.raises(DataError, match="password authentication failed"):
        read(url=url, table="sales.orders")
    escaped = PASSWORD.replace("/", "%2F")
    monkeypatch.setenv("SHOP", url.replace("analyst@", f"analyst:{escaped}@"))
    assert len(read(url_from="SHOP", table="sales.orders")) == 3
    monkeypatch.setenv("SHOP", f"postgresql://analyst:{escaped}@/postgres?host={tmp_path}")
    with pytest.raises(DataError, match="No such file or directory") as error:
        read(url_from="SHOP", table="sales.orders")
    assert "s3cret" not in str(error.value)


@pytest.mark.slow
def test_init_of_a_server_takes_the_only_table_or_asks(url: str, tmp_path: Path) -> None:
    import psycopg

    text = write_pipeline.propose(url, tmp_path)
    tree = parse(text, "")[0]
    assert tree["source"]["use"] == "sql"
    assert tree["source"]["with"]["url"] == url
    assert tree["source"]["with"]["table"] == "sales.orders"
    assert "s3cret" not in text
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("create table sales.people (name text)")
    with pytest.raises(DataError, match=r"holds the tables sales\.orders, sales\.people; say which one is meant"):
        write_pipeline.propose(url, tmp_path)
    again = parse(write_pipeline.propose(url, tmp_path, given={"table": "sales.orders"}), "")[0]
    assert again["source"] == tree["source"]
