"""Dates that the data has as integers, and dates of declared formats."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from augment.data import Column, Dataset, Schema, SchemaDeclaration, conform, infer, observe, snap
from augment.data.dates import as_written, infer_date_format, is_numeric
from augment.data.snapping import snap_rows
from augment.errors import DataError

DAYS = pd.date_range("2023-12-25", periods=60).strftime("%Y%m%d").astype(int).tolist()
FLIGHTS = [hour * 100 + minute for hour in range(5, 24) for minute in (3, 17, 55)]
RNG = np.random.default_rng(0)


def column_of(values, name="x", **said) -> Column:
    declared = SchemaDeclaration.model_validate(said)
    return infer(pd.DataFrame({name: values}), declared=declared).columns[name]


@pytest.mark.parametrize(
    ("values", "date_format"),
    [
        (DAYS, "%Y%m%d"),
        ([float(DAYS[0]), None, float(DAYS[40])], "%Y%m%d"),
        (pd.array([DAYS[0], DAYS[9], None], dtype="Int64"), "%Y%m%d"),
        ([day * 10_000 + 2359 for day in DAYS], "%Y%m%d%H%M"),
        ([day * 1_000_000 + 235959 for day in DAYS], "%Y%m%d%H%M%S"),
        (FLIGHTS, "%H%M"),
        ([0, 30, *range(100, 2400, 100), *range(130, 2400, 100)], "%H%M"),
    ],
)
def test_integers_that_are_all_dates_or_times_of_day_are_read_as_such_and_come_back(values, date_format):
    column = column_of(values)
    assert (column.type, column.date_format) == ("datetime", date_format)
    dataset = Dataset.of(pd.DataFrame({"x": values}), {}, Schema(columns={"x": column}))
    written = as_written(dataset.frame["x"], column)
    assert written.tolist() == pd.Series(values).astype("Int64").tolist()
    assert snap(dataset.frame["x"], column).equals(dataset.frame["x"])
    (note,) = (one for one in observe(dataset.schema, dataset.frame)[1] if "{type: integer}" in one)
    assert date_format in note


@pytest.mark.parametrize(
    ("values", "what"),
    [
        ([*DAYS, 20240230], "a day that does not exist"),
        ([18000101, 20240101], "too early"),
        ([-20240101, -20240102], "negative"),
        (list(range(10_000_000, 10_000_060)), "a number of 8 digits"),
        (list(range(60)), "counts below 60"),
        (list(range(0, 2400, 50)), "multiples of 50"),
        ([25 * n for n in range(90)], "multiples of 25"),
        (np.round(RNG.lognormal(6, 0.6, 400)).astype(int), "amounts"),
        (FLIGHTS[:30], "too few times"),
        ([*FLIGHTS, 2400], "a time that does not exist"),
    ],
)
def test_other_integers_stay_integers(values, what):
    column = column_of(values)
    assert (column.type, column.date_format) == ("integer", None), what


def test_a_column_that_is_called_a_time_needs_fewer_of_them():
    assert column_of(FLIGHTS[:10], "dep_time").date_format == "%H%M"
    assert column_of(FLIGHTS[:9], "dep_time").type == "integer"
    assert column_of(FLIGHTS[:10], "sometimes_paid").date_format is None


def test_ids_targets_and_declared_integers_are_not_taken_for_dates():
    assert column_of(DAYS, "id").type == "id"
    assert column_of(DAYS, target="x").type == "integer"
    assert column_of(DAYS, columns={"x": {"type": "integer"}}).type == "integer"


def test_what_is_declared_a_date_needs_no_more_evidence():
    said = {"columns": {"x": {"type": "datetime"}}}
    assert column_of(["0930", "1245"], **said).date_format == "%H%M"
    assert column_of([DAYS[0]], **said).date_format == "%Y%m%d"
    assert column_of(["2024-01-01"], **said).date_format is None


def test_dates_are_read_as_their_format_says_and_a_wrong_one_is_refused_with_an_example():
    schema = Schema(columns={"x": Column(type="datetime", date_format="%d.%m.%Y")})
    frame = conform(pd.DataFrame({"x": ["01.02.2024", None]}), schema)
    assert frame["x"].tolist() == [pd.Timestamp("2024-02-01"), pd.NaT]
    assert as_written(frame["x"], schema.columns["x"]).equals(frame["x"])
    assert as_written(frame["x"], schema.columns["x"], words=True).tolist()[0] == "01.02.2024"
    with pytest.raises(
        DataError, match=r"data row 2: '2024-02-30' is not of type datetime; write dates as 31\.12\.2024"
    ):
        conform(pd.DataFrame({"x": ["01.02.2024", "2024-02-30"]}), schema)


def test_a_date_format_makes_a_column_one_of_dates_and_no_other_type_has_it():
    assert column_of(["2024", "2023"], columns={"x": {"date_format": "%Y"}}).type == "datetime"
    with pytest.raises(DataError, match="a `date_format`, and its type is integer; only a datetime can have it"):
        column_of(DAYS, columns={"x": {"type": "integer", "date_format": "%Y%m%d"}})
    with pytest.raises(ValueError, match="is not a way of writing dates"):
        column_of(DAYS, columns={"x": {"date_format": "yyyymmdd"}})


def test_synthetic_dates_lose_what_their_format_does_not_write_and_stay_writable():
    schema = Schema(columns={"x": Column(type="datetime", date_format="%Y%m%d")})
    far = np.array(["2024-02-29T18:00", "NaT", "0021-01-01", "-9999-01-01", "29999-01-01"], "datetime64[us]")
    snapped = snap_rows(pd.DataFrame({"x": far}), schema)["x"]
    assert snapped[0] == pd.Timestamp("2024-02-29")
    assert as_written(snapped, schema.columns["x"]).tolist()[2:] == [10000101, 10000101, 99991231]


def test_a_zone_is_read_and_cannot_be_written_again():
    column = Column(type="datetime", date_format="%Y-%m-%d %H:%M %z")
    schema = Schema(columns={"x": column})
    frame = conform(pd.DataFrame({"x": ["2024-01-01 12:00 +0200", "2024-07-01 12:00 +0300"]}), schema)
    assert frame["x"].dt.hour.tolist() == [10, 9]
    assert as_written(frame["x"], column, words=True).equals(frame["x"])
    assert snap(frame["x"], column).equals(frame["x"])


def test_formats_of_digits_alone_are_integers():
    assert [is_numeric(one) for one in ("%Y%m%d", "%H%M", "%d.%m.%Y", "%b%Y")] == [True, True, False, False]


def test_no_values_are_no_dates():
    assert infer_date_format(pd.Series([None, None], dtype="Int64")) is None


MONTHS = [int(f"{year}{month:02}") for year in (2023, 2024) for month in range(1, 13)]


def test_integers_that_are_all_months_are_dates_if_there_are_enough():
    assert column_of(MONTHS).date_format == "%Y%m"
    assert column_of(MONTHS[:11] * 2).type == "integer"
    assert column_of([*MONTHS, 202413]).type == "integer"
    assert column_of([190001, 200100, 205050, 198800] * 6).type == "integer"
    column = column_of(MONTHS)
    values = conform(pd.DataFrame({"x": MONTHS}), Schema(columns={"x": column}))["x"]
    assert values[1] == pd.Timestamp("2023-02-01")
    assert as_written(values + pd.Timedelta(days=3), column).tolist() == MONTHS


@pytest.mark.parametrize(("size", "unit"), [(1, "seconds"), (10**3, "milliseconds"), (10**9, "nanoseconds")])
def test_times_since_1970_are_integers_with_a_note(size, unit):
    frame = pd.DataFrame({"created_at": [(1_700_000_000 + 3600 * n) * size for n in range(30)]})
    schema, notes = observe(infer(frame), frame)
    assert schema.columns["created_at"].type == "integer"
    assert any(f"column 'created_at' looks like {unit} since 1970, and is learnt as a number" in note for note in notes)
    frame = frame.rename(columns={"created_at": "population"})
    assert not any("since 1970" in note for note in observe(infer(frame), frame)[1])
