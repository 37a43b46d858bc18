from __future__ import annotations

import numpy as np
import pytest

from augment.statistics.priors import correct_prior, move_threshold, prior_offsets


def test_a_moved_threshold_decides_for_a_class_that_is_more_probable_than_its_share():
    probabilities = np.array([[0.85, 0.15], [0.75, 0.25]])
    moved = move_threshold(probabilities, np.array([80, 20]))
    assert moved.argmax(axis=1).tolist() == [0, 1]
    np.testing.assert_allclose(moved / moved.sum(axis=1, keepdims=True), [[0.5862069, 0.4137931], [3 / 7, 4 / 7]])


def test_even_classes_leave_the_decisions():
    probabilities = np.random.default_rng(0).dirichlet([1, 1, 1], size=20)
    assert (move_threshold(probabilities, np.full(3, 7)).argmax(axis=1) == probabilities.argmax(axis=1)).all()


def test_a_class_without_training_rows_is_never_decided_for():
    assert move_threshold(np.array([[0.2, 0.8, 0.0]]), np.array([3, 0, 9])).tolist() == [[0.2 / 3, 0.0, 0.0]]


def test_corrected_probabilities_are_those_of_a_model_of_the_real_shares():
    likelihood = np.array([[0.2, 0.6], [0.7, 0.1]])  # of each row in each class
    real, synthetic = {"no": 90, "yes": 10}, {"yes": 80}

    def posterior(*counts):
        joint = likelihood * np.array(counts)
        return joint / joint.sum(axis=1, keepdims=True)

    offsets = prior_offsets(real, synthetic)
    corrected = correct_prior(posterior(90, 90), np.array([offsets["no"], offsets["yes"]]))
    np.testing.assert_allclose(corrected, posterior(90, 10))


def test_weights_of_the_exponentials_give_each_class_its_real_share():
    real, synthetic = {"a": 50, "b": 30, "c": 20}, {"b": 10, "c": 90}
    weights = np.exp(list(prior_offsets(real, synthetic).values()))
    weighted = weights * np.array([50, 40, 110])
    np.testing.assert_allclose(weighted / weighted.sum(), [0.5, 0.3, 0.2])
    assert weighted.sum() == pytest.approx(200)


@pytest.mark.parametrize("synthetic", [{}, {"a": 30, "b": 10}])
def test_rows_that_leave_the_shares_need_no_correction(synthetic):
    assert prior_offsets({"a": 60, "b": 20}, synthetic) == {}


def test_a_class_without_real_rows_has_no_offset():
    assert set(prior_offsets({"a": 60, "b": 20, "c": 0}, {"b": 5})) == {"a", "b"}


def test_certain_probabilities_stay_certain():
    certain = np.array([[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]])
    assert correct_prior(certain, np.array([0.5, -2.0])).tolist() == certain.tolist()
