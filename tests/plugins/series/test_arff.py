from __future__ import annotations

import numpy as np
import pytest

from augment.errors import DataError
from augment.plugin.context import Context
from augment_series.arff import ArffSource

ONE = """% a comment
@relation toy
@attribute att0 numeric
@ATTRIBUTE 'att 1' REAL
@attribute target {1,'so so'}
@data
"""
SEVERAL = """@relation toy
@attribute relationalAtt relational
  @attribute att0 numeric
  @attribute att1 numeric
@end relationalAtt
@attribute class {a,b}
@data
"""


def read(folder, text):
    path = folder / "toy.arff"
    path.write_text(text)
    return ArffSource(ArffSource.Params(path=path)).read(Context(1, folder))


def test_numeric_attributes_are_the_steps(tmp_path):
    data = read(tmp_path, ONE + "1.5,2,1\n?,4, 'so so'\n")
    np.testing.assert_array_equal(data.arrays["series"][..., 0], [[1.5, 2], [np.nan, 4]])
    assert data.frame["target"].tolist() == ["1", "so so"]
    assert data.schema.target == "target"


@pytest.mark.parametrize("quote", ["'", '"'])
def test_a_relational_attribute_holds_the_channels(tmp_path, quote):
    rows = f"{quote}1,2\\n3,4{quote},a\n{quote}5\\n6{quote},b\n"
    data = read(tmp_path, SEVERAL + rows)
    np.testing.assert_array_equal(data.arrays["series"], [[[1, 3], [2, 4]], [[5, 6], [0, 0]]])
    assert data.lengths("series").tolist() == [2, 1]
    assert data.frame["class"].tolist() == ["a", "b"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (ONE + "1,2,1\n1,2\n", r"toy.arff, line 8: the row has 2 values, and the header 3 attributes"),
        (ONE + "1,x,1\n", r"line 7: 'x' is not a number"),
        (ONE + "1,2,3\n", r"line 7: '3' is not among the labels of 'target'"),
        (ONE + "{0 1}\n", r"line 7: sparse rows are not read"),
        (ONE, r"there are no series after '@data'"),
        ("@relation toy\n@attribute a binary\n@data\n1\n", r"line 2: attributes of type 'binary' are not read"),
        ("@relation toy\n@attribute\n@data\n1\n", r"line 2: '@attribute NAME TYPE' was expected"),
        ("@relation toy\n@attribute d date 'EEE'\n@data\n1\n", r"line 2: 'EEE' in the format of dates is not known"),
        ("@relation toy\n@attribute d date\n@data\n2024-02-30T00:00:00\n", r"line 4: '2024-02-30.* is not a date"),
        (
            SEVERAL.replace("@attribute class", "@attribute more relational\n@end more\n@attribute class") + "1,2,a\n",
            "2 relational",
        ),
        ("@relation toy\nwhat\n", r"line 2: @relation, @attribute or @data was expected"),
        ("@relation toy\n", r"there is no line '@data'"),
    ],
)
def test_what_cannot_be_read_is_told_with_its_line(tmp_path, text, told):
    with pytest.raises(DataError, match=told):
        read(tmp_path, text)


@pytest.mark.parametrize("name", ["class", "Target", "y"])
def test_a_numeric_last_attribute_called_like_a_target_is_no_step(tmp_path, name):
    head = f"@relation r\n@attribute t0 real\n@attribute t1 real\n@attribute {name} numeric\n@data\n"
    data = read(tmp_path, head + "1,2,1\n3,4,2\n5,6,1\n")
    assert data.arrays["series"].shape == (3, 2, 1)
    assert data.schema.target == name
    assert data.frame[name].tolist() == [1, 2, 1]
    with pytest.raises(DataError, match=f"line 7: 'x' in '{name}' is not a number"):
        read(tmp_path, head + "1,2,1\n3,4,x\n")


WEATHER = """@relation weather
@attribute outlook { sunny, 'heavy rain' }
@attribute temperature real
@attribute seen date "dd.MM.yyyy HH:mm"
@attribute 'play golf' {"yes, gladly","no"}
@data
sunny,21,"31.12.2023 08:15","yes, gladly"
'heavy rain',?,01.02.2024 23:59,no
"""


def test_attributes_that_are_not_numbered_alike_are_a_table(tmp_path):
    data = read(tmp_path, WEATHER)
    assert data.schema.modality == "table"
    assert data.schema.target == "play golf"
    assert {name: column.type for name, column in data.schema.columns.items()} == {
        "outlook": "category",
        "temperature": "integer",
        "seen": "datetime",
        "play golf": "category",
    }
    assert data.schema.columns["seen"].date_format == "%d.%m.%Y %H:%M"
    assert data.frame["seen"].astype("str").tolist() == ["2023-12-31 08:15:00", "2024-02-01 23:59:00"]
    assert data.frame["play golf"].tolist() == ["yes, gladly", "no"]


def test_flowers_measured_once_are_no_series(tmp_path):
    head = "".join(f"@attribute {part}{size} real\n" for part in ("sepal", "petal") for size in ("length", "width"))
    data = read(
        tmp_path, f"@relation iris\n{head}@attribute class {{a,b}}\n@data\n5.1,3.5,1.4,0.2,a\n4.9,3,1.4,0.2,b\n"
    )
    assert not data.schema.arrays
    assert data.frame["petalwidth"].tolist() == [0.2, 0.2]
