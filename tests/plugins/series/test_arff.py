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
        ("@relation toy\n@attribute a date\n@data\n1\n", r"line 2: attributes of type 'date' are not read"),
        ("@relation toy\n@attribute a {x}\n@data\nx\n", r"no numeric or relational attribute"),
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


def test_numeric_attributes_beside_a_nominal_class_are_steps_whatever_they_are_called(tmp_path):
    head = "@relation r\n@attribute t0 real\n@attribute class {a,b}\n@attribute y real\n@data\n"
    data = read(tmp_path, head + "1,a,2\n3,b,4\n")
    assert data.arrays["series"].shape == (2, 2, 1)
    assert data.schema.target == "class"
