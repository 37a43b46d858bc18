"""The sources `json-lines` and `json-records`: JSON objects, their keys the columns."""

from __future__ import annotations

import json
import logging
import math
import tempfile
from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, ClassVar, NoReturn

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json as pajson

from augment.data import Dataset
from augment.errors import DataError
from augment.plugin import Context
from augment.toolkit.data_files import naming
from augment.toolkit.date_formats import infer_iso_format
from augment.toolkit.tables.stored_types import stored_types
from augment.toolkit.text_files import check_text
from augment_tables.reading import check_names
from augment_tables.table_files import Part, TableFiles, ids_of, not_integers

MAX_BLOCK = 2**31 - 1  # Arrow's limit, in bytes
MAX_INTEGER = 2**63 - 1  # Arrow reads greater ones as floats

log = logging.getLogger("augment")


class JsonLinesSource(TableFiles):
    """Reads UTF-8 files of JSON lines. A key that a line leaves out, or a null, is a missing value."""

    name = "json-lines"
    yields = frozenset({"table", "text"})
    endings: ClassVar[tuple[str, ...]] = (".jsonl", ".ndjson")
    reads_only_paths = True
    _unit = "line"  # what messages count
    absent_is_missing = True
    reads_text = True  # times, that is: numbers and words in one column are refused

    @classmethod
    def settings_to_write(cls, path: Path, settings: Mapping[str, Any], data: Dataset) -> dict[str, Any]:
        return {"ending": ".ndjson"} if path.suffix.lower() == ".ndjson" else {}

    @classmethod
    def further_settings(cls, path: Path, settings: Mapping[str, Any], data: Dataset | None) -> dict[str, Any]:
        if data is not None or "columns" in settings:
            return {}
        nested: dict[str, bool] = {}
        with suppress(ValueError, OSError, RecursionError):  # which reading tells
            for record in _records_of(path):
                for name, value in record.items():
                    nested[name] = nested.get(name, False) or isinstance(value, dict | list)
        kept = [name for name, is_nested in nested.items() if not is_nested]
        if not kept or len(kept) == len(nested):
            return {}
        for name in nested.keys() - set(kept):
            log.warning("column %r is left out: no dataset can hold its values, which are lists or objects", name)
        return {"columns": kept}

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
        chosen = table.column_names if self.params.columns is None else self.params.columns
        table = table.select([name for name in chosen if name in table.column_names])
        self._refuse_rounded(table)
        return Part(table, {}, self._learned(table))

    def _learned(self, table: pa.Table) -> dict[str, dict[str, Any]]:
        """Column to the type of its values, for labels that are no texts, or to how its dates are written."""
        dates = [field.name for field in table.schema if pa.types.is_temporal(field.type)]
        texts = self._parse(dates) if dates else table
        learned: dict[str, dict[str, Any]] = {
            name: {"stored_as": stored} for name, stored in stored_types(table).items() if name not in dates
        }
        formats = {name: infer_iso_format(texts[name].to_pandas()) for name in dates}
        return learned | {name: {"date_format": one} for name, one in formats.items() if one is not None}

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

    def _refuse_rounded(self, table: pa.Table) -> None:
        """Refuse integers that Arrow has read as floats, since those are others."""
        floats = [field.name for field in table.schema if pa.types.is_floating(field.type)]
        large = {name for name in floats if pc.any(pc.greater_equal(pc.abs(table[name]), float(2**63))).as_py()}
        if not large:
            return
        with self.params.path.open(encoding="utf-8-sig") as file:
            for number, line in enumerate(filter(str.strip, file), start=1):
                for name, value in json.loads(line).items():
                    if name in large and isinstance(value, int) and abs(value) > MAX_INTEGER:
                        raise DataError(
                            f"{self.params.path}, {self._unit} {number}: {name!r} holds an integer above 2⁶³ - 1, "
                            "which no number keeps exactly; write all values of the column as texts, in quotes"
                        )

    def _first_problem(self) -> str | None:
        """The first line that is no JSON object or changes a column's type, in words; far slower than Arrow."""
        path = self.params.path
        kinds: dict[str, tuple[str, int]] = {}
        with path.open(encoding="utf-8-sig") as file:
            for number, line in enumerate(file, start=1):
                where = f"{path}, {self._unit} {number}"
                if not line.strip():
                    continue
                try:
                    row = json.loads(line, parse_constant=_refuse_constant, object_pairs_hook=_without_doubles)
                except ValueError as error:
                    is_list = line.lstrip()[0] == "["
                    hint = "; the file is one JSON array: use the source `json-records`" if is_list else ""
                    return f"{where}: is not JSON: {error}{hint}"
                if not isinstance(row, dict):
                    return f"{where}: holds {_kind(row)}; one JSON object a line was expected"
                for name, value in row.items():
                    if value is None:
                        continue
                    if value in (math.inf, -math.inf):
                        return (
                            f"{path}, {self._unit} {number}: {name!r} holds a number too large; null says it is missing"
                        )
                    kind, first = kinds.setdefault(name, (_kind(value), number))
                    if kind != _kind(value):
                        return (
                            f"{where}: {name!r} holds {_kind(value)}, and {kind} on {self._unit} {first}; write all "
                            "values of a column alike"
                        )
        return None


class JsonSource(JsonLinesSource):
    """Reads JSON files that hold one list of objects, also called records; a file of JSON lines is read as such.

    A key that an object leaves out, or a null, is a missing value.
    """

    name = "json-records"
    endings = (".json",)

    def _part(self, as_text: Collection[str], context: Context) -> Part:
        path = self.params.path
        check_text(path, "utf-8")
        content = path.read_text(encoding="utf-8-sig")
        if not content.lstrip().startswith("["):
            self._refuse_one_object(content)
            return super()._part(as_text, context)
        with tempfile.TemporaryDirectory(dir=context.folder) as folder:
            lines = Path(folder) / path.name
            with lines.open("w", encoding="utf-8") as file:
                file.writelines(json.dumps(record) + "\n" for record in self._records(content))
            reader = JsonSource(self.params.model_copy(update={"path": lines}))
            reader._unit = "object"
            with naming(path, lines):
                return JsonLinesSource._part(reader, as_text, context)

    @classmethod
    def settings_to_write(cls, path: Path, settings: Mapping[str, Any], data: Dataset) -> dict[str, Any]:
        with path.open(encoding="utf-8-sig") as file:
            first = next((line for line in file if line.strip()), "")
        return {} if first.lstrip().startswith("[") else {"lines": True}

    def _records(self, content: str) -> list[Any]:
        path = self.params.path
        try:
            records: list[Any] = json.loads(
                content, parse_constant=_refuse_constant, object_pairs_hook=_without_doubles
            )
        except (ValueError, RecursionError) as error:
            raise DataError(f"{path}: is not JSON: {str(error)[:200]}") from error
        if not records:
            raise DataError(f"{path}: the list is empty; at least one object was expected")
        for number, record in enumerate(records, start=1):
            if not isinstance(record, dict):
                raise DataError(
                    f"{path}, object {number}: holds {_kind(record)}; a list of objects was expected, as pandas writes "
                    '`to_json(orient="records")`'
                )
        return records

    def _refuse_one_object(self, content: str) -> None:
        try:
            whole = json.loads(content)
        except (ValueError, RecursionError):
            return  # more than one object, or not JSON, which reading the lines tells
        if not isinstance(whole, dict):
            return
        if "\n" in content.strip() or any(isinstance(value, dict | list) for value in whole.values()):
            raise DataError(
                f"{self.params.path}: holds one object, and a list of objects was expected, as pandas writes "
                '`to_json(orient="records")`'
            )


def _records_of(path: Path) -> Iterator[dict[str, Any]]:
    """The objects of a file of either form."""
    content = path.read_text(encoding="utf-8-sig")
    whole = content.lstrip().startswith("[")
    for record in json.loads(content) if whole else map(json.loads, filter(str.strip, content.splitlines())):
        if isinstance(record, dict):
            yield record


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    record = dict(pairs)
    if len(record) < len(pairs):
        twice = next(name for place, (name, _) in enumerate(pairs) if name in dict(pairs[:place]))
        raise ValueError(f"an object has the key {twice!r} twice")
    return record


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON value; write null for a missing number")


def _kind(value: Any) -> str:
    names = {bool: "a boolean", int: "a number", float: "a number", str: "a text", list: "a list", dict: "an object"}
    return names.get(type(value), "null")
