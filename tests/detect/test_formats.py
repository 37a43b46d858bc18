from __future__ import annotations

import gzip
import os

import pandas as pd
import pytest

from augment.data import Column, Dataset, Schema
from augment.detect.formats import find_source, looks_like_id, read
from augment.errors import DataError
from augment.plugin.catalog import Catalog


def source(name):
    (cls,) = Catalog().candidates("source", name)
    return cls


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["a.txt", "b.txt"], "text-folder"),
        (["a.TXT", "b.txt", "notes.md"], "text-folder"),
        (["a.png", "a.txt", "b.png", "b.txt"], "image-folder"),
        (["a.png", "b.png", "licence.txt"], "image-folder"),
        ([".hidden.txt"], "image-folder"),
        ([], "image-folder"),
    ],
)
def test_a_folder_is_of_texts_where_most_files_are(names, expected, tmp_path):
    (tmp_path / "class").mkdir()
    for name in names:
        (tmp_path / "class" / name).touch()
    assert find_source(tmp_path, Catalog()).name == expected


def test_a_folder_of_files_that_are_read_by_themselves_is_refused_with_their_names(tmp_path):
    for name in (".DS_Store", "b.csv", "a.csv"):
        (tmp_path / name).write_text("x,y\n1,2\n")
    with pytest.raises(DataError, match=r"a folder of files .* such as .*a\.csv, or a pattern such as .*\*\.csv"):
        find_source(tmp_path, Catalog())
    (tmp_path / "class").mkdir()
    assert find_source(tmp_path, Catalog()).name == "image-folder"


def test_a_file_of_unknown_kind_is_refused_with_what_is_known(tmp_path):
    with pytest.raises(DataError, match=r"'\.doc'; \.arff, \.arrow, \.csv, "):
        find_source(tmp_path / "data.doc", Catalog())


def test_a_pipe_is_refused_and_not_opened(tmp_path):
    os.mkfifo(tmp_path / "data.csv")
    with pytest.raises(DataError, match="it is a pipe or a device; save its content in a file"):
        find_source(tmp_path / "data.csv", Catalog())


@pytest.mark.parametrize(
    ("text", "settings"),
    [
        ("x,y\n1.5,a\n2,b\n", {}),
        ("x\n1\n2\n", {}),
        ("x\ty\n1.5\ta\n2\tb\n", {"delimiter": "\t"}),
        ("x;y\n1.5;a\n2;b\n", {"delimiter": ";"}),
        ("x;y\n1,5;a\n2;b\n", {"delimiter": ";", "decimal": ","}),
        ("5,67;-0,4;0\n3,5;-1,5;0\n", {"delimiter": ";", "decimal": ",", "header": False}),
        ("x,y;z\n1,a;b\n2,c;d\n", {}),
        ("x\n€ 1.50\n€ 2\n", {"units": {"x": "€"}}),
        ('x,y\n"1,250.00 €",a\n3.5€,b\n', {"units": {"x": "€"}}),
        ("x;y\n1.250,50 €;a\n3,5 €;b\n", {"delimiter": ";", "decimal": ",", "units": {"x": "€"}}),
        ("x,d\n1,31.12.2024\n2,1.2.2024\n", {"date_format": "%d.%m.%Y"}),
        ("x,d\n1,12/31/24\n2,01/02/24\n", {"date_format": "%m/%d/%y"}),
        ("x,d\n1,11/12/2024\n2,01/02/2024\n", {}),  # day and month cannot be told apart
    ],
)
def test_the_way_a_csv_file_is_written_is_found(tmp_path, text, settings):
    (tmp_path / "data.csv").write_text(text)
    data, found, _ = read(source("csv"), tmp_path / "data.csv")
    assert found == settings
    assert next(iter(data.schema.columns.values())).type in ("number", "integer")
    assert len(data) == 2


def test_images_of_several_sizes_are_brought_to_one(tmp_path):
    from PIL import Image

    for label, size in (("cat", (8, 8)), ("dog", (9, 7))):
        (tmp_path / label).mkdir()
        Image.new("L", size).save(tmp_path / label / "1.png")
    data, settings, _ = read(source("image-folder"), tmp_path)
    assert settings == {"size": [8, 8]}
    assert data.arrays["image"].shape == (2, 8, 8, 1)


def test_a_folder_that_cannot_be_read_at_any_size_says_why(tmp_path):
    with pytest.raises(DataError, match="image"):
        read(source("image-folder"), tmp_path)


@pytest.mark.parametrize(
    ("write", "is_id"),
    [
        ("{:,}.50".format, False),
        ("({:,})".format, False),
        ("€{}.00".format, False),
        ("C-{}".format, True),
        ("{:08}".format, True),
        ("{}".format, True),
    ],
)
def test_amounts_are_not_ids(write, is_id):
    frame = pd.DataFrame({"x": [write(number) for number in range(1000, 1100)]}, dtype="str")
    assert looks_like_id(Dataset.of(frame, {}, Schema(columns={"x": Column(type="text")})), "x") is is_id


@pytest.mark.parametrize("name", ["data.zip", "photos.tar.gz"])
def test_an_archive_is_to_be_unpacked(name, tmp_path):
    (tmp_path / name).write_bytes(gzip.compress(b"x") if name.endswith(".gz") else b"PK")
    with pytest.raises(DataError, match="is an archive; unpack it"):
        find_source(tmp_path / name, Catalog())


def test_numbers_with_the_exponents_of_fortran_are_no_ids():
    frame = pd.DataFrame({"x": [f"{n / 7:.4f}D+0{n % 3}" for n in range(30)]})
    data = Dataset.of(frame, {}, Schema(columns={"x": Column(type="text")}))
    assert not looks_like_id(data, "x")


def test_a_table_is_named_in_databases_alone(tmp_path):
    (tmp_path / "a.csv").write_text("x,y\n1,2\n")
    with pytest.raises(DataError, match=r"a\.csv: csv has no setting 'table', which databases have"):
        read(source("csv"), tmp_path / "a.csv", given={"table": "sales"})
