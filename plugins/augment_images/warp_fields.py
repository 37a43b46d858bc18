"""Learning how images of one class are bent into each other, and bending images that way.

Shapes: P pairs, N images of a batch, C channels, H height, W width, G control points along a side, K modes.
A field holds a displacement for each control point, first to the right, then down, in units of half the image's side.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from augment.toolkit.optimizers import Adam

NUM_CONTROLS = 7
NUM_STEPS = 60
RATE = 0.02
MAX_LENGTH = 32  # pairs are registered at no more pixels than that along a side: fields are coarser anyhow
STIFFNESS = 0.5  # price of bending, beside a mean squared difference of images with values in [0, 1]
PAIR_BATCH = 256


def learn_fields(images_NHWC: np.ndarray, pairs_P2: np.ndarray, progress: Callable[[int], None]) -> np.ndarray:
    """The field that bends the first image of each pair into the second, (P, 2, G, G) float32.

    All pairs of a batch are registered at once: free-form deformation on a grid of control points (Rueckert et al.
    1999), the mean squared difference of blurred images, Adam.

    Args:
        images_NHWC: uint8.
        pairs_P2: int64, rows of images.
        progress: called with the number of pairs that are done.
    """
    fields = []
    for start in range(0, len(pairs_P2), PAIR_BATCH):
        pairs = pairs_P2[start : start + PAIR_BATCH]
        fields.append(_register(_smooth(images_NHWC[pairs[:, 0]]), _smooth(images_NHWC[pairs[:, 1]])).numpy())
        progress(start + len(pairs))
    return np.concatenate(fields)


def _smooth(images_NHWC: np.ndarray) -> Tensor:
    """(N, C, H, W) in [0, 1], made small and blurred, so that shapes that do not touch yet pull at each other."""
    x_NCHW = torch.tensor(images_NHWC).permute(0, 3, 1, 2).float() / 255
    height, width = x_NCHW.shape[2:]
    shrink = min(1.0, MAX_LENGTH / max(height, width))
    if shrink < 1:
        size = (max(1, round(height * shrink)), max(1, round(width * shrink)))
        x_NCHW = F.interpolate(x_NCHW, size, mode="area")
    return F.avg_pool2d(x_NCHW, 3, stride=1, padding=1, count_include_pad=False)


def _register(moving_NCHW: Tensor, fixed_NCHW: Tensor) -> Tensor:
    field_N2GG = torch.zeros(len(moving_NCHW), 2, NUM_CONTROLS, NUM_CONTROLS, requires_grad=True)
    optimizer = Adam([field_N2GG], lr=RATE)
    for _ in range(NUM_STEPS):
        difference = (bend(moving_NCHW, field_N2GG) - fixed_NCHW).square().mean((1, 2, 3))
        bending = field_N2GG.diff(dim=2).square().mean((1, 2, 3)) + field_N2GG.diff(dim=3).square().mean((1, 2, 3))
        loss = (difference + STIFFNESS * bending).sum()  # a sum, so that pairs do not know of each other
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    return field_N2GG.detach()


def bend(x_NCHW: Tensor, field_N2GG: Tensor) -> Tensor:
    """Images whose every pixel comes from where the field points; the border goes on outside."""
    height, width = x_NCHW.shape[2:]
    dense_NHW2 = F.interpolate(field_N2GG, (height, width), mode="bicubic", align_corners=True).permute(0, 2, 3, 1)
    down, right = torch.meshgrid(torch.linspace(-1, 1, height), torch.linspace(-1, 1, width), indexing="ij")
    places_NHW2 = torch.stack([right, down], 2) + dense_NHW2
    return F.grid_sample(x_NCHW, places_NHW2, mode="bilinear", padding_mode="border", align_corners=True)


def main_modes(fields_P2GG: np.ndarray, num_modes: int) -> np.ndarray:
    """The main ways in which fields differ from none at all, (K, 2 * G * G) float32, each of its standard deviation.

    Principal components about zero: a pair could as well have been registered the other way round.
    """
    flat = fields_P2GG.reshape(len(fields_P2GG), -1).astype(np.float64)
    _, sizes, modes = np.linalg.svd(flat / np.sqrt(len(flat)), full_matrices=False)
    main: np.ndarray = (sizes[:, None] * modes)[:num_modes].astype(np.float32)
    return main


def bend_with(images_NHWC: np.ndarray, modes_KF: np.ndarray, amounts_NK: np.ndarray) -> np.ndarray:
    """Images (N, H, W, C) uint8, each bent by the sum of modes in the amounts given, float32."""
    # no matrix product: its bits would depend on how many images there are
    fields_NF = (amounts_NK[:, :, np.newaxis] * modes_KF).sum(1)
    fields_N2GG = torch.tensor(fields_NF).reshape(-1, 2, NUM_CONTROLS, NUM_CONTROLS)
    x_NCHW = torch.tensor(images_NHWC).permute(0, 3, 1, 2).float()
    bent = bend(x_NCHW, fields_N2GG).round().clamp(0, 255)
    return bent.to(torch.uint8).permute(0, 2, 3, 1).numpy()
