"""A small convolutional network for classifying or scoring small images.

Two or more blocks of convolution, batch norm, ReLU and pooling, then two linear layers: about 100,000 weights for
28 x 28 pixels. Images are averaged down to `max_side` first, which bounds the work for photographs.

Legend: N images, C channels, H height, W width, K outputs.
"""

from __future__ import annotations

import torch
from torch import nn

WIDTHS = (16, 32)
HIDDEN = 64
SMALLEST_SIDE = 4  # a side is halved only as long as that much is left
MAX_GRID = 8  # blocks are added until the grid before the linear layers is no larger


class SmallCnn(nn.Module):
    """Images (N, C, H, W) float, standardised, to (N, K) float.

    Args:
        shape: (H, W, C) of an image; any size.
        num_outputs: K.
        max_side: pixels; larger sides are averaged down to it.
    """

    def __init__(self, shape: tuple[int, int, int], num_outputs: int, max_side: int):
        super().__init__()
        height, width, channels = shape
        self.input_size = (min(height, max_side), min(width, max_side))
        grid = self.input_size
        blocks: list[nn.Module] = []
        while len(blocks) < len(WIDTHS) or max(grid) > MAX_GRID:
            out = WIDTHS[min(len(blocks), len(WIDTHS) - 1)]
            pool = tuple(2 if side // 2 >= SMALLEST_SIDE else 1 for side in grid)
            grid = (grid[0] // pool[0], grid[1] // pool[1])
            blocks.append(
                nn.Sequential(
                    nn.Conv2d(channels, out, 3, padding=1, bias=False),
                    nn.BatchNorm2d(out),
                    nn.ReLU(inplace=True),
                    nn.MaxPool2d(pool),
                )
            )
            channels = out
        self.features = nn.Sequential(*blocks)
        self.head = nn.Sequential(
            nn.Flatten(),
            nn.Linear(channels * grid[0] * grid[1], HIDDEN),
            nn.ReLU(inplace=True),
            nn.Linear(HIDDEN, num_outputs),
        )

    def forward(self, x_NCHW: torch.Tensor) -> torch.Tensor:
        """The outputs (N, K)."""
        if tuple(x_NCHW.shape[2:]) != self.input_size:
            x_NCHW = nn.functional.adaptive_avg_pool2d(x_NCHW, self.input_size)
        y_NK: torch.Tensor = self.head(self.features(x_NCHW))
        return y_NK
