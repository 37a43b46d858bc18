from __future__ import annotations

import datetime as dt
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from augment.data import Dataset, SchemaDeclaration
from augment.detect.formats import find_source
from augment.detect.formats import read as look_at
from augment.errors import DataError
from augment.plugin.catalog import Catalog
from augment.plugin.context import Context
from augment_tables import excel_source
from augment_tables.excel_source import ExcelSource

openpyxl = pytest.importorskip("openpyxl")

ROWS: list[list[Any]] = [
    ["n", "x", "day", "paid", "code", "label"],
    [1, 0.1, dt.datetime(2024, 1, 31), True, "00123", "a, b"],
    [None, 9.5500000000000007, dt.datetime(2024, 2, 1, 10, 30), False, "7", 'say "hi"'],
    [12345678901, 1e-7, None, None, "8", "a, b"],
]


def save(path: Path, *sheets: list[list[Any]]) -> Path:
    book = openpyxl.Workbook()
    for number, rows in enumerate(sheets):
        sheet = book.active if number == 0 else book.create_sheet(f"sheet {number + 1}")
        for row in rows:
            sheet.append(row)
    book.save(path)
    return path


def read(path: Any, declared: dict | None = None, **params: Any) -> Dataset:
    folder = Path(path[0] if isinstance(path, list) else path).parent
    context = Context(seed=0, folder=folder, declared=SchemaDeclaration.model_validate(declared or {}))
    return ExcelSource(ExcelSource.Params(path=path, **params)).read(context)


def test_the_first_sheet_has_values_and_types(tmp_path: Path) -> None:
    data = read(save(tmp_path / "data.xlsx", ROWS, [["other"], [1]]), {"columns": {"label": {"type": "text"}}})
    assert {name: column.type for name, column in data.schema.columns.items()} == {
        "n": "integer",
        "x": "number",
        "day": "datetime",
        "paid": "boolean",
        "code": data.schema.columns["code"].type,
        "label": "text",
    }
    assert data.frame.x.tolist() == [0.1, 9.55, 1e-7]
    assert data.frame.day[1] == pd.Timestamp("2024-02-01 10:30")
    assert data.frame.code.astype(str).tolist() == ["00123", "7", "8"]
    assert data.frame.label.tolist() == ["a, b", 'say "hi"', "a, b"]
    assert data.frame.isna().sum().tolist() == [1, 0, 1, 1, 0, 0]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data.xlsx"]


def test_a_sheet_is_chosen_by_its_name_and_several_workbooks_are_joined(tmp_path: Path) -> None:
    first = save(tmp_path / "1.xlsx", ROWS, [["v"], [1]])
    second = save(tmp_path / "2.xlsx", ROWS, [["v"], [0.5], [None], ["#N/A"]])
    assert read([first, second], sheet="sheet 2").frame.v.tolist()[:2] == [1, 0.5]
    with pytest.raises(DataError, match=r"1\.xlsx: has no sheet 'sheet 3'; it has Sheet, sheet 2; did you mean"):
        read(first, sheet="sheet 3")
    with pytest.raises(DataError, match=r"2\.xlsx: has no column 'w', which .*1\.xlsx has"):
        read([save(tmp_path / "1.xlsx", [["w"], [1]]), save(tmp_path / "2.xlsx", [["v"], [1]])])


def test_empty_edges_are_cut_off(tmp_path: Path) -> None:
    rows = [["a", "b", None], [1, 2, None], [None, None, None], [3, None, None], [None, None, None]]
    path = save(tmp_path / "data.xlsx", rows)
    book = openpyxl.load_workbook(path)
    book.active.cell(20, 9).font = openpyxl.styles.Font(bold=True)  # a cell without a value
    book.save(path)
    data = read(path)
    assert data.frame.a.tolist() == [1, 3]
    assert data.frame.b.isna().tolist() == [False, True]


def test_a_wrong_claim_of_the_size_of_a_sheet_loses_nothing(tmp_path: Path) -> None:
    path = save(tmp_path / "good.xlsx", [["a", "b"], [1, 2], [3, 4]])
    with zipfile.ZipFile(path) as good, zipfile.ZipFile(tmp_path / "data.xlsx", "w") as changed:
        for name in good.namelist():
            changed.writestr(name, good.read(name).replace(b'<dimension ref="A1:B3"', b'<dimension ref="A1:A2"'))
    assert read(tmp_path / "data.xlsx").frame.to_dict("list") == {"a": [1, 3], "b": [2, 4]}


def test_the_settings_that_a_sheet_needs_are_found(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    rows = [[float(x), "n/a" if n == 3 else n % 7, "ab"[n % 2]] for n, x in enumerate(rng.normal(size=30))]
    path = save(tmp_path / "data.xlsx", [["x", "y", "label"], *rows])
    assert find_source(path, Catalog()) is ExcelSource
    data, settings, _ = look_at(ExcelSource, path)
    assert list(settings) in ([], ["null_values"])
    assert data.schema.columns["y"].type == "integer"
    data, settings, _ = look_at(ExcelSource, save(tmp_path / "bare.xlsx", [[row[0], n] for n, row in enumerate(rows)]))
    assert settings == {"header": False}
    assert len(data) == 30


def _formula(path: Path) -> None:
    save(path, [["a"], [1], ["=A2+1"]])


def _error(path: Path) -> None:
    save(path, [["a"], [1], ["#DIV/0!"]])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (_formula, r"data\.xlsx, row 3, column 1: a formula without a saved result"),
        (_error, r"data\.xlsx, row 3, column 1: the error #DIV/0!"),
        (lambda path: save(path, []), r"data\.xlsx: the sheet 'Sheet' is empty"),
        (lambda path: save(path, [["a", "b"]]), r"data\.xlsx: has a header but no rows"),
        (lambda path: save(path, [["a", "a"], [1, 2]]), r"data\.xlsx: the header has names twice"),
        (lambda path: path.write_bytes(b"PK\x03\x04 no zip"), r"data\.xlsx: is not a workbook that can be read"),
        (lambda path: path.write_text("a,b\n1,2\n"), r"data\.xlsx: is not a workbook"),
        (lambda path: path.touch(), r"data\.xlsx: the file is empty"),
    ],
)
def test_what_cannot_be_read_is_refused_with_the_place(make: Any, message: str, tmp_path: Path) -> None:
    make(tmp_path / "data.xlsx")
    with pytest.raises(DataError, match=message) as error:
        read(tmp_path / "data.xlsx")
    assert str(tmp_path / "data.xlsx") in str(error.value)


def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(excel_source, "MAX_UNPACKED", 5_000_000)
    path = save(tmp_path / "data.xlsx", ROWS)
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/more.xml", bytes(20_000_000))
    assert path.stat().st_size < 100_000
    with pytest.raises(DataError, match=r"takes 0\.0 GB unpacked, and at most 0\.005 are read"):
        read(path)


def test_entities_are_not_expanded_without_end(tmp_path: Path) -> None:
    path = save(tmp_path / "good.xlsx", [["a"], [1]])
    entities = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10 if n else "ha"}">' for n in range(10))
    bomb = (
        f'<!DOCTYPE x [{entities}]><worksheet><sheetData><row><c t="str"><v>&e9;</v></c></row></sheetData></worksheet>'
    )
    with zipfile.ZipFile(path) as good, zipfile.ZipFile(tmp_path / "data.xlsx", "w") as bad:
        for name in good.namelist():
            bad.writestr(name, bomb if "sheet1" in name else good.read(name))
    with pytest.raises(DataError, match=r"data\.xlsx: is not a workbook"):
        read(tmp_path / "data.xlsx")


def test_without_openpyxl_the_way_out_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = save(tmp_path / "data.xlsx", ROWS)
    monkeypatch.setitem(sys.modules, "openpyxl", None)
    with pytest.raises(DataError, match=r'pip install "augment-pipeline\[excel\]", or save the sheet as CSV'):
        read(path)


def test_a_hidden_sheet_is_not_the_first(tmp_path: Path) -> None:
    path = save(tmp_path / "a.xlsx", [["read me"]], [["x", "y"], [1, "a"], [2, "b"]])
    book = openpyxl.load_workbook(path)
    book.worksheets[0].sheet_state = "hidden"
    book.save(path)
    assert read(path).frame.x.tolist() == [1, 2]
    assert ExcelSource.settings_to_write(path, {}, read(path)) == {"sheet": "sheet 2"}


def test_cells_that_are_merged_down_a_column_have_one_value(tmp_path: Path) -> None:
    path = save(tmp_path / "a.xlsx", [["region", "x"], ["North", 1], [None, 2], ["South", 3], [None, 4]])
    book = openpyxl.load_workbook(path)
    for area in ("A2:A3", "A4:A5"):
        book.active.merge_cells(area)
    book.save(path)
    assert read(path).frame.region.tolist() == ["North", "North", "South", "South"]


def test_a_title_that_is_merged_over_the_columns_stays_one_cell(tmp_path: Path) -> None:
    path = save(tmp_path / "a.xlsx", [["Sales 2024"], ["x", "y", "z"], [1, "a", 3], [2, "b", 4]])
    book = openpyxl.load_workbook(path)
    book.active.merge_cells("A1:C1")
    book.save(path)
    assert ExcelSource.settings_for(path)["skip_lines"] == 1


def test_a_text_among_dates_is_noted_with_its_place(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    day = dt.datetime(2024, 1, 31)
    data = read(save(tmp_path / "a.xlsx", [["day"], [day], ["31.01.2024"], [day]]))
    assert data.frame.day.tolist() == ["2024-01-31", "31.01.2024", "2024-01-31"]
    assert "a.xlsx, row 3, column 1: '31.01.2024' is a text, and the cell in row 2 is a date" in caplog.text


def test_a_workbook_in_an_old_format_is_told_how_to_save_it(tmp_path: Path) -> None:
    (tmp_path / "a.xls").write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")
    assert find_source(tmp_path / "a.xls", Catalog()) is ExcelSource
    with pytest.raises(DataError, match=r"a\.xls: is not a workbook that can be read .* save it as \.xlsx"):
        ExcelSource.settings_for(tmp_path / "a.xls")
