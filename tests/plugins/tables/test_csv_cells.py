"""Cells that are read as texts, and which of them are missing values."""

from __future__ import annotations

import pyarrow as pa
import pytest

from augment_tables.csv_cells import with_missing


@pytest.mark.parametrize(
    ("cells", "null_values", "expected"),
    [
        (["A1", " ", "A2"], None, ["A1", None, "A2"]),
        (["A1", "\t", "\u00a0\u00a0"], None, ["A1", None, None]),
        ([" ", "   "], None, [None, None]),
        (["ab", "  ", "cd"], None, ["ab", None, "cd"]),  # padded to one width
        (["ab", "  ", "cde"], None, ["ab", "  ", "cde"]),
        (["ab", " ", "cd"], None, ["ab", " ", "cd"]),
        (["A1", " ", "?"], ("?",), ["A1", " ", None]),  # the empty cell is a text
        (["A1", " ", " ? "], ("?", ""), ["A1", None, None]),
        (["A1", " ", "NA"], {"x": ("?",)}, ["A1", None, None]),
        (["A1", " ", "NA"], {"y": ("?",)}, ["A1", " ", "NA"]),
    ],
)
def test_spaces_mean_what_the_other_cells_make_of_them(cells, null_values, expected):
    table = pa.table({"x": pa.chunked_array([cells])})
    assert with_missing(table, null_values, set())["x"].to_pylist() == expected
    if null_values is None:
        assert with_missing(table, null_values, {"x"})["x"].to_pylist() == cells
