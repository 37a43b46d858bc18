from __future__ import annotations

import numpy as np
import pytest

from augment.plugin.context import Context
from augment.toolkit.conditions import Conditions
from augment.toolkit.sequences.network import Shape
from augment.toolkit.sequences.sampling import draw
from augment.toolkit.sequences.training import Budget, Sequences, _hold_back, learn

SHAPE = Shape(vocabulary_sizes=(5,), num_classes=2, width=16, embedding=8)
BUDGET = Budget(steps=30, batch_size=8, window=16, learning_rate=1e-2, weight_decay=0.0)


def conditions(classes, num_classes=2):
    return Conditions("kind", ("a", "b")[:num_classes], tuple(np.bincount(classes, minlength=num_classes).tolist()))


def cycles(num_rows, length=8):
    """Class 0 counts up, class 1 counts down."""
    classes = np.arange(num_rows) % 2
    up = 1 + np.arange(length) % 4
    return Sequences.of([up if number == 0 else up[::-1] for number in classes]), classes


def test_the_stream_has_a_step_of_zeros_before_each_sequence():
    tokens, classes = Sequences.of([np.array([3, 1]), np.array([], int), np.array([2])]).stream(np.array([0, 1, 1]))
    assert tokens[:, 0].tolist() == [0, 3, 1, 0, 0, 2]
    assert classes.tolist() == [0, 0, 0, 1, 1, 1]


def test_sequences_are_taken_in_the_order_that_is_asked_for():
    rows = Sequences.of([np.array([1]), np.array([2, 3]), np.array([4])]).take(np.array([2, 1]))
    assert [part[:, 0].tolist() for part in rows.parts()] == [[4], [2, 3]]


@pytest.mark.slow
def test_what_each_class_does_is_learnt(tmp_path):
    sequences, classes = cycles(60)
    budget = Budget(steps=150, batch_size=16, window=32, learning_rate=1e-2, weight_decay=0.0)
    shape = Shape(vocabulary_sizes=(5,), num_classes=2, width=32, embedding=16)
    weights = learn(sequences, classes, conditions(classes), shape, budget, Context(seed=1, folder=tmp_path))
    drawn = draw(shape, weights, np.array([0, 1] * 10), 4, max_length=20)
    real = {tuple(part[:, 0]) for part in sequences.parts()[:2]}
    parts = [tuple(part[:, 0]) for part in drawn.parts()]
    assert len(set(parts) - real) <= 1
    assert sum(part == parts[0] for part in parts[::2]) >= 9  # an own way for each class
    assert parts[0] != parts[1]


@pytest.mark.parametrize(
    "parts",
    [[[1]], [[1, 2]], [[], [1]], [[1, 2, 3] * 400], [[1]] * 30],
    ids=["one-step", "two", "empty", "long", "many"],
)
def test_any_sequences_can_be_learnt_from(parts, tmp_path):
    sequences = Sequences.of([np.array(part, int) for part in parts])
    classes = np.zeros(len(parts), np.int64)
    shape = Shape(vocabulary_sizes=(5,), num_classes=1, width=8, embedding=4)
    budget = Budget(steps=4, batch_size=4, window=8, learning_rate=1e-2, weight_decay=0.0)
    weights = learn(sequences, classes, conditions(classes, 1), shape, budget, Context(seed=1, folder=tmp_path))
    assert all(np.isfinite(values).all() for values in weights.values())


def test_rows_without_a_label_are_learnt_from_too(tmp_path):
    sequences, classes = cycles(40)
    classes[:5] = -1
    weights = learn(
        sequences, classes, conditions(classes[classes >= 0]), SHAPE, BUDGET, Context(seed=1, folder=tmp_path)
    )
    assert all(np.isfinite(values).all() for values in weights.values())


@pytest.mark.slow
def test_equal_seeds_give_equal_weights(tmp_path):
    sequences, classes = cycles(40)
    first, again, other = (
        learn(sequences, classes, conditions(classes), SHAPE, BUDGET, Context(seed=seed, folder=tmp_path))
        for seed in (1, 1, 2)
    )
    assert all(np.array_equal(first[name], again[name]) for name in first)
    assert not np.array_equal(first["embedding_AE"], other["embedding_AE"])


def test_of_one_long_sequence_stretches_all_over_it_are_held_back():
    (learnt, _), (held_back, _) = _hold_back(Sequences.of([np.arange(1, 40_001)]), np.zeros(1, np.int64), 2_000, seed=0)
    assert sorted([*learnt.tokens[:, 0], *held_back.tokens[:, 0]]) == list(range(1, 40_001))
    assert np.bincount(held_back.tokens[:, 0] // 2_001).tolist() == [100] * 20


def test_no_more_is_held_back_than_is_measured():
    parts = [np.ones(50) for _ in range(1_000)]
    _, (held_back, _) = _hold_back(Sequences.of(parts), np.zeros(1_000, np.int64), 1_000, seed=0)
    assert 1_000 <= held_back.lengths.sum() <= 1_050


def learnt_weights(folder, steps=4, num_fields=1, shape=None, **budget):
    sequences, classes = cycles(40)
    if num_fields > 1:
        sequences = Sequences(np.repeat(sequences.tokens, num_fields, axis=1), sequences.lengths)
    shape = shape or Shape(vocabulary_sizes=(5,) * num_fields, num_classes=2, width=16, embedding=8)
    settings = {"batch_size": 8, "window": 16, "learning_rate": 1e-2, "weight_decay": 0.0, **budget}
    return learn(
        sequences, classes, conditions(classes), shape, Budget(steps, **settings), Context(seed=1, folder=folder)
    )


def test_the_loss_counts_all_fields(tmp_path):
    first, second = (learnt_weights(tmp_path, steps, num_fields=2)["earlier_AE"] for steps in (2, 6))
    assert not np.allclose(first, second)  # learnt from nothing but the later fields


def test_weights_decay(tmp_path):
    before, after = (learnt_weights(tmp_path, weight_decay=decay)["ask.weight"] for decay in (0.0, 10.0))
    assert np.abs(after).sum() < np.abs(before).sum()


def test_large_gradients_are_cut(tmp_path, monkeypatch):
    before = learnt_weights(tmp_path, 1)["ask.bias"]
    monkeypatch.setattr("augment.toolkit.sequences.training.MAX_GRADIENT_NORM", 1e-12)
    assert not np.allclose(before, learnt_weights(tmp_path, 1)["ask.bias"])


def test_a_hidden_class_is_learnt_too(tmp_path):
    assert np.abs(learnt_weights(tmp_path, 20)["classes_CG"][-1]).sum() > 0


def test_training_leaves_out_units(tmp_path):
    whole, part = (
        learnt_weights(
            tmp_path, shape=Shape(vocabulary_sizes=(5,), num_classes=2, width=16, embedding=8, dropout=dropout)
        )
        for dropout in (0.0, 0.5)
    )
    assert not np.array_equal(whole["ask.weight"], part["ask.weight"])
