"""Images as points that lie near each other when one is the other shifted, brightened, blurred or made noisy.

Shapes: N images, B of a batch, C channels, H and W at most 16, F features.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from augment.data import Dataset
from augment.plugin import Context
from augment.toolkit.optimizers import AdamW
from augment.toolkit.training import cosine_decay, reproducible
from augment_evidence.space import pixels

__all__ = ["Descriptor"]

SIDE = 16
NUM_FEATURES = 64
WIDTHS = (32, 64, 64)
BATCH = 64
EVALUATION_BATCH = 256  # images at once; the last batch is filled up, for a short one gives other bits
TEMPERATURE = 0.1
SEED = 0  # fixed, so that all generators of a run are compared by the same features

SHIFT = 0.15  # of a side, at most
TURN = 0.2  # radians, about 11 degrees
ZOOM = 0.12
CONTRAST = (0.5, 1.5)
BRIGHTNESS = 0.2  # of the range of a pixel
NOISE = 0.1  # the same, standard deviation


class Descriptor:
    """A small network that has learnt which changes leave an image the same.

    Two changed versions of one training image get similar features, those of different images dissimilar ones
    (SimCLR: Chen et al. 2020; as a detector of copies: Pizzi et al. 2022). The changes: shifts up to 15 % of a side,
    turns up to 11 degrees, sizes up to 12 % larger or smaller, brightness, contrast, blur and noise.
    """

    def __init__(self, network: nn.Module, shape: tuple[int, int, int]):
        self._network, self._shape = network.eval(), shape

    @classmethod
    def fit(cls, train: Dataset, context: Context, num_steps: int) -> Self:
        """Learn from the images of a training part, in steps of at most 64; their labels play no part."""
        x_NCHW = torch.from_numpy(_reduced(train))
        with reproducible(dataclasses.replace(context, seed=SEED, device="cpu")):
            shape = (x_NCHW.shape[1], x_NCHW.shape[2], x_NCHW.shape[3])
            network = _network(shape)
            optimizer = AdamW(network.parameters(), lr=2e-3, weight_decay=1e-2)
            schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: cosine_decay(step / num_steps))
            for _ in range(num_steps):
                batch = x_NCHW[torch.randperm(len(x_NCHW))[:BATCH]]
                features = _features(network, torch.cat([_changed(batch), _changed(batch)]))
                similarity = (features @ features.T / TEMPERATURE).fill_diagonal_(-torch.inf)
                twin = torch.arange(len(features)).roll(len(batch))
                loss = functional.cross_entropy(similarity, twin)
                optimizer.zero_grad()
                loss.backward()  # type: ignore[no-untyped-call]
                optimizer.step()
                schedule.step()
        return cls(network, shape)

    @torch.inference_mode()
    def points(self, data: Dataset) -> np.ndarray:
        """float32 (N, F), at length 1."""
        images = _reduced(data)
        features = [np.zeros((0, NUM_FEATURES), np.float32)]
        for start in range(0, len(images), EVALUATION_BATCH):
            batch = images[start : start + EVALUATION_BATCH]
            padded = np.zeros((EVALUATION_BATCH, *batch.shape[1:]), dtype=np.float32)
            padded[: len(batch)] = batch
            features.append(_features(self._network, torch.from_numpy(padded))[: len(batch)].numpy())
        return np.concatenate(features)

    def to_state(self) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        """Tensors and JSON values, for `augment.plugin.write_state` among others of the caller's."""
        tensors = {f"descriptor/{name}": value.numpy() for name, value in self._network.state_dict().items()}
        return tensors, {"descriptor": list(self._shape)}

    @classmethod
    def from_state(cls, tensors: Mapping[str, np.ndarray], values: Mapping[str, Any]) -> Self:
        """The inverse of `to_state`; `tensors` may hold others too."""
        shape = tuple(values["descriptor"])
        with torch.random.fork_rng(devices=[]):  # layers draw weights, which are replaced
            network = _network(shape)
        own: dict[str, Tensor] = {
            name.removeprefix("descriptor/"): torch.from_numpy(value.copy())
            for name, value in tensors.items()
            if name.startswith("descriptor/")
        }
        network.load_state_dict(own)
        return cls(network, shape)


def _reduced(data: Dataset) -> np.ndarray:
    """float32 (N, C, H, W) in [0, 1]."""
    images = data.arrays[data.schema.find_array("image")]
    return np.ascontiguousarray(pixels(images, SIDE).transpose(0, 3, 1, 2))


def _network(shape: tuple[int, int, int]) -> nn.Sequential:
    num_channels, height, width = shape
    layers: list[nn.Module] = []
    for out, stride in zip(WIDTHS, (2 if max(height, width) > 8 else 1, 2, 1), strict=True):
        layers += [nn.Conv2d(num_channels, out, 3, stride, padding=1), nn.ReLU()]
        num_channels, height, width = out, -(-height // stride), -(-width // stride)
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(num_channels * height * width, NUM_FEATURES))


def _features(network: nn.Module, x_NCHW: Tensor) -> Tensor:
    centred = x_NCHW - x_NCHW.mean(dim=(1, 2, 3), keepdim=True)
    deviation = centred.square().mean(dim=(1, 2, 3), keepdim=True).sqrt()
    return functional.normalize(network(centred / deviation.clamp(min=1e-2)), dim=1)


def _changed(x_BCHW: Tensor) -> Tensor:
    """The images, each shifted, turned, sized, brightened, blurred and made noisy by chance."""

    def between(low: float, high: float) -> Tensor:
        return low + (high - low) * torch.rand(len(x_BCHW), 1, 1, 1)

    turn, zoom = between(-TURN, TURN), between(1 - ZOOM, 1 + ZOOM)
    along, across = between(-2 * SHIFT, 2 * SHIFT), between(-2 * SHIFT, 2 * SHIFT)  # a side is 2 long
    rows = [zoom * turn.cos(), -zoom * turn.sin(), along, zoom * turn.sin(), zoom * turn.cos(), across]
    grid = functional.affine_grid(torch.cat(rows, dim=1).view(-1, 2, 3), list(x_BCHW.shape), align_corners=False)
    moved = functional.grid_sample(x_BCHW, grid, align_corners=False, padding_mode="border")
    brightened = (moved * between(*CONTRAST) + between(-BRIGHTNESS, BRIGHTNESS)).clamp(0, 1)
    blurred = functional.avg_pool2d(functional.pad(brightened, (1, 1, 1, 1), mode="replicate"), 3, stride=1)
    softened = torch.lerp(brightened, blurred, between(-1, 1).clamp(min=0))
    return softened + between(0, NOISE) * torch.randn(softened.shape)
