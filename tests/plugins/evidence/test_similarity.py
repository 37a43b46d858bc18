from __future__ import annotations

import numpy as np
import pytest

from augment_evidence.similarity import correlations, density_and_coverage, frechet, label_similarity, number_similarity


def even(values):
    return np.full(len(values), 1 / len(values))


def test_number_similarity_is_one_minus_the_largest_gap_of_the_distribution_functions():
    a, b = np.array([1.0, 2.0, 3.0, 4.0]), np.array([3.0, 4.0, 5.0, 6.0])
    assert number_similarity(a, even(a), b, even(b)) == pytest.approx(0.5)


def test_number_similarity_agrees_with_scipy():
    from scipy.stats import ks_2samp

    rng = np.random.default_rng(0)
    a, b = rng.normal(size=100).round(1), rng.normal(0.3, 1, size=77).round(1)
    assert number_similarity(a, even(a), b, even(b)) == pytest.approx(1 - ks_2samp(a, b).statistic)


def test_missing_numbers_count_as_a_value_of_their_own():
    a, b = np.array([np.nan, np.nan, 1.0, 1.0]), np.array([np.nan, 1.0, 1.0, 1.0])
    assert number_similarity(a, even(a), b, even(b)) == pytest.approx(0.75)


def test_weights_do_what_repeated_rows_do():
    a, repeated, other = np.array([1.0, 2.0]), np.array([1.0, 1.0, 1.0, 2.0]), np.array([1.0, 3.0])
    weighted = number_similarity(a, np.array([0.75, 0.25]), other, even(other))
    assert weighted == pytest.approx(number_similarity(repeated, even(repeated), other, even(other)))


def test_label_similarity_is_the_shared_mass():
    a, b = np.array([0, 0, 1, 1]), np.array([0, 1, 1, 2])
    assert label_similarity(a, even(a), b, even(b), 3) == pytest.approx(0.75)


def test_correlations_agree_with_numpy():
    rng = np.random.default_rng(0)
    for size in np.logspace(-3, 6, 50):  # rounded, so that small numbers are equal and columns constant
        numbers = np.round(size * rng.standard_cauchy((12, 3)) + [0, 0, 1e5 * size], 3)
        ours = correlations(numbers, even(numbers))
        varied = numbers.std(axis=0) > 1e-5 * np.maximum(np.abs(numbers).max(axis=0), 1)
        expected = np.corrcoef(numbers[:, varied], rowvar=False)
        np.testing.assert_allclose(ours[np.ix_(varied, varied)], np.atleast_2d(expected), atol=1e-6)


def test_correlations_of_large_numbers_keep_their_digits():
    """Such as times in seconds since 1970, which differ by hours."""
    numbers = np.random.default_rng(0).normal(size=(400, 2)) @ [[1, 0.6], [0, 0.8]]
    moved = correlations(1.7e9 + 3_600 * numbers, even(numbers))
    assert moved == pytest.approx(correlations(numbers, even(numbers)), abs=1e-6)


def test_correlations_use_the_rows_that_have_both_and_know_when_there_is_none():
    a = np.array([1.0, 2.0, 3.0, np.nan, 100.0])
    b = np.array([2.0, 4.0, 6.0, 8.0, np.nan])
    constant = np.full(5, 7.0)
    found = correlations(np.stack([a, b, constant], axis=1), np.full(5, 0.2))
    assert found[0, 1] == pytest.approx(1)
    assert np.isnan(found[0, 2])


def test_frechet_is_zero_for_equal_points_and_grows_with_distance_and_spread():
    points = np.random.default_rng(0).normal(size=(200, 4))
    assert frechet(points, points) == pytest.approx(0, abs=1e-6)
    assert frechet(points, points + 2) == pytest.approx(16)
    assert frechet(points, points - points.mean(axis=0)) < frechet(points, 3 * points)


def test_frechet_of_fewer_points_than_dimensions_is_finite():
    rng = np.random.default_rng(0)
    assert np.isfinite(frechet(rng.normal(size=(3, 10)), rng.normal(size=(2, 10))))


def test_density_and_coverage_are_near_one_for_the_same_distribution_and_zero_far_away():
    rng = np.random.default_rng(0)
    real, fresh = rng.normal(size=(2, 400, 3))
    density, covered = density_and_coverage(real, fresh)
    assert 0.8 < density < 1.2
    assert covered > 0.9
    assert density_and_coverage(real, fresh + 100) == (0.0, 0.0)


def test_points_that_all_sit_in_one_place_cover_little():
    real = np.random.default_rng(0).normal(size=(400, 3))
    _, covered = density_and_coverage(real, np.zeros((400, 3)))
    assert covered < 0.2
