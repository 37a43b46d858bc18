from __future__ import annotations

import numpy as np
import pytest

from augment.data import SchemaDeclaration
from augment.errors import DataError
from augment.plugin.context import Context
from augment_series.ts import TsSource

HEADER = "# a comment\n@problemName toy\n@timeStamps false\n@univariate {}\n@classLabel true calm wild\n@data\n"
ONE = HEADER.format("true")
TWO = HEADER.format("false")


def read(folder, text, declared=None, **settings):
    path = folder / "toy.ts"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    source = TsSource(TsSource.Params(path=path, **settings))
    return source.read(Context(1, folder, declared=declared or SchemaDeclaration()))


def test_a_line_is_a_series_and_its_label(tmp_path):
    data = read(tmp_path, ONE + "1,2.5,-3e-1:calm\n4,5,6:wild\n")
    np.testing.assert_array_equal(data.arrays["series"][..., 0], np.array([[1, 2.5, -0.3], [4, 5, 6]], np.float32))
    assert data.frame["label"].tolist() == ["calm", "wild"]
    assert data.schema.target == "label"
    assert data.schema.arrays["series"].length_column is None


def test_channels_are_divided_by_colons(tmp_path):
    data = read(tmp_path, TWO + "1,2:10,20:calm\n3,4:30,40:wild\n")
    np.testing.assert_array_equal(data.arrays["series"], [[[1, 10], [2, 20]], [[3, 30], [4, 40]]])
    assert list(data.schema.arrays["series"].channels) == ["channel 1", "channel 2"]


def test_unequal_lengths_are_padded_with_zeros_and_said(tmp_path):
    data = read(tmp_path, TWO + "1,2,3:4,5,6:calm\n7:8:wild\n")
    assert data.lengths("series").tolist() == [3, 1]
    np.testing.assert_array_equal(data.arrays["series"][1], [[7, 8], [0, 0], [0, 0]])


def test_a_question_mark_is_a_missing_value(tmp_path):
    values = read(tmp_path, ONE + "1, ? ,3:calm\n?,NaN,?:wild\n").arrays["series"][..., 0]
    assert np.isnan(values).tolist() == [[False, True, False], [True, True, True]]


def test_a_numeric_target_is_a_number(tmp_path):
    data = read(tmp_path, "@targetLabel true\n@data\n1,2:0.5\n3,4:?\n", label="price")
    assert data.schema.columns["price"].type == "number"
    assert data.frame["price"].isna().tolist() == [False, True]


def test_without_labels_there_is_no_target(tmp_path):
    data = read(tmp_path, "@univariate true\n@classLabel false\n@data\n1,2\n3,4\n")
    assert data.schema.target is None
    assert len(data.frame.columns) == 0


def test_comments_may_be_in_any_encoding_and_a_mark_may_come_first(tmp_path):
    text = b"\xef\xbb\xbf# Sch\xe4fer\r\n" + ONE.encode().replace(b"\n", b"\r\n") + b"1,2:calm\r\n"
    assert read(tmp_path, text).arrays["series"].shape == (1, 2, 1)


def test_what_is_declared_of_a_channel_wins(tmp_path):
    said = {"arrays": {"series": {"channels": {"channel 1": {"unit": "V", "min": 0}}}}}
    channel = (
        read(tmp_path, ONE + "1,2:calm\n", SchemaDeclaration.model_validate(said)).schema.arrays["series"].channels
    )
    assert channel["channel 1"].unit == "V"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (ONE + "1,2:calm\n1,x:wild\n", r"toy.ts, line 8: 'x' is not a number"),
        (ONE + "1,2:calm\n1,,2:wild\n", r"line 8: '' is not a number"),
        (ONE + "1,2:calm\n1,1e50:wild\n", r"line 8: 1e\+50 is infinite or too large"),
        (ONE + "1,2:calm\n3,4:clam\n", r"line 8: the label 'clam' is not among .*calm"),
        (ONE + "1,2:calm\n3,4\n", r"line 8: no label"),
        (TWO + "1,2:3,4:calm\n1,2:wild\n", r"line 8: the series has 1 channel, and the first one, in line 7, has 2"),
        (TWO + "1,2:3:calm\n", r"line 7: the channels have 2, 1 steps"),
        (ONE, r"there are no series after '@data'"),
        ("@univariate true\n", r"there is no line '@data'"),
        ("1,2,3:a\n", r"line 1: a header of lines that begin with '@'"),
        ("@clasLabel true a b\n@data\n1:a\n", r"line 1: '@clasLabel' is not a part of a .ts header.*classlabel"),
        ("@timeStamps true\n@data\n(1,2):a\n", r"line 1: series with time stamps are not read"),
        ("@dimensions 3\n@data\n1,2:3,4\n", r"line 3: the series has 2 channels; the header says 3"),
        ("@targetLabel true\n@data\n1,2:high\n", r"line 3: the target 'high' is not a number"),
        ("", r"the file is empty"),
        (b"@data\n1,\xff:a\n", r"line 2: byte 0xff at offset 2 is not utf-8"),
        (b"@data\n1,\x00:a\n", r"line 2: a NUL character"),
    ],
)
def test_what_cannot_be_read_is_told_with_its_line(tmp_path, text, told):
    with pytest.raises(DataError, match=told):
        read(tmp_path, text)


def test_lengths_that_the_header_denies_are_a_warning(tmp_path, caplog):
    text = "@equalLength true\n@classLabel true a b\n@data\n1,2,3:a\n1,2:b\n"
    assert read(tmp_path, text).frame["length"].tolist() == [3, 2]
    assert "line 5: the series has 2 steps, the first one 3, though the header says" in caplog.text
