from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch
from example_data import dataset, images_of
from torch import nn
from torch.nn.functional import softplus

from augment.plugin.context import Context
from augment_gan.game import Game, r1_penalty
from augment_gan.images import ImageGan
from augment_gan.series import SeriesGan
from augment_gan.tables import TableGan

CLASSES = torch.zeros(1, dtype=torch.int64)


class Shift(nn.Module):
    """A generator that adds what it learns to the noise."""

    def __init__(self):
        super().__init__()
        self.shift = nn.Parameter(torch.zeros(2))

    def forward(self, noise, classes):
        return noise + self.shift


class Line(nn.Module):
    """A discriminator with one weight for each number."""

    def __init__(self, *weights):
        super().__init__()
        self.weights = nn.Parameter(torch.tensor(weights))

    def forward(self, x, classes):
        return x @ self.weights


def game(*weights, gradient_penalty=0.0, penalty_every=1):
    return Game(
        Shift(),
        Line(*weights),
        generator_learning_rate=0.1,
        discriminator_learning_rate=0.1,
        gradient_penalty=gradient_penalty,
        penalty_every=penalty_every,
    )


def test_losses_are_those_of_the_scores():
    played = game(1.0, 0.0)
    real, noise = torch.tensor([[2.0, 0.0]]), torch.tensor([[-1.0, 0.0]])
    losses, _ = played.step(0, real, CLASSES, noise, noise)
    assert losses["discriminator"].item() == pytest.approx((softplus(torch.tensor([-2.0, -1.0]))).sum().item())
    score_of_fake = noise @ played.discriminator.weights  # as it is after its own step
    assert losses["generator"].item() == pytest.approx(softplus(-score_of_fake).item(), abs=1e-6)


def test_discriminator_moves_towards_what_is_real_and_away_from_what_is_not():
    played = game(0.0, 0.0)
    played.step(0, torch.tensor([[1.0, 0.0]]), CLASSES, torch.tensor([[0.0, 1.0]]), torch.zeros(1, 2))
    assert played.discriminator.weights.tolist() == pytest.approx([0.1, -0.1], abs=1e-6)


def test_generator_moves_to_higher_scores():
    played = game(1.0, -1.0)
    played.step(0, torch.zeros(1, 2), CLASSES, torch.zeros(1, 2), torch.zeros(1, 2))
    assert played.generator.shift.tolist() == pytest.approx([0.1, -0.1], abs=1e-6)


def test_r1_is_half_the_squared_gradient_at_real_samples():
    assert r1_penalty(Line(3.0, 4.0), torch.randn(5, 2), torch.zeros(5)).item() == pytest.approx(12.5)


@pytest.mark.parametrize(("number", "penalty", "weight"), [(0, 0.0, 1.1), (0, 0.1, 0.9), (1, 0.1, 1.1)])
def test_penalty_counts_in_every_nth_step_n_times(number, penalty, weight):
    played = game(1.0, 0.0, gradient_penalty=penalty, penalty_every=16)  # 0.1 alone would not outweigh the loss
    played.step(number, torch.tensor([[1.0, 0.0]]), CLASSES, torch.zeros(1, 2), torch.zeros(1, 2))
    assert played.discriminator.weights[0].item() == pytest.approx(weight, abs=1e-6)


RNG = np.random.default_rng(0)
DATA = {
    ImageGan: images_of(RNG.integers(0, 256, (12, 8, 8, 1), dtype=np.uint8)),
    SeriesGan: dataset(
        pd.DataFrame(index=range(12)),
        {"line": RNG.normal(size=(12, 8, 1)).astype(np.float32)},
        arrays={"line": {"type": "series"}},
    ),
    TableGan: dataset(pd.DataFrame({"x": RNG.normal(size=12), "kind": list("abc") * 4})),
}


@pytest.mark.parametrize("gan", DATA)
def test_each_gan_is_trained_with_its_gradient_penalty(gan, tmp_path):
    quick = {"steps": 2, "batch_size": 8, "width": 8, **({"autoencoder_steps": 2} if gan is TableGan else {})}
    rows = []
    for penalty in (0.0, 100.0):
        fitted = gan(gan.Params(**quick, gradient_penalty=penalty)).fit(DATA[gan], Context(seed=1, folder=tmp_path))
        rows.append(fitted.generator if gan is TableGan else fitted.weights)
    assert any(not np.array_equal(rows[0][name], rows[1][name]) for name in rows[0])
