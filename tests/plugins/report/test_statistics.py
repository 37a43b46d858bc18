import numpy as np
import pandas as pd
import pytest
from example_data import dataset

from augment.data import Dataset
from augment_report.statistics import associations, column_statistics

N = 400


def related() -> Dataset:
    rng = np.random.default_rng(0)
    x = rng.normal(size=N)
    kind = np.where(x > 0, "high", "low")
    return dataset(pd.DataFrame({"x": x, "falling": -(x**3), "kind": kind, "twin": kind, "noise": rng.normal(size=N)}))


def cells(found, name: str) -> dict[tuple[str, str], str]:
    (matrix,) = (one for one in found["matrices"] if one["name"] == name)
    names = [row for row, _ in matrix["rows"]]
    return {(row, names[n]): cell["text"] for row, own in matrix["rows"] for n, cell in enumerate(own)}


def test_associations_of_numbers_are_signed_and_those_of_categories_reach_one():
    found = cells(associations(related(), related(), related().schema), "real")
    assert found["x", "falling"] == "−1.00"
    assert found["kind", "twin"] == "1.00"
    assert float(found["x", "kind"]) == pytest.approx(3**0.5 / 2, abs=0.011)  # of ranks above and below the middle
    assert abs(float(found["x", "noise"].replace("−", "-"))) < 0.15


def test_equal_rows_have_no_differences_and_a_lost_relation_is_the_largest():
    train = related()
    assert associations(train, train, train.schema)["mean_gap"] == "0.00"
    shuffled = train.frame.assign(falling=np.random.default_rng(1).permutation(train.frame["falling"]))
    pairs = associations(train, Dataset.of(shuffled, {}, train.schema), train.schema)["pairs"]
    assert set(pairs[0][:2]) == {"x", "falling"}
    assert float(pairs[0][4]) > 0.9


def test_columns_without_variety_or_company_have_no_associations():
    train = dataset(pd.DataFrame({"x": np.arange(20.0), "same": [1.0] * 20}))
    assert associations(train, train, train.schema) is None


def test_statistics_are_of_each_part_and_say_what_is_missing():
    frame = pd.DataFrame(
        {"year": [1990, 2000, 2010, 2020], "x": [1.0, np.nan, 3.0, 8.0], "kind": ["b", "b", "a", None]}
    )
    train = dataset(pd.concat([frame] * 5, ignore_index=True))
    found = column_statistics(
        {"real": train, "synthetic": train.take(slice(2)), "held out": train.take(slice(0))}, train.schema
    )
    (year, x), (kind,) = found["numbers"], found["labels"]
    assert year["parts"][0][:2] == ("real", "2005")
    assert year["parts"][1] == ("synthetic", "1995", "5", "1990", "1995", "2000", "2", "0\xa0%")
    assert x["parts"][0] == ("real", "4", "2.944", "1", "3", "8", "3", "25.0\xa0%")
    assert kind["parts"] == [
        ("real", "2", "b", "50.0\xa0%", "25.0\xa0%"),
        ("synthetic", "1", "b", "100\xa0%", "0\xa0%"),
    ]
