from __future__ import annotations

import numpy as np
import pytest

from augment.toolkit.gaussian_mixtures import Mixture

RNG = np.random.default_rng(0)


def fit(codes, classes, counts, most_components=4, rows_per_component=50):
    return Mixture.fit(codes, classes, counts, most_components, rows_per_component, np.random.default_rng(1))


def test_each_class_gets_its_own_place_and_spread():
    codes = np.concatenate([RNG.normal(0, 1, (2_000, 2)), RNG.normal(9, 0.1, (2_000, 2))])
    mixture = fit(codes, np.repeat([0, 1], 2_000), [2_000, 2_000], most_components=1)
    assert mixture.means == pytest.approx(np.array([[0, 0], [9, 9]]), abs=0.1)
    assert mixture.factors == pytest.approx(np.array([np.eye(2), 0.1 * np.eye(2)]), abs=0.05)


def test_class_with_many_rows_gets_as_many_components_as_it_may_and_a_small_one_fewer():
    codes = RNG.normal(size=(1_000, 2))
    mixture = fit(codes, np.repeat([0, 1], [880, 120]), [880, 120])
    assert mixture.means.shape == (4 + 2, 2)


def test_class_of_one_row_borrows_the_spread_of_the_others():
    wide = RNG.normal(0, 3, (500, 2))
    alone = np.full((10, 2), 7.0) + RNG.normal(0, 0.01, (10, 2))
    mixture = fit(np.concatenate([wide, alone]), np.repeat([0, 1], [500, 10]), [500, 1], most_components=1)
    assert mixture.means[1] == pytest.approx([7, 7], abs=0.1)
    assert np.diag(mixture.factors[1]) == pytest.approx([3 * np.sqrt(2 / 3)] * 2, rel=0.15)


def test_codes_without_any_spread_still_give_a_density():
    mixture = fit(np.zeros((4, 3)), np.zeros(4, int), [1])
    assert np.isfinite(mixture.factors).all()
    assert (np.diagonal(mixture.factors, axis1=1, axis2=2) > 0).all()


def test_components_are_drawn_from_the_class_by_weight_and_empty_classes_have_none():
    mixture = Mixture(ends=np.array([0.25, 1.0, 3.0]), means=np.empty(0), factors=np.empty(0))
    classes, uniform = np.array([0, 0, 0, 2, 2]), np.array([0.0, 0.25, 0.99, 0.0, 1 - 2**-24], np.float32)
    assert mixture.components(classes, uniform).tolist() == [0, 1, 1, 2, 2]


def test_cells_of_k_means_stand_in_for_components_where_no_rounds_are_wanted():
    codes = np.concatenate([RNG.normal(-5, 0.1, (300, 2)), RNG.normal(5, 0.1, (100, 2))])
    mixture = Mixture.fit(codes, np.zeros(400, int), [400], 2, 50, np.random.default_rng(1), num_rounds=0)
    heavy, light = np.argsort(mixture.means[:, 0])
    assert mixture.means[[heavy, light]] == pytest.approx(np.array([[-5, -5], [5, 5]]), abs=0.05)
    assert sorted(np.diff([0, *mixture.ends])) == pytest.approx([0.25, 0.75])


def test_fewer_different_codes_than_cells_still_give_a_density():
    mixture = Mixture.fit(np.ones((400, 2)), np.zeros(400, int), [400], 8, 50, np.random.default_rng(1), num_rounds=0)
    assert mixture.means == pytest.approx(np.ones((1, 2)))
    assert mixture.ends[-1] == 1
