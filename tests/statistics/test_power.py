from __future__ import annotations

import numpy as np
import pytest

from augment.statistics.power import describe_power, expected_effect
from augment.statistics.scores import SCORES
from augment.statistics.units import Units

BALANCED = SCORES["balanced_accuracy"]


def described(counts: dict[str, int], score: str = "balanced_accuracy", units: Units | None = None) -> str:
    truth = np.repeat(np.arange(len(counts)), list(counts.values()))
    return describe_power(SCORES[score], truth, units or Units.rows(len(truth)), tuple(counts))


def test_five_positives_show_large_differences_only_and_are_counted():
    assert described({"no": 195, "yes": 5}) == (
        "200 held-out rows, 5 of them of class 'yes': only a difference above 0.36 in balanced accuracy is likely to "
        "be seen (estimate, 80 % power)"
    )


def test_many_rows_of_every_class_need_no_word():
    assert described({"no": 1000, "yes": 1000}) == ""


def test_one_positive_shows_nothing():
    assert "too few for a verdict by balanced accuracy" in described({"no": 59, "yes": 1})


def test_accuracy_does_not_mind_a_rare_class():
    few, many = ({"no": 200 - count, "yes": count} for count in (5, 100))
    assert expected_effect(SCORES["accuracy"], few, 200) == expected_effect(SCORES["accuracy"], many, 200)
    assert expected_effect(BALANCED, few, 200) > 3 * expected_effect(BALANCED, many, 200)


def test_errors_are_a_share_and_groups_are_what_counts():
    truth, groups = np.arange(100.0), Units.of(np.arange(100) % 10, "groups by 'clinic'")
    rows, grouped = (describe_power(SCORES["mae"], truth, units, ()) for units in (Units.rows(100), groups))
    assert rows.startswith("100 held-out rows: only a difference above 25% of the mean absolute error")
    assert grouped.startswith("100 held-out rows in 10 groups by 'clinic': only a difference above 88%")


def test_the_effect_shrinks_with_the_square_root_of_the_units():
    small, large = (expected_effect(SCORES["r2"], {}, count) for count in (400, 1600))
    assert small / large == pytest.approx(2, rel=0.01)
