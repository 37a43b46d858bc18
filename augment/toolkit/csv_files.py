"""CSV files that people open in a spreadsheet, which runs some words as formulas: what the CSV sinks share."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

__all__ = ["guarded", "header_line", "with_words"]

# what spreadsheets run as a formula (OWASP, "CSV injection"), behind quotes put there before; a negative number is none
FORMULA = r"^'*[=+\-@\t\r\n＝＋－＠]"
NUMBER = r"^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$"


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


def header_line(names: Sequence[str], guard: bool = True) -> bytes:
    """The first line of a CSV file, its names guarded."""
    words = pa.array(names, pa.string())
    line = io.StringIO()
    csv.writer(line, lineterminator="\n").writerow((guarded(words) if guard else words).to_pylist())
    return line.getvalue().encode()


def with_words(table: pa.Table, guard: bool = True) -> pa.Table:
    """The table with the labels of dictionaries written out, and all words guarded; labels that are numbers stay so."""

    def plain(values: pa.Array) -> pa.Array:
        if pa.types.is_dictionary(values.type):  # a few labels to look at instead of all rows
            labels = guarded(values.dictionary) if guard else values.dictionary
            return pa.DictionaryArray.from_arrays(values.indices, labels).cast(pa.string())
        return guarded(values, numbers=True) if guard and pa.types.is_string(values.type) else values

    return pa.table({name: plain(table[name].combine_chunks()) for name in table.column_names})
