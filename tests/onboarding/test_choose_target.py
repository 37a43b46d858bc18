from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from example_data import dataset

from augment.errors import DataError
from augment.onboarding.choose_target import choose_target, look_at


def table(num_rows=100, **columns):
    return dataset(pd.DataFrame({"x": np.linspace(0, 1, num_rows), **columns}))


@pytest.mark.parametrize("name", ["target", "Label", "CLASS", "is_fraud", "Outcome "])
def test_a_column_called_like_a_target_is_the_target(name):
    data = table(**{name: ["a", "b"] * 50, "last": ["c", "d"] * 50})
    assert choose_target(data.schema, data.frame) == (name, "chosen for its name")


def test_a_number_called_like_a_target_is_the_target():
    data = table(price=np.linspace(1, 9, 100), last=["c", "d"] * 50)
    assert choose_target(data.schema, data.frame)[0] == "price"


def test_an_amount_is_a_feature_where_there_are_classes_of_such_a_name():
    data = table(income=np.linspace(1, 9, 100), churned=["yes", "no"] * 50, price=np.linspace(2, 3, 100))
    assert choose_target(data.schema, data.frame)[0] == "churned"
    data = table(target=np.linspace(1, 9, 100), churned=["yes", "no"] * 50)
    assert choose_target(data.schema, data.frame)[0] == "target"


@pytest.mark.parametrize(
    "columns",
    [
        {"target": ["a"] * 100},
        {"label": [f"word {number}" for number in range(100)]},
        {"after": ["c", "d"] * 50, "fold": [0, 1, 2, 3] * 25},
    ],
    ids=["constant", "words that are all different", "a split"],
)
def test_what_no_model_can_predict_is_no_target_whatever_its_name(columns):
    data = table(grade=["c", "d"] * 50, **columns)
    assert choose_target(data.schema, data.frame)[0] == ("after" if "after" in columns else "grade")


def test_a_number_without_its_unit_is_no_target_unless_asked_for():
    data = table(price=np.linspace(1, 9, 100), grade=["c", "d"] * 50)
    price = data.schema.columns["price"].model_copy(update={"unit": "€"})
    schema = data.schema.model_copy(update={"columns": {**data.schema.columns, "price": price}})
    assert choose_target(schema, data.frame)[0] == "grade"


def test_otherwise_the_last_column_with_few_values_is_the_target():
    data = table(first=["a", "b"] * 50, second=np.arange(100) % 3, third=np.linspace(5, 6, 100))
    target, why = choose_target(data.schema, data.frame)
    assert target == "second"
    assert "last column with 2 to 20 values" in why


def test_labels_that_a_column_with_gaps_has_left_as_floats_can_be_the_target():
    data = table(z=np.linspace(5, 6, 100), last=[0.0, 1.0] * 50)
    assert choose_target(data.schema, data.frame)[0] == "last"


def test_numbers_alone_have_no_target():
    data = table(z=np.linspace(5, 6, 100))
    assert choose_target(data.schema, data.frame)[0] is None


@pytest.mark.parametrize(
    ("num_missing", "others", "target"),
    [(20, {}, "target"), (21, {}, "first"), (20, {"price": np.linspace(1, 9, 100)}, "price")],
)
def test_a_target_may_be_missing_in_few_rows_if_it_is_called_so(num_missing, others, target):
    cells = [*[None] * num_missing, *["c", "d"] * 50][:100]
    data = table(first=["a", "b"] * 50, target=cells, **others)
    assert choose_target(data.schema, data.frame)[0] == target


def test_a_column_with_missing_values_is_no_target_without_such_a_name():
    data = table(first=["a", "b"] * 50, last=[None, *["c", "d"] * 50][:100])
    assert choose_target(data.schema, data.frame)[0] == "first"


def test_an_id_is_no_target():
    data = table(num_rows=20, grade=["a", "b"] * 10, row_id=np.arange(20))
    assert data.schema.columns["row_id"].type == "id"
    assert choose_target(data.schema, data.frame)[0] == "grade"


def test_what_is_asked_for_is_the_target():
    data = table(target=["a", "b"] * 50, grade=["c", "d"] * 50)
    assert look_at(data, "grade").schema.target == "grade"


def test_an_asked_target_that_is_not_there_is_refused_with_a_hint():
    with pytest.raises(DataError, match="did you mean 'grade'"):
        look_at(table(grade=["c", "d"] * 50), "grad")


def test_an_asked_target_of_no_classes_or_numbers_is_refused():
    with pytest.raises(DataError, match="'day' is of type datetime, and models predict classes or numbers"):
        look_at(table(day=pd.date_range("2024-01-01", periods=100)), "day")


def test_rows_without_the_asked_target_are_counted_and_not_looked_at():
    look = look_at(table(grade=["c", None, "d", "d"] * 25), "grade")
    assert (look.num_without_target, len(look.dataset)) == (25, 75)
    assert look.counts == {"c": 25, "d": 50}
    with pytest.raises(DataError, match="no value in any row"):
        look_at(table(grade=[None] * 100), "grade")


def test_the_target_of_the_source_is_kept():
    frame, arrays = pd.DataFrame({"label": ["cat", "dog"] * 5}), {"image": np.zeros((10, 4, 4, 1), np.uint8)}
    look = look_at(dataset(frame, arrays, target="label"), None)
    assert (look.schema.target, look.why) == ("label", "as the source says")


def test_the_rows_of_each_class_are_counted():
    assert look_at(table(label=["a"] * 70 + ["b"] * 30), None).counts == {"a": 70, "b": 30}


def test_a_target_without_any_value_is_refused_with_the_way_out():
    with pytest.raises(DataError, match="target 'y' has no value in any row; name another"):
        look_at(table(y=pd.Series([None] * 100, dtype="str")), "y")


def test_an_asked_target_of_one_value_is_refused():
    with pytest.raises(DataError, match="target 'y' has one value in all rows, so there is nothing to predict; name"):
        look_at(table(y=[2.5] * 99 + [None], x=["a", "b"] * 50), "y")
