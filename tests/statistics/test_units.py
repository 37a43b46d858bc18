from __future__ import annotations

import numpy as np
import pytest

from augment.statistics.units import Units, count_carriers, degrees_of_freedom, student_stretch


def test_a_unit_is_drawn_as_often_as_its_rarest_class_warrants():
    units = Units.of(np.repeat([0, 1, 2, 3], 2), "groups")
    rates = units.draw_rates(np.array([0, 0, 0, 1, 0, 1, 0, 0]))
    assert rates.tolist() == [3 / 4, 1 / 2, 1 / 2, 3 / 4]


def test_a_class_in_one_unit_alone_is_absent_from_many_resamples():
    assert Units.rows(3).draw_rates(np.array([0, 0, 1])).tolist() == [0.5, 0.5, 0.5]


def test_units_of_equal_size_count_in_full_and_a_large_one_outweighs_others():
    assert Units.of(np.repeat(np.arange(5), 7), "groups").effective == pytest.approx(5)
    assert Units.of(np.repeat([0, 1, 2], [98, 1, 1]), "groups").effective < 1.1


def test_units_of_a_part_are_numbered_anew():
    units = Units.of(np.array([4, 4, 9, 7]), "groups").take(np.array([True, False, True, False]))
    assert (units.codes.tolist(), units.count, units.name) == ([0, 1], 2, "groups")


def test_carriers_are_those_that_matter():
    assert count_carriers(np.r_[np.ones(4), np.zeros(96)]) == pytest.approx(4)
    assert count_carriers(np.r_[100.0, np.ones(99)]) < 1.1
    assert count_carriers(np.zeros(5)) == np.inf


def test_the_degrees_of_freedom_are_those_of_the_variance():
    assert degrees_of_freedom(np.array([1.0, -1, 1, -1, 1])) == 4
    assert degrees_of_freedom(np.r_[np.ones(3), np.zeros(997)]) == pytest.approx(6, rel=0.01)
    assert degrees_of_freedom(np.random.default_rng(0).normal(size=2000)) == pytest.approx(2000, rel=0.2)
    assert degrees_of_freedom(np.zeros(50)) == 49


def test_the_stretch_is_that_of_students_interval():
    assert student_stretch(2.0, [(2.0, 4)]) == pytest.approx(2.776 / 1.960, rel=1e-3)
    assert student_stretch(0.0, []) == 1.0
    assert student_stretch(0.1, [(2.0, 4)]) == pytest.approx(12.706 / 1.960, rel=1e-3)  # at least one degree


def test_few_seeds_that_hardly_differ_cost_little_beside_many_rows():
    assert student_stretch(1.1, [(1.0, 200), (0.1, 2)]) < 1.02
    assert student_stretch(2.0, [(1.0, 200), (1.0, 2)]) == pytest.approx(2.315 / 1.960, rel=0.01)  # 7.9 degrees
