from __future__ import annotations

import logging

import pandas as pd
import pytest

from augment.data import SchemaDeclaration
from augment.errors import DataError
from augment.plugin.context import Context
from augment_tables.csv_preamble import count_lines_before_header, looks_like_table
from augment_tables.csv_source import CsvSource

ROWS = "".join(f"{day},shop {day % 3},{day * 7}\n" for day in range(1, 12))
TABLE = f"day,shop,sold\n{ROWS}"


def read(path, **settings):
    params = CsvSource.Params.model_validate({"path": path, **settings})
    return CsvSource(params).read(Context(seed=0, folder=path.parent / "scratch", declared=SchemaDeclaration()))


@pytest.fixture
def file(tmp_path):
    (tmp_path / "scratch").mkdir()

    def write(text, name="t.csv", encoding="utf-8"):
        path = tmp_path / name
        path.write_bytes(text.encode(encoding))
        return path

    return write


@pytest.mark.parametrize(
    ("before", "delimiter"),
    [
        ("sep=;\n", ";"),
        ("Sales of 2024\n", ","),
        ("Sales of 2024;;\n;;\n", ";"),
        ("Sales of 2024\r\n\r\n", "\t"),
        ("# written by a logger\n# version 2, revision 7\n", ","),
    ],
)
def test_lines_before_the_header_are_found_refused_and_left_out(file, before, delimiter):
    path = file(before + TABLE.replace(",", delimiter))
    settings = CsvSource.settings_for(path)
    num_lines = before.count("\n")
    assert settings["skip_lines"] == num_lines
    with pytest.raises(DataError, match=f"header seems to stand in line {num_lines + 1}, .* `skip_lines: {num_lines}`"):
        read(path, delimiter=delimiter)
    data = read(path, **settings)
    assert list(data.frame.columns) == ["day", "shop", "sold"]
    assert data.frame["sold"].tolist() == [7 * day for day in range(1, 12)]


@pytest.mark.parametrize(
    "text",
    [
        TABLE,
        "#day,shop,sold\n" + ROWS,  # a header that begins with the sign of a comment
        "day,sold\n" + ROWS,  # a header that leaves out the name of the row number
        "day\n1\n2\n",
        "a;b\n1;2\n",
        "",
    ],
)
def test_a_header_in_the_first_line_has_nothing_before_it(text):
    assert count_lines_before_header(text) == 0


def test_a_row_of_another_length_below_a_title_is_named_with_its_line(file):
    path = file("A title\n" + TABLE + "1,2\n")
    with pytest.raises(DataError, match=r"line 14: the row has 2 fields"):
        read(path, skip_lines=1)


def test_a_first_line_that_is_said_to_be_the_header_is_one(file):
    with pytest.raises(DataError, match=r"the row has 3 fields, and the header has 1|every row has"):
        read(file("A title\n" + TABLE), header=True)


def test_a_delimiter_at_the_end_of_lines_makes_no_column(file):
    path = file(TABLE.replace("\n", ",\n"))
    settings = CsvSource.settings_for(path)
    assert settings == {"columns": ["day", "shop", "sold"]}
    assert list(read(path, **settings).frame.columns) == ["day", "shop", "sold"]


def test_no_column_of_values_is_left_out_because_another_is_empty(file):
    path = file("a,,b,\n" + "".join(f"{n},,,{n * 2}\n" for n in range(12)))
    assert "columns" not in CsvSource.settings_for(path)


def test_a_column_of_values_without_a_name_is_still_refused(file):
    path = file(TABLE.replace("\n", ",\n", 5).replace("7\n", "7,x\n").replace("\n", ",\n"))
    assert "columns" not in CsvSource.settings_for(path)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        (TABLE.replace(",", "\t"), "t.txt"),
        (TABLE, "t.data"),
        (TABLE.replace(",", ";"), "t.dat"),
    ],
)
def test_a_table_is_known_whatever_its_ending(file, text, name):
    for encoding in ("utf-8", "utf-16"):
        path = file(text, name, encoding)
        assert CsvSource.sniff(path, path.read_bytes()) == 0.6
    assert CsvSource.sniff(file(text, "t.md"), text.encode()) is None


@pytest.mark.parametrize(
    "text",
    [
        "ham\tSee you, then\n" * 20,
        "A line of prose, with a comma or two, maybe.\n" * 20,
        "Some words\n" * 20,
        "a\tb\n1\t2\n",
        "",
    ],
)
def test_texts_are_no_tables(text):
    assert not looks_like_table(text.encode())


def test_dates_with_names_of_months_are_read(file):
    text = "day,sold\n" + "".join(f'"Jan {day}, 2023",{day}\n' for day in range(1, 25))
    path = file(text)
    settings = {}
    while more := CsvSource.further_settings(path, settings, read(path, **settings)):
        settings |= more
    assert settings == {"date_format": "%b %d, %Y"}
    assert read(path, **settings).schema.columns["day"].type == "datetime"


@pytest.mark.parametrize(("clock", "expected"), [("%H:%M", "%H:%M"), ("%H:%M:%S", "%H:%M:%S")])
def test_times_of_day_are_times_and_are_written_as_they_were_read(file, clock, expected):
    times = pd.date_range("2024-01-01 06:00", periods=30, freq="37min").strftime(clock)
    path = file("t,a\n" + "".join(f"{time},{number % 7}\n" for number, time in enumerate(times)))
    assert CsvSource.further_settings(path, {}, read(path)) == {"date_format": expected}
    column = read(path, date_format=expected).schema.columns["t"]
    assert (column.type, column.date_format) == ("datetime", expected)


@pytest.mark.parametrize("cells", [["27:15", "3:10"], ["1:2:3", "4:5:6"], ["12:75", "3:10"]])
def test_durations_and_ratios_are_no_times_of_day(file, cells):
    path = file("t,a\n" + "".join(f"{cell},{number}\n" for number, cell in enumerate(15 * cells)))
    assert "date_format" not in CsvSource.further_settings(path, {}, read(path))


def test_dates_in_a_second_format_are_named(file, caplog):
    path = file("a,b\n" + "".join(f'"Jan {day}, 2023",{day:02}-Jan-23\n' for day in range(1, 25)))
    with caplog.at_level(logging.WARNING):
        read(path, date_format="%b %d, %Y")
    assert "column 'b' holds dates in another format, such as '01-Jan-23'" in caplog.text
    assert '`b: {date_format: "%d-%b-%y"}`' in caplog.text


@pytest.mark.parametrize("mark", ["#N/A", "#DIV/0!", "\\N", "(null)", "<NA>", "-", "?"])
def test_marks_of_spreadsheets_and_databases_mean_missing_numbers(file, mark):
    path = file("a,b\n" + f"{mark},1\n" + "".join(f"{day}.5,{day}\n" for day in range(30)))
    assert mark in CsvSource.further_settings(path, {}, read(path))["null_values"]


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"\n<!DOCTYPE html><html><body>404</body></html>\n", "a web page"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n", "a pointer of Git LFS"),
    ],
)
def test_what_is_not_the_file_itself_is_called_what_it_is(tmp_path, content, what):
    path = tmp_path / "t.csv"
    path.write_bytes(content)
    with pytest.raises(DataError, match=what):
        read(path)
