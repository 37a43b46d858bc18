"""What sources and sinks of CSV files share: quotes that close, how files are written, and protection from spreadsheets
that run words as formulas."""

from __future__ import annotations

import codecs
import csv
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field

from augment.errors import DataError
from augment.plugin import SinkParams
from augment.toolkit.csv_delimiters import single
from augment.toolkit.data_files import plain_name
from augment.toolkit.text_files import Encoding

__all__ = [
    "CsvFile",
    "CsvParams",
    "check_quotes",
    "choose_ending",
    "ending_like",
    "guarded",
    "unguarded",
    "without_guards",
]

# what spreadsheets run as a formula (OWASP, "CSV injection"), behind quotes put there before; a negative number is none
FORMULA = r"^'*[=+\-@\t\r\n＝＋－＠]"
GUARD = r"^'('*[=+\-@\t\r\n＝＋－＠])"
NUMBER = r"^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$"


def check_quotes(lines: Iterable[str], delimiter: str, path: Path) -> None:
    """Refuse a CSV file with a quoted cell that is never closed or goes on behind its quotes: with lines in it that
    belong to others.

    Raises:
        DataError: with the line that the record begins on.
    """
    reader, line = csv.reader(lines, delimiter=delimiter, strict=True), 1
    try:
        for _ in reader:
            line = reader.line_num + 1
    except csv.Error:
        raise DataError(
            f'{path}, line {line}: a `"` opened there is not closed at the end of a cell; close it, or double every '
            "quote inside a quoted cell"
        ) from None


def guarded(words: pa.Array, numbers: bool = False) -> pa.Array:
    """Words of which none is run: those that a spreadsheet would take for a formula get a `'` in front.

    Args:
        words: strings.
        numbers: whether words that are numbers with a sign get it, too. A text `+1` is not a number, a label `-1` is.

    >>> guarded(pa.array(["=1+1", "-1", "plain", None])).to_pylist()
    ["'=1+1", '-1', 'plain', None]
    >>> guarded(pa.array(["+1"]), numbers=True).to_pylist()
    ["'+1"]
    """
    runs = pc.match_substring_regex(words, FORMULA)
    if not pc.any(runs).as_py():
        return words
    if not numbers:
        runs = pc.and_not(runs, pc.match_substring_regex(words, NUMBER))
    return pc.if_else(runs, pc.binary_join_element_wise("'", words, ""), words)


def unguarded(words: pa.Array) -> pa.Array:
    """The inverse of `guarded`, for words that had guards put before them.

    >>> unguarded(pa.array(["'=1+1", "''=1", "'tis", None])).to_pylist()
    ['=1+1', "'=1", "'tis", None]
    """
    return pc.replace_substring_regex(words, GUARD, r"\1", max_replacements=1)


def without_guards(table: pa.Table) -> pa.Table:
    """The table with all words unguarded; names of columns stay."""
    for place, field in enumerate(table.schema):
        if pa.types.is_string(field.type):
            table = table.set_column(place, field.name, unguarded(table[field.name]))
    return table


def _delimiter(settings: dict[str, Any]) -> str:
    return "\t" if settings.get("ending") in (".tsv", ".inter") else ","


class CsvParams(SinkParams):
    """How a CSV file is written."""

    ending: Literal[".csv", ".tsv"] | None = None
    """The file extension. When not given, `.tsv` for cells between tabs, else `.csv`."""
    delimiter: str = Field(default_factory=_delimiter, min_length=1, max_length=1)
    """The character between two cells. When not given, a comma, or a tab in files that end in `.tsv` or `.inter`."""
    decimal: Literal[".", ","] = "."
    """The character before the decimals of a number."""
    encoding: Encoding = "utf-8"
    """How characters are stored."""
    booleans: Literal["true", "True", "TRUE"] = "true"
    """How truth values are written; `false` alike."""
    guard_formulas: bool = True
    """Put a `'` before words and names of columns that a spreadsheet would run as a formula: those that begin with
    `=`, `+`, `-`, `@`, a tab or a line end, with any number of `'` before it. Numbers stay as they are, and so do
    categories and names of columns that are numbers, such as `-1`. The source of the sink's name takes it away again
    with `guard_formulas: true`. Elsewhere, take one `'` away from words that begin with `'` and such a sign."""


def choose_ending(params: CsvParams) -> str:
    """The file extension, with the dot."""
    return params.ending or (".tsv" if params.delimiter == "\t" else ".csv")


def ending_like(path: Path, settings: Mapping[str, Any]) -> dict[str, str]:
    """The settings `ending` and `delimiter` of a sink, where files like this one need them.

    Args:
        path: the file, possibly compressed.
        settings: the settings that it is read with.
    """
    delimiter = settings.get("delimiter", ",")
    usual = ".tsv" if single(delimiter) == "\t" else ".csv"
    ending = Path(plain_name(path)).suffix.lower()
    own = {"ending": ending} if ending in (".csv", ".tsv", ".inter") and ending != usual else {}
    return own if len(delimiter) == 1 else {"delimiter": single(delimiter), **own}


class CsvFile:
    """A CSV file that is written table by table: words in double quotes, missing values empty, lines end in `\\n`.

    Args:
        path: the file to write.
        names: of the columns, for the header; None for a file without one.
        params: how it is written.
        numbers: columns of texts that are numbers with signs around them, which no spreadsheet runs.
    """

    def __init__(self, path: Path, names: Sequence[str] | None, params: CsvParams, numbers: Collection[str] = ()):
        self._path, self._params, self._guard, self._numbers = path, params, params.guard_formulas, numbers
        self._encode = codecs.getincrementalencoder(params.encoding)().encode
        self._file = path.open("wb")
        if names is None:
            return
        header = pa.array(names, pa.string())
        marks = (params.delimiter, '"', "\n", "\r")
        cells = [
            f'"{name.replace(chr(34), chr(34) * 2)}"' if any(mark in name for mark in marks) else name
            for name in (guarded(header) if self._guard else header).to_pylist()
        ]
        self._write_text(params.delimiter.join(cells) + "\n")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._file.close()

    def write(self, table: pa.Table) -> None:
        """Write rows.

        Args:
            table: of words, numbers, booleans, dates and dictionaries of words.

        Raises:
            DataError: a word has a character that the encoding lacks.
        """
        if not table.num_rows:
            return
        guards = [self._guard and name not in self._numbers for name in table.column_names]
        cells = [
            self._cells(values.combine_chunks(), guard) for values, guard in zip(table.columns, guards, strict=True)
        ]
        lines = pc.binary_join_element_wise(*cells, pa.scalar(self._params.delimiter, pa.large_string()))
        self._write_text("\n".join([*lines.to_pylist(), ""]))

    def _cells(self, values: pa.Array, guard: bool) -> pa.Array:
        kind = values.type
        if pa.types.is_dictionary(kind):  # a few labels to quote instead of all rows
            labels = self._quoted(guarded(values.dictionary) if guard else values.dictionary)
            words = pa.DictionaryArray.from_arrays(values.indices, labels).cast(pa.large_string())
        elif pa.types.is_string(kind):
            words = self._quoted(guarded(values, numbers=True) if guard else values)
        else:
            words = values.cast(pa.large_string())
            if pa.types.is_boolean(kind) and self._params.booleans != "true":
                words = (pc.utf8_capitalize if self._params.booleans == "True" else pc.utf8_upper)(words)
            if pa.types.is_floating(kind):
                words = pc.replace_substring_regex(words, r"^(-?[0-9]+)$", r"\1.0")  # so that it is read as a float
            if pa.types.is_floating(kind) and self._params.decimal == ",":
                words = pc.replace_substring(words, ".", ",")
                words = self._quoted(words) if self._params.delimiter == "," else words
        return pc.fill_null(words, "")

    @staticmethod
    def _quoted(words: pa.Array) -> pa.Array:
        mark = pa.scalar('"', pa.large_string())
        doubled = pc.replace_substring(words.cast(pa.large_string()), '"', '""')
        return pc.binary_join_element_wise(mark, doubled, mark, pa.scalar("", pa.large_string()))

    def _write_text(self, text: str) -> None:
        try:
            self._file.write(self._encode(text))
        except UnicodeEncodeError as error:
            raise DataError(
                f"{self._path.name}: {text[error.start : error.start + 1]!r} cannot be written in "
                f"{self._params.encoding}; set `encoding: utf-8` in the sink"
            ) from None
