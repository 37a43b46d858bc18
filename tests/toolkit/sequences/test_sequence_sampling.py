from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from augment.toolkit.sequences.network import SequenceNetwork, Shape
from augment.toolkit.sequences.sampling import PLACES, SamplingParams, draw
from augment.toolkit.sequences.training import Sequences
from augment.toolkit.training import copy_weights

SHAPE = Shape(vocabulary_sizes=(6, 4), num_classes=2, width=16, layers=2, embedding=8)


@pytest.fixture(scope="module")
def weights():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = SequenceNetwork(SHAPE)
        with torch.no_grad():
            for parameter in network.parameters():
                parameter.normal_(0, 0.5)
        return copy_weights(network)


def drawn(weights, classes, seed=3, max_length=12, **settings):
    made = draw(SHAPE, weights, np.asarray(classes, np.int64), seed, max_length=max_length, **settings)
    return [part.tolist() for part in made.parts()]


@settings(max_examples=10)
@given(st.integers(0, PLACES + 40), st.sampled_from([0.0, 1.5]))
def test_a_row_does_not_depend_on_how_many_are_drawn(weights, num_rows, guidance):
    classes = np.arange(PLACES + 40) % 2
    choice = SamplingParams(guidance=guidance)
    everything = drawn(weights, classes, params=choice)
    assert drawn(weights, classes[:num_rows], params=choice) == everything[:num_rows]


def test_rows_and_seeds_differ(weights):
    rows = drawn(weights, [0] * 40)
    assert len({str(row) for row in rows}) > 30
    assert rows != drawn(weights, [0] * 40, seed=4)


def test_codes_come_as_often_as_the_network_says(weights):
    network = SequenceNetwork(SHAPE)
    network.load_state_dict({name: torch.tensor(value) for name, value in weights.items()})
    with torch.no_grad():
        _, query = network.move(
            network.tables(),
            torch.zeros(2, network.num_state),
            torch.zeros(2, 2, dtype=torch.int64),
            torch.tensor([0, 1]),
        )
        chances = network.logits(0, query).softmax(1)
    for label in (0, 1):
        firsts = [row[0][0] if row else 0 for row in drawn(weights, [label] * 4_000, max_length=1, min_length=0)]
        shares = np.bincount(firsts, minlength=6) / 4_000
        np.testing.assert_allclose(shares, chances[label].numpy(), atol=0.03)


@pytest.mark.parametrize(("min_length", "max_length"), [(0, 3), (4, 9), (7, 7)])
def test_lengths_keep_to_their_limits(weights, min_length, max_length):
    lengths = {len(row) for row in drawn(weights, [0, 1] * 100, min_length=min_length, max_length=max_length)}
    assert min(lengths) >= min_length
    assert max(lengths) == max_length


def test_sequences_begin_as_they_must(weights):
    prefixes = Sequences.of([np.array([[5, 3], [1, 0]]), np.empty((0, 2), int), np.array([[2, 2]])], 2)
    rows = drawn(weights, [0, 1, 0], prefixes=prefixes, min_length=4)
    assert rows[0][:2] == [[5, 3], [1, 0]]
    assert rows[2][:1] == [[2, 2]]
    assert min(len(row) for row in rows) >= 4


def test_the_likeliest_code_alone_leaves_nothing_to_chance(weights):
    for choice in (
        SamplingParams(top_k=1),
        SamplingParams(top_p=1e-6),
        SamplingParams(min_p=1.0),
        SamplingParams(temperature=1e-4),
    ):
        rows = drawn(weights, [0] * 20, params=choice)
        assert all(row == rows[0] for row in rows)


@pytest.mark.parametrize(
    ("choice", "wanted"),
    [
        (SamplingParams(top_k=2), [0.5, 0.3, 0, 0]),
        (SamplingParams(top_p=0.75), [0.5, 0.3, 0, 0]),
        (SamplingParams(min_p=0.3), [0.5, 0.3, 0.15, 0]),
        (SamplingParams(temperature=0.5), [0.25, 0.09, 0.0225, 0.0025]),
    ],
)
def test_choices_cut_chances(choice, wanted):
    chances = choice.chances(torch.tensor([[0.5, 0.3, 0.15, 0.05]]).log())
    wanted = torch.tensor([wanted])
    torch.testing.assert_close(chances / chances.sum(), wanted / wanted.sum())


class NotTwice:
    """Tokens of the first field do not come twice in a sequence."""

    def __init__(self):
        self.seen = np.zeros((PLACES, 6), bool)

    def begin(self, places):
        self.seen[places] = False

    def forbidden(self, field):
        return self.seen if field == 0 else None

    def took(self, tokens_BK):
        self.seen[np.arange(PLACES), tokens_BK[:, 0]] |= tokens_BK[:, 0] > 0


def test_rules_are_kept_and_a_sequence_ends_where_nothing_else_is_left(weights):
    rows = drawn(weights, [0, 1] * 200, rules=[NotTwice()], min_length=9)
    for row in rows:
        firsts = [tokens[0] for tokens in row]
        assert sorted(firsts) == [1, 2, 3, 4, 5]
