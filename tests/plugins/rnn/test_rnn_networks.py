from __future__ import annotations

import math

import pytest
import torch

from augment_rnn.columns import choose
from augment_rnn.ensembles import MaskedEnsemble
from augment_rnn.networks import ColumnGru
from augment_rnn.perturber import TARGET_WEIGHT, ensemble_loss

NUM_BINS = [3, 5, 2]


def rnn():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = ColumnGru(NUM_BINS, num_features=6, width=8, dropout=0.0)
        for parameter in network.parameters():
            torch.nn.init.normal_(parameter, std=0.5)
    return network.eval()


def ensemble(num_members=2):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = MaskedEnsemble(num_members, NUM_BINS, num_features=6, width=8, dropout=0.0)
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
    network.begin(torch.ones(10, 6), frequencies)
    assert torch.equal(network.bias_C, frequencies.log())
    assert torch.equal(network.inputs.features_CF, torch.ones(10, 6))


def test_unknown_columns_are_foretold_from_known_ones_alone():
    network = ensemble()
    is_known = torch.tensor([True, False, False]).expand(2, 1, 3)
    one, other = (network.losses(torch.tensor([row]).expand(2, 1, 3), is_known) for row in ([1, 2, 0], [1, 2, 1]))
    assert torch.equal(one[..., 1], other[..., 1])
    assert not one[..., 0].any()
    assert not torch.equal(one[..., 2], other[..., 2])


def test_members_do_not_see_each_other():
    network = ensemble()
    rows = every_row().expand(2, -1, -1)
    is_known = torch.zeros(rows.shape, dtype=torch.bool)
    before = network.losses(rows, is_known)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter[1] += 1.0
    after = network.losses(rows, is_known)
    assert torch.equal(before[0], after[0])
    assert not torch.isclose(before[1], after[1]).all()


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


@pytest.mark.parametrize("has_target", [False, True])
def test_the_loss_of_anchored_counts_unknown_columns_and_the_target_five_times(has_target):
    network, rows = silent(ensemble()), torch.zeros(2, 4, 3, dtype=torch.int64)
    is_known = torch.tensor([True, False, False]).expand(2, 4, 3)
    one_member = math.log(5) + (TARGET_WEIGHT if has_target else 1) * math.log(2)
    loss = ensemble_loss(network, rows, is_known.clone(), has_target)
    assert loss.item() == pytest.approx(2 * one_member, rel=1e-5)


def test_rnn_leaves_out_inputs_and_hidden_units_in_training():
    network, row = rnn().train(), torch.tensor([[1, 2, 0]])
    network.dropout = 0.5
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network.losses(row)[1].backward()  # of the second column, whose gates are read once
    is_left_out = network.input.weight.grad.abs().sum(1).view(3, -1) == 0
    assert (is_left_out.any(0) & ~is_left_out.all(0)).any()  # single gates, not only whole units
    network.dropout = 1.0
    biases = network.tables()[2]
    for loss, bias, code in zip(network.losses(row), biases, row[0], strict=True):
        assert loss.item() == pytest.approx(torch.nn.functional.cross_entropy(bias, code).item())


def test_anchored_leaves_out_units_of_both_layers_in_training():
    network = ensemble(1).train()
    network.dropout = 0.5
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network.losses(torch.tensor([[[1, 2, 0]]]), torch.zeros(1, 1, 3, dtype=torch.bool)).sum().backward()
    gradient_HH = network.second_EHH.grad[0].abs()
    assert (gradient_HH.sum(1) == 0).any()  # a unit of the first layer
    assert (gradient_HH.sum(0) == 0).any()  # and one of the second
