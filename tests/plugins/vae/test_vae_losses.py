from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
import torch
from example_data import dataset, images_of
from torch import nn
from torch.nn.functional import softplus

from augment.plugin.context import Context
from augment_vae.anchored_images import AnchoredImage
from augment_vae.image_networks import Critic, Vae
from augment_vae.images import ImageVae
from augment_vae.series import SeriesVae
from augment_vae.series_networks import SeriesNetwork
from augment_vae.tables import TableVae

RNG = np.random.default_rng(0)
IMAGES = images_of(RNG.integers(0, 256, (12, 8, 8, 1), dtype=np.uint8))
DATA = {
    ImageVae: IMAGES,
    AnchoredImage: IMAGES,
    SeriesVae: dataset(
        pd.DataFrame(index=range(12)),
        {"line": RNG.normal(size=(12, 8, 1)).astype(np.float32)},
        arrays={"line": {"type": "series"}},
    ),
    TableVae: dataset(pd.DataFrame({"x": RNG.normal(size=12), "kind": list("abc") * 4})),
}


def silent(network, latent_dim, mean=0.0):
    """The network with all weights zero, but for the mean of its latents."""
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.zero_()
        encoder = network.encoder[-1] if isinstance(network.encoder, nn.Sequential) else network.encoder
        encoder.bias[:latent_dim] = mean
    return network


def test_image_losses_are_cross_entropy_and_divergence():
    x, classes = torch.rand(5, 1, 8, 8), torch.zeros(5, dtype=torch.int64)
    reconstruction, divergence, drawn = silent(Vae((8, 8, 1), 1, 4, 3), 3, mean=2.0).losses(x, classes)
    assert reconstruction.item() == pytest.approx(64 * math.log(2), rel=1e-5)
    assert divergence.item() == pytest.approx(3 * 2.0)
    assert torch.equal(drawn, torch.full_like(x, 0.5))


def test_series_losses_are_the_likelihood_with_the_best_noise_and_divergence():
    x, classes = torch.full((5, 2, 12), 0.5), torch.zeros(5, dtype=torch.int64)
    reconstruction, divergence = silent(SeriesNetwork((2, 12), 1, 4, 3), 3, mean=2.0).losses(x, classes)
    assert reconstruction.item() == pytest.approx(2 * 0.5 * 12 * math.log(0.25), rel=1e-4)
    assert divergence.item() == pytest.approx(3 * 2.0)


def test_critic_loss_tells_real_from_drawn_with_a_penalty_on_its_gradient():
    critic = Critic(1)
    critic.patches = nn.Identity()  # scores are 2 x - 1
    real, drawn = torch.full((3, 1, 2, 2), 0.5), torch.ones(3, 1, 2, 2)
    expected = math.log(2) + softplus(torch.tensor(1.0)).item() + 4 * (2 / 4) ** 2
    assert critic.loss(real, drawn).item() == pytest.approx(expected, rel=1e-5)


def fitted(vae, folder, progress=lambda *record: None, **params):
    settings = vae.Params(**{"steps": 6, "batch_size": 8, "width": 8, "latent_dim": 2, **params})
    return vae(settings).fit(DATA[vae], Context(seed=1, folder=folder, progress=progress))


def differ(first, second):
    return any(not np.array_equal(first.weights[name], second.weights[name]) for name in first.weights)


@pytest.mark.parametrize("vae", DATA)
def test_each_vae_is_trained_with_its_beta(vae, tmp_path):
    assert differ(fitted(vae, tmp_path, beta=1e-6), fitted(vae, tmp_path, beta=10.0))


@pytest.mark.parametrize("vae", [ImageVae, SeriesVae])
def test_vaes_learn_to_restore(vae, tmp_path):
    records = []
    fitted(vae, tmp_path, lambda *record: records.append(record[2]), steps=40, learning_rate=1e-2)
    assert records[-1]["reconstruction loss"] < 0.97 * records[0]["reconstruction loss"]


def test_pictures_are_trained_by_the_critic_as_much_as_sharpness_says(tmp_path):
    assert differ(*(fitted(ImageVae, tmp_path, sharpness=sharpness) for sharpness in (1e-6, 10.0)))
