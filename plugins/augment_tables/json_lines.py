"""The source `json-lines`: one JSON object a line, its keys the columns."""

from __future__ import annotations

import json
import math
from collections.abc import Collection
from contextlib import suppress
from typing import Any, NoReturn

import pyarrow as pa
import pyarrow.json as pajson

from augment.errors import DataError
from augment.plugin import Context
from augment.toolkit.text_files import check_text
from augment_tables.reading import check_names, chosen_columns
from augment_tables.table_files import Part, TableFiles, ids_of, not_integers

MAX_BLOCK = 2**31 - 1  # Arrow's limit, in bytes


class JsonLinesSource(TableFiles):
    """Reads UTF-8 files of JSON lines. A key that a line leaves out, or a null, is a missing value."""

    name = "json-lines"
    yields = frozenset({"table", "text"})
    endings = (".jsonl", ".ndjson")
    reads_only_paths = True
    reads_text = True  # times, that is: numbers and words in one column are refused

    def _part(self, as_text: Collection[str], context: Context) -> Part:
        path = self.params.path
        check_text(path, "utf-8")
        try:
            table = self._parse(sorted(as_text))
        except pa.ArrowInvalid:
            try:
                table = self._parse([])  # labels written as JSON numbers become text later
            except pa.ArrowInvalid as error:
                raise DataError(self._first_problem() or f"{path}: {error}") from error
        if others := not_integers(table, ids_of(context)):
            with suppress(pa.ArrowInvalid):
                table = self._parse(sorted({*as_text, *others}))
        check_names(path, table.column_names, all_needed=self.params.columns is None)
        return Part(table.select(chosen_columns(path, table.column_names, self.params.columns)))

    def _parse(self, as_text: list[str]) -> pa.Table:
        path = self.params.path
        block = min(path.stat().st_size + 1, MAX_BLOCK)  # types are inferred a block at a time
        table = pajson.read_json(
            path,
            read_options=pajson.ReadOptions(use_threads=False, block_size=block),
            parse_options=pajson.ParseOptions(explicit_schema=pa.schema([(name, pa.string()) for name in as_text])),
        )
        # Arrow gives declared columns that no line has, full of nulls; that they are missing is for the schema to say
        absent = [name for name in as_text if table[name].null_count == table.num_rows]
        return table.drop_columns(absent) if absent else table

    def _first_problem(self) -> str | None:
        """The first line that is no JSON object or changes a column's type, in words; far slower than Arrow."""
        path = self.params.path
        kinds: dict[str, tuple[str, int]] = {}
        with path.open(encoding="utf-8-sig") as file:
            for number, line in enumerate(file, start=1):
                if not line.strip():
                    continue
                try:
                    row = json.loads(line, parse_constant=_refuse_constant)
                except ValueError as error:
                    hint = "; the file is one JSON array: write one object a line" if line.lstrip()[0] == "[" else ""
                    return f"{path}, line {number}: is not JSON: {error}{hint}"
                if not isinstance(row, dict):
                    return f"{path}, line {number}: holds {_kind(row)}; one JSON object a line was expected"
                for name, value in row.items():
                    if value is None:
                        continue
                    if value in (math.inf, -math.inf):
                        return f"{path}, line {number}: {name!r} holds a number too large; null says it is missing"
                    kind, first = kinds.setdefault(name, (_kind(value), number))
                    if kind != _kind(value):
                        return (
                            f"{path}, line {number}: {name!r} holds {_kind(value)}, and {kind} on line {first}; write "
                            "all values of a column alike"
                        )
        return None


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON value; write null for a missing number")


def _kind(value: Any) -> str:
    names = {bool: "a boolean", int: "a number", float: "a number", str: "a text", list: "a list", dict: "an object"}
    return names.get(type(value), "null")
