from __future__ import annotations

import re

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from augment.toolkit.csv_numbers import infer_separators, number_pattern, read_numbers

STYLES = [(".", ","), (",", "."), (".", " "), (",", " "), (",", "\u202f"), (".", "'"), (".", "’"), (".", ""), (",", "")]
SETTING = {"\u202f": " ", "’": "'"}


def cells(*texts: str | None) -> pa.ChunkedArray:
    return pa.chunked_array([pa.array(texts, pa.string())])


def as_written(number: float, decimal: str, thousands: str) -> str:
    sign, whole, _, rest = re.fullmatch(r"(-?)([0-9]+)(\.([0-9]+))?", f"{number}").groups()
    grouped = f"{int(whole):,}".replace(",", thousands)
    return sign + grouped + (decimal + rest if rest else "")


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.integers(-(2**63) + 1, 2**63 - 1), min_size=1)
    | st.lists(st.decimals(-(10**9), 10**9, places=2), min_size=1),
    st.sampled_from(STYLES),
)
def test_numbers_come_back_in_every_style(numbers: list, style: tuple[str, str]) -> None:
    decimal, thousands = style
    written = cells(*(as_written(number, decimal, thousands) for number in numbers), None)
    read = read_numbers(written, decimal, SETTING.get(thousands, thousands))
    kind = int if isinstance(numbers[0], int) else float
    assert read is not None
    assert read.to_pylist() == [*map(kind, numbers), None]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.decimals(1_000, 10**9, places=2), min_size=3), st.sampled_from(STYLES[:7]), st.sampled_from(",;"))
def test_the_separators_of_amounts_are_found(numbers: list, style: tuple[str, str], delimiter: str) -> None:
    decimal, thousands = style
    found = infer_separators([cells(*(as_written(number, decimal, thousands) for number in numbers))], delimiter)
    assert found.get("decimal", ".") == decimal
    assert found["thousands"] == SETTING.get(thousands, thousands)


CLEAR = {
    "hundreds beside thousands": ([["950", "1,234"]], {"thousands": ","}),
    "decimals decide": ([["0.50", "2,101.01"]], {"thousands": ","}),
    "no three decimals": ([["1,50", "2,01"]], {"decimal": ","}),
    "a zero in front": ([["0,512", "1,234"]], {"decimal": ","}),
    "more than a thousand before": ([["1234,567"]], {"decimal": ","}),
    "groups": ([["1.234.567"]], {"decimal": ",", "thousands": "."}),
    "another column": ([["1.234", "2.222"], ["3.252,58", "363,44"]], {"decimal": ",", "thousands": "."}),
    "points beside": ([["1.5", "2.25"]], {}),
    "digits alone": ([["1234", "5"]], {}),
}


@pytest.mark.parametrize("what", CLEAR)
@pytest.mark.parametrize("delimiter", [",", ";"])
def test_columns_decide_what_a_sign_means(what: str, delimiter: str) -> None:
    columns, expected = CLEAR[what]
    assert infer_separators([cells(*column) for column in columns], delimiter) == expected


@pytest.mark.parametrize(
    ("column", "with_commas", "with_semicolons"),
    [
        (["1,234", "12,950"], {"thousands": ","}, {"decimal": ","}),
        (["1.234", "12.950"], {}, {}),
        (["950", "1.234"], {}, {"decimal": ",", "thousands": "."}),
    ],
)
def test_where_columns_do_not_decide_the_delimiter_does(column: list, with_commas: dict, with_semicolons: dict) -> None:
    assert infer_separators([cells(*column)], ",") == with_commas
    assert infer_separators([cells(*column)], ";") == with_semicolons


@pytest.mark.parametrize(
    "column",
    [
        ["01.02.2024", "31.12.2024"],
        ["1.2.2024", "11.12.2024"],
        ["1.2.3", "1.10.0"],
        ["192.168.100.17", "10.0.0.1"],
        ["030 123 456", "0221 987 654"],
        ["007", "1.234"],
        ["10.000 km", "1.200"],
    ],
)
def test_dates_versions_addresses_and_phones_are_not_amounts(column: list[str]) -> None:
    assert infer_separators([cells(*column)], ";") == {}
    assert read_numbers(cells(*column), ",", ".") is None
    assert read_numbers(cells(*column), ".", " ") is None


def test_versions_do_not_outvote_amounts() -> None:
    found = infer_separators([cells("1.2", "1.3"), cells("3.252,58", "363,44")], ";")
    assert found == {"decimal": ",", "thousands": "."}


def test_groups_may_be_as_in_india() -> None:
    column = cells("12,34,567.50", "5,00,000", "999")
    assert infer_separators([column], ",") == {"thousands": ","}
    assert read_numbers(column, ".", ",").to_pylist() == [1234567.5, 500000.0, 999.0]


def test_a_number_too_large_is_not_read() -> None:
    assert read_numbers(cells("99.999.999.999.999.999.999"), ",", ".") is None
    assert read_numbers(cells(None), ",", ".") is None


def test_a_pattern_without_groups_has_none() -> None:
    assert re.fullmatch(number_pattern("."), "1,234.5") is None
    assert re.fullmatch(number_pattern("."), "1234.5e-3")
