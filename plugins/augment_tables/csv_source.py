"""The source `csv`: CSV files, read by Arrow and refused in words where it is not what it seems."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Annotated, Any, Literal

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
from pydantic import Field, ValidationInfo, field_validator

from augment.data import Dataset, DateFormat, StoredType
from augment.errors import DataError
from augment.plugin import Context
from augment.toolkit.csv_delimiters import Delimiter, single, written_with_tabs
from augment.toolkit.csv_dialect import infer_dialect, infer_encoding
from augment.toolkit.csv_files import ending_like, unguarded, without_guards
from augment.toolkit.csv_numbers import Thousands, warn_of_separators
from augment.toolkit.data_files import listed
from augment.toolkit.date_formats import infer_iso_format
from augment.toolkit.text_files import Encoding, check_text
from augment_tables import csv_settings
from augment_tables.csv_cells import (
    are_codes_with_e,
    has_leading_zeros,
    is_whole,
    warn_of_numbers,
    with_amounts,
    with_dates,
    with_missing,
    without_unit,
)
from augment_tables.csv_header import judge_first_line, named_columns
from augment_tables.csv_missing import NullValues, missing_numbers
from augment_tables.csv_notes import note_dates, note_several_units, note_unit_of_target
from augment_tables.csv_preamble import check_no_preamble, infer_skip_lines, looks_like_table
from augment_tables.csv_records import Records
from augment_tables.reading import check_names, chosen_columns
from augment_tables.table_files import Part, TableFiles, ids_of, not_integers
from augment_tables.written_numbers import infer_format

OTHER_ENDINGS = (".txt", ".dat", ".data", ".tab", ".asc")  # of files that may hold a table, or something else
CODE = r"^ *-?0[0-9xX]"
LONG_INTEGER = r"^ *[+-]?[0-9]{19,} *$"
MAX_BLOCK = 2**31 - 1  # Arrow's limit, in bytes

log = logging.getLogger("augment")


class CsvSource(TableFiles):
    """Reads a CSV file, or several of the same columns."""

    name = "csv"
    yields = frozenset({"table", "text"})
    endings = (".csv", ".tsv")
    reads_only_paths = True
    reads_text = True

    class Params(TableFiles.Params):
        """Where the files are and how they are written."""

        delimiter: Delimiter = ","
        r"""What stands between two cells: a character, or several such as `::`; `\s+` is any number of spaces and tabs,
        of which those around a line divide nothing."""
        encoding: Encoding = "utf-8"
        """How characters are stored; a byte order mark is accepted."""
        decimal: Literal[".", ","] = "."
        """The character before the decimals of a number."""
        thousands: Thousands | None = None
        """The character between groups of three digits: `.` where 1234567.5 is written `1.234.567,5`. A space is any
        space, `'` also `’`. A column becomes numbers if all its cells are."""
        skip_lines: int = Field(default=0, ge=0)
        """Lines before the header, such as a title, comments, or `sep=;`."""
        header: bool | None = None
        """Whether the first line names the columns. When not given, it does, and is refused if it looks like a row of
        data; `true` takes it as it is."""
        names: tuple[str, ...] | None = None
        """The names of all columns, in order, with `header: false`. When not given: those under `schema.columns`, if
        all columns are declared there; else `column1`, `column2` and so on."""
        null_values: NullValues | None = None
        """Cells that mean a missing value. When not given: in columns of numbers and dates the empty cell, `NA`,
        `N/A`, `NaN`, `nan`, `NULL` and `null`; in columns of words only the empty cell, since `NA` may be Namibia. A
        column of nothing but such cells is missing altogether. A list is for all columns. `{price: ["?"]}` is for one,
        beside the usual ones; the words of such a mapping mean a missing value in all columns of numbers."""
        quotes: bool = True
        """Whether `"` around a cell holds it together, with delimiters and line breaks in it. `false` where quotes are
        parts of texts."""
        guard_formulas: bool = False
        """Take away the `'` that the sink `csv` puts before words and names that a spreadsheet would run as formulas.
        Say `true` for files that were written with the sink's setting of this name, which is its default."""
        date_format: DateFormat | None = None
        """How dates are written where it is not as ISO 8601 has it (2024-12-31), in the signs of `strftime`:
        `"%d.%m.%Y"` for 31.12.2024, `"%m/%d/%Y %H:%M"` for 12/31/2024 23:59. Columns of such dates become dates."""
        units: dict[str, Annotated[str, Field(min_length=1)]] = {}
        """Column to the sign or word that stands beside its numbers: `{price: €}` where cells are `€ 9.50` or
        `1,250.00 €`. It is taken away, and is the column's unit from then on."""

        @field_validator("names")
        @classmethod
        def _names_replace_a_header(cls, names: tuple[str, ...] | None, info: ValidationInfo) -> tuple[str, ...] | None:
            if names is not None and info.data.get("header") is not False:
                raise ValueError("are for a file without a header: say `header: false` too, or leave them out")
            return names

        @field_validator("thousands")
        @classmethod
        def _separators_differ(cls, thousands: Thousands | None, info: ValidationInfo) -> Thousands | None:
            if thousands == info.data.get("decimal"):
                raise ValueError(f"and `decimal` are both {thousands!r}, and only one can be")
            return thousands

    @classmethod
    def sniff(cls, path: Path, head: bytes) -> float | None:
        usual = super().sniff(path, head)
        is_text = head.startswith(b"__label__")  # of fastText, whose lines may have equally many words
        if usual is None and path.name.lower().endswith(OTHER_ENDINGS) and not is_text and looks_like_table(head):
            return 0.6
        return usual

    @classmethod
    def settings_for(cls, path: Path) -> dict[str, Any]:
        if not path.is_file():
            return {}
        encoding = infer_encoding(path) or "utf-8"
        delimiter = infer_dialect(path, infer_skip_lines(path, encoding)).get("delimiter", ",")
        with written_with_tabs(path, delimiter, encoding) as plain:
            return cls._settings_for(plain) | ({"delimiter": delimiter} if len(delimiter) > 1 else {})

    @classmethod
    def _settings_for(cls, path: Path) -> dict[str, Any]:
        skip_lines = infer_skip_lines(path, infer_encoding(path) or "utf-8")
        settings = infer_dialect(path, skip_lines) | ({"skip_lines": skip_lines} if skip_lines else {})
        unnamed = cls(cls.Params(path=path, **settings))
        if unnamed._records.describe_stray_quotes():
            settings["quotes"] = False
            unnamed = cls(cls.Params(path=path, **settings))
        first, *rows = unnamed._records.first_rows() or [[]]
        if judge_first_line(first, rows) == "data":
            settings |= {"header": False}
        elif columns := unnamed._filled_columns(named_columns(first)):
            settings |= {"columns": columns}
        source = cls(cls.Params.model_validate({"path": path, "header": True, **settings}))
        with suppress(DataError):  # what cannot be read is refused when it is read
            separators = csv_settings.separators(source._texts(), source.params.delimiter)
            settings = {name: value for name, value in settings.items() if name != "decimal"} | separators
        return settings

    @classmethod
    def further_settings(cls, path: Path, settings: Mapping[str, Any], data: Dataset | None) -> dict[str, Any]:
        return csv_settings.further_settings(data, settings) if data is not None else {}

    @classmethod
    def settings_to_write(cls, path: Path, settings: Mapping[str, Any], data: Dataset) -> dict[str, Any]:
        delimiter, encoding = settings.get("delimiter", ","), settings.get("encoding", "utf-8")
        with written_with_tabs(path, delimiter, encoding) as plain:
            source = cls(cls.Params.model_validate({"path": plain, **settings}))
            formats = source._formats(data) if settings else {}
            booleans = source._booleans(data)
            first = (source._records.first_rows() or [[""]])[0]
        unnamed = named_columns(first)[:1] if first[0] == "" and settings.get("header") is not False else []
        return {
            **ending_like(path, settings),
            **({"formats": formats} if formats else {}),
            **({"booleans": booleans} if booleans in ("True", "TRUE") else {}),
            **({"unnamed_column": unnamed[0]} if unnamed and unnamed[0] in data.schema.columns else {}),
        }

    def read(self, context: Context) -> Dataset:
        data = super().read(context)
        files = listed([Path(file.name) for file in self._files()])
        note_dates(data, files, self.params.date_format, context.declared)
        separators = (self.params.decimal, self.params.thousands or "")
        note_several_units(data, files, *separators, context.declared)
        note_unit_of_target(data, self.params.units, *separators)
        return data

    @contextmanager
    def _opened(self, file: Path, folder: Path) -> Iterator[TableFiles]:
        with (
            super()._opened(file, folder) as reader,
            written_with_tabs(reader.params.path, self.params.delimiter, self.params.encoding, folder) as plain,
        ):
            yield type(self)(self.params.model_copy(update={"path": plain}))

    @property
    def _records(self) -> Records:
        params = self.params
        return Records(params.path, params.encoding, params.delimiter, params.skip_lines, params.quotes)

    def _formats(self, data: Dataset) -> dict[str, str]:
        """Column to how its numbers are written, where they have a unit or separators of thousands."""
        params = self.params
        if not params.units and not params.thousands and params.decimal == ".":
            return {}  # where somebody may read numbers as texts, they are written alike
        texts = self._texts()
        formats = {}
        for name, column in data.schema.columns.items():
            if column.type in ("number", "integer"):
                unit = params.units.get(name, "")
                grouping = params.thousands or (("." if params.decimal == "," else ",") if unit else "")
                cells = pc.unique(texts[name].drop_null()).to_pylist()
                if (found := infer_format(cells, params.decimal, grouping, unit)) is not None:
                    formats[name] = found.example
        return formats

    def _booleans(self, data: Dataset) -> str:
        """How `true` is written in most cells of truth values; empty where there are none."""
        names = {name for name, column in data.schema.columns.items() if column.type == "boolean"}
        if not names:
            return ""
        texts = self._texts()
        words = pa.chunked_array([pc.utf8_trim_whitespace(texts[name]).combine_chunks() for name in sorted(names)])
        counts = {word: pc.sum(pc.equal(words, word)).as_py() or 0 for word in ("true", "True", "TRUE")}
        return max(counts, key=lambda word: counts[word])

    def _filled_columns(self, names: list[str]) -> list[str]:
        """The names, where some are missing and nothing stands below them, as with a delimiter at the end of lines."""
        nameless = [place for place, name in enumerate(names) if not name]
        if not nameless:
            return []
        rows = (cells for _, cells in itertools.islice(self._records, 1, None))
        with suppress(DataError):  # what cannot be read is refused when it is read
            if not any(cells[place].strip() for cells in rows for place in nameless if place < len(cells)):
                return [name for name in names if name]
        return []

    def _part(self, as_text: Collection[str], context: Context) -> Part:
        path = self.params.path
        num_quotes = check_text(path, self.params.encoding) * self.params.quotes
        if num_quotes % 2:
            self._records.check_quotes_close()
        if num_quotes and (problem := self._records.describe_stray_quotes()):
            raise DataError(problem)
        declared = context.declared.columns
        known = {context.declared.target, *declared, *(self.params.columns or ()), *self.params.units}
        written = self._names(known, list(declared))
        names = self._columns(written)
        check_names(path, names, all_needed=self.params.columns is None)
        chosen = chosen_columns(path, names, self.params.columns)
        of_columns = self.params.null_values if isinstance(self.params.null_values, dict) else {}
        chosen_columns(path, names, (*self.params.units, *of_columns))  # refuses those that are not there
        with_unit = self.params.units.keys() & set(chosen)
        text, ids = (set(as_text) & set(chosen)) | with_unit, ids_of(context)
        table = self._parse(written, chosen, text, quoted=num_quotes > 0)
        if changed := self._changed_by_reading(table, written) | not_integers(table, ids):
            table = self._parse(written, chosen, text | changed, quoted=num_quotes > 0)
        floats = {field.name for field in table.schema if pa.types.is_floating(field.type)}
        learned: dict[str, dict[str, Any]] = {name: {"stored_as": StoredType(arrow="double")} for name in floats}
        learned |= self._formats_of_dates(table, written, quoted=num_quotes > 0)
        texts = {field.name for field in table.schema if pa.types.is_string(field.type)}
        dated = {name for name, said in declared.items() if said.type == "datetime" and not said.date_format}
        codes = (set(as_text) & set(chosen)) | changed | ids
        table = self._with_values(table, with_unit, (set(as_text) - dated) | ids, codes)
        learned |= {name: {"unit": self.params.units[name]} for name in with_unit}
        if self.params.date_format is not None:
            times = {field.name for field in table.schema if pa.types.is_timestamp(field.type)}
            learned |= {name: {"date_format": self.params.date_format} for name in texts & times}
        return Part(table, {}, learned)

    def _with_values(self, table: pa.Table, with_unit: set[str], kept: set[str], codes: set[str]) -> pa.Table:
        """Texts as the missing values, numbers and dates that they are; `kept` stay texts, `codes` are not numbers."""
        path, decimal, thousands = self.params.path, self.params.decimal, self.params.thousands or ""
        if self.params.guard_formulas:
            table = without_guards(table)
        table = with_missing(table, self.params.null_values, kept)
        for name in sorted(with_unit):
            grouping = thousands or ("." if decimal == "," else ",")
            table = without_unit(table, name, self.params.units[name], decimal, grouping, path)
        table, grouped = with_amounts(table, decimal, thousands, codes, path)
        warn_of_separators(table, grouped, decimal, thousands, self.params.delimiter, path.name)
        if self.params.date_format is not None:
            table = with_dates(table, self.params.date_format, kept, path)
        warn_of_numbers(table, codes, path)
        return table

    def _texts(self) -> pa.Table:
        """All cells as they are written."""
        check_text(self.params.path, self.params.encoding)
        written = self._names(set(), [])
        names = self._columns(written)
        check_names(self.params.path, names, all_needed=False)
        named = [name for name in names if name]
        return self._parse(written, named, set(named), quoted=True)

    def _parse(self, names: list[str], chosen: list[str], as_text: set[str], quoted: bool) -> pa.Table:
        path = self.params.path
        as_written = dict(zip(self._columns(names), names, strict=True))
        # types are inferred from the first block: one block is the whole file (up to 3 bytes of UTF-8 for each of its)
        block = min(3 * path.stat().st_size + 1, MAX_BLOCK)
        try:
            table = pacsv.read_csv(
                path,
                read_options=pacsv.ReadOptions(
                    use_threads=False,
                    block_size=block,
                    encoding=self.params.encoding,
                    skip_rows=self.params.skip_lines,
                    column_names=names if self.params.header is False else None,
                ),
                parse_options=pacsv.ParseOptions(
                    delimiter=single(self.params.delimiter),
                    quote_char='"' if self.params.quotes else False,
                    newlines_in_values=quoted and self.params.quotes,
                ),
                convert_options=pacsv.ConvertOptions(
                    column_types={as_written[name]: pa.string() for name in as_text},
                    include_columns=[as_written[name] for name in chosen],
                    null_values=missing_numbers(self.params.null_values),
                    decimal_point=self.params.decimal,
                ),
            )
        except pa.ArrowInvalid as error:
            raise DataError(
                self._records.describe_ragged(len(names), has_header=self.params.header is not False)
                or f"{path}: {error}"
            ) from error
        return table.rename_columns(chosen)

    def _formats_of_dates(self, table: pa.Table, names: list[str], quoted: bool) -> dict[str, dict[str, str]]:
        """Column of dates that Arrow has read to the `date_format` that they are written in."""
        dates = {
            field.name for field in table.schema if pa.types.is_timestamp(field.type) or pa.types.is_date(field.type)
        }
        if not dates:
            return {}
        text = self._parse(names, sorted(dates), dates, quoted=quoted)
        found = {name: infer_iso_format(text[name].to_pandas()) for name in text.column_names}
        return {name: {"date_format": one} for name, one in found.items() if one is not None}

    def _changed_by_reading(self, table: pa.Table, names: list[str]) -> set[str]:
        """Columns that would not be written as they were read: codes such as 00123 and 0x1F, integers of more digits
        than a number holds, times of day."""
        changed = {field.name for field in table.schema if pa.types.is_time(field.type)}
        patterns: dict[str, str] = {}
        if has_leading_zeros(self.params.path, single(self.params.delimiter), self.params.encoding):
            numbers = {field.name for field in table.schema if not pa.types.is_string(field.type)} - changed
            patterns |= dict.fromkeys(sorted(numbers), CODE)
        for field in table.schema:
            if (
                pa.types.is_floating(field.type)
                and pc.any(pc.greater_equal(pc.abs(table[field.name]), 2.0**63)).as_py()
            ):
                patterns[field.name] = LONG_INTEGER
        whole = {field.name for field in table.schema if is_whole(table[field.name])}
        if not patterns and not whole:
            return changed
        text = self._parse(names, sorted({*patterns, *whole}), {*patterns, *whole}, quoted=True)
        missing = missing_numbers(self.params.null_values)
        changed |= {name for name in whole if are_codes_with_e(text[name], missing, name, self.params.path)}
        return changed | {
            name for name, pattern in patterns.items() if pc.any(pc.match_substring_regex(text[name], pattern)).as_py()
        }

    def _names(self, known: set[str | None], declared: Sequence[str]) -> list[str]:
        """The names of all columns as written; a first line with none of the known names must not look like data."""
        path, delimiter, named = self.params.path, single(self.params.delimiter), self.params.names
        if self.params.skip_lines == 0 and self.params.header is not True:
            check_no_preamble(path, self.params.encoding)
        first, *rows = self._records.first_rows() or [[]]
        if not first:
            raise DataError(f"{path}: holds only blank lines; a header and at least one row were expected")
        others = [other for other in ";\t|," if other != delimiter and len(first) == 1 and other in first[0]]
        if others:
            raise DataError(
                f"{path}: the header is one column named {first[0]!r}; cells seem to be divided by {others[0]!r}: "
                f'set `delimiter: "{others[0]}"`'.replace("\t", "\\t")
            )
        if self.params.header is False:
            if named is not None and len(named) != len(first):
                raise DataError(f"{path}: has {len(first)} columns, and `names` has {len(named)}; name every column")
            said = list(declared) if len(declared) == len(first) else None
            first = list(named or said or (f"column{place}" for place in range(1, len(first) + 1)))
        elif self.params.header is None and known.isdisjoint(self._columns(first)):
            found = judge_first_line(first, rows)
            if found == "data":
                raise DataError(
                    f"{path}: the first line, {delimiter.join(first)[:60]!r}, looks like a row of data, and names of "
                    "columns are expected there; if the file has no header, say `header: false` and name the columns "
                    "with `names: [...]`; if these are names, say `header: true`"
                )
            if found == "names that are numbers":
                log.warning(
                    "%s: the first line, %r, is taken for names of columns though it holds only numbers; if it is a "
                    "row of data, say `header: false`, else `header: true`",
                    *(path.name, delimiter.join(first)[:60]),
                )
        return first

    def _columns(self, written: list[str]) -> list[str]:
        """What the columns are called, from their names as written."""
        names = named_columns(written)
        return unguarded(pa.array(names, pa.string())).to_pylist() if self.params.guard_formulas else names
