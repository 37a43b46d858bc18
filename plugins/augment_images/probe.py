"""The probe `cnn`: a small convolutional network of the kind that people train on small images.

Shapes: N rows, H height, W width, C channels, K classes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Self

import numpy as np
from pydantic import Field, PositiveInt

from augment import plugin
from augment.data import Dataset, Schema
from augment.plugin import Accepts, Context, Cost, Probe, derive_seed
from augment.toolkit.batches import full_batches
from augment.toolkit.feature_probe import rows_with_target

if TYPE_CHECKING:
    import torch

PREDICT_BATCH = 256  # always full, the last one padded: a batch of another size gives other bits
LARGE = 4  # times the pixels that the network looks at: averages of these take no more memory than their pixels


class Cnn(Probe):
    """A small CNN, trained for a fixed number of steps so that every arm of a trial gets the same work.

    Two convolution blocks (batch norm, ReLU, pooling) and two linear layers, about 100,000 weights for 28 x 28 pixels;
    AdamW with a cosine learning rate. Pixels are standardised by the training images. Classes are learnt by
    cross-entropy, a numeric target by squared error. It looks at the images only: other columns are not used, and rows
    whose target is missing teach it nothing.
    """

    name = "cnn"
    imports = ("torch",)
    accepts = Accepts(modalities=frozenset({"image"}), targets=frozenset({"classes", "number"}))
    default_for = frozenset({"image"})

    class Params(plugin.Params):
        """Settings of the probe `cnn`."""

        steps: PositiveInt = 500
        """Training steps, whatever the number of rows."""
        batch_size: Annotated[int, Field(ge=2)] = 64
        """Rows a step."""
        learning_rate: Annotated[float, Field(gt=0)] = 2e-3
        """Learning rate at the start; it falls to 0 along a cosine."""
        max_side: Annotated[int, Field(ge=4)] = 32
        """Pixels. Images with a longer side are averaged down to it before the network looks at them."""

    @classmethod
    def cost(cls, params: Any, schema: Schema, num_rows: int) -> Cost:
        """As measured; most of it is the steps."""
        shape = schema.arrays[schema.find_array("image")].shape
        num_pixels = shape[0] * shape[1]
        seen = min(num_pixels, params.max_side**2)
        fit = params.steps * (2e-3 + 5e-7 * params.batch_size * seen) + 1e-8 * num_rows * num_pixels
        return Cost(fit=fit, row=1.5e-7 * seen + 1e-8 * num_pixels, memory=4e3 * params.batch_size * seen)

    def fit(self, data: Dataset, context: Context, weights: np.ndarray | None = None) -> Self:
        import torch

        schema = data.schema
        data, targets, weights = rows_with_target(self.name, data, weights)
        row_weights = np.ones(len(data)) if weights is None else weights * (len(data) / weights.sum())
        self.array, self.task, self.device = schema.find_array("image"), schema.task, context.device
        images_NHWC = data.arrays[self.array]
        self.channel_mean, self.channel_deviation = _moments(images_NHWC)
        if self.task == "number":
            self.target_mean, self.target_deviation = float(targets.mean()), float(targets.std()) or 1.0
            targets = (targets - self.target_mean) / self.target_deviation
        self.num_outputs = len(schema.classes) if self.task == "classes" else 1
        with torch.random.fork_rng(devices=[]):  # torch's layers draw their first weights from the global state
            torch.default_generator.manual_seed(derive_seed(context.seed, "torch"))
            self._train(images_NHWC, targets, row_weights, context)
        return self

    def _train(self, images_NHWC: np.ndarray, targets: np.ndarray, weights: np.ndarray, context: Context) -> None:
        import torch

        from augment.toolkit.optimizers import AdamW
        from augment_images.network import SmallCnn

        params = self.params
        self.network = SmallCnn(images_NHWC.shape[1:], self.num_outputs, params.max_side).to(self.device).train()
        images_NHWC = _averaged(images_NHWC, self.network.input_size)
        optimizer = AdamW(self.network.parameters(), lr=params.learning_rate)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, params.steps)
        dtype = torch.int64 if self.task == "classes" else torch.float32
        all_targets = torch.tensor(targets, dtype=dtype, device=self.device)
        all_weights = torch.tensor(weights, dtype=torch.float32, device=self.device)
        for rows in full_batches(len(images_NHWC), params.batch_size, params.steps, context.rng):
            outputs_NK = self.network(self._input(images_NHWC[rows]))
            batch = torch.from_numpy(rows).to(self.device)
            if self.task == "classes":
                loss_N = torch.nn.functional.cross_entropy(outputs_NK, all_targets[batch], reduction="none")
            else:
                loss_N = (outputs_NK[:, 0] - all_targets[batch]) ** 2
            optimizer.zero_grad(set_to_none=True)
            (loss_N * all_weights[batch]).mean().backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            schedule.step()

    def predict(self, data: Dataset) -> np.ndarray:
        import torch

        images_NHWC = data.arrays[self.array]
        self.network.eval()
        parts = []
        with torch.inference_mode():
            for start in range(0, len(images_NHWC), PREDICT_BATCH):
                batch = images_NHWC[start : start + PREDICT_BATCH]
                padding = [(0, PREDICT_BATCH - len(batch))] + [(0, 0)] * 3
                outputs_NK = self.network(self._input(np.pad(batch, padding)))[: len(batch)].double().cpu()
                parts.append(outputs_NK.softmax(1).numpy() if self.task == "classes" else outputs_NK[:, 0].numpy())
        predicted = np.concatenate(parts) if parts else np.empty((0, self.num_outputs))
        if self.task == "classes":
            return predicted
        return predicted.reshape(-1) * self.target_deviation + self.target_mean

    def _input(self, images_NHWC: np.ndarray) -> torch.Tensor:
        """Pixels (N, H, W, C) uint8 as the network takes them: (N, C, H, W) float, standardised."""
        import torch

        x_NHWC = torch.from_numpy(images_NHWC).to(self.device).float()
        mean_C, deviation_C = (torch.tensor(x, device=self.device) for x in (self.channel_mean, self.channel_deviation))
        return ((x_NHWC - mean_C) / deviation_C).permute(0, 3, 1, 2).contiguous()


def _averaged(images_NHWC: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Photographs averaged down once, float32 of that size, instead of at each step; smaller images as they are."""
    import torch

    if images_NHWC.shape[1] * images_NHWC.shape[2] < LARGE * size[0] * size[1]:
        return images_NHWC  # as floats, more of them might not fit into memory
    small_NHWC = np.empty((len(images_NHWC), *size, images_NHWC.shape[3]), dtype=np.float32)
    for start in range(0, len(images_NHWC), PREDICT_BATCH):
        x_NCHW = torch.from_numpy(images_NHWC[start : start + PREDICT_BATCH]).permute(0, 3, 1, 2).float()
        small = torch.nn.functional.adaptive_avg_pool2d(x_NCHW, size).permute(0, 2, 3, 1)
        small_NHWC[start : start + PREDICT_BATCH] = small.numpy()
    return small_NHWC


def _moments(images_NHWC: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation of each channel, (C,) float32; a constant channel has deviation 1."""
    num_values = images_NHWC[..., 0].size
    total = np.zeros(images_NHWC.shape[3])
    squares = np.zeros(images_NHWC.shape[3])
    for start in range(0, len(images_NHWC), 1024):  # in parts: floats take four times the memory of pixels
        part = images_NHWC[start : start + 1024].astype(np.float64)
        total += part.sum(axis=(0, 1, 2))
        squares += (part**2).sum(axis=(0, 1, 2))
    mean = total / num_values
    deviation = np.sqrt(np.maximum(squares / num_values - mean**2, 0))
    return mean.astype(np.float32), np.where(deviation > 1e-3, deviation, 1.0).astype(np.float32)
