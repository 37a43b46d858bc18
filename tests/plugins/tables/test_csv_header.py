"""Files whose first line names no columns, and names that look like data."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from augment.data import Dataset, SchemaDeclaration
from augment.errors import DataError
from augment.plugin.context import Context
from augment_tables.csv_source import CsvSource

RNG = np.random.default_rng(0)
NUMBERS = [f"{x:.3f},{n},{1 + n % 2}" for n, x in enumerate(RNG.normal(size=30))]
FLOWERS = [f"{x:.1f},{y:.1f},Iris-{'ab'[n % 2]}" for n, (x, y) in enumerate(RNG.uniform(1, 7, (20, 2)))]
ADULTS = [f"{20 + n}, {['State-gov', 'Private'][n % 2]}, {7000 + n}" for n in range(9)]
PEOPLE = [f"person-{n},{30 + n},{n / 7:.2f}" for n in range(9)]
DAYS = [f"2024-01-{n + 1:02},{n / 7:.2f}" for n in range(9)]
WITH_GAPS = ["5,1,?,2", "?,4,3,2", "5,4,NA,4", "6,?,8,2"]
SCANS = [",".join(f"{x:.3f}" for x in row) for row in RNG.normal(size=(8, 6))]
BITS = [f"{n % 2},{n % 3 % 2}" for n in range(12)]
YEARS = [f"house-{n},{1950 + n * n},{1990 + n}" for n in range(6)]
MESSAGES = [f"{('ham', 'spam')[n % 2]},call me {n}" for n in range(24)]
BITS_LIKE_NAMES = [f"{n % 2},{(n + 1) % 2}" for n in range(12)]


def read(path: Path, lines: list[str], declared: dict[str, Any] | None = None, **params: Any) -> Dataset:
    path.write_text("\n".join(lines) + "\n")
    context = Context(seed=0, folder=path.parent, declared=SchemaDeclaration.model_validate(declared or {}))
    return CsvSource(CsvSource.Params(path=path, **params)).read(context)


@pytest.mark.parametrize(
    "lines", [NUMBERS, FLOWERS, ADULTS, PEOPLE, DAYS, WITH_GAPS, SCANS, YEARS, BITS, BITS_LIKE_NAMES, MESSAGES]
)
def test_a_first_line_of_data_is_refused_and_read_with_the_settings_proposed(lines: list[str], tmp_path: Path) -> None:
    path = tmp_path / "data.csv"
    with pytest.raises(DataError, match=r"data\.csv: the first line, .* say `header: false` .* say `header: true`"):
        read(path, lines)
    settings = CsvSource.settings_for(path)
    assert settings == {"header": False}
    data = read(path, lines, **settings)
    assert len(data) == len(lines)
    assert list(data.frame.columns) == [f"column{place}" for place in range(1, lines[0].count(",") + 2)]


HEADERS = {
    "words": ("x,n,label", NUMBERS),
    "words over words": ("city,street", ["Bonn,Elm", "Ulm,Oak"]),
    "a number among words": ("x,2,label", NUMBERS),
    "years beside a word": ("country,2019,2020", ["A,1.5,3", "B,2.5,4"]),
    "one year": ("country,2019", ["A,1.5", "B,2.5"]),
    "positions beside a word": ("species,0,1", ["a,0.5,1.5", "b,2.5,3.5"]),
    "days over numbers": ("country,2024-01-01,2024-01-02", ["A,1,2", "B,3,4"]),
    "a lone number": ("patient,5", ["Ann,61", "Bob,72"]),
    "words that no cell of labels is": ("kind,message", MESSAGES),
    "words of which one stands below again": ("ham,kind", [f"{line},no" for line in ("ham", "spam")] * 12),
    "a header that is repeated": ("kind,message", ([*MESSAGES, "kind,message"]) * 3),
    "nothing but words of a code": ("s1,m2", ["3,4", "5,6"]),
}


@pytest.mark.parametrize("what", HEADERS)
def test_a_header_with_numbers_in_it_is_one(what: str, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    header, rows = HEADERS[what]
    data = read(tmp_path / "data.csv", [header, *rows])
    assert list(data.frame.columns) == header.split(",")
    assert "header" not in CsvSource.settings_for(tmp_path / "data.csv")
    assert not caplog.messages


@pytest.mark.parametrize(
    "header", ["0,1,2,3,4,5", "1,2,3,4,5,6", "2015,2016,2017,2018,2019,2020", "1000.5,998.2,990,985,970.25,960"]
)
def test_a_header_of_numbers_in_order_is_one_and_that_is_noted(
    header: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert list(read(tmp_path / "data.csv", [header, *SCANS]).frame.columns) == header.split(",")
    assert "is taken for names of columns though it holds only numbers" in caplog.text
    caplog.clear()
    assert CsvSource.settings_for(tmp_path / "data.csv") == {}
    read(tmp_path / "data.csv", [header, *SCANS], header=True)
    assert not caplog.messages


def test_rows_in_order_are_data(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="looks like a row of data"):
        read(tmp_path / "data.csv", [f"{n},{n + 1},{n + 2},{n + 4},{n + 9}" for n in range(8)])


def test_a_header_that_looks_like_data_can_be_said_to_be_one(tmp_path: Path) -> None:
    assert len(read(tmp_path / "data.csv", NUMBERS, header=True)) == len(NUMBERS) - 1


@pytest.mark.parametrize("said", [{"target": "1"}, {"columns": {NUMBERS[0].split(",")[0]: {"type": "number"}}}])
def test_a_declared_name_shows_that_the_first_line_is_a_header(said: dict[str, Any], tmp_path: Path) -> None:
    assert len(read(tmp_path / "data.csv", NUMBERS, said)) == len(NUMBERS) - 1


def test_columns_without_a_header_are_called_as_they_are_named(tmp_path: Path) -> None:
    path = tmp_path / "data.csv"
    data = read(path, FLOWERS, header=False, names=["width", "height", "kind"], columns=["kind", "width"])
    assert list(data.frame.columns) == ["kind", "width"]
    with pytest.raises(DataError, match="has 3 columns, and `names` has 2; name every column"):
        read(path, FLOWERS, header=False, names=["width", "height"])
    with pytest.raises(DataError, match="names twice: 'x'"):
        read(path, FLOWERS, header=False, names=["x", "x", "kind"])


@pytest.mark.parametrize("header", [None, True])
def test_names_beside_a_header_are_refused(header: bool | None, tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match="say `header: false` too"):
        CsvSource.Params(path=tmp_path, header=header, names=["x"])


def test_codes_in_a_file_without_a_header_stay_as_they_are(tmp_path: Path) -> None:
    data = read(tmp_path / "data.csv", ["1,007", "2,012", "1,007"], header=False, columns=["column2"])
    assert data.frame.column2.tolist() == ["007", "012", "007"]


def test_a_short_row_in_a_file_without_a_header_is_refused_with_its_line(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"line 3: the row has 1 field, and the first row has 3"):
        read(tmp_path / "data.csv", [*NUMBERS[:2], "5"], header=False)


@pytest.mark.parametrize(("header", "name"), [(",x,label", "index"), (",index,label", "Unnamed: 0")])
def test_the_unnamed_index_that_pandas_writes_is_an_id(header: str, name: str, tmp_path: Path) -> None:
    rows = [f"{n},{n / 7:.3f},{'ab'[n % 2]}" for n in range(30)]
    data = read(tmp_path / "data.csv", [header, *rows])
    assert data.schema.columns[name].type == "id"
    assert data.frame[name].tolist() == list(range(30))
    again = read(tmp_path / "data.csv", [header, *rows], columns=[name, "label"])
    assert list(again.frame.columns) == [name, "label"]


def test_a_column_that_is_not_chosen_needs_no_name(tmp_path: Path) -> None:
    lines = ["x,,label,", *(f"{n / 7:.3f},{n},{'ab'[n % 2]}," for n in range(9))]
    assert list(read(tmp_path / "data.csv", lines, columns=["x", "label"]).frame.columns) == ["x", "label"]
    with pytest.raises(DataError, match=r"no name for column 2, 4 of 4; name every column, or leave it out"):
        read(tmp_path / "data.csv", lines)
