"""How the image VAE is trained, and how pictures are drawn afterwards.

Shapes: N pictures, M rows to train on, B rows of a batch, C channels, H height, W width, Z code.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from augment.plugin import Context
from augment.toolkit.conditions import in_full_batches
from augment.toolkit.training import autocast, linear_decay, rebuild, reproducible, train, weights_of
from augment_vae.mixture import Mixture
from augment_vae.networks import Critic, Vae
from augment_vae.tone import apply_tone, tone_curve

if TYPE_CHECKING:
    from augment_vae.anchored_images import AnchoredImage
    from augment_vae.images import ImageVae

LEAST_STEPS, LEAST_EPOCHS = 1_500, 40
AVERAGE_DECAY = 0.998
BLUR_PRICE = 0.3  # beside the error, times the square root of a picture's values, which the error grows with
WARM_UP = 0.1  # share of the steps over which the price of codes rises from nothing
LEAST_CODES = 200  # per class, for the mixture
MOST_TONE_ROWS = 4_096
BATCH = 256  # of the passes after training


def fit(
    images: np.ndarray,
    classes: np.ndarray,
    rows: np.ndarray,
    counts: Sequence[int],
    params: ImageVae.Params,
    context: Context,
) -> tuple[dict[str, np.ndarray], Mixture, np.ndarray]:
    """Train on the rows named, and fit the mixture of codes and the tone curve.

    Args:
        images: (N, H, W, C) uint8.
        classes: (N,) int64, -1 where there is none.
        rows: (M,) int64, each in [0, N), some maybe more than once.
        counts: how many pictures each class has.
        params: the settings.
        context: of the fit.

    Returns:
        The network's averaged weights, the mixture, and the tone curve.
    """
    num_steps = params.steps or max(LEAST_STEPS, LEAST_EPOCHS * len(rows) // params.batch_size)
    with reproducible(context):
        device = torch.device(context.device)
        x_NHWC = torch.tensor(images, device=device)
        classes_N, rows_M = torch.tensor(classes, device=device), torch.tensor(rows, device=device)
        network = Vae(images.shape[1:], len(counts), params.width, params.code_size)
        network.to(device, memory_format=torch.channels_last)
        optimizer = torch.optim.Adam(network.parameters(), lr=params.rate, fused=True)
        modules, optimizers = {"network": network}, {"network": optimizer}
        critic = Critic(images.shape[3]) if params.sharpness else None
        if critic:
            critic.to(device, memory_format=torch.channels_last)
            modules["critic"] = critic
            optimizers["critic"] = torch.optim.Adam(critic.parameters(), lr=params.rate, betas=(0.5, 0.99), fused=True)
        full_price = params.code_price or default_price(math.prod(images.shape[1:]))
        blur_price = params.sharpness * BLUR_PRICE * math.sqrt(math.prod(images.shape[1:]))

        def pictures(chosen: Tensor) -> tuple[Tensor, Tensor]:
            return x_NHWC[chosen].permute(0, 3, 1, 2).float() / 255, classes_N[chosen]

        def step(number: int, batch: Tensor) -> dict[str, Tensor]:
            price = full_price * min(1.0, number / (WARM_UP * num_steps))
            real, batch_classes = pictures(rows_M[batch])
            with autocast(context, on_cpu=True):
                error, code_cost, drawn = network.losses(real, batch_classes)
            losses = {"error": error, "code cost": code_cost}
            loss = error + price * code_cost
            if critic:
                critic.requires_grad_(False)
                with autocast(context, on_cpu=True):
                    losses["blur"] = F.softplus(-critic(drawn)).mean()
                loss = loss + blur_price * losses["blur"]
                critic.requires_grad_(True)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            if critic:
                losses["critic"] = critic.loss(real, drawn)
                optimizers["critic"].zero_grad()
                losses["critic"].backward()
                optimizers["critic"].step()
            return losses

        outcome = train(
            context,
            step,
            num_steps=num_steps,
            num_rows=len(rows),
            batch_size=params.batch_size,
            modules=modules,
            optimizers=optimizers,
            averages={"network": AVERAGE_DECAY},
            schedule=linear_decay(0.5),
        )
        weights = weights_of(outcome.averaged["network"])

        # from here on as when sampling: the same network, made anew from its weights
        network = _rebuild(weights, images.shape[1:], len(counts), params, context)
        times = np.ceil(LEAST_CODES / np.maximum(counts, 1)).astype(np.int64)
        labelled = np.flatnonzero(classes >= 0)
        coded_rows = np.repeat(labelled, times[classes[labelled]])
        with torch.inference_mode():
            batches = torch.tensor(coded_rows, device=device).split(BATCH)
            codes = torch.cat([network.draw_code(*network.encode(*pictures(batch))) for batch in batches])
            mixture = Mixture.fit(
                codes.cpu().numpy(),
                classes[coded_rows],
                counts,
                params.components,
                params.rows_per_component,
                context.rng,
            )
            shown = context.rng.permutation(len(coded_rows))[:MOST_TONE_ROWS]
            parts = torch.tensor(shown, device=device).split(BATCH)
            coded_classes = torch.tensor(classes[coded_rows], device=device)
            drawn = torch.cat([network.decode(codes[part], coded_classes[part]).sigmoid() for part in parts])
        curve = tone_curve(drawn.float().cpu().numpy(), images[coded_rows[shown]])
    return weights, mixture, curve


def default_price(num_values: int) -> float:
    """How much a nat of code costs in nats of error, from how many values a picture has.

    One nat of code explains more error in a picture with more pixels, so small pictures need a lower price, or their
    codes say nothing and all pictures of a class look alike.
    """
    return min(0.6, 0.02 * math.sqrt(num_values))


def draw(
    weights: Mapping[str, np.ndarray],
    mixture: Mixture,
    curve: np.ndarray,
    shape_HWC: tuple[int, ...],
    num_classes: int,
    classes: np.ndarray,
    params: ImageVae.Params,
    context: Context,
) -> np.ndarray:
    """A picture of each class asked for, (N,) int64: (N, H, W, C) uint8."""
    random = context.torch_generator()  # on the CPU, so that the codes are the same on every device
    with reproducible(context), torch.inference_mode(), autocast(context, on_cpu=True):
        network = _rebuild(weights, shape_HWC, num_classes, params, context)

        def make(classes: np.ndarray) -> np.ndarray:
            code_NZ = _draw_codes(mixture, classes, random)
            drawn_NCHW = _decode(network, code_NZ.to(context.device), classes)
            return apply_tone(curve, _last(drawn_NCHW)).round().astype(np.uint8)

        return in_full_batches(make, classes, BATCH)


def move(
    weights: Mapping[str, np.ndarray],
    mixture: Mixture,
    curve: np.ndarray,
    images: np.ndarray,
    num_classes: int,
    rows: np.ndarray,
    classes: np.ndarray,
    params: AnchoredImage.Params,
    context: Context,
) -> np.ndarray:
    """Training pictures moved through the codes of their classes.

    A picture's code goes a part of the way to another one, drawn from its class's mixture. What the decoder cannot say
    of the picture is kept in the same measure as its code.

    Args:
        weights: of the network.
        mixture: of codes.
        curve: of tones.
        images: (M, H, W, C) uint8, the training part.
        num_classes: how many classes there are.
        rows: (N,) int64, the pictures to start from.
        classes: (M,) int64, of the training part.
        params: the settings.
        context: of the sample.

    Returns:
        (N, H, W, C) uint8.
    """
    random = context.torch_generator()
    with reproducible(context), torch.inference_mode(), autocast(context, on_cpu=True):
        network = _rebuild(weights, images.shape[1:], num_classes, params, context)

        def make(rows: np.ndarray) -> np.ndarray:
            real_NHWC, row_classes = images[rows], classes[rows]
            goal_NZ = _draw_codes(mixture, row_classes, random).to(context.device)
            way_N1 = (params.reach * (1 - torch.rand(len(rows), 1, generator=random) / 2)).to(context.device)
            real_NCHW = torch.tensor(real_NHWC, device=context.device).permute(0, 3, 1, 2).float() / 255
            code_NZ, _ = network.encode(real_NCHW, torch.tensor(row_classes, device=context.device))
            moved_NCHW = _decode(network, code_NZ + way_N1 * (goal_NZ - code_NZ), row_classes)
            details = real_NHWC - apply_tone(curve, _last(_decode(network, code_NZ, row_classes)))
            kept = 1 - way_N1.cpu().numpy()[:, :, None, None]
            return (apply_tone(curve, _last(moved_NCHW)) + kept * details).round().clip(0, 255).astype(np.uint8)

        return in_full_batches(make, rows, BATCH)


def _draw_codes(mixture: Mixture, classes: np.ndarray, random: torch.Generator) -> Tensor:
    """A code of each class, (N, Z) float32, on the CPU."""
    uniform = torch.rand(len(classes), generator=random).numpy()
    components = torch.tensor(mixture.components(classes, uniform))
    means, factors = torch.tensor(mixture.means), torch.tensor(mixture.factors)
    normal_NZ1 = torch.randn(len(classes), means.shape[1], 1, generator=random)
    with torch.autocast("cpu", enabled=False):
        return means[components] + (factors[components] @ normal_NZ1).squeeze(2)


def _decode(network: Vae, code_NZ: Tensor, classes: np.ndarray) -> Tensor:
    return network.decode(code_NZ, torch.tensor(classes, device=code_NZ.device)).sigmoid()


def _last(x_NCHW: Tensor) -> np.ndarray:
    """Pictures with their channels last, on the CPU."""
    array: np.ndarray = x_NCHW.permute(0, 2, 3, 1).float().cpu().numpy()
    return array


def _rebuild(
    weights: Mapping[str, np.ndarray],
    shape_HWC: tuple[int, ...],
    num_classes: int,
    params: ImageVae.Params,
    context: Context,
) -> Vae:
    network = rebuild(lambda: Vae(shape_HWC, num_classes, params.width, params.code_size), weights, context.device)
    return network.to(memory_format=torch.channels_last)
