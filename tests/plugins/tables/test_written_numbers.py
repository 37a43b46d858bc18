"""How numbers of CSV files are written."""

from __future__ import annotations

import pandas as pd
import pytest

from augment.data import Dataset, infer
from augment_tables.csv_sink import CsvSink
from augment_tables.written_numbers import NumberFormat, infer_format


@pytest.mark.parametrize(
    ("cells", "decimal", "thousands", "unit", "example"),
    [
        (["3,055.53", "0.50"], ".", ",", "", "1,234.00"),
        (["3,055", "17"], ".", ",", "", "1,234"),
        (["12,34,567", "-1,05,710", "3,055", "17"], ".", ",", "", "12,34,567"),
        (["₹5,00,00,000.00", "₹0.50"], ".", ",", "₹", "₹12,34,567.00"),
        (["1.100.200,5", "-17,25"], ",", ".", "", "1.234,0"),
        (["1'100.2", "17"], ".", "'", "", "1'234"),
        (["1\u202f100", "17"], ",", " ", "", "1\u202f234"),
        (["€ 9.50", "€ 12.00"], ".", ",", "€", "€ 1234.00"),
        (["1.250,00 kg"], ",", ".", "kg", "1.234,00 kg"),
        (["9,50", "-12,25"], ",", "", "", "1234,00"),
        (["9.5", "12.25"], ".", ",", "", None),
        (["9", "12"], ".", ",", "", None),
    ],
)
def test_the_way_of_writing_is_found_and_written_again(cells, decimal, thousands, unit, example):
    found = infer_format(cells, decimal, thousands, unit)
    if example is None:
        assert found is None
        return
    assert found.example == example
    assert NumberFormat.of_example(example, decimal) == found
    plain = [cell.strip("€₹ kg").replace(found.thousands or "none", "").replace(decimal, ".") for cell in cells]
    numbers = [float(cell) for cell in plain]
    assert [found.write(number) for number in numbers] == cells


@pytest.mark.parametrize("example", ["12", "=1234", "1234 5", "+1,234", "1,234.5", "12,34.567", "12.34.567"])
def test_other_examples_are_refused(example):
    with pytest.raises(ValueError, match="is not the number 1234"):
        CsvSink.Params(formats={"x": example})


def test_large_numbers_have_all_their_digits_and_none_is_guarded(tmp_path):
    frame = pd.DataFrame({"x": [-1e21, 1.25, None], "word": ["-a", "b", "c"]})
    data = Dataset.of(frame, {}, infer(frame))
    (path,) = CsvSink(CsvSink.Params(formats={"x": "1,234", "word": "1,234"})).write(
        "train", [data], data.schema, tmp_path
    )
    assert path.read_text() == 'x,word\n"-1,000,000,000,000,000,000,000","\'-a"\n"1.25","b"\n,"c"\n'
