"""Amounts with separators of thousands: read as numbers, found by `augment init`, and never silently something else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from augment.data import Dataset, SchemaDeclaration
from augment.detect.formats import read as look
from augment.plugin.context import Context
from augment_tables.csv_source import CsvSource


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "data.csv"


def read(path: Path, content: str, declared: dict[str, Any] | None = None, **params: Any) -> Dataset:
    path.write_text(content, encoding="utf-8")
    context = Context(seed=0, folder=path.parent, declared=SchemaDeclaration.model_validate(declared or {}))
    return CsvSource(CsvSource.Params(path=path, **params)).read(context)


SALES = [0.5, 2101.01, 3102.02, 3.5, 1100200.0, 12.25] * 5
FILES = {
    "commas": (",", lambda x: f'"{x:,.2f}"', {"thousands": ","}),
    "German": (
        ";",
        lambda x: f"{x:,.2f}".translate(str.maketrans(",.", ".,")),
        {"delimiter": ";", "decimal": ",", "thousands": "."},
    ),
    "French": (
        ";",
        lambda x: f"{x:,.2f}".translate(str.maketrans(",.", "\u202f,")),
        {"delimiter": ";", "decimal": ",", "thousands": " "},
    ),
    "Swiss": (";", lambda x: f"{x:,.2f}".replace(",", "'"), {"delimiter": ";", "thousands": "'"}),
    "quoted decimal commas": (",", lambda x: f'"{x:.2f}"'.replace(".", ","), {"decimal": ","}),
}


@pytest.mark.parametrize("what", FILES)
def test_amounts_are_found_and_read_as_numbers(what: str, file: Path, caplog: pytest.LogCaptureFixture) -> None:
    delimiter, write, expected = FILES[what]
    rows = [delimiter.join([write(x), str(n), "n/a" if n == 3 else write(x)]) for n, x in enumerate(SALES)]
    file.write_text("\n".join([delimiter.join(["sales", "place", "gaps"]), *rows]) + "\n", encoding="utf-8")
    data, settings, left_out = look(CsvSource, file)
    assert {name: value for name, value in settings.items() if name != "null_values"} == expected
    assert data.frame.sales.tolist() == SALES
    assert data.schema.columns["sales"].type == data.schema.columns["gaps"].type == "number"
    assert data.frame.gaps.isna().sum() == 1
    assert not left_out
    assert not caplog.messages


@pytest.mark.parametrize(("units", "said"), [(["€", "$"], "'$' and '€'"), (["kg", ""], "none and 'kg'")])
def test_numbers_of_several_units_are_words_with_a_note(units, said, file, caplog) -> None:
    file.write_text("x,n\n" + "".join(f"{n * 1.25} {units[n % 2]},{n}\n" for n in range(60)), encoding="utf-8")
    settings = look(CsvSource, file)[1]
    assert "units" not in settings
    assert f"column 'x' is read as words, since its numbers have several units, {said}; convert them to" in caplog.text
    caplog.clear()
    file.write_text("x,n\n" + "".join(f"{n % 3 + 1} {units[n % 2]},{n}\n" for n in range(60)), encoding="utf-8")
    assert look(CsvSource, file)[0].schema.columns["x"].type == "category"  # doses
    rows = "".join(f"{n * 1.25} {units[n % 2]},{n}\n" for n in range(60))
    read(file, "x,n\n" + rows, {"columns": {"x": {"type": "text"}}})
    assert "several units" not in caplog.text


def test_a_word_among_many_different_numbers_is_noted_and_among_labels_is_one(file, caplog) -> None:
    file.write_text("x,g\n" + "".join(f"{'n.b.' if n % 5 == 0 else n * 1.5},{n % 3 or 'crew'}\n" for n in range(60)))
    look(CsvSource, file)
    assert "column 'x' is read as words, though 48 of its 60 cells are numbers, not 'n.b.'; if that" in caplog.text
    assert "column 'g'" not in caplog.text


SIGNED = {
    "parentheses": (["5", "(1)", "0", "(12)"], [5, -1, 0, -12]),
    "parentheses and decimals": (["5.50", "(1.25)", "0.00"], [5.5, -1.25, 0]),
    "parentheses and thousands": (["5", "(1,234)", "950"], [5, -1234, 950]),
    "all negative": (["(1,234.50)", "(0.25)", "(2,000.00)"], [-1234.5, -0.25, -2000]),
    "minus sign": (["−5", "3", "−1.5e−3"], [-5, 3, -0.0015]),
    "dash": (["–5", "3", "12"], [-5, 3, 12]),
    "minus before a currency": (["-$5.00", "$1,234.50", "($2.00)"], [-5, 1234.5, -2]),
    "parentheses around a unit": (["(5 kg)", "3 kg", "−2 kg"], [-5, 3, -2]),
}


@pytest.mark.parametrize("what", SIGNED)
def test_negative_numbers_are_read_however_they_are_signed(what: str, file: Path) -> None:
    cells, numbers = SIGNED[what]
    rows = [f'"{cell}",{n % 2}' for n, cell in enumerate(cells * 20)]
    # a unit is taken away only where many values differ
    rows += (
        [f'"{cells[0].replace("5", str(n))}",0' for n in range(10, 40)] if "$" in cells[0] or "kg" in cells[0] else []
    )
    file.write_text("\n".join(["sold,label", *rows]) + "\n", encoding="utf-8")
    data, _, left_out = look(CsvSource, file)
    assert data.frame.sold[: len(cells)].tolist() == numbers
    assert not left_out


def test_a_sign_behind_numbers_is_noted(file: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert read(file, "x\n5-\n2\n1-\n").frame.x.tolist() == ["5-", "2", "1-"]
    assert "with the sign behind them, as in '5-'; write it in front" in caplog.text


def test_numbers_in_parentheses_are_noted_and_labels_where_all_are_or_they_are_said_to_be(
    file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert read(file, "x\n(1)\n(2)\n(1)\n").frame.x.tolist() == ["(1)", "(2)", "(1)"]
    said = {"columns": {"x": {"type": "category"}}}
    assert read(file, "x\n(1)\n2\n(1)\n", said).frame.x.tolist() == ["(1)", "2", "(1)"]
    assert not caplog.messages
    read(file, "x\n(1)\n2\n(1)\n")
    assert "such as '(1)', are read as negative ones" in caplog.text


def test_whole_amounts_are_integers_to_the_last_digit(file: Path) -> None:
    data = read(file, "n;m\n9.007.199.254.740.993;1\n5;2\n", delimiter=";", decimal=",", thousands=".")
    assert data.frame.n.tolist() == [9007199254740993, 5]


def test_a_column_declared_as_words_keeps_its_separators(file: Path) -> None:
    data = read(file, 'n\n"1,234"\n"5,678"\n', {"columns": {"n": {"type": "category"}}}, thousands=",")
    assert data.frame.n.tolist() == ["1,234", "5,678"]


def test_one_sign_cannot_have_two_meanings(file: Path) -> None:
    with pytest.raises(ValidationError, match=r"and `decimal` are both '\.', and only one can be"):
        CsvSource.Params(path=file, thousands=".")


@pytest.mark.parametrize(
    ("content", "params", "says"),
    [
        ("x;y\n1,234;a\n12,951;b\n", {"delimiter": ";", "decimal": ","}, "1,234 are taken for 1.234"),
        ("x;y\n1.234;a\n12.951;b\n", {"delimiter": ";"}, "1.234 are taken for 1.234"),
        ('x,y\n"1,234",a\n"12,950",b\n', {"thousands": ","}, "12,345 are taken for 12345"),
    ],
)
def test_a_guess_is_noted(content: str, params: dict, says: str, file: Path, caplog: pytest.LogCaptureFixture) -> None:
    read(file, content, **params)
    assert f"data.csv: column 'x': cells such as {says}" in caplog.text


@pytest.mark.parametrize(
    ("content", "params"),
    [
        ("x;y\n1,234;2,5\n12,951;7\n", {"delimiter": ";", "decimal": ","}),
        ("x;y\n1,234;a\n12,951;b\n", {"delimiter": ";", "decimal": ",", "thousands": "."}),
        ("x;y\n1,234;a\n12,951;b\n", {"delimiter": ";", "thousands": ","}),
        ('x,y\n"1,234",0.5\n"12,950",7\n', {"thousands": ","}),
        ('x,y\n"1,234",a\n950,b\n', {"thousands": ","}),
        ("x,y\n1.234,a\n12.951,b\n", {}),
    ],
)
def test_what_other_numbers_decide_is_no_guess(
    content: str, params: dict, file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    read(file, content, **params)
    assert not caplog.messages


def test_numbers_that_stay_words_are_noted_and_are_not_ids(file: Path, caplog: pytest.LogCaptureFixture) -> None:
    amounts = [f"{1000 + 7 * n}".replace("1", "1.", 1) + ",5" for n in range(30)]
    rows = [f"{n / 7:.3f};{amount};{'ab'[n % 2]}" for n, amount in enumerate(amounts)]
    data = read(file, "\n".join(["x;sales;label", *rows]) + "\n", delimiter=";")
    assert (
        "column 'sales' is read as words, though 30 of its 30 cells are numbers, with ',' and '.' in them"
        in caplog.text
    )
    assert data.schema.columns["sales"].type == "text"
    caplog.clear()
    rows[3] = "0.5;secret;a"
    read(file, "\n".join(["x;sales;label", *rows]) + "\n", delimiter=";", decimal=",", thousands=".")
    assert "29 of its 30 cells are numbers, not 'secret'; if that means a missing value" in caplog.text
    _, _, left_out = look(CsvSource, file)
    assert list(left_out) == ["sales"]  # not taken for an id


def test_codes_with_leading_zeros_are_not_noted(file: Path, caplog: pytest.LogCaptureFixture) -> None:
    read(file, "zip\n" + "".join(f"{n:05}\n" for n in range(9_000, 12_000, 7)))
    assert not caplog.messages
