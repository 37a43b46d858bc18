"""Random tables in random dialects are read as they were written, or something says what is not."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from random_tables import misread, random_table


def check(random, folder) -> None:
    table = random_table(random)
    try:
        table.write(folder / "data.csv")
    except UnicodeEncodeError:  # a sign that the encoding lacks
        return
    assert misread(table, folder / "data.csv") == [], table.dialect


@given(st.randoms(use_true_random=False))
@settings(max_examples=8, deadline=None)
def test_nothing_is_misread_silently(tmp_path_factory, random) -> None:
    check(random, tmp_path_factory.mktemp("table"))


@pytest.mark.slow
@given(st.randoms(use_true_random=False))
@settings(max_examples=40, deadline=None)
def test_nothing_is_misread_silently_in_many_tables(tmp_path_factory, random) -> None:
    check(random, tmp_path_factory.mktemp("table"))
