from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from augment.data import Dataset, SchemaDeclaration, infer
from augment.errors import DataError
from augment.plan.alignment import align


def data(arrays=None, /, declared=None, target=None, **columns):
    frame = pd.DataFrame(columns)
    said = SchemaDeclaration.model_validate({"target": target, **(declared or {})})
    return Dataset.of(frame, arrays or {}, infer(frame, arrays, said))


def aligned(train, test):
    return align(train, test, "train.csv", "test.csv")


def test_equal_columns_in_another_order_need_no_note():
    train, test, notes = aligned(data(a=[1, 2], b=["p", "p"]), data(b=["p", "q"], a=[3, 4]))
    assert list(test.frame) == ["a", "b"]
    assert test.schema == train.schema
    assert notes == []


def test_columns_that_only_the_test_rows_have_are_left_out_and_named():
    _, test, notes = aligned(data(a=[1, 2]), data(a=[1, 2], more=[1, 2]))
    assert list(test.frame) == ["a"]
    assert notes == ["columns that only test.csv has are left out: 'more'"]


def test_integers_are_numbers_if_the_other_part_has_decimals():
    for first, second in (([1.5, 2.5], [1, 2]), ([1, 2], [1.5, 2.5])):
        train, test, notes = aligned(data(a=first), data(a=second))
        assert train.schema.columns["a"].type == test.schema.columns["a"].type == "number"
        assert train.frame["a"].dtype == test.frame["a"].dtype == float
    (note,) = notes
    assert "it is read as number in both" in note


def test_words_are_what_they_are_in_the_training_part():
    words = [f"word {n}" for n in range(8)]
    train, test, notes = aligned(data(a=["p"] * 8), data(a=words))
    assert (train.schema.columns["a"].type, test.schema.columns["a"].type) == ("category", "category")
    assert test.frame["a"].tolist() == words
    assert notes == []


def test_an_id_in_many_rows_is_one_in_few():
    _, test, notes = aligned(data(id=range(30)), data(id=[30, 31]))
    assert test.schema.columns["id"].type == "id"
    assert test.frame["id"].tolist() == [30, 31]
    assert notes == []


def test_a_column_without_values_is_of_the_other_type():
    for first, second in (([1.5, 2.5], [None, None]), ([None, None], [1.5, 2.5])):
        train, test, _ = aligned(data(a=pd.Series(first)), data(a=pd.Series(second)))
        assert train.schema.columns["a"].type == test.schema.columns["a"].type == "number"


def test_all_differences_are_refused_at_once_by_name():
    train, test = data(target="y", a=[1, 2], b=[1, 2], y=["p", "q"]), data(a=["x", "x"])
    with pytest.raises(DataError) as caught:
        aligned(train, test)
    lacking, other_type = str(caught.value).split("\n")
    assert lacking.startswith("test.csv: lacks 'b', 'y', which the training rows have; without the target nothing")
    assert "column 'a' is of type integer in train.csv and category in test.csv; declare it under" in other_type


def series(values, lengths=None, channels=None):
    said = {"length_column": "length"} if lengths is not None else {}
    said |= {"channels": channels} if channels else {}
    columns = {} if lengths is None else {"length": lengths}
    columns["label"] = ["p", "q"][: len(values)]
    arrays = {"series": np.array(values, dtype=np.float32)}
    return data(arrays, declared={"arrays": {"series": said}}, **columns)


def test_padded_series_get_equally_many_steps():
    short, long = series([[[1], [2]], [[3], [0]]], [2, 1]), series([[[4], [5], [6]], [[7], [8], [0]]], [3, 2])
    for first, second in ((short, long), (long, short)):
        train, test, _ = aligned(first, second)
        assert train.schema.arrays == test.schema.arrays
        assert train.arrays["series"].shape == test.arrays["series"].shape == (2, 3, 1)
        assert train.schema.arrays["series"].shape == (3, 1)
    assert test.arrays["series"][:, :, 0].tolist() == [[1, 2, 0], [3, 0, 0]]


def test_series_of_equal_lengths_fit_those_of_unequal_ones():
    equal, unequal = series([[[1], [2]], [[3], [4]]]), series([[[4], [5], [6]], [[7], [8], [0]]], [3, 2])
    for first, second in ((equal, unequal), (unequal, equal)):
        train, test, notes = aligned(first, second)
        assert train.schema == test.schema
        assert sorted([*train.frame["length"], *test.frame["length"]]) == [2, 2, 2, 3]
        assert train.schema.arrays["series"].length_column == "length"
        assert notes == []


def test_a_column_of_that_name_is_not_taken_for_lengths():
    other = data({"series": np.zeros((2, 2, 1), np.float32)}, label=["p", "q"], length=[1, 2])
    with pytest.raises(DataError, match=r"another length column: length in train.csv, None in it"):
        aligned(series([[[4], [5]], [[7], [0]]], [2, 1]), other)


@pytest.mark.parametrize(
    ("test", "says"),
    [
        (series([[[1], [2], [3]], [[4], [5], [6]]]), r"another shape: 2 x 1 in train.csv, 3 x 1 in it"),
        (series([[[1, 1], [2, 2]], [[3, 3], [4, 4]]]), r"another shape: 2 x 1 in train.csv, 2 x 2 in it"),
        (
            series([[[1], [2]], [[3], [4]]], channels={"volt": {"type": "number"}}),
            r"another channels: 'channel 1' \(number\) in train.csv, 'volt' \(number\) in it",
        ),
    ],
)
def test_arrays_of_another_form_are_refused(test, says):
    with pytest.raises(DataError, match=says):
        aligned(series([[[1], [2]], [[3], [4]]]), test)


def test_a_channels_labels_are_numbered_alike():
    def of(labels, values):
        return series([values, values], channels={"state": {"type": "category", "categories": labels}})

    train, test, _ = aligned(of(["off", "on"], [[0], [1]]), of(["on", "broken"], [[0], [1]]))
    assert test.schema.arrays["series"].channels["state"].categories == ("off", "on", "broken")
    assert test.arrays["series"][0].tolist() == [[1], [2]]
    assert train.arrays["series"][0].tolist() == [[0], [1]]


def test_tokens_are_numbered_alike():
    def of(names, tokens):
        said = {"arrays": {"items": {"vocabulary": names, "length_column": "length"}}}
        return data({"items": np.array(tokens, dtype=np.int32)}, declared=said, length=[2, 1])

    train, test, _ = aligned(of(["-", "egg", "jam"], [[1, 2], [2, 0]]), of(["-", "jam", "tea"], [[2, 1], [1, 0]]))
    assert train.schema.arrays["items"].vocabulary == ("-", "egg", "jam", "tea")
    assert test.arrays["items"].tolist() == [[3, 2], [2, 0]]
    assert train.arrays["items"].tolist() == [[1, 2], [2, 0]]


def test_a_stored_type_that_the_other_file_has_not_is_not_kept():
    said = {"columns": {"a": {"stored_as": {"arrow": "int8"}}}}
    small = data(a=[1, 2], declared=said)
    train, _, _ = aligned(small, data(a=[300, 4]))
    assert train.schema.columns["a"].stored_as is None
    train, _, _ = aligned(small, data(a=[3, 4], declared=said))
    assert train.schema.columns["a"].stored_as.arrow == "int8"
