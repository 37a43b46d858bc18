"""What an array of a dataset is: the channels of series above all."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from example_data import dataset

from augment.data import ArrayDeclaration, Dataset, SchemaDeclaration, check, infer
from augment.data.arrays import met_in_training
from augment.data.conformity import valid_rows
from augment.errors import DataError
from augment.plugin.accepts import Accepts

NAN = np.nan


def of(values, lengths=None, **said) -> Dataset:
    """A dataset of one array `series` (N, T, F), with a column `length` where lengths are given."""
    values = np.asarray(values, np.float32)
    frame = pd.DataFrame({} if lengths is None else {"length": lengths}, index=pd.RangeIndex(len(values)))
    if lengths is not None:
        said["length_column"] = "length"
    return dataset(frame, {"series": values}, arrays={"series": said})


def channels(data: Dataset):
    return data.schema.arrays["series"].channels


def problems(data: Dataset, values) -> list[str]:
    return check(data.frame, {"series": np.asarray(values, np.float32)}, data.schema)


def valid(data: Dataset, values) -> list[bool]:
    return valid_rows(data.frame, {"series": np.asarray(values, np.float32)}, data.schema).tolist()


def test_channels_that_nobody_names_are_numbered():
    assert list(channels(of(np.zeros((2, 3, 2))))) == ["channel 1", "channel 2"]


def test_decimals_and_missing_values_are_observed_channel_by_channel():
    first, second = channels(of([[[0.1, 2], [0.25, NAN]]])).values()
    assert (first.decimals, first.nullable) == (2, False)
    assert (second.decimals, second.nullable) == (0, True)


def test_padding_is_not_observed():
    data = of([[[0.25], [NAN]], [[0.5], [0.125]]], lengths=[1, 1])
    assert channels(data)["channel 1"].nullable is False
    assert channels(data)["channel 1"].decimals == 2


def test_the_columns_that_an_array_names_are_in_the_data():
    with pytest.raises(DataError, match="its start_column 'when' is not a column of the data"):
        of(np.zeros((2, 3, 1)), start_column="when")


def test_every_channel_is_declared_or_none():
    with pytest.raises(DataError, match="has 2 channels, and 1 are declared"):
        of(np.zeros((2, 3, 2)), channels={"a": {}})


def test_a_channel_of_categories_says_which():
    with pytest.raises(DataError, match=r"channel 'a': a category needs its `categories`"):
        of(np.zeros((2, 3, 1)), channels={"a": {"type": "category"}})


@pytest.mark.parametrize("said", [{"step": 2}, {"values": "seen"}], ids=["step", "values"])
def test_a_channel_has_no_values_to_keep_to(said):
    with pytest.raises(DataError, match="channel 'a': `step` and `values` are for columns"):
        of(np.zeros((2, 3, 1)), channels={"a": said})


def test_no_channel_holds_text():
    with pytest.raises(DataError, match="type 'text' cannot stand in a series"):
        of(np.zeros((2, 3, 1)), channels={"a": {"type": "text"}})


def test_only_series_have_channels():
    frame = pd.DataFrame(index=pd.RangeIndex(2))
    declared = SchemaDeclaration.model_validate({"arrays": {"v": {"channels": {"a": {}, "b": {}}}}})
    with pytest.raises(DataError, match="only a series has channels"):
        infer(frame, {"v": np.zeros((2, 2), np.float32)}, declared)


def test_a_length_column_is_a_column():
    with pytest.raises(DataError, match="length_column 'n' is not a column"):
        of(np.zeros((2, 3, 1)), length_column="n")


def test_lengths_leave_out_padding():
    assert of(np.zeros((2, 3, 1)), lengths=[1, 3]).lengths("series").tolist() == [1, 3]
    assert of(np.zeros((2, 3, 1))).lengths("series").tolist() == [3, 3]


def test_a_length_beyond_the_room_is_told_with_its_row():
    data = of(np.zeros((2, 3, 1)), lengths=[3, 3])
    frame = data.frame.assign(length=[1, 4])
    (told,) = check(frame, data.arrays, data.schema)
    assert (
        "column 'length', data row 2: 4 is not a length of a row of array 'series', which has room for 3 steps" in told
    )


def test_a_missing_value_is_a_problem_only_where_training_has_none():
    data = of([[[1.0, NAN], [2.0, 3.0]]])
    assert problems(data, [[[1.0, NAN], [2.0, NAN]]]) == []
    (told,) = problems(data, [[[NAN, 1.0], [2.0, 3.0]]])
    assert "channel 'channel 1': values are missing" in told


def test_infinite_values_are_a_problem():
    assert problems(of([[[1.0]]]), [[[np.inf]]]) == ["array 'series' holds infinite numbers"]


def test_bounds_of_a_channel_hold_but_in_padding_and_gaps():
    data = of(np.ones((3, 2, 1)), lengths=[2, 1, 2], channels={"a": {"min": 1, "max": 2, "nullable": True}})
    assert valid(data, [[[1], [2]], [[1], [0]], [[NAN], [3]]]) == [True, True, False]


def test_categories_booleans_and_integers_hold_their_whole_numbers_only():
    said = {"a": {"categories": ["x", "y"]}, "b": {"type": "boolean"}, "c": {"type": "integer"}}
    data = of(np.zeros((5, 1, 3)), channels=said)
    rows = [[[1, 1, 7]], [[2, 0, 0]], [[0, 2, 0]], [[0, 0, 0.5]], [[0.5, 0, 0]]]
    assert valid(data, rows) == [True, False, False, False, False]


def test_a_component_that_takes_no_missing_values_refuses_channels_with_some():
    data = of([[[1.0], [NAN]]])
    refused = Accepts(modalities=frozenset({"series"}), missing=False).refusal(data.schema)
    assert refused == (
        "it cannot take missing values, and channel 'channel 1' of array 'series' has some; fill them in before, or "
        "use a component that takes them"
    )


def test_things_met_with_a_rating_each_are_of_kind_tokens():
    arrays = {"about": np.zeros((2, 3, 1), np.float32), "items": np.zeros((2, 3), np.int32)}
    assert infer(pd.DataFrame(index=pd.RangeIndex(2)), arrays).modality == "tokens"


def tokens(names, rows, lengths) -> Dataset:
    said = {"arrays": {"items": {"type": "tokens", "vocabulary": names, "length_column": "length"}}}
    frame = pd.DataFrame({"length": lengths})
    arrays = {"items": np.array(rows, np.int32)}
    return Dataset.of(frame, arrays, infer(frame, arrays, SchemaDeclaration.model_validate(said)))


def test_the_training_part_names_only_what_it_met():
    data = tokens(["", "d", "c", "b", "a"], [[1, 4, 0], [3, 2, 2]], [2, 2])
    (array, rows), (other, held) = met_in_training(
        data.schema.arrays["items"],
        (data.arrays["items"][:1], data.lengths("items")[:1]),
        (data.arrays["items"][1:], data.lengths("items")[1:]),
    )
    assert array.vocabulary == ("", "a", "d")
    assert other.vocabulary == ("", "a", "d", "b", "c")
    assert (rows.tolist(), held.tolist()) == ([[2, 1, 0]], [[3, 4, 4]])


def test_a_token_that_the_vocabulary_does_not_name_is_no_valid_row():
    data = tokens(["", "a"], [[1, 0], [1, 0]], [1, 1])
    made = {"items": np.array([[1, 1], [2, 0]], np.int32)}
    assert valid_rows(data.frame, made, data.schema).tolist() == [True, False]


def test_other_names_for_the_same_tokens_are_other_data():
    assert tokens(["", "a"], [[1]], [1]).fingerprint() != tokens(["", "b"], [[1]], [1]).fingerprint()


def test_parts_whose_tokens_have_other_names_are_not_put_together():
    with pytest.raises(DataError, match="tokens with other names"):
        Dataset.concat([tokens(["", "a"], [[1]], [1]), tokens(["", "b"], [[1]], [1])])
    assert len(Dataset.concat([tokens(["", "a"], [[1]], [1]), tokens(["", "a", "b"], [[2]], [1])])) == 2


def test_parts_of_other_widths_are_not_put_together():
    with pytest.raises(DataError, match="rows of another shape"):
        Dataset.concat([tokens(["", "a"], [[1]], [1]), tokens(["", "a"], [[1, 0]], [1])])


def test_what_channels_are_called_and_hold_is_part_of_the_content():
    said = ({"a": {}}, {"b": {}}, {"a": {"categories": ["x"]}}, {"a": {"categories": ["y"]}})
    assert len({of(np.zeros((1, 2, 1)), channels=channels).fingerprint() for channels in said}) == len(said)


def test_pixels_of_16_bits_are_refused_with_what_to_do():
    images = {"image": np.zeros((4, 8, 8, 1), np.uint16)}
    with pytest.raises(DataError, match=r"type uint16.*range 0 to 255 and save them as uint8"):
        infer(pd.DataFrame(index=range(4)), images)


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (np.zeros((2, 4, 4, 3), np.uint8), "image"),
        (np.zeros((2, 4, 3), np.float32), "series"),
        (np.zeros((2, 4), np.float32), "vector"),
        (np.zeros((2, 4), np.int32), "tokens"),
    ],
)
def test_the_type_of_an_array_follows_its_shape_and_dtype(values, kind):
    array = infer(pd.DataFrame(index=range(2)), {"a": values}).arrays["a"]
    assert (array.type, array.shape, array.dtype) == (kind, values.shape[1:], str(values.dtype))


def test_an_array_that_fits_no_type_is_refused_with_its_shape():
    with pytest.raises(DataError, match=r"'a' has shape \(2, 4, 4, 3\) and type float32"):
        infer(pd.DataFrame(index=range(2)), {"a": np.zeros((2, 4, 4, 3), np.float32)})


def test_an_array_can_be_declared_audio():
    declared = SchemaDeclaration(arrays={"a": ArrayDeclaration(type="audio", rate=8000)})
    schema = infer(pd.DataFrame(index=range(2)), {"a": np.zeros((2, 9), np.float32)}, declared)
    assert (schema.modality, schema.arrays["a"].rate) == ("audio", 8000)
