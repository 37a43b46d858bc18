from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from augment.data import Array, Column, Dataset, Schema
from augment.errors import DataError
from augment.plan.independent_units import NUM_BLOCKS, cut_blocks, find_units
from augment.spec.models import Split


def table(x, **columns) -> Dataset:
    frame = pd.DataFrame({"x": x, "y": np.resize(["a", "b"], len(x)), **columns})
    types = {"y": "category", "x": "number" if isinstance(x[0], float) else "category"}
    schema = Schema(columns={name: Column(type=types.get(name, "integer")) for name in frame}, target="y")
    return Dataset.of(frame, {}, schema)


def recordings(windows) -> Dataset:
    values = np.asarray(windows, dtype=np.float32)[:, :, None]
    schema = Schema(columns={}, arrays={"values": Array(type="series", shape=values.shape[1:], dtype="float32")})
    return Dataset.of(pd.DataFrame(index=range(len(values))), {"values": values}, schema)


def test_rows_are_units_where_nothing_says_otherwise():
    units, notes = find_units(table([0.5 * n for n in range(20)]), Split())
    assert (units.count, units.name, notes) == (20, "rows", [])


def test_the_rows_of_a_group_are_one_unit():
    units, _ = find_units(table([0.5 * n for n in range(20)], patient=np.resize([3, 1, 2], 20)), Split(group="patient"))
    assert (units.count, units.name) == (3, "groups by 'patient'")
    assert len({tuple(units.codes[at::3]) for at in range(3)}) == 3


def test_with_time_the_units_are_blocks_in_order_and_every_moment_is_whole():
    when = np.repeat(np.arange(30), 4)[::-1].copy()
    units, _ = find_units(table([0.5 * n for n in range(120)], when=when), Split(time="when"))
    assert (units.count, units.name) == (NUM_BLOCKS, "blocks of time")
    blocks = pd.Series(units.codes).groupby(when).agg(["min", "max"])
    assert (blocks["min"] == blocks["max"]).all()
    assert blocks["min"].is_monotonic_increasing


def test_few_moments_are_few_blocks():
    assert cut_blocks(np.repeat([1, 2, 3], 20), 10).max() == 2


def test_equal_rows_are_one_unit():
    units, notes = find_units(table([0.5, 0.5, *(0.7 * n for n in range(2, 20))], z=[1, 1, *range(18)]), Split())
    assert units.count == 20  # their classes differ
    units, notes = find_units(table([0.5, 9.0, 0.5, *(0.7 * n for n in range(3, 20))]), Split())
    assert (units.count, units.name) == (19, "different rows")
    assert units.codes[0] == units.codes[2]
    assert notes == ["1 of 20 held-out rows equal others; equal rows count as one"]


def test_rows_of_a_few_categories_are_equal_by_chance_unless_the_split_says_otherwise():
    data = table(["u", "v"] * 20)
    assert find_units(data, Split())[0].count == 40
    assert find_units(data, Split(dedupe="group"))[0].count == 2


def test_overlapping_windows_of_a_recording_are_one_unit():
    rng = np.random.default_rng(0)
    one, other = rng.normal(size=(2, 400))
    windows = [one[start : start + 64] for start in range(0, 300, 40)]  # 24 steps are shared
    windows += [other[start : start + 64] for start in range(0, 300, 64)]
    units, notes = find_units(recordings(windows), Split())
    assert (units.count, units.name) == (1 + 5, "sets of overlapping windows")
    assert "8 of 13 held-out series share a stretch of values" in notes[0]


def sounds(rows) -> Dataset:
    values = np.asarray(rows, dtype=np.float32)
    schema = Schema(columns={}, arrays={"audio": Array(type="audio", shape=values.shape[1:], dtype="float32")})
    return Dataset.of(pd.DataFrame(index=range(len(values))), {"audio": values}, schema)


def test_overlapping_windows_of_sound_are_one_unit_wherever_they_begin():
    rng = np.random.default_rng(0)
    one, other = rng.uniform(-1, 1, size=(2, 20_000))
    windows = [one[start : start + 4000] for start in range(0, 16_000, 3_001)]  # 999 samples are shared
    windows += [other[start : start + 4000] for start in range(0, 20_000, 4000)]
    units, notes = find_units(sounds(windows), Split())
    assert (units.count, units.name) == (1 + 5, "sets of overlapping windows")
    assert "6 of 11 held-out" in notes[0]


def test_quiet_noise_of_few_levels_is_not_taken_for_windows():
    rng = np.random.default_rng(0)
    quiet = rng.integers(-1, 2, size=(400, 4000)) / 32768
    quiet[:, 2000:] = 0
    assert find_units(sounds(quiet), Split())[0].count == 400


def test_series_that_stand_still_or_have_few_levels_are_not_taken_for_windows():
    rng = np.random.default_rng(0)
    padded = np.c_[rng.normal(size=(40, 30)), np.zeros((40, 34))]
    assert find_units(recordings(padded), Split())[0].count == 40
    square = np.resize(np.repeat([0.0, 1.0], 3), (40, 64)) + np.arange(40)[:, None]
    assert find_units(recordings(square), Split())[0].count == 40


def test_a_missing_group_is_refused():
    with pytest.raises(DataError, match="data row 2 has none"):
        find_units(table([0.5, 1.5], patient=pd.array([1, None], dtype="Int64")), Split(group="patient"))
