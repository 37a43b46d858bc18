from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch
from example_data import dataset

from augment.data import Dataset, infer
from augment.plugin.context import Context
from augment.toolkit.conditions import Conditions
from augment.toolkit.tables.bins import BinTable
from augment.toolkit.tables.row_vae import (
    RowVae,
    Settings,
    encode_rows,
    fit_autoencoder,
    load_autoencoder,
    num_autoencoder_steps,
)
from augment.toolkit.training import reproducible

SETTINGS = Settings(width=32, latent_dim=3, num_steps=150)


def coded(num_rows=240):
    rng = np.random.default_rng(0)
    kind = rng.integers(0, 3, num_rows)
    frame = pd.DataFrame(
        {"kind": kind.astype(str), "twin": (10 * kind).astype(str), "label": rng.choice(["a", "b"], num_rows)}
    )
    data = dataset(frame, target="label")
    table = BinTable.fit(data, ["kind", "twin"])
    conditions, classes = Conditions.of(data)
    return table, table.encode(data.frame), classes, conditions


def fit(context):
    table, codes, classes, conditions = coded()
    with reproducible(context):
        weights = fit_autoencoder(table, codes, classes, conditions, SETTINGS, context)
    return load_autoencoder(weights, table, conditions, SETTINGS, "cpu")


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    return fit(Context(seed=1, folder=tmp_path_factory.mktemp("fit")))


def test_rows_come_back_from_their_vectors(network):
    table, codes, classes, _ = coded()
    mean_NZ, _ = encode_rows(network, table, codes, classes)
    with torch.no_grad():
        picked = network.pick(network.decode(mean_NZ, torch.tensor(classes)), torch.full(codes.shape, 0.5))
    assert (picked.numpy() == codes).mean() > 0.95


def test_codes_are_picked_as_often_as_their_logits_say():
    network = RowVae([2, 3], 1, 4, 2)
    shares = torch.tensor([0.2, 0.8, 0.5, 0.0, 0.5])
    uniform_NK = torch.rand(20_000, 2, generator=torch.Generator().manual_seed(0))
    picked = network.pick(shares.log().expand(20_000, 5), uniform_NK).numpy()
    assert np.bincount(picked[:, 0]) / 20_000 == pytest.approx([0.2, 0.8], abs=0.02)
    assert np.bincount(picked[:, 1]) / 20_000 == pytest.approx([0.5, 0, 0.5], abs=0.02)


def test_huge_logits_pick_a_code_that_exists():
    network = RowVae([2, 3], 1, 4, 2)
    logits = torch.tensor([[1e30, -1e30, 1e30, 1e30, 1e30]]).expand(3, 5)
    picked = network.pick(logits, torch.tensor([[0.0, 0.0], [0.5, 0.5], [1 - 2**-24, 1 - 2**-24]]))
    assert picked.tolist() == [[0, 0], [0, 1], [0, 2]]


@pytest.mark.parametrize(("num_rows", "num_steps"), [(1, 200), (500, 1_000), (24_000, 2_992), (500_000, 8_000)])
def test_steps_grow_with_the_data_within_bounds(num_rows, num_steps):
    assert num_autoencoder_steps(num_rows, Settings()) == pytest.approx(num_steps, rel=0.01)


def test_training_ends_early_when_rows_are_only_memorised(tmp_path):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({f"x{i}": rng.choice(list("abcdefgh"), 250) for i in range(6)})
    data = Dataset.of(frame, {}, infer(frame))
    conditions, classes = Conditions.of(data)
    table = BinTable.fit(data)
    steps = []
    context = Context(seed=1, folder=tmp_path, progress=lambda step, total, losses: steps.append(step))
    settings = Settings(width=64, num_steps=2_000, learning_rate=5e-3)
    with reproducible(context):
        fit_autoencoder(table, table.encode(data.frame), classes, conditions, settings, context)
    assert steps[-1] < 2_000


def test_losses_are_cross_entropy_and_divergence():
    network = RowVae([2, 3], 1, 4, 2)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.zero_()
        network.encoder[-1].bias[:2] = 2.0  # the mean of the latents
    bins = torch.tensor([[0, 2], [1, 4]])  # by their places among all
    reconstruction, divergence = network.losses(bins, torch.zeros(2, dtype=torch.int64), torch.zeros(2, 2))
    assert reconstruction.item() == pytest.approx(np.log(2) + np.log(3))
    assert divergence.item() == pytest.approx(2 * 2.0)


def weights_and_losses(folder, **settings):
    table, bins, classes, conditions = coded()
    records = []
    context = Context(seed=1, folder=folder, progress=lambda step, total, losses: records.append(losses))
    with reproducible(context):
        settings = Settings(width=8, latent_dim=2, num_steps=4, **settings)
        return fit_autoencoder(table, bins, classes, conditions, settings, context), records


def test_the_divergence_counts_as_much_as_beta_says_in_training_and_in_the_validation_loss(tmp_path):
    (_, first), (_, second) = (weights_and_losses(tmp_path, beta=beta) for beta in (1e-6, 10.0))
    assert second[-1]["KL divergence"] < first[-1]["KL divergence"]
    # beta rises from nothing, so after one step both have the same weights
    assert second[0]["validation loss"] > first[0]["validation loss"]
    assert second[0]["reconstruction loss"] == first[0]["reconstruction loss"]


def test_weights_decay(tmp_path, monkeypatch):
    before, _ = weights_and_losses(tmp_path)
    monkeypatch.setattr("augment.toolkit.tables.row_vae.WEIGHT_DECAY", 10.0)
    after, _ = weights_and_losses(tmp_path)
    assert np.abs(after["decoder.0.weight"]).sum() < np.abs(before["decoder.0.weight"]).sum()


def test_a_short_fit_measures_no_more_rows_than_it_learns_from(tmp_path):
    _, records = weights_and_losses(tmp_path, batch_size=5)
    assert len(records) == 1
