"""`vae-anchored` for images."""

from __future__ import annotations

import numpy as np
import pandas as pd
from pydantic import Field

from augment.data import Dataset
from augment.plugin import Context
from augment.toolkit.conditions import Conditions, in_full_batches
from augment_vae.images import BATCH, ImageVae


class AnchoredImage(ImageVae):
    """Training images, moved in what a variational autoencoder (Kingma and Welling 2014) learnt of their class.

    Each synthetic row starts from a training row of the asked class: its image is encoded, its latents go a part of the
    way to another place where latents of that class lie, and are decoded; fine details of the image are kept in part.
    Closer to real images than `vae`, and less varied; learning is the same.
    """

    name = "vae-anchored"
    suits = ()  # it was measured to help no more than what is proposed
    origin = "rows"

    class Params(ImageVae.Params):
        """Settings of the anchored image VAE."""

        reach: float = Field(0.5, gt=0, le=1)
        """How far latents go at most, as a share of the way to others of their class; each goes at least half of that.
        1 may end anywhere in the class."""

    def sample(self, given: pd.DataFrame, context: Context) -> Dataset:
        train = context.train
        assert train is not None, "the host lends the training part to generators that start from rows"
        # a stream of their own, so that the first rows start from the same images however many follow
        starts = np.random.default_rng(context.rng.integers(2**63))
        wanted = self.conditions.draw(given, context.rng)
        _, classes = Conditions.of(train)
        uniform = starts.random(len(given))
        rows = np.empty(len(given), np.int64)
        for number in np.unique(wanted):
            members, chosen = np.flatnonzero(classes == number), wanted == number
            rows[chosen] = members[(uniform[chosen] * len(members)).astype(np.int64)]
        images = self._moved(train.arrays[self.array_name], classes, rows, context)
        return Dataset.of(self.conditions.frame(given, wanted), {self.array_name: images}, self.schema)

    def _moved(self, images: np.ndarray, classes: np.ndarray, rows: np.ndarray, context: Context) -> np.ndarray:
        """Training images moved through the latent space: (N, H, W, C) uint8.

        Latents go a part of the way to others, drawn from the mixture of their class. What the decoder cannot restore
        of an image is kept in the measure of the rest of the way.

        Args:
            images: (M, H, W, C) uint8, the training part.
            classes: (M,) int64.
            rows: (N,) int64, the images to start from.
            context: of the sample.
        """
        import torch

        from augment.toolkit.training import autocast, reproducible

        random = context.torch_generator()
        prior, device = self.mixture.prior(), context.device
        with reproducible(context), torch.inference_mode(), autocast(context, on_cpu=True):
            network = self._rebuilt(device)

            def make(rows: np.ndarray) -> np.ndarray:
                real_NHWC, row_classes = images[rows], classes[rows]
                goal_NZ = prior(row_classes, random).to(device)
                way_N1 = (self.params.reach * (1 - torch.rand(len(rows), 1, generator=random) / 2)).to(device)
                real_NCHW = torch.tensor(real_NHWC, device=device).permute(0, 3, 1, 2).float() / 255
                latent_NZ, _ = network.encode(real_NCHW, torch.tensor(row_classes, device=device))
                moved = self._decoded(network, latent_NZ + way_N1 * (goal_NZ - latent_NZ), row_classes)
                details = real_NHWC - self._decoded(network, latent_NZ, row_classes)
                share_kept = 1 - way_N1.cpu().numpy()[:, :, None, None]
                pixels: np.ndarray = (moved + share_kept * details).round().clip(0, 255).astype(np.uint8)
                return pixels

            return in_full_batches(make, rows, BATCH)
