from __future__ import annotations

import numpy as np
import pytest

from augment.plugin.context import Context
from augment_histories.shoppers import Shoppers
from augment_histories.sink import HistoriesSink


@pytest.fixture
def read(tmp_path):
    return lambda **settings: Shoppers(Shoppers.Params(**settings)).read(Context(0, tmp_path))


def test_nobody_reads_a_book_twice_and_everybody_three(read):
    data = read(users=200)
    for row, length in zip(data.arrays["items"], data.lengths("items"), strict=True):
        assert length >= 3
        assert len(set(row[:length])) == length
        assert not row[length:].any()
    assert 7 < data.lengths("items").mean() < 9


def test_volumes_are_read_in_order(read):
    data = read(users=200, volume=1.0)
    names = np.array(data.schema.arrays["items"].vocabulary, object)
    row = next(row for row in data.arrays["items"] if (row[0] - 1) % 4 == 0)
    first, second = names[row[0]].split(), names[row[1]].split()
    assert second == [first[0], f"{int(first[1]) + 1:02}"]


def test_another_number_gives_other_users(read):
    assert read(number=1).fingerprint() != read(number=2).fingerprint()
    assert read(number=1).fingerprint() == read(number=1).fingerprint()


def test_times_are_written_in_whole_seconds(read, tmp_path):
    data = read(users=20)
    (path,) = HistoriesSink().write("train", [data], data.schema, tmp_path)
    times = [line.split(",")[3] for line in path.read_text().splitlines()[1:]]
    assert {len(time) for time in times} == {len("2024-01-01 10:00:00")}
