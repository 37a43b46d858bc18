"""How the two networks of the image GAN are trained against each other, and how pictures are drawn afterwards.

Shapes: N pictures, M rows to train on, B rows of a batch, C channels, H height, W width, Z noise.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from augment.plugin import Context
from augment.toolkit.conditions import in_full_batches
from augment.toolkit.training import (
    NUM_RECORDS,
    EarlyStopping,
    autocast,
    linear_decay,
    rebuild,
    reproducible,
    train,
    weights_of,
)
from augment_gan.networks import Discriminator, Generator

if TYPE_CHECKING:
    from augment_gan.images import ImageGan

logger = logging.getLogger("augment")

LEAST_STEPS, LEAST_EPOCHS = 3_000, 3
PENALTY_EVERY = 16  # lazy regularisation (Karras et al. 2020): the penalty is dear and changes slowly
AVERAGE_DECAY = 0.998
SAMPLE_BATCH = 64  # small batches are the quickest on a CPU
NUM_SHOWN = 64  # pictures that diversity is measured on
LEAST_DIVERSITY = 0.15  # below, the generator has collapsed: it draws the same picture over and over
PATIENCE = NUM_RECORDS // 10
LEAST_GAP = 15  # steps between two looks at diversity: pictures are all alike at first, which must not end short fits


def fit(
    images: np.ndarray,
    classes: np.ndarray,
    rows: np.ndarray,
    num_classes: int,
    params: ImageGan.Params,
    context: Context,
) -> dict[str, np.ndarray]:
    """Train on the rows named, and return the averaged weights of the generator.

    Args:
        images: (N, H, W, C) uint8.
        classes: (N,) int64.
        rows: (M,) int64, each in [0, N), some maybe more than once.
        num_classes: how many classes there are.
        params: the settings.
        context: of the fit.
    """
    num_steps = params.steps or max(LEAST_STEPS, LEAST_EPOCHS * len(rows) // params.batch_size)
    with reproducible(context):
        device = torch.device(context.device)
        x_NHWC = torch.tensor(images, device=device)
        classes_N, rows_M = torch.tensor(classes, device=device), torch.tensor(rows, device=device)
        shape = images.shape[1:]
        generator = Generator(shape, num_classes, params.width, params.noise_size)
        discriminator = Discriminator(shape, num_classes, params.width)
        for network in (generator, discriminator):
            network.to(device, memory_format=torch.channels_last)
        adam = {"betas": (0.5, 0.99), "fused": True}
        generator_optimizer = torch.optim.Adam(generator.parameters(), lr=params.generator_rate, **adam)
        discriminator_optimizer = torch.optim.Adam(discriminator.parameters(), lr=params.discriminator_rate, **adam)

        def step(number: int, batch: Tensor) -> dict[str, Tensor]:
            chosen = rows_M[batch]
            real, classes = x_NHWC[chosen].permute(0, 3, 1, 2).float() / 255, classes_N[chosen]

            with autocast(context, on_cpu=True):
                with torch.no_grad():
                    fake = generator(torch.randn(len(real), params.noise_size, device=device), classes)
                scores = discriminator(torch.cat([real, fake]), torch.cat([classes, classes])).float()
            real_scores, fake_scores = scores.chunk(2)
            discriminator_loss = F.softplus(-real_scores).mean() + F.softplus(fake_scores).mean()
            penalty = torch.zeros((), device=device)
            if number % PENALTY_EVERY == 0 and params.gradient_penalty:
                penalty = params.gradient_penalty * PENALTY_EVERY * squared_slope(discriminator, real, classes)
            discriminator_optimizer.zero_grad()
            (discriminator_loss + penalty).backward()
            discriminator_optimizer.step()

            discriminator.requires_grad_(False)
            with autocast(context, on_cpu=True):
                fake = generator(torch.randn(len(real), params.noise_size, device=device), classes)
                generator_loss = F.softplus(-discriminator(fake, classes).float()).mean()
            generator_optimizer.zero_grad()
            generator_loss.backward()
            generator_optimizer.step()
            discriminator.requires_grad_(True)
            diversity = _spread(fake) / _spread(real).clamp_min(1e-9)
            return {"generator": generator_loss, "discriminator": discriminator_loss, "diversity": diversity}

        # the same classes and noise each time, so that measures can be compared
        shown = rows_M[torch.from_numpy(context.rng.permutation(len(rows))[:NUM_SHOWN]).to(device)]
        shown_noise = torch.randn(len(shown), params.noise_size, device=device)
        least_spread = LEAST_DIVERSITY * _spread(x_NHWC[shown].float() / 255)

        def collapse(averaged: Mapping[str, torch.nn.Module]) -> Tensor:
            with autocast(context, on_cpu=True):
                drawn = averaged["generator"](shown_noise, classes_N[shown])
            return (least_spread - _spread(drawn)).clamp_min(0)

        outcome = train(
            context,
            step,
            num_steps=num_steps,
            num_rows=len(rows),
            batch_size=params.batch_size,
            modules={"generator": generator, "discriminator": discriminator},
            optimizers={"generator": generator_optimizer, "discriminator": discriminator_optimizer},
            averages={"generator": AVERAGE_DECAY},
            schedule=linear_decay(0.4),
            stopping=EarlyStopping(
                collapse, max(LEAST_GAP, num_steps // NUM_RECORDS), PATIENCE, "collapse", enough=0.0
            ),
        )
    if outcome.num_steps < num_steps:
        logger.warning(
            "gan: training ended at step %d of %d, because pictures became alike (less than %g of the real ones' "
            "spread); those from before are used. A higher gradient_penalty or lower rates may help",
            outcome.num_steps,
            num_steps,
            LEAST_DIVERSITY,
        )
    return weights_of(outcome.averaged["generator"])


def _spread(x: Tensor) -> Tensor:
    """How much pictures of a batch, first axis, differ: the sum of the variances of their values."""
    return x.detach().float().flatten(1).var(0, correction=0).sum()  # 0 of a single one


def squared_slope(discriminator: torch.nn.Module, real: Tensor, classes_N: Tensor) -> Tensor:
    """R1 (Mescheder et al. 2018): half the mean squared gradient of the score at real samples, first axis N."""
    real.requires_grad_()
    scores = discriminator(real, classes_N)
    (slope,) = torch.autograd.grad(scores.sum(), real, create_graph=True)
    return slope.square().flatten(1).sum(1).mean() / 2


def draw(
    weights: Mapping[str, np.ndarray],
    shape_HWC: tuple[int, ...],
    num_classes: int,
    classes: np.ndarray,
    params: ImageGan.Params,
    context: Context,
) -> np.ndarray:
    """A picture of each class asked for, (N,) int64: (N, H, W, C) uint8."""
    random = context.torch_generator()  # on the CPU, so that the noise is the same on every device
    with reproducible(context), torch.inference_mode():
        generator = rebuild(
            lambda: Generator(shape_HWC, num_classes, params.width, params.noise_size), weights, context.device
        ).to(memory_format=torch.channels_last)

        def make(classes: np.ndarray) -> np.ndarray:
            noise = torch.randn(len(classes), params.noise_size, generator=random).to(context.device)
            x_NCHW = generator(noise, torch.tensor(classes, device=context.device))
            return (x_NCHW * 255).round().to(torch.uint8).permute(0, 2, 3, 1).cpu().numpy()

        return in_full_batches(make, classes, SAMPLE_BATCH)
