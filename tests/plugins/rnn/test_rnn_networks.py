from __future__ import annotations

import pytest
import torch

from augment_rnn.columns import choose
from augment_rnn.networks import ColumnGru

NUM_BINS = [3, 5, 2]


def rnn(num_labels=NUM_BINS[0]):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = ColumnGru(NUM_BINS, num_features=6, width=8, dropout=0.0, num_labels=num_labels)
        for parameter in network.parameters():
            torch.nn.init.normal_(parameter, std=0.5)
    return network.eval()


def every_row():
    return torch.cartesian_prod(*(torch.arange(count) for count in NUM_BINS))


def test_chances_of_all_rows_sum_to_one():
    network, rows = rnn(), every_row()
    chances = [(-network.losses(row[None]).sum()).exp() for row in rows]
    assert torch.isclose(torch.stack(chances).sum(), torch.tensor(1.0), atol=1e-5)


def test_a_column_depends_on_those_before_it_and_on_no_other():
    network = rnn()
    row = torch.tensor([[1, 2, 0]])
    before = network.losses(row)
    later_changed = network.losses(torch.tensor([[1, 2, 1]]))
    first_changed = network.losses(torch.tensor([[0, 2, 0]]))
    assert torch.equal(before[:2], later_changed[:2])
    assert not torch.isclose(before[1], first_changed[1])
    assert not torch.isclose(before[2], first_changed[2])


def test_frequencies_are_foretold_before_the_first_step():
    network = ColumnGru(NUM_BINS, num_features=6, width=8, dropout=0.0)
    frequencies = torch.cat([torch.tensor(count).float().reciprocal().repeat(count) for count in NUM_BINS])
    network.begin(torch.ones(10, 6), frequencies[None])
    assert torch.equal(network.bias_LC, frequencies.log()[None])
    assert torch.equal(network.inputs.features_CF, torch.ones(10, 6))


def test_choices_follow_the_chances_and_never_what_is_impossible():
    chances = torch.tensor([[0.0, 0.25, 0.75, 0.0]]).expand(4_000, -1)
    chosen = choose(chances, (torch.arange(4_000)[:, None] + 0.5) / 4_000)
    assert torch.bincount(chosen, minlength=4).tolist() == [0, 1000, 3000, 0]


def silent(network):
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.zero_()
    return network


def test_the_loss_of_rnn_is_the_cross_entropy_of_each_column():
    losses = silent(rnn()).losses(torch.tensor([[1, 2, 0], [0, 4, 1]]))
    torch.testing.assert_close(losses, torch.tensor(NUM_BINS).float().log())


def test_rnn_leaves_out_inputs_and_hidden_units_in_training():
    network, row = rnn().train(), torch.tensor([[1, 2, 0]])
    network.dropout = 0.5
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network.losses(row)[1].backward()  # of the second column, whose gates are read once
    is_left_out = network.input.weight.grad.abs().sum(1).view(3, -1) == 0
    assert (is_left_out.any(0) & ~is_left_out.all(0)).any()  # single gates, not only whole units
    network.dropout = 1.0
    first, *others = zip(network.biases(None), network.biases(row[:, 0]), row.T, network.losses(row), strict=True)
    for biases, bins, loss in [(first[0], *first[2:]), *(column[1:] for column in others)]:
        assert loss.item() == pytest.approx(torch.nn.functional.cross_entropy(biases, bins).item())


def test_each_label_has_biases_of_its_own_for_the_columns_behind_it():
    network, labels = rnn(), torch.tensor([2, 0])
    for number, column in enumerate(torch.split(network.bias_LC, NUM_BINS, 1)):
        assert torch.equal(network.biases(labels)[number], column[labels])
        assert torch.equal(network.biases(None)[number], column[:1])
    assert [biases.shape for biases in rnn(num_labels=1).biases(labels)] == [(1, count) for count in NUM_BINS]
