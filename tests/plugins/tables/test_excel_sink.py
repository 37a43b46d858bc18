"""Workbooks that are written."""

from __future__ import annotations

import datetime as dt
import sys

import numpy as np
import openpyxl
import pandas as pd
import pytest

from augment.data import Dataset, infer
from augment.errors import DataError
from augment_tables import excel_sink
from augment_tables.excel_sink import ExcelSink


def write(folder, frame, **settings):
    folder.mkdir(exist_ok=True)
    data = Dataset.of(frame, {}, infer(frame))
    (path,) = ExcelSink(ExcelSink.Params(**settings)).write("train", data.batches(2), data.schema, folder)
    return path


def test_no_text_is_a_formula_and_dates_are_dates(tmp_path):
    days = pd.to_datetime(["2024-12-31", "1899-12-31", None])
    frame = pd.DataFrame({"text": ["=1+1", "#REF!", "plain"], "day": days, "number": [1.5, None, 2.0]})
    sheet = openpyxl.load_workbook(write(tmp_path, frame))["Sheet1"]
    rows = [[cell.value for cell in row] for row in sheet.iter_rows()]
    assert rows == [
        ["text", "day", "number"],
        ["=1+1", dt.datetime(2024, 12, 31), 1.5],
        ["#REF!", "1899-12-31", None],  # before the first day of a workbook
        ["plain", None, 2],
    ]
    assert [row[0].data_type for row in sheet.iter_rows()] == ["s"] * 4
    assert sheet["B2"].number_format == "yyyy-mm-dd"


def test_equal_rows_give_equal_bytes(tmp_path, monkeypatch):
    frame = pd.DataFrame({"x": range(5)})
    first = write(tmp_path / "a", frame).read_bytes()
    with monkeypatch.context() as later:
        later.setattr("zipfile.time.localtime", lambda *_: dt.datetime(2030, 1, 1).timetuple())
        second = write(tmp_path / "b", frame).read_bytes()
    assert second == first


def test_what_no_sheet_can_hold_is_refused(tmp_path, monkeypatch):
    with pytest.raises(DataError, match="row 2 holds a text of 40,000 characters"):
        write(tmp_path, pd.DataFrame({"x": ["a" * 40_000]}))
    with pytest.raises(DataError, match=r"row 3: 'a\\x01' has a character"):
        write(tmp_path, pd.DataFrame({"x": ["b", "a\x01"]}))
    monkeypatch.setattr(excel_sink, "MAX_ROWS", 3)
    with pytest.raises(DataError, match="at most 3 rows"):
        write(tmp_path, pd.DataFrame({"x": ["b", "a", "c"]}))


def test_without_a_header_and_with_a_name(tmp_path):
    path = write(tmp_path, pd.DataFrame({"x": [1, 2]}), header=False, sheet="Kunden")
    assert pd.read_excel(path, sheet_name="Kunden", header=None)[0].tolist() == [1, 2]


def test_arrays_and_a_missing_library_are_refused_with_the_way_out(tmp_path, monkeypatch):
    values = np.zeros((2, 3), np.float32)
    frame = pd.DataFrame({"x": [1, 2]})
    data = Dataset.of(frame, {"v": values}, infer(frame, {"v": values}))
    with pytest.raises(DataError, match="a sheet cannot hold the array 'v'; use parquet"):
        ExcelSink().write("train", data.batches(2), data.schema, tmp_path)
    monkeypatch.setitem(sys.modules, "openpyxl", None)
    with pytest.raises(DataError, match=r"openpyxl, which writes workbooks, is not installed; pip install"):
        ExcelSink().write("train", data.batches(2), data.schema, tmp_path)
