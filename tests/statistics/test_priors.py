from __future__ import annotations

import numpy as np

from augment.statistics.priors import move_threshold


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
