"""Dates, months, weeks and quarters in CSV files: read right, or kept as words with a note."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from slowly import slowly

from augment.data import Dataset, SchemaDeclaration
from augment.detect.formats import read as look
from augment.errors import DataError
from augment.plugin.context import Context
from augment_tables.csv_source import CsvSource

DAYS = pd.date_range("2023-11-03", periods=60, freq="67h")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "data.csv"


def found(path: Path, cells: list[str], other: str = "x") -> tuple[Dataset, dict[str, Any]]:
    """A column `d` of these cells, as `init` reads it, and the settings."""
    lines = [f'"{cell}",{other if number % 4 == 0 else "y"},{number * 1.5}' for number, cell in enumerate(cells)]
    path.write_text("\n".join(["d,c,n", *lines]) + "\n", encoding="utf-8")
    data, settings, _ = look(CsvSource, path)
    return data, settings


@pytest.mark.parametrize(
    ("written", "date_format"),
    [
        ("{t.month}/{t.day}/{t.year}", "%m/%d/%Y"),
        ("{t.day}.{t.month}.{t.year}", "%d.%m.%Y"),
        ("{t.year}-{t.month}-{t.day}", "%Y-%m-%d"),
        ("{t.year}/{t.month}/{t.day} {t:%H:%M}", "%Y/%m/%d %H:%M"),
        ("{t:%Y-%m-%d %I:%M %p}", "%Y-%m-%d %I:%M %p"),
        ("{t:%Y-%m}", "%Y-%m"),
        ("{t.month}/{t.year}", "%m/%Y"),
        ("{t:%B %Y}", "%B %Y"),
        ("{t:%G-W%V-%u}", "%G-W%V-%u"),
        ("{t:%Y-%m-%d %H:%M:%S UTC}", "%Y-%m-%d %H:%M:%S UTC"),
        ("{t:%d.%m.%Y %H:%M GMT}", "%d.%m.%Y %H:%M GMT"),
        ("{t:%d.%m.%Y %H:%MZ}", "%d.%m.%Y %H:%MZ"),
    ],
)
@pytest.mark.parametrize("missing", ["n/a", *slowly([None, "NaN"])])
def test_dates_are_read_however_they_are_written(written, date_format, missing, file, caplog) -> None:
    cells = [written.format(t=day) for day in DAYS]
    expected = list(pd.to_datetime(cells, format=date_format))
    if missing:
        cells[7], expected[7] = missing, pd.NaT
    data, settings = found(file, cells)
    assert settings["date_format"] == date_format
    assert data.frame["d"].tolist() == expected
    assert not caplog.messages


@pytest.mark.parametrize("written", ["{t.year}Q{t.quarter}", "Q{t.quarter} {t.year}", "{t:%G-W%V}", "{t:%Y-W%W}"])
def test_weeks_and_quarters_are_words_with_a_note(written, file, caplog) -> None:
    cells = [written.format(t=day) for day in DAYS]
    cells[3] = "?"
    data, _ = found(file, cells)
    assert data.frame["d"].dropna().tolist() == [cell for cell in cells if cell != "?"]
    assert f"column 'd' holds weeks, quarters or halves of a year, such as '{cells[0]}'" in caplog.text
    assert caplog.text.count("halves of a year") == 1


def test_what_looks_like_dates_and_fits_no_format_is_noted(file, caplog) -> None:
    data, _ = found(file, [*[f"{day}.1.2024" for day in range(13, 30)], "2024-1-3", "1/20/2024"] * 2)
    assert data.schema.columns["d"].type in ("text", "category")
    assert (
        "column 'd' looks like dates or times, such as '13.1.2024', and no known format fits all of them" in caplog.text
    )


@pytest.mark.parametrize("zone", ["+02", " +0200", " CET"])
def test_other_zones_behind_dates_that_are_not_iso_are_noted(zone, file, caplog) -> None:
    cells = [f"{day:%d.%m.%Y %H:%M}{zone}" for day in DAYS]
    found(file, cells)
    assert f"column 'd' looks like dates or times, such as '{cells[0]}', and no known format fits all" in caplog.text


def test_years_of_two_digits_are_noted_where_the_century_is_in_doubt(file, caplog) -> None:
    found(file, [f"{day}.03.{year}" for day, year in zip(range(1, 29), range(70, 98), strict=True)])
    assert not caplog.messages
    data, _ = found(file, [f"{day}.03.{year}" for day, year in zip(range(1, 29), range(50, 78), strict=True)])
    assert data.frame["d"][0].year == 2050
    assert "'1.03.50' is read as a date of 2050: years of two digits are taken for 1969 to 2068" in caplog.text


@pytest.mark.parametrize("cells", [["1.5", "?"], ["€5.25", "?"], ["2024Q1", "NA"], ["3.1.2024", "?"], ["1,234", "NA"]])
def test_a_word_for_missing_in_one_column_stays_a_label_in_another(cells, file) -> None:
    value, mark = cells
    column = [mark if number % 9 == 0 else value.replace("5", str(number)) for number in range(60)]
    data, settings = found(file, column, other="NA")
    assert settings["null_values"] == {"d": [mark]}
    assert data.frame["c"].tolist()[:4] == ["NA", "y", "y", "y"]  # Namibia
    assert data.frame["d"].isna().sum() == 7
    data, settings = found(file, column, other="z")
    assert mark in settings["null_values"]
    assert data.frame["d"].isna().sum() == 7
    mixed = [mark if number % 2 else value.replace("5", str(number)) for number in range(60)]
    assert "null_values" not in found(file, mixed, other="z")[1]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["yes", "no", "NA"], ["yes", "no", None]),
        (["T", "F", "."], ["T", "F", None]),
        (["true", "false", "n/a"], [True, False, None]),
        (["yes", "no", "unknown"], ["yes", "no", "unknown"]),
        (["NO", "SE", "NA"], ["NO", "SE", "NA"]),
    ],
)
def test_a_word_for_missing_beside_truth_values_is_missing(words, expected, file) -> None:
    data, _ = found(file, [words[2 if number % 9 == 0 else number % 2] for number in range(36)])
    assert [None if pd.isna(value) else value for value in data.frame["d"][[2, 1, 0]]] == expected


@pytest.mark.parametrize("cells", [["1.5", "NA"], ["$5.25", "NA"], ["3.1.2024", "<NA>"]])
def test_words_for_missing_may_stand_between_spaces(cells, file) -> None:
    value, mark = cells
    data, _ = found(file, [f"{mark if n % 9 == 0 else value.replace('5', str(n)):>12}" for n in range(60)])
    assert data.schema.columns["d"].type in ("number", "datetime")
    assert data.frame["d"].isna().sum() == 7


def test_words_for_missing_of_a_column_that_is_not_there_are_refused(file) -> None:
    file.write_text("x,y\n1,?\n2,3\n")
    source = CsvSource(CsvSource.Params.model_validate({"path": file, "null_values": {"z": ["?"]}}))
    with pytest.raises(DataError, match="has no column 'z'"):
        source.read(Context(0, file.parent))


@pytest.mark.parametrize("cells", [["012.500", "7.250"], ["7.5", "00.5"]])
def test_decimals_behind_leading_zeros_are_codes(cells, file) -> None:
    data, _ = found(file, cells * 10)
    assert data.frame["d"].tolist() == cells * 10
    said = SchemaDeclaration.model_validate({"columns": {"d": {"type": "number"}}})
    data = CsvSource(CsvSource.Params(path=file)).read(Context(0, file.parent, declared=said))
    assert data.frame["d"].tolist() == [float(cell) for cell in cells * 10]
