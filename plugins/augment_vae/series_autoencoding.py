"""How the series VAE is trained, and how series are drawn afterwards.

Shapes: N series, M rows to train on, B rows of a batch, C channels, T steps, Z code.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from augment.plugin import Context
from augment.toolkit.conditions import Conditions, in_full_batches
from augment.toolkit.training import linear_decay, rebuild, reproducible, train, weights_of
from augment_vae.mixture import Mixture
from augment_vae.series_networks import SeriesNetwork

if TYPE_CHECKING:
    from augment_vae.series import SeriesVae

LEAST_STEPS, LEAST_EPOCHS = 1_000, 20
AVERAGE_DECAY = 0.99
WARM_UP = 0.1  # share of the steps over which the price of codes rises from nothing
LEAST_CODES = 200  # per class, for the mixture
BATCH = 256  # of the passes after training
MOST_LASTING = 0.99  # correlation of the noise with that of the step before


def fit(
    x_NCT: np.ndarray, classes: np.ndarray, conditions: Conditions, params: SeriesVae.Params, context: Context
) -> tuple[dict[str, np.ndarray], Mixture, np.ndarray]:
    """Train, and fit the mixture of codes and the noise.

    Args:
        x_NCT: scaled series, float32.
        classes: (N,) int64, -1 where there is none.
        conditions: the classes.
        params: the settings.
        context: of the fit.

    Returns:
        The network's averaged weights, the mixture, and the noise (see `_noise_of`).
    """
    shape_CT, num_classes, counts = x_NCT.shape[1:], len(conditions.labels), np.array(conditions.counts)
    rows = conditions.training_rows(classes)
    num_steps = params.steps or max(LEAST_STEPS, LEAST_EPOCHS * len(rows) // params.batch_size)
    with reproducible(context):
        x, classes_N, rows_M = (torch.tensor(values, device=context.device) for values in (x_NCT, classes, rows))
        network = SeriesNetwork(shape_CT, num_classes, params.width, params.code_size).to(context.device)
        optimizer = torch.optim.Adam(network.parameters(), lr=params.rate, fused=True)

        def step(number: int, batch: Tensor) -> dict[str, Tensor]:
            price = params.code_price * min(1.0, number / (WARM_UP * num_steps))
            chosen = rows_M[batch]
            error, code_cost = network.losses(x[chosen], classes_N[chosen])
            optimizer.zero_grad()
            torch.autograd.backward(error + price * code_cost)
            optimizer.step()
            return {"error": error, "code cost": code_cost}

        outcome = train(
            context,
            step,
            num_steps=num_steps,
            num_rows=len(rows),
            batch_size=params.batch_size,
            modules={"network": network},
            optimizers={"network": optimizer},
            averages={"network": AVERAGE_DECAY},
            schedule=linear_decay(0.5),
        )
        weights = weights_of(outcome.averaged["network"])

        network = _rebuild(weights, shape_CT, num_classes, params, context)
        times = np.ceil(LEAST_CODES / np.maximum(counts, 1)).astype(np.int64)
        labelled = np.flatnonzero(classes >= 0)
        coded = np.repeat(labelled, times[classes[labelled]])
        with torch.inference_mode():
            batches = torch.tensor(coded, device=context.device).split(BATCH)
            codes = [network.draw_code(*network.encode(x[batch], classes_N[batch])) for batch in batches]
            decoded = [network.decode(code, classes_N[batch]) for code, batch in zip(codes, batches, strict=True)]
        codes_MZ, decoded_MCT = torch.cat(codes).cpu().numpy(), torch.cat(decoded).cpu().numpy()
    mixture = Mixture.fit(
        codes_MZ, classes[coded], conditions.counts, params.components, params.rows_per_component, context.rng
    )
    return weights, mixture, _noise_of(x_NCT[coded] - decoded_MCT)


def _noise_of(left_MCT: np.ndarray) -> np.ndarray:
    """What is left of series: its spread in each channel, and its correlation with the step before, (2, C) float32."""
    left = left_MCT.astype(np.float64)
    variance = (left**2).mean((0, 2))
    lasting = (left[..., 1:] * left[..., :-1]).sum((0, 2)) / max(1, left.shape[0] * (left.shape[2] - 1))
    lasting = np.clip(lasting / np.maximum(variance, np.finfo(float).tiny), 0, MOST_LASTING)
    return np.stack([np.sqrt(variance), lasting]).astype(np.float32)


def draw(
    weights: Mapping[str, np.ndarray],
    mixture: Mixture,
    noise: np.ndarray,
    shape_CT: tuple[int, int],
    num_classes: int,
    classes: np.ndarray,
    params: SeriesVae.Params,
    context: Context,
) -> np.ndarray:
    """A scaled series of each class asked for, (N,) int64: (N, C, T) float32."""
    random = context.torch_generator()  # on the CPU, so that the numbers are the same on every device
    spread_C1, lasting_C = torch.tensor(noise[0])[:, None], torch.tensor(noise[1])
    means, factors = torch.tensor(mixture.means), torch.tensor(mixture.factors)
    with reproducible(context), torch.inference_mode():
        network = _rebuild(weights, shape_CT, num_classes, params, context)

        def make(classes: np.ndarray) -> np.ndarray:
            uniform = torch.rand(len(classes), generator=random).numpy()
            chosen = torch.tensor(mixture.components(classes, uniform))
            normal_BZ1 = torch.randn(len(classes), means.shape[1], 1, generator=random)
            code_BZ = means[chosen] + (factors[chosen] @ normal_BZ1).squeeze(2)
            noise_BCT = torch.randn(len(classes), *shape_CT, generator=random)
            fresh_C = (1 - lasting_C.square()).sqrt()
            for step in range(1, shape_CT[1]):
                noise_BCT[..., step] = lasting_C * noise_BCT[..., step - 1] + fresh_C * noise_BCT[..., step]
            decoded = network.decode(code_BZ.to(context.device), torch.tensor(classes, device=context.device))
            made: np.ndarray = (decoded.cpu() + spread_C1 * noise_BCT).numpy()
            return made

        return in_full_batches(make, classes, BATCH)


def _rebuild(
    weights: Mapping[str, np.ndarray],
    shape_CT: tuple[int, int],
    num_classes: int,
    params: SeriesVae.Params,
    context: Context,
) -> SeriesNetwork:
    network = rebuild(
        lambda: SeriesNetwork(shape_CT, num_classes, params.width, params.code_size), weights, context.device
    )
    assert isinstance(network, SeriesNetwork)
    return network
