"""What `augment init` proposes for small data stays within a few minutes, by the estimate."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from example_data import dataset

from augment.onboarding.choose_effort import BUDGET, choose_effort
from augment.onboarding.choose_target import look_at
from augment.plugin.contracts import Generator, Probe
from augment.plugin.cost import Cost


def maker(name, fit=0.0, row=0.0):
    """A generator that costs so many CPU-seconds."""
    cost = classmethod(lambda cls, params, schema, num_rows: Cost(fit, row))
    return type(name.title(), (Generator,), {"name": name, "cost": cost})


class FreeProbe(Probe):
    name = "free"
    cost = classmethod(lambda cls, params, schema, num_rows: Cost(0.0))


class Free:
    """A catalog of one probe, so that nothing but generators costs anything."""

    def defaults(self, kind, modalities):
        return ["free"]

    def candidates(self, kind, name):
        return [FreeProbe]


def effort(*makers, rows="20x", cuts=1, num_rows=400):
    look = look_at(dataset(pd.DataFrame({"x": np.arange(num_rows) / 7, "y": ["a", "b"] * (num_rows // 2)})), "y")
    return choose_effort(look, makers, rows, cuts, 0.2, Free())


def test_what_is_quick_stays_as_it_is():
    found = effort(maker("quick", fit=BUDGET / 3), cuts=2)
    assert (found.seeds, found.rows, found.cuts, found.why) == (5, "20x", 2, "")


def test_what_says_nothing_of_its_cost_stays_as_it_is():
    unknown = type("Unknown", (Generator,), {"name": "unknown"})
    assert effort(unknown).why == ""


@pytest.mark.parametrize(
    ("row", "seeds", "rows"),
    [(0.005, 3, "20x"), (0.009, 2, "20x"), (0.03, 3, "5x"), (0.15, 3, "1x"), (10.0, 2, "1x")],
)
def test_first_the_trial_is_repeated_less_then_there_are_fewer_rows(row, seeds, rows):
    found = effort(maker("slow", row=row))  # 6,400 rows for each seed
    assert (found.seeds, found.rows) == (seeds, rows)
    assert found.why.startswith("the whole would take about")


def test_a_second_generator_goes_before_the_rows_do():
    first, second = maker("first", row=0.001), maker("second", fit=BUDGET)
    found = effort(first, second)
    assert (found.generators, found.rows) == ((first,), "20x")
    assert found.seeds == 5, "what the second would have cost goes into repetitions of the trial"


def test_fits_that_take_long_are_not_repeated_for_many_splits():
    assert effort(maker("slow", fit=BUDGET / 3), rows="balance", cuts=5).cuts == 2


def test_the_seeds_are_explained_by_what_the_usual_number_would_take_with_what_is_proposed():
    found = effort(maker("slow", row=0.2), rows="1x", cuts=5)  # 320 rows for each seed and split
    assert (found.seeds, found.cuts) == (2, 1)
    assert found.why == "the whole would take about 30 CPU-minutes"
    assert found.why_seeds == "which would take about 5 CPU-minutes"


def test_larger_data_may_take_its_time():
    assert effort(maker("slow", fit=10 * BUDGET), num_rows=502).why == ""
