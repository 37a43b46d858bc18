"""A conditional DCGAN as tutorials have it (Radford et al. 2016): width 32, batch 64, Adam 2e-4, (.5, .999).

Shapes: N images, C channels, H height, W width, 10 classes.
"""

from __future__ import annotations

import time

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

BATCH_SIZE = 64
NOISE_SIZE = 64


def dcgan(images: np.ndarray, labels: np.ndarray, wanted: np.ndarray, seconds: float, seed: int):
    """Images of the wanted classes (N, 28, 28) uint8, CPU seconds of fitting, images trained on, seconds of drawing."""
    torch.manual_seed(seed)
    generator = nn.Sequential(
        nn.Linear(NOISE_SIZE + 10, 64 * 49), nn.Unflatten(1, (64, 7, 7)), nn.BatchNorm2d(64), nn.ReLU(),
        nn.ConvTranspose2d(64, 32, 4, 2, 1), nn.BatchNorm2d(32), nn.ReLU(),
        nn.ConvTranspose2d(32, 1, 4, 2, 1), nn.Tanh(),
    )  # fmt: skip
    critic = nn.Sequential(
        nn.Conv2d(1 + 10, 32, 4, 2, 1), nn.LeakyReLU(0.2),
        nn.Conv2d(32, 64, 4, 2, 1), nn.BatchNorm2d(64), nn.LeakyReLU(0.2), nn.Flatten(), nn.Linear(64 * 49, 1),
    )  # fmt: skip
    generator_adam, critic_adam = (
        torch.optim.Adam(network.parameters(), 2e-4, betas=(0.5, 0.999)) for network in (generator, critic)
    )
    rng = np.random.default_rng(seed)

    def hot(classes: np.ndarray) -> Tensor:
        return F.one_hot(torch.tensor(classes), 10).float()

    def make(hot_N10: Tensor) -> Tensor:
        return generator(torch.cat([torch.randn(len(hot_N10), NOISE_SIZE), hot_N10], 1))

    def score(x_NCHW: Tensor, hot_N10: Tensor) -> Tensor:
        maps = hot_N10[:, :, None, None].expand(-1, -1, 28, 28)
        return critic(torch.cat([x_NCHW, maps], 1)).squeeze(1)

    start = time.process_time()
    num_trained = 0
    while time.process_time() - start < seconds:
        rows = rng.integers(0, len(images), BATCH_SIZE)
        real, asked = torch.tensor(images[rows]).unsqueeze(1) / 127.5 - 1, hot(labels[rows])
        fake = make(asked)
        loss = F.softplus(-score(real, asked)).mean() + F.softplus(score(fake.detach(), asked)).mean()
        critic_adam.zero_grad()
        loss.backward()
        critic_adam.step()
        loss = F.softplus(-score(fake, asked)).mean()
        generator_adam.zero_grad()
        loss.backward()
        generator_adam.step()
        num_trained += BATCH_SIZE
    fit = time.process_time() - start
    generator.eval()
    start = time.process_time()
    with torch.inference_mode():
        x_NCHW = torch.cat([make(hot(part)) for part in np.array_split(wanted, len(wanted) // 256 + 1)])
    drawn = ((x_NCHW[:, 0] + 1) * 127.5).round().to(torch.uint8).numpy()
    return drawn, fit, num_trained, time.process_time() - start
