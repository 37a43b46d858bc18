from __future__ import annotations

import numpy as np
import pytest

from augment.detect.formats import find_source
from augment.errors import DataError
from augment.plugin.catalog import Catalog
from augment.plugin.context import Context
from augment_series.ucr import UcrSource

STEPS = np.random.default_rng(0).normal(size=(12, 9)).round(3)


def read(folder, text, **settings):
    path = folder / "toy_TRAIN.tsv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return UcrSource(UcrSource.Params(path=path, **settings)).read(Context(1, folder))


@pytest.mark.parametrize("between", ["\t", "  ", ",", ", "])
def test_the_first_row_is_a_series_and_its_first_cell_the_label(tmp_path, between):
    lines = [between.join(["  1.0000000e+00", "0.5", "NaN", "-2"]), between.join(["2.0", "1e-1", "3", "4"]), ""]
    data = read(tmp_path, "\r\n".join(lines), label="kind")
    np.testing.assert_array_equal(data.arrays["series"][..., 0], np.array([[0.5, np.nan, -2], [0.1, 3, 4]], "f4"))
    assert data.frame["kind"].tolist() == ["1", "2"]
    assert (data.schema.target, data.schema.task) == ("kind", "classes")


def test_many_labels_are_classes_and_no_numbers(tmp_path):
    data = read(tmp_path, _rows([*range(30), *range(30)], steps=np.tile(STEPS, (5, 1))))
    assert data.frame["label"].tolist() == [str(label) for label in range(30)] * 2
    assert data.schema.columns["label"].type == "category"


@pytest.mark.parametrize("between", ["\t", ","])
def test_cells_of_spaces_are_missing_and_do_not_make_a_table_of_series(tmp_path, between):
    text = _rows([1, 2] * 6, between).replace(str(STEPS[0, 3]), "  ").replace(str(STEPS[1, -1]), "  ")
    data = read(tmp_path, text)
    assert np.argwhere(np.isnan(data.arrays["series"][..., 0])).tolist() == [[0, 3]]
    assert data.lengths("series").tolist() == [9, 8] + [9] * 10
    assert find_source(tmp_path / "toy_TRAIN.tsv", Catalog()).name == "ucr"


def test_missing_values_at_the_end_are_the_end(tmp_path):
    data = read(tmp_path, "1\t1\t2\t3\n-1\t4\tNaN\tnan\n")
    assert data.lengths("series").tolist() == [3, 1]
    np.testing.assert_array_equal(data.arrays["series"][1, :, 0], [4, 0, 0])


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("1\t2\n1\tx\n", r"toy_TRAIN.tsv, line 2: 'x' is not a number"),
        ("1\t2\n\n1\tNaN\n", r"line 3: a label and no values"),
        ("1\t2\n\t3\n", r"line 2: begins with no label; write one before the values"),
        ("\n \n", r"only blank lines"),
        (b"1\t2\n1\t\xff\n", r"line 2: byte 0xff"),
    ],
)
def test_what_cannot_be_read_is_told_with_its_line(tmp_path, text, told):
    with pytest.raises(DataError, match=told):
        read(tmp_path, text)


def _rows(first, between="\t", steps=STEPS):
    rows = [between.join([str(label), *map(str, row)]) for label, row in zip(first, steps, strict=True)]
    return "\n".join(rows) + "\n"


@pytest.mark.parametrize(
    ("name", "text", "source"),
    [
        ("a.tsv", _rows([1, 2] * 6), "ucr"),
        ("a.txt", _rows(["1.0000000e+00", "-1"] * 6, "  "), "ucr"),
        ("a.tsv", _rows([1, 2] * 6).replace("\n", "\tNaN\n"), "ucr"),
        ("a.tsv", "\t".join(f"c{place}" for place in range(10)) + "\n" + _rows([1, 2] * 6), "csv"),
        ("a.tsv", _rows(range(12)), "csv"),
        ("a.tsv", _rows([1, 2] * 6, steps=STEPS[:, :3]), "csv"),
        ("a.tsv", _rows([1, 2] * 6, steps=np.arange(108).reshape(12, 9)), "csv"),
        ("a.tsv", _rows([1, 2] * 6, steps=STEPS * 10.0 ** np.arange(9)), "csv"),
        ("a_TRAIN.tsv", _rows([1, 2] * 6, steps=STEPS * 10.0 ** np.arange(9)), "ucr"),
        ("a.txt", "Some words of a text\n" * 12, "text"),
    ],
    ids=[
        "tabs",
        "blanks",
        "padded",
        "header",
        "row-numbers",
        "few-columns",
        "whole-numbers",
        "many-scales",
        "archive-name",
        "words",
    ],
)
def test_rows_of_numbers_without_a_header_are_seen_as_series(tmp_path, name, text, source):
    (tmp_path / name).write_text(text)
    assert find_source(tmp_path / name, Catalog()).name == source
