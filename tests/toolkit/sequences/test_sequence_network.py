from __future__ import annotations

import pytest
import torch

from augment.toolkit.sequences.cells import Gru
from augment.toolkit.sequences.network import SequenceNetwork, Shape


def network(**settings):
    torch.manual_seed(0)
    made = SequenceNetwork(
        Shape(**{"vocabulary_sizes": (7,), "num_classes": 2, "width": 16, "embedding": 8, **settings})
    )
    with torch.no_grad():  # as if learnt: classes begin as equals
        made.classes_CG.normal_()
        made.starts_CG.normal_()
    return made


@pytest.fixture(autouse=True)
def _forked():
    with torch.random.fork_rng(devices=[]):
        yield


def test_the_gradient_through_time_is_that_of_automatic_differentiation():
    torch.manual_seed(1)
    made = Gru(3).double()
    gates = torch.randn(5, 2, made.num_gates, dtype=torch.double, requires_grad=True)
    state = torch.randn(2, 3, dtype=torch.double, requires_grad=True)
    keep = torch.tensor([[1, 1], [1, 0], [0, 1], [1, 1], [1, 0]], dtype=torch.double)
    inputs = (gates, state, *made.parameters())
    assert torch.autograd.gradcheck(lambda gates, state, *weights: made.scan(gates, keep, state), inputs)


def test_moving_step_by_step_gives_the_states_of_a_scan():
    torch.manual_seed(1)
    made = Gru(5)
    gates, state = torch.randn(6, 3, made.num_gates), torch.randn(3, 5)
    keep = (torch.rand(6, 3) > 0.3).float()
    with torch.no_grad():
        states = made.scan(gates, keep, state)
        for step in range(6):
            state = made.move(state * keep[step, :, None], gates[step])
            torch.testing.assert_close(state, states[step])


@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("vocabulary_sizes", [(7,), (7, 4, 3)], ids=["one-field", "three-fields"])
def test_what_is_drawn_by_is_what_was_learnt(layers, vocabulary_sizes):
    """The chances met while drawing a sequence give the losses that training sees."""
    made = network(layers=layers, vocabulary_sizes=vocabulary_sizes)
    steps = torch.stack([torch.randint(1, size, (5,)) for size in vocabulary_sizes], -1)
    stream = torch.cat([steps.new_zeros(1, len(vocabulary_sizes)), steps])
    classes = torch.ones(5, 1, dtype=torch.int64)
    with torch.no_grad():
        losses = made.losses(stream[:-1, None], stream[1:, None], classes)[:, 0]
        states, tables = torch.zeros(1, made.num_state), made.tables()
        for step in range(5):
            states, query = made.move(tables, states, stream[step : step + 1], classes[step])
            for field in range(len(vocabulary_sizes)):
                wanted = stream[step + 1, field]
                loss = -made.logits(field, query).log_softmax(1)[0, wanted]
                torch.testing.assert_close(loss, losses[step, field])
                if field + 1 < len(vocabulary_sizes):
                    query = made.answer(field, query, wanted[None])


def test_a_sequence_does_not_depend_on_the_one_before_it_in_the_stream():
    made = network(layers=2)
    first, other, second = torch.tensor([3, 1, 2]), torch.tensor([6, 5, 5]), torch.tensor([0, 4, 2, 0])
    with torch.no_grad():
        losses = [
            made.losses(stream[:-1, None, None], stream[1:, None, None], torch.zeros(len(stream) - 1, 1, dtype=int))
            for stream in (torch.cat([before, second]) for before in (first, other))
        ]
    torch.testing.assert_close(losses[0][3:], losses[1][3:])


def test_nothing_is_foretold_of_the_later_fields_of_an_end():
    made = network(vocabulary_sizes=(7, 4))
    stream = torch.tensor([[0, 0], [3, 2], [0, 0]])
    losses = made.losses(stream[:-1, None], stream[1:, None], torch.zeros(2, 1, dtype=torch.int64))
    assert losses[1, 0, 0] > 0
    assert losses[1, 0, 1] == 0


def test_the_class_still_matters_after_many_steps():
    made = network()
    stream = torch.tensor([0] + [1, 2, 3] * 40)
    with torch.no_grad():
        told = [
            made.losses(stream[:-1, None, None], stream[1:, None, None], torch.full((120, 1), label))[-1]
            for label in (0, 1)
        ]
    assert (told[0] - told[1]).abs() > 1e-3


def test_codes_of_near_ranks_begin_with_near_embeddings():
    made = network(vocabulary_sizes=(20,), embedding=64)
    ranks = torch.cat([torch.tensor([torch.nan]), torch.linspace(0, 1, 19)])
    before = made.embedding_AE[0].clone()
    made.begin(torch.ones(20), ranks)
    distances = torch.cdist(made.embedding_AE[1:], made.embedding_AE[1:])
    assert distances[0, 1] < 0.5 * distances[0, 9]
    assert torch.equal(made.embedding_AE[0], before)
