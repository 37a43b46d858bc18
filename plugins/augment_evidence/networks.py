"""A small classifier of images, trained on the training part: its last hidden layer serves as a feature map.

Shapes: N images, B of a batch, C channels, H and W at most 32, D features, K classes.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from augment.components import Context
from augment.training import cosine_decay, reproducible
from augment_evidence.rows import pixels

__all__ = ["Judge", "train_judge"]

SIDE = 32
NUM_FEATURES = 32
NUM_STEPS = 500
BATCH = 64
SEED = 0  # fixed, so that all generators of a run are seen through the same features


class Judge(nn.Module):
    """Three convolutions, a layer of `NUM_FEATURES` features, and the classes."""

    def __init__(self, num_channels: int, num_classes: int, side: int):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(num_channels, 16, 3, stride=2 if side > 16 else 1, padding=1),
            nn.ReLU(),
            nn.Conv2d(16, 32, 3, stride=2, padding=1),
            nn.ReLU(),
            nn.Conv2d(32, 64, 3, stride=2, padding=1),
            nn.ReLU(),
            nn.AdaptiveAvgPool2d(2),
            nn.Flatten(),
            nn.Linear(256, NUM_FEATURES),
            nn.ReLU(),
        )
        self.head = nn.Linear(NUM_FEATURES, num_classes)

    @torch.inference_mode()
    def look(self, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """uint8 (N, H, W, C) to features float32 (N, D) and the most probable class int64 (N,)."""
        x_NCHW = _tensor(images)
        features, classes = [], []
        for batch in x_NCHW.split(BATCH):
            padded = functional.pad(batch, (0, 0, 0, 0, 0, 0, 0, BATCH - len(batch)))  # a short batch gives other bits
            found = self.body(padded)[: len(batch)]
            features.append(found)
            classes.append(self.head(found).argmax(dim=1))
        return torch.cat(features).numpy(), torch.cat(classes).numpy()


def train_judge(images: np.ndarray, classes: np.ndarray, num_classes: int, context: Context) -> Judge:
    """Train on uint8 (N, H, W, C) images and int64 (N,) classes, each class seen equally often."""
    x_NCHW = _tensor(images)
    y = torch.from_numpy(classes)
    weight = torch.from_numpy(1.0 / np.bincount(classes, minlength=num_classes)[classes])
    with reproducible(dataclasses.replace(context, seed=SEED, device="cpu")):
        judge = Judge(x_NCHW.shape[1], num_classes, max(x_NCHW.shape[2:]))
        optimizer = torch.optim.AdamW(judge.parameters(), lr=3e-3, weight_decay=1e-2)
        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: cosine_decay(step / NUM_STEPS))
        for _ in range(NUM_STEPS):
            rows = torch.multinomial(weight, BATCH, replacement=True)
            loss = functional.cross_entropy(judge.head(judge.body(x_NCHW[rows])), y[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    return judge.eval()


def _tensor(images: np.ndarray) -> Tensor:
    return torch.from_numpy(pixels(images, SIDE).transpose(0, 3, 1, 2).copy())
