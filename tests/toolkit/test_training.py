from __future__ import annotations

import math
import random

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from augment.errors import DiskError, PluginError
from augment.plugin.context import Checkpoint, Context
from augment.toolkit import training
from augment.toolkit.batches import Batches
from augment.toolkit.training import (
    EarlyStopping,
    copy_weights,
    cosine_decay,
    linear_decay,
    load_weights,
    rebuild,
    reproducible,
    train,
)

NUM_STEPS = 30


class Killed(Exception):
    pass


def fit(context, kill_at=None, num_steps=NUM_STEPS, scale=1.0, **settings):
    """A small network with all that makes going on hard: running statistics, dropout, and a fused optimizer on weights
    that do not lie in memory row by row.
    """
    with reproducible(context):
        data = torch.randn(50, 3, 4, 4)
        network = nn.Sequential(
            nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.Dropout(0.5), nn.Flatten(), nn.Linear(32, 1), nn.Flatten(0)
        )
        network.to(memory_format=torch.channels_last)
        optimizer = torch.optim.Adam(network.parameters(), lr=0.01, fused=True)
        seen = []

        def step(number, rows):
            if number == kill_at:
                raise Killed
            seen.append(rows.tolist())
            loss = scale * (network(data[rows]) - data[rows].mean((1, 2, 3))).square().mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            return {"loss": loss, "twice": 2 * loss, "half": loss / 2}

        outcome = train(
            context,
            step,
            num_steps=num_steps,
            num_rows=len(data),
            batch_size=8,
            modules={"network": network},
            optimizers={"network": optimizer},
            averages={"network": 0.9},
            schedule=linear_decay(0.5),
            **settings,
        )
    return network, outcome, seen


def context_of(tmp_path, seed=3, **fields):
    records = []

    def progress(step, total, losses):
        records.append((step, total, dict(losses)))

    return Context(seed=seed, folder=tmp_path, progress=progress, **fields), records


def same_weights(one, other):
    one, other = copy_weights(one), copy_weights(other)
    return one.keys() == other.keys() and all(np.array_equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize("kill_at", [1, 7, 29])
def test_killed_fit_goes_on_and_ends_with_the_same_bytes(tmp_path, monkeypatch, kill_at):
    whole_context, whole_records = context_of(tmp_path)
    network, outcome, _ = fit(whole_context)
    monkeypatch.setattr(training, "SECONDS_BETWEEN_CHECKPOINTS", 0.0)
    checkpoint = Checkpoint(tmp_path / "checkpoint")
    with pytest.raises(Killed):
        fit(context_of(tmp_path, checkpoint=checkpoint)[0], kill_at=kill_at)
    resumed_context, resumed_records = context_of(tmp_path, checkpoint=checkpoint)
    resumed, resumed_outcome, seen = fit(resumed_context)
    assert len(seen) == NUM_STEPS - kill_at
    assert same_weights(network, resumed)
    assert same_weights(outcome.averaged["network"], resumed_outcome.averaged["network"])
    assert resumed_records == whole_records


def test_fit_killed_between_two_records_still_has_the_same_losses(tmp_path, monkeypatch):
    monkeypatch.setattr(training, "NUM_RECORDS", 3)
    whole_context, whole_records = context_of(tmp_path)
    fit(whole_context)
    monkeypatch.setattr(training, "SECONDS_BETWEEN_CHECKPOINTS", 0.0)
    checkpoint = Checkpoint(tmp_path / "checkpoint")
    with pytest.raises(Killed):
        fit(context_of(tmp_path, checkpoint=checkpoint)[0], kill_at=16)
    resumed_context, resumed_records = context_of(tmp_path, checkpoint=checkpoint)
    fit(resumed_context)
    assert [step for step, _, _ in whole_records] == [10, 20, 30]
    assert resumed_records == whole_records
    assert all(list(losses) == ["loss", "twice", "half"] for _, _, losses in resumed_records)  # columns of a file


def test_same_seed_gives_the_same_weights_and_another_seed_others(tmp_path):
    one, again, other = (fit(context_of(tmp_path, seed)[0])[0] for seed in (1, 1, 2))
    assert same_weights(one, again)
    assert not same_weights(one, other)


def test_global_random_states_are_left_as_found(tmp_path):
    before = torch.get_rng_state(), np.random.get_state()[1].tolist(), random.getstate()  # noqa: NPY002
    fit(context_of(tmp_path)[0])
    assert torch.equal(before[0], torch.get_rng_state())
    assert before[1:] == (np.random.get_state()[1].tolist(), random.getstate())  # noqa: NPY002


def test_random_state_is_restored_when_a_fit_fails(tmp_path):
    before = torch.get_rng_state()
    with pytest.raises(Killed):
        fit(context_of(tmp_path)[0], kill_at=2)
    assert torch.equal(before, torch.get_rng_state())


def test_fit_does_not_depend_on_the_random_state_outside(tmp_path):
    one, _, _ = fit(context_of(tmp_path)[0])
    with torch.random.fork_rng():
        torch.rand(5)
        again, _, _ = fit(context_of(tmp_path)[0])
    assert same_weights(one, again)


def test_whole_fit_makes_all_its_steps(tmp_path):
    _, outcome, _ = fit(context_of(tmp_path)[0])
    assert outcome.num_steps == NUM_STEPS


def test_progress_comes_at_the_same_steps_however_many_there_are(tmp_path):
    context, records = context_of(tmp_path)
    fit(context, num_steps=450)
    assert [step for step, _, _ in records] == list(range(2, 451, 2))
    assert all(total == 450 and set(losses) == {"loss", "twice", "half"} for _, total, losses in records)
    assert all(losses["twice"] == pytest.approx(2 * losses["loss"]) for _, _, losses in records)


def test_diverged_training_is_an_error_in_words(tmp_path):
    with pytest.raises(PluginError, match=r"diverged.*loss.*learning rate"):
        fit(context_of(tmp_path)[0], scale=float("inf"))


def test_average_lies_between_old_and_new_weights(tmp_path):
    context, _ = context_of(tmp_path)
    weight = nn.Linear(1, 1, bias=False)
    with torch.no_grad():
        weight.weight.fill_(0.0)

    def step(number, rows):
        with torch.no_grad():
            weight.weight.fill_(1.0)
        return {"loss": torch.zeros(())}

    outcome = train(
        context,
        step,
        num_steps=3,
        num_rows=1,
        batch_size=1,
        modules={"weight": weight},
        optimizers={},
        averages={"weight": 0.25},
    )
    decays = [min(0.25, (1 + n) / (10 + n)) for n in (1, 2, 3)]
    assert outcome.averaged["weight"].weight.item() == pytest.approx(1 - np.prod(decays))
    assert not outcome.averaged["weight"].training


def test_learning_rate_follows_the_schedule_from_the_rate_given(tmp_path):
    context, _ = context_of(tmp_path)
    module = nn.Linear(1, 1)
    optimizer = torch.optim.SGD(module.parameters(), lr=0.4)
    rates = []

    def step(number, rows):
        rates.append(optimizer.param_groups[0]["lr"])
        return {"loss": torch.zeros(())}

    train(
        context,
        step,
        num_steps=4,
        num_rows=1,
        batch_size=1,
        modules={},
        optimizers={"module": optimizer},
        schedule=linear_decay(0.5),
    )
    assert rates == pytest.approx([0.4, 0.4, 0.4, 0.2])


def test_cosine_decay_falls_from_one_to_nearly_nothing():
    factors = [cosine_decay(done) for done in np.linspace(0, 1, 50)]
    assert factors[0] == 1.0
    assert factors[-1] == pytest.approx(0.0)
    assert all(np.diff(factors) < 0)


@given(num_rows=st.integers(1, 40), batch_size=st.integers(1, 50), num_steps=st.integers(1, 12))
def test_batches_are_full_and_see_every_row_equally_often(num_rows, batch_size, num_steps):
    batches = Batches(num_rows, batch_size, seed=5)
    drawn = [batches.rows(number) for number in range(num_steps)]
    assert all(len(rows) == batch_size for rows in drawn)
    times = np.bincount(np.concatenate(drawn), minlength=num_rows)
    assert len(times) == num_rows
    assert times.max() - times.min() <= 1


def test_batch_of_a_step_does_not_depend_on_those_before():
    in_turn, alone = Batches(10, 4, seed=5), Batches(10, 4, seed=5)
    turns = [in_turn.rows(number) for number in range(8)]
    assert np.array_equal(turns[7], alone.rows(7))


def test_weights_are_copies_that_later_training_leaves_alone():
    module = nn.Linear(2, 2)
    kept = copy_weights(module)
    best = module.weight.detach().clone()
    with torch.no_grad():
        module.weight.add_(1.0)
    load_weights(module, kept)
    assert torch.equal(module.weight, best)


def test_rebuilt_module_gives_the_same_results_and_draws_no_random_number():
    def make():
        return nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4))

    module = make().eval()
    before = torch.get_rng_state()
    again = rebuild(make, copy_weights(module), "cpu")
    assert torch.equal(before, torch.get_rng_state())
    x = torch.ones(2, 3)
    assert torch.equal(module(x), again(x))


@pytest.mark.parametrize("layer", [nn.Linear(3, 4, bias=False), nn.Linear(2, 4), nn.PReLU()])
def test_weights_of_another_network_are_refused_in_words(layer):
    with pytest.raises(DiskError, match=r"do not fit the network .* fit the generator again"):
        rebuild(lambda: nn.Linear(3, 4), copy_weights(layer), "cpu")


def stopping_fit(context, losses, kill_at=None, num_steps=40, every=2, patience=3, enough=-math.inf, **settings):
    """A fit whose weight is the number of steps made, and whose loss on the rows held back is as listed."""
    weight = nn.Linear(1, 1, bias=False)
    with torch.no_grad():
        weight.weight.fill_(0.0)
    measured = []

    def step(number, rows):
        if number == kill_at:
            raise Killed
        with torch.no_grad():
            weight.weight.fill_(number + 1.0)
        return {"loss": torch.zeros(())}

    def measure(averaged):
        measured.append(averaged["weight"].weight.item())
        return torch.tensor(losses[round(weight.weight.item()) // every - 1])

    outcome = train(
        context,
        step,
        num_steps=num_steps,
        num_rows=5,
        batch_size=2,
        modules={"weight": weight},
        optimizers={},
        averages={"weight": 0.0},
        stopping=EarlyStopping(measure, every, patience, enough=enough),
        **settings,
    )
    return outcome, measured


def test_fit_ends_when_the_rows_held_back_say_so_and_goes_back_to_the_best_weights(tmp_path):
    context, records = context_of(tmp_path)
    outcome, measured = stopping_fit(context, [5.0, 3.0, 4.0, 3.0, 6.0, 1.0])
    assert outcome.num_steps == 10
    assert outcome.averaged["weight"].weight.item() == measured[1] == 4.0
    assert [losses["validation loss"] for _, _, losses in records] == [5.0, 3.0, 4.0, 3.0, 6.0]


def test_fit_that_gets_better_to_the_end_makes_all_its_steps(tmp_path):
    outcome, _ = stopping_fit(context_of(tmp_path)[0], [4.0, 3.0, 2.0, 1.0], num_steps=8)
    assert outcome.num_steps == outcome.averaged["weight"].weight.item() == 8


def test_fit_goes_on_while_it_is_good_enough_and_goes_back_to_the_last_such_weights(tmp_path):
    outcome, _ = stopping_fit(context_of(tmp_path)[0], [5.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 2.0, 1.0, 0.0], enough=0.0)
    assert outcome.num_steps == 18
    assert outcome.averaged["weight"].weight.item() == 12.0


@pytest.mark.parametrize("kill_at", [1, 5, 9])
def test_early_stopping_goes_on_where_a_killed_fit_was(tmp_path, monkeypatch, kill_at):
    losses = [5.0, 3.0, 4.0, 3.0, 6.0, 1.0]
    monkeypatch.setattr(training, "SECONDS_BETWEEN_CHECKPOINTS", 0.0)
    checkpoint = Checkpoint(tmp_path / "checkpoint")
    with pytest.raises(Killed):
        stopping_fit(context_of(tmp_path, checkpoint=checkpoint)[0], losses, kill_at=kill_at)
    context, records = context_of(tmp_path, checkpoint=checkpoint)
    outcome, _ = stopping_fit(context, losses)
    assert outcome.num_steps == 10
    assert outcome.averaged["weight"].weight.item() == 4.0
    assert [losses["validation loss"] for _, _, losses in records] == [5.0, 3.0, 4.0, 3.0, 6.0]


def test_a_finished_fit_that_is_taken_up_again_stays_as_it_was(tmp_path, monkeypatch):
    monkeypatch.setattr(training, "SECONDS_BETWEEN_CHECKPOINTS", 0.0)
    checkpoint = Checkpoint(tmp_path / "checkpoint")
    stopping_fit(context_of(tmp_path, checkpoint=checkpoint)[0], [3.0, 4.0, 4.0, 4.0])
    outcome, measured = stopping_fit(context_of(tmp_path, checkpoint=checkpoint)[0], [])
    assert not measured
    assert outcome.averaged["weight"].weight.item() == 2.0


def test_a_loss_on_rows_held_back_that_is_no_number_is_an_error_in_words(tmp_path):
    with pytest.raises(PluginError, match="diverged: validation loss"):
        stopping_fit(context_of(tmp_path)[0], [float("nan")])
