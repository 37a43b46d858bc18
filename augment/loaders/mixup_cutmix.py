"""MixUp and CutMix: batches whose rows are mixed in pairs, and whose labels are mixed likewise.

Shapes: N rows, C classes, D channels, H height, W width.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch.nn.functional import one_hot

__all__ = ["cutmix", "mixup"]


def mixup(
    x: torch.Tensor,
    y: torch.Tensor,
    *,
    num_classes: int | None = None,
    alpha: float = 0.2,
    generator: torch.Generator | None = None,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Rows mixed in pairs, and their labels in the same shares (Zhang et al. 2018, "mixup: Beyond empirical risk
    minimization").

        for x, y in loader:
            x, y = augment.loaders.mixup(x, y, num_classes=10)
            loss = torch.nn.functional.cross_entropy(model(x), y)

    Args:
        x: (N, ...) features, floating point.
        y: (N,) class numbers; or (N, C) shares of classes, or (N,) numbers of floating point.
        num_classes: C, where y holds class numbers.
        alpha: the share of the first row has a Beta(alpha, alpha) distribution, one for the batch: mostly near 0 or 1
            below 1, near a half above.
        generator: of the random numbers, on the CPU; by default torch's global one.

    Returns:
        x and y of the same shapes; (N, C) shares where y held class numbers.

    Raises:
        ValueError: y or num_classes do not fit.
    """
    if not x.is_floating_point():
        raise ValueError(
            f"mixup: x holds {x.dtype}; features of floating point, such as pixels from 0 to 1, can be mixed"
        )
    targets = _soft(x, y, num_classes)
    share, partners = _drawn(len(x), alpha, generator)
    return _mixed(x, partners, share), _mixed(targets, partners, share)


def cutmix(
    x: torch.Tensor,
    y: torch.Tensor,
    *,
    num_classes: int | None = None,
    alpha: float = 1.0,
    generator: torch.Generator | None = None,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Images with a rectangle of another one, and labels in the shares of their areas (Yun et al. 2019, "CutMix:
    Regularization strategy to train strong classifiers with localizable features").

    Args:
        x: (N, D, H, W) images.
        y: as for `mixup`.
        num_classes: as for `mixup`.
        alpha: the share of the area that is left has a Beta(alpha, alpha) distribution, before the image's edge cuts
            the rectangle.
        generator: of the random numbers, on the CPU; by default torch's global one.

    Returns:
        As `mixup`.

    Raises:
        ValueError: x holds no images, or y or num_classes do not fit.
    """
    if x.ndim != 4:
        raise ValueError(f"cutmix: x has shape {tuple(x.shape)}; images (N, D, H, W) were expected")
    targets = _soft(x, y, num_classes)
    share, partners = _drawn(len(x), alpha, generator)
    height, width = x.shape[2:]
    middle = torch.rand(2, generator=generator)
    edges = []
    for size, at in zip((height, width), middle.tolist(), strict=True):
        half = size * math.sqrt(1 - share) / 2
        edges += [max(0, round(at * size - half)), min(size, round(at * size + half))]
    top, bottom, left, right = edges
    cut = x.clone()
    cut[:, :, top:bottom, left:right] = x[partners.to(x.device), :, top:bottom, left:right]
    share = 1 - (bottom - top) * (right - left) / (height * width)
    return cut, _mixed(targets, partners, share)


def _soft(x: torch.Tensor, y: torch.Tensor, num_classes: int | None) -> torch.Tensor:
    if len(x) != len(y):
        raise ValueError(f"x has {len(x)} rows, and y {len(y)}")
    if y.is_floating_point():
        return y
    if y.ndim != 1:
        raise ValueError(
            f"y has shape {tuple(y.shape)} and type {y.dtype}; (N,) class numbers were expected, or numbers of "
            "floating point: several labels a row can be mixed as y.float()"
        )
    if num_classes is None:
        raise ValueError("num_classes: expected how many classes there are, since y holds class numbers")
    if len(y) and not 0 <= int(y.min()) <= int(y.max()) < num_classes:
        raise ValueError(f"y has class numbers from {int(y.min())} to {int(y.max())}; num_classes is {num_classes}")
    return one_hot(y.long(), num_classes).float()


def _drawn(num_rows: int, alpha: float, generator: torch.Generator | None) -> tuple[float, torch.Tensor]:
    """The share of each row itself, and the rows that are mixed in, (N,) int64."""
    if not 0 < alpha < math.inf:
        raise ValueError(f"alpha is {alpha}; a number above 0 was expected")
    seed = int(torch.randint(2**62, (1,), generator=generator))  # torch's own beta distribution takes no generator
    share = float(np.random.default_rng(seed).beta(alpha, alpha))
    return share, torch.randperm(num_rows, generator=generator)


def _mixed(values: torch.Tensor, partners: torch.Tensor, share: float) -> torch.Tensor:
    return share * values + (1 - share) * values[partners.to(values.device)]
