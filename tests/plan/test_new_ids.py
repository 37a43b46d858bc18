from __future__ import annotations

import uuid

import pandas as pd
import pytest

from augment.plan.new_ids import NewIds

REAL = {
    "integers": pd.Series([50, 7, None], dtype="Int64"),
    "negative integers": pd.Series([-5, -9]),
    "integers up to the last": pd.Series([2**63 - 1, 5]),
    "texts of digits": pd.Series(["50", "7", None], dtype="str"),
    "texts": pd.Series(["C-100", "C-101"], dtype="str"),
    "codes": pd.Series(["007", "008"], dtype="str"),
    "augmented before": pd.Series(["C-100", "synthetic-0", "synthetic-9"], dtype="str"),
    "UUIDs": pd.Series([str(uuid.UUID(int=n, version=4)) for n in range(5)], dtype="str"),
}
FIRST = {
    "integers": 51,
    "negative integers": -4,
    "integers up to the last": 6,
    "texts of digits": "51",
    "texts": "synthetic-0",
    "codes": "synthetic-0",
    "augmented before": "synthetic-10",
}


@pytest.mark.parametrize("what", REAL)
def test_new_ids_are_of_the_type_of_the_real_ones_and_occur_in_no_row(what: str) -> None:
    real = REAL[what]
    ids = NewIds.after(real)
    made = pd.concat([ids.take(0, 3), ids.take(3, 2)], ignore_index=True)
    assert made.is_unique
    assert not set(made) & set(real.dropna())
    assert pd.api.types.is_integer_dtype(made.dtype) == pd.api.types.is_integer_dtype(real.dtype)
    if what in FIRST:
        assert made[0] == FIRST[what]
    assert ids.without(3).take(0, 2).tolist() == made[3:].tolist()


def test_uuids_stay_uuids_and_are_others_for_other_rows() -> None:
    real = REAL["UUIDs"]
    made = NewIds.after(real).take(0, 4)
    assert all(str(uuid.UUID(text)) == text for text in made)
    more = NewIds.after(pd.concat([real, made])).take(0, 4)
    assert not set(made) & set(more)


def test_a_column_without_ids_begins_at_0() -> None:
    assert NewIds.after(pd.Series([], dtype="int64")).take(0, 2).tolist() == [0, 1]
