from __future__ import annotations

import torch

from augment_rnn.columns import choose
from augment_rnn.ensembles import MaskedEnsemble
from augment_rnn.networks import ColumnGru

NUM_CODES = [3, 5, 2]


def rnn():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = ColumnGru(NUM_CODES, num_features=6, width=8, dropout=0.0)
        for parameter in network.parameters():
            torch.nn.init.normal_(parameter, std=0.5)
    return network.eval()


def ensemble(num_members=2):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = MaskedEnsemble(num_members, NUM_CODES, num_features=6, width=8, dropout=0.0)
        for parameter in network.parameters():
            torch.nn.init.normal_(parameter, std=0.5)
    return network.eval()


def every_row():
    return torch.cartesian_prod(*(torch.arange(count) for count in NUM_CODES))


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
    network = ColumnGru(NUM_CODES, num_features=6, width=8, dropout=0.0)
    frequencies = torch.cat([torch.tensor(count).float().reciprocal().repeat(count) for count in NUM_CODES])
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
