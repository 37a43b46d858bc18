from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from augment.data import Column, Dataset, Schema
from augment.errors import DataError
from augment.plugin.state import read_state, write_state
from augment.toolkit.tables.matrix import TableEncoder


def dataset(target: str | None = None, **columns: tuple[Column, list]) -> Dataset:
    schema = Schema(columns={name: column for name, (column, _) in columns.items()}, target=target)
    dtypes = {name: "Int64" if column.type == "integer" else "object" for name, (column, _) in columns.items()}
    frame = pd.DataFrame({name: pd.Series(values, dtype=dtypes[name]) for name, (_, values) in columns.items()})
    return Dataset.of(frame, {}, schema)


def assert_comes_back(data: Dataset, **how) -> None:
    encoder = TableEncoder.fit(data, **how)
    decoded = encoder.decode(encoder.encode(data.frame))
    pd.testing.assert_frame_equal(decoded, data.frame[encoder.columns], check_exact=True, check_categorical=True)


NUMBER = Column(type="number")
INTEGER = Column(type="integer")
CATEGORY = Column(type="category")
BOOLEAN = Column(type="boolean")
DATETIME = Column(type="datetime")

missing = st.none()
decimal_numbers = st.integers(-(10**9), 10**9).map(lambda units: units / 1000)
instants = st.integers(-(10**15), 3 * 10**15).map(lambda us: pd.Timestamp(us, unit="us"))


def walk_columns(values: st.SearchStrategy) -> st.SearchStrategy:
    return st.lists(values | missing, min_size=1, max_size=30)


@pytest.mark.parametrize("how", ["one-hot", "code"])
@settings(max_examples=40)
@given(
    rows=st.lists(
        st.tuples(
            decimal_numbers | missing,
            st.integers(-(2**63), 2**63 - 1) | missing,
            st.text(max_size=3) | missing,
            st.booleans() | missing,
            instants | missing,
        ),
        min_size=1,
        max_size=25,
    )
)
def test_every_type_comes_back_exactly(how: str, rows: list) -> None:
    types = {"number": NUMBER, "integer": INTEGER, "category": CATEGORY, "boolean": BOOLEAN, "datetime": DATETIME}
    data = dataset(
        **{name: (types[name], list(values)) for name, values in zip(types, zip(*rows, strict=True), strict=True)}
    )
    assert_comes_back(data, categories=how)


@settings(max_examples=50)
@given(start=st.integers(-(2**62), 2**62), steps=st.lists(st.integers(0, 2**50 - 1), min_size=1, max_size=20))
def test_large_integers_close_together_take_one_column_and_come_back(start: int, steps: list[int]) -> None:
    data = dataset(stamp=(INTEGER, [start + step for step in steps]))
    assert TableEncoder.fit(data).num_outputs == 1
    assert_comes_back(data)


@settings(max_examples=50)
@given(values=walk_columns(st.floats(-1e12, 1e12, allow_subnormal=False)))
def test_numbers_of_any_precision_come_back_to_the_last_bit_of_the_largest(values: list) -> None:
    data = dataset(x=(NUMBER, values))
    encoder = TableEncoder.fit(data)
    decoded = encoder.decode(encoder.encode(data.frame)).x.to_numpy()
    true = data.frame.x.to_numpy()
    largest = np.nanmax(np.abs(true), initial=0.0)
    np.testing.assert_array_equal(np.isnan(decoded), np.isnan(true))
    np.testing.assert_allclose(decoded, true, rtol=0, atol=4 * np.spacing(largest))


@pytest.mark.parametrize("largest", [1e300, 1.0, 1e-300, 5e-324])
def test_extreme_magnitudes_are_encoded_to_finite_numbers(largest: float) -> None:
    data = dataset(x=(NUMBER, [largest, 0.0, -largest]))
    encoder = TableEncoder.fit(data)
    matrix = encoder.encode(data.frame)
    assert np.isfinite(matrix).all()
    assert encoder.decode(matrix).x.tolist() == [largest, 0.0, -largest]


def test_small_numbers_are_not_lost_beside_large_ones() -> None:
    values = [1e-12, 3.7e-5, 0.0, 1.0, 2.5e11]
    data = dataset(x=(NUMBER, values))
    encoder = TableEncoder.fit(data)
    matrix = encoder.encode(data.frame)
    np.testing.assert_allclose(encoder.decode(matrix).x, values, rtol=1e-14, atol=0)
    between = encoder.decode((matrix[:1] + matrix[1:2]) / 2).x[0]
    assert between == pytest.approx((1e-12 + 3.7e-5) / 2, rel=1e-9)


def test_values_that_were_not_fitted_come_back_too() -> None:
    train = dataset(count=(INTEGER, [1, 2, 3]), day=(DATETIME, ["2024-01-01", "2024-01-03", None]))
    fresh = dataset(count=(INTEGER, [10_000_000, -5]), day=(DATETIME, ["1970-01-01", "2150-12-31"]))
    encoder = TableEncoder.fit(train)
    decoded = encoder.decode(encoder.encode(fresh.frame))
    assert decoded["count"].tolist() == [10_000_000, -5]
    assert decoded["day"].tolist() == fresh.frame["day"].tolist()


def test_numbers_are_standardised() -> None:
    rng = np.random.default_rng(0)
    data = dataset(
        income=(NUMBER, list(rng.normal(50_000, 9_000, 500))),
        age=(INTEGER, list(rng.integers(18, 90, 500))),
        day=(DATETIME, [pd.Timestamp("2020-01-01") + pd.Timedelta(days=int(d)) for d in rng.integers(0, 900, 500)]),
    )
    matrix = TableEncoder.fit(data).encode(data.frame)
    np.testing.assert_allclose(matrix.mean(axis=0), 0, atol=0.05)
    np.testing.assert_allclose(matrix.std(axis=0), 1, atol=1e-9)


def test_missing_numbers_are_the_mean_beside_an_indicator() -> None:
    data = dataset(x=(NUMBER, [1.0, None, 3.0]))
    assert TableEncoder.fit(data).encode(data.frame).tolist() == [[-1, 0], [0, 1], [1, 0]]


def test_a_missing_number_where_none_was_fitted_is_the_mean() -> None:
    encoder = TableEncoder.fit(dataset(x=(NUMBER, [1.0, 3.0])))
    assert encoder.encode(dataset(x=(NUMBER, [None])).frame).tolist() == [[0]]


def test_categories_are_one_hot_in_the_order_of_the_schema() -> None:
    data = dataset(c=(Column(type="category", categories=("z", "a", "m")), ["a", "z"]))
    assert TableEncoder.fit(data).encode(data.frame).tolist() == [[0, 1, 0], [1, 0, 0]]


def test_codes_count_levels_in_the_order_of_the_schema_and_missing_is_the_last() -> None:
    data = dataset(c=(Column(type="category", categories=("z", "a")), ["a", "z", None]))
    encoder = TableEncoder.fit(data, categories="code")
    assert encoder.encode(data.frame).tolist() == [[1], [0], [2]]
    assert encoder.levels("c") == ("z", "a", None)


def test_an_unknown_category_is_all_zero_and_comes_back_missing() -> None:
    encoder = TableEncoder.fit(dataset(c=(Column(type="category", categories=("a", "b")), ["a", "b"])))
    stranger = dataset(c=(CATEGORY, ["q", "b"]))
    matrix = encoder.encode(stranger.frame)
    assert matrix.tolist() == [[0, 0], [0, 1]]
    assert encoder.decode(matrix).c.isna().tolist() == [True, False]


def test_an_integer_with_classes_is_encoded_as_labels_and_comes_back_as_integers() -> None:
    data = dataset(target="y", y=(Column(type="integer", categories=("0", "1", "7")), [7, 0, 1]))
    encoder = TableEncoder.fit(data, ["y"])
    assert encoder.encode(data.frame).tolist() == [[0, 0, 1], [1, 0, 0], [0, 1, 0]]
    assert_comes_back(data, columns=["y"])


def test_a_network_s_output_becomes_valid_rows() -> None:
    data = dataset(
        price=(Column(type="number", decimals=2, min=0), [1.25, 3.5]),
        count=(Column(type="integer", max=4), [1, 4]),
        kind=(CATEGORY, ["a", "b"]),
        on=(BOOLEAN, [True, False]),
        day=(DATETIME, ["2024-01-01", "2024-03-01"]),
    )
    encoder = TableEncoder.fit(data)
    rows = encoder.decode(np.random.default_rng(0).normal(0, 3, (50, encoder.num_outputs)).astype(np.float32))
    assert rows.price.min() >= 0
    assert (rows.price.round(2) == rows.price).all()
    assert rows["count"].dtype == "int64"
    assert rows["count"].max() <= 4
    assert set(rows.kind) == {"a", "b"}
    assert str(rows.on.dtype) == "boolean"
    assert (rows.day == rows.day.dt.normalize()).all()


def test_wild_outputs_do_not_overflow() -> None:
    data = dataset(
        n=(INTEGER, [2**62, 2**62 + 9]), wide=(INTEGER, [-(2**63), 2**63 - 1]), day=(DATETIME, ["2024-01-01"] * 2)
    )
    encoder = TableEncoder.fit(data)
    rows = encoder.decode(np.array([[1e30] * 4, [-1e30] * 4]))
    assert rows["wide"].tolist() == [2**63 - 1, -(2**63)]
    assert rows["n"].tolist()[0] > 2**62 > rows["n"].tolist()[1]


@pytest.mark.parametrize("matrix", [np.zeros((2, 5)), np.full((2, 1), np.nan), np.full((2, 1), np.inf)])
def test_a_matrix_that_cannot_be_decoded_is_refused(matrix: np.ndarray) -> None:
    encoder = TableEncoder.fit(dataset(x=(NUMBER, [1.0, 2.0])))
    with pytest.raises(ValueError, match="matrix"):
        encoder.decode(matrix)


@pytest.mark.parametrize("column", [NUMBER, INTEGER, CATEGORY, BOOLEAN, DATETIME], ids=lambda column: column.type)
@pytest.mark.parametrize("num_rows", [1, 3])
def test_a_column_without_any_value_comes_back(column: Column, num_rows: int) -> None:
    assert_comes_back(dataset(x=(column, [None] * num_rows)))


@pytest.mark.parametrize(
    ("column", "value"),
    [(NUMBER, 0.1), (INTEGER, -7), (CATEGORY, ""), (BOOLEAN, True), (DATETIME, "1999-12-31 23:59:59.999999")],
)
@pytest.mark.parametrize("num_rows", [1, 3])
def test_a_constant_column_comes_back(column: Column, value: object, num_rows: int) -> None:
    assert_comes_back(dataset(x=(column, [value] * num_rows)))


def test_no_rows_can_be_encoded_and_decoded() -> None:
    data = dataset(x=(NUMBER, [1.0]), c=(CATEGORY, ["a"]), d=(DATETIME, ["2024-01-01"]), n=(INTEGER, [1]))
    encoder = TableEncoder.fit(data)
    empty = data.take(slice(0, 0)).frame
    assert encoder.decode(encoder.encode(empty)).shape == (0, 4)


def test_text_ids_and_the_target_are_left_out() -> None:
    data = dataset(
        target="y",
        x=(NUMBER, [1.0]),
        note=(Column(type="text"), ["hello"]),
        key=(Column(type="id"), ["k1"]),
        y=(CATEGORY, ["a"]),
    )
    assert TableEncoder.fit(data).columns == ["x"]
    assert TableEncoder.fit(data, ["y", "x"]).columns == ["y", "x"]


@pytest.mark.parametrize(("name", "reason"), [("note", "is of type text"), ("nope", "is not in the data")])
def test_a_column_that_has_no_encoding_is_refused_by_name(name: str, reason: str) -> None:
    with pytest.raises(DataError, match=f"{name}.*{reason}"):
        TableEncoder.fit(dataset(note=(Column(type="text"), ["hello"])), [name])


def test_slices_and_the_categorical_mask_say_what_lies_where() -> None:
    data = dataset(x=(NUMBER, [1.0, None]), c=(CATEGORY, ["a", "b"]), n=(INTEGER, [1, 2]))
    encoder = TableEncoder.fit(data)
    assert encoder.slices == {"x": slice(0, 2), "c": slice(2, 4), "n": slice(4, 5)}
    assert encoder.categorical.tolist() == [False, True, True, True, False]


def test_the_state_survives_the_disk(tmp_path) -> None:
    data = dataset(
        x=(NUMBER, [0.1, None]),
        c=(CATEGORY, ["a", None]),
        n=(INTEGER, [1, 2]),
        wide=(INTEGER, [-(2**63), 2**63 - 1]),
        day=(DATETIME, ["2024-01-01", "2024-01-02"]),
    )
    encoder = TableEncoder.fit(data)
    write_state(tmp_path, *encoder.to_state())
    again = TableEncoder.from_state(*read_state(tmp_path))
    matrix = encoder.encode(data.frame)
    np.testing.assert_array_equal(again.encode(data.frame), matrix)
    pd.testing.assert_frame_equal(again.decode(matrix), data.frame)
